//! [`Weight`]: the types of numbers that can be ternarized, and the functions that are compiled in this crate for each of them.
//!
//! A generic function is compiled in every crate that calls it. So the public generic functions only call a method of [`Sealed`].
//! Its implementations are not generic, so their code is in this crate's library, and a program links only those of the types it
//! uses. The modules above this one match on the type instead ([`TypedSlice`]).

#[cfg(feature = "alloc")]
use alloc::vec::Vec;
use core::fmt::{Debug, Display};

use num_traits::Float;

#[cfg(feature = "alloc")]
use super::certificate::{self, Certificate, Refusal};
use super::fit::Fit;
use super::options::Ternarizer;
use super::{curve, solution};
use crate::error::Error;
use crate::weight::FloatBits;

/// A floating-point type whose values can be ternarized: `f32`, `f64` and, with the feature `half`, `f16` and `bf16`.
///
/// The trait is sealed: other types cannot implement it.
///
/// # Examples
///
/// ```
/// use ternarize::{Error, Weight, ternarize_into};
///
/// fn sparsity<W: Weight>(weights: &[W], trits: &mut [i8]) -> Result<f64, Error> {
///     Ok(ternarize_into(weights, trits)?.sparsity())
/// }
/// let mut trits = [0; 4];
/// assert_eq!(sparsity(&[1.0_f32, -1.0, 0.1, 0.0], &mut trits), Ok(0.5));
/// assert_eq!(sparsity(&[1.0_f64, -1.0, 0.1, 0.0], &mut trits), Ok(0.5));
/// ```
pub trait Weight: Float + Debug + Display + Send + Sync + 'static + Sealed {}

/// A slice of weights of a known type. Generic public functions match on it and call functions that are compiled in this crate.
#[derive(Clone, Copy, Debug)]
pub enum TypedSlice<'a> {
    /// Weights of type `f32`.
    F32(&'a [f32]),
    /// Weights of type `f64`.
    F64(&'a [f64]),
    /// Weights of type `f16`.
    #[cfg(feature = "half")]
    F16(&'a [half::f16]),
    /// Weights of type `bf16`.
    #[cfg(feature = "half")]
    Bf16(&'a [half::bf16]),
}

/// The same, to be written.
#[derive(Debug)]
pub enum TypedSliceMut<'a> {
    /// Weights of type `f32`.
    F32(&'a mut [f32]),
    /// Weights of type `f64`.
    F64(&'a mut [f64]),
    /// Weights of type `f16`.
    #[cfg(feature = "half")]
    F16(&'a mut [half::f16]),
    /// Weights of type `bf16`.
    #[cfg(feature = "half")]
    Bf16(&'a mut [half::bf16]),
}

/// Only this crate can make one, so only this crate can call the methods of [`Sealed`].
#[derive(Clone, Copy, Debug)]
pub struct Private(());

/// The one value of [`Private`].
pub(crate) const PRIVATE: Private = Private(());

/// What [`Ternarizer::certify`] returns.
#[cfg(feature = "alloc")]
pub(super) type Certified<W> = Result<(Vec<i8>, Fit<W>, Certificate<W>), Error>;

/// What this crate does with a [`Weight`] of a type that is generic in the caller.
pub trait Sealed: Sized {
    /// The slice, with its type as a value. It is inlined, so a `match` on the result costs nothing.
    fn typed(weights: &[Self], _: Private) -> TypedSlice<'_>;
    /// The slice to be written, with its type as a value.
    fn typed_mut(weights: &mut [Self], _: Private) -> TypedSliceMut<'_>;
    /// The weight of this value; exact if the value is one of the type.
    fn from_value(value: f64, _: Private) -> Self;
    /// The value; every weight type fits.
    fn to_value(self, _: Private) -> f64;
    /// The exponent of the smallest subnormal number.
    fn least_exponent(_: Private) -> i32;

    /// Checks the input and ternarizes it.
    fn ternarize_into(
        options: &Ternarizer<'_>,
        weights: &[Self],
        trits: &mut [i8],
        _: Private,
    ) -> Result<Fit<Self>, Error>;
    /// Checks the weights and writes the curve.
    fn curve_into(weights: &[Self], cosines: &mut [f64], _: Private) -> Result<(), Error>;
    /// Ternarizes and makes the certificate.
    #[cfg(feature = "alloc")]
    fn certify(options: &Ternarizer<'_>, weights: &[Self], _: Private) -> Certified<Self>;
    /// Checks a certificate.
    #[cfg(feature = "alloc")]
    fn check(
        certificate: &Certificate<Self>,
        input: (&[Self], Option<&[f32]>),
        answer: (&[i8], &Fit<Self>),
        _: Private,
    ) -> Result<(), Refusal>;
}

/// Implements [`Weight`] without generics.
macro_rules! weight {
    ($type:ty, $variant:ident) => {
        impl Weight for $type {}

        impl Sealed for $type {
            #[inline(always)]
            fn typed(weights: &[Self], _: Private) -> TypedSlice<'_> {
                TypedSlice::$variant(weights)
            }

            #[inline(always)]
            fn typed_mut(weights: &mut [Self], _: Private) -> TypedSliceMut<'_> {
                TypedSliceMut::$variant(weights)
            }

            #[inline(always)]
            fn from_value(value: f64, _: Private) -> Self {
                Self::narrow(value)
            }

            #[inline(always)]
            fn to_value(self, _: Private) -> f64 {
                self.widen()
            }

            #[inline(always)]
            fn least_exponent(_: Private) -> i32 {
                Self::LEAST_EXPONENT
            }

            // Without an allocator the caller's options are often constants, and what they do not use is left out of its program.
            #[cfg_attr(feature = "alloc", inline(never))]
            #[cfg_attr(not(feature = "alloc"), inline)]
            fn ternarize_into(
                options: &Ternarizer<'_>,
                weights: &[Self],
                trits: &mut [i8],
                _: Private,
            ) -> Result<Fit<Self>, Error> {
                solution::ternarize_into(options, weights, trits)
            }

            #[cfg_attr(feature = "alloc", inline(never))]
            #[cfg_attr(not(feature = "alloc"), inline)]
            fn curve_into(weights: &[Self], cosines: &mut [f64], _: Private) -> Result<(), Error> {
                curve::write(weights, cosines)
            }

            #[cfg(feature = "alloc")]
            #[inline(never)]
            fn certify(options: &Ternarizer<'_>, weights: &[Self], _: Private) -> Certified<Self> {
                certificate::make::certify(options, weights)
            }

            #[cfg(feature = "alloc")]
            #[inline(never)]
            fn check(
                certificate: &Certificate<Self>,
                (weights, importance): (&[Self], Option<&[f32]>),
                (trits, fit): (&[i8], &Fit<Self>),
                _: Private,
            ) -> Result<(), Refusal> {
                certificate.verify(weights, importance, trits, fit)
            }
        }
    };
}

weight!(f32, F32);
weight!(f64, F64);
#[cfg(feature = "half")]
weight!(half::f16, F16);
#[cfg(feature = "half")]
weight!(half::bf16, Bf16);
