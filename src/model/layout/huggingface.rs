//! Layers of Hugging Face's `BitNet` checkpoints.
//!
//! A checkpoint whose weights are trits divided by `weight_scale` has the scale `1 / weight_scale`. It is stored here as the nearest
//! `f32`; what is written multiplies.

use alloc::string::ToString;
use alloc::vec;
use alloc::vec::Vec;

use super::{Recognized, StoredByName, names_ending, of_parts};
use crate::error::try_vec;
use crate::format::{decode_huggingface_into, encode_huggingface_into};
use crate::model::container::gguf;
use crate::model::info::float_type;
use crate::model::{DenseTensor, Encoding, ModelError, TensorInfo};
use crate::scale::ScaleBuf;
use crate::tensor::{Grouping, Shape, TernaryTensor};
use crate::{Code, PackedTritsBuf, ScaleType};

/// The tensors of which a scale is stored.
pub(super) fn recognize(divided: bool, stored: &mut StoredByName) -> Vec<Recognized> {
    let scales = names_ending(stored, "_scale").into_iter();
    let layers = scales.filter_map(|scale_name| {
        let name = scale_name.strip_suffix("_scale")?;
        let (weight, scale) = (stored.get(name)?, stored.get(&scale_name)?);
        let ([packed, columns], Some(1)) = (&weight.shape[..], gguf::elements(&scale.shape)) else {
            return None;
        };
        let filled = *packed > 0 && *columns > 0;
        let scale_type = float_type(&scale.dtype).filter(|_| filled && weight.dtype == "U8")?;
        let shape = [packed.checked_mul(4)?, *columns];
        let encoding = Encoding::HuggingFace {
            scale_type,
            divided,
        };
        let parts = vec![stored.remove(name)?, stored.remove(&scale_name)?];
        Some(of_parts(name, &shape, encoding, parts))
    });
    layers.collect()
}

pub(super) fn decode(
    info: &TensorInfo,
    divided: bool,
    packed: &DenseTensor,
    scale: &DenseTensor,
) -> Result<TernaryTensor, ModelError> {
    let bad = |part, reason: &dyn ToString| ModelError::bad_part(info.name(), part, reason);
    let (rows, columns) = info.matrix()?;
    let trits = try_vec(rows.saturating_mul(columns), 0).and_then(|mut trits| {
        decode_huggingface_into(columns, packed.as_bytes(), &mut trits)?;
        PackedTritsBuf::from_trits(Code::TwoBit, &trits)
    });
    let trits = trits.map_err(|error| bad("set of trits", &error))?;
    let scale_type = float_type(scale.dtype()).unwrap_or_default();
    let stored = ScaleBuf::from_le_bytes(scale_type, scale.as_bytes());
    let stored = stored.ok_or_else(|| bad("scale", &"not one number"))?;
    let scales = if divided {
        let inverse = stored.as_slice().get(0).map_or(0.0, f64::recip);
        let scale = ScaleBuf::rounded(ScaleType::F32, &[inverse]).ok();
        let scale = scale.filter(|_| inverse.is_finite() && inverse > 0.0);
        scale.ok_or_else(|| bad("scale", &"not one to divide by"))?
    } else {
        stored
    };
    let shape = Shape::new(info.shape()).map_err(|error| bad("shape", &error))?;
    TernaryTensor::assemble(shape, Grouping::Tensor, vec![trits], scales, None)
        .map_err(|error| bad("scale", &error))
}

pub(super) fn encode(
    info: &TensorInfo,
    scale_type: ScaleType,
    tensor: &TernaryTensor,
) -> Result<Vec<Vec<u8>>, ModelError> {
    let unfit = |error| info.unfit(&error);
    let (rows, columns) = info.matrix()?;
    let scales = tensor.block_scales_exactly(rows * columns, scale_type);
    let scales = scales.map_err(unfit)?;
    let mut bytes = vec![0; tensor.trits().len() / 4];
    let trits: Vec<i8> = tensor.trits().iter().collect();
    encode_huggingface_into(columns, &trits, &mut bytes).map_err(unfit)?;
    Ok(vec![bytes, scales.as_slice().to_le_bytes()])
}
