//! The number types of containers, by the names that files and their readers use for them.
//!
//! A safetensors file spells the type of a tensor. A GGUF file has a number for it, which stands for a block of weights and its bytes.
//! The ternary types of GGUF are those of [`Format`].

use alloc::string::{String, ToString};

use safetensors::Dtype;
use serde_json::Value;

use crate::Format;

/// A type of GGUF: number, name, weights in a block, bytes of a block. Source: ggml's `ggml.h` and `ggml-common.h`.
type GgmlType = (u32, &'static str, u64, u64);

/// The types whose sizes are the same in all versions of ggml. Those with blocks of one weight are types of safetensors too.
const GGML_TYPES: [GgmlType; 31] = [
    (0, "F32", 1, 4),
    (1, "F16", 1, 2),
    (2, "Q4_0", 32, 18),
    (3, "Q4_1", 32, 20),
    (6, "Q5_0", 32, 22),
    (7, "Q5_1", 32, 24),
    (8, "Q8_0", 32, 34),
    (10, "Q2_K", 256, 84),
    (11, "Q3_K", 256, 110),
    (12, "Q4_K", 256, 144),
    (13, "Q5_K", 256, 176),
    (14, "Q6_K", 256, 210),
    (15, "Q8_K", 256, 292),
    (16, "IQ2_XXS", 256, 66),
    (17, "IQ2_XS", 256, 74),
    (18, "IQ3_XXS", 256, 98),
    (19, "IQ1_S", 256, 50),
    (20, "IQ4_NL", 32, 18),
    (21, "IQ3_S", 256, 110),
    (22, "IQ2_S", 256, 82),
    (23, "IQ4_XS", 256, 136),
    (24, "I8", 1, 1),
    (25, "I16", 1, 2),
    (26, "I32", 1, 4),
    (27, "I64", 1, 8),
    (28, "F64", 1, 8),
    (29, "IQ1_M", 256, 56),
    (30, "BF16", 1, 2),
    (39, "MXFP4", 32, 17),
    (40, "NVFP4", 64, 36),
    (41, "Q1_0", 128, 18),
];

/// What a type of GGUF without a name here is called: this and its number.
const UNKNOWN: &str = "GGML_TYPE_";

/// The name of a type of GGUF.
pub(crate) fn ggml_name(id: u32) -> String {
    let ternary = || Format::ALL.into_iter().find(|f| f.ggml_id() == Some(id));
    match GGML_TYPES.iter().find(|known| known.0 == id) {
        Some(known) => known.1.to_string(),
        None => ternary().map_or_else(|| alloc::format!("{UNKNOWN}{id}"), block_name),
    }
}

/// The name of a ternary type in GGUF.
pub(crate) fn block_name(format: Format) -> String {
    format.name().to_uppercase()
}

/// The number of a type of GGUF, or `None` if GGUF has no such type.
pub(crate) fn ggml_id(dtype: &str) -> Option<u32> {
    if let Some(known) = GGML_TYPES.iter().find(|known| known.1 == dtype) {
        return Some(known.0);
    }
    match dtype.strip_prefix(UNKNOWN) {
        Some(id) => id.parse().ok(),
        None => ternary(dtype).and_then(Format::ggml_id),
    }
}

/// The format of a ternary type of GGUF.
pub(crate) fn ternary(dtype: &str) -> Option<Format> {
    Format::ALL.into_iter().find(|f| block_name(*f) == dtype)
}

/// The weights and bytes of a block of a type of GGUF that is not ternary; `None` if they are not known.
pub(crate) fn ggml_block(dtype: &str) -> Option<(u64, u64)> {
    let known = GGML_TYPES.iter().find(|known| known.1 == dtype);
    known.map(|known| (known.2, known.3))
}

/// Whether the bytes of a tensor of a type of either container, which is not ternary, follow from its shape.
pub(crate) fn is_known(dtype: &str) -> bool {
    safetensors(dtype).is_some() || ggml_block(dtype).is_some()
}

/// A type of safetensors.
pub(crate) fn safetensors(dtype: &str) -> Option<Dtype> {
    serde_json::from_value(Value::String(dtype.to_string())).ok()
}

/// The number of bytes of so many numbers of a type of either container, or `None` for an unknown type, too large a number, or an
/// incomplete block or byte.
pub(crate) fn byte_len(dtype: &str, numbers: u64) -> Option<u64> {
    let (block, bytes) = match safetensors(dtype) {
        Some(dtype) => (8, dtype.bitsize() as u64),
        None => ggml_block(dtype)?,
    };
    // Divide first: a file of so many numbers may exist where their bits would overflow.
    let divides = |common: &u64| block.is_multiple_of(*common) && bytes.is_multiple_of(*common);
    let common = [8, 4, 2].into_iter().find(divides).unwrap_or(1);
    let (block, bytes) = (block / common, bytes / common);
    let blocks = (numbers.is_multiple_of(block)).then_some(numbers / block)?;
    blocks.checked_mul(bytes)
}
