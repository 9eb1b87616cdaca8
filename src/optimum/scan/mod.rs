//! Loops over a long slice of weights, each as fast as the memory delivers them.
//!
//! A streaming search reads a slice three times: for its [`Norms`](norms::Norms), in a [`ScanPass`](survey::ScanPass), which bounds the
//! score near a few thresholds and gathers the weights near the likely one, and to write the trits ([`trits`]). The other passes are
//! needed where the first scan leaves doubts. Each pass is a [`Job`](crate::simd::Job): it is written once for the vectors of every
//! backend. Most can be divided between threads.
//!
//! # The mass of a weight
//!
//! The score of a support is `S^2 / m` with `S = sum h |w|` and `m = sum h`. The mass `h` of a weight is its importance, or 1 if
//! there are no importances. All passes are generic over the type of the masses ([`Mass`](mass::Mass)): `f32`, or
//! [`UnitMass`](mass::UnitMass), which has no size and costs nothing.
//!
//! | | mass 1 | importances |
//! |---|---|---|
//! | sums above a threshold ([`above`]) | exact in any order | rounded, with a bound of their error |
//! | a weight of mass 0 | does not occur | counts as 0 and is never selected |
//! | gathered weights ([`buffer`]) | the weights with their signs | magnitudes and masses |
//!
//! # Why the number of lanes does not matter
//!
//! A sum that decides is exact, or its error is bounded and exact sums decide what the bound leaves open ([`exact`]). A sum that
//! only bounds a score carries its error. A sum that is reported has a defined order ([`float_sums`](crate::exact::float_sums)).
//! So all backends and all numbers of threads give the same bits.

#![expect(
    clippy::needless_range_loop,
    reason = "several arrays side by side; iterators would be closures, compiled without the instructions of a backend"
)]

pub(crate) mod above;
pub(crate) mod buffer;
pub(crate) mod doubles;
pub(crate) mod exact;
pub(crate) mod gathered;
pub(crate) mod guess;
pub(crate) mod mass;
pub(crate) mod norms;
pub(crate) mod residual;
pub(crate) mod survey;
pub(crate) mod trits;

use super::side::Side;
use crate::simd::Vector;
use crate::weight::FloatBits;

/// Weights that a pass works on side by side: the lanes of [`Vector::Singles`].
pub(crate) const LANES: usize = 16;

/// Prefetch distance in bytes. Chosen as the length of a row of 4,096 `f32` weights: matrices are searched row by row, so what lies
/// there is the next row.
const AHEAD: usize = 1 << 14;

/// The magnitudes of the weights of a side, 0 for the others.
#[inline(always)]
pub(crate) fn magnitudes<V: Vector>(vector: V, side: Side, x: V::Singles) -> V::Singles {
    match side {
        Side::Both => vector.abs(x),
        Side::Positive => vector.max(x, vector.splat(0.0)),
        Side::Negative => vector.max(vector.negate(x), vector.splat(0.0)),
    }
}

/// Sixteen weights as `f32`.
#[inline(always)]
fn load<V: Vector, W: FloatBits>(vector: V, chunk: &[W; LANES]) -> V::Singles {
    match W::half_bits(chunk) {
        Some(bits) => vector.widen_halves(&bits),
        None => vector.load(&singles(chunk)),
    }
}

/// The weights of a chunk as `f32`.
#[inline(always)]
pub(crate) fn singles<W: FloatBits, const N: usize>(chunk: &[W; N]) -> [f32; N] {
    let mut singles = [0.0; N];
    for (single, weight) in singles.iter_mut().zip(chunk) {
        *single = weight.single();
    }
    singles
}

/// The last elements of a slice, filled up with others.
#[inline(always)]
pub(crate) fn padded<T: Copy, const N: usize>(rest: &[T], fill: T) -> [T; N] {
    let mut all = [fill; N];
    for (place, &element) in all.iter_mut().zip(rest) {
        *place = element;
    }
    all
}

/// The largest bits of all lanes.
#[inline(always)]
fn largest_bits<V: Vector>(vector: V, x: V::Singles) -> u32 {
    let mut largest = 0;
    for lane in vector.array(x) {
        largest = largest.max(lane.to_bits());
    }
    largest
}

/// The sum of all lanes, in the order of [`float_sums`](crate::exact::float_sums).
#[inline(always)]
pub(super) fn sum_of_lanes<V: Vector>(vector: V, halves: [V::Doubles; 2]) -> f64 {
    crate::exact::float_sums::total(&vector.doubles(vector.add_doubles(halves[0], halves[1])))
}
