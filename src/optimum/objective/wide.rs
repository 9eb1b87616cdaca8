//! The objective `(sum h|w|)^2 / sum h`, in integers as wide as the type needs.
//!
//! With importances nothing bounds how small a weight an optimum may select, nor does it when a caller forces a number
//! of non-zeros. So the sums span the whole exponent range of the weights times that of the importances: 10 limbs for
//! `f32`, 39 for `f64`. Slower than the grid, exact always.

use core::cmp::Ordering;

use super::{Item, Objective, Rounded, Side, Tally};
use crate::exact::limbs::{add_shifted, divide, to_f64};
use crate::exact::quotient::Quotient;
use crate::exact::score::{self, Score};
use crate::optimum::scan::weighted::exact::{ExactPart, Scaled};
use crate::weight::{Format, Limbs, Weight, decode};

/// Weights with importance (or all alike), both signs or one.
///
/// A weight of importance 0 cannot be selected: it changes no score, and of equal scores the smallest support wins.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wide<'a, W> {
    weights: &'a [W],
    importance: Option<&'a [f32]>,
    side: Side,
    top: u64,
}

/// How many, `sum h|w|`, and `sum h`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WideSums<L> {
    count: usize,
    sum: L,
    mass: L,
}

impl<L: Limbs> Tally for WideSums<L> {
    fn count(&self) -> usize {
        self.count
    }
}

impl<'a, W: Weight> Wide<'a, W> {
    /// `importance`, if any, is as long as `weights`, finite and not negative.
    pub(crate) fn new(weights: &'a [W], importance: Option<&'a [f32]>, side: Side) -> Self {
        let mut wide = Self {
            weights,
            importance,
            side,
            top: 0,
        };
        wide.top = wide.items().map(|item| item.key).max().unwrap_or(0);
        wide
    }

    /// The same, if the largest key of what can be selected is known.
    pub(crate) fn with_top(
        weights: &'a [W],
        importance: Option<&'a [f32]>,
        side: Side,
        top: u64,
    ) -> Self {
        Self {
            weights,
            importance,
            side,
            top,
        }
    }

    /// The tally of the supports of both signs, whose sums are known.
    pub(crate) fn tally(parts: &[ExactPart]) -> WideSums<W::Wide> {
        let mut tally = WideSums {
            count: 0,
            sum: W::Wide::ZERO,
            mass: W::Wide::ZERO,
        };
        let add = |sum: &mut W::Wide, pieces: &[Scaled], least: i32| {
            for &Scaled { integer, exponent } in pieces {
                // A sum is a multiple of the least unit, so what is cut off is zeros.
                let distance = exponent.abs_diff(least);
                if exponent >= least {
                    add_shifted(sum.limbs_mut(), integer, distance);
                } else {
                    let kept = integer.checked_shr(distance).unwrap_or(0);
                    add_shifted(sum.limbs_mut(), kept, 0);
                }
            }
        };
        for part in parts {
            tally.count += part.count;
            let least = f32::LEAST_EXPONENT;
            add(&mut tally.mass, &part.mass, least);
            add(&mut tally.sum, &part.sum, least + W::LEAST_EXPONENT);
        }
        tally
    }
}

impl<W: Weight> Objective for Wide<'_, W> {
    type Weight = W;
    type Tally = WideSums<W::Wide>;

    fn len(&self) -> usize {
        self.weights.len()
    }

    fn items(&self) -> impl Iterator<Item = Item> {
        let side = self.side;
        self.weights.iter().enumerate().map(move |(i, &weight)| {
            let negative = weight.is_sign_negative();
            let mass = self
                .importance
                .map_or(1.0, |h| h.get(i).copied().unwrap_or(0.0));
            let selectable = side.includes(negative) && mass > 0.0;
            let key = if selectable { weight.key() } else { 0 };
            Item {
                key,
                mass: mass.to_bits(),
                negative,
            }
        })
    }

    fn empty(&self) -> Self::Tally {
        WideSums {
            count: 0,
            sum: W::Wide::ZERO,
            mass: W::Wide::ZERO,
        }
    }

    fn add(&self, tally: &mut Self::Tally, item: Item, times: usize) {
        let (weight, weight_shift) = decode(item.key, W::PRECISION);
        let (mass, mass_shift) = odd(decode(u64::from(item.mass), f32::PRECISION));
        // 53 + 1 + 64 bits at the most: only weights of equal importance 1 are added many at a time.
        let mass = u128::from(mass) * times as u128;
        add_shifted(
            tally.sum.limbs_mut(),
            u128::from(weight) * mass,
            weight_shift + mass_shift,
        );
        add_shifted(tally.mass.limbs_mut(), mass, mass_shift);
        tally.count += times;
    }

    fn compare_exactly(&self, a: &Self::Tally, b: &Self::Tally) -> Ordering {
        score::exactly::<W::Cube>(
            Score {
                sum: a.sum.limbs(),
                mass: a.mass.limbs(),
            },
            Score {
                sum: b.sum.limbs(),
                mass: b.mass.limbs(),
            },
        )
    }

    fn mean(&self, tally: &Self::Tally) -> Quotient {
        // Sums are in units of both types' smallest subnormals, masses in those of f32: those cancel.
        divide(&tally.sum, &tally.mass)
    }

    fn rounded(&self, tally: &Self::Tally) -> Rounded {
        let unit = W::LEAST_EXPONENT - self.unit_exponent();
        Rounded {
            sum: to_f64(tally.sum.limbs(), unit + f32::LEAST_EXPONENT),
            mass: to_f64(tally.mass.limbs(), f32::LEAST_EXPONENT),
        }
    }

    fn floor(&self) -> u64 {
        0
    }

    fn top(&self) -> u64 {
        self.top
    }
}

/// The same number with an odd mantissa.
fn odd((mantissa, shift): (u64, u32)) -> (u64, u32) {
    match mantissa {
        0 => (0, 0),
        _ => (
            mantissa >> mantissa.trailing_zeros(),
            shift + mantissa.trailing_zeros(),
        ),
    }
}
