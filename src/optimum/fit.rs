//! [`Fit`]: the scales of a ternary vector, and its error metrics.
//!
//! The supports, the scales and the thresholds come from exact sums. The two error metrics come from `f64` sums in one defined order
//! ([`crate::exact::float_sums`]), in units of a power of two near the largest magnitude: they have the same bits on every machine, and
//! nothing overflows. With importances their sums over the support are of that kind, too ([`parts`]).

use crate::exact::float_sums;
use crate::optimum::objective::RoundedTally;
use crate::optimum::weight::Weight;
use crate::weight::{FloatBits, scale_by_power};

/// The scales of a ternary vector, and its error metrics.
///
/// A trit `t_i` is dequantized to `lambda_p` if it is +1, to `-lambda_n` if it is -1, and to 0 otherwise.
/// With importances `h`, every inner product below is `<a, b> = sum h_i a_i b_i`.
///
/// # Examples
///
/// ```
/// use ternarize::ternarize_into;
///
/// let weights = [1.0_f32, -0.9, 0.1, 0.8];
/// let mut trits = [0; 4];
/// let fit = ternarize_into(&weights, &mut trits)?;
/// assert_eq!(trits, [1, -1, 0, 1]);
/// assert_eq!((fit.lambda, fit.lambda_p, fit.lambda_n), (0.9, 0.9, 0.9));
/// assert_eq!(fit.nonzeros, 3);
/// assert!(fit.cosine > 0.99 && fit.relative_error < 0.02);
/// # Ok::<(), ternarize::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Fit<W> {
    /// The one scale for both signs: the projection of the weights on the trits, or the scale that `AbsMean` or `AbsMax` prescribes.
    /// Not negative; 0 if there are no non-zeros. Correctly rounded from the exact ratio, except for
    /// [`Rule::TwoScale`](crate::Rule::TwoScale): there it is informative and rounded from `f64`.
    pub lambda: W,
    /// The scale of +1. Not negative; with two scales, 0 if there is no +1.
    pub lambda_p: W,
    /// The scale of -1. Not negative; with two scales, 0 if there is no -1.
    pub lambda_n: W,
    /// How many trits are not 0: the paper's `M`.
    pub nonzeros: usize,
    /// How many trits are +1.
    pub positives: usize,
    /// How many trits there are.
    pub len: usize,
    /// A trit is not 0 exactly where `|w| > threshold` and the importance is not 0.
    ///
    /// For the exact rules it is half the scale, rounded down. For the baselines it is the prescribed threshold, rounded down (for
    /// `AbsMax`, the largest number below `max / 2`). Where a given number of non-zeros decides, it is the largest magnitude left out, and
    /// the first of the weights of that magnitude may be selected. With [`Rule::TwoScale`](crate::Rule::TwoScale) it is the smaller of
    /// the two thresholds below.
    pub threshold: W,
    /// The threshold for positive weights; equal to `threshold` except with [`Rule::TwoScale`](crate::Rule::TwoScale).
    pub threshold_p: W,
    /// The threshold for the magnitude of negative weights.
    pub threshold_n: W,
    /// The cosine of the angle between the weights and the trits, in `[0, 1]`: what the paper maximises. 0 if all trits are 0.
    pub cosine: f64,
    /// `|w - w'|^2 / |w|^2`, where `w'` is dequantized from the trits and the scales returned. 0 if all weights are 0.
    pub relative_error: f64,
}

