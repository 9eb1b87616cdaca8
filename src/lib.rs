//! Exact ternary weights without retraining.
//!
//! This crate turns trained weights into trits {-1, 0, +1} and one or two scales. The trits are the ternary vector that makes
//! the **smallest possible angle** with the weights, of all `3^N`; not an approximation to it, and not a matter of rounding:
//! candidates are compared in exact arithmetic. The method is that of the paper *Neural Networks Weights Quantization: Target
//! None-retraining Ternary (TNT)* by Zhang, Zhu, Zhao and Shin ([arXiv 1912.09236](https://arxiv.org/abs/1912.09236)).
//!
//! ```
//! # #[cfg(feature = "alloc")] {
//! let weights = [0.5_f32, -0.6, 0.1, -0.2, 0.7, 0.0];
//! let (trits, fit) = ternarize::ternarize(&weights)?;
//! assert_eq!(trits, [1, -1, 0, 0, 1, 0]);
//! assert_eq!((fit.lambda_p, fit.lambda_n), (0.6, 0.6));
//! # }
//! # Ok::<(), ternarize::Error>(())
//! ```
//!
//! # Where to begin
//!
//! - A slice of weights: [`ternarize`](fn@ternarize), or [`ternarize_into`] where there is no heap.
//! - Another rule, one scale, a number of non-zeros, a target cosine, importances: [`Ternarizer`].
//! - Why nothing is better, so that anyone can check it: [`Ternarizer::certify`], [`Certificate`].
//! - How good it is: [`Fit`], and the whole [`curve`](fn@curve) of the cosine against the number of non-zeros.
//! - Several ternary vectors with a scale each, for what one cannot say: [`quantize::planes`].
//! - Scales as they are stored, in 16 bits or as shifts: [`quantize::ScaleType`].
//! - Trits in bytes, also in flash, and products with them: [`PackedTrits`].
//! - Products of matrices with 8-bit activations: [`product`].
//! - The bytes of other programs, ggml, bitnet.cpp, Hugging Face, MLX: [`mod@format`].
//! - Whole tensors, with scales per channel, kernel or block: [`tensor`].
//! - Which way to store each tensor, within a budget of bytes: [`quantize::budget`].
//! - The trits that change what a layer puts out the least: [`quantize::gram`](mod@quantize::gram).
//! - Whole files: [`model`].
//! - Corrections from a network's own outputs: [`quantize::calibrate`].
//!
//! # What is promised
//!
//! - **Exact.** [`Rule::Tnt`] and [`Rule::TwoScale`] return the optimum of their objective for all weight types; scales are
//!   rounded once, from the exact ratio. Of equal optima the one with the fewest non-zeros wins.
//! - **Deterministic.** The same input gives the same bits on every target, for every feature set and number of threads.
//! - **Total.** Bad input is a typed [`Error`] that says where; nothing panics.
//! - **Small.** Without default features there is no `std` and no heap, and nothing is slower for it.
//!
//! # How it is built
//!
//! Two wings stand on the ground floor, [`Error`] and [`Backend`], and do not know each other. The wing of meaning finds the best
//! ternary vector: `weight` (magnitudes as integers), `exact` (integers that never round), `objective` (the score of a support),
//! `passes` (loops over long slices), `search` (the theorem, and the ways to the optimum), `rule`, `fit`, `knobs`, `solve` (every
//! rule to one solution), `lanes` (many short vectors at once), `ternarizer`, `certificate` (proofs, and their checker), [`quantize::ScaleType`]
//! (scales of few bits), [`quantize::planes`] (several trits for a weight). The wing of storage keeps and multiplies trits: [`code`],
//! [`kernels`], [`packed`], [`product`]. They meet under the roof: [`mod@format`] (trits together with scales), [`tensor`],
//! [`quantize::budget`] (which way to store each tensor), [`quantize::calibrate`] (how outputs are corrected), [`quantize::gram`](mod@quantize::gram) (trits for the sake of outputs),
//! and on top of them [`model`].
//!
//! # Features
//!
//! | feature | brings | needs |
//! |---|---|---|
//! | `std` (default) | nothing but `alloc`; no number changes, nothing gets faster | |
//! | `alloc` | owned results, [`tensor`], [`quantize::calibrate`] | |
//! | `half` | `f16` and `bf16` weights, [`mod@format`] | half |
//! | `heapless` | `ternarize_heapless` | heapless |
//! | `nalgebra` | [`quantize::gram`](mod@quantize::gram) | nalgebra |
//! | `ndarray` | [`tensor::from_array`], [`tensor::into_array`] | ndarray |
//! | `rayon` | groups of a tensor, long slices, and rows of a product, in parallel | rayon, `std` |
//! | `safetensors` | [`model`] | safetensors, serde, tempfile, thiserror, `half`, `std` |

#![no_std]
// Links to rooms behind features are broken only where those are off.
#![cfg_attr(
    not(all(
        feature = "alloc",
        feature = "nalgebra",
        feature = "ndarray",
        feature = "safetensors"
    )),
    allow(
        rustdoc::broken_intra_doc_links,
        reason = "the rooms linked to are behind features"
    )
)]

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

mod error;
mod threads;
mod weight;

mod simd;

mod exact;

mod optimum;

pub mod quantize;

pub mod code;
pub mod packed;

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
    packed::PackedTrits,
    simd::Backend,
    weight::Weight,
};

/// The README's example is a test.
#[cfg(all(doctest, feature = "alloc"))]
#[doc = include_str!("../README.md")]
struct Readme;
