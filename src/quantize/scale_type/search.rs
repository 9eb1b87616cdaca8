//! The best ternary vector with a stored scale: exact over all `3^N` trits and all values of the scale type.
//!
//! With M non-zeros the best trits keep the M largest magnitudes, of sum `S_M`, whatever the scale `s` is. They lower the squared
//! error by a parabola in `s`, so the best value on any set of scales is the one nearest to the vertex:
//!
//! ```text
//! |w - s t|^2 = |w|^2 - G,    G(M, s) = 2 s S_M - s^2 M,    vertex at s = S_M / M
//! for each M: the values of the type on both sides of S_M / M; keep the M and s of the largest G
//! ```
//!
//! Given the best `s`, the trits are non-zero exactly where `|w| > s / 2`. So equal magnitudes are in or out together, and only the
//! ends of runs of equal magnitudes are candidates. Of equal gains, the fewest non-zeros win, then the smaller scale.
//!
//! Gains are compared in [`Double`]. Sums over N weights and two products err by less than `(N + 16) 2^-103` of `|w|^2`, so the
//! answer is at most that far from the optimum. Cost: `O(N log N)` for a sort.
//!
//! Source: TNT, arXiv 1912.09236, section 3, for the prefixes.

use alloc::vec::Vec;

use super::double::Double;
use super::scaled::{ScaledWeights, widened};
use crate::ScaleType;
use crate::error::Error;
use crate::exact::float_sums;
use crate::optimum::fit::{Fit, share};
use crate::optimum::rule::Rule;
use crate::optimum::weight::{PRIVATE, TypedSlice, Weight};
use crate::weight::scale_by_power;

/// Trits and how well they stand for the weights.
type Ternary = (Vec<i8>, Fit<f64>);

impl ScaleType {
    /// The ternary vector and the stored scales of the least squared error.
    ///
    /// [`Rule::Tnt`] has one scale for both signs. With [`Rule::TwoScale`] each sign has its own scale and its own support. The scales
    /// and thresholds in the [`Fit`] are `f64`, because a scale type may be wider than the type of the weights. `lambda_p` and
    /// `lambda_n` are values of the scale type. `lambda` equals both for [`Rule::Tnt`]; for [`Rule::TwoScale`] it is the mean selected
    /// magnitude and not a value of the type.
    ///
    /// # Errors
    ///
    /// [`Error::Empty`]; [`Error::InvalidValue`] with the index; [`Error::TooMany`] beyond 2^48 weights; [`Error::Conflict`] for other
    /// rules, which prescribe a threshold whatever the scale is. [`Error::Unstorable`] with the index 0 if a scale is beyond the
    /// largest value of the type, or if the weights are not all 0 but so small that no value of the type is better than 0.
    ///
    /// # Examples
    ///
    /// At the scale 0.7 the third weight is not worth keeping; at 0.5, a shift by one bit, it is:
    ///
    /// ```
    /// use ternarize::{Rule, ScaleType};
    ///
    /// let weights = [0.7_f32, -0.7, 0.26, 0.0];
    /// let (trits, fit) = ScaleType::F32.ternarize(Rule::Tnt, &weights)?;
    /// assert_eq!((trits, fit.lambda), (vec![1, -1, 0, 0], f64::from(0.7_f32)));
    /// let (trits, fit) = ScaleType::PowerOfTwo.ternarize(Rule::Tnt, &weights)?;
    /// assert_eq!((trits, fit.lambda), (vec![1, -1, 1, 0], 0.5));
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    pub fn ternarize<W: Weight>(
        self,
        rule: Rule,
        weights: &[W],
    ) -> Result<(Vec<i8>, Fit<f64>), Error> {
        self.ternarize_typed(rule, W::typed(weights, PRIVATE))
    }

    fn ternarize_typed(self, rule: Rule, weights: TypedSlice<'_>) -> Result<Ternary, Error> {
        let weights = ScaledWeights::of(widened(weights))?;
        let (p, n) = match rule {
            Rule::Tnt => {
                let magnitudes = weights.values.iter().map(|w| w.abs()).collect();
                let both = BestScale::search(magnitudes, weights.unit, self);
                (both, both)
            }
            Rule::TwoScale => BestScale::of_each_sign(&weights, self),
            _ => return Err(Error::conflict("a stored scale", rule.name())),
        };
        self.check(0, &[p.wanted, n.wanted], &[p.stored, n.stored])?;
        Ok(measured(&weights, p, n))
    }
}

/// The trits for two scales, and how well they stand for the weights.
fn measured(weights: &ScaledWeights, p: BestScale, n: BestScale) -> Ternary {
    let values = &weights.values;
    let (trits, lost) = trits_and_loss(values, p, n);
    let selected = float_sums::sum(values, |i, w| w * f64::from(trits[i]));
    let count = |wanted: i8| trits.iter().filter(|&&trit| trit == wanted).count();
    let (positives, nonzeros) = (count(1), trits.len() - count(0));
    let norms = num_traits::Float::sqrt(weights.energy * nonzeros as f64);
    let mean = weights.stored(share(selected, nonzeros as f64));
    let alike = p.stored.to_bits() == n.stored.to_bits();
    let fit = Fit {
        lambda: if alike { p.stored } else { mean },
        lambda_p: p.stored,
        lambda_n: n.stored,
        nonzeros,
        positives,
        len: trits.len(),
        threshold: p.stored.min(n.stored) / 2.0,
        threshold_p: p.stored / 2.0,
        threshold_n: n.stored / 2.0,
        cosine: share(selected, norms).min(1.0),
        relative_error: share(lost, weights.energy),
    };
    (trits, fit)
}

