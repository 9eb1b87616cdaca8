//! Alternation from several starts.
//!
//! Alternation only goes downhill, to the nearest of many local optima: where it starts decides. For good pairs of normal and
//! Laplace weights the second scale is about a third or two thirds of the first; for three planes there are about nine shapes.
//! Each shape comes in eight sizes. All starts take one step, the best of them all the others.
//!
//! For two planes that comes within 0.003 dB of the optimum; the best of some thousand random starts is 0.05 to 0.3 dB better for
//! three planes, and 0.3 to 0.6 dB for four.

use alloc::vec::Vec;

use super::group::{Found, Group};
use super::levels::Levels;
use super::system::{Scales, Solution};
use super::{MAX_PLANES, rounded};
use crate::quantize::scale_type::ScaleType;

/// The largest scale at the start, in units of the root mean square of the weights.
const SIZES: [f64; 8] = [0.9, 1.04, 1.19, 1.37, 1.57, 1.81, 2.08, 2.39];
/// The second scale of two, and the fourth in units of the third.
const SECOND: [f64; 2] = [0.33, 0.66];
/// The second and the third of three scales.
const SECOND_AND_THIRD: [[f64; 2]; 9] = [
    [0.33, 0.11],
    [0.45, 0.34],
    [0.55, 0.34],
    [0.66, 0.22],
    [0.66, 0.45],
    [0.79, 0.33],
    [0.84, 0.27],
    [0.87, 0.62],
    [0.89, 0.31],
];
/// How many starts are followed to the end.
const FOLLOWED: usize = 12;
/// More steps than these are hardly ever needed, the most for large groups.
const STEPS: usize = 256;

/// The best planes from all starts, or the greedy ones.
pub(super) fn planes(group: &Group, greedy: Found) -> Found {
    let planes = greedy.stored.len();
    let mut first = [0.0; MAX_PLANES];
    for (scale, &stored) in first.iter_mut().zip(&greedy.stored) {
        *scale = group.scaled(stored);
    }
    let unit = num_traits::Float::sqrt(group.energy / group.weights.len() as f64);
    let sizes = SIZES.iter().map(|size| size * unit);
    let starts =
        sizes.flat_map(|size| shapes(planes).map(move |shape| shape.map(|ratio| ratio * size)));
    let once = core::iter::once(first).chain(starts);
    let mut once: Vec<Solution> = once
        .map(|start| alternate(group, planes, start, 1))
        .collect();
    // Stable: of equals the first.
    once.sort_by(|a, b| b.gain.total_cmp(&a.gain));
    let ends = once.iter().take(FOLLOWED);
    let mut ends: Vec<Solution> = ends
        .map(|start| alternate(group, planes, start.scales, STEPS))
        .collect();
    ends.sort_by(|a, b| b.gain.total_cmp(&a.gain));
    // Where rounding is coarse, the best scales need not round to the best ones; for 16 bits all ends gain but 0.01 dB.
    let rounded = match group.scale_type {
        ScaleType::PowerOfTwo => FOLLOWED,
        _ => 1,
    };
    let stored = ends.iter().take(rounded);
    let stored = stored.map(|end| rounded::near(group, planes, &end.scales));
    let best = stored.fold(Solution::NONE, Solution::better);
    let found = group.assign(planes, best.scales);
    if found.relative_error <= greedy.relative_error {
        return found;
    }
    let stored = rounded::near(group, planes, &first);
    better(greedy, group.assign(planes, stored.scales))
}

/// Scales in units of the first.
fn shapes(planes: usize) -> impl Iterator<Item = Scales> {
    let pairs = SECOND.map(|second| [1.0, second, 0.0, 0.0]);
    let triples = SECOND_AND_THIRD.map(|[second, third]| [1.0, second, third, 0.0]);
    let fourths = triples.into_iter().flat_map(|[first, second, third, _]| {
        SECOND.map(|ratio| [first, second, third, third * ratio])
    });
    let of = |count: usize, wanted: usize| if planes == wanted { count } else { 0 };
    pairs
        .into_iter()
        .take(of(2, 2))
        .chain(triples.into_iter().take(of(9, 3)))
        .chain(fourths.take(of(18, 4)))
}

/// The best planes from one start, or those known before.
pub(super) fn from(group: &Group, planes: usize, start: Scales, known: Found) -> Found {
    let end = alternate(group, planes, start, STEPS);
    let stored = rounded::near(group, planes, &end.scales);
    better(known, group.assign(planes, stored.scales))
}

/// The one with the smaller error; the first of equals.
fn better(one: Found, other: Found) -> Found {
    if other.relative_error < one.relative_error {
        other
    } else {
        one
    }
}

/// Trits and scales in turn until nothing is gained, or for some steps.
fn alternate(group: &Group, planes: usize, start: Scales, steps: usize) -> Solution {
    let mut levels = Levels::new(planes, &start);
    let mut best = Solution::NONE;
    for _ in 0..steps {
        let next = group.system(&levels).solve();
        if next.gain <= best.gain {
            break;
        }
        best = next;
        levels.change(&best.scales);
    }
    best
}
