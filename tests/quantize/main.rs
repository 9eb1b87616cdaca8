//! More than one vector: scale types, several planes, Gram matrices, calibration, and a budget of bytes.

#[path = "../common/mod.rs"]
mod common;

mod budget;
mod calibrate;
#[cfg(feature = "nalgebra")]
mod fits_tensor;
#[cfg(feature = "nalgebra")]
mod gram;
#[cfg(feature = "nalgebra")]
mod layer;
mod planes;
mod planes_pair;
mod planes_tensor;
mod stored;
