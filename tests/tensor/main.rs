//! Tensors: shapes, views, groups, ternary tensors, their error metrics, and their groups on several threads.

#[path = "../common/mod.rs"]
mod common;

mod endless;
mod error_metrics;
#[cfg(feature = "ndarray")]
mod ndarray;
mod rescale;
mod ternary_tensor;
#[cfg(feature = "rayon")]
mod threads;
