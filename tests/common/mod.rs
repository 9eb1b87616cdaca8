//! What the tests share: bits of the four types, exact numbers, and exact scores to judge the answers by.

#![allow(dead_code, reason = "each test binary uses a part of it")]

pub(crate) mod exact;
pub(crate) mod stored;
pub(crate) mod strategy;
pub(crate) mod twin;

use ternarize::{Fit, Weight};

/// A weight type with its bits.
pub(crate) trait Sample: Weight {
    /// The bits of infinity: magnitudes are the bits below.
    const INFINITY_BITS: u64;
    /// The bits of the smallest normal number.
    const NORMAL_BITS: u64;
    /// The value with these bits, the sign bit aside.
    fn magnitude(bits: u64) -> Self;
    /// All bits.
    fn bits(self) -> u64;
    /// The same value.
    fn wide(self) -> f64;
}

macro_rules! sample {
    ($($type:ty: $bits:ty, $wide:expr;)*) => {$(
        impl Sample for $type {
            const INFINITY_BITS: u64 = <$type>::INFINITY.to_bits() as u64;
            const NORMAL_BITS: u64 = <$type>::MIN_POSITIVE.to_bits() as u64;
            fn magnitude(bits: u64) -> Self {
                assert!(bits < Self::INFINITY_BITS);
                Self::from_bits(<$bits>::try_from(bits).expect("bits of this type"))
            }
            fn bits(self) -> u64 {
                u64::from(self.to_bits())
            }
            fn wide(self) -> f64 {
                $wide(self)
            }
        }
    )*};
}
sample! {
    f32: u32, f64::from;
    f64: u64, core::convert::identity;
}
#[cfg(feature = "half")]
sample! {
    half::f16: u16, f64::from;
    half::bf16: u16, f64::from;
}

/// Every field of a fit, bit by bit.
pub(crate) fn bits<W: Sample>(fit: &Fit<W>) -> [u64; 11] {
    [
        fit.lambda.bits(),
        fit.lambda_p.bits(),
        fit.lambda_n.bits(),
        fit.threshold.bits(),
        fit.threshold_p.bits(),
        fit.threshold_n.bits(),
        fit.cosine.to_bits(),
        fit.relative_error.to_bits(),
        fit.nonzeros as u64,
        fit.positives as u64,
        fit.len as u64,
    ]
}

/// The same values in another type.
pub(crate) fn widen<W: Sample>(weights: &[W]) -> Vec<f64> {
    weights.iter().map(|w| w.wide()).collect()
}
