//! The optimum among ternary vectors whose scale is a value of a [`ScaleType`](crate::ScaleType).
//!
//! The best scale of a ternary vector is a mean and may need any number of bits. If a scale is rounded after the search, its trits
//! were chosen for another scale. [`ScaleType::ternarize`](crate::ScaleType::ternarize) rounds *within* the search instead.

mod double;
mod scaled;
mod search;

pub(super) use scaled::{ScaledWeights, widened};
pub(super) use search::{BestScale, trits_and_loss};
