//! The curve `M -> cosine`, of which the search finds the maximum.
//!
//! Source: TNT, arXiv 1912.09236, section 3: the algorithm's inner quantity, for every number of non-zeros.

use crate::error::{Error, check_len};
use crate::exact::float_sums;
use crate::optimum::check;
use crate::optimum::fit;
use crate::optimum::objective::{Item, Objective, Side, WideObjective};
use crate::optimum::weight::{PRIVATE, Weight};
use crate::weight::FloatBits;

/// Writes, for each `M` from 1 to N, the cosine of the weights and the best ternary vector with `M` non-zeros to
/// `cosines[M - 1]`. No heap.
///
/// Where `M` exceeds the number of weights that are not zero, the further non-zeros stand on zeros and the cosine falls. The
/// entry at `M = nonzeros` has the bits of the `cosine` of the [`Fit`](crate::Fit) that [`ternarize_into`](crate::ternarize_into)
/// returns. It is the largest up to rounding: of two equal optima, one may round to the next number. Cost: `O(N log N)`.
///
/// # Errors
///
/// [`Error::Empty`], [`Error::InvalidValue`], [`Error::TooMany`] as [`ternarize_into`](crate::ternarize_into), and
/// [`Error::LengthMismatch`] if `cosines` is not as long as `weights`.
///
/// # Examples
///
/// ```
/// let mut cosines = [0.0; 3];
/// ternarize::curve_into(&[3.0_f32, -4.0, 0.0], &mut cosines)?;
/// assert_eq!(cosines[0], 0.8);
/// assert!((cosines[1] - 7.0 / (2.0_f64.sqrt() * 5.0)).abs() < 1e-15);
/// assert!((cosines[2] - 7.0 / (3.0_f64.sqrt() * 5.0)).abs() < 1e-15);
/// # Ok::<(), ternarize::Error>(())
/// ```
#[inline]
pub fn curve_into<W: Weight>(weights: &[W], cosines: &mut [f64]) -> Result<(), Error> {
    W::curve_into(weights, cosines, PRIVATE)
}

/// Checks the weights and writes the curve.
pub(super) fn write<W: FloatBits>(weights: &[W], cosines: &mut [f64]) -> Result<(), Error> {
    check::check_weights(weights)?;
    check_len(weights.len(), cosines.len())?;
    // The output doubles as the scratch for sorting: every weight fits an f64.
    for (place, weight) in cosines.iter_mut().zip(weights) {
        *place = weight.abs().widen();
    }
    float_sums::sort(cosines);
    let objective = WideObjective::new(weights, None, Side::Both);
    let energy = fit::energy(weights, None, objective.unit_exponent());
    let mut tally = objective.empty();
    for place in cosines {
        let key = W::narrow(*place).key();
        objective.add(&mut tally, Item::of_key(key), 1);
        *place = objective.rounded(&tally).cosine(energy);
    }
    Ok(())
}

/// For each `M` from 1 to N, the cosine of the weights and the best ternary vector with `M` non-zeros.
///
/// # Errors
///
/// As [`curve_into`].
///
/// # Examples
///
/// ```
/// let cosines = ternarize::curve(&[3.0_f32, -4.0, 0.5])?;
/// assert!(cosines[1] > cosines[0] && cosines[1] > cosines[2]);
/// # Ok::<(), ternarize::Error>(())
/// ```
#[cfg(feature = "alloc")]
#[inline]
pub fn curve<W: Weight>(weights: &[W]) -> Result<alloc::vec::Vec<f64>, Error> {
    let mut cosines = alloc::vec![0.0; weights.len()];
    curve_into(weights, &mut cosines)?;
    Ok(cosines)
}
