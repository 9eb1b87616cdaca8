//! [`Gram`]: the Gram matrix of a layer's inputs, `H = X^T X`.
//!
//! A difference `d` between two weight vectors changes the layer's output on the inputs `x_1 .. x_n` by `x_i . d`, so the squared
//! change is `sum (x_i . d)^2 = d^T H d`. So one `N x N` matrix holds everything about the inputs that matters here.
//!
//! ```text
//! for each row x of the batches:   H[i][j] += x[i] x[j]      for i <= j
//! ```
//!
//! # Behind quantized layers
//!
//! Behind quantized layers a layer does not see the inputs `X` that it was trained on, but others, `X'`. The weights that come nearest
//! to the original output on the new inputs are the solution of a ridge regression towards the original weights:
//!
//! ```text
//! w* = argmin |X' w* - X w|^2 + delta |w* - w|^2 = (X'^T X' + delta I)^-1 (X'^T X w + delta w)
//! ```
//!
//! For any `q`, `|X' q - X w|^2 + delta |q - w|^2` is `(q - w*)^T (X'^T X' + delta I) (q - w*)` plus a constant. So ternarizing `w*`
//! with the Gram matrix of `X'` and the same damping is ternarizing for the original output.
//!
//! # Determinism and cost
//!
//! Each entry is one chain of additions in the order of the rows, so no bit depends on how the rows were cut into batches. A row
//! costs `N^2/2` multiplications and additions, `3/2 N^2` as a pair, in tiles that stay in registers. The matrix takes `8 N^2`
//! bytes, twice that with pairs. The effective weights cost `N^3/6` once and `2 N^2` per row of weights.
//!
//! Source of the objective: Li and others, *`GPTAQ`: efficient finetuning-free quantization for asymmetric calibration*
//! (arXiv 2504.02692).

use alloc::vec;
use alloc::vec::Vec;

use nalgebra::{Cholesky, DVector};

use super::loops::{AddProducts, LANES};
use super::metric::{Metric, combine};
use super::output::{TOGETHER, check_damping};
use crate::error::{Error, Operand, check_len, try_vec};
use crate::optimum::check::check_finite;
use crate::quantize::scale_type::ScaledWeights;
use crate::simd::Backend;
use crate::threads;
use crate::weight::{FloatBits, scale_by_power};

/// The largest number of inputs. Chosen: the matrix takes 8 GiB, or 512 MiB where addresses have 32 bits.
const MOST_INPUTS: usize = if usize::BITS < 64 { 1 << 13 } else { 1 << 15 };

/// The rows that are added while a tile of the matrix stays in registers. Chosen: the rows of such a block stay in the cache.
const BLOCK: usize = 32;

/// The Gram matrix `H = X^T X` of a layer's inputs, in `f64`, summed up from batches.
///
/// The caller brings the inputs: for a fully connected layer the activations that go in, for a convolution the patches under the
/// kernel, in the order of the kernel's weights.
///
/// # Examples
///
/// ```
/// use ternarize::quantize::gram::Gram;
///
/// let mut gram = Gram::new(2)?;
/// gram.add(&[1.0, 2.0])?;
/// gram.add(&[3.0, 0.0, 1.0, -1.0])?;
/// assert_eq!((gram.rows(), gram.inputs()), (3, 2));
/// assert_eq!(gram.diagonal(), [11.0 / 3.0, 5.0 / 3.0]);
/// // The outputs of the weights (1, 1) minus those of (0.5, 2): (-1.5, 1.5, 1.5).
/// assert_eq!(gram.error(&[0.5, -1.0])?, 6.75);
/// # Ok::<(), ternarize::Error>(())
/// ```
///
/// The quantized layers before this one halve all inputs, so twice the weights compensate for it:
///
/// ```
/// # use ternarize::quantize::gram::Gram;
/// let mut gram = Gram::new(2)?;
/// gram.add_pairs(&[0.5, 0.25, 1.0, -0.5], &[1.0, 0.5, 2.0, -1.0])?;
/// assert_eq!(gram.effective_weights(&[0.75, -0.5], 0.0)?, [1.5, -1.0]);
/// # Ok::<(), ternarize::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Gram {
    inputs: usize,
    /// The length of a row of a matrix: the inputs, padded to whole vectors.
    stride: usize,
    rows: u64,
    /// `X'^T X'`, on and above the diagonal.
    upper: Vec<f64>,
    /// `X^T X'`, so that its rows are summed up to `X'^T X w`; `None` as long as all rows are their own originals.
    cross: Option<Vec<f64>>,
}

