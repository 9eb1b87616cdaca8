//! A reference of its own: it shares no line with the crate, and no idea but that the best support of each size is a prefix of
//! the sorted magnitudes.
//!
//! All magnitudes become integers on one grid; prefix sums are compared as `S_a^2 M_b` with `S_b^2 M_a`, and of equals the
//! first, which is the smallest, stays. With importances `S` sums `h |w|` and `M` sums `h`, which are integers on a grid of
//! their own. `u128` holds that where the exponents lie close together; else it is done in big integers. Scales are rounded
//! once, from the exact quotient.

use core::ops::{AddAssign, Mul, Shl};

use num_bigint::BigUint;
use num_traits::{ToPrimitive, Zero};
use ternarize::{Fit, Rule};

use crate::common::Sample;

/// A quotient as an integer times two to the power `exponent`, and whether there is more behind it.
struct Quotient {
    digits: u128,
    more: bool,
    exponent: i64,
}

/// An integer type that holds what is needed of it.
trait Exact:
    Clone + PartialOrd + Zero + From<u64> + AddAssign + Mul<Output = Self> + Shl<u64, Output = Self>
{
    /// To 64 places or more.
    fn divide(&self, by: &Self) -> Quotient;
}

impl Exact for u128 {
    fn divide(&self, by: &Self) -> Quotient {
        let dividend = self << 64;
        Quotient {
            digits: dividend / by,
            more: !dividend.is_multiple_of(*by),
            exponent: -64,
        }
    }
}

impl Exact for BigUint {
    fn divide(&self, by: &Self) -> Quotient {
        let dividend = self << 64_u32;
        let quotient = &dividend / by;
        let drop = quotient.bits().saturating_sub(127);
        let digits = &quotient >> drop;
        Quotient {
            more: (&digits << drop) * by != dividend,
            digits: digits.to_u128().expect("127 bits"),
            exponent: i64::try_from(drop).expect("few bits") - 64,
        }
    }
}

impl Quotient {
    /// The bits of the value, in a format whose numbers between powers of two are `unit` apart in their bits; the exponents
    /// count from the smallest subnormal number.
    fn round(&self, unit: u64, low: i64, nearest: bool) -> u64 {
        if self.digits == 0 {
            return 0;
        }
        let exponent = self.exponent + low;
        let length = i64::from(u128::BITS - self.digits.leading_zeros());
        let precision = i64::from(unit.trailing_zeros()) + 1;
        let ulp = (length + exponent - precision).max(0);
        let shift = u32::try_from(ulp - exponent).expect("more digits than any format has");
        let kept = self.digits >> shift;
        let (rest, half) = (self.digits - (kept << shift), 1 << (shift - 1));
        let up = rest > half || rest == half && (self.more || kept % 2 == 1);
        let bits =
            u64::try_from(kept).expect("the precision of a format") + u64::from(nearest && up);
        // The leading bit of a normal number carries into the exponent.
        bits + ulp.unsigned_abs() * unit
    }
}

/// The coarsest grid of a power of two that a vector lies on.
#[derive(Clone, Copy)]
pub(crate) struct Grid {
    unit: u64,
    low: u64,
    high: u64,
}

/// The odd factor of a magnitude that is not zero, and how far it stands to the left of the smallest subnormal number.
fn odd(unit: u64, key: u64) -> (u64, u64) {
    let (digits, place) = match key / unit {
        0 => (key, 0),
        exponent => (key % unit + unit, exponent - 1),
    };
    let zeros = digits.trailing_zeros();
    (digits >> zeros, place + u64::from(zeros))
}

impl Grid {
    /// The grid of the magnitudes.
    pub(crate) fn of<W: Sample>(weights: &[W]) -> Self {
        let unit = W::NORMAL_BITS;
        let mut grid = Self {
            unit,
            low: u64::MAX,
            high: 0,
        };
        for weight in weights.iter().filter(|w| !w.is_zero()) {
            let (digits, place) = odd(unit, weight.abs().bits());
            let top = place + u64::from(u64::BITS - digits.leading_zeros());
            (grid.low, grid.high) = (grid.low.min(place), grid.high.max(top));
        }
        grid.low = grid.low.min(grid.high);
        grid
    }

    /// How many bits a magnitude takes.
    pub(crate) fn bits(self) -> u64 {
        self.high - self.low
    }

    /// The digits of a magnitude, and how far to the left they stand.
    pub(crate) fn place(self, key: u64) -> (u64, u64) {
        if key == 0 {
            return (0, 0);
        }
        let (digits, place) = odd(self.unit, key);
        (digits, place - self.low)
    }

    fn value<T: Exact>(self, key: u64) -> T {
        let (digits, shift) = self.place(key);
        T::from(digits) << shift
    }

    /// The bits of a mean, and of half of it rounded down.
    fn mean<T: Exact>(self, (sum, mass): &(T, T)) -> (u64, u64) {
        if mass.is_zero() {
            return (0, 0);
        }
        let (quotient, low) = (sum.divide(mass), self.low.cast_signed());
        (
            quotient.round(self.unit, low, true),
            quotient.round(self.unit, low - 1, false),
        )
    }
}

/// What depends on the weights: as much on each if nothing is said.
#[derive(Clone, Copy)]
pub(crate) struct Masses<'a> {
    importance: Option<&'a [f32]>,
    grid: Grid,
}

