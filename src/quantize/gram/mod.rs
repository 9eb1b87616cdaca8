//! Output-aware ternarization: trits that change the layer's output the least, given calibration inputs.
//!
//! The nearest ternary vector is not the one that changes the layer's output the least, because inputs differ in size and are
//! correlated: the error of one weight can be compensated by another weight. [`Gram`] sums up the inputs of a layer from batches of
//! calibration data, from forward passes only. [`OutputAware`] minimises the squared change of the output over the levels `q` of a
//! [`Codebook`](super::Codebook), by a [`Method`]:
//!
//! ```text
//! H = X^T X             the Gram matrix of the inputs X (the layer's Hessian in GPTQ, up to a factor)
//! M = H + delta I       damped, so that fewer rows than inputs are enough
//! minimise (w - q)^T M (w - q) for each row w of the weight matrix
//! ```
//!
//! For short rows [`Method::Optimal`] proves how close to the optimum it is. Behind layers that are quantized already,
//! [`Gram::add_pairs`] and [`Gram::effective_weights`] find the weights to aim at.
//!
//! All arithmetic is plain `f64` arithmetic in one order, so the bits are the same on every target and for any number of threads. The
//! crate `nalgebra` provides solvers, inverses and the Cholesky factorisation of small matrices, which are plain loops, unlike its matrix
//! product; `cholesky` factors the large ones.
//!
//! How the files build on each other: `loops` (vectorised loops) < `sums`, `accumulate` (the Gram matrix) < `metric` (the damped matrix) <
//! `cholesky` (its factor) < `effective` (what to aim at), `moments` (outputs) <
//! `patterns` (levels) < `row` (a row and its gradient) < `scales`, `quadratic` (best scales) < `nearest`, `feedback`, `descent`,
//! `optimal` (the methods) < `problem` (all methods for some rows) < `output` (the options). `unfold` (the inputs of a convolution) stands
//! alone.
//!
//! # Examples
//!
//! ```
//! use ternarize::quantize::gram::{Gram, Method, OutputAware};
//!
//! // Four correlated inputs, eight rows.
//! let mut gram = Gram::new(4)?;
//! for row in 0..8 {
//!     let x = row as f32 - 3.5;
//!     gram.add(&[x, x + 1.0, 0.5 * x - 1.0, 2.0])?;
//! }
//! // Two outputs.
//! let weights = [0.9, 0.4, -0.5, 0.1, 0.3, -0.6, 0.2, 0.7];
//! let aware = OutputAware::new(&gram);
//! let nearest = aware.method(Method::Nearest).ternarize(&weights)?;
//! for (fit, nearest) in aware.ternarize(&weights)?.iter().zip(&nearest) {
//!     assert!(fit.objective <= nearest.objective);
//! }
//! # Ok::<(), ternarize::Error>(())
//! ```

mod accumulate;
mod cholesky;
mod descent;
mod effective;
mod feedback;
mod loops;
mod metric;
mod moments;
mod nearest;
mod optimal;
mod output;
mod patterns;
mod problem;
mod quadratic;
mod row;
mod scales;
mod sums;
mod unfold;

pub use accumulate::Gram;
pub(crate) use output::LayerPart;
pub use output::{Method, OutputAware};
pub use unfold::Unfold;
