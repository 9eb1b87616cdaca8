//! Passes over a long slice of weights, each as fast as the memory delivers them.
//!
//! Two passes make most searches: [`window_scan`], which is [`survey`] (how large is the gain at a few thresholds?) and [`gather`] (which
//! weights lie in an interval, and what do those [`above`] sum up to?) at once, and [`write`](mod@write) (the trits). Each is a
//! [`Job`](crate::simd::Job), written once for whatever vectors the backend has, and can be divided between threads.
//!
//! Sums that decide are exact whatever their order, for every term is a multiple of one unit and no sum reaches 2^53 of it;
//! sums that only bound carry their rounding error with them; sums that are reported have a defined order. So nothing depends
//! on the number of lanes.

pub(crate) mod above;
pub(crate) mod compact;
pub(crate) mod gather;
pub(crate) mod largest;
pub(crate) mod residual;
pub(crate) mod survey;
pub(crate) mod weighted;
mod window;
pub(crate) mod window_scan;
pub(crate) mod write;

use crate::simd::Vector;
use crate::weight::Format;

/// Weights side by side.
pub(crate) const LANES: usize = 16;

/// Bytes beyond a block that are asked for while it is read: the length of a row of a usual matrix, for after a row comes the next.
const AHEAD: usize = 1 << 14;

/// Which weights take part: both signs together, or one sign alone (the others count as zeros).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Side {
    Both,
    Positive,
    Negative,
}

impl Side {
    /// Whether a weight of this sign takes part.
    #[inline(always)]
    pub(crate) fn includes(self, negative: bool) -> bool {
        match self {
            Self::Both => true,
            Self::Positive => !negative,
            Self::Negative => negative,
        }
    }

    /// The magnitudes of those that take part, 0 for the others.
    #[inline(always)]
    pub(crate) fn magnitudes<V: Vector>(self, vector: V, x: V::Singles) -> V::Singles {
        match self {
            Self::Both => vector.abs(x),
            Self::Positive => vector.max(x, vector.splat(0.0)),
            Self::Negative => vector.max(vector.negate(x), vector.splat(0.0)),
        }
    }
}

/// The weights of a chunk as singles.
#[inline(always)]
pub(crate) fn singles<W: Format, const N: usize>(chunk: &[W; N]) -> [f32; N] {
    let mut singles = [0.0; N];
    for (single, weight) in singles.iter_mut().zip(chunk) {
        *single = weight.single();
    }
    singles
}

/// The last weights of a slice, filled up with zeros.
#[inline(always)]
fn padded<W: Format, const N: usize>(rest: &[W]) -> [W; N] {
    let mut all = [W::from_key(0); N];
    for (place, &weight) in all.iter_mut().zip(rest) {
        *place = weight;
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