/// The trits of weights for two scales, and the squared error.
pub(crate) fn trits_and_loss(values: &[f64], p: BestScale, n: BestScale) -> (Vec<i8>, f64) {
    let trit = |&w: &f64| p.trit(w).max(0) + n.trit(w).min(0);
    let trits: Vec<i8> = values.iter().map(trit).collect();
    let lost = float_sums::sum(values, |i, w| {
        let lost = match trits[i] {
            1 => w - p.scale,
            -1 => w + n.scale,
            _ => w,
        };
        lost * lost
    });
    (trits, lost)
}

/// The best stored scale of some magnitudes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BestScale {
    /// In the units of the magnitudes.
    pub(crate) scale: f64,
    /// The value of the scale type.
    pub(crate) stored: f64,
    /// The mean that is stored, or the largest magnitude if nothing is.
    pub(crate) wanted: f64,
}

impl BestScale {
    /// The best scales of the weights above 0 and of those below 0, each sign on its own.
    pub(crate) fn of_each_sign(weights: &ScaledWeights, scale_type: ScaleType) -> (Self, Self) {
        let side = |sign: f64| {
            let side = weights.values.iter().map(|w| w * sign);
            let side = side.filter(|w| *w > 0.0).collect();
            Self::search(side, weights.unit, scale_type)
        };
        (side(1.0), side(-1.0))
    }

    /// Searches the best scale of magnitudes below 1, which are in units of `2^unit`.
    pub(crate) fn search(mut magnitudes: Vec<f64>, unit: i32, scale_type: ScaleType) -> Self {
        // By bits, which are in the order of magnitudes. Stable, and so faster where long runs are sorted already.
        magnitudes.sort_by_key(|magnitude| !magnitude.to_bits());
        let least = Self::least_gain(&magnitudes, unit, scale_type);
        let (mut scale, mut best) = (0.0, 0.0);
        let mut wanted = scale_by_power(magnitudes.first().copied().unwrap_or(0.0), unit);
        let (mut most, mut sum) = (Double::default(), Double::default());
        for (i, &magnitude) in magnitudes.iter().enumerate() {
            sum = sum.plus(Double::new(magnitude));
            // Only the end of a run of equal magnitudes is a candidate. No scale gains more than the vertex.
            let next = magnitudes.get(i + 1).copied().unwrap_or(0.0);
            let count = (i + 1) as f64;
            if magnitude <= next || sum.nearest() * sum.nearest() < least * count {
                continue;
            }
            let vertex = scale_by_power(sum.nearest() / count, unit);
            for stored in scale_type.neighbours(vertex) {
                let candidate = scale_by_power(stored, -unit);
                // At twice the vertex, which is below 1, nothing is gained. Far beyond, products would overflow.
                if candidate >= 2.0 {
                    continue;
                }
                let product = Double::product(-candidate, count);
                let gain = sum.times(2.0).plus(product).times(candidate);
                if gain > most {
                    (most, scale, best, wanted) = (gain, candidate, stored, vertex);
                }
            }
        }
        Self {
            scale,
            stored: best,
            wanted,
        }
    }

    /// A little less than what the prefix of the best score gains. Prefixes of a smaller score than this cannot be the best.
    fn least_gain(magnitudes: &[f64], unit: i32, scale_type: ScaleType) -> f64 {
        let (mut sum, mut best, mut mean) = (0.0, 0.0, 0.0);
        for (i, magnitude) in magnitudes.iter().enumerate() {
            sum += magnitude;
            let score = sum * sum / (i + 1) as f64;
            if score > best {
                (best, mean) = (score, sum / (i + 1) as f64);
            }
        }
        let stored = scale_by_power(scale_type.round(scale_by_power(mean, unit)), -unit);
        // `s (2 S - s M) = S^2 / M (1 - r^2)`, with `r` the relative distance of `s` from the mean.
        let distance = (stored - mean) / mean;
        // Derived: a sum of N magnitudes errs by at most N 2^-53 of itself, and the score by a little more than twice that.
        let margin = 1e-15 * magnitudes.len() as f64;
        best * (1.0 - distance * distance - 4.0 * margin)
    }

    /// The largest magnitude of a weight whose trit is 0, in the same units.
    fn half(self) -> f64 {
        if self.scale > 0.0 {
            self.scale / 2.0
        } else {
            f64::INFINITY
        }
    }

    /// The trit of a weight in the same units.
    pub(crate) fn trit(self, weight: f64) -> i8 {
        // Without a branch: signs cannot be predicted.
        i8::from(weight > self.half()) - i8::from(weight < -self.half())
    }

    /// What the trit of a weight stands for: its scale with a sign, or 0.
    pub(crate) fn value(self, weight: f64) -> f64 {
        let selected = weight.abs() > self.half();
        let scale = if selected { self.scale } else { 0.0 };
        scale.copysign(weight)
    }
}
