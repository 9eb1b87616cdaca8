//! Products of packed trits with activations: [`dot`] with f32 and 8-bit vectors, [`int8`] matrices with 8-bit activations.

pub mod dot;
#[cfg(feature = "alloc")]
pub mod int8;
