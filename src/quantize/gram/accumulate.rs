//! [`Gram`]: the Gram matrix of a layer's inputs, `H = X^T X`.
//!
//! A difference `d` between two weight vectors changes the layer's output on the inputs `x_1 .. x_n` by `x_i . d`, so the squared
//! change is `sum (x_i . d)^2 = d^T H d`. So one `N x N` matrix holds everything about the inputs that matters here.
//!
//! ```text
//! for each row x of the batches:   H[i][j] += x[i] x[j]      for i <= j
//! ```
//!
//! # Determinism and cost
//!
//! Each entry is one chain of additions in the order of the rows, so no bit depends on how the rows were cut into batches. A row
//! costs `N^2/2` multiplications and additions, `2 N^2` as a pair, in tiles that stay in registers. The matrix takes `8 N^2`
//! bytes, three times that with pairs.

use alloc::vec;
use alloc::vec::Vec;

use super::loops::{AddProducts, LANES};
use super::sums::{InputSums, Original, mirror};
use crate::error::{Error, Operand, check_each, check_len, try_vec};
use crate::optimum::check::check_finite;
use crate::quantize::scale_type::ScaledWeights;
use crate::simd::Backend;
use crate::threads;
use crate::weight::scale_by_power;

/// The largest number of inputs. Chosen: the matrix takes 8 GiB, or 512 MiB where addresses have 32 bits.
const MOST_INPUTS: usize = if usize::BITS < 64 { 1 << 13 } else { 1 << 15 };

/// The rows that are added while a tile of the matrix stays in registers. Chosen: two panels of such a block stay in the fastest cache,
/// and the matrix is seldom read.
const BLOCK: usize = 128;

