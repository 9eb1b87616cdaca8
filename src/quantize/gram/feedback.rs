//! Error feedback: weights are rounded one after the other, and those still to come make up for the errors so far.
//!
//! With the metric factored as `M = R R^T`, `R` upper triangular in the order of the weights, and errors `e = w - q`,
//!
//! ```text
//! e^T M e = |R^T e|^2 = sum_i R_ii^2 (e_i + c_i / R_ii)^2        c_i = sum_{j < i} R_ji e_j
//! ```
//!
//! and each term depends on the errors up to `i` alone. So in order, `q_i` is the level nearest to `w_i + c_i / R_ii`. This is what
//! GPTQ does with the Cholesky factor of the inverse; `R` is the inverse of that factor, so nothing has to be inverted.
//!
//! The scales of a group are found when its first weight comes, by the exact search on the weights as they would be if all that
//! come were free to make up for the errors: `v = w - e` with `R^T e = -c` on the group, each of importance `R_ii^2`. With the
//! inputs in order of their size, groups are not met as a whole, and the scales are found beforehand. Then the best scales for the
//! patterns and another pass with those scales take turns, as long as that helps; a last pass is for the scales as stored.
//!
//! Cost: `N^3/6` once, `N^2/2` a row and pass.
//! Source: Frantar, Ashkboos, Hoefler, Alistarh, GPTQ (arXiv 2210.17323); Chee, Cai, Kuleshov, De Sa, `QuIP` (arXiv 2307.13304),
//! theorem 6, for the form without an inverse.

use alloc::vec;
use alloc::vec::Vec;

use nalgebra::{Cholesky, DMatrix};

use super::codebook::{Choice, nearest};
use super::metric::Metric;
use super::nearest::choose_group;
use super::row::{Row, Setting};
use super::{nearest as near, scales};
use crate::error::Error;
use crate::weight::Format;

/// Passes with re-solved scales.
const PASSES: usize = 4;

/// The factor `R`, for the weights in an order.
pub(super) struct Factor {
    /// The weight at each place of the order.
    order: Vec<usize>,
    /// `R`, row after row; what is left of the diagonal is 0.
    entries: Vec<f64>,
    natural: bool,
}

impl Factor {
    /// Factors a metric, the weights in natural order or by decreasing diagonal. `None` if it is not positive definite.
    pub(super) fn new(metric: &Metric, by_activation: bool) -> Option<Self> {
        let count = metric.inputs();
        let mut order: Vec<usize> = (0..count).collect();
        if by_activation {
            order.sort_by(|&a, &b| metric.diagonal(b).total_cmp(&metric.diagonal(a)));
        }
        // R is the lower factor of the matrix in reversed order, reversed.
        let reversed = DMatrix::from_fn(count, count, |a, b| {
            metric.row(order[count - 1 - a])[order[count - 1 - b]]
        });
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
}

/// The choice by error feedback for a row. `target` is the product of the metric with the weights.
pub(super) fn choose(
    setting: &Setting<'_>,
    factor: &Factor,
    weights: &[f64],
    target: &[f64],
    importance: &[f32],
) -> Result<Choice, Error> {
    let scales = if factor.natural {
        None
    } else {
        Some(near::choose(setting, weights, Some(importance))?.scales)
    };
    let pass = |scales| Pass::new(setting, factor, weights).run(scales);
    let rescaled = |choice| {
        let mut row = Row::new(*setting, weights, target, choice);
        scales::resolve(&mut row);
        (row.objective(), row)
    };
    let mut best = rescaled(pass(scales)?);
    for _ in 1..PASSES {
        let next = rescaled(pass(Some(best.1.choice.scales.clone()))?);
        if next.0 >= best.0 {
            break;
        }
        best = next;
    }
    let mut kept = best.1;
    scales::store(&mut kept);
    let again = pass(Some(kept.choice.scales.clone()))?;
    let again = Row::new(*setting, weights, target, again);
    let better = again.objective() < kept.objective();
    Ok(if better { again } else { kept }.choice)
}

/// A pass over the weights of a row.
struct Pass<'a> {
    setting: &'a Setting<'a>,
    factor: &'a Factor,
    weights: &'a [f64],
    /// `c` at each place that is still to come.
    carried: Vec<f64>,
}

