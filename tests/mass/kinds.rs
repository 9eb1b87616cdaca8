//! The kinds of vectors: ordinary weights, and everything that is hard on a search.
//!
//! Scores `S_M^2 / M` that are equal or almost equal are the hard part: a search that rounds before it decides goes astray on
//! the kinds [`Kind::Equal`], [`Kind::Level`] and [`Kind::Clusters`]. Both rest on one fact: if `S_M` grows like `sqrt(M)`, all
//! candidates score the same.
//!
//! ```text
//! Equal     a, a/3 x 3, a/5 x 5, a/7 x 7, ...      S = a, 2a, 3a, 4a at M = 1, 4, 9, 16: exactly equal
//! Level     sqrt(i+1) - sqrt(i), give or take some ulps
//! Clusters  r^-j, about r^2j times
//! ```

use crate::common::Sample;
use crate::random::Random;

/// A kind of vectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Normal,
    Uniform,
    Laplace,
    Integers,
    Equal,
    Neighbours,
    Level,
    Clusters,
    Sparse,
    Ternary,
    Outlier,
    Runs,
    Exponents,
    Subnormal,
    Huge,
    Powers,
    OneSign,
    Zeros,
    Binades,
    PowerLaw,
}

impl Kind {
    pub(crate) const ALL: [Self; 20] = [
        Self::Normal,
        Self::Uniform,
        Self::Laplace,
        Self::Integers,
        Self::Equal,
        Self::Neighbours,
        Self::Level,
        Self::Clusters,
        Self::Sparse,
        Self::Ternary,
        Self::Outlier,
        Self::Runs,
        Self::Exponents,
        Self::Subnormal,
        Self::Huge,
        Self::Powers,
        Self::OneSign,
        Self::Zeros,
        Self::Binades,
        Self::PowerLaw,
    ];

    /// Fills a vector.
    pub(crate) fn fill<W: Sample>(self, random: &mut Random, weights: &mut [W]) {
        match self {
            Self::Normal => values(random, weights, Random::normal),
            Self::Uniform => values(random, weights, Random::signed),
            Self::Laplace => values(random, weights, Random::laplace),
            Self::Integers => integers(random, weights),
            Self::Equal => equal(random, weights),
            Self::Neighbours => neighbours(random, weights),
            Self::Level => level(random, weights),
            Self::Clusters => clusters(random, weights),
            Self::Sparse => values(
                random,
                weights,
                |r| if r.once_in(8) { r.normal() } else { 0.0 },
            ),
            Self::Ternary => palette(random, weights, 1, W::INFINITY_BITS),
            Self::Outlier => outlier(random, weights),
            Self::Runs => runs(random, weights),
            Self::Exponents => keys(random, weights, 0, W::INFINITY_BITS),
            Self::Subnormal => subnormal(random, weights),
            Self::Huge => huge(random, weights),
            Self::Powers => powers(random, weights),
            Self::OneSign => one_sign(random, weights),
            Self::Zeros => zeros(random, weights),
            Self::Binades => binades(random, weights),
            Self::PowerLaw => power_law(random, weights),
        }
    }
}

/// The nearest value of the type.
fn nearest<W: Sample>(x: f64) -> W {
    num_traits::cast(x).expect("every type holds a small number")
}

/// A magnitude of random sign.
fn either<W: Sample>(random: &mut Random, magnitude: W) -> W {
    if random.once_in(2) {
        -magnitude
    } else {
        magnitude
    }
}

/// A power of two that every type can be multiplied by.
fn scale(random: &mut Random) -> f64 {
    f64::from(1_u16 << random.below(13)) / 64.0
}

/// Independent values of a distribution.
fn values<W: Sample>(random: &mut Random, weights: &mut [W], draw: impl Fn(&mut Random) -> f64) {
    let scale = scale(random);
    for weight in weights {
        *weight = nearest(draw(random) * scale);
    }
}

/// Independent magnitudes, uniform in their bits.
fn keys<W: Sample>(random: &mut Random, weights: &mut [W], low: u64, high: u64) {
    for weight in weights {
        let key = low + random.below(high - low);
        *weight = either(random, W::magnitude(key));
    }
}

