//! Tensors: shapes, the groups of weights that share scales, strided views, and the ternary tensor.
//!
//! A trained layer is an array of several axes. To ternarize it, its weights are divided into groups, and each group gets trits and
//! one or two scales:
//!
//! ```text
//! TensorView     weights borrowed from memory, in any order of the axes          from a slice, or from_array (feature ndarray)
//!   + Grouping   which weights share scales: tensor, axis:K, kernel, block:N
//!   -> TernaryTensor   planes of packed trits, and scales          ternarize, ternarize_planes, from_fits; decode (feature half)
//!
//! TernaryTensor  -> weights        dequantize, dequantize_into
//!                -> ErrorMetrics   error_metrics, group_error_metrics
//!                -> TernaryTensor  corrected, with_scale_type, with_gains
//!                -> products       matvec, matmul (f32), matvec_i8, matmul_i8 (8-bit activations)
//!                -> bytes          encode (feature half), and model files (feature safetensors)
//! ```
//!
//! Every group is a box: a range of coordinates along each axis. So one walk serves all groupings and all layouts in memory: it
//! visits the elements of a box in row-major order, with one addition for each. A box whose elements are consecutive is a slice.
//!
//! Shapes, groupings and views need no heap. Searches allocate the trits and a copy of each scattered group.
//!
//! # Examples
//!
//! A matrix of 2 rows, with two scales for each row:
//!
//! ```
//! use ternarize::Ternarizer;
//! use ternarize::tensor::{Grouping, TensorView, TernaryTensor};
//!
//! let weights = [0.5_f32, -0.5, 0.0, 2.0, 2.0, 2.0];
//! let view = TensorView::new(&weights, &[2, 3])?;
//! let rows = Grouping::OUTPUT_CHANNEL;
//! let (tensor, _) = TernaryTensor::ternarize(&view, rows, &Ternarizer::new())?;
//! let mut y = [0.0; 2];
//! tensor.matvec(&[1.0, 2.0, 3.0], &mut y)?;
//! assert_eq!(y, [-0.5, 12.0]);
//! # Ok::<(), ternarize::Error>(())
//! ```

mod budget;
mod correct;
#[cfg(feature = "half")]
mod encode;
mod error_metrics;
mod floats;
mod grouped;
mod grouping;
mod groups;
#[cfg(feature = "nalgebra")]
mod layer;
#[cfg(feature = "ndarray")]
mod ndarray;
mod planes;
mod product;
mod rescale;
mod restore;
mod runs;
mod shape;
mod strided;
mod ternarize;
mod ternary;
mod view;
mod walk;

#[cfg(feature = "safetensors")]
pub(crate) use floats::{Floats, typed_bytes};
use grouped::GroupedView;
pub(crate) use groups::Groups;
#[cfg(feature = "ndarray")]
pub use ndarray::{from_array, into_array};
use view::Elements;

pub use error_metrics::ErrorMetrics;
pub use grouping::Grouping;
#[cfg(feature = "nalgebra")]
pub use layer::LayerFit;
pub use shape::{MAX_RANK, Shape};
pub use ternary::TernaryTensor;
pub use view::TensorView;
