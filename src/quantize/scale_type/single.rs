//! The best ternary vector with a stored scale: exact over all `3^N` trits and all values of the scale type.
//!
//! With M non-zeros the best trits keep the M largest magnitudes, of sum `S_M`, whatever the scale `s`. What they gain is a
//! parabola in `s`, so its best value on any set of scales is the one nearest to the vertex:
//!
//! ```text
//! |w - s t|^2 = |w|^2 - G,    G(M, s) = 2 s S_M - s^2 M,    vertex at s = S_M / M
//! for each M: the values of the type on both sides of S_M / M; keep the M and s of the largest G
//! ```
//!
//! Given the best `s`, the trits are non-zero just where `|w| > s / 2`. So equal magnitudes go together, and only the ends of
//! runs of equals need to be looked at. Of equal gains, the fewest non-zeros win, then the smaller scale.
//!
//! Gains are compared in [`Double`]: sums over N weights and two products err by less than `(N + 16) 2^-103` of `|w|^2`, and
//! that is how far at most the answer is from the optimum. Cost: `O(N log N)` for the sorting.
//!
//! Source: TNT, arXiv 1912.09236, section 3, for the prefixes.

use alloc::vec::Vec;

use super::ScaleType;
use super::double::Double;
use crate::error::Error;
use crate::exact::float_sums;
use crate::optimum::check::check_weights;
use crate::optimum::fit::share;
use crate::optimum::rule::Rule;
use crate::weight::{Weight, scale_by_power, unit_exponent};

/// A ternary vector with stored scales, made by [`ternarize_stored`].
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Stored {
    /// A trit for each weight.
    pub trits: Vec<i8>,
    /// The magnitude of a +1, a value of the scale type.
    pub lambda_p: f64,
    /// The magnitude of a -1; equal to `lambda_p` for [`Rule::Tnt`].
    pub lambda_n: f64,
    /// How many trits are not 0.
    pub nonzeros: usize,
    /// `|w - w'|^2 / |w|^2`, with the scales returned; 0 if all weights are 0.
    pub relative_error: f64,
}

/// The ternary vector and the stored scale, or two, of the least squared error.
///
/// [`Rule::Tnt`] has one scale for both signs; with [`Rule::TwoScale`] each sign has its own, and its own support.
///
/// # Errors
///
/// [`Error::Empty`]; [`Error::InvalidValue`] with the index; [`Error::TooMany`] beyond 2^48 `f64` weights; [`Error::Conflict`] for
/// the other rules, which prescribe a threshold whatever the scale is.
///
/// # Examples
///
/// At the scale 0.7 the third weight is not worth keeping; at 0.5, a shift by one bit, it is:
///
/// ```
/// use ternarize::Rule;
/// use ternarize::stored::{ScaleType, ternarize_stored};
///
/// let weights = [0.7_f32, -0.7, 0.26, 0.0];
/// let single = ternarize_stored(&weights, Rule::Tnt, ScaleType::F32)?;
/// assert_eq!((single.trits, single.lambda_p), (vec![1, -1, 0, 0], f64::from(0.7_f32)));
/// let shift = ternarize_stored(&weights, Rule::Tnt, ScaleType::PowerOfTwo)?;
/// assert_eq!((shift.trits, shift.lambda_p), (vec![1, -1, 1, 0], 0.5));
/// # Ok::<(), ternarize::Error>(())
/// ```
pub fn ternarize_stored<W: Weight>(
    weights: &[W],
    rule: Rule,
    scale_type: ScaleType,
) -> Result<Stored, Error> {
    check_weights(weights)?;
    if !matches!(rule, Rule::Tnt | Rule::TwoScale) {
        return Err(Error::Conflict {
            this: "a stored scale",
            that: rule.name(),
        });
    }
    let top = weights.iter().map(|weight| weight.key()).max().unwrap_or(0);
    let unit = unit_exponent::<W>(top);
    let scaled = weights
        .iter()
        .map(|weight| scale_by_power(weight.widen(), -unit));
    let scaled: Vec<f64> = scaled.collect();
    let (p, n) = if rule == Rule::TwoScale {
        let side = |sign: f64| scaled.iter().map(move |w| w * sign).filter(|w| *w > 0.0);
        let best = |sign| Single::of(side(sign).collect(), unit, scale_type);
        (best(1.0), best(-1.0))
    } else {
        let both = Single::of(scaled.iter().map(|w| w.abs()).collect(), unit, scale_type);
        (both, both)
    };
    Ok(measured(&scaled, p, n))
}

/// The trits of the scales, and what they lose.
fn measured(weights: &[f64], p: Single, n: Single) -> Stored {
    let trits: Vec<i8> = weights
        .iter()
        .map(|&w| p.trit(w).max(0) + n.trit(w).min(0))
        .collect();
    let energy = float_sums::sum(weights, |_, w| w * w);
    let lost = float_sums::sum(weights, |i, w| {
        let lost = match trits[i] {
            1 => w - p.scale,
            -1 => w + n.scale,
            _ => w,
        };
        lost * lost
    });
    Stored {
        nonzeros: trits.iter().filter(|trit| **trit != 0).count(),
        trits,
        lambda_p: p.stored,
        lambda_n: n.stored,
        relative_error: share(lost, energy),
    }
}

/// The best stored scale of some magnitudes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Single {
    /// In the units of the magnitudes.
    pub(crate) scale: f64,
    /// The value of the type.
    pub(crate) stored: f64,
}

impl Single {
    /// Searches it for magnitudes below 1, in units of `2^unit`.
    pub(crate) fn of(mut magnitudes: Vec<f64>, unit: i32, scale_type: ScaleType) -> Self {
        magnitudes.sort_unstable_by(|a, b| b.total_cmp(a));
        let mut best = Self {
            scale: 0.0,
            stored: 0.0,
        };
        let (mut most, mut sum) = (Double::default(), Double::default());
        for (i, &magnitude) in magnitudes.iter().enumerate() {
            sum = sum.plus(Double::new(magnitude));
            let next = magnitudes.get(i + 1).copied().unwrap_or(0.0);
            if magnitude <= next {
                continue;
            }
            let count = (i + 1) as f64;
            let vertex = scale_by_power(sum.nearest() / count, unit);
            for stored in scale_type.neighbours(vertex) {
                let scale = scale_by_power(stored, -unit);
                // At twice the vertex, which is below 1, nothing is gained; and far beyond, products would overflow.
                if scale >= 2.0 {
                    continue;
                }
                let gain = sum
                    .times(2.0)
                    .plus(Double::product(-scale, count))
                    .times(scale);
                if gain > most {
                    (most, best) = (gain, Self { scale, stored });
                }
            }
        }
        best
    }

    /// The trit of a weight in the same units.
    pub(crate) fn trit(self, weight: f64) -> i8 {
        if self.scale <= 0.0 || weight.abs() <= self.scale / 2.0 {
            0
        } else if weight > 0.0 {
            1
        } else {
            -1
        }
    }
}
