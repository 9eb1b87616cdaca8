//! Which of two candidates is better: `S_a^2 / m_a` against `S_b^2 / m_b`, decided without rounding.
//!
//! A filtered predicate: compare in `f64` first, and only where the two are closer than the rounding error of that,
//! multiply out in integers: `S_a^2 m_b` against `S_b^2 m_a`. The filter decides all but near-ties, so exactness costs
//! nothing on ordinary data.
//!
//! Source: the idea of floating-point filters, e.g. Shewchuk, Adaptive Precision Floating-Point Arithmetic (1997).

use core::cmp::Ordering;

use super::limbs::{compare, multiply};
use crate::weight::Limbs;

/// A candidate's score `sum^2 / mass`, exactly; both are integers, `mass` is not zero.
#[derive(Clone, Copy)]
pub(crate) struct Score<'a> {
    pub(crate) sum: &'a [u64],
    pub(crate) mass: &'a [u64],
}

/// Orders two scores that were computed in `f64` if their distance is beyond doubt.
///
/// Each comes from a sum and a mass rounded once and three operations: a relative error below `8 * 2^-53`. The margin is
/// wider than twice that. Numbers near the ends of the range are left to the exact comparison.
pub(crate) fn clearly(a: f64, b: f64) -> Option<Ordering> {
    clearly_within(1e-14, a, b)
}

/// The same where their distance is beyond doubt only if it is more than a share of the larger one.
pub(crate) fn clearly_within(margin: f64, a: f64, b: f64) -> Option<Ordering> {
    let safe = a > 1e-250 && b > 1e-250 && a < 1e250 && b < 1e250;
    let clear = safe && (a - b).abs() > margin * a.max(b);
    if clear { a.partial_cmp(&b) } else { None }
}

/// Orders two scores exactly; `C` holds the square of a sum times a mass.
pub(crate) fn exactly<C: Limbs>(a: Score<'_>, b: Score<'_>) -> Ordering {
    let (left, right) = (cube::<C>(a.sum, b.mass), cube::<C>(b.sum, a.mass));
    compare(left.limbs(), right.limbs())
}

/// `sum * sum * mass`.
fn cube<C: Limbs>(sum: &[u64], mass: &[u64]) -> C {
    let (mut square, mut product) = (C::ZERO, C::ZERO);
    multiply(square.limbs_mut(), sum, sum);
    multiply(product.limbs_mut(), square.limbs(), mass);
    product
}
