//! Trits in bytes: packed codes, the formats of other programs, and products that read both.

#[cfg(feature = "alloc")]
#[path = "../common/mod.rs"]
mod common;

#[cfg(all(feature = "alloc", feature = "half"))]
mod formats;
#[cfg(all(feature = "alloc", feature = "half"))]
mod formats_refused;
#[cfg(all(feature = "alloc", feature = "half"))]
mod formats_tensor;
#[cfg(feature = "alloc")]
mod matrix;
#[cfg(feature = "alloc")]
mod matvec;
mod packed;
#[cfg(all(feature = "alloc", feature = "half"))]
mod products_formats;
#[cfg(feature = "alloc")]
mod products_i8;
