//! [`WeightedSums`]: how many weights, `sum h` and `sum h|w|`, exactly, and the scale they make.
//!
//! In units in which all are whole numbers: the smallest subnormal of the weights for `|w|`, that of `f32` for an importance `h`,
//! 1 where there are no importances. In the ratio of the sums the latter cancel.

use super::limbs::{add_shifted, bit_length, compare, divide};
use super::quotient::Quotient;
use crate::weight::{Format, Limbs, Weight, decode};

/// Exact sums over some weights.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WeightedSums<W: Weight> {
    pub(crate) count: usize,
    pub(crate) mass: W::Wide,
    pub(crate) sum: W::Wide,
}

impl<W: Weight> WeightedSums<W> {
    /// The sums over no weights.
    pub(crate) const NONE: Self = Self {
        count: 0,
        mass: W::Wide::ZERO,
        sum: W::Wide::ZERO,
    };

    /// Adds a weight with its importance, both finite and the latter not negative.
    pub(crate) fn add(&mut self, weight: W, importance: Option<f32>) {
        let (magnitude, shift) = decode(weight.key(), W::PRECISION);
        let (mass, place) =
            importance.map_or((1, 0), |h| decode(u64::from(h.to_bits()), f32::PRECISION));
        let product = u128::from(magnitude) * u128::from(mass);
        self.count += 1;
        add_shifted(self.mass.limbs_mut(), mass.into(), place);
        add_shifted(self.sum.limbs_mut(), product, shift + place);
    }

    /// The sums over these weights and others.
    pub(crate) fn plus(mut self, other: &Self) -> Self {
        self.count += other.count;
        for (sum, addend) in [(&mut self.mass, &other.mass), (&mut self.sum, &other.sum)] {
            for (place, &limb) in (0..).step_by(64).zip(addend.limbs()) {
                if limb != 0 {
                    add_shifted(sum.limbs_mut(), limb.into(), place);
                }
            }
        }
        self
    }

    /// Whether the sums are these numbers.
    pub(crate) fn are(&self, count: usize, mass: &[u64], sum: &[u64]) -> bool {
        let pairs = [(&self.mass, mass), (&self.sum, sum)];
        let mut equal = pairs.iter().map(|(a, b)| compare(a.limbs(), b).is_eq());
        self.count == count && equal.all(|equal| equal)
    }

    /// The mean magnitude, rounded to the nearest weight: the scale. 0 without mass.
    pub(crate) fn scale(&self) -> W {
        W::from_key(self.mean().map_or(0, |mean| mean.nearest_key(W::PRECISION)))
    }

    /// Half of it, rounded down: the threshold.
    pub(crate) fn half_scale(&self) -> W {
        let key = |mean: Quotient| mean.half().floor_key(W::PRECISION);
        W::from_key(self.mean().map_or(0, key))
    }

    fn mean(&self) -> Option<Quotient> {
        (bit_length(self.mass.limbs()) > 0).then(|| divide(&self.sum, &self.mass))
    }
}
