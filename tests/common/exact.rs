//! Floats as exact integers, and the objectives as exact fractions.

use core::cmp::Ordering;

use num_bigint::BigInt;
use num_traits::{Float, Signed, Zero};

use super::Sample;

/// An integer type: `i128` where the numbers are short, `BigInt` where they are not.
pub(crate) trait Integer: Clone + Ord + Signed {}
impl<T: Clone + Ord + Signed> Integer for T {}

/// A fraction that is not negative; the denominator is positive.
#[derive(Clone, Debug)]
pub(crate) struct Fraction<T>(pub(crate) T, pub(crate) T);

impl<T: Integer> Fraction<T> {
    pub(crate) fn zero() -> Self {
        Self(T::zero(), T::one())
    }

    /// `sum^2 / mass` with the scale kept at or above zero; 0 without mass.
    pub(crate) fn score(sum: &T, mass: &T) -> Self {
        if mass.is_positive() && sum.is_positive() {
            Self(sum.clone() * sum.clone(), mass.clone())
        } else {
            Self::zero()
        }
    }

    pub(crate) fn plus(&self, other: &Self) -> Self {
        Self(
            self.0.clone() * other.1.clone() + other.0.clone() * self.1.clone(),
            self.1.clone() * other.1.clone(),
        )
    }

    pub(crate) fn compare(&self, other: &Self) -> Ordering {
        (self.0.clone() * other.1.clone()).cmp(&(other.0.clone() * self.1.clone()))
    }
}

/// Finite floats as integers: `x = integer * 2^exponent`, with one exponent for all.
pub(crate) fn integers(values: &[f64]) -> (Vec<BigInt>, i16) {
    let parts = |x: f64| {
        let (mantissa, exponent, sign) = Float::integer_decode(x);
        let zeros = mantissa.trailing_zeros() % 64;
        let odd = BigInt::from(mantissa >> zeros) * BigInt::from(sign);
        (odd, exponent + i16::try_from(zeros).unwrap())
    };
    let nonzero = values.iter().filter(|x| **x != 0.0);
    let least = nonzero.map(|&x| parts(x).1).min().unwrap_or(0);
    let integer = |&x: &f64| {
        let (odd, exponent) = parts(x);
        if odd.is_zero() {
            odd
        } else {
            odd << (exponent - least)
        }
    };
    (values.iter().map(integer).collect(), least)
}

/// What a ternary vector is worth: with one scale, and with a scale for each sign.
pub(crate) struct Worth<T> {
    pub(crate) nonzeros: usize,
    pub(crate) one: Fraction<T>,
    pub(crate) two: Fraction<T>,
}

/// Sums over the +1 and over the -1 of a ternary vector.
#[derive(Clone)]
pub(crate) struct Sums<T> {
    pub(crate) nonzeros: usize,
    pub(crate) plus: (T, T),
    pub(crate) minus: (T, T),
}

impl<T: Integer> Sums<T> {
    pub(crate) fn empty() -> Self {
        let none = || (T::zero(), T::zero());
        Self {
            nonzeros: 0,
            plus: none(),
            minus: none(),
        }
    }

    /// With one weight more.
    pub(crate) fn with(&self, trit: i8, weight: &T, mass: &T) -> Self {
        let mut sums = self.clone();
        let (part, sign) = match trit {
            1 => (&mut sums.plus, T::one()),
            -1 => (&mut sums.minus, -T::one()),
            _ => return sums,
        };
        part.0 = part.0.clone() + sign * weight.clone() * mass.clone();
        part.1 = part.1.clone() + mass.clone();
        sums.nonzeros += 1;
        sums
    }

    pub(crate) fn of(trits: &[i8], weights: &[T], masses: &[T]) -> Self {
        let terms = trits.iter().zip(weights.iter().zip(masses));
        terms.fold(Self::empty(), |sums, (&trit, (weight, mass))| {
            sums.with(trit, weight, mass)
        })
    }

    pub(crate) fn both(&self) -> (T, T) {
        (
            self.plus.0.clone() + self.minus.0.clone(),
            self.plus.1.clone() + self.minus.1.clone(),
        )
    }

    pub(crate) fn worth(&self) -> Worth<T> {
        let (sum, mass) = self.both();
        let part = |(sum, mass): &(T, T)| Fraction::score(sum, mass);
        Worth {
            nonzeros: self.nonzeros,
            one: Fraction::score(&sum, &mass),
            two: part(&self.plus).plus(&part(&self.minus)),
        }
    }
}

/// Orders a value of the type against `numerator * 2^exponent / denominator`, exactly.
fn compare_value(value: f64, ratio: (&BigInt, &BigInt), exponent: i16) -> Ordering {
    let (integer, own) = integers(&[value]);
    let (up, down) = (
        (own - exponent).max(0).unsigned_abs(),
        (exponent - own).max(0).unsigned_abs(),
    );
    ((&integer[0] * ratio.1) << up).cmp(&(ratio.0 << down))
}

/// `numerator * 2^exponent / denominator` rounded to the nearest value of the type, ties to even; the denominator is positive.
pub(crate) fn nearest<W: Sample>(numerator: &BigInt, denominator: &BigInt, exponent: i16) -> W {
    let ratio = (numerator, denominator);
    let below =
        |bits| compare_value(W::magnitude(bits).wide(), ratio, exponent) != Ordering::Greater;
    let (mut low, mut high) = (0, W::INFINITY_BITS);
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if below(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    if high == W::INFINITY_BITS {
        return W::magnitude(low);
    }
    // Twice the midpoint of the neighbours is their sum.
    let pair = [W::magnitude(low).wide(), W::magnitude(high).wide()];
    let (neighbours, own) = integers(&pair);
    let sum = (&neighbours[0] + &neighbours[1]) * denominator;
    let (up, down) = (
        (own - exponent).max(0).unsigned_abs(),
        (exponent - own).max(0).unsigned_abs(),
    );
    let upper = match (sum << up).cmp(&(numerator << (down + 1))) {
        Ordering::Less => true,
        Ordering::Equal => low % 2 == 1,
        Ordering::Greater => false,
    };
    W::magnitude(if upper { high } else { low })
}
