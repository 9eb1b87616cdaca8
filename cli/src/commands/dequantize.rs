//! `dequantize`: ternary tensors as plain floats.

use anyhow::{Context as _, Result, bail};
use half::{bf16, f16};
use ternarize::Weight;
use ternarize::model::{DenseTensor, Encoding, Tensor, TensorInfo};
use ternarize::tensor::TernaryTensor;

use super::convert::{finish, rewrite};
use super::tensors::plain_weights;
use super::{of_file, open};
use crate::arguments::{Dequantize, Plain};
use crate::conversion::{destination, ends_in_gguf, metadata, target_of};
use crate::disk::Disk;

pub(super) fn run(arguments: &Dequantize, disk: &dyn Disk) -> Result<u8> {
    let reader = open(disk, &arguments.model)?;
    let path = &arguments.output.path;
    if arguments.output.shard_size.is_none() {
        target_of(path)?;
    }
    let infos: Vec<&TensorInfo> = reader.tensors().collect();
    if !infos.iter().any(|info| info.is_ternary()) {
        bail!("no tensor is stored as ternary");
    }
    let dtype = match arguments.plain {
        Plain::F32 => "F32",
        Plain::F16 => "F16",
        Plain::Bf16 => "BF16",
    };
    let outputs = infos.iter().map(|info| match info.encoding() {
        Encoding::Dense(_) => Ok((*info).clone()),
        _ => TensorInfo::new(info.name(), info.shape(), Encoding::Dense(dtype.into())),
    });
    let mut outputs = outputs.collect::<Result<Vec<_>, _>>()?;
    // A bias that belongs to a tensor becomes one of its own.
    for info in &infos {
        if let Encoding::Planes { bias: true, .. } = info.encoding() {
            let rows = info.shape().first().copied().unwrap_or(1);
            let dense = Encoding::Dense("F32".into());
            outputs.push(TensorInfo::new(&bias_name(info), &[rows], dense)?);
        }
    }
    let to = destination(&arguments.output, &reader, None, &outputs)?;
    to.check(&arguments.model, &reader)?;
    let (mut metadata, dropped) = metadata(&reader, ends_in_gguf(path));
    if metadata.is_gguf() {
        // Source: `LlamaFileType` of llama.cpp's gguf-py.
        let file_type = match arguments.plain {
            Plain::F32 => 0,
            Plain::F16 => 1,
            Plain::Bf16 => 32,
        };
        metadata.set_number("general.file_type", file_type);
    }
    rewrite(
        &reader,
        disk,
        &to,
        &metadata,
        &outputs,
        &arguments.output,
        |sink, index| {
            let Tensor::Ternary(tensor) = of_file(&arguments.model, reader.read(index))? else {
                bail!("it is not ternary");
            };
            let dense = match arguments.plain {
                Plain::F32 => dense::<f32>(&tensor)?,
                Plain::F16 => dense::<f16>(&tensor)?,
                Plain::Bf16 => dense::<bf16>(&tensor)?,
            };
            let name = infos[index].name().escape_debug();
            let dense = dense.with_context(|| {
                format!("the tensor `{name}` has weights beyond the range of {dtype}")
            })?;
            sink.put(infos[index].name(), &Tensor::Dense(dense))?;
            if tensor.bias().is_empty() {
                return Ok(());
            }
            let bias = DenseTensor::new(&[tensor.bias().len()], tensor.bias())?;
            sink.put(&bias_name(infos[index]), &Tensor::Dense(bias))
        },
    )?;
    finish(&arguments.output, &infos, &outputs, dropped, dtype)
}

fn bias_name(info: &TensorInfo) -> String {
    format!("{}.bias", info.name())
}

/// The weights of a tensor for inputs that are not rotated, rounded to a type; `None` if its range is too small.
fn dense<W: Weight>(tensor: &TernaryTensor) -> Result<Option<DenseTensor>> {
    let shape = tensor.shape().axes();
    let weights: Vec<W> = if tensor.rotation().is_some() {
        let rounded = |w| W::from(w).unwrap_or_else(W::infinity);
        plain_weights(tensor)?.into_iter().map(rounded).collect()
    } else {
        tensor.dequantize()
    };
    // What is larger was rounded to the largest number, or to infinity.
    let largest = W::max_value();
    let planes = tensor.planes().len();
    let levels = [tensor.lambda_p(), tensor.lambda_n()].concat();
    let top = levels.into_iter().fold(0.0, f64::max) * planes as f64;
    let may_be_larger =
        top > largest.to_f64().unwrap_or(f64::INFINITY) || tensor.rotation().is_some();
    if may_be_larger && weights.iter().any(|w| w.abs() >= largest) {
        return Ok(None);
    }
    Ok(Some(DenseTensor::new(shape, &weights)?))
}
