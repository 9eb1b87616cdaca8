//! The effective weights: what to aim at behind layers that are quantized already.
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
//! They cost `N^3/6` once and `2 N^2` for each row of weights.
//!
//! Source of the objective: Li and others, *`GPTAQ`: efficient finetuning-free quantization for asymmetric calibration*
//! (arXiv 2504.02692).

use alloc::vec::Vec;

use nalgebra::DVector;

use super::accumulate::{Gram, check};
use super::cholesky::cholesky;
use super::metric::{Metric, combine, wide_rows};
use super::output::{TOGETHER, check_damping};
use crate::error::Error;
use crate::threads;
use crate::weight::FloatBits;

impl Gram {
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
        let Some(original) = &self.original else {
            return Ok(weights.to_vec());
        };
        let metric = Metric::new(self, damping);
        let factor = cholesky(metric.matrix(|i| i)).ok_or(Error::NotDefinite)?;
        let lines: Vec<&[f64]> = self.lines(&original.cross).collect();
        let jobs = weights.chunks(TOGETHER * inputs);
        let effective: Vec<f32> = threads::collect(weights.len(), jobs, |rows, effective| {
            let rows = wide_rows(rows, inputs);
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
}
