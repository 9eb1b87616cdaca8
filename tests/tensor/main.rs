//! Tensors: shapes, views, groups, ternary tensors, their error metrics, and their groups on several threads.

#[path = "../common/mod.rs"]
mod common;

mod corrected;
mod endless;
mod error_metrics;
mod error_metrics_planes;
#[cfg(feature = "ndarray")]
mod ndarray;
mod rescale;
#[cfg(feature = "half")]
mod stored_scales;
mod ternary_tensor;
#[cfg(feature = "rayon")]
mod threads;
