//! Supports of a wanted size, and the smallest support of a wanted cosine, in place.
//!
//! The `m`-th largest magnitude is found by bisecting its key: 31 counting passes for `f32`, 63 for `f64`, no memory. A
//! best support among sizes `min..=max` is then either one of those two sizes, possibly cutting through a run of equal
//! magnitudes, or a threshold set between them, found by the same branch and bound as the free optimum. (Inside a run the
//! score is the square of a line over `m`, which is convex: nothing inside beats both ends.)

use super::bracket::refine;
use super::window::{WINDOW, scan, width};
use super::{BestSupport, Range, Target};
use crate::optimum::objective::{Item, Objective, Support, Tally};

/// The best support with a number of weights in the range.
pub(super) fn between<O: Objective>(objective: &O, range: Range) -> Option<Support<O::Tally>> {
    let mut best = BestSupport::new(objective, range);
    let (first, last) = (largest(objective, range.min), largest(objective, range.max));
    best.offer(first);
    best.offer(last);
    let (low, high) = edges(objective, &first, &last);
    best.offer(high);
    best.offer(low);
    refine(&mut best, &low, &high);
    best.found
}

/// The smallest support in the range that reaches the target.
pub(super) fn sparsest<O: Objective>(
    objective: &O,
    range: Range,
    target: Target,
) -> Option<Support<O::Tally>> {
    let (first, last) = (largest(objective, range.min), largest(objective, range.max));
    let hunt = Hunt {
        objective,
        range,
        target,
    };
    if hunt.reaches(&first.tally) {
        return Some(first);
    }
    let (low, high) = edges(objective, &first, &last);
    hunt.between(&low, &high)
}

/// The `m` largest weights, the first in order among equals.
fn largest<O: Objective>(objective: &O, m: usize) -> Support<O::Tally> {
    let count_above = |key| objective.items().filter(|item| item.key > key).count();
    // The smallest key with fewer than m weights above it is the m-th largest.
    let (mut low, mut high) = (0, objective.top());
    while low < high {
        let middle = low + (high - low) / 2;
        if count_above(middle) < m {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    let above = objective.above(high);
    let ties = m.saturating_sub(above.tally.count());
    with_ties(objective, &above, ties)
}

/// The support above a threshold, and the first of the weights at it.
fn with_ties<O: Objective>(
    objective: &O,
    above: &Support<O::Tally>,
    ties: usize,
) -> Support<O::Tally> {
    let (key, mut tally) = (above.cut.key, above.tally);
    objective.add(&mut tally, Item::of_key(key), ties);
    Support::new(key, ties, tally)
}

/// Thresholds that enclose all supports from `first` to `last`.
fn edges<O: Objective>(
    objective: &O,
    first: &Support<O::Tally>,
    last: &Support<O::Tally>,
) -> (Support<O::Tally>, Support<O::Tally>) {
    let low = objective.above(last.cut.key.saturating_sub(1));
    (low, objective.above(first.cut.key))
}

/// The search for the smallest support that reaches a cosine.
struct Hunt<'a, O> {
    objective: &'a O,
    range: Range,
    target: Target,
}

impl<O: Objective> Hunt<'_, O> {
    fn reaches(&self, tally: &O::Tally) -> bool {
        let rounded = self.objective.rounded(tally);
        self.range.contains(tally.count()) && self.target.reached_by(rounded)
    }

    /// The smallest support between two edges that reaches the target: the smaller half first.
    fn between(
        &self,
        low: &Support<O::Tally>,
        high: &Support<O::Tally>,
    ) -> Option<Support<O::Tally>> {
        let between = width(low, high);
        if between == 0 || self.out_of_reach(low, high) {
            return None;
        }
        if between <= WINDOW {
            let mut found = None;
            scan(self.objective, low.cut.key, high, |support| {
                found = self.reaches(&support.tally).then_some(support);
                found.is_some()
            });
            return found;
        }
        let middle = low.cut.key + (high.cut.key - low.cut.key) / 2;
        if middle == low.cut.key {
            return self.within_run(high, between);
        }
        let middle = self.objective.above(middle);
        self.between(&middle, high)
            .or_else(|| self.between(low, &middle))
    }

    /// Whether even the bound stays below the target.
    fn out_of_reach(&self, low: &Support<O::Tally>, high: &Support<O::Tally>) -> bool {
        const MARGIN: f64 = 1.0 + 1e-12;
        let wanted = self.target.cosine * self.target.cosine * self.target.energy;
        self.objective.bound(low, high) * MARGIN < wanted
    }

    /// The smallest support that takes some of `run` equal magnitudes. Their scores are convex in the number taken, and
    /// none was enough, so those that reach the target are the last ones: bisect.
    fn within_run(&self, high: &Support<O::Tally>, run: usize) -> Option<Support<O::Tally>> {
        let taking = |ties| with_ties(self.objective, high, ties);
        let before = high.tally.count();
        let mut least = self.range.min.saturating_sub(before).max(1);
        let mut most = run.min(self.range.max.saturating_sub(before));
        if most < least || !self.reaches(&taking(most).tally) {
            return None;
        }
        while least < most {
            let middle = least + (most - least) / 2;
            if self.reaches(&taking(middle).tally) {
                most = middle;
            } else {
                least = middle + 1;
            }
        }
        Some(taking(most))
    }
}
