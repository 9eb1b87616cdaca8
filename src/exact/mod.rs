//! Integers that never round: sums, products, and what becomes of them.
//!
//! Small tools, most on little-endian arrays of 64-bit limbs, all but one without a heap:
//!
//! - [`limbs`]: add, multiply, compare, divide;
//! - [`grid`]: magnitudes on one grid of 128 bits, and their sums;
//! - [`score`]: which of two candidates `S^2 / m` is larger, decided as exact arithmetic decides;
//! - [`quotient`]: `S / m` rounded once, to the nearest weight or down to the next one;
//! - [`weighted`]: the sums over some weights with importances, and the scale they make;
//! - [`natural`]: whole numbers of any length.

pub(crate) mod float_sums;
pub(crate) mod grid;
pub(crate) mod limbs;
#[cfg(feature = "alloc")]
pub(crate) mod natural;
pub(crate) mod quotient;
pub(crate) mod score;
#[cfg(test)]
mod tests;
#[cfg(feature = "alloc")]
pub(crate) mod weighted;