/// Small integers, where different numbers of non-zeros often score the same.
fn integers<W: Sample>(random: &mut Random, weights: &mut [W]) {
    let top = random.pick(&[1_i8, 2, 3, 4, 6, 9, 15]);
    let span = u64::from(top.unsigned_abs()) * 2 + 1;
    let draw = |r: &mut Random| r.below(span) as f64 - f64::from(top);
    values(random, weights, draw);
}

/// Optima that are equal exactly, of 1, 4, 9, 16, ... non-zeros, or of 1 and of one other square; once in 4 times nudged by an ulp.
fn equal<W: Sample>(random: &mut Random, weights: &mut [W]) {
    let stairs = stairs(random, weights.len());
    let scale = scale(random) / 16.0;
    weights.fill(W::zero());
    for (weight, step) in weights.iter_mut().zip(stairs) {
        *weight = either(random, nearest(step * scale));
    }
    if random.once_in(4) {
        let place = random.index(weights.len());
        weights[place] = nudged(random, weights[place], 1);
    }
    random.shuffle(weights);
}

/// The integers of [`equal`], without the zeros at the end.
fn stairs(random: &mut Random, len: usize) -> Vec<f64> {
    // The least common multiple of 1, 3, ..., 2 m - 1.
    const MULTIPLES: [f64; 6] = [1.0, 3.0, 15.0, 105.0, 315.0, 3465.0];
    let copies = 1 + random.index(1 + len / 8);
    let highest = (1..=6).rev().find(|m| m * m * copies <= len).unwrap_or(1);
    let steps = 1 + random.index(highest);
    let mut stairs = Vec::new();
    if random.once_in(2) {
        // (m + 1)^2 / 1 = (m + 1 + (m^2 - 1))^2 / m^2
        stairs.resize(copies, steps as f64 + 1.0);
        stairs.resize(copies * steps * steps, 1.0);
        return stairs;
    }
    for step in 0..steps {
        let odd = 2 * step + 1;
        let value = MULTIPLES[steps - 1] / odd as f64;
        stairs.extend(core::iter::repeat_n(value, odd * copies));
    }
    stairs
}

/// A weight moved by at most some ulps, of the same sign.
fn nudged<W: Sample>(random: &mut Random, weight: W, ulps: u64) -> W {
    let key = weight.abs().bits() + random.below(2 * ulps + 1);
    let magnitude = W::magnitude(key.saturating_sub(ulps).min(W::INFINITY_BITS - 1));
    magnitude.copysign(weight)
}

/// One value and those next to it: scores that differ in the last bits.
fn neighbours<W: Sample>(random: &mut Random, weights: &mut [W]) {
    let reach = random.pick(&[1, 4, 100]);
    let middle = reach + random.below(W::INFINITY_BITS - 2 * reach);
    keys(random, weights, middle - reach, middle + reach);
}

/// `sqrt(i + 1) - sqrt(i)`: every prefix scores the same, but for rounding and for some ulps.
fn level<W: Sample>(random: &mut Random, weights: &mut [W]) {
    let (scale, ulps) = (scale(random) * (1.0 + random.unit()), random.below(4));
    for (i, weight) in weights.iter_mut().enumerate() {
        let x = 1.0 / ((i as f64 + 1.0).sqrt() + (i as f64).sqrt());
        let near = nudged(random, nearest(x * scale), ulps);
        *weight = either(random, near);
    }
    if random.once_in(2) {
        random.shuffle(weights);
    }
}

/// Heaps of equals or of near equals, each as heavy as all heavier ones: thresholds that hold themselves everywhere.
fn clusters<W: Sample>(random: &mut Random, weights: &mut [W]) {
    let (ratio, ulps) = (random.pick(&[1.25, 1.5, 2.0, 3.0]), random.below(3) * 8);
    let scale = scale(random);
    let (mut magnitude, mut until) = (scale, 1.0);
    for (i, weight) in weights.iter_mut().enumerate() {
        if i as f64 >= until {
            magnitude /= ratio;
            until *= ratio * ratio;
        }
        let near = nudged(random, nearest(magnitude), ulps);
        *weight = either(random, near);
    }
    random.shuffle(weights);
}

