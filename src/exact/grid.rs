//! [`Grid`]: magnitudes as whole numbers of one unit, so that their sums are exact; [`GridSums`]: such a sum.
//!
//! What the unit has to be, so that all fits 128 bits, is derived in [`crate::optimum::objective`].

use core::cmp::Ordering;

use super::quotient::{Quotient, halves};
use super::score::{self, Score};
use crate::weight::{FloatBits, decode};

/// A fixed-point grid: the unit is `2^base` smallest subnormals.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Grid {
    pub(crate) base: u32,
    precision: u32,
}

impl Grid {
    /// The finest grid on which `terms` magnitudes up to that of `top` add up within 128 bits.
    pub(crate) fn finest(top: u64, terms: u64, precision: u32) -> Self {
        let (_, shift) = decode(top, precision);
        Self {
            base: (shift + precision + bits(terms)).saturating_sub(128),
            precision,
        }
    }

    /// The coarsest grid that is exact for all that an optimum of `len` weights can select.
    pub(crate) fn coarsest(top: u64, len: u64, precision: u32) -> Self {
        let (_, shift) = decode(top, precision);
        Self {
            base: shift.saturating_sub(depth(len)),
            precision,
        }
    }

    /// A magnitude on the grid, cut to it.
    pub(crate) fn place(self, key: u64) -> u128 {
        let (mantissa, shift) = decode(key, self.precision);
        match shift.checked_sub(self.base) {
            Some(up) => u128::from(mantissa) << up,
            None => u128::from(mantissa.checked_shr(self.base - shift).unwrap_or(0)),
        }
    }

    /// The unit of the grid is two to this power.
    pub(crate) fn unit<W: FloatBits>(self) -> i32 {
        self.base as i32 + W::LEAST_EXPONENT
    }

    /// `a / b`, for a sum `a` on the grid.
    pub(crate) fn divide(self, a: u128, b: u64) -> Quotient {
        Quotient::of(a, b, self.base as i32)
    }
}

/// Significant bits of a count.
fn bits(count: u64) -> u32 {
    u64::BITS - count.leading_zeros()
}

/// An optimum's threshold is at least the largest magnitude divided by two to this power.
pub(crate) fn depth(len: u64) -> u32 {
    bits(len).div_ceil(2) + 1
}

/// How many, and their sum on the grid.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct GridSums {
    pub(crate) count: usize,
    pub(crate) sum: u128,
}

impl GridSums {
    /// Adds a weight that lies on the grid, or not: without a branch.
    #[inline(always)]
    pub(crate) fn add_if(&mut self, wanted: bool, placed: u128) {
        self.count += usize::from(wanted);
        self.sum += placed & u128::from(wanted).wrapping_neg();
    }

    /// The same sum in units of two to another power, which divides it.
    pub(crate) fn in_unit(self, old: i32, new: i32) -> Self {
        let shift = old.abs_diff(new);
        let sum = if old > new {
            self.sum << shift
        } else {
            self.sum >> shift
        };
        Self { sum, ..self }
    }

    /// Both together.
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            count: self.count + other.count,
            sum: self.sum + other.sum,
        }
    }

    /// Orders the scores of two supports that are not empty.
    pub(crate) fn compare(&self, other: &Self) -> Ordering {
        let [(a, m), (b, n)] = [self, other].map(|sums| (halves(sums.sum), [sums.count as u64]));
        score::exactly::<[u64; 6]>(Score { sum: &a, mass: &m }, Score { sum: &b, mass: &n })
    }

    /// The mean magnitude; `None` of none.
    pub(crate) fn mean(&self, grid: Grid) -> Option<Quotient> {
        (self.count > 0).then(|| grid.divide(self.sum, self.count as u64))
    }

    /// What is left without a part.
    pub(crate) fn without(self, part: Self) -> Self {
        Self {
            count: self.count - part.count,
            sum: self.sum - part.sum,
        }
    }
}
