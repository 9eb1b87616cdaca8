//! The end of every search: at most [`WINDOW`] weights are left, so gather them, sort them and look at each.
//!
//! ```text
//! window   = the weights with low < key <= high, largest first
//! supports = the support above `high`, then one weight of the window more each time
//! ```
//!
//! Cost: one pass over the weights, 512 bytes of stack, `WINDOW^2 / 4` moves at the most.

use super::BestSupport;
use crate::optimum::objective::{Item, Objective, Support, Tally};

/// So few weights are sorted instead of being searched further. Chosen: a pass over all weights costs more than an insertion sort
/// of so many, which fit half a kilobyte of stack.
pub(super) const WINDOW: usize = 32;

/// Calls `visit` with the support above `high` and each weight of the window more, until it returns true.
///
/// At most [`WINDOW`] weights lie between `low` (exclusive) and `high` (inclusive); any further are ignored.
pub(super) fn scan<O: Objective>(
    objective: &O,
    low: u64,
    high: &Support<O::Tally>,
    mut visit: impl FnMut(Support<O::Tally>) -> bool,
) {
    let Support { mut cut, mut tally } = *high;
    let (window, len) = gather(objective, low, cut.key);
    for &item in window.iter().take(len) {
        objective.add(&mut tally, item, 1);
        cut = cut.and(item.key);
        if visit(Support { cut, tally }) {
            return;
        }
    }
}

/// Offers each support of the window.
pub(super) fn offer_all<O: Objective>(
    best: &mut BestSupport<'_, O>,
    low: u64,
    high: &Support<O::Tally>,
) {
    scan(best.objective, low, high, |found| {
        best.offer(found);
        false
    });
}

/// How many weights lie between two edges.
pub(super) fn width<T: Tally>(low: &Support<T>, high: &Support<T>) -> usize {
    low.tally.count().saturating_sub(high.tally.count())
}

/// The weights of the window by decreasing magnitude, equal ones in order: an insertion sort on the fly.
fn gather<O: Objective>(objective: &O, low: u64, high: u64) -> ([Item; WINDOW], usize) {
    let mut window = [Item::default(); WINDOW];
    let mut len = 0;
    let between = |item: &Item| low < item.key && item.key <= high;
    for item in objective.items().filter(between) {
        let Some(sorted) = window.get_mut(..=len) else {
            debug_assert!(false, "more weights than a window holds");
            break;
        };
        let mut before = sorted.iter().take(len);
        let place = before.position(|at| at.key < item.key).unwrap_or(len);
        // Room for it: every smaller one moves down by one place.
        let mut carried = item;
        for slot in sorted.iter_mut().skip(place) {
            core::mem::swap(slot, &mut carried);
        }
        len += 1;
    }
    (window, len)
}
