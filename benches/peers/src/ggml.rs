//! ggml's quantizer to `TQ2_0`: blocks of 256 weights, each with its largest magnitude as the scale. It looks for no optimum.
//!
//! ```text
//! code = round(w / max |w|) + 1;   a block: 64 bytes of four 2-bit codes, then the scale as an f16
//! element e: byte 32 (e / 128) + e % 32, bits 2 (e % 128 / 32)
//! ```

use half::f16;
use llama_cpp_sys_2::{GGML_TYPE_TQ2_0, ggml_quantize_chunk};

/// Weights of a block.
pub const BLOCK: usize = 256;

/// Bytes of a block.
const BLOCK_BYTES: usize = 66;

/// How many bytes so many weights become, a multiple of [`BLOCK`].
#[must_use]
pub const fn bytes(weights: usize) -> usize {
    weights / BLOCK * BLOCK_BYTES
}

/// Quantizes weights, a multiple of [`BLOCK`].
///
/// # Panics
///
/// If the lengths do not fit.
pub fn quantize(weights: &[f32], blocks: &mut [u8]) {
    assert!(weights.len().is_multiple_of(BLOCK) && blocks.len() == bytes(weights.len()));
    let len = i64::try_from(weights.len()).expect("a length");
    let (from, to) = (weights.as_ptr(), blocks.as_mut_ptr().cast());
    #[expect(unsafe_code, reason = "ggml is C")]
    // SAFETY: it reads one row of `len` floats at `from` and writes its blocks to `to`, as many bytes as asserted above; a type
    // that needs no importances takes a null pointer for them.
    let written =
        unsafe { ggml_quantize_chunk(GGML_TYPE_TQ2_0, from, to, 0, 1, len, std::ptr::null()) };
    assert_eq!(written, blocks.len());
}

/// The values that blocks stand for.
#[must_use]
pub fn dequantize(blocks: &[u8]) -> Vec<f32> {
    let values = |block: &[u8]| {
        let (codes, scale) = block.split_at(BLOCK_BYTES - 2);
        let scale = f16::from_le_bytes([scale[0], scale[1]]).to_f32();
        let value = |e: usize| {
            let code = codes[32 * (e / 128) + e % 32] >> (2 * (e % 128 / 32)) & 3;
            (f32::from(code) - 1.0) * scale
        };
        (0..BLOCK).map(value).collect::<Vec<_>>()
    };
    blocks.chunks_exact(BLOCK_BYTES).flat_map(values).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_hold_what_ggml_is_said_to_choose() {
        let weights: Vec<f32> = (0..512_u16).map(|i| f32::from(i % 9) - 4.0).collect();
        let mut blocks = vec![0; bytes(512)];
        quantize(&weights, &mut blocks);
        let expected = weights.iter().map(|w| (w / 4.0).round() * 4.0);
        assert!(dequantize(&blocks).into_iter().eq(expected));
    }
}
