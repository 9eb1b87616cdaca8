//! [`CrossGram`]: weights that make up for the layers before, which are quantized already.
//!
//! Behind quantized layers a layer does not see the inputs `X` that it was trained on, but others, `X'`. The weights that come
//! nearest to the old output on the new inputs are a ridge regression towards the old weights:
//!
//! ```text
//! w* = argmin |X' w* - X w|^2 + delta |w* - w|^2 = (X'^T X' + delta I)^-1 (X'^T X w + delta w)
//! ```
//!
//! For any `q`, `|X' q - X w|^2 + delta |q - w|^2` is `(q - w*)^T (X'^T X' + delta I) (q - w*)` and a constant. So to ternarize `w*`
//! with the Gram matrix of `X'` and the same damping is to ternarize for the old output.
//!
//! Cost: `3/2 N^2` a row of inputs; `N^3/6` and `2 N^2` a row of weights to solve.
//! Source: Li and others, *`GPTAQ`: efficient finetuning-free quantization for asymmetric calibration* (arXiv 2504.02692), for the
//! objective.

use alloc::vec::Vec;

use nalgebra::{Cholesky, DMatrix, DVector};

use super::accumulate::{Gram, Products, check};
use super::metric::{Metric, combine};
use super::output::{TOGETHER, check_damping};
use crate::error::{Error, check_len};
use crate::threads;
use crate::weight::Format;

/// What is remembered of pairs of inputs: of the network as it was, and of the one whose earlier layers are quantized.
///
/// # Examples
///
/// The quantized layers before halve all inputs, so twice the weights make up for it:
///
/// ```
/// use ternarize::gram::CrossGram;
///
/// let mut cross = CrossGram::new(2)?;
/// cross.add(&[0.5, 0.25, 1.0, -0.5], &[1.0, 0.5, 2.0, -1.0])?;
/// assert_eq!(cross.effective_weights(&[0.75, -0.5], 0.0)?, [1.5, -1.0]);
/// # Ok::<(), ternarize::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct CrossGram {
    gram: Gram,
    /// `X^T X'`, row after row: that its rows are summed up to `X'^T X w` is why it is not the other way round.
    cross: Products,
}

impl CrossGram {
    /// The matrices of no rows.
    ///
    /// # Errors
    ///
    /// [`Error::Empty`] for 0 inputs, [`Error::TooMany`] beyond 32,768, or 8,192 where addresses have 32 bits.
    pub fn new(inputs: usize) -> Result<Self, Error> {
        Ok(Self {
            gram: Gram::new(inputs)?,
            cross: Products::new(inputs)?,
        })
    }

    /// Adds a batch of pairs: rows of the inputs behind quantized layers, and as many of the inputs of the network as it was.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] if a batch is no whole number of rows or they are of different lengths; [`Error::InvalidValue`] with
    /// the index in its batch. Then nothing is added.
    pub fn add(&mut self, quantized: &[f32], original: &[f32]) -> Result<(), Error> {
        check_len(quantized.len(), original.len())?;
        check(quantized, self.gram.inputs())?;
        check(original, self.gram.inputs())?;
        self.cross.add_batch(original, quantized);
        self.gram.add(quantized)
    }

    /// The Gram matrix of the inputs behind quantized layers: the one to ternarize the effective weights with.
    #[must_use]
    pub const fn gram(&self) -> &Gram {
        &self.gram
    }

    /// The effective weights of one or many rows, `damping` being a fraction of the mean of the diagonal of the Gram matrix, as
    /// in [`OutputAware`](super::OutputAware). Without any inputs, the weights themselves.
    ///
    /// # Errors
    ///
    /// [`Error::Empty`] without weights; [`Error::LengthMismatch`] if they are no whole number of rows; [`Error::InvalidValue`] with
    /// the index, also if an effective weight exceeds an `f32`; [`Error::InvalidOption`]; [`Error::NotDefinite`] with too little
    /// damping.
    pub fn effective_weights(&self, weights: &[f32], damping: f64) -> Result<Vec<f32>, Error> {
        check_damping(&self.gram, damping)?;
        if weights.is_empty() {
            return Err(Error::Empty);
        }
        let inputs = self.gram.inputs();
        check(weights, inputs)?;
        let metric = Metric::new(&self.gram, damping);
        let matrix = DMatrix::from_fn(inputs, inputs, |i, j| metric.row(i)[j]);
        let factor = Cholesky::new(matrix).ok_or(Error::NotDefinite)?;
        let jobs = weights.chunks(TOGETHER * inputs);
        let effective: Vec<f32> = threads::collect(weights.len(), jobs, |rows, effective| {
            let rows: Vec<Vec<f64>> = rows
                .chunks_exact(inputs)
                .map(|row| row.iter().copied().map(f64::from).collect())
                .collect();
            let lines: Vec<&[f64]> = self.cross.rows().collect();
            let rights = combine(&lines, rows.iter().map(Vec::as_slice));
            for (row, right) in rows.iter().zip(rights) {
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
}
