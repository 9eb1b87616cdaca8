//! The best scales for given patterns: least squares in the metric.
//!
//! With the coefficients `T`, one column per scale, the objective is quadratic in the scales `s`, and its minimum solves
//!
//! ```text
//! (T^T M T) s = T^T M w
//! ```
//!
//! Up to [`JOINT`] scales are solved together by Cholesky factorisation; further scales block after block, with the others fixed. If
//! a scale would be negative and must not be (two scales), or if the columns depend on each other, each scale is set to its best
//! value in turn instead. A step that does not lower the objective is not taken.
//!
//! Cost: `N` per pair of a weight and a scale in the block, and the cube of the block size.

use alloc::vec;
use alloc::vec::Vec;

use nalgebra::{Cholesky, DMatrix, DVector};

use super::row::{RowState, dot};
use crate::optimum::fit::share;

/// The most scales solved together. Chosen: so that the cube stays small beside the cost of a sweep.
const JOINT: usize = 256;

/// The rounds in which each scale is set in turn. Chosen; the descent repeats them.
const TURNS: usize = 16;

/// The normal equations of a block of scales, with the others fixed.
struct Equations {
    matrix: DMatrix<f64>,
    right: DVector<f64>,
}

impl Equations {
    /// The equations of the scales `first..first + count` of a row: whole groups.
    fn new(row: &RowState<'_>, first: usize, count: usize) -> Self {
        let per_group = row.problem.patterns.scales();
        let mut matrix = DMatrix::zeros(count, count);
        let mut slope = DVector::zeros(count);
        for a in 0..count {
            for i in row.problem.members((first + a) / per_group) {
                let coefficient = row.coefficient(first + a, i);
                if coefficient != 0.0 {
                    for b in 0..=a {
                        matrix[(a, b)] += coefficient * row.images[first + b][i];
                    }
                    slope[a] += coefficient * row.gradient[i];
                }
            }
        }
        matrix.fill_upper_triangle_with_lower_triangle();
        let right = -slope;
        let mut equations = Self { matrix, right };
        for a in 0..count {
            equations.right[a] += equations.product(a, &row.choice.scales[first..]);
        }
        equations
    }

    /// An entry of the product of the matrix with some scales.
    fn product(&self, a: usize, scales: &[f64]) -> f64 {
        // Symmetric: the column is the row.
        let count = self.right.len();
        dot(scales, &self.matrix.as_slice()[a * count..][..count])
    }

    /// The objective without the terms that do not depend on the scales.
    fn objective(&self, scales: &[f64]) -> f64 {
        let slope = |a| self.product(a, scales) - 2.0 * self.right[a];
        let terms = scales.iter().enumerate();
        terms.map(|(a, scale)| scale * slope(a)).sum()
    }

    /// The solution; scales without any coefficient are 0. `None` if the columns depend on each other.
    fn solve(&self) -> Option<Vec<f64>> {
        let used = (0..self.right.len()).filter(|&a| self.matrix[(a, a)] > 0.0);
        let used: Vec<usize> = used.collect();
        let matrix = self.matrix.select_rows(&used).select_columns(&used);
        let mut right = self.right.select_rows(&used);
        Cholesky::new(matrix)?.solve_mut(&mut right);
        let mut scales = vec![0.0; self.right.len()];
        for (&a, &scale) in used.iter().zip(right.iter()) {
            scales[a] = scale;
        }
        Some(scales)
    }

    /// Sets each scale to its best value in turn, none below `least`.
    fn relax(&self, scales: &mut [f64], least: f64) {
        for _ in 0..TURNS {
            for a in 0..scales.len() {
                let own = self.matrix[(a, a)];
                let rest = self.right[a] - (self.product(a, scales) - own * scales[a]);
                scales[a] = share(rest, own).max(least);
            }
        }
    }
}

/// Sets the scales to the best for the patterns. Returns whether that lowers the objective by more than the tolerance.
pub(super) fn resolve(row: &mut RowState<'_>) -> bool {
    let per_group = row.problem.patterns.scales();
    let block = JOINT / per_group * per_group;
    let mut gained = false;
    for first in (0..row.choice.scales.len()).step_by(block) {
        let count = block.min(row.choice.scales.len() - first);
        gained |= resolve_block(row, first, count);
    }
    row.normalise();
    gained
}

/// Sets each scale in turn to the storable value that is best with the others as they are. Returns whether this changed a scale that
/// was storable before, which lowers the objective by more than the tolerance.
pub(super) fn store(row: &mut RowState<'_>) -> bool {
    let mut gained = false;
    for scale in 0..row.choice.scales.len() {
        let (length, slope) = row.length_and_slope(scale);
        let old = row.choice.scales[scale];
        let round = |value: f64| row.problem.options.scale_type.round(value);
        let vertex = old - slope / length;
        let best = if length > 0.0 { vertex } else { 0.0 };
        // A negative scale is a positive one with opposite trits, if it may be negative.
        let turned = best < 0.0 && row.problem.patterns.signed();
        let value = if turned { -round(-best) } else { round(best) };
        let step = value - old;
        let change = step * (2.0 * slope + step * length);
        let storable = round(old.abs()).to_bits() == old.abs().to_bits();
        if !storable || change < -row.tolerance {
            row.set_scale(scale, value);
            gained |= storable;
        }
    }
    row.normalise();
    gained
}

/// Sets some scales, whole groups, to the best with the others fixed.
fn resolve_block(row: &mut RowState<'_>, first: usize, count: usize) -> bool {
    let equations = Equations::new(row, first, count);
    let signed = row.problem.patterns.signed();
    let old = &row.choice.scales[first..first + count];
    let allowed = |scales: &Vec<f64>| signed || scales.iter().all(|&scale| scale >= 0.0);
    let scales = equations.solve().filter(allowed).unwrap_or_else(|| {
        let mut scales = old.to_vec();
        let least = if signed { f64::NEG_INFINITY } else { 0.0 };
        equations.relax(&mut scales, least);
        scales
    });
    let gain = equations.objective(old) - equations.objective(&scales);
    // Also false if a scale is NaN.
    if gain > 0.0 {
        for (a, &scale) in scales.iter().enumerate() {
            row.set_scale(first + a, scale);
        }
    }
    gain > row.tolerance
}