impl<'a> Pass<'a> {
    fn new(setting: &'a Setting<'a>, factor: &'a Factor, weights: &'a [f64]) -> Self {
        Self {
            setting,
            factor,
            weights,
            carried: vec![0.0; weights.len()],
        }
    }

    /// Chooses all patterns, for scales that are given or found on the way.
    fn run(mut self, scales: Option<Vec<f64>>) -> Result<Choice, Error> {
        let search = scales.is_none();
        let mut choice = Choice {
            patterns: vec![0; self.weights.len()],
            scales: scales.unwrap_or_default(),
        };
        let patterns = self.setting.patterns;
        let mut levels = Vec::new();
        let mut of_group = usize::MAX;
        for place in 0..self.weights.len() {
            let i = self.factor.order[place];
            let group = i / self.setting.group;
            if search && i == self.setting.members(group).start {
                let scales = self.search(group)?;
                choice.scales.extend(scales);
            }
            if group != of_group {
                let first = group * patterns.scales();
                patterns.levels(
                    &choice.scales[first..first + patterns.scales()],
                    &mut levels,
                );
                of_group = group;
            }
            let wanted = self.weights[i] + self.carried[place] / self.factor.diagonal(place);
            choice.patterns[i] = nearest(&levels, wanted);
            let error = self.weights[i] - levels[choice.patterns[i]];
            let row = &self.factor.row(place)[place + 1..];
            let carried = &mut self.carried[place + 1..];
            self.setting.metric.add_multiple(carried, error, row);
        }
        Ok(choice)
    }

    /// The scales of a group in natural order whose first weight is the next: the exact search on its compensated weights.
    fn search(&self, group: usize) -> Result<Vec<f64>, Error> {
        let members = self.setting.members(group);
        let mut carried = self.carried[members.clone()].to_vec();
        let mut compensated = Vec::with_capacity(carried.len());
        for (k, i) in members.clone().enumerate() {
            let error = -carried[k] / self.factor.diagonal(i);
            compensated.push(self.weights[i] - error);
            for (carried, entry) in carried[k + 1..]
                .iter_mut()
                .zip(&self.factor.row(i)[i + 1..])
            {
                *carried += error * entry;
            }
        }
        let squares = members.map(|i| self.factor.diagonal(i) * self.factor.diagonal(i));
        let largest = squares.clone().fold(0.0, f64::max);
        let importance: Vec<f32> = squares
            .map(|square| f32::narrow(square / largest))
            .collect();
        let mut choice = Choice {
            patterns: Vec::new(),
            scales: Vec::new(),
        };
        choose_group(
            self.setting.patterns,
            &compensated,
            Some(&importance),
            &mut choice,
        )?;
        Ok(choice.scales)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quantize::gram::Gram;
    use crate::quantize::gram::codebook::{Codebook, Patterns};
    use crate::quantize::scale_type::ScaleType;

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
            let setting = Setting {
                metric: &metric,
                patterns: &patterns,
                group: inputs,
                scale_type: ScaleType::F32,
            };
            let scales = [0.6, 0.2][..codebook.scales()].to_vec();
            let mut levels = Vec::new();
            patterns.levels(&scales, &mut levels);
            for by_activation in [false, true] {
                let factor = Factor::new(&metric, by_activation).unwrap();
                for row in 0..20 {
                    let weights: Vec<f64> = (0..inputs)
                        .map(|i| f64::from(value(row * 31 + i * 5)))
                        .collect();
                    let pass = Pass::new(&setting, &factor, &weights);
                    let choice = pass.run(Some(scales.clone())).unwrap();
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