impl<'a> Masses<'a> {
    pub(crate) fn of(importance: Option<&'a [f32]>) -> Self {
        let grid = Grid::of(importance.unwrap_or(&[1.0]));
        Self { importance, grid }
    }

    /// How many bits one takes.
    pub(crate) fn bits(self) -> u64 {
        self.grid.bits()
    }

    /// The digits of one, and how far to the left they stand.
    pub(crate) fn place(self, index: usize) -> (u64, u64) {
        self.grid
            .place(self.importance.map_or(1.0, |h| h[index]).bits())
    }

    fn value<T: Exact>(self, index: usize) -> T {
        let (digits, shift) = self.place(index);
        T::from(digits) << shift
    }
}

/// The least magnitude of the best support, from magnitudes and masses in decreasing order; of equal supports the smallest.
fn least_taken<T: Exact>(grid: Grid, sorted: &[(u64, T)]) -> u64 {
    let (mut sum, mut best, mut mass) = (T::zero(), (T::zero(), T::from(1)), T::zero());
    let mut least = u64::MAX;
    for (key, own) in sorted {
        sum += grid.value::<T>(*key) * own.clone();
        mass += own.clone();
        let square = sum.clone() * sum.clone();
        if square.clone() * best.1.clone() > best.0.clone() * mass.clone() {
            (best, least) = ((square, mass.clone()), *key);
        }
    }
    least
}

/// What to expect of one vector: bits of trits, scales and thresholds.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Expected {
    trits: Vec<i8>,
    lambda: Option<u64>,
    lambdas: [u64; 2],
    thresholds: [u64; 2],
}

/// The magnitudes of which something depends and that are not zero, of one sign or of both, in decreasing order.
fn sorted<W: Sample, T: Exact>(
    weights: &[W],
    masses: Masses<'_>,
    sign: Option<bool>,
) -> Vec<(u64, T)> {
    let wanted = |w: &W| sign.is_none_or(|negative| w.is_sign_negative() == negative);
    let places = weights.iter().enumerate();
    let chosen = places.filter(|(_, w)| !w.is_zero() && wanted(w));
    let pairs = chosen.map(|(i, w)| (w.abs().bits(), masses.value::<T>(i)));
    let mut pairs: Vec<(u64, T)> = pairs.filter(|(_, mass)| !mass.is_zero()).collect();
    pairs.sort_by_key(|(key, _)| !key);
    pairs
}

fn expect<W: Sample, T: Exact>(
    weights: &[W],
    masses: Masses<'_>,
    grid: Grid,
    rule: Rule,
) -> Expected {
    let least = |sign| least_taken::<T>(grid, &sorted(weights, masses, sign));
    let least = match rule {
        Rule::TwoScale => [false, true].map(|sign| least(Some(sign))),
        _ => [least(None); 2],
    };
    let mut sums = [(T::zero(), T::zero()), (T::zero(), T::zero())];
    let trit = |(index, weight): (usize, &W)| {
        let (negative, key) = (weight.is_sign_negative(), weight.abs().bits());
        let (side, mass) = (usize::from(negative), masses.value::<T>(index));
        if key < least[side] || mass.is_zero() {
            return 0;
        }
        sums[side].0 += grid.value::<T>(key) * mass.clone();
        sums[side].1 += mass;
        if negative { -1 } else { 1 }
    };
    let trits = weights.iter().enumerate().map(trit).collect();
    let [(lambda_p, half_p), (lambda_n, half_n)] = [&sums[0], &sums[1]].map(|s| grid.mean(s));
    let [mut both, negatives] = sums;
    both.0 += negatives.0;
    both.1 += negatives.1;
    let (lambda, half) = grid.mean(&both);
    let two = rule == Rule::TwoScale;
    Expected {
        trits,
        lambda: (!two).then_some(lambda),
        lambdas: [lambda_p, lambda_n],
        thresholds: if two { [half_p, half_n] } else { [half; 2] },
    }
}

impl Expected {
    /// The answer for [`Rule::Tnt`] or [`Rule::TwoScale`] with two scales; `None` if it takes big integers and they are not
    /// wanted.
    pub(crate) fn of<W: Sample>(
        weights: &[W],
        importance: Option<&[f32]>,
        rule: Rule,
        big: bool,
    ) -> Option<Self> {
        let (grid, masses) = (Grid::of(weights), Masses::of(importance));
        let count = u64::from(usize::BITS - weights.len().leading_zeros());
        let mass = masses.bits() + count;
        if 2 * (grid.bits() + mass) + mass < 128 && grid.bits() + mass <= 63 {
            return Some(expect::<W, u128>(weights, masses, grid, rule));
        }
        big.then(|| expect::<W, BigUint>(weights, masses, grid, rule))
    }

    /// The same of an answer that was given.
    pub(crate) fn given<W: Sample>(trits: &[i8], fit: &Fit<W>, rule: Rule) -> Self {
        Self {
            trits: trits.to_vec(),
            lambda: (rule != Rule::TwoScale).then(|| fit.lambda.bits()),
            lambdas: [fit.lambda_p.bits(), fit.lambda_n.bits()],
            thresholds: [fit.threshold_p.bits(), fit.threshold_n.bits()],
        }
    }

    /// One scale for both signs.
    pub(crate) fn with_one_scale(self) -> Self {
        let lambdas = self.lambda.map_or(self.lambdas, |lambda| [lambda; 2]);
        Self { lambdas, ..self }
    }

    pub(crate) fn trits(&self) -> &[i8] {
        &self.trits
    }
}