impl Gram {
    /// The matrix of no rows.
    ///
    /// # Errors
    ///
    /// [`Error::Empty`] for 0 inputs, [`Error::TooMany`] beyond 32,768, or 8,192 where addresses have 32 bits, or without the memory.
    pub fn new(inputs: usize) -> Result<Self, Error> {
        if inputs == 0 {
            return Err(Error::Empty);
        }
        if inputs > MOST_INPUTS {
            return Err(Error::too_many(Operand::Weight, inputs, MOST_INPUTS));
        }
        let stride = inputs.next_multiple_of(LANES);
        Ok(Self {
            inputs,
            stride,
            rows: 0,
            upper: try_vec(stride * stride, 0.0)?,
            cross: None,
        })
    }

    /// Adds a batch: any number of rows of [`inputs`](Self::inputs) values each, row after row.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] if the batch is not a whole number of rows, with the next such length; [`Error::InvalidValue`] with
    /// the index. Then nothing is added.
    pub fn add(&mut self, batch: &[f32]) -> Result<(), Error> {
        check(batch, self.inputs)?;
        self.add_checked(batch, batch);
        Ok(())
    }

    /// Adds a batch of pairs: rows of the inputs behind quantized layers, and as many rows of the inputs of the original network.
    ///
    /// The Gram matrix is that of the inputs behind quantized layers. Rows that were added with [`add`](Self::add) count as unchanged
    /// by quantization.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] if a batch is not a whole number of rows or the two have different lengths; [`Error::InvalidValue`] with
    /// the index in its batch. Then nothing is added.
    pub fn add_pairs(&mut self, quantized: &[f32], original: &[f32]) -> Result<(), Error> {
        check_len(quantized.len(), original.len())?;
        check(quantized, self.inputs)?;
        check(original, self.inputs)?;
        if self.cross.is_none() {
            // The rows so far are their own originals: the whole symmetric matrix.
            let mut cross = self.upper.clone();
            for i in 0..self.inputs {
                for j in 0..i {
                    cross[i * self.stride + j] = self.entry(i, j);
                }
            }
            self.cross = Some(cross);
        }
        self.add_checked(quantized, original);
        Ok(())
    }

    /// Adds batches that were checked, block after block.
    fn add_checked(&mut self, batch: &[f32], original: &[f32]) {
        let (stride, block) = (self.stride, BLOCK * self.inputs);
        for (batch, original) in batch.chunks(block).zip(original.chunks(block)) {
            let right = &self.padded(batch);
            Backend::detect().run(AddProducts {
                matrix: &mut self.upper,
                left: right,
                right,
                stride,
                upper: true,
            });
            let left = self.cross.is_some().then(|| self.padded(original));
            if let (Some(matrix), Some(left)) = (&mut self.cross, &left) {
                Backend::detect().run(AddProducts {
                    matrix,
                    left,
                    right,
                    stride,
                    upper: false,
                });
            }
        }
        self.rows += (batch.len() / self.inputs) as u64;
    }

    /// The rows of a batch, each padded to the stride.
    fn padded(&self, batch: &[f32]) -> Vec<f64> {
        let rows = batch.len() / self.inputs;
        let mut padded = vec![0.0; rows * self.stride];
        let lines = padded.chunks_exact_mut(self.stride);
        for (line, row) in lines.zip(batch.chunks_exact(self.inputs)) {
            for (entry, &value) in line.iter_mut().zip(row) {
                *entry = f64::from(value);
            }
        }
        padded
    }

    /// The number of rows so far.
    #[must_use]
    pub const fn rows(&self) -> u64 {
        self.rows
    }

    /// The number of inputs, `N`.
    #[must_use]
    pub const fn inputs(&self) -> usize {
        self.inputs
    }

