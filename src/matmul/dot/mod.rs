//! One vector of trits times activations, `sum t_i x_i`, on plain slices.
//!
//! [`portable`] is the definition of these sums. [`floats`] returns the same bits with the instructions of a backend. The public
//! functions are the methods of [`PackedTrits`](crate::PackedTrits).
//!
//! Cost: one pass over the bytes and the activations. An element takes a selection and an addition; two additions for sums by
//! sign. No memory besides the lanes and the decoding table of the code.

mod floats;
mod packed;
pub(crate) mod portable;
#[cfg(test)]
mod tests;
mod walk;

pub(crate) use floats::{ActivationSums, Apart, Row, Together, dot, sums};

/// The number of partial sums of a floating-point sum.
const LANES: usize = 8;
