//! Coordinate descent: one weight's pattern at a time, and the scales in between, until nothing helps.
//!
//! ```text
//! repeat
//!     for each weight, in order: take the pattern that lowers the objective the most, if one does
//!     set all scales to the best for these patterns                                  (see scales)
//! until neither lowers it
//! ```
//!
//! With one scale a group, a pattern is judged with the group's scale re-solved. With `t` the trits of the group, `u = M t` and
//! `r` the weights minus the levels of all other groups, the objective is a constant minus `(t.M r)^2 / (t.u)`. A trit that
//! changes by `d` turns the two into `t.M r + d (M r)_i` and `t.u + 2 d u_i + d^2 M_ii`: O(1). With several scales a group, a
//! pattern is judged for the scales as they are, `d (2 g_i + d M_ii)` for a level that changes by `d`.
//!
//! At the end no change of a single weight's pattern lowers the objective by more than 2^-40 of `w^T M w`: with one scale a group
//! not even with the group's scale re-solved, so with one scale a row there is nothing that a single change could gain. Nor does
//! a change of the scales.
//!
//! Cost: O(1) to judge a weight, O(N) for a change that is made.
//! Source: exhaustive one-opt local search for quadratic objectives; the scale-free form is that of matching pursuit's gain.

use alloc::vec::Vec;

use super::codebook::nearest;
use super::row::Row;
use super::scales;

/// A bound on the sweeps, far beyond what is seen. Each sweep lowers the objective by more than the tolerance.
const MOST_SWEEPS: usize = 1000;

/// Descends with free scales.
pub(super) fn descend(row: &mut Row<'_>) {
    scales::resolve(row);
    for _ in 0..MOST_SWEEPS {
        let changed = if row.setting.patterns.scales() == 1 {
            sweep_ratios(row)
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

/// Descends for the scales as they are.
pub(super) fn descend_for_scales(row: &mut Row<'_>) {
    for _ in 0..MOST_SWEEPS {
        let changed = sweep_levels(row);
        row.refresh();
        if !changed {
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

/// The objective of a group as a function of its trits: a constant minus `along^2 / length`.
#[derive(Clone, Copy)]
struct Ratio {
    /// `t . M r`.
    along: f64,
    /// `t . M t`.
    length: f64,
}

impl Ratio {
    /// What the group lowers the objective by.
    fn gain(self) -> f64 {
        if self.length > 0.0 {
            self.along * self.along / self.length
        } else {
            0.0
        }
    }

    /// The best scale.
    fn scale(self) -> f64 {
        if self.length > 0.0 {
            self.along / self.length
        } else {
            0.0
        }
    }
}

/// A pass over the weights, one scale a group, which is re-solved for each candidate. Whether a trit changed.
fn sweep_ratios(row: &mut Row<'_>) -> bool {
    let mut changed = false;
    for group in 0..row.setting.groups() {
        let mut ratio = ratio(row, group);
        for i in row.setting.members(group) {
            if let Some((trit, better)) = better(row, group, i, ratio) {
                let pattern = row.setting.patterns.find([trit, 0, 0, 0]);
                let step = f64::from(trit) - row.coefficient(group, i);
                row.change(group, i, step, better.scale());
                row.choice.patterns[i] = pattern;
                ratio = better;
                changed = true;
            }
        }
    }
    changed
}

/// Where a group stands.
fn ratio(row: &Row<'_>, group: usize) -> Ratio {
    let (mut length, mut slope) = (0.0, 0.0);
    for i in row.setting.members(group) {
        let trit = row.coefficient(group, i);
        length += trit * row.images[group][i];
        slope += trit * row.gradient[i];
    }
    let along = row.choice.scales[group] * length - slope;
    Ratio { along, length }
}

/// The better of the two other trits of a weight, if it gains.
fn better(row: &Row<'_>, group: usize, i: usize, now: Ratio) -> Option<(i8, Ratio)> {
    let curvature = row.setting.metric.diagonal(i);
    let image = row.images[group][i];
    let residual = row.choice.scales[group] * image - row.gradient[i];
    let trit = row.coefficient(group, i);
    let mut best = (now.gain() + row.tolerance, None);
    for other in [0, 1, -1] {
        let step = f64::from(other) - trit;
        let ratio = Ratio {
            along: now.along + step * residual,
            length: now.length + step * (2.0 * image + step * curvature),
        };
        if step != 0.0 && ratio.length > curvature * f64::EPSILON && ratio.gain() > best.0 {
            best = (ratio.gain(), Some((other, ratio)));
        }
    }
    best.1
}
