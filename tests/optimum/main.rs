//! One vector: the optimum, its options and its limits, certificates, and answers computed elsewhere.

#[cfg(feature = "alloc")]
#[path = "../common/mod.rs"]
mod common;

#[cfg(feature = "alloc")]
mod brute_force;
#[cfg(feature = "alloc")]
mod certificate;
mod edges;
#[cfg(feature = "alloc")]
mod exhaustive;
#[cfg(all(feature = "alloc", feature = "half"))]
mod golden;
#[cfg(feature = "alloc")]
mod lanes;
#[cfg(feature = "alloc")]
mod laws;
#[cfg(feature = "alloc")]
mod limits;
#[cfg(feature = "alloc")]
mod proof;
