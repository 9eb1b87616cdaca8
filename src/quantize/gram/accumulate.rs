//! [`Gram`]: what is remembered of a layer's inputs, `H = X^T X`.
//!
//! A difference `d` between two weight vectors changes the layer's output on the inputs `x_1 .. x_n` by `x_i . d`, so the squared
//! change is `sum (x_i . d)^2 = d^T H d`: all that the inputs have to say is in one `N x N` matrix.
//!
//! ```text
//! for each row x of the batches:   H[i][j] += x[i] x[j]      for i <= j
//! ```
//!
//! Each entry is one chain of additions in the order of the rows, so how the rows are divided into batches changes no bit.
//! Cost: `N^2/2` multiplications and additions a row, in tiles that stay in registers, and `8 N^2` bytes.

use alloc::vec;
use alloc::vec::Vec;

use super::loops::{Accumulate, LANES};
use crate::error::{Error, Operand, check_len};
use crate::simd::Backend;
use crate::weight::{Format, scale_by_power, unit_exponent};

/// The largest number of inputs: its matrix takes 8 GiB, or 512 MiB where addresses have 32 bits.
const MOST_INPUTS: usize = if usize::BITS < 64 { 1 << 13 } else { 1 << 15 };

/// Rows that are added while a tile of the matrix stays in registers.
const BLOCK: usize = 32;

/// The Gram matrix `H = X^T X` of a layer's inputs, in `f64`, summed up from batches.
///
/// The caller brings the inputs: for a fully connected layer the vectors that go in, for a convolution the patches under the
/// kernel, in the order of the kernel's weights.
///
/// # Examples
///
/// ```
/// use ternarize::gram::Gram;
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
#[derive(Clone, Debug, PartialEq)]
pub struct Gram {
    inputs: usize,
    rows: u64,
    upper: Products,
}

impl Gram {
    /// The matrix of no rows.
    ///
    /// # Errors
    ///
    /// [`Error::Empty`] for 0 inputs, [`Error::TooMany`] beyond 32,768, or 8,192 where addresses have 32 bits.
    pub fn new(inputs: usize) -> Result<Self, Error> {
        Ok(Self {
            inputs,
            rows: 0,
            upper: Products::new(inputs)?,
        })
    }

    /// Adds a batch: any number of rows of [`inputs`](Self::inputs) values each, row after row.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] if the batch is no whole number of rows, with the next such number; [`Error::InvalidValue`] with
    /// the index. Then nothing is added.
    pub fn add(&mut self, batch: &[f32]) -> Result<(), Error> {
        check(batch, self.inputs)?;
        for block in batch.chunks(BLOCK * self.inputs) {
            let block = self.upper.padded(block);
            self.upper.add(&block, &block, true);
        }
        self.rows += (batch.len() / self.inputs) as u64;
        Ok(())
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

    /// The mean square of each input, `H[i][i] / rows`; zeros before the first row. Divided by the largest, and
    /// rounded to `f32`, they are importances.
    #[must_use]
    pub fn diagonal(&self) -> Vec<f64> {
        let rows = self.rows.max(1) as f64;
        let entries = (0..self.inputs).map(|i| self.entry(i, i) / rows);
        entries.collect()
    }

    /// `d^T H d`: the squared change of the layer's output, over all rows, if its weights change by `d`.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] if there is not one number for each input; [`Error::InvalidValue`] with the index of one that is none.
    pub fn error(&self, difference: &[f64]) -> Result<f64, Error> {
        check_len(self.inputs, difference.len())?;
        if let Some(index) = difference.iter().position(|d| !d.is_finite()) {
            return Err(Error::InvalidValue {
                what: Operand::Weight,
                index,
            });
        }
        // In units of a power of two, so that no square overflows on the way.
        let top = difference.iter().map(|d| d.key()).max().unwrap_or(0);
        let unit = unit_exponent::<f64>(top);
        let scaled = difference.iter().map(|&d| scale_by_power(d, -unit));
        let difference: Vec<f64> = scaled.collect();
        let mut total = 0.0;
        for (i, (&d, row)) in difference.iter().zip(self.upper.rows()).enumerate() {
            let beyond = row[i + 1..].iter().zip(&difference[i + 1..]);
            let sum: f64 = beyond.map(|(entry, other)| entry * other).sum();
            total += d * (d * row[i] + 2.0 * sum);
        }
        Ok(scale_by_power(total.max(0.0), 2 * unit))
    }

    /// The entry of two inputs.
    pub(super) fn entry(&self, i: usize, j: usize) -> f64 {
        self.upper.entry(i.min(j), i.max(j))
    }
}

/// A square matrix of sums of products of inputs, in rows padded to whole vectors.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Products {
    inputs: usize,
    stride: usize,
    entries: Vec<f64>,
}

impl Products {
    pub(super) fn new(inputs: usize) -> Result<Self, Error> {
        if inputs == 0 {
            return Err(Error::Empty);
        }
        if inputs > MOST_INPUTS {
            let (len, max) = (inputs, MOST_INPUTS);
            return Err(Error::TooMany {
                what: Operand::Weight,
                given: len,
                max,
            });
        }
        let stride = inputs.next_multiple_of(LANES);
        Ok(Self {
            inputs,
            stride,
            entries: vec![0.0; stride * stride],
        })
    }

    /// Adds `left^T right` of two batches.
    pub(super) fn add_batch(&mut self, left: &[f32], right: &[f32]) {
        let blocks = left.chunks(BLOCK * self.inputs);
        for (left, right) in blocks.zip(right.chunks(BLOCK * self.inputs)) {
            let (left, right) = (self.padded(left), self.padded(right));
            self.add(&left, &right, false);
        }
    }

    /// The rows of a batch as this matrix has them.
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

    /// Adds `left^T right` of two padded batches; if they are the same, on and above the diagonal only.
    fn add(&mut self, left: &[f64], right: &[f64], upper: bool) {
        Backend::detect().run(Accumulate {
            matrix: &mut self.entries,
            left,
            right,
            stride: self.stride,
            upper,
        });
    }

    /// The rows, without their padding.
    pub(super) fn rows(&self) -> impl Iterator<Item = &[f64]> {
        let lines = self.entries.chunks_exact(self.stride);
        lines.take(self.inputs).map(|line| &line[..self.inputs])
    }

    pub(super) fn entry(&self, i: usize, j: usize) -> f64 {
        self.entries[i * self.stride + j]
    }
}

/// Whether a batch is a whole number of rows of finite numbers.
pub(super) fn check(batch: &[f32], inputs: usize) -> Result<(), Error> {
    check_len(batch.len().div_ceil(inputs) * inputs, batch.len())?;
    let bad = batch.iter().position(|value| !value.is_finite());
    bad.map_or(Ok(()), |index| {
        Err(Error::InvalidValue {
            what: Operand::Weight,
            index,
        })
    })
}
