//! Blocks of trits with their scale, in GGUF files.

use alloc::vec;
use alloc::vec::Vec;

use crate::Format;
use crate::model::{DenseTensor, ModelError, TensorInfo};
use crate::tensor::{Shape, TernaryTensor};

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
    let bytes = tensor.encode(format).map_err(|error| info.unfit(&error))?;
    if tensor.scale_type() != format.scale_type() {
        // Encoding rounds.
        let scales = [tensor.lambda_p(), tensor.lambda_n()].concat();
        let exact = |scale: &f64| format.scale_type().round(*scale).to_bits() == scale.to_bits();
        if !scales.iter().all(exact) {
            let scale_type = format.scale_type().name();
            let reason = alloc::format!("its scales are not numbers of the type {scale_type}");
            return Err(info.unfit(&reason));
        }
    }
    Ok(vec![bytes])
}
