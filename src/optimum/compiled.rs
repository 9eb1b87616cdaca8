//! The functions that are compiled in this crate, once for each type of weights.
//!
//! A generic function is compiled in every crate that calls it. So the public generic functions only look up the type of their weights
//! ([`TypedSlice`]) and call a method of [`Compiled`]. Its implementations are not generic, so their code is in this crate's
//! library. The match on the type is inlined; a program links only the functions for the types it uses.

#[cfg(feature = "alloc")]
use alloc::vec::Vec;

#[cfg(feature = "alloc")]
use super::certificate::{self, Certificate, Refusal};
use super::fit::Fit;
use super::options::Ternarizer;
use super::{curve, solution};
use crate::error::Error;
use crate::weight::{FloatBits, PRIVATE, TypedSlice, Weight};

/// What [`Ternarizer::certify`] returns.
#[cfg(feature = "alloc")]
pub(super) type Certified<W> = Result<(Vec<i8>, Fit<W>, Certificate<W>), Error>;

/// The functions, for one type of weights.
trait Compiled: FloatBits {
    fn ternarize_into(
        options: &Ternarizer<'_>,
        weights: &[Self],
        trits: &mut [i8],
    ) -> Result<Fit<Self>, Error>;
    fn curve_into(weights: &[Self], cosines: &mut [f64]) -> Result<(), Error>;
    #[cfg(feature = "alloc")]
    fn certify(options: &Ternarizer<'_>, weights: &[Self]) -> Certified<Self>;
    #[cfg(feature = "alloc")]
    fn check(
        certificate: &Certificate<Self>,
        weights: &[Self],
        importance: Option<&[f32]>,
        trits: &[i8],
        fit: &Fit<Self>,
    ) -> Result<(), Refusal>;
}

/// Implements [`Compiled`] without generics.
macro_rules! compiled {
    ($type:ty) => {
        impl Compiled for $type {
            // Without an allocator the caller's options are often constants, and what they do not use is left out of its program.
            #[cfg_attr(feature = "alloc", inline(never))]
            #[cfg_attr(not(feature = "alloc"), inline)]
            fn ternarize_into(
                options: &Ternarizer<'_>,
                weights: &[Self],
                trits: &mut [i8],
            ) -> Result<Fit<Self>, Error> {
                solution::ternarize_into(options, weights, trits)
            }

            #[cfg_attr(feature = "alloc", inline(never))]
            #[cfg_attr(not(feature = "alloc"), inline)]
            fn curve_into(weights: &[Self], cosines: &mut [f64]) -> Result<(), Error> {
                curve::write(weights, cosines)
            }

            #[cfg(feature = "alloc")]
            #[inline(never)]
            fn certify(options: &Ternarizer<'_>, weights: &[Self]) -> Certified<Self> {
                certificate::make::certify(options, weights)
            }

            #[cfg(feature = "alloc")]
            #[inline(never)]
            fn check(
                certificate: &Certificate<Self>,
                weights: &[Self],
                importance: Option<&[f32]>,
                trits: &[i8],
                fit: &Fit<Self>,
            ) -> Result<(), Refusal> {
                certificate.verify(weights, importance, trits, fit)
            }
        }
    };
}

compiled!(f32);
compiled!(f64);
#[cfg(feature = "half")]
compiled!(half::f16);
#[cfg(feature = "half")]
compiled!(half::bf16);

/// Evaluates an expression with the weights as a slice of a known type.
macro_rules! typed {
    ($weights:ident => $call:expr) => {
        match W::typed($weights, PRIVATE) {
            TypedSlice::F32($weights) => $call,
            TypedSlice::F64($weights) => $call,
            #[cfg(feature = "half")]
            TypedSlice::F16($weights) => $call,
            #[cfg(feature = "half")]
            TypedSlice::Bf16($weights) => $call,
        }
    };
}

/// A value in another type, which in fact is the same type.
#[inline(always)]
fn same<A: Weight, W: Weight>(value: A) -> W {
    W::from_value(value.to_value(PRIVATE), PRIVATE)
}

/// Checks the input and ternarizes it.
#[inline]
pub(super) fn ternarize_into<W: Weight>(
    options: &Ternarizer<'_>,
    weights: &[W],
    trits: &mut [i8],
) -> Result<Fit<W>, Error> {
    typed!(weights => Ok(Compiled::ternarize_into(options, weights, trits)?.map(same)))
}

/// Checks the weights and writes the curve.
#[inline]
pub(super) fn curve_into<W: Weight>(weights: &[W], cosines: &mut [f64]) -> Result<(), Error> {
    typed!(weights => Compiled::curve_into(weights, cosines))
}

/// Ternarizes and makes the certificate.
#[cfg(feature = "alloc")]
#[inline]
pub(super) fn certify<W: Weight>(options: &Ternarizer<'_>, weights: &[W]) -> Certified<W> {
    typed!(weights => {
        let (trits, fit, certificate) = Compiled::certify(options, weights)?;
        Ok((trits, fit.map(same), certificate.map(same)))
    })
}

/// Checks a certificate.
#[cfg(feature = "alloc")]
#[inline]
pub(super) fn check<W: Weight>(
    certificate: &Certificate<W>,
    weights: &[W],
    importance: Option<&[f32]>,
    trits: &[i8],
    fit: &Fit<W>,
) -> Result<(), Refusal> {
    typed!(weights => {
        let (certificate, fit) = (certificate.map(same), fit.map(same));
        Compiled::check(&certificate, weights, importance, trits, &fit)
    })
}
