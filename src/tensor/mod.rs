//! Tensors: shapes, the groups of weights that share a scale, strided views, and [`TernaryTensor`], the ternary ones.
//!
//! A trained layer is an array of several axes, and a ternary layer is that array cut into groups
//! of weights, each with scales of its own. [`Grouping`] names the cut, [`Groups`] is the cut made
//! on one [`Shape`], and [`TensorView`] reads the weights of each group where they lie.
//!
//! ```text
//!   20x1x5x5 under `kernel`                   H x C x W under `axis:1`
//!
//!   [25 weights] group 0                      h=0  [c=0 | c=1 | c=2]
//!   [25 weights] group 1                      h=1  [c=0 | c=1 | c=2]
//!       ...                                        ...
//!   [25 weights] group 19                     group c: W weights in a run, H runs
//! ```
//!
//! Every group is a *box*: a range of coordinates along each axis. This one fact carries the
//! module. A box is walked by an odometer (an addition for each element, no division), in row-major
//! order if the strides are those of the shape, in any memory order if they are those of a view;
//! and a box whose odometer has a single wheel of stride 1 is a plain slice.
//!
//! Shapes, groups and views allocate nothing, save [`GroupedView::gather`] for a group in pieces and
//! the copy of an `ndarray` array with gaps. A [`TernaryTensor`] owns its trits and scales, and a
//! [`PlanesTensor`] several of them, whose sum it stands for.

mod agreement;
mod convert;
#[cfg(feature = "half")]
mod encode;
mod grouped;
mod grouping;
mod groups;
#[cfg(feature = "ndarray")]
pub mod ndarray;
mod odometer;
mod planes;
mod product;
mod product_i8;
mod rows;
mod runs;
mod shape;
mod ternary;
mod view;

pub use agreement::Agreement;
pub use grouped::GroupedView;
pub use grouping::{Axes, Grouping, ParseGroupingError};
pub use groups::{Groups, Indices};
pub use planes::PlanesTensor;
pub use runs::Runs;
pub use shape::{MAX_RANK, Shape};
pub use ternary::TernaryTensor;
pub use view::{TensorView, Values};
