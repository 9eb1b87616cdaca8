//! Three gains: factors for the scales of a group, from the weights alone.
//!
//! Let `q` be the restored weights with least-squares scales, so that `w - q` is orthogonal to `q`, and `cos` the cosine between `w`
//! and `q`. For uncorrelated inputs `x`, `<q, x>` is `<w, x>` times `cos^2` plus noise. So which length should `q` have?
//!
//! | gain | factor | for such `q` | what is equal afterwards |
//! |---|---|---|---|
//! | [`least_squares_gain`] | `<w,q> / <q,q>` | 1 | nothing: the error of the weights is least, and outputs shrink by `cos^2` |
//! | [`norm_gain`] | `\|w\| / \|q\|` | `1 / cos` | the norm of the weights, and with it the variance of the outputs |
//! | [`unit_gain`] | `<w,w> / <w,q>` | `1 / cos^2` | `<w, q'> = <w, w>`: the part of the outputs that is signal |
//!
//! The factors hold for any `q`: one scale, two scales, several planes, whatever the scales were.

use num_traits::Float;

use crate::error::{Error, check_len};
use crate::exact::float_sums;
use crate::optimum::weight::{PRIVATE, TypedSlice, Weight};
use crate::quantize::scale_type::{ScaledWeights, widened};
use crate::weight::scale_by_power;

/// The factor for the scales that makes the squared error of the restored weights least: `<w,q> / <q,q>`.
///
/// 1 where nothing else is defined: if the weights or the restored weights are all zero, orthogonal, or none.
///
/// # Errors
///
/// [`Error::LengthMismatch`] if the slices have different lengths; [`Error::InvalidValue`] with the index, in `weights` or else in
/// `restored`.
///
/// # Examples
///
/// ```
/// use ternarize::quantize::calibrate::{least_squares_gain, norm_gain, unit_gain};
///
/// // Least squares with a cosine of 0.8: |q| = 0.8 |w|.
/// let (weights, restored) = ([5.0_f32, 0.0], [3.2_f32, 2.4]);
/// assert!((least_squares_gain(&weights, &restored)? - 1.0).abs() < 1e-6);
/// assert!((norm_gain(&weights, &restored)? - 1.0 / 0.8).abs() < 1e-6);
/// assert!((unit_gain(&weights, &restored)? - 1.0 / 0.64).abs() < 1e-6);
/// # Ok::<(), ternarize::Error>(())
/// ```
pub fn least_squares_gain<W: Weight>(weights: &[W], restored: &[W]) -> Result<f64, Error> {
    let typed = [weights, restored].map(|slice| W::typed(slice, PRIVATE));
    factor(typed, |_, wq, qq| wq / qq)
}

/// The factor for the scales that makes the restored weights as long as the weights: `|w| / |q|`.
///
/// Conditions, errors and an example are those of [`least_squares_gain`].
#[expect(clippy::missing_errors_doc, reason = "those of the function above")]
pub fn norm_gain<W: Weight>(weights: &[W], restored: &[W]) -> Result<f64, Error> {
    let typed = [weights, restored].map(|slice| W::typed(slice, PRIVATE));
    factor(typed, |ww, _, qq| Float::sqrt(ww / qq))
}

/// The factor for the scales that makes the inner product with the weights that of the weights: `<w,w> / <w,q>`.
///
/// Conditions, errors and an example are those of [`least_squares_gain`].
#[expect(clippy::missing_errors_doc, reason = "those of the function above")]
pub fn unit_gain<W: Weight>(weights: &[W], restored: &[W]) -> Result<f64, Error> {
    let typed = [weights, restored].map(|slice| W::typed(slice, PRIVATE));
    factor(typed, |ww, wq, _| ww / wq)
}

/// A factor made of `<w,w>`, `<w,q>` and `<q,q>`, which are computed in units of powers of two.
fn factor(
    [weights, restored]: [TypedSlice<'_>; 2],
    of: fn(f64, f64, f64) -> f64,
) -> Result<f64, Error> {
    let (w, q) = (widened(weights), widened(restored));
    check_len(w.len(), q.len())?;
    if w.is_empty() {
        return Ok(1.0);
    }
    let (w, q) = (ScaledWeights::of(w)?, ScaledWeights::of(q)?);
    let wq = float_sums::sum(&w.values, |i, w| w * q.values[i]);
    if wq == 0.0 {
        return Ok(1.0);
    }
    let factor = of(w.energy, wq, q.energy);
    Ok(scale_by_power(factor, w.unit - q.unit))
}
