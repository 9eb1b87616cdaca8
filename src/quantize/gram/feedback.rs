//! Error feedback: weights are rounded one after the other, and those still to come compensate for the errors so far.
//!
//! With the metric factored as `M = R R^T`, `R` upper triangular in the order of the weights, and errors `e = w - q`,
//!
//! ```text
//! e^T M e = |R^T e|^2 = sum_i R_ii^2 (e_i + c_i / R_ii)^2        c_i = sum_{j < i} R_ji e_j
//! ```
//!
//! and each term depends only on the errors up to `i`. So in order, `q_i` is the level nearest to `w_i + c_i / R_ii`. This is what
//! GPTQ does with the Cholesky factor of the inverse Hessian; `R` is the inverse of that factor, so nothing has to be inverted.
//!
//! The scales of a group are found when its first weight is reached: by the exact search on the weights as they would be if all
//! following weights were free to compensate, `v = w - e` with `R^T e = -c` on the group, with the importances `R_ii^2`. If the
//! weights are taken by decreasing mean square of their inputs, groups are not met as a whole, and their scales are found beforehand.
//! Then the best scales for the patterns and another pass with those scales take turns as long as that helps. A last pass is for the
//! scales as stored.
//!
//! Cost: `N^3/6` once, `N^2/2` per row and pass.
//! Source: Frantar, Ashkboos, Hoefler, Alistarh, GPTQ (arXiv 2210.17323); Chee, Cai, Kuleshov, De Sa, `QuIP` (arXiv 2307.13304),
//! theorem 6, for the form without an inverse.

use alloc::vec;
use alloc::vec::Vec;

use nalgebra::Cholesky;

use super::metric::Metric;
use super::patterns::{RowChoice, nearest};
use super::problem::Problem;
use super::row::{RowState, RowTarget};
use super::{nearest as near, scales};
use crate::error::Error;
use crate::weight::FloatBits;

/// A bound on the passes with re-solved scales. Chosen: later passes hardly ever help.
const PASSES: usize = 4;

/// The factor `R`, for the weights in an order.
pub(super) struct Factor {
    /// The weight at each place of the order.
    order: Vec<usize>,
    /// `R`, row after row; entries left of the diagonal are 0.
    entries: Vec<f64>,
    natural: bool,
}

impl Factor {
    /// Factors a metric, with the weights in natural order or by decreasing diagonal. `None` if it is not positive definite.
    pub(super) fn new(metric: &Metric, by_activation: bool) -> Option<Self> {
        let count = metric.inputs();
        let mut order: Vec<usize> = (0..count).collect();
        if by_activation {
            order.sort_by(|&a, &b| metric.diagonal(b).total_cmp(&metric.diagonal(a)));
        }
        // R is the lower factor of the matrix in reversed order, reversed.
        let reversed = metric.matrix(|a| order[count - 1 - a]);
        let lower = Cholesky::new(reversed)?.unpack();
        let mut entries = vec![0.0; count * count];
        for (row, line) in entries.chunks_exact_mut(count).enumerate() {
            for (column, entry) in line.iter_mut().enumerate().skip(row) {
                *entry = lower[(count - 1 - row, count - 1 - column)];
            }
        }
        Some(Self {
            order,
            entries,
            natural: !by_activation,
        })
    }

    /// A row of `R`.
    fn row(&self, place: usize) -> &[f64] {
        let count = self.order.len();
        &self.entries[place * count..][..count]
    }

    fn diagonal(&self, place: usize) -> f64 {
        self.row(place)[place]
    }

    /// The sum of `R_ii^2`: what independent errors of variance 1 leave behind when all weights still to come compensate for them.
    pub(super) fn remaining(&self) -> f64 {
        let diagonal = (0..self.order.len()).map(|place| self.diagonal(place));
        diagonal.map(|entry| entry * entry).sum()
    }
}

/// The choice by error feedback for a row.
pub(super) fn choose(
    problem: &Problem<'_>,
    factor: &Factor,
    target: RowTarget<'_>,
) -> Result<RowChoice, Error> {
    let scales = if factor.natural {
        None
    } else {
        let beforehand = near::choose(problem, target.weights, Some(problem.importance))?;
        Some(beforehand.scales)
    };
    // A pass, and then the best scales for its patterns.
    let rescaled = |scales| -> Result<(f64, RowState<'_>), Error> {
        let choice = pass(problem, factor, target.weights, scales)?;
        let mut row = RowState::new(problem, target, choice);
        scales::resolve(&mut row);
        Ok((row.objective(), row))
    };
    let mut best = rescaled(scales)?;
    for _ in 1..PASSES {
        let next = rescaled(Some(best.1.choice.scales.clone()))?;
        if next.0 >= best.0 {
            break;
        }
        best = next;
    }
    // The scales are stored; a last pass with the stored ones may still be better.
    let mut kept = best.1;
    let scale_type = problem.options.scale_type;
    let groups = kept.choice.scales.chunks(problem.patterns.scales());
    for (group, wanted) in groups.enumerate() {
        // The scale that is stored may be 0 because that is best.
        let rounded = wanted.iter().map(|&scale| scale_type.round(scale));
        scale_type.check(group, wanted, &rounded.collect::<Vec<_>>())?;
    }
    scales::store(&mut kept);
    let stored = Some(kept.choice.scales.clone());
    let again = pass(problem, factor, target.weights, stored)?;
    let again = RowState::new(problem, target, again);
    let better = again.objective() < kept.objective();
    Ok(if better { again } else { kept }.choice)
}

