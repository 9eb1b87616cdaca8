//! [`WideSums`]: how many weights, `sum h` and `sum h|w|`, exactly, and the scale they make.
//!
//! All are whole numbers of these units: the smallest subnormal of the weights for `|w|`, that of `f32` for an importance `h`, 1 where
//! there are no importances. In the ratio of the sums the latter cancel. The integers are wide enough for the whole range of
//! exponents: 10 limbs for `f32`, 39 for `f64`.

use core::cmp::Ordering;

#[cfg(feature = "alloc")]
use super::limbs::compare;
use super::limbs::{add_shifted, bit_length, divide};
use super::quotient::Quotient;
use super::score::{self, Score};
use crate::weight::{FloatBits, Limbs, decode};

/// Exact sums over some weights.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WideSums<W: FloatBits> {
    pub(crate) count: usize,
    pub(crate) mass: W::Wide,
    pub(crate) sum: W::Wide,
}

/// Integers into which a sum is cut by [`ExactPass`](crate::optimum::scan::exact::ExactPass). Derived there.
pub(crate) const PIECES: usize = 3;

/// An integer times two to a power.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Piece {
    pub(crate) integer: u128,
    pub(crate) exponent: i32,
}

/// The exact sums over the weights of one sign, with importances, in pieces.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ExactPart {
    pub(crate) count: usize,
    /// `sum h |w|` is the sum of these.
    pub(crate) sum: [Piece; PIECES],
    /// `sum h` is the sum of these.
    pub(crate) mass: [Piece; PIECES],
}

impl<W: FloatBits> WideSums<W> {
    /// The sums over no weights.
    pub(crate) const NONE: Self = Self {
        count: 0,
        mass: W::Wide::ZERO,
        sum: W::Wide::ZERO,
    };

    /// The sums over the weights of one sign or both.
    pub(crate) fn of_parts(parts: &[ExactPart]) -> Self {
        let mut sums = Self::NONE;
        let add = |sum: &mut W::Wide, pieces: &[Piece], least: i32| {
            for &Piece { integer, exponent } in pieces {
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
            sums.count += part.count;
            let least = f32::LEAST_EXPONENT;
            add(&mut sums.mass, &part.mass, least);
            add(&mut sums.sum, &part.sum, least + W::LEAST_EXPONENT);
        }
        sums
    }

    /// Adds a weight with its importance, both finite and the latter not negative.
    #[cfg(feature = "alloc")]
    pub(crate) fn add(&mut self, weight: W, importance: Option<f32>) {
        self.add_times(weight.key(), importance, 1);
    }

    /// Adds a magnitude with its importance; many at a time only without importances.
    pub(crate) fn add_times(&mut self, key: u64, importance: Option<f32>, times: usize) {
        let (magnitude, shift) = decode(key, W::PRECISION);
        let (mass, place) =
            importance.map_or((1, 0), |h| decode(u64::from(h.to_bits()), f32::PRECISION));
        // 53 + 64 or 53 + 24 bits.
        let mass = u128::from(mass) * times as u128;
        self.count += times;
        add_shifted(self.mass.limbs_mut(), mass, place);
        let sum = u128::from(magnitude) * mass;
        add_shifted(self.sum.limbs_mut(), sum, shift + place);
    }

    /// The sums over these weights and others.
    #[cfg(feature = "alloc")]
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
    #[cfg(feature = "alloc")]
    pub(crate) fn are(&self, count: usize, mass: &[u64], sum: &[u64]) -> bool {
        let pairs = [(&self.mass, mass), (&self.sum, sum)];
        let mut equal = pairs.iter().map(|(a, b)| compare(a.limbs(), b).is_eq());
        self.count == count && equal.all(|equal| equal)
    }

    /// Orders the scores of two supports that are not empty.
    pub(crate) fn compare(&self, other: &Self) -> Ordering {
        let [a, b] = [self, other].map(|sums| Score {
            sum: sums.sum.limbs(),
            mass: sums.mass.limbs(),
        });
        score::exactly::<W::Cube>(a, b)
    }

    /// The mean magnitude, `S / m`; `None` without mass.
    pub(crate) fn mean(&self) -> Option<Quotient> {
        (bit_length(self.mass.limbs()) > 0).then(|| divide(&self.sum, &self.mass))
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
}
