//! Scales that a file can hold.
//!
//! A ternary layer's scale is a mean and has any number of bits; a file keeps 16 or 32 of them. [`storable`] rounds, and says no
//! where rounding would be a disaster: 65520 and above become infinite, and with them every weight NaN; 2^-25 and below become
//! zero, and with them every weight. All else in [`crate::format`] takes scales that are storable already, and keeps every bit.
//!
//! ```text
//! f16:   2^-25 < scale < 65520       rounded to nearest, ties to even;  relative error at most 2^-11 from 2^-14 on
//! ```
//!
//! Cost: constant.

use half::f16;

use crate::error::{Error, Operand};
use crate::optimum::weight::{PRIVATE, Weight};

/// The nearest `f16` to a scale.
///
/// # Errors
///
/// [`Error::InvalidValue`] for a scale that is negative, NaN or infinite, [`Error::Unstorable`] for one that would become
/// infinite, or zero though it is not. The index is 0.
///
/// # Examples
///
/// ```
/// use half::f16;
/// use ternarize::{Operand, Error, format::storable};
///
/// assert_eq!(storable(0.1_f32)?.to_bits(), 0x2e66);
/// assert_eq!(storable(65_519.0_f32), Ok(f16::MAX));
/// assert_eq!(storable(65_520.0_f32), Err(Error::Unstorable { what: Operand::Scale, index: 0 }));
/// assert_eq!(storable(1e-8_f32), Err(Error::Unstorable { what: Operand::Scale, index: 0 }));
/// # Ok::<(), Error>(())
/// ```
pub fn storable<W: Weight>(scale: W) -> Result<f16, Error> {
    rounded(0, scale.to_value(PRIVATE))
}

/// The nearest scale of another type, if it is neither infinite nor zero for the first time.
pub(crate) fn rounded<S: Weight>(index: usize, scale: f64) -> Result<S, Error> {
    check(index, scale)?;
    let near = S::from_value(scale, PRIVATE);
    if !near.is_finite() || near.is_zero() && scale > 0.0 {
        return Err(Error::unstorable(Operand::Scale, index));
    }
    Ok(near)
}

/// The same scale in another type, if that has it.
pub(super) fn exact<S: Weight>(index: usize, scale: f64) -> Result<S, Error> {
    let near: S = rounded(index, scale)?;
    if near.to_value(PRIVATE).to_bits() != scale.to_bits() {
        return Err(Error::unstorable(Operand::Scale, index));
    }
    Ok(near)
}

/// Checks that a scale is a magnitude.
pub(super) fn check(index: usize, scale: f64) -> Result<(), Error> {
    if scale >= 0.0 && scale.is_finite() {
        return Ok(());
    }
    Err(Error::invalid(Operand::Scale, index))
}
