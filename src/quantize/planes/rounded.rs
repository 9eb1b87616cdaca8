//! From scales of any number of bits to stored ones.

use super::MAX_PLANES;
use super::group::Group;
use super::levels::Levels;
use super::system::{Scales, Solution};

/// Gains that differ by less than this share of the energy count as equal.
const DOUBT: f64 = 1.0 / (1_u64 << 44) as f64;

/// The best stored scales next to scales that are best without rounding, with what they gain.
///
/// Rounds each scale, then looks at the values on both sides of each, in all combinations, then walks on as long
/// as that gains more than rounding errors can feign. So an `f32` scale is the nearest.
pub(super) fn near(group: &Group, planes: usize, scales: &Scales) -> Solution {
    let kind = group.scale_type;
    let nearest = scales.map(|scale| kind.round(group.stored(scale)));
    let sides = scales.map(|scale| kind.neighbours(group.stored(scale)));
    let mut best = solution(group, planes, nearest);
    for choice in 0..1_usize << planes {
        let mut stored = [0.0; MAX_PLANES];
        for (k, place) in stored.iter_mut().enumerate() {
            *place = sides[k][choice >> k & 1];
        }
        let other = solution(group, planes, stored);
        if gains(group, other, best) {
            best = other;
        }
    }
    walk(group, planes, best)
}

/// The largest number of moves of a walk, more than it ever needs.
const MOVES: usize = 256;

/// Moves one scale at a time, always the one that gains most. Moves become twice as long as long as they gain, and half as long
/// when they do not: so the walk is short also from far away, and ends where no neighbour is better.
fn walk(group: &Group, planes: usize, start: Solution) -> Solution {
    let (mut now, mut stride) = (start, 1);
    for _ in 0..MOVES {
        let best = best_move(group, planes, now, stride);
        if gains(group, best, now) {
            (now, stride) = (best, stride * 2);
        } else if stride > 1 {
            stride /= 2;
        } else {
            break;
        }
    }
    now
}

/// The best of all moves of one scale by so many values.
fn best_move(group: &Group, planes: usize, now: Solution, stride: u64) -> Solution {
    let kind = group.scale_type;
    let mut best = now;
    for k in 0..planes {
        let number = kind.number_below(now.scales[k]);
        for next in [number.saturating_sub(stride), number.saturating_add(stride)] {
            let mut stored = now.scales;
            stored[k] = kind.value(next.min(kind.last()));
            best = best.better(solution(group, planes, stored));
        }
    }
    best
}

/// Whether one is beyond doubt better than another.
fn gains(group: &Group, one: Solution, other: Solution) -> bool {
    one.gain > other.gain + DOUBT * group.energy
}

/// Stored scales, and what they gain with the best trits for them.
fn solution(group: &Group, planes: usize, stored: Scales) -> Solution {
    let scales = stored.map(|stored| group.scaled(stored));
    // So far beyond the largest magnitude scales are hardly ever of use, and squares might overflow.
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
