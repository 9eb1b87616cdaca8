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
use core::ops::Range;

use super::cholesky::cholesky;
use super::metric::{DEPTH, Metric, add_rows};
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
        let lower = cholesky(reversed)?.unpack_dirty();
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

/// A row, and the scales that it is given; without them, they are found on the way.
type Start<'a> = (RowTarget<'a>, Option<Vec<f64>>);

/// What became of each of some rows.
pub(super) type Each<T> = Vec<Result<T, Error>>;

/// The choice by error feedback for each row. The factor and the metric are read once for all of them in each pass.
pub(super) fn choose(
    problem: &Problem<'_>,
    factor: &Factor,
    targets: &[RowTarget<'_>],
) -> Each<RowChoice> {
    let starts = targets.iter().map(|&target| {
        if factor.natural {
            return Ok((target, None));
        }
        let beforehand = near::choose(problem, target.weights, Some(problem.importance))?;
        Ok((target, Some(beforehand.scales)))
    });
    let again = |row: usize, best: &Result<RowState<'_>, Error>| match best {
        Ok(best) => Ok((targets[row], Some(best.choice.scales.clone()))),
        Err(error) => Err(*error),
    };
    let mut best = passes(problem, factor, starts.collect(), &[]);
    let resolve = |row: &mut RowState<'_>| _ = scales::resolve(row);
    best.iter_mut().flatten().for_each(resolve);
    // Further passes, each with the best scales for the patterns of the one before, as long as they help.
    let mut active: Vec<usize> = (0..targets.len()).collect();
    for _ in 1..PASSES {
        let starts = active.iter().map(|&row| again(row, &best[row]));
        let before = active.iter().filter_map(|&row| best[row].as_ref().ok());
        let before: Vec<_> = before.collect();
        let mut next = passes(problem, factor, starts.collect(), &before);
        next.iter_mut().flatten().for_each(resolve);
        let mut next = next.into_iter();
        active.retain(|&row| {
            let next = next.next().unwrap_or(Err(Error::Empty));
            let improved = improves(&next, &best[row]);
            if improved || next.is_err() {
                best[row] = next;
            }
            improved
        });
    }
    // The scales are stored; a last pass with the stored ones may still be better.
    for row in &mut best {
        if let Ok(state) = row
            && let Err(error) = store(state)
        {
            *row = Err(error);
        }
    }
    let starts = best.iter().enumerate().map(|(row, best)| again(row, best));
    let before: Vec<_> = best.iter().flatten().collect();
    let last = passes(problem, factor, starts.collect(), &before);
    let kept = best.into_iter().zip(last).map(|(kept, last)| {
        let (kept, last) = (kept?, last?);
        let better = last.objective() < kept.objective();
        Ok(if better { last } else { kept }.choice)
    });
    kept.collect()
}

/// Whether a pass has a lower objective than the best so far.
fn improves(next: &Result<RowState<'_>, Error>, best: &Result<RowState<'_>, Error>) -> bool {
    matches!((next, best), (Ok(next), Ok(best)) if next.objective() < best.objective())
}

/// Stores the scales of a row, which may become 0 only where that is best.
fn store(row: &mut RowState<'_>) -> Result<(), Error> {
    let scale_type = row.problem.options.scale_type;
    let groups = row.choice.scales.chunks(row.problem.patterns.scales());
    for (group, wanted) in groups.enumerate() {
        let rounded = wanted.iter().map(|&scale| scale_type.round(scale));
        scale_type.check(group, wanted, &rounded.collect::<Vec<_>>())?;
    }
    scales::store(row);
    Ok(())
}

/// A pass over the weights of each row: chooses all patterns. The images of a pass before it make those of the next one cheaper.
fn passes<'a>(
    problem: &'a Problem<'a>,
    factor: &Factor,
    starts: Each<Start<'a>>,
    before: &[&RowState<'a>],
) -> Each<RowState<'a>> {
    let starts = starts.into_iter();
    let mut rows: Each<Pass<'a>> = starts.map(|start| Ok(Pass::new(start?))).collect();
    let count = factor.order.len();
    let mut carried = vec![vec![0.0; count]; rows.len()];
    for group in 0..problem.groups() {
        search_scales(problem, factor, &mut rows, &carried, group);
        let take = |row: usize, place: usize, carried: f64| {
            let row = rows[row].as_mut().ok();
            row.map_or(0.0, |pass| pass.take(problem, factor, place, carried))
        };
        carry(factor, problem.members(group), count, &mut carried, take);
    }
    let choices = rows.iter_mut().flatten().map(|pass| {
        let choice = RowChoice {
            patterns: core::mem::take(&mut pass.patterns),
            scales: core::mem::take(&mut pass.scales),
        };
        (pass.target, choice)
    });
    let mut states = RowState::of_rows(problem, choices, before).into_iter();
    let mut state = || states.next().ok_or(Error::Empty);
    let states = rows.into_iter().map(|row| row.and_then(|_| state()));
    states.collect()
}

