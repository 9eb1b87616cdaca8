//! Layers of MLX's checkpoints with 2-bit weights.

use alloc::string::ToString;
use alloc::vec;
use alloc::vec::Vec;

use super::config::Mlx;
use super::{Recognized, StoredByName, names_ending, of_parts};
use crate::error::try_vec;
use crate::format::{MLX_GROUPS, decode_mlx_into, encode_mlx_into};
use crate::model::info::float_type;
use crate::model::{DenseTensor, Encoding, ModelError, TensorInfo};
use crate::scale::ScaleBuf;
use crate::tensor::{Floats, Grouping, Shape, TernaryTensor};
use crate::{Code, PackedTritsBuf, ScaleType, Weight};

/// The tensors of which scales and biases are stored, and which have 2 bits by the config.
pub(super) fn recognize(config: &Mlx, stored: &mut StoredByName) -> Vec<Recognized> {
    let scales = names_ending(stored, ".scales").into_iter();
    let layers = scales.filter_map(|scale_name| {
        let layer = scale_name.strip_suffix(".scales")?;
        let names = [".weight", ".scales", ".biases"].map(|part| alloc::format!("{layer}{part}"));
        let [weight, scales, biases] = [0, 1, 2].map(|place| stored.get(&names[place]));
        let (weight, scales, biases) = (weight?, scales?, biases?);
        let ((&words, rest), &groups) = (weight.shape.split_last()?, scales.shape.last()?);
        let columns = words.checked_mul(16)?;
        let group = columns.checked_div(groups)?;
        let as_described = config.bits(layer) == Some(2)
            && MLX_GROUPS.contains(&group)
            && columns == group * groups
            && !rest.is_empty()
            && !rest.contains(&0)
            && weight.dtype == "U32"
            && scales.shape.split_last() == Some((&groups, rest))
            && (&scales.shape, &scales.dtype) == (&biases.shape, &biases.dtype);
        let scale_type = float_type(&scales.dtype).filter(|_| as_described);
        let scale_type = scale_type.filter(|kind| *kind != ScaleType::F64)?;
        let shape: Vec<usize> = rest.iter().copied().chain([columns]).collect();
        let encoding = Encoding::Mlx { group, scale_type };
        let parts = names.iter().filter_map(|name| stored.remove(name));
        Some(of_parts(&names[0], &shape, encoding, parts.collect()))
    });
    layers.collect()
}

pub(super) fn decode(
    info: &TensorInfo,
    group: usize,
    codes: &DenseTensor,
    scales: &DenseTensor,
    biases: &DenseTensor,
) -> Result<TernaryTensor, ModelError> {
    let (name, part) = (info.name(), "set of 2-bit weights");
    let bad = |reason: &dyn ToString| ModelError::bad_part(name, part, reason);
    let (rows, columns) = info.matrix()?;
    let mut trits = try_vec(rows.saturating_mul(columns), 0).map_err(|error| bad(&error))?;
    let read = match (scales.floats(), biases.floats()) {
        (Some(Floats::F32(s)), Some(Floats::F32(b))) => {
            decode_mlx_into(group, columns, codes.as_bytes(), &s, &b, &mut trits)
        }
        (Some(Floats::F16(s)), Some(Floats::F16(b))) => {
            decode_mlx_into(group, columns, codes.as_bytes(), &s, &b, &mut trits)
        }
        (Some(Floats::Bf16(s)), Some(Floats::Bf16(b))) => {
            decode_mlx_into(group, columns, codes.as_bytes(), &s, &b, &mut trits)
        }
        _ => return Err(bad(&"its scales are of a type that MLX does not have")),
    };
    read.map_err(|error| bad(&error))?;
    // Groups of zeros may have any scale in MLX's files.
    let scale_type = float_type(scales.dtype()).unwrap_or_default();
    let stored = ScaleBuf::from_le_bytes(scale_type, scales.as_bytes());
    let mut values = stored.map_or_else(Vec::new, |scales| scales.as_slice().to_f64());
    for (scale, trits) in values.iter_mut().zip(trits.chunks(group)) {
        if trits.iter().all(|&trit| trit == 0) {
            *scale = scale.max(0.0);
        }
    }
    let scales = ScaleBuf::rounded(scale_type, &values).map_err(|error| bad(&error))?;
    let trits = PackedTritsBuf::from_trits(Code::TwoBit, &trits).map_err(|error| bad(&error))?;
    let shape = Shape::new(info.shape()).map_err(|error| bad(&error))?;
    TernaryTensor::assemble(shape, Grouping::Block(group), vec![trits], scales, None)
        .map_err(|error| bad(&error))
}

pub(super) fn encode(
    info: &TensorInfo,
    group: usize,
    scale_type: ScaleType,
    tensor: &TernaryTensor,
) -> Result<Vec<Vec<u8>>, ModelError> {
    let scales = tensor.block_scales_exactly(group, scale_type);
    let scales = scales.map_err(|error| info.unfit(&error))?;
    let bytes = scales.as_slice().to_le_bytes();
    let (_, columns) = info.matrix()?;
    let trits: Vec<i8> = tensor.trits().iter().collect();
    let mut codes = vec![0; Code::TwoBit.packed_len(trits.len())];
    let mut write = |scales: &Floats| match scales {
        Floats::F32(scales) => biases(group, columns, &trits, scales, &mut codes),
        Floats::F16(scales) => biases(group, columns, &trits, scales, &mut codes),
        Floats::Bf16(scales) => biases(group, columns, &trits, scales, &mut codes),
        Floats::F64(_) => Err(crate::Error::conflict("f64", "mlx")),
    };
    let scales = Floats::from_le_bytes(crate::model::info::scale_dtype(scale_type), &bytes);
    let scales = scales.ok_or_else(|| info.unfit(&"its scales are not floats"))?;
    let biases = write(&scales).map_err(|error| info.unfit(&error))?;
    Ok(vec![codes, bytes, biases.to_le_bytes().1])
}

/// Writes the codes, and returns the biases.
fn biases<W: Weight>(
    group: usize,
    columns: usize,
    trits: &[i8],
    scales: &[W],
    codes: &mut [u8],
) -> Result<Floats, crate::Error> {
    let mut biases = scales.to_vec();
    encode_mlx_into(group, columns, trits, scales, codes, &mut biases)?;
    Ok(Floats::copy_of(&biases))
}