/// A pass over the weights of a row: chooses all patterns, for scales that are given or are found on the way.
fn pass(
    problem: &Problem<'_>,
    factor: &Factor,
    weights: &[f64],
    scales: Option<Vec<f64>>,
) -> Result<RowChoice, Error> {
    let patterns = problem.patterns;
    let search = scales.is_none();
    let mut scales = scales.unwrap_or_default();
    let mut chosen = vec![0; weights.len()];
    // `c` at each place that is still to come.
    let mut carried = vec![0.0; weights.len()];
    let (mut levels, mut of_group) = (Vec::new(), usize::MAX);
    for place in 0..weights.len() {
        let i = factor.order[place];
        let group = i / problem.options.group;
        if search && i == problem.members(group).start {
            scales.extend(search_scales(problem, factor, weights, &carried, group)?);
        }
        if group != of_group {
            let first = group * patterns.scales();
            levels = patterns.levels(&scales[first..first + patterns.scales()]);
            of_group = group;
        }
        // The nearest level, and its error carried on to the places to come.
        let wanted = weights[i] + carried[place] / factor.diagonal(place);
        chosen[i] = nearest(&levels, wanted);
        let error = weights[i] - levels[chosen[i]];
        let row = &factor.row(place)[place + 1..];
        let carried = &mut carried[place + 1..];
        problem.metric.add_multiple(carried, error, row);
    }
    Ok(RowChoice {
        patterns: chosen,
        scales,
    })
}

/// The scales of a group in natural order whose first weight comes next: the exact search on its compensated weights.
fn search_scales(
    problem: &Problem<'_>,
    factor: &Factor,
    weights: &[f64],
    carried: &[f64],
    group: usize,
) -> Result<Vec<f64>, Error> {
    let members = problem.members(group);
    let mut carried = carried[members.clone()].to_vec();
    let mut compensated = Vec::with_capacity(carried.len());
    for (k, i) in members.clone().enumerate() {
        let error = -carried[k] / factor.diagonal(i);
        compensated.push(weights[i] - error);
        let row = &factor.row(i)[i + 1..];
        for (carried, entry) in carried[k + 1..].iter_mut().zip(row) {
            *carried += error * entry;
        }
    }
    let squares = members.map(|i| factor.diagonal(i) * factor.diagonal(i));
    let largest = squares.clone().fold(0.0, f64::max);
    let importance = squares.map(|square| f32::narrow(square / largest));
    let importance: Vec<f32> = importance.collect();
    near::choose_scales(problem.patterns, &compensated, Some(&importance))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quantize::Codebook;
    use crate::quantize::gram::patterns::Patterns;
    use crate::quantize::gram::{Gram, OutputAware};

    /// Solves a small system by elimination.
    fn solve(mut rows: Vec<Vec<f64>>, mut right: Vec<f64>) -> Vec<f64> {
        let count = right.len();
        for pivot in 0..count {
            for other in (0..count).filter(|&other| other != pivot) {
                let factor = rows[other][pivot] / rows[pivot][pivot];
                let subtracted = rows[pivot].clone();
                for (entry, other) in rows[other].iter_mut().zip(subtracted) {
                    *entry -= factor * other;
                }
                right[other] -= factor * right[pivot];
            }
        }
        (0..count).map(|i| right[i] / rows[i][i]).collect()
    }

    /// What the definition says: each weight takes the level nearest to its best value if all after it were free.
    fn twin(metric: &Metric, order: &[usize], weights: &[f64], levels: &[f64]) -> Vec<usize> {
        let mut patterns = vec![0; weights.len()];
        let mut errors = vec![0.0; weights.len()];
        for (place, &i) in order.iter().enumerate() {
            let free = &order[place..];
            let rows = free
                .iter()
                .map(|&j| free.iter().map(|&k| metric.row(j)[k]).collect());
            let right = free.iter().map(|&j| {
                let decided = order[..place].iter();
                -decided.map(|&k| metric.row(j)[k] * errors[k]).sum::<f64>()
            });
            let wanted = weights[i] - solve(rows.collect(), right.collect())[0];
            patterns[i] = nearest(levels, wanted);
            errors[i] = weights[i] - levels[patterns[i]];
        }
        patterns
    }

    #[test]
    fn a_pass_is_what_the_definition_says() {
        let inputs = 12;
        let value = |i: usize| ((i * 7919 + 13) % 101) as f32 / 50.0 - 0.9;
        let mut gram = Gram::new(inputs).unwrap();
        let rows = (0..30 * inputs)
            .map(|i| value(i) + value(i / inputs))
            .collect::<Vec<_>>();
        gram.add(&rows).unwrap();
        let metric = Metric::new(&gram, 0.01);
        for codebook in [Codebook::OneScale, Codebook::Planes(2)] {
            let patterns = Patterns::new(codebook);
            let problem = Problem {
                options: OutputAware::new(&gram),
                metric: &metric,
                patterns: &patterns,
                importance: &[],
                factor: None,
                inverse: None,
            };
            let scales = [0.6, 0.2][..codebook.scales()].to_vec();
            let levels = patterns.levels(&scales);
            for by_activation in [false, true] {
                let factor = Factor::new(&metric, by_activation).unwrap();
                for row in 0..20 {
                    let weights: Vec<f64> = (0..inputs)
                        .map(|i| f64::from(value(row * 31 + i * 5)))
                        .collect();
                    let choice = pass(&problem, &factor, &weights, Some(scales.clone()));
                    let choice = choice.unwrap();
                    let expected = twin(&metric, &factor.order, &weights, &levels);
                    assert_eq!(choice.patterns, expected);
                }
            }
        }
        // The order by activation is by decreasing diagonal.
        let order = Factor::new(&metric, true).unwrap().order;
        let sizes = order.iter().map(|&i| metric.diagonal(i));
        assert!(sizes.is_sorted_by(|a, b| a >= b));
    }
}
