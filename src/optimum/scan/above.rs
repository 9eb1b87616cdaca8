//! [`Above`]: the sums of all weights above a threshold, exact whatever their order.
//!
//! The terms are added in doubles, eight lanes twice over, so what matters is only that no sum of a lane reaches 2^53 of the last
//! place of its smallest term:
//!
//! ```text
//! 24 + (binary places between the largest weight and the threshold) + log2(terms in a lane) <= 53
//! ```
//!
//! That is 2^20 terms, a slice of 16 million weights, for weights up to 512 times the threshold.

use super::Side;
use crate::exact::grid::Sums;
use crate::simd::Vector;
use crate::weight::scale_by_power;

/// Lanes into which the terms are spread.
const LANES: usize = 16;

/// Sums so far.
pub(super) struct Above<V: Vector> {
    signed: [V::Doubles; 2],
    positive: [V::Doubles; 2],
    count: usize,
    positives: usize,
}

/// Sixteen weights in every form that a pass needs.
#[derive(Clone, Copy)]
pub(super) struct Chunk<V: Vector> {
    /// With their signs.
    pub(super) singles: V::Singles,
    /// The same as doubles.
    pub(super) wide: [V::Doubles; 2],
    /// The magnitudes of those that take part.
    pub(super) x: V::Singles,
}

impl<V: Vector> Chunk<V> {
    #[inline(always)]
    pub(super) fn new(vector: V, side: Side, singles: V::Singles) -> Self {
        Self {
            singles,
            wide: vector.widen(singles),
            x: side.magnitudes(vector, singles),
        }
    }
}

impl<V: Vector> Above<V> {
    #[inline(always)]
    pub(super) fn new(vector: V) -> Self {
        Self {
            signed: [vector.zeros(); 2],
            positive: [vector.zeros(); 2],
            count: 0,
            positives: 0,
        }
    }

    /// Adds those above `high`, and says which of the others are above `low`.
    #[inline(always)]
    pub(super) fn add(
        &mut self,
        vector: V,
        chunk: &Chunk<V>,
        [low, high]: [V::Singles; 2],
    ) -> V::Mask {
        let &Chunk { singles, wide, x } = chunk;
        let (above, positive) = (vector.greater(x, high), vector.greater(singles, high));
        self.count += vector.bits(above).count_ones() as usize;
        self.positives += vector.bits(positive).count_ones() as usize;
        self.signed = vector.add_selected(self.signed, above, singles, wide);
        self.positive = vector.add_selected(self.positive, positive, singles, wide);
        vector.and_not(vector.greater(x, low), above)
    }

    /// All that was added, and what is positive of it, in units of two to a power that divide every term.
    #[inline(always)]
    pub(super) fn total(&self, vector: V, side: Side, unit: i32) -> [Sums; 2] {
        let (signed, positive) = (
            total(vector, self.signed, unit),
            total(vector, self.positive, unit),
        );
        let sums = |count, sum: i128| Sums {
            count,
            sum: sum.cast_unsigned(),
        };
        match side {
            Side::Both => [
                sums(self.count, 2 * positive - signed),
                sums(self.positives, positive),
            ],
            Side::Positive => [sums(self.count, signed); 2],
            Side::Negative => [sums(self.count, -signed), Sums::default()],
        }
    }
}

/// The sum of all lanes, in units.
#[inline(always)]
#[expect(
    clippy::cast_possible_truncation,
    reason = "a whole number, of less than 63 bits: see `is_exact`"
)]
fn total<V: Vector>(vector: V, halves: [V::Doubles; 2], unit: i32) -> i128 {
    let mut total = 0;
    for half in halves {
        for lane in vector.doubles(half) {
            total += i128::from(scale_by_power(lane, -unit) as i64);
        }
    }
    total
}

/// The last place of a single is two to this power: what divides all above it, too.
pub(crate) fn last_place(single: f32) -> i32 {
    (single.to_bits() >> 23).max(1) as i32 - 150
}

/// Whether the sums of up to `len` weights up to `top` that are all above `threshold` are exact.
pub(crate) fn is_exact(len: usize, top: f64, threshold: f64) -> bool {
    let exponent = |x: f64| (x.to_bits() >> 52) as i32;
    let terms = (len / LANES + 1).next_power_of_two().ilog2() as i32;
    // On the finest grid that there is for so many weights a lane has 24 + 15 + 22 bits.
    threshold > 0.0 && terms <= 22 && exponent(top) - exponent(threshold) + 1 + terms <= 29
}
