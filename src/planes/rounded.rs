//! From scales of any number of bits to stored ones.

use super::MAX_PLANES;
use super::group::{Found, Group};
use super::levels::Levels;
use super::refine::Solution;
use super::system::Scales;

/// The planes of the stored scales next to some scales, with the trits chosen anew.
///
/// Looks at the values on both sides of each scale, in all combinations, then moves one scale at a time to a neighbouring value as
/// long as that gains.
pub(super) fn planes(group: &Group, planes: usize, scales: Scales) -> Found {
    let sides = scales.map(|scale| group.scale_type.neighbours(group.stored(scale)));
    let mut best = Solution::NONE;
    for choice in 0..1_usize << planes {
        let mut stored = [0.0; MAX_PLANES];
        for (k, place) in stored.iter_mut().enumerate() {
            *place = sides[k][choice >> k & 1];
        }
        best = best.better(solution(group, planes, stored));
    }
    while let Some(next) = step(group, planes, best) {
        best = next;
    }
    let stored = &mut best.scales[..planes];
    stored.sort_unstable_by(|a, b| b.total_cmp(a));
    group.assign(stored)
}

/// The best move of one scale to a neighbour, if it gains.
fn step(group: &Group, planes: usize, now: Solution) -> Option<Solution> {
    let kind = group.scale_type;
    let mut best = now;
    for k in 0..planes {
        let number = kind.number_below(now.scales[k]);
        for next in [number.saturating_sub(1), (number + 1).min(kind.last())] {
            let mut stored = now.scales;
            stored[k] = kind.value(next);
            best = best.better(solution(group, planes, stored));
        }
    }
    (best.gain > now.gain).then_some(best)
}

/// Stored scales, and what they gain with the best trits for them.
fn solution(group: &Group, planes: usize, stored: Scales) -> Solution {
    let scales = stored.map(|stored| group.scaled(stored));
    // Beyond the largest magnitude nothing is gained, and squares might overflow.
    let gain = if scales.iter().any(|scale| *scale >= 2.0) {
        0.0
    } else {
        group.system(&Levels::new(planes, &scales)).gain(&scales)
    };
    Solution {
        scales: stored,
        gain,
    }
}
