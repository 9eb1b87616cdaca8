//! Products of packed trits with activations.
//!
//! | product | activations | here |
//! |---|---|---|
//! | one vector of trits | f32, `i8` | [`PackedTrits::dot`](crate::PackedTrits::dot) and its siblings; the order of additions is defined below |
//! | a matrix | f32 | [`TernaryTensor::matvec`](crate::tensor::TernaryTensor::matvec) |
//! | a matrix | [`Activations`] | [`TernaryTensor::matvec_i8`](crate::tensor::TernaryTensor::matvec_i8), [`FormatMatrix::matvec_i8`](crate::format::FormatMatrix::matvec_i8) |

pub(crate) mod dot;
#[cfg(feature = "alloc")]
pub(crate) mod int8;
mod round;

#[cfg(feature = "alloc")]
pub use int8::{Activations, ScalePer};
pub use round::quantize_into;
