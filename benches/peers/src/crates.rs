//! Products with few bits a weight, as other crates have them.
//!
//! No other crate multiplies packed trits with 8-bit activations. `tritium-cpu` takes ggml's bytes and `f32` activations; candle's
//! format of the fewest bits is `Q2_K`, four levels and 2.6 bits a weight, with the same 8-bit activations as ggml's.

#[cfg(feature = "candle")]
use candle_core::quantized::GgmlType;
#[cfg(feature = "candle")]
use candle_core::quantized::k_quants::{BlockQ2K, BlockQ8K};
use tritium_core::{GemmShape, TernaryFormat};
use tritium_cpu::CpuBackend;
use tritium_spec::{DeviceBuffer, MpGemm, TernaryBackend};

/// A matrix of trits as `tritium-cpu` multiplies it: with a scale for each row, and `f32` activations.
pub struct Tritium {
    backend: CpuBackend,
    weights: Box<dyn DeviceBuffer>,
    scales: Vec<f32>,
    shape: GemmShape,
}

impl Tritium {
    /// A matrix in ggml's `TQ2_0`, all of whose scales are replaced by one for each row.
    ///
    /// # Panics
    ///
    /// If it refuses the bytes.
    #[must_use]
    pub fn new(tq2_0: &[u8], columns: usize, scales: Vec<f32>) -> Self {
        let backend = CpuBackend::new();
        let shape = GemmShape::new(1, scales.len(), columns);
        let weights = backend.upload_weights(tq2_0, shape, TernaryFormat::Tq2_0);
        Self {
            weights: weights.expect("a matrix of this format"),
            backend,
            scales,
            shape,
        }
    }

    /// Multiplies all rows.
    ///
    /// # Panics
    ///
    /// If the lengths do not fit.
    pub fn matvec(&self, x: &[f32], y: &mut [f32]) {
        let product = MpGemm {
            act: x,
            weights: &*self.weights,
            scales: &self.scales,
            shape: self.shape,
            format: TernaryFormat::Tq2_0,
            out: y,
        };
        self.backend.mpgemm(product).expect("fitting lengths");
    }
}

/// A matrix as candle multiplies it, in `Q2_K`.
#[cfg(feature = "candle")]
pub struct Candle {
    blocks: Vec<BlockQ2K>,
    columns: usize,
}

#[cfg(feature = "candle")]
impl Candle {
    /// Quantizes a matrix; the number of columns is a multiple of 256.
    #[must_use]
    pub fn new(weights: &[f32], columns: usize) -> Self {
        let mut blocks = vec![BlockQ2K::zeros(); weights.len() / BlockQ2K::BLCK_SIZE];
        BlockQ2K::from_float(weights, &mut blocks);
        Self { blocks, columns }
    }

    /// Rounds the activations to 8 bits, and multiplies all rows.
    pub fn matvec(&self, x: &[f32], y: &mut [f32]) {
        let per_row = self.columns / BlockQ2K::BLCK_SIZE;
        let mut activations = vec![BlockQ8K::zeros(); per_row];
        BlockQ8K::from_float(x, &mut activations);
        for (row, y) in self.blocks.chunks_exact(per_row).zip(y) {
            *y = BlockQ2K::vec_dot(self.columns, row, &activations);
        }
    }
}
