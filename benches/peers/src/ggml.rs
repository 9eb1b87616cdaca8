//! ggml's quantizer to `TQ2_0`: blocks of 256 weights, each with its largest magnitude as the scale. It looks for no optimum.
//!
//! ```text
//! code = round(w / max |w|) + 1;   a block: 64 bytes of four 2-bit codes, then the scale as an f16
//! element e: byte 32 (e / 128) + e % 32, bits 2 (e % 128 / 32)
//! ```

use half::f16;
use llama_cpp_sys_2::{
    GGML_TYPE_Q8_K, GGML_TYPE_TQ1_0, GGML_TYPE_TQ2_0, ggml_cpu_has_avx2, ggml_cpu_init,
    ggml_from_float_t, ggml_get_type_traits_cpu, ggml_quantize_chunk, ggml_row_size, ggml_type,
    ggml_vec_dot_t,
};

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

/// The product of a row of packed weights with 8-bit activations, as ggml has it for the processor it was compiled for.
#[derive(Clone, Copy)]
pub struct Product {
    vec_dot: ggml_vec_dot_t,
    quantize: ggml_from_float_t,
    row: usize,
    activations: usize,
    columns: usize,
}

impl Product {
    /// With weights in `TQ2_0`, in rows of so many.
    #[must_use]
    pub fn tq2_0(columns: usize) -> Self {
        Self::new(GGML_TYPE_TQ2_0, columns)
    }

    /// With weights in `TQ1_0`, in rows of so many.
    #[must_use]
    pub fn tq1_0(columns: usize) -> Self {
        Self::new(GGML_TYPE_TQ1_0, columns)
    }

    fn new(weights: ggml_type, columns: usize) -> Self {
        assert!(columns.is_multiple_of(BLOCK));
        #[expect(unsafe_code, reason = "ggml is C")]
        // SAFETY: it fills tables of its own.
        unsafe {
            ggml_cpu_init();
        }
        #[expect(unsafe_code, reason = "ggml is C")]
        // SAFETY: a pointer to a constant of this type.
        let traits = |kind| unsafe { *ggml_get_type_traits_cpu(kind) };
        let len = i64::try_from(columns).expect("a length");
        #[expect(unsafe_code, reason = "ggml is C")]
        // SAFETY: it computes a number.
        let bytes = |kind| unsafe { ggml_row_size(kind, len) };
        let of_weights = traits(weights);
        assert_eq!(of_weights.vec_dot_type, GGML_TYPE_Q8_K);
        Self {
            vec_dot: of_weights.vec_dot,
            quantize: traits(GGML_TYPE_Q8_K).from_float,
            row: bytes(weights),
            activations: bytes(GGML_TYPE_Q8_K),
            columns,
        }
    }

    /// Rounds activations to 8 bits, with a scale for each 256 of them.
    ///
    /// # Panics
    ///
    /// If their number is not that of the columns.
    #[must_use]
    pub fn quantize(&self, x: &[f32]) -> Vec<u8> {
        assert_eq!(x.len(), self.columns);
        let mut bytes = vec![0; self.activations];
        let len = i64::try_from(x.len()).expect("a length");
        let quantize = self.quantize.expect("a quantizer");
        #[expect(unsafe_code, reason = "ggml is C")]
        // SAFETY: it reads `len` floats and writes their blocks, as many bytes as ggml says they take.
        unsafe {
            quantize(x.as_ptr(), bytes.as_mut_ptr().cast(), len);
        }
        bytes
    }

    /// Multiplies all rows.
    ///
    /// # Panics
    ///
    /// If the lengths do not fit.
    pub fn matvec(&self, weights: &[u8], x: &[u8], y: &mut [f32]) {
        assert!(weights.len() == self.row * y.len() && x.len() == self.activations);
        let columns = i32::try_from(self.columns).expect("a length");
        let vec_dot = self.vec_dot.expect("a product");
        for (row, y) in weights.chunks_exact(self.row).zip(y) {
            let (row, x) = (row.as_ptr().cast(), x.as_ptr().cast());
            #[expect(unsafe_code, reason = "ggml is C")]
            // SAFETY: it reads the blocks of `columns` weights and activations, whose bytes were counted, and writes one float.
            unsafe {
                vec_dot(columns, y, 0, row, 0, x, 0, 1);
            }
        }
    }
}

/// Whether ggml was compiled for the vectors of this processor; without them its products say little.
#[must_use]
pub fn is_native() -> bool {
    #[expect(unsafe_code, reason = "ggml is C")]
    // SAFETY: it returns a constant.
    let avx2 = unsafe { ggml_cpu_has_avx2() };
    avx2 != 0 || !cfg!(target_arch = "x86_64")
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
