//! Unsigned integers as little-endian slices of 64-bit limbs: schoolbook arithmetic, no allocation.
//!
//! The numbers here are short (2 to 84 limbs, most of them zero), so the plain algorithms are the fast ones. Widths are
//! chosen by the callers so that nothing overflows; debug builds assert that no carry is lost.
//!
//! Source: Knuth, The Art of Computer Programming, volume 2, section 4.3.1.

use core::cmp::Ordering;

use super::quotient::{Quotient, halves};
use crate::weight::Limbs;

/// Without the zero limbs at the top.
pub(crate) fn trimmed(limbs: &[u64]) -> &[u64] {
    let top = limbs.iter().rposition(|&limb| limb != 0);
    let len = top.map_or(0, |top| top + 1);
    limbs.get(..len).unwrap_or_default()
}

/// Number of significant bits.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a number has fewer than 2^32 limbs"
)]
pub(crate) fn bit_length(limbs: &[u64]) -> u32 {
    let limbs = trimmed(limbs);
    let top = limbs.last();
    top.map_or(0, |top| 64 * limbs.len() as u32 - top.leading_zeros())
}

/// `sum += addend << shift`.
pub(crate) fn add_shifted(sum: &mut [u64], addend: u128, shift: u32) {
    let [low, high] = halves(addend);
    let bit = shift % 64;
    // 128 bits moved by less than 64 touch three limbs.
    let moved = if bit == 0 {
        [low, high, 0]
    } else {
        [
            low << bit,
            low >> (64 - bit) | high << bit,
            high >> (64 - bit),
        ]
    };
    let mut carry = false;
    for (i, limb) in sum.iter_mut().skip((shift / 64) as usize).enumerate() {
        let part = moved.get(i).copied().unwrap_or(0);
        if i >= moved.len() && !carry {
            break;
        }
        let (partial, first) = limb.overflowing_add(part);
        let (total, second) = partial.overflowing_add(u64::from(carry));
        *limb = total;
        carry = first | second;
    }
    debug_assert!(!carry, "a sum outgrew its width");
}

/// `out = a * b`; `out` is as long as both together, or longer.
pub(crate) fn multiply(out: &mut [u64], a: &[u64], b: &[u64]) {
    out.fill(0);
    let b = trimmed(b);
    for (i, &x) in trimmed(a).iter().enumerate() {
        if x == 0 {
            continue;
        }
        let mut carry = 0;
        let row = out.iter_mut().skip(i);
        for (place, y) in row.zip(b.iter().copied().chain(core::iter::once(0))) {
            // At most (2^64-1)^2 + 2 (2^64-1) = 2^128 - 1: never overflows.
            let wide = u128::from(x) * u128::from(y) + u128::from(*place) + u128::from(carry);
            [*place, carry] = halves(wide);
        }
        debug_assert_eq!(carry, 0, "a product outgrew its width");
    }
}

/// Orders two numbers of any widths.
pub(crate) fn compare(a: &[u64], b: &[u64]) -> Ordering {
    let (a, b) = (trimmed(a), trimmed(b));
    let lengths = a.len().cmp(&b.len());
    lengths.then_with(|| a.iter().rev().cmp(b.iter().rev()))
}

/// The 128 most significant bits: `value = (bits + d) * 2^exponent` with `0 <= d < 1`, and `d > 0` just if `inexact`.
pub(crate) fn leading(limbs: &[u64]) -> Quotient {
    let drop = bit_length(limbs).saturating_sub(128);
    let (skip, bit) = ((drop / 64) as usize, drop % 64);
    let at = |i: usize| limbs.get(skip + i).copied().unwrap_or(0);
    let low = u128::from(at(0)) | u128::from(at(1)) << 64;
    let high = u128::from(at(2)).checked_shl(128 - bit).unwrap_or(0);
    let lost = limbs.iter().take(skip).any(|&limb| limb != 0) || at(0) & ((1 << bit) - 1) != 0;
    Quotient {
        bits: low >> bit | high,
        exponent: drop as i32,
        inexact: lost,
    }
}

/// The nearest `f64`, ties to even, times `2^exponent`.
pub(crate) fn to_f64(limbs: &[u64], exponent: i32) -> f64 {
    let top = leading(limbs);
    // A lost tail only matters at a tie; as the last of 128 bits it breaks the tie and changes nothing else.
    let nearest = (top.bits | u128::from(top.inexact)) as f64;
    crate::weight::scale_by_power(nearest, exponent + top.exponent)
}

fn double(limbs: &mut [u64]) {
    let mut carry = 0;
    for limb in limbs {
        let next = *limb >> 63;
        *limb = *limb << 1 | carry;
        carry = next;
    }
    debug_assert_eq!(carry, 0, "a remainder outgrew its width");
}

/// `a -= b` if that is not negative; says whether it was done.
pub(crate) fn subtract_if_not_less(a: &mut [u64], b: &[u64]) -> bool {
    if compare(a, b) == Ordering::Less {
        return false;
    }
    let mut borrow = false;
    let padded = b.iter().copied().chain(core::iter::repeat(0));
    for (limb, y) in a.iter_mut().zip(padded) {
        let (partial, first) = limb.overflowing_sub(y);
        let (total, second) = partial.overflowing_sub(u64::from(borrow));
        *limb = total;
        borrow = first | second;
    }
    true
}

/// `a / b` to at least 64 significant bits, by shifting and subtracting; `b` is not zero and `T` has a bit to spare.
pub(crate) fn divide<T: Limbs>(a: &T, b: &T) -> Quotient {
    const BITS: u32 = 66;
    let (mut remainder, mut divisor) = (*a, T::ZERO);
    // Align the leading bits, then one bit of the quotient per step.
    let (long, short) = (bit_length(a.limbs()), bit_length(b.limbs()));
    let up = long.saturating_sub(short);
    shift_up(divisor.limbs_mut(), b.limbs(), up);
    shift_up(remainder.limbs_mut(), a.limbs(), short.saturating_sub(long));
    let mut bits = 0;
    for _ in 0..BITS {
        let fits = subtract_if_not_less(remainder.limbs_mut(), divisor.limbs());
        bits = bits << 1 | u128::from(fits);
        double(remainder.limbs_mut());
    }
    let inexact = bit_length(remainder.limbs()) != 0;
    let exponent = long as i32 - short as i32 - (BITS as i32 - 1);
    Quotient {
        bits,
        exponent,
        inexact,
    }
}

/// `out = a << shift`.
fn shift_up(out: &mut [u64], a: &[u64], shift: u32) {
    let (skip, bit) = ((shift / 64) as usize, shift % 64);
    let mut carry = 0;
    let padded = a.iter().copied().chain(core::iter::repeat(0));
    out.fill(0);
    for (place, limb) in out.iter_mut().skip(skip).zip(padded) {
        *place = limb << bit | carry;
        carry = if bit == 0 { 0 } else { limb >> (64 - bit) };
    }
}
