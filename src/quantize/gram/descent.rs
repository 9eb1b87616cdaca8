//! Coordinate descent: one weight's pattern at a time, and the scales in between, until nothing helps.
//!
//! ```text
//! repeat
//!     for each weight, in order: take the pattern that lowers the objective the most, if one does
//!     set all scales to the best for these patterns                                  (see `scales`)
//! until neither lowers it
//! ```
//!
//! With one or two scales per group, a pattern is judged with the group's scales re-solved (see `quadratic`). With more scales it is
//! judged for the scales as they are: a level that changes by `d` changes the objective by `d (2 g_i + d M_ii)`. Either takes O(1).
//!
//! At the end no change of a single weight's pattern lowers the objective by more than 2^-40 of `w^T M w`, and no change of the
//! scales does. With one or two scales per group this holds even if the group's scales follow the change. So with one group per row
//! no single change can gain anything. (Planes with equal or opposite trits count as one.)
//!
//! Scales that are to be stored are rounded one after the other, each to the value that is best with those before. From then on
//! patterns and scales change one at a time among the storable ones.
//!
//! Cost: O(1) to judge a pattern, O(N) for a change that is made.

use alloc::vec::Vec;

use super::patterns::{RowChoice, nearest};
use super::problem::Problem;
use super::quadratic::Quadratic;
use super::row::{RowState, RowTarget};
use super::scales;

/// A bound on the sweeps. Chosen: far beyond what was seen. Each sweep but the last lowers the objective by more than the tolerance.
const MOST_SWEEPS: usize = 1000;

/// For each row the objective and the choice where a descent ends; never worse than its start, whose scales are storable.
pub(super) fn from(
    problem: &Problem<'_>,
    starts: &[(RowTarget<'_>, RowChoice)],
) -> Vec<(f64, RowChoice)> {
    let rows = RowState::of_rows(problem, starts.iter().cloned(), &[]);
    let ends = rows.into_iter().zip(starts).map(|(mut row, start)| {
        let before = row.objective();
        descend(&mut row);
        descend_stored(&mut row);
        if row.objective() > before {
            // Rounding the scales cost more than the descent had gained.
            let (target, choice) = start.clone();
            row = RowState::new(problem, target, choice);
            descend_stored(&mut row);
        }
        (row.objective(), row.choice)
    });
    ends.collect()
}

/// Descends with scales of any number of bits.
fn descend(row: &mut RowState<'_>) {
    scales::resolve(row);
    let sweep = match row.problem.patterns.scales() {
        ..=2 => sweep_resolving,
        _ => sweep_levels,
    };
    descend_with(row, sweep, scales::resolve);
}

/// Rounds the scales to storable ones and descends among those.
pub(super) fn descend_stored(row: &mut RowState<'_>) {
    scales::store(row);
    descend_with(row, sweep_levels, scales::store);
}

/// Sweeps over patterns and scales in turn until neither changes.
fn descend_with(
    row: &mut RowState<'_>,
    sweep: impl Fn(&mut RowState<'_>) -> bool,
    set_scales: impl Fn(&mut RowState<'_>) -> bool,
) {
    for _ in 0..MOST_SWEEPS {
        let changed = sweep(row);
        row.refresh();
        let scaled = set_scales(row);
        if !changed && !scaled {
            break;
        }
    }
}

/// A pass over the weights with the scales as they are. Returns whether a pattern changed.
fn sweep_levels(row: &mut RowState<'_>) -> bool {
    let mut changed = false;
    let problem = row.problem;
    for group in 0..problem.groups() {
        let scales = row.scales_of(group);
        let levels = problem.patterns.levels(&row.choice.scales[scales]);
        for i in problem.members(group) {
            let curvature = problem.metric.diagonal(i);
            if curvature <= 0.0 {
                continue;
            }
            // The level nearest to the minimum of the parabola in this weight's level.
            let old = levels[row.choice.patterns[i]];
            let best = nearest(&levels, old - row.gradient[i] / curvature);
            let step = levels[best] - old;
            if step * (2.0 * row.gradient[i] + step * curvature) < -row.tolerance {
                row.set_pattern(i, best);
                changed = true;
            }
        }
    }
    changed
}

/// A pass over the weights where the one or two scales of the group follow. Returns whether a pattern changed.
fn sweep_resolving(row: &mut RowState<'_>) -> bool {
    let mut changed = false;
    for group in 0..row.problem.groups() {
        let mut now = GroupState::new(row, group);
        for i in row.problem.members(group) {
            if let Some(better) = now.better(row, i) {
                now.take(row, i, &better);
                changed = true;
            }
        }
    }
    changed
}

/// The scales of a group and its quadratic form.
struct GroupState {
    /// The number of its first scale.
    first: usize,
    count: usize,
    now: Quadratic,
}

/// A pattern that lowers the objective.
struct Better {
    pattern: usize,
    quadratic: Quadratic,
    scales: [f64; 2],
}

impl GroupState {
    fn new(row: &RowState<'_>, group: usize) -> Self {
        let range = row.scales_of(group);
        let (first, count) = (range.start, range.len());
        let mut now = Quadratic::default();
        let (mut slope, mut scales) = ([0.0; 2], [0.0; 2]);
        for c in 0..count {
            (now.length[c], slope[c]) = row.length_and_slope(first + c);
            scales[c] = row.choice.scales[first + c];
        }
        if count == 2 {
            for i in row.problem.members(group) {
                now.overlap += row.coefficient(first, i) * row.images[first + 1][i];
            }
        }
        now.along = [
            now.length[0] * scales[0] + now.overlap * scales[1] - slope[0],
            now.length[1] * scales[1] + now.overlap * scales[0] - slope[1],
        ];
        Self { first, count, now }
    }

    /// The best other pattern of a weight, if it lowers the objective.
    fn better(&self, row: &RowState<'_>, i: usize) -> Option<Better> {
        let patterns = row.problem.patterns;
        let curvature = row.problem.metric.diagonal(i);
        let least = curvature * f64::EPSILON;
        let (mut image, mut residual) = ([0.0; 2], -row.gradient[i]);
        for (c, image) in image.iter_mut().enumerate().take(self.count) {
            *image = row.images[self.first + c][i];
            residual += row.choice.scales[self.first + c] * *image;
        }
        let own = row.choice.patterns[i];
        let gain = self.now.best(patterns.signed(), least).0;
        let mut best = (gain + row.tolerance, None);
        for pattern in (0..patterns.count()).filter(|&pattern| pattern != own) {
            let step = patterns.step(own, pattern);
            let quadratic = self.now.changed(step, image, residual, curvature);
            let (gain, scales) = quadratic.best(patterns.signed(), least);
            if gain > best.0 {
                let better = Better {
                    pattern,
                    quadratic,
                    scales,
                };
                best = (gain, Some(better));
            }
        }
        best.1
    }

    /// Gives a weight a pattern, and the group the scales that are best with it.
    fn take(&mut self, row: &mut RowState<'_>, i: usize, better: &Better) {
        let own = row.choice.patterns[i];
        let step = row.problem.patterns.step(own, better.pattern);
        let changes = step.iter().zip(better.scales).take(self.count);
        for (c, (&step, scale)) in changes.enumerate() {
            row.change(self.first + c, i, step, scale);
        }
        row.choice.patterns[i] = better.pattern;
        self.now = better.quadratic;
    }
}
