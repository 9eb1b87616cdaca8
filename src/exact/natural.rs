//! Whole numbers of any length, as limbs on the heap: for what no fixed width is worth choosing.

use alloc::{vec, vec::Vec};

pub(crate) use super::limbs::compare;
use super::limbs::{add_shifted, multiply, subtract_if_not_less, trimmed};
use crate::weight::{FloatBits, Limbs, decode};

/// A whole number, the least significant limb first.
pub(crate) type Natural = Vec<u64>;

/// The number in a fixed width, without leading zeros.
pub(crate) fn natural(limbs: &impl Limbs) -> Natural {
    trimmed(limbs.limbs()).to_vec()
}

/// A magnitude in units of the smallest subnormal.
pub(crate) fn magnitude<W: FloatBits>(weight: W) -> Natural {
    let (mantissa, shift) = decode(weight.key(), W::PRECISION);
    let mut number = vec![0; shift as usize / 64 + 2];
    add_shifted(&mut number, mantissa.into(), shift);
    number
}

/// `a * b`.
pub(crate) fn product(a: &[u64], b: &[u64]) -> Natural {
    let mut product = vec![0; a.len() + b.len()];
    multiply(&mut product, a, b);
    product
}

/// `a - b`, for `a` that is not less; else `a`.
pub(crate) fn difference(mut a: Natural, b: &[u64]) -> Natural {
    let done = subtract_if_not_less(&mut a, b);
    debug_assert!(done, "a difference below zero");
    a
}