/// Carries the errors at some places on to those up to `end`, for each row in order: `error(row, place, c)` is the error at a place
/// where `c` was carried to. The factor is read once for all rows.
fn carry(
    factor: &Factor,
    places: Range<usize>,
    end: usize,
    carried: &mut [Vec<f64>],
    mut error: impl FnMut(usize, usize, f64) -> f64,
) {
    for start in places.clone().step_by(DEPTH) {
        // At once to the places of a block, and afterwards to all that follow.
        let block = start..places.end.min(start + DEPTH);
        let mut errors = vec![[0.0; DEPTH]; carried.len()];
        for (row, (carried, errors)) in carried.iter_mut().zip(&mut errors).enumerate() {
            for (place, made) in block.clone().zip(errors) {
                *made = error(row, place, carried[place]);
                let rest = place + 1..block.end;
                let entries = &factor.row(place)[rest.clone()];
                for (carried, entry) in carried[rest].iter_mut().zip(entries) {
                    *carried += *made * entry;
                }
            }
        }
        let after = block.end..end;
        let sums = carried.iter_mut().map(|row| &mut row[after.clone()]);
        let rows = block.map(|place| &factor.row(place)[after.clone()]);
        let (mut sums, rows): (Vec<_>, Vec<_>) = (sums.collect(), rows.collect());
        add_rows(&mut sums, &rows, |sum, row| errors[sum][row]);
    }
}

/// A pass over the weights of a row, up to some place.
struct Pass<'a> {
    target: RowTarget<'a>,
    /// Whether the scales are found on the way.
    search: bool,
    scales: Vec<f64>,
    patterns: Vec<usize>,
    /// The levels of the group of the last weight.
    levels: Vec<f64>,
    of_group: usize,
}

impl<'a> Pass<'a> {
    fn new((target, scales): Start<'a>) -> Self {
        Self {
            target,
            search: scales.is_none(),
            scales: scales.unwrap_or_default(),
            patterns: vec![0; target.weights.len()],
            levels: Vec::new(),
            of_group: usize::MAX,
        }
    }

    /// Chooses the pattern of the weight at the next place, where this was carried to; returns its error.
    fn take(&mut self, problem: &Problem<'_>, factor: &Factor, place: usize, carried: f64) -> f64 {
        let i = factor.order[place];
        let group = i / problem.options.group;
        if group != self.of_group {
            let scales = problem.patterns.scales();
            let scales = &self.scales[group * scales..][..scales];
            self.levels = problem.patterns.levels(scales);
            self.of_group = group;
        }
        let weight = self.target.weights[i];
        self.patterns[i] = nearest(&self.levels, weight + carried / factor.diagonal(place));
        weight - self.levels[self.patterns[i]]
    }
}

/// Finds the scales of a group in natural order whose first weight comes next: by the exact search on its compensated weights.
fn search_scales(
    problem: &Problem<'_>,
    factor: &Factor,
    rows: &mut [Result<Pass<'_>, Error>],
    carried: &[Vec<f64>],
    group: usize,
) {
    let members = problem.members(group);
    let mut searched: Vec<_> = rows.iter_mut().zip(carried).collect();
    searched.retain(|(row, _)| row.as_ref().is_ok_and(|pass| pass.search));
    if searched.is_empty() {
        return;
    }
    // The weights as they would be if all that follow were free.
    let mut carried: Vec<Vec<f64>> = searched.iter().map(|(_, row)| (*row).clone()).collect();
    let mut errors = vec![Vec::with_capacity(members.len()); carried.len()];
    let made = |row: usize, place: usize, carried: f64| {
        let error = -carried / factor.diagonal(place);
        errors[row].push(error);
        error
    };
    carry(factor, members.clone(), members.end, &mut carried, made);
    let diagonal = members.clone().map(|i| factor.diagonal(i));
    let squares = diagonal.map(|entry| entry * entry);
    let largest = squares.clone().fold(0.0, f64::max);
    let importance = squares.map(|square| f32::narrow(square / largest));
    let importance: Vec<f32> = importance.collect();
    for ((row, _), errors) in searched.into_iter().zip(errors) {
        let Ok(pass) = row else { continue };
        let weights = pass.target.weights[members.clone()].iter().zip(errors);
        let compensated: Vec<f64> = weights.map(|(weight, error)| weight - error).collect();
        match near::choose_scales(problem.patterns, &compensated, Some(&importance)) {
            Ok(found) => pass.scales.extend(found),
            Err(error) => *row = Err(error),
        }
    }
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
                    let target = RowTarget {
                        weights: &weights,
                        product: &weights,
                    };
                    let start = Ok((target, Some(scales.clone())));
                    let found = passes(&problem, &factor, vec![start], &[]).swap_remove(0);
                    let expected = twin(&metric, &factor.order, &weights, &levels);
                    assert_eq!(found.unwrap().choice.patterns, expected);
                }
            }
        }
        // The order by activation is by decreasing diagonal.
        let order = Factor::new(&metric, true).unwrap().order;
        let sizes = order.iter().map(|&i| metric.diagonal(i));
        assert!(sizes.is_sorted_by(|a, b| a >= b));
    }
}