impl<W: Weight> Fit<W> {
    /// The share of trits that are 0, in `[0, 1]`.
    ///
    /// ```
    /// let mut trits = [0; 4];
    /// let fit = ternarize::ternarize_into(&[1.0_f32, 0.0, 0.0, -1.0], &mut trits)?;
    /// assert_eq!(fit.sparsity(), 0.5);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub fn sparsity(&self) -> f64 {
        (self.len - self.nonzeros) as f64 / self.len as f64
    }

    /// How many trits are -1.
    ///
    /// ```
    /// let mut trits = [0; 4];
    /// let fit = ternarize::ternarize_into(&[1.0_f32, 0.0, 0.0, -1.0], &mut trits)?;
    /// assert_eq!(fit.negatives(), 1);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub fn negatives(&self) -> usize {
        self.nonzeros - self.positives
    }

    /// The value that a trit stands for; 0 for anything but -1 and +1.
    ///
    /// ```
    /// let mut trits = [0; 3];
    /// let fit = ternarize::ternarize_into(&[1.0_f32, -0.9, 0.0], &mut trits)?;
    /// assert_eq!(trits.map(|t| fit.value(t)), [1.0, -0.9, 0.0]);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub fn value(&self, trit: i8) -> W {
        value(trit, self.lambda_p, self.lambda_n)
    }
}

/// The value that a trit stands for.
pub(crate) fn value<W: num_traits::Float>(trit: i8, lambda_p: W, lambda_n: W) -> W {
    match trit {
        1 => lambda_p,
        -1 => -lambda_n,
        _ => W::zero(),
    }
}

/// `sum h w^2`, with the weights in units of `2^unit`.
pub(crate) fn energy<W: FloatBits>(weights: &[W], importance: Option<&[f32]>, unit: i32) -> f64 {
    weighted_sum(weights, importance, |_, weight| {
        let w = scale_by_power(weight.widen(), -unit);
        w * w
    })
}

/// `sum h |w|` and `sum h` over the weights of the trits +1, and over those of the trits -1, with the weights in units of
/// `2^unit`. The sums run over all weights, with zeros where the trit is another.
pub(crate) fn parts<W: FloatBits>(
    weights: &[W],
    importance: &[f32],
    trits: &[i8],
    unit: i32,
) -> [RoundedTally; 2] {
    [1, -1].map(|wanted| {
        let mass = |i: usize| match (trits.get(i), importance.get(i)) {
            (Some(&trit), Some(&h)) if trit == wanted => f64::from(h),
            _ => 0.0,
        };
        let sum = |i, weight: W| mass(i) * scale_by_power(weight.abs().widen(), -unit);
        let term = |i, weight| if mass(i) > 0.0 { sum(i, weight) } else { 0.0 };
        let sum = float_sums::sum(weights, term);
        RoundedTally::new(sum, float_sums::sum(weights, |i, _| mass(i)))
    })
}

/// The squared error `sum h (w - w')^2`, with the weights in units of `2^unit`, added weight by weight.
pub(crate) fn residual<W: FloatBits>(
    weights: &[W],
    trits: &[i8],
    (lambda_p, lambda_n): (W, W),
    importance: Option<&[f32]>,
    unit: i32,
) -> f64 {
    let scaled = |w: W| scale_by_power(w.widen(), -unit);
    let restored = [-scaled(lambda_n), 0.0, scaled(lambda_p)];
    weighted_sum(weights, importance, |i, weight| {
        let trit = trits.get(i).copied().unwrap_or(0);
        let code = usize::from(trit.wrapping_add(1) as u8);
        let lost = scaled(weight) - restored.get(code).copied().unwrap_or(0.0);
        lost * lost
    })
}

/// `sum h_i term(i, w_i)`, in the defined order.
///
/// Only weights whose importance is not 0 are converted to the units: others may overflow, and 0 times infinity is NaN.
fn weighted_sum<W: FloatBits>(
    weights: &[W],
    importance: Option<&[f32]>,
    term: impl Fn(usize, W) -> f64,
) -> f64 {
    let Some(importance) = importance else {
        return float_sums::sum(weights, term);
    };
    float_sums::sum(weights, |i, weight| match importance.get(i) {
        Some(&h) if h > 0.0 => f64::from(h) * term(i, weight),
        _ => 0.0,
    })
}

/// `part / whole`, 0 if `whole` is 0.
pub(crate) fn share(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}
