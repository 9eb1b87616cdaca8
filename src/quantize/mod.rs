//! Quantization beyond one ternary vector per slice: stored scales, several planes, calibration data, a budget of bytes.
//!
//! - [`ScaleType::ternarize`](crate::ScaleType::ternarize): the best ternary vector with such scales.
//! - [`planes`]: a group of weights as a sum of up to four ternary vectors.
//! - [`gram`](mod@gram): trits that change the layer's output the least, given calibration inputs (feature `nalgebra`).
//! - [`calibrate`]: corrections of a ternary layer's outputs from a few inputs.
//! - [`budget`]: how to store each tensor so that all together fit a budget of bytes.
//!
//! [`planes`] and [`gram`](mod@gram) both return [`RowFit`]: trits plane after plane, and stored scales group after group, as the
//! [`Codebook`] says. Nothing here depends on how trits are packed into bytes.
//!
//! # Examples
//!
//! Two planes with 16-bit scales for one group of weights:
//!
//! ```
//! # #[cfg(feature = "alloc")] {
//! use ternarize::{ScaleType, quantize::planes::Planes};
//!
//! let weights = [0.9_f32, -0.8, 0.4, -0.3, 0.3, 0.2, -0.1, 0.05];
//! let fit = Planes::new(2).scale_type(ScaleType::F16).ternarize(&weights)?;
//! assert_eq!((fit.plane(0).len(), fit.scales.len()), (8, 2));
//! assert!(fit.relative_error() < 0.05);
//! # }
//! # Ok::<(), ternarize::Error>(())
//! ```

#[cfg(feature = "alloc")]
mod row_fit;
#[cfg(feature = "alloc")]
mod scale_type;

#[cfg(feature = "alloc")]
pub mod budget;
#[cfg(feature = "alloc")]
pub mod calibrate;
#[cfg(feature = "nalgebra")]
pub mod gram;
#[cfg(feature = "alloc")]
pub mod planes;

#[cfg(feature = "alloc")]
pub use row_fit::{Codebook, RowFit};
