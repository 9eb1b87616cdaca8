//! Trits chosen by what the layer puts out, not by the weights alone.
//!
//! The nearest ternary vector is not the one that changes the layer's output the least, because inputs differ in size and go
//! together: an error in one weight can be mended in another. [`Gram`] sums up what matters of a layer's inputs, from batches of
//! calibration data and forward passes only. [`OutputAware`] minimises the change of the output, `(w - q)^T H (w - q)`, over
//! the levels `q` of a [`Codebook`], by a [`Method`]; for short rows it can prove that nothing is better ([`Certified`]).
//! [`CrossGram`] finds the weights to aim at behind layers that are quantized already.
//!
//! All is plain `f64` arithmetic in one order, so that the bits are the same on every target. Of nalgebra only the Cholesky
//! factorisation is used, with its solver and inverse: plain loops, unlike its product of matrices.
//!
//! # Examples
//!
//! ```
//! use ternarize::gram::{Gram, Method, OutputAware};
//!
//! // Four inputs that go together, eight rows.
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

mod loops;

mod accumulate;

mod metric;

mod codebook;

mod method;

mod row;

mod scales;

mod quadratic;

mod descent;

mod nearest;

mod feedback;

mod fit;

mod certified;

mod plan;

mod output;

mod cross;

pub use accumulate::Gram;
pub use certified::Certified;
pub use codebook::Codebook;
pub use cross::CrossGram;
pub use fit::RowFit;
pub use method::Method;
pub use output::OutputAware;
