//! Exact ternary weights without retraining.
//!
//! This crate turns trained weights into trits {-1, 0, +1} and one or two scales. Of all `3^N` ternary vectors it returns the one
//! with the **smallest angle** to the weights. Candidates are compared in exact arithmetic. The method is that of the paper *Neural
//! Networks Weights Quantization: Target None-retraining Ternary (TNT)* by Zhang, Zhu, Zhao and Shin
//! ([arXiv 1912.09236](https://arxiv.org/abs/1912.09236)).
//!
//! ```
//! # #[cfg(feature = "alloc")] {
//! let weights = [0.5_f32, -0.6, 0.1, -0.2, 0.7, 0.0];
//! let (trits, lambda_p, lambda_n) = ternarize::ternarize(&weights)?;
//! assert_eq!(trits, [1, -1, 0, 0, 1, 0]);
//! assert_eq!((lambda_p, lambda_n), (0.6, 0.6));
//! # }
//! # Ok::<(), ternarize::Error>(())
//! ```
//!
//! # Where to begin
//!
//! | to do | see |
//! |---|---|
//! | ternarize a slice | [`ternarize`](fn@ternarize); [`ternarize_into`] without a heap |
//! | use another rule, importances, a number of non-zeros, a target cosine | [`Ternarizer`] |
//! | prove an answer, or check a proof | [`Ternarizer::certify`], [`Certificate`] |
//! | see the error metrics, or the cosine for every number of non-zeros | [`Fit`], [`curve`](fn@curve) |
//! | ternarize whole tensors, with scales per channel, kernel or block | [`tensor`] |
//! | pack trits, also in flash, and multiply with them | [`PackedTrits`] |
//! | multiply matrices with 8-bit activations | [`matmul`], [`tensor::TernaryTensor::matvec_i8`] |
//! | read and write the bytes of ggml, bitnet.cpp, Hugging Face and MLX | [`mod@format`] |
//! | use several planes, 16-bit scales, calibration data or a budget of bytes | [`quantize`] |
//! | read and write whole models | [`model`] |
//!
//! # Guarantees
//!
//! - **Exact.** [`Rule::Tnt`] and [`Rule::TwoScale`] return the optimum of their objective for all weight types. Scales are
//!   rounded once, from the exact ratio. Among equal optima the one with the fewest non-zeros is returned.
//! - **Deterministic.** The same input gives the same bits on every target, for every feature set and number of threads.
//! - **Total.** Bad input is a typed [`Error`] that names the place. No function panics on bad input.
//! - **Small.** Without default features the crate needs neither `std` nor a heap, and is as fast.
//!
//! # Layers
//!
//! A module uses only modules before it in this list: [`Error`] and [`Weight`]; `simd` (instruction sets), `exact` (integers that
//! never round), `optimum` (the best ternary vector of one slice), [`quantize`] (beyond one vector), `code` and `packed` (trits in
//! bytes), [`matmul`] (products), [`mod@format`] (blocks of other programs), [`tensor`], [`model`]. `code`, `packed` and [`matmul`] use
//! nothing of `optimum` and [`quantize`].
//!
//! # Features
//!
//! | feature | enables | needs |
//! |---|---|---|
//! | `std` (default) | `alloc`; results and speed do not depend on it | |
//! | `alloc` | owned results, [`tensor`], [`quantize`] | |
//! | `half` | f16 and bf16 weights, [`mod@format`] | half |
//! | `heapless` | `ternarize_heapless` | heapless |
//! | `nalgebra` | [`quantize::gram`] | nalgebra |
//! | `ndarray` | tensors from and to `ndarray` arrays | ndarray |
//! | `rayon` | groups of a tensor, long slices, and rows of a product in parallel | rayon, `std` |
//! | `safetensors` | [`model`] | safetensors, serde, tempfile, thiserror, `half`, `std` |

#![no_std]
// Links to modules behind features are broken only where the features are off.
#![cfg_attr(
    not(all(
        feature = "alloc",
        feature = "nalgebra",
        feature = "ndarray",
        feature = "safetensors"
    )),
    allow(
        rustdoc::broken_intra_doc_links,
        reason = "some of the linked modules are behind features"
    )
)]

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

mod error;
mod threads;
mod weight;

mod scale;

mod simd;

mod exact;

mod optimum;

pub mod quantize;

mod code;
mod packed;

pub mod matmul;

#[cfg(feature = "half")]
pub mod format;

#[cfg(feature = "alloc")]
pub mod tensor;

#[cfg(feature = "safetensors")]
pub mod model;

#[cfg(feature = "half")]
pub use format::Format;
#[cfg(feature = "alloc")]
pub use optimum::certificate::{Certificate, Ladder, Refusal, Step};
#[cfg(feature = "alloc")]
pub use optimum::curve::curve;
#[cfg(feature = "alloc")]
pub use optimum::options::ternarize;
#[cfg(feature = "heapless")]
pub use optimum::options::ternarize_heapless;
#[cfg(feature = "alloc")]
pub use packed::PackedTritsBuf;
pub use {
    code::Code,
    error::{Error, Operand, ShapeError},
    optimum::curve::curve_into,
    optimum::fit::Fit,
    optimum::options::{Ternarizer, ternarize_into},
    optimum::rule::{Rule, Scales},
    optimum::search::Search,
    optimum::weight::Weight,
    packed::PackedTrits,
    scale::{ScaleSlice, ScaleType},
    simd::Backend,
};

/// The README's example is a test.
#[cfg(all(doctest, feature = "alloc"))]
#[doc = include_str!("../README.md")]
struct Readme;