/// The Gram matrix `H = X^T X` of a layer's inputs, in `f64`, summed up from batches.
///
/// The caller brings the inputs: for a fully connected layer the activations that go in, for a convolution the patches under the
/// kernel, in the order of the kernel's weights ([`Unfold`](super::Unfold) makes these rows).
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
    pub(super) inputs: usize,
    /// The length of a row of a matrix: the inputs, padded to whole vectors.
    pub(super) stride: usize,
    pub(super) rows: u64,
    /// The sum of the weights of the rows.
    pub(super) weight: f64,
    /// The inputs that the layer sees.
    pub(super) seen: InputSums,
    /// What the original network's inputs add; `None` as long as all rows are their own originals.
    pub(super) original: Option<Original>,
    pub(super) centred: bool,
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
            weight: 0.0,
            seen: InputSums {
                inputs: vec![0.0; stride],
                upper: try_vec(stride * stride, 0.0)?,
            },
            original: None,
            centred: false,
        })
    }

    /// The matrix of so many rows, from another program: `matrix` is `X^T X`, row after row. Nothing is known of the means of the
    /// inputs, so they count as 0, as after [`centred`](Self::centred).
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new); [`Error::LengthMismatch`] unless the matrix is square; [`Error::InvalidValue`] with the index of an entry
    /// that is not finite, differs from the one across the diagonal, or is negative on it.
    ///
    /// # Examples
    ///
    /// ```
    /// use ternarize::quantize::gram::Gram;
    ///
    /// let gram = Gram::from_matrix(2, &[5.0, 1.0, 1.0, 2.0], 3)?;
    /// assert_eq!(gram.error(&[1.0, -1.0])?, 5.0);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    pub fn from_matrix(inputs: usize, matrix: &[f64], rows: u64) -> Result<Self, Error> {
        check_len(inputs.saturating_mul(inputs), matrix.len())?;
        let mut gram = Self::new(inputs)?;
        let bad = |&index: &usize| {
            let (i, j) = (index / inputs, index % inputs);
            let (one, other) = (matrix[index], matrix[j * inputs + i]);
            !one.is_finite() || one - other != 0.0 || (i == j && one < 0.0)
        };
        if let Some(index) = (0..matrix.len()).find(bad) {
            return Err(Error::invalid(Operand::Activation, index));
        }
        let lines = gram.seen.upper.chunks_exact_mut(gram.stride);
        for (line, row) in lines.zip(matrix.chunks_exact(inputs)) {
            line[..inputs].copy_from_slice(row);
        }
        (gram.rows, gram.weight, gram.centred) = (rows, rows as f64, true);
        Ok(gram)
    }

    /// Adds a batch: any number of rows of [`inputs`](Self::inputs) values each, row after row.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] if the batch is not a whole number of rows, with the next such length; [`Error::InvalidValue`] with
    /// the index; [`Error::Conflict`] after [`centred`](Self::centred). Then nothing is added.
    pub fn add(&mut self, batch: &[f32]) -> Result<(), Error> {
        self.add_weighted(batch, None, None)
    }

    /// Adds a batch of pairs: rows of the inputs behind quantized layers, and as many rows of the inputs of the original network.
    ///
    /// The Gram matrix is that of the inputs behind quantized layers. Rows that were added with [`add`](Self::add) count as unchanged
    /// by quantization.
    ///
    /// # Errors
    ///
    /// As [`add`](Self::add), with the index in its batch; [`Error::LengthMismatch`] also if the two have different lengths.
    pub fn add_pairs(&mut self, quantized: &[f32], original: &[f32]) -> Result<(), Error> {
        self.add_weighted(quantized, Some(original), None)
    }

    /// Adds a batch of rows with or without [originals](Self::add_pairs), each as often as its weight says: a row of the weight 2 counts
    /// as two rows, one of the weight 0 not at all. So a caller can make rows count by what becomes of their outputs.
    ///
    /// # Errors
    ///
    /// As [`add_pairs`](Self::add_pairs); the same for weights, of which there is one for each row, finite and not negative.
    ///
    /// # Examples
    ///
    /// ```
    /// use ternarize::quantize::gram::Gram;
    ///
    /// let (mut weighted, mut plain) = (Gram::new(2)?, Gram::new(2)?);
    /// weighted.add_weighted(&[1.0, 2.0, 3.0, 4.0], None, Some(&[2.0, 0.0]))?;
    /// plain.add(&[1.0, 2.0, 1.0, 2.0])?;
    /// assert_eq!(weighted.error(&[1.0, 1.0])?, plain.error(&[1.0, 1.0])?);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    pub fn add_weighted(
        &mut self,
        quantized: &[f32],
        original: Option<&[f32]>,
        weights: Option<&[f32]>,
    ) -> Result<(), Error> {
        if self.centred {
            return Err(Error::conflict("a centred Gram matrix", "more rows"));
        }
        check(quantized, self.inputs)?;
        let rows = quantized.len() / self.inputs;
        if let Some(original) = original {
            check_len(quantized.len(), original.len())?;
            check(original, self.inputs)?;
        }
        if let Some(weights) = weights {
            check_len(rows, weights.len())?;
            check_finite(weights)?;
            check_each(Operand::Importance, weights, |weight| *weight >= 0.0)?;
        }
        if original.is_some() && self.original.is_none() {
            self.original = Some(self.unchanged());
        }
        let block = BLOCK * self.inputs;
        for (number, batch) in quantized.chunks(block).enumerate() {
            let rows = batch.len() / self.inputs;
            let weights = weights.map(|weights| &weights[number * BLOCK..][..rows]);
            let original = original.map(|original| &original[number * block..][..batch.len()]);
            self.add_block(batch, original.unwrap_or(batch), weights);
        }
        self.rows += match weights {
            Some(weights) => weights.iter().filter(|weight| **weight > 0.0).count() as u64,
            None => rows as u64,
        };
        Ok(())
    }

    /// The sums of rows that are their own originals.
    pub(super) fn unchanged(&self) -> Original {
        let mut cross = self.seen.upper.clone();
        mirror(&mut cross, self.stride);
        let own = self.seen.clone();
        Original { own, cross }
    }

    /// Adds a few rows that were checked.
    fn add_block(&mut self, batch: &[f32], original: &[f32], weights: Option<&[f32]>) {
        let stride = self.stride;
        // A number of 24 bits times a small whole number has at most 29.
        let whole = |weight: &f32| (0..32_u8).any(|n| f32::from(n).to_bits() == weight.to_bits());
        let exact = weights.is_none_or(|weights| weights.iter().all(whole));
        let add = |matrix, left: &[f64], right: &[f64], upper| {
            Backend::detect().run(AddProducts {
                matrix,
                left,
                right,
                stride,
                exact,
                upper,
            });
        };
        // Weights go into one factor of each product.
        let (plain, weighted) = (self.packed(batch, None), self.packed(batch, weights));
        for row in 0..batch.len() / self.inputs {
            self.weight += weights.map_or(1.0, |weights| f64::from(weights[row]));
        }
        add_panels(&mut self.seen.inputs, &weighted);
        if self.original.is_none() {
            return add(&mut self.seen.upper, &weighted, &plain, true);
        }
        let left = [None, weights].map(|weights| self.packed(original, weights));
        let (seen, Some(all)) = (&mut self.seen.upper, &mut self.original) else {
            return;
        };
        let [original, weighted_original] = &left;
        add_panels(&mut all.own.inputs, weighted_original);
        threads::join(
            || add(&mut all.cross, weighted_original, &plain, false),
            || {
                add(seen, &weighted, &plain, true);
                add(&mut all.own.upper, weighted_original, original, true);
            },
        );
    }

    /// The rows of a batch, each padded to the stride and times its weight, in panels of [`LANES`] columns.
    fn packed(&self, batch: &[f32], weights: Option<&[f32]>) -> Vec<f64> {
        let rows = batch.len() / self.inputs;
        let mut packed = vec![0.0; rows * self.stride];
        for (number, row) in batch.chunks_exact(self.inputs).enumerate() {
            let weight = weights.map_or(1.0, |weights| f64::from(weights[number]));
            for (panel, values) in row.chunks(LANES).enumerate() {
                let place = (panel * rows + number) * LANES;
                for (entry, &value) in packed[place..].iter_mut().zip(values) {
                    *entry = f64::from(value) * weight;
                }
            }
        }
        packed
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

    /// The mean square of each input, `H[i][i] / rows`, of weighted rows by the sum of their weights; zeros before the first row. Divided
    /// by the largest and rounded to `f32`, they are importances.
    #[must_use]
    pub fn diagonal(&self) -> Vec<f64> {
        let weight = if self.weight > 0.0 { self.weight } else { 1.0 };
        let entries = (0..self.inputs).map(|i| self.entry(i, i) / weight);
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
        let rows = difference.iter().zip(self.lines(&self.seen.upper));
        for (i, (&d, row)) in rows.enumerate() {
            let beyond = row[i + 1..].iter().zip(&difference[i + 1..]);
            let sum: f64 = beyond.map(|(entry, other)| entry * other).sum();
            total += d * (d * row[i] + 2.0 * sum);
        }
        Ok(scale_by_power(total.max(0.0), 2 * scaled.unit))
    }

    /// The rows of a matrix without their padding.
    pub(super) fn lines<'a>(&self, matrix: &'a [f64]) -> impl Iterator<Item = &'a [f64]> {
        let (lines, inputs) = (matrix.chunks_exact(self.stride), self.inputs);
        lines.take(inputs).map(move |line| &line[..inputs])
    }

    /// The entry of two inputs.
    pub(super) fn entry(&self, i: usize, j: usize) -> f64 {
        self.seen.upper[i.min(j) * self.stride + i.max(j)]
    }

    /// The sum of the diagonal.
    pub(super) fn trace(&self) -> f64 {
        (0..self.inputs).map(|i| self.entry(i, i)).sum()
    }
}

/// Adds the rows of a packed batch to one sum for each column.
fn add_panels(sums: &mut [f64], packed: &[f64]) {
    let panel = packed.len() / sums.len() * LANES;
    for (sums, panel) in sums.chunks_exact_mut(LANES).zip(packed.chunks_exact(panel)) {
        for row in panel.chunks_exact(LANES) {
            for (sum, value) in sums.iter_mut().zip(row) {
                *sum += value;
            }
        }
    }
}

/// Checks that a batch is a whole number of rows of finite numbers.
pub(super) fn check(batch: &[f32], inputs: usize) -> Result<(), Error> {
    check_len(batch.len().div_ceil(inputs) * inputs, batch.len())?;
    check_finite(batch)
}