    /// The mean square of each input, `H[i][i] / rows`; zeros before the first row. Divided by the largest and rounded to `f32`, they
    /// are importances.
    #[must_use]
    pub fn diagonal(&self) -> Vec<f64> {
        let rows = self.rows.max(1) as f64;
        let entries = (0..self.inputs).map(|i| self.entry(i, i) / rows);
        entries.collect()
    }

    /// `d^T H d`: the squared change of the layer's output over all rows if its weights change by `d`.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] if there is not one difference per input; [`Error::InvalidValue`] with the index.
    pub fn error(&self, difference: &[f64]) -> Result<f64, Error> {
        check_len(self.inputs, difference.len())?;
        // In units of a power of two, so that no square overflows on the way.
        let scaled = ScaledWeights::of(difference.to_vec())?;
        let (difference, mut total) = (scaled.values, 0.0);
        for (i, (&d, row)) in difference.iter().zip(self.lines(&self.upper)).enumerate() {
            let beyond = row[i + 1..].iter().zip(&difference[i + 1..]);
            let sum: f64 = beyond.map(|(entry, other)| entry * other).sum();
            total += d * (d * row[i] + 2.0 * sum);
        }
        Ok(scale_by_power(total.max(0.0), 2 * scaled.unit))
    }

    /// The effective weights of one or many rows: those that come nearest to the original output on the inputs behind quantized
    /// layers. `damping` is a fraction of the mean of the diagonal of the Gram matrix, as in [`OutputAware`](super::OutputAware).
    /// Without any pairs these are the weights themselves.
    ///
    /// # Errors
    ///
    /// [`Error::Empty`] without weights; [`Error::LengthMismatch`] if they are not a whole number of rows; [`Error::InvalidValue`] with
    /// the index, also if an effective weight exceeds an `f32`; [`Error::InvalidOption`]; [`Error::NotDefinite`] with too little
    /// damping.
    pub fn effective_weights(&self, weights: &[f32], damping: f64) -> Result<Vec<f32>, Error> {
        check_damping(self, damping)?;
        if weights.is_empty() {
            return Err(Error::Empty);
        }
        let inputs = self.inputs;
        check(weights, inputs)?;
        let Some(cross) = &self.cross else {
            return Ok(weights.to_vec());
        };
        let metric = Metric::new(self, damping);
        let factor = Cholesky::new(metric.matrix(|i| i)).ok_or(Error::NotDefinite)?;
        let lines: Vec<&[f64]> = self.lines(cross).collect();
        let jobs = weights.chunks(TOGETHER * inputs);
        let effective: Vec<f32> = threads::collect(weights.len(), jobs, |rows, effective| {
            let rows: Vec<Vec<f64>> = rows
                .chunks_exact(inputs)
                .map(|row| row.iter().copied().map(f64::from).collect())
                .collect();
            // The right sides, X'^T X w + delta w, and their solutions.
            for (row, right) in rows.iter().zip(combine(&lines, &rows)) {
                let sums = right.iter().zip(row);
                let sums = sums.map(|(sum, w)| sum + metric.damping() * w);
                let mut solution = DVector::from_iterator(inputs, sums);
                factor.solve_mut(&mut solution);
                effective.extend(solution.iter().map(|&w| f32::narrow(w)));
            }
            Ok::<_, Error>(())
        })?;
        check(&effective, inputs)?;
        Ok(effective)
    }

    /// The rows of a matrix without their padding.
    fn lines<'a>(&self, matrix: &'a [f64]) -> impl Iterator<Item = &'a [f64]> {
        let (lines, inputs) = (matrix.chunks_exact(self.stride), self.inputs);
        lines.take(inputs).map(move |line| &line[..inputs])
    }

    /// The entry of two inputs.
    pub(super) fn entry(&self, i: usize, j: usize) -> f64 {
        self.upper[i.min(j) * self.stride + i.max(j)]
    }

    /// The sum of the diagonal.
    pub(super) fn trace(&self) -> f64 {
        (0..self.inputs).map(|i| self.entry(i, i)).sum()
    }
}

/// Checks that a batch is a whole number of rows of finite numbers.
pub(super) fn check(batch: &[f32], inputs: usize) -> Result<(), Error> {
    check_len(batch.len().div_ceil(inputs) * inputs, batch.len())?;
    check_finite(batch)
}
