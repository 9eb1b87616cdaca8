//! Plane after plane: each is the exact optimum, with a stored scale, for what the ones before left.

use alloc::vec::Vec;

use super::group::{Found, Group};
use crate::exact::float_sums;
use crate::optimum::fit::share;
use crate::quantize::scale_type::Single;

/// The planes of the greedy way.
pub(super) fn planes(group: &Group, planes: usize) -> Found {
    let mut left = group.weights.clone();
    let mut trits = Vec::with_capacity(planes * left.len());
    let mut stored = Vec::with_capacity(planes);
    for _ in 0..planes {
        let magnitudes = left.iter().map(|x| x.abs()).collect();
        let best = Single::of(magnitudes, group.unit(), group.scale_type);
        for x in &mut left {
            let trit = best.trit(*x);
            trits.push(trit);
            *x -= best.scale * f64::from(trit);
        }
        stored.push(best.stored);
    }
    let lost = float_sums::sum(&left, |_, x| x * x);
    Found {
        trits,
        stored,
        relative_error: share(lost, group.energy),
    }
}
