//! Coordinate descent: one weight's pattern at a time, and the scales in between, until nothing helps.
//!
//! ```text
//! repeat
//!     for each weight, in order: take the pattern that lowers the objective the most, if one does
//!     set all scales to the best for these patterns                                  (see scales)
//! until neither lowers it
//! ```
//!
//! With one or two scales a group, a pattern is judged with the group's scales re-solved (see quadratic); with more, for the
//! scales as they are: a level that changes by `d` changes the objective by `d (2 g_i + d M_ii)`. Either takes O(1).
//!
//! At the end no change of a single weight's pattern lowers the objective by more than 2^-40 of `w^T M w`, and no change of the
//! scales does. With one or two scales a group this holds even if the group's scales follow the change; so with one group a
//! row there is nothing that a single change could gain. (Planes whose trits are equal, or opposite, count as one.)
//!
//! Scales that are to be stored are rounded one after the other, each to the value that is best with those before, and from
//! then on patterns and scales change one at a time among the storable ones.
//!
//! Cost: O(1) to judge a pattern, O(N) for a change that is made.

use alloc::vec::Vec;

use super::codebook::{Choice, nearest};
use super::quadratic::Quadratic;
use super::row::{Row, Setting};
use super::scales;

/// A bound on the sweeps, far beyond what is seen. Each sweep but the last lowers the objective by more than the tolerance.
const MOST_SWEEPS: usize = 1000;

/// The objective and choice where a descent ends; never worse than its start, whose scales are storable.
pub(super) fn from(
    setting: Setting<'_>,
    weights: &[f64],
    target: &[f64],
    start: &Choice,
) -> (f64, Choice) {
    let mut row = Row::new(setting, weights, target, start.clone());
    let before = row.objective();
    descend(&mut row);
    descend_stored(&mut row);
    if row.objective() > before {
        // Rounding the scales cost more than the descent had gained.
        row = Row::new(setting, weights, target, start.clone());
        descend_stored(&mut row);
    }
    (row.objective(), row.choice)
}

/// Descends with free scales.
pub(super) fn descend(row: &mut Row<'_>) {
    scales::resolve(row);
    for _ in 0..MOST_SWEEPS {
        let changed = if row.setting.patterns.scales() <= 2 {
            sweep_resolving(row)
        } else {
            sweep_levels(row)
        };
        row.refresh();
        let scaled = scales::resolve(row);
        if !changed && !scaled {
            break;
        }
    }
}

/// Rounds the scales to storable ones and descends among those.
pub(super) fn descend_stored(row: &mut Row<'_>) {
    scales::store(row);
    for _ in 0..MOST_SWEEPS {
        let changed = sweep_levels(row);
        row.refresh();
        let scaled = scales::store(row);
        if !changed && !scaled {
            break;
        }
    }
}

/// A pass over the weights with the scales as they are. Whether a pattern changed.
fn sweep_levels(row: &mut Row<'_>) -> bool {
    let mut changed = false;
    let mut levels = Vec::new();
    for group in 0..row.setting.groups() {
        let scales = row.scales_of(group);
        let patterns = row.setting.patterns;
        patterns.levels(&row.choice.scales[scales], &mut levels);
        for i in row.setting.members(group) {
            let curvature = row.setting.metric.diagonal(i);
            if curvature <= 0.0 {
                continue;
            }
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

/// A pass over the weights where the scales of the group, one or two, follow. Whether a pattern changed.
fn sweep_resolving(row: &mut Row<'_>) -> bool {
    let mut changed = false;
    for group in 0..row.setting.groups() {
        let mut now = Group::new(row, group);
        for i in row.setting.members(group) {
            if let Some(better) = now.better(row, i) {
                now.take(row, i, &better);
                changed = true;
            }
        }
    }
    changed
}

/// Where a group stands.
struct Group {
    /// The number of its first scale.
    first: usize,
    count: usize,
    now: Quadratic,
}

/// A pattern that gains.
struct Better {
    pattern: usize,
    quadratic: Quadratic,
    scales: [f64; 2],
}

impl Group {
    fn new(row: &Row<'_>, group: usize) -> Self {
        let scales = row.scales_of(group);
        let (first, count) = (scales.start, scales.len());
        let mut now = Quadratic::default();
        let mut slope = [0.0; 2];
        for i in row.setting.members(group) {
            let sums = now.length.iter_mut().zip(&mut slope).take(count);
            for (c, (length, slope)) in sums.enumerate() {
                let coefficient = row.coefficient(first + c, i);
                *length += coefficient * row.images[first + c][i];
                *slope += coefficient * row.gradient[i];
            }
            if count == 2 {
                now.overlap += row.coefficient(first, i) * row.images[first + 1][i];
            }
        }
        let mut scales = [0.0; 2];
        scales[..count].copy_from_slice(&row.choice.scales[row.scales_of(group)]);
        now.along = [
            now.length[0] * scales[0] + now.overlap * scales[1] - slope[0],
            now.length[1] * scales[1] + now.overlap * scales[0] - slope[1],
        ];
        Self { first, count, now }
    }

    /// The best of the patterns of a weight, if it gains.
    fn better(&self, row: &Row<'_>, i: usize) -> Option<Better> {
        let patterns = row.setting.patterns;
        let curvature = row.setting.metric.diagonal(i);
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
    fn take(&mut self, row: &mut Row<'_>, i: usize, better: &Better) {
        let step = row
            .setting
            .patterns
            .step(row.choice.patterns[i], better.pattern);
        let changes = step.iter().zip(better.scales).take(self.count);
        for (c, (&step, scale)) in changes.enumerate() {
            row.change(self.first + c, i, step, scale);
        }
        row.choice.patterns[i] = better.pattern;
        self.now = better.quadratic;
    }
}
