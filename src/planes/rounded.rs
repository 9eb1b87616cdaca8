//! From scales of any number of bits to stored ones.

use super::MAX_PLANES;
use super::group::{Found, Group};
use super::levels::Levels;
use super::system::Scales;

/// The planes of the stored scales next to some scales, with the trits chosen anew.
///
/// Looks at the values on both sides of each scale, in all combinations, then moves one scale at a time to a neighbouring value as
/// long as that gains.
pub(super) fn planes(group: &Group, count: usize, scales: Scales) -> Found {
    let sides = scales.map(|scale| group.scale_type.neighbours(group.stored(scale)));
    let mut best = ([0.0; MAX_PLANES], 0.0);
    for choice in 0..1_usize << count {
        let mut stored = [0.0; MAX_PLANES];
        for (k, place) in stored.iter_mut().enumerate() {
            *place = sides[k][choice >> k & 1];
        }
        best = more(best, (stored, gain(group, count, &stored)));
    }
    while let Some(next) = step(group, count, best) {
        best = next;
    }
    let stored = &mut best.0[..count];
    stored.sort_unstable_by(|a, b| b.total_cmp(a));
    group.assign(stored)
}

/// The best move of one scale to a neighbour, if it gains.
fn step(group: &Group, count: usize, now: (Scales, f64)) -> Option<(Scales, f64)> {
    let kind = group.scale_type;
    let mut best = now;
    for k in 0..count {
        let number = kind.number_below(now.0[k]);
        for next in [number.saturating_sub(1), (number + 1).min(kind.last())] {
            let mut stored = now.0;
            stored[k] = kind.value(next);
            best = more(best, (stored, gain(group, count, &stored)));
        }
    }
    (best.1 > now.1).then_some(best)
}

/// The one with the larger gain; the first of equals.
fn more(a: (Scales, f64), b: (Scales, f64)) -> (Scales, f64) {
    if b.1 > a.1 { b } else { a }
}

/// What stored scales gain with the best trits for them.
fn gain(group: &Group, count: usize, stored: &Scales) -> f64 {
    let scales = stored.map(|stored| group.scaled(stored));
    // Beyond the largest magnitude nothing is gained, and squares might overflow.
    if scales.iter().any(|scale| *scale >= 2.0) {
        return 0.0;
    }
    let levels = Levels::of(&scales[..count]);
    group.system(&levels).gain(&scales)
}
