//! The objective `(sum h|w|)^2 / sum h`, in integers as wide as the type needs ([`WideSums`]).
//!
//! With importances, or where a caller prescribes the number of non-zeros, an optimum may select arbitrarily small weights. So the
//! sums span the whole exponent range of the weights times that of the importances. Slower than the grid, and always exact.

use core::cmp::Ordering;

use super::{Item, Objective, RoundedTally, Side, Tally};
use crate::exact::limbs::to_f64;
use crate::exact::quotient::Quotient;
use crate::exact::wide_sums::WideSums;
use crate::weight::{FloatBits, Limbs};

/// Weights of both signs or one, with importances or without.
///
/// A weight of importance 0 cannot be selected: it changes no score, and of equal scores the smallest support wins.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WideObjective<'a, W> {
    weights: &'a [W],
    importance: Option<&'a [f32]>,
    side: Side,
    top: u64,
}

impl<W: FloatBits> Tally for WideSums<W> {
    fn count(&self) -> usize {
        self.count
    }
}

impl<'a, W: FloatBits> WideObjective<'a, W> {
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
}

impl<W: FloatBits> Objective for WideObjective<'_, W> {
    type Weight = W;
    type Tally = WideSums<W>;

    fn len(&self) -> usize {
        self.weights.len()
    }

    fn items(&self) -> impl Iterator<Item = Item> {
        let side = self.side;
        self.weights.iter().enumerate().map(move |(i, &weight)| {
            let negative = weight.is_sign_negative();
            let mass = self.importance.map(|h| h.get(i).copied().unwrap_or(0.0));
            let selectable = side.includes(negative) && mass.is_none_or(|h| h > 0.0);
            let key = if selectable { weight.key() } else { 0 };
            Item {
                key,
                mass: mass.map_or(0, f32::to_bits),
                negative,
            }
        })
    }

    fn empty(&self) -> Self::Tally {
        WideSums::NONE
    }

    fn add(&self, tally: &mut Self::Tally, item: Item, times: usize) {
        let importance = (item.mass > 0).then(|| f32::from_bits(item.mass));
        tally.add_times(item.key, importance, times);
    }

    fn compare_exactly(&self, a: &Self::Tally, b: &Self::Tally) -> Ordering {
        a.compare(b)
    }

    fn mean(&self, tally: &Self::Tally) -> Option<Quotient> {
        tally.mean()
    }

    fn rounded(&self, tally: &Self::Tally) -> RoundedTally {
        // Without importances a mass is a count.
        let mass = self.importance.map_or(0, |_| f32::LEAST_EXPONENT);
        let unit = W::LEAST_EXPONENT - self.unit_exponent();
        RoundedTally {
            sum: to_f64(tally.sum.limbs(), unit + mass),
            mass: to_f64(tally.mass.limbs(), mass),
        }
    }

    fn floor(&self) -> u64 {
        0
    }

    fn top(&self) -> u64 {
        self.top
    }
}
