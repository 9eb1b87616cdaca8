//! Exact ternary weights without retraining.

#![no_std]

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

mod error;

mod curve;
mod exact;
mod fit;
mod objective;
mod ordered;
mod rule;
mod search;
mod solve;
mod ternarizer;
mod weight;

#[cfg(feature = "alloc")]
pub use curve::curve;
pub use curve::curve_into;
pub use error::Error;
pub use fit::Fit;
pub use rule::{Rule, Scales};
pub use search::Search;
#[cfg(feature = "alloc")]
pub use ternarizer::ternarize;
#[cfg(feature = "heapless")]
pub use ternarizer::ternarize_heapless;
pub use ternarizer::{Ternarizer, ternarize_into};
pub use weight::Weight;
