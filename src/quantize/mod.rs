//! Beyond one vector: several planes, scales of few bits, trits chosen by what a layer computes, corrections, budgets.

#[cfg(feature = "alloc")]
pub mod budget;
#[cfg(feature = "alloc")]
pub mod calibrate;
#[cfg(feature = "nalgebra")]
pub mod gram;
#[cfg(feature = "alloc")]
pub mod planes;
pub mod scale_type;
