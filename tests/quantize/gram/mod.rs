//! Output-aware ternarization, against plain loops, all single changes and brute force.

mod accumulate;
mod certified;
mod cross;
pub(crate) mod data;
mod edges;
mod laws;
mod methods;
mod stored;
mod sums;
mod unfold;