/// A few magnitudes below a bound, repeated, and zeros of both signs.
fn palette<W: Sample>(random: &mut Random, weights: &mut [W], colours: usize, top: u64) {
    let palette: Vec<u64> = (0..colours).map(|_| random.below(top)).collect();
    for weight in weights {
        let key = if random.once_in(3) {
            0
        } else {
            random.pick(&palette)
        };
        *weight = either(random, W::magnitude(key));
    }
}

/// Small ones, and one that outweighs them: moderately, or by any factor there is.
fn outlier<W: Sample>(random: &mut Random, weights: &mut [W]) {
    let place = random.index(weights.len());
    if random.once_in(4) {
        let half = W::INFINITY_BITS / 2;
        keys(random, weights, 0, half);
        keys(random, &mut weights[place..=place], half, W::INFINITY_BITS);
    } else {
        values(random, weights, |r| r.normal() / 16.0);
        let factor = f64::from(1_u16 << random.below(9));
        weights[place] = weights[place] * nearest(factor);
    }
}

/// Runs of equals around 1.
fn runs<W: Sample>(random: &mut Random, weights: &mut [W]) {
    let colours = 1 + random.index(5);
    let low = W::one().bits() - 2 * W::NORMAL_BITS;
    let palette: Vec<u64> = (0..colours)
        .map(|_| low + random.below(4 * W::NORMAL_BITS))
        .collect();
    let mut key = palette[0];
    let stay = 1 + random.below(8);
    for weight in weights {
        if random.once_in(stay) {
            key = random.pick(&palette);
        }
        *weight = either(random, W::magnitude(key));
    }
}

/// Below the smallest normal number, often only a few units.
fn subnormal<W: Sample>(random: &mut Random, weights: &mut [W]) {
    let top = random.pick(&[2, 4, 50, W::NORMAL_BITS, W::NORMAL_BITS * 2]);
    keys(random, weights, 0, top);
}

/// Next to the largest number.
fn huge<W: Sample>(random: &mut Random, weights: &mut [W]) {
    let reach = random.pick(&[1, 4, 50, W::NORMAL_BITS, W::NORMAL_BITS * 3]);
    keys(random, weights, W::INFINITY_BITS - reach, W::INFINITY_BITS);
}

/// Powers of two, few or many.
fn powers<W: Sample>(random: &mut Random, weights: &mut [W]) {
    let span = random.pick(&[2, 4, 12, W::INFINITY_BITS / W::NORMAL_BITS - 1]);
    let first = random.below(W::INFINITY_BITS / W::NORMAL_BITS - span);
    for weight in weights {
        let key = (first + random.below(span)) * W::NORMAL_BITS;
        *weight = either(random, W::magnitude(key));
    }
}

/// Normal magnitudes, all of one sign.
fn one_sign<W: Sample>(random: &mut Random, weights: &mut [W]) {
    values(random, weights, Random::normal);
    let sign = random.signed();
    for weight in weights {
        *weight = weight.abs() * nearest(1_f64.copysign(sign));
    }
}

/// Zeros of both signs, and hardly anything else.
fn zeros<W: Sample>(random: &mut Random, weights: &mut [W]) {
    let often = random.pick(&[2, 16, 64, u64::MAX]);
    for weight in weights {
        let magnitude = if random.once_in(often) {
            nearest(random.unit())
        } else {
            W::zero()
        };
        *weight = either(random, magnitude);
    }
}

/// All bits random, in two powers of two.
fn binades<W: Sample>(random: &mut Random, weights: &mut [W]) {
    let one = W::one().bits();
    keys(random, weights, one - W::NORMAL_BITS, one + W::NORMAL_BITS);
}

/// `i^-a`: at `a = 1/2`, almost level.
fn power_law<W: Sample>(random: &mut Random, weights: &mut [W]) {
    let (exponent, scale) = (
        random.pick(&[0.3, 0.45, 0.5, 0.55, 0.7, 1.0, 1.5, 2.0]),
        scale(random),
    );
    for (i, weight) in weights.iter_mut().enumerate() {
        *weight = either(
            random,
            nearest(scale * libm::pow(i as f64 + 1.0, -exponent)),
        );
    }
    if random.once_in(2) {
        random.shuffle(weights);
    }
}
