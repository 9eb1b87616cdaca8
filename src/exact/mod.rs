//! Integers that never round: sums, products, and what becomes of them.
//!
//! Four small tools, most on little-endian arrays of 64-bit limbs, none with a heap:
//!
//! - [`limbs`]: add, multiply, compare, divide;
//! - [`grid`]: magnitudes on one grid of 128 bits, and their sums;
//! - [`score`]: which of two candidates `S^2 / m` is larger, decided as exact arithmetic decides;
//! - [`quotient`]: `S / m` rounded once, to the nearest weight or down to the next one.

pub(crate) mod grid;
pub(crate) mod limbs;
pub(crate) mod quotient;
pub(crate) mod score;
#[cfg(test)]
mod tests;
