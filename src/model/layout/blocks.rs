//! Blocks of trits with their scale, in GGUF files.

use alloc::vec;
use alloc::vec::Vec;

use crate::model::{DenseTensor, ModelError, TensorInfo};
use crate::tensor::{Shape, TernaryTensor};
use crate::{Error, Format, Operand};

pub(super) fn decode(
    info: &TensorInfo,
    format: Format,
    blocks: &DenseTensor,
) -> Result<TernaryTensor, ModelError> {
    let shape = Shape::new(info.shape());
    let decoded = shape.and_then(|shape| TernaryTensor::decode(format, shape, blocks.as_bytes()));
    decoded.map_err(|error| ModelError::bad_part(info.name(), "set of blocks", &error))
}

/// Scales are stored as they are, or not at all.
pub(super) fn encode(
    info: &TensorInfo,
    format: Format,
    tensor: &TernaryTensor,
) -> Result<Vec<Vec<u8>>, ModelError> {
    if tensor.scale_type() != format.scale_type() {
        // Encoding would round them.
        let block_len = format.group().unwrap_or(tensor.shape().len());
        let exact = tensor.block_scales_exactly(block_len, format.scale_type());
        exact.map_err(|error| match error {
            Error::Unstorable {
                what: Operand::Scale,
                ..
            } => {
                let scale_type = format.scale_type().name();
                let reason = alloc::format!("its scales are not numbers of the type {scale_type}");
                info.unfit(&reason)
            }
            other => info.unfit(&other),
        })?;
    }
    let bytes = tensor.encode(format).map_err(|error| info.unfit(&error))?;
    Ok(vec![bytes])
}
