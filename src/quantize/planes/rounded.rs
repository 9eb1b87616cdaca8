//! From scales with any number of bits to stored ones.

use super::group::WeightGroup;
use super::levels::Levels;
use super::system::{PlaneScales, ScaleCandidate};

/// Gains that differ by less than this share of the energy count as equal. Chosen: 2^9 times the rounding error of one operation,
/// because a gain is a sum of many terms.
const DOUBT: f64 = 1.0 / (1_u64 << 44) as f64;

/// A bound on the moves of a walk. Chosen: more than any walk seen needed.
const MOVES: usize = 256;

/// The best stored scales next to scales that are best without rounding, with their gain.
///
/// Starts from the nearest stored values, tries all combinations of the two neighbours of each scale, then walks on as long as that
/// gains more than rounding errors can pretend. In practice an `f32` scale stays the nearest value.
pub(super) fn near(group: &WeightGroup, scales: &PlaneScales) -> ScaleCandidate {
    let kind = group.scale_type;
    let exact = scales.map(|scale| group.weights.stored(scale));
    let mut best = candidate(group, exact.map(|scale| kind.round(scale)));
    let sides = exact.map(|scale| kind.neighbours(scale));
    for choice in 0..1_usize << group.planes {
        let stored = core::array::from_fn(|k| sides[k][choice >> k & 1]);
        let other = candidate(group, stored);
        if gains(group, other, best) {
            best = other;
        }
    }
    walk(group, best)
}

/// Moves one scale at a time, always the move that gains most. The stride doubles while moves gain and halves when they do not. So
/// the walk is short even from far away, and it ends where no neighbour is better.
fn walk(group: &WeightGroup, start: ScaleCandidate) -> ScaleCandidate {
    let (mut now, mut stride) = (start, 1);
    for _ in 0..MOVES {
        let best = best_move(group, now, stride);
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

/// The best of all moves of one scale by this many values.
fn best_move(group: &WeightGroup, now: ScaleCandidate, stride: u64) -> ScaleCandidate {
    let kind = group.scale_type;
    let mut best = now;
    for k in 0..group.planes {
        let number = kind.number_below(now.scales[k]);
        for next in [number.saturating_sub(stride), number.saturating_add(stride)] {
            let mut stored = now.scales;
            stored[k] = kind.value(next.min(kind.last()));
            best = best.better(candidate(group, stored));
        }
    }
    best
}

/// Whether a candidate is better by more than rounding errors.
fn gains(group: &WeightGroup, one: ScaleCandidate, other: ScaleCandidate) -> bool {
    one.gain > other.gain + DOUBT * group.weights.energy
}

/// Stored scales with the gain of their nearest levels.
fn candidate(group: &WeightGroup, stored: PlaneScales) -> ScaleCandidate {
    let scales = stored.map(|stored| group.weights.scaled(stored));
    // Scales this far beyond the largest magnitude are hardly ever useful, and their squares might overflow.
    let gain = if scales.iter().any(|scale| *scale >= 2.0) {
        0.0
    } else {
        let levels = Levels::new(group.planes, &scales);
        group.system(&levels).gain(&scales)
    };
    ScaleCandidate {
        scales: stored,
        gain,
    }
}
