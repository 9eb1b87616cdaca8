//! The best scales for given patterns: least squares in the metric.
//!
//! With the coefficients `T`, one column for each scale, the objective is quadratic in the scales `s`, and its minimum solves
//!
//! ```text
//! (T^T M T) s = T^T M w
//! ```
//!
//! Up to [`JOINT`] scales are solved together by Cholesky, further ones block after block with the others fixed. Where a scale
//! would have to be negative and may not (two scales), or where the columns depend on each other, each scale is set to its best
//! value in turn instead. A step that does not lower the objective is not taken.
//!
//! Cost: `N` for each pair of a weight and a scale in the block, and the cube of the block.

use alloc::vec;
use alloc::vec::Vec;

use nalgebra::{Cholesky, DMatrix, DVector};

use super::row::Row;

/// The most scales solved together.
const JOINT: usize = 256;

/// Rounds over the scales where each is set in turn.
const TURNS: usize = 16;

/// The normal equations of a block of scales, the others being fixed.
struct Equations {
    matrix: DMatrix<f64>,
    right: DVector<f64>,
}

impl Equations {
    /// The equations of the scales `first..first + count` of a row: whole groups.
    fn new(row: &Row<'_>, first: usize, count: usize) -> Self {
        let per_group = row.setting.patterns.scales();
        let mut matrix = DMatrix::zeros(count, count);
        let mut slope = DVector::zeros(count);
        for a in 0..count {
            for i in row.setting.members((first + a) / per_group) {
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
        let mut equations = Self {
            matrix,
            right: -slope,
        };
        for a in 0..count {
            equations.right[a] += equations.product(a, &row.choice.scales[first..]);
        }
        equations
    }

    /// An entry of the product of the matrix with some scales.
    fn product(&self, a: usize, scales: &[f64]) -> f64 {
        // Symmetric: the column is the row.
        let count = self.right.len();
        let terms = scales
            .iter()
            .zip(&self.matrix.as_slice()[a * count..][..count]);
        terms.map(|(scale, entry)| scale * entry).sum()
    }

    /// The objective, but for what the scales do not change.
    fn objective(&self, scales: &[f64]) -> f64 {
        let terms = scales.iter().enumerate();
        terms
            .map(|(a, scale)| scale * (self.product(a, scales) - 2.0 * self.right[a]))
            .sum()
    }

    /// The scales where all equations hold; those without a coefficient are 0. `None` if the columns depend on each other.
    fn solve(&self) -> Option<Vec<f64>> {
        let used: Vec<usize> = (0..self.right.len())
            .filter(|&a| self.matrix[(a, a)] > 0.0)
            .collect();
        let matrix = self.matrix.select_rows(&used).select_columns(&used);
        let mut right = self.right.select_rows(&used);
        Cholesky::new(matrix)?.solve_mut(&mut right);
        let mut scales = vec![0.0; self.right.len()];
        for (&a, &scale) in used.iter().zip(right.iter()) {
            scales[a] = scale;
        }
        Some(scales)
    }

    /// Each scale set to its best value in turn, none below `least`.
    fn relax(&self, scales: &mut [f64], least: f64) {
        for _ in 0..TURNS {
            for a in 0..scales.len() {
                let own = self.matrix[(a, a)];
                let rest = self.right[a] - (self.product(a, scales) - own * scales[a]);
                scales[a] = if own > 0.0 {
                    (rest / own).max(least)
                } else {
                    0.0
                };
            }
        }
    }
}

/// Sets the scales to the best for the patterns. Whether that lowers the objective by more than rounding.
pub(super) fn resolve(row: &mut Row<'_>) -> bool {
    let per_group = row.setting.patterns.scales();
    let block = JOINT / per_group * per_group;
    let mut gained = false;
    for first in (0..row.choice.scales.len()).step_by(block) {
        let count = block.min(row.choice.scales.len() - first);
        gained |= resolve_block(row, first, count);
    }
    row.normalise();
    gained
}

/// Sets each scale in turn to the storable value that is best with the others as they are. Whether one changed that was storable
/// before, by which the objective fell by more than rounding.
pub(super) fn store(row: &mut Row<'_>) -> bool {
    let mut gained = false;
    for scale in 0..row.choice.scales.len() {
        let (mut length, mut slope) = (0.0, 0.0);
        for i in row.setting.members(scale / row.setting.patterns.scales()) {
            let coefficient = row.coefficient(scale, i);
            length += coefficient * row.images[scale][i];
            slope += coefficient * row.gradient[i];
        }
        let old = row.choice.scales[scale];
        let round = |value: f64| row.setting.scale_type.round(value);
        let best = if length > 0.0 {
            old - slope / length
        } else {
            0.0
        };
        // A scale below 0 is one above 0 with the other trits, unless it may not be negative.
        let value = if best < 0.0 && row.setting.patterns.signed() {
            -round(-best)
        } else {
            round(best)
        };
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

fn resolve_block(row: &mut Row<'_>, first: usize, count: usize) -> bool {
    let equations = Equations::new(row, first, count);
    let signed = row.setting.patterns.signed();
    let old = &row.choice.scales[first..first + count];
    let allowed = |scales: &Vec<f64>| signed || scales.iter().all(|&scale| scale >= 0.0);
    let scales = equations.solve().filter(allowed).unwrap_or_else(|| {
        let mut scales = old.to_vec();
        let least = if signed { f64::NEG_INFINITY } else { 0.0 };
        equations.relax(&mut scales, least);
        scales
    });
    let gain = equations.objective(old) - equations.objective(&scales);
    // Also false if a scale is no number.
    if gain > 0.0 {
        for (a, &scale) in scales.iter().enumerate() {
            row.set_scale(first + a, scale);
        }
    }
    gain > row.tolerance
}
