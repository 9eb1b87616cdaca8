//! The reference: sort the magnitudes, try every prefix. The paper's algorithm, word for word.
//!
//! ```text
//! sort |w| in decreasing order
//! for M = 1..N:  S_M = S_{M-1} + b_M;  keep M if S_M^2 / M is the largest so far
//! ```
//!
//! Slow and obvious on purpose: the other searches are tested against it. `O(N log N)` time, 16 bytes of heap per weight.
//!
//! Source: TNT, arXiv 1912.09236, section 3.

use alloc::vec::Vec;
use core::cmp::Reverse;

use super::{BestSupport, Range, Target};
use crate::optimum::objective::{Cut, Item, Objective, Support};

/// The best prefix with a number of weights in the range, `None` if there is none.
pub(super) fn best<O: Objective>(objective: &O, range: Range) -> Option<Support<O::Tally>> {
    let mut best = BestSupport::new(objective, range);
    for found in prefixes(objective, &sorted(objective)) {
        best.offer(found);
    }
    best.found
}

/// The shortest prefix in the range that reaches the target.
pub(super) fn sparsest<O: Objective>(
    objective: &O,
    range: Range,
    target: Target,
) -> Option<Support<O::Tally>> {
    let sorted = sorted(objective);
    let reaches = |found: &Support<O::Tally>| target.reached_by(objective.rounded(&found.tally));
    let prefixes = prefixes(objective, &sorted);
    let mut allowed = prefixes.take(range.max).skip(range.min - 1);
    allowed.find(reaches)
}

/// The weights that can be selected, largest first, equal ones in order.
fn sorted<O: Objective>(objective: &O) -> Vec<Item> {
    let mut items: Vec<Item> = objective.items().filter(|item| item.key > 0).collect();
    sort(&mut items);
    items
}

/// Compiled once for all objectives.
#[inline(never)]
fn sort(items: &mut [Item]) {
    items.sort_by_key(|item| Reverse(item.key));
}

/// Every prefix with its sums.
fn prefixes<'a, O: Objective>(
    objective: &'a O,
    sorted: &'a [Item],
) -> impl Iterator<Item = Support<O::Tally>> + 'a {
    let mut tally = objective.empty();
    let mut cut = Cut { key: 0, ties: 0 };
    sorted.iter().map(move |&item| {
        objective.add(&mut tally, item, 1);
        cut = cut.and(item.key);
        Support { cut, tally }
    })
}
