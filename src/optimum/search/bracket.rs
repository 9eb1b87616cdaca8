//! The search that needs neither heap nor scratch: bracket every optimum, then look only between.
//!
//! ```text
//! low  = a threshold below every optimum           high = just below the largest magnitude
//! repeat  low = g(low), high = g(high)             until few weights lie between, or it gets slow
//! halve what is left, dropping halves whose bound is below the best score,
//! until at most 32 weights are left: sort those and look at each
//! ```
//!
//! Cost: a pass over the weights per step, about 10 to 20 for ordinary distributions of a million weights; up to 32
//! weights, none. Memory: two or three exact sums per halving, on the stack. The worst case is quadratic: where almost all
//! candidates score alike (`b_i = sqrt(i+1) - sqrt(i)` makes them equal but for rounding) no bound drops a half, and every 32
//! weights take a pass.
//!
//! Source: fact 2 of the [parent module](super), and branch and bound with the bound of [`crate::optimum::objective`].

use super::window::{WINDOW, offer_all, width};
use super::{BestSupport, Range, nothing};
use crate::optimum::objective::{Objective, Support};

/// The best support of all, `None` if nothing can be selected.
pub(super) fn optimum<O: Objective>(objective: &O) -> Option<Support<O::Tally>> {
    let below_top = objective.top().checked_sub(1)?;
    let mut best = BestSupport::new(objective, Range::ANY);
    if objective.len() <= WINDOW {
        offer_all(&mut best, 0, &nothing(objective));
        return best.found;
    }
    let edges = objective.above_each([objective.floor(), below_top]);
    let [low, high] = bracket(objective, edges);
    best.offer(high);
    best.offer(low);
    refine(&mut best, &low, &high);
    best.found
}

/// Narrows a bracket with `g` from both ends, while that pays.
fn bracket<O: Objective>(
    objective: &O,
    mut edges: [Support<O::Tally>; 2],
) -> [Support<O::Tally>; 2] {
    loop {
        let [low, high] = &edges;
        let before = width(low, high);
        if before <= WINDOW {
            return edges;
        }
        let up = objective.half_scale_key(&low.tally).max(low.cut.key);
        let down = objective.half_scale_key(&high.tally).min(high.cut.key);
        edges = objective.above_each([up, down]);
        let [low, high] = &edges;
        // Halving gets rid of half the keys; where g gets rid of less than an eighth of the weights, halve.
        if width(low, high) > before - before / 8 {
            return edges;
        }
    }
}

/// Offers every support strictly between two edges that could be the best one.
pub(super) fn refine<O: Objective>(
    best: &mut BestSupport<'_, O>,
    low: &Support<O::Tally>,
    high: &Support<O::Tally>,
) {
    let between = width(low, high);
    if between == 0 || best.rules_out(best.objective.bound(low, high)) {
        return;
    }
    if between <= WINDOW {
        offer_all(best, low.cut.key, high);
        return;
    }
    let middle = low.cut.key + (high.cut.key - low.cut.key) / 2;
    if middle == low.cut.key {
        // One magnitude, many times: inside a run of equals nothing beats both its ends.
        return;
    }
    let middle = best.objective.above(middle);
    best.offer(middle);
    refine(best, &middle, high);
    refine(best, low, &middle);
}
