//! Alternation from several starts.

use super::group::{Found, Group};
use super::levels::Levels;
use super::system::Scales;
use super::{MAX_PLANES, rounded};

/// Sizes of the largest scale at which alternation starts, in units of the root mean square of the weights.
const SIZES: [f64; 3] = [0.8, 1.2, 1.8];
/// Ratios of a scale to the one before at which it starts.
const RATIOS: [f64; 4] = [0.3, 0.45, 0.6, 0.8];
/// More steps than these are hardly ever needed.
const STEPS: usize = 64;

/// The best planes from all starts, or the greedy ones.
pub(super) fn planes(group: &Group, greedy: Found) -> Found {
    let count = greedy.stored.len();
    let mut first = [0.0; MAX_PLANES];
    for (scale, &stored) in first.iter_mut().zip(&greedy.stored) {
        *scale = group.scaled(stored);
    }
    let mut best = alternate(group, count, first);
    let unit = num_traits::Float::sqrt(group.energy / group.weights.len() as f64);
    for size in SIZES {
        for ratio in RATIOS {
            let mut scale = size * unit;
            let mut start = [0.0; MAX_PLANES];
            for place in &mut start[..count] {
                *place = scale;
                scale *= ratio;
            }
            let found = alternate(group, count, start);
            if found.1 > best.1 {
                best = found;
            }
        }
    }
    better(greedy, rounded::planes(group, count, best.0))
}

/// The one with the smaller error; the first of equals.
pub(super) fn better(a: Found, b: Found) -> Found {
    if b.relative_error < a.relative_error {
        b
    } else {
        a
    }
}

/// Trits and scales in turn until nothing is gained. Returns the scales and the gain.
pub(super) fn alternate(group: &Group, count: usize, start: Scales) -> (Scales, f64) {
    let mut scales = start;
    let mut best = ([0.0; MAX_PLANES], 0.0);
    for _ in 0..STEPS {
        let solved = group.system(&Levels::of(&scales[..count])).solve();
        if solved.1 <= best.1 {
            break;
        }
        best = solved;
        scales = solved.0;
    }
    best
}
