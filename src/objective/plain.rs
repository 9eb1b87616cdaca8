//! The plain objective `S^2 / M`: magnitudes added on a 128-bit grid.
//!
//! An optimum selects no weight below `max|w| / 2N`: its scale is at least `max|w| / N` (the largest weight is always
//! selected) and its threshold is half of that. So all that can be selected lies within a factor `2N` of the
//! largest, and a grid of 128 bits, hung up at the largest, holds each of these weights and all their sums exactly:
//! `p + log2(2N) + log2(N) <= 128`, which is `N <= 2^36` for `f64` (`p = 53`) and more for the shorter types. Weights
//! below are cut to the grid, always alike, whatever their order.

use core::cmp::Ordering;

use super::{Item, Objective, Rounded, Side, Tally};
use crate::exact::limbs::halves;
use crate::exact::quotient::Quotient;
use crate::exact::score::{self, Score};
use crate::weight::{Weight, decode, scale_by_power, unit_exponent};

/// A fixed-point grid: the unit is `2^base` smallest subnormals.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Grid {
    base: u32,
    precision: u32,
}

impl Grid {
    /// The finest grid on which `terms` magnitudes up to that of `top` add up within 128 bits.
    pub(crate) fn new(top: u64, terms: usize, precision: u32) -> Self {
        let (_, shift) = decode(top, precision);
        let carry = usize::BITS - terms.leading_zeros();
        Self {
            base: (shift + precision + carry).saturating_sub(128),
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

    /// `a / b`, for a sum `a` on the grid.
    pub(crate) fn divide(self, a: u128, b: u64) -> Quotient {
        Quotient::of(a, b, self.base as i32)
    }
}

/// Weights without importance, both signs or one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plain<'a, W> {
    weights: &'a [W],
    side: Side,
    grid: Grid,
    top: u64,
}

/// How many, and their sum on the grid.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sums {
    count: usize,
    pub(crate) sum: u128,
}

impl Tally for Sums {
    fn count(&self) -> usize {
        self.count
    }
}

impl<'a, W: Weight> Plain<'a, W> {
    /// Largest number of weights whose sums are exact.
    pub(crate) const MAX_LEN: u64 = 1 << ((127 - W::PRECISION) / 2 - 1);

    pub(crate) fn new(weights: &'a [W], side: Side) -> Self {
        let mut plain = Self {
            weights,
            side,
            grid: Grid {
                base: 0,
                precision: W::PRECISION,
            },
            top: 0,
        };
        plain.top = plain.items().map(|item| item.key).max().unwrap_or(0);
        plain.grid = Grid::new(plain.top, weights.len(), W::PRECISION);
        plain
    }
}

impl<W: Weight> Objective for Plain<'_, W> {
    type Weight = W;
    type Tally = Sums;

    fn len(&self) -> usize {
        self.weights.len()
    }

    fn items(&self) -> impl Iterator<Item = Item> {
        let side = self.side;
        self.weights.iter().map(move |&weight| {
            let negative = weight.is_sign_negative();
            let key = if side.includes(negative) {
                weight.key()
            } else {
                0
            };
            Item {
                key,
                mass: 0,
                negative,
            }
        })
    }

    fn empty(&self) -> Sums {
        Sums { count: 0, sum: 0 }
    }

    fn add(&self, tally: &mut Sums, item: Item, times: usize) {
        tally.count += times;
        tally.sum += self.grid.place(item.key) * times as u128;
    }

    fn compare(&self, a: &Sums, b: &Sums) -> Ordering {
        let rounded = |tally: &Sums| tally.sum as f64 * (tally.sum as f64 / tally.count as f64);
        score::clearly(rounded(a), rounded(b)).unwrap_or_else(|| {
            let (a_sum, b_sum) = (halves(a.sum), halves(b.sum));
            score::exactly::<[u64; 6]>(
                Score {
                    sum: &a_sum,
                    mass: &[a.count as u64],
                },
                Score {
                    sum: &b_sum,
                    mass: &[b.count as u64],
                },
            )
        })
    }

    fn mean(&self, tally: &Sums) -> Quotient {
        self.grid.divide(tally.sum, tally.count as u64)
    }

    fn rounded(&self, tally: &Sums) -> Rounded {
        let exponent = self.grid.base as i32 + W::LEAST_EXPONENT - self.unit_exponent();
        Rounded {
            sum: scale_by_power(tally.sum as f64, exponent),
            mass: tally.count as f64,
        }
    }

    fn magnitude(&self, key: u64) -> f64 {
        scale_by_power(W::from_key(key).widen(), -self.unit_exponent())
    }

    fn unit_exponent(&self) -> i32 {
        unit_exponent::<W>(self.top)
    }

    fn floor(&self) -> u64 {
        let top = self.grid.place(self.top);
        self.grid
            .divide(top, self.weights.len() as u64)
            .half()
            .floor_key(W::PRECISION)
    }

    fn top(&self) -> u64 {
        self.top
    }
}
