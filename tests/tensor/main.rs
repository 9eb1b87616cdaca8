//! Tensors: shapes, views, groups, ternary tensors, their error metrics, and their groups on several threads.

#[path = "../common/mod.rs"]
mod common;

mod agreement;
#[cfg(feature = "ndarray")]
mod ndarray;
mod tensor_groups;
mod tensor_views;
mod ternary_tensor;
#[cfg(feature = "rayon")]
mod threads;
