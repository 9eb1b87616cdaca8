//! The sums of all weights above a threshold, as a loop adds them.
//!
//! **Mass 1** ([`ExactLanes`]): exact in any order. The terms are added in `f64`, in eight lanes. That is exact as long as no
//! lane reaches 2^53 times the last place of its smallest term:
//!
//! ```text
//! 24 + (binary places between the largest weight and the threshold) + log2(terms in a lane) <= 53
//! ```
//!
//! So a scan takes the total of the lanes after 2^13 weights: this allows weights up to 2^18 times the threshold.
//!
//! **Importances** ([`RoundedLanes`]): the product of two `f32` is exact in `f64`, but no few bits hold a sum of them. No term is
//! negative, so a sum of `n` terms has a relative error of at most about `(n - 1) 2^-53`. The lanes add runs of 1,024 terms, and the
//! runs are added to each other, so the error stays small; it is part of the result.

use core::fmt;

use super::LANES;
use super::mass::{Mass, UnitMass, WeightChunk};
use crate::exact::float_sums::total;
use crate::exact::grid::GridSums;
use crate::optimum::side::Side;
use crate::simd::Vector;
use crate::weight::{exponent, scale_by_power};

/// The largest relative error of one rounding to `f64`.
pub(crate) const ROUNDING: f64 = f64::EPSILON / 2.0;

/// Sums over a support.
pub(crate) trait SupportSums: Copy + Default + Send + fmt::Debug {
    /// Both together.
    fn and(self, other: Self) -> Self;
}

/// Exact sums over a support, on a grid.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SignedSums {
    pub(crate) all: GridSums,
    /// Those of the positive weights.
    pub(crate) positive: GridSums,
}

impl SupportSums for SignedSums {
    fn and(self, other: Self) -> Self {
        Self {
            all: self.all.and(other.all),
            positive: self.positive.and(other.positive),
        }
    }
}

impl SignedSums {
    /// Adds a weight that lies on the grid, or not: without a branch.
    #[inline(always)]
    pub(crate) fn add_if(&mut self, wanted: bool, placed: u128, negative: bool) {
        self.all.add_if(wanted, placed);
        self.positive.add_if(wanted && !negative, placed);
    }
}

/// Rounded sums over a support.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct RoundedSums {
    /// `sum h |w|`.
    pub(crate) sum: f64,
    /// `sum h`.
    pub(crate) mass: f64,
    /// The largest relative error of both.
    pub(crate) error: f64,
}

impl SupportSums for RoundedSums {
    fn and(self, other: Self) -> Self {
        Self {
            sum: self.sum + other.sum,
            mass: self.mass + other.mass,
            error: self.error.max(other.error) + ROUNDING,
        }
    }
}

/// Sums above a threshold while a loop adds them.
pub(crate) trait LaneSums<V: Vector, H: Mass>: Copy {
    fn new(vector: V) -> Self;
    /// Adds the weights above `high`; returns which of the others are above `low`.
    fn add(&mut self, vector: V, chunk: &WeightChunk<V>, ends: [V::Singles; 2]) -> V::Mask;
    /// The sums so far, over `chunks` chunks. Exact ones are in units of two to a power that divide every term.
    fn total(&self, vector: V, side: Side, unit: i32, chunks: usize) -> H::Sums;
}

/// Exact sums.
#[derive(Clone, Copy)]
pub(crate) struct ExactLanes<V: Vector> {
    signed: V::Doubles,
    positive: V::Doubles,
    /// How many there are, lane by lane: [counts](Vector::count).
    count: V::Singles,
    positives: V::Singles,
}

impl<V: Vector> LaneSums<V, UnitMass> for ExactLanes<V> {
    #[inline(always)]
    fn new(vector: V) -> Self {
        Self {
            signed: vector.zeros(),
            positive: vector.zeros(),
            count: vector.splat(0.0),
            positives: vector.splat(0.0),
        }
    }

    #[inline(always)]
    fn add(&mut self, vector: V, chunk: &WeightChunk<V>, [low, high]: [V::Singles; 2]) -> V::Mask {
        let &WeightChunk {
            singles, x, wide, ..
        } = chunk;
        let (above, positive) = (vector.greater(x, high), vector.greater(singles, high));
        self.count = vector.count(self.count, above);
        self.positives = vector.count(self.positives, positive);
        self.signed = vector.add_selected(self.signed, above, singles, wide);
        self.positive = vector.add_selected(self.positive, positive, singles, wide);
        vector.and_not(vector.greater(x, low), above)
    }

