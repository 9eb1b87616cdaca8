//! How the answer of a peer compares with ours: the same trits, or how much worse.

use std::fmt;
use ternarize::Weight;

/// Rounding of an `f64` sum of some million terms stays below this part of it.
const ROUNDING: f64 = 1e-9;

/// What a peer's trits are worth beside ours.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Verdict {
    /// How many trits are not ours.
    pub different: usize,
    /// By how much their cosine with the weights is smaller than ours.
    pub loss: f64,
}

impl Verdict {
    /// Compares trits for one vector of weights.
    ///
    /// # Panics
    ///
    /// If theirs are better than ours by more than rounding: then we are not exact.
    #[must_use]
    pub fn new<W: Weight>(weights: &[W], ours: &[i8], theirs: &[i8]) -> Self {
        let different = ours.iter().zip(theirs).filter(|(a, b)| a != b).count();
        let loss = if different == 0 {
            0.0
        } else {
            cosine(weights, ours) - cosine(weights, theirs)
        };
        assert!(loss > -ROUNDING, "a better answer than ours, by {loss}");
        Self { different, loss }
    }

    /// The verdict on several vectors together: all trits that differ, and the largest loss.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            different: self.different + other.different,
            loss: self.loss.max(other.loss),
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.different {
            0 => write!(f, "the same"),
            1 => write!(f, "1 trit differs, cosine {:+.0e}", -self.loss),
            n => write!(f, "{n} trits differ, cosine {:+.0e}", -self.loss),
        }
    }
}

/// The cosine of weights and trits, as `f64` sums give it.
fn cosine<W: Weight>(weights: &[W], trits: &[i8]) -> f64 {
    let (mut sum, mut count, mut square) = (0.0, 0.0, 0.0);
    for (&weight, &trit) in weights.iter().zip(trits) {
        let weight = weight.to_f64().expect("every weight is an f64");
        sum += weight * f64::from(trit);
        count += f64::from(trit.unsigned_abs());
        square += weight * weight;
    }
    if count == 0.0 {
        0.0
    } else {
        sum / (count * square).sqrt()
    }
}

/// How close values come to weights.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Closeness {
    /// Their cosine.
    pub cosine: f64,
    /// Signal to noise, in decibels: `10 log10(|w|^2 / |w - w'|^2)`.
    pub decibels: f64,
}

impl Closeness {
    /// Compares values with the weights that they stand for.
    #[must_use]
    pub fn new(weights: &[f32], values: &[f32]) -> Self {
        let (mut product, mut ww, mut vv, mut noise) = (0.0, 0.0, 0.0, 0.0);
        for (&weight, &value) in weights.iter().zip(values) {
            let (weight, value) = (f64::from(weight), f64::from(value));
            product += weight * value;
            ww += weight * weight;
            vv += value * value;
            noise += (weight - value) * (weight - value);
        }
        Self {
            cosine: product / (ww * vv).sqrt(),
            decibels: 10.0 * (ww / noise).log10(),
        }
    }

    /// By how much these are less than others, the same counting as nothing even if both are infinite.
    #[must_use]
    pub fn less_than(self, other: Self) -> Self {
        let less = |own: f64, other: f64| {
            if own.total_cmp(&other).is_eq() {
                0.0
            } else {
                other - own
            }
        };
        Self {
            cosine: less(self.cosine, other.cosine),
            decibels: less(self.decibels, other.decibels),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worse_answer_is_told_and_a_better_one_refused() {
        let (weights, best, worse) = ([1.0_f32, -0.9, 0.1], [1, -1, 0], [1, 0, 0]);
        assert_eq!(Verdict::new(&weights, &best, &best).to_string(), "the same");
        let verdict = Verdict::new(&weights, &best, &worse);
        assert!(verdict.different == 1 && verdict.loss > 0.2);
        assert!(std::panic::catch_unwind(|| Verdict::new(&weights, &worse, &best)).is_err());
    }

    #[test]
    fn closeness_is_that_of_the_textbook() {
        let weights = [3.0, -4.0];
        let near = Closeness::new(&weights, &[3.0, -3.5]);
        assert!((near.decibels - 20.0).abs() < 1e-12, "{near:?}");
        let exact = Closeness::new(&weights, &weights);
        assert!(exact.less_than(exact).decibels.abs() < 1e-12);
        assert!(near.less_than(exact).cosine > 0.0);
    }
}
