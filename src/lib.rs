//! Exact ternary weights without retraining.

#![no_std]
#![forbid(unsafe_code)]

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

// Ground floor.
mod error;
// The wing of meaning: what the best ternary vector is. Each room stands on those above it in this list.
mod weight;

mod exact;

mod objective;

mod search;

mod ordered;

mod rule;

mod fit;

mod ternarizer;

mod solve;

mod curve;

// The wing of storage: how trits lie in bytes, and multiply.
pub mod code;

pub mod kernels;

pub mod packed;

// The roof: whole tensors.
#[cfg(feature = "alloc")]
pub mod tensor;

// The upper roof: whole models, on files.
#[cfg(feature = "safetensors")]
pub mod model;

#[cfg(feature = "alloc")]
pub use curve::curve;
#[cfg(feature = "alloc")]
pub use packed::PackedTritsBuf;
#[cfg(feature = "alloc")]
pub use ternarizer::ternarize;
#[cfg(feature = "heapless")]
pub use ternarizer::ternarize_heapless;
pub use {
    code::Code,
    curve::curve_into,
    error::Error,
    fit::Fit,
    packed::PackedTrits,
    rule::{Rule, Scales},
    search::Search,
    ternarizer::{Ternarizer, ternarize_into},
    weight::Weight,
};