    #[inline(always)]
    fn total(&self, vector: V, side: Side, unit: i32, _: usize) -> SignedSums {
        let signed = whole(vector, self.signed, unit);
        let positive = whole(vector, self.positive, unit);
        let sums = |count, sum: i128| GridSums {
            count: lane_counts(vector, count),
            sum: sum.cast_unsigned(),
        };
        let [all, positive] = match side {
            Side::Both => [
                sums(self.count, 2 * positive - signed),
                sums(self.positives, positive),
            ],
            Side::Positive => [sums(self.count, signed); 2],
            Side::Negative => [sums(self.count, -signed), GridSums::default()],
        };
        SignedSums { all, positive }
    }
}

/// The sum of all lanes, in units.
#[inline(always)]
#[expect(
    clippy::cast_possible_truncation,
    reason = "a whole number of less than 63 bits: see `is_exact`"
)]
fn whole<V: Vector>(vector: V, lanes: V::Doubles, unit: i32) -> i128 {
    let mut total = 0;
    for lane in vector.doubles(lanes) {
        total += i128::from(scale_by_power(lane, -unit) as i64);
    }
    total
}

/// The sum of the [counts](Vector::count) of all lanes.
#[inline(always)]
pub(in crate::optimum) fn lane_counts<V: Vector>(vector: V, counts: V::Singles) -> usize {
    let mut total = 0;
    for count in vector.array(counts) {
        total += count.to_bits() as usize;
    }
    total
}

/// Two to this power is the last place of an `f32`, so it divides every `f32` above it, too.
pub(crate) fn last_place(single: f32) -> i32 {
    (single.to_bits() >> 23).max(1) as i32 - 150
}

/// Weights that a scan adds in [`ExactLanes`] before it takes their total: 2^10 terms a lane. Derived: 10 bits for these, 24 for
/// a weight and 18 for the distance between the largest and the smallest weight make 52.
pub(super) const EXACT_RUN: usize = LANES << 9;

/// Whether the sums of a scan are exact for weights up to `top` that are all above `threshold`, if there are `len` of them.
pub(crate) fn scan_is_exact(len: usize, top: f64, threshold: f64) -> bool {
    is_exact(len.min(EXACT_RUN - 1), top, threshold)
}

/// Whether [`ExactLanes`] are exact for up to `len` weights up to `top` that are all above `threshold`.
pub(crate) fn is_exact(len: usize, top: f64, threshold: f64) -> bool {
    let terms = (len / 8 + 1).next_power_of_two().ilog2() as i32;
    // On the finest grid that there is for so many weights a lane has 24 + 15 + 22 bits.
    threshold > 0.0 && terms <= 22 && exponent(top) - exponent(threshold) + 1 + terms <= 29
}

/// Rounded sums.
#[derive(Clone, Copy)]
pub(crate) struct RoundedLanes<V: Vector> {
    sum: V::Doubles,
    mass: V::Doubles,
}

impl<V: Vector> LaneSums<V, f32> for RoundedLanes<V> {
    #[inline(always)]
    fn new(vector: V) -> Self {
        Self {
            sum: vector.zeros(),
            mass: vector.zeros(),
        }
    }

    #[inline(always)]
    fn add(&mut self, vector: V, chunk: &WeightChunk<V>, [low, high]: [V::Singles; 2]) -> V::Mask {
        let above = vector.greater(chunk.x, high);
        let h = vector.widen(vector.select(above, chunk.masses));
        for half in 0..2 {
            self.sum = vector.add_product(self.sum, h[half], chunk.wide[half]);
            self.mass = vector.add_doubles(self.mass, h[half]);
        }
        vector.and_not(vector.greater(chunk.x, low), above)
    }

    #[inline(always)]
    fn total(&self, vector: V, _: Side, _: i32, chunks: usize) -> RoundedSums {
        RoundedSums {
            sum: total(&vector.doubles(self.sum)),
            mass: total(&vector.doubles(self.mass)),
            // Two additions for each chunk, and three for the lanes.
            error: (2 * chunks + 8) as f64 * ROUNDING,
        }
    }
}
