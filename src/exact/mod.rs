//! Exact arithmetic: sums, products and quotients of integers that never round; and sums of floats in a defined order.
//!
//! Most work on little-endian arrays of 64-bit limbs. Only [`natural`] needs a heap.
//!
//! - [`limbs`]: add, multiply, compare, divide;
//! - [`grid`]: magnitudes on one grid of 128 bits, and their sums: enough for all that an optimum without importances selects;
//! - [`score`]: which of two candidates `S^2 / m` is larger, decided as exact arithmetic decides;
//! - [`quotient`]: `S / m` rounded once, to the nearest weight or down to the next one;
//! - [`wide_sums`]: sums over any weights, with importances or without, and the scale they make;
//! - [`natural`]: whole numbers of any length;
//! - [`float_sums`]: sums of `f64` for reports, the same bits on every machine.

pub(crate) mod float_sums;
pub(crate) mod grid;
pub(crate) mod limbs;
#[cfg(feature = "alloc")]
pub(crate) mod natural;
pub(crate) mod quotient;
pub(crate) mod score;
#[cfg(test)]
mod tests;
pub(crate) mod wide_sums;
