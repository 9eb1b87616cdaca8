//! [`Quotient`]: a ratio of two integers, ready to be rounded to a weight once.
//!
//! A scale is `S / m`, a threshold is half of it. Both are rounded from the exact ratio, in one step: a scale to the
//! nearest weight (ties to even, like every IEEE operation), a threshold **down**, because
//! `|w| > S / 2m` holds for a weight just if `|w|` is larger than the largest weight that is not above `S / 2m`.

use crate::weight::encode;

/// `(bits + d) * 2^exponent` smallest subnormals, with `0 <= d < 1`, and `d > 0` just if `inexact`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Quotient {
    pub(crate) bits: u128,
    pub(crate) exponent: i32,
    pub(crate) inexact: bool,
}

impl Quotient {
    /// `a * 2^exponent / b`, for `b > 0`, to at least 63 significant bits.
    ///
    /// Not inlined: dividing 128 bits takes a kilobyte of code on a small processor.
    #[inline(never)]
    pub(crate) fn of(a: u128, b: u64, exponent: i32) -> Self {
        let up = a.leading_zeros().min(127);
        let (a, b) = (a << up, u128::from(b));
        // Checked, so that no code for the panic of a division by zero is linked.
        let bits = a.checked_div(b).unwrap_or(0);
        Self {
            bits,
            exponent: exponent - up as i32,
            inexact: bits.wrapping_mul(b) != a,
        }
    }

    /// Half of it.
    pub(crate) fn half(self) -> Self {
        let exponent = self.exponent - 1;
        Self { exponent, ..self }
    }

    /// Key of the largest weight that is not larger.
    pub(crate) fn floor_key(self, precision: u32) -> u64 {
        let (mantissa, shift, _) = self.split(precision);
        encode(mantissa, shift, precision)
    }

    /// Key of the nearest weight, ties to even.
    pub(crate) fn nearest_key(self, precision: u32) -> u64 {
        let (mantissa, shift, up) = self.split(precision);
        // A carry out of the mantissa lands in the exponent field, where it belongs.
        encode(mantissa, shift, precision) + u64::from(up)
    }

    /// The leading `precision` bits (fewer for subnormals) with their place, and whether what was cut off rounds them up: it is more than
    /// half a unit in the last place, or just half where they are odd.
    fn split(self, precision: u32) -> (u64, u32, bool) {
        if self.bits == 0 {
            return (0, 0, false);
        }
        let length = 128 - self.bits.leading_zeros() as i32 + self.exponent;
        let shift = (length - precision as i32).max(0);
        let drop = shift - self.exponent;
        if drop <= 0 {
            // Everything fits: `bits` is shorter than the mantissa by at least `-drop`.
            let [mantissa, _] = halves(self.bits << drop.unsigned_abs().min(127));
            return (mantissa, shift as u32, false);
        }
        let drop = drop as u32;
        let [mantissa, _] = halves(self.bits.checked_shr(drop).unwrap_or(0));
        let half = 1_u128.checked_shl(drop - 1).unwrap_or(0);
        let rest = self.bits & (half << 1).wrapping_sub(1);
        let at_half = self.inexact || mantissa & 1 == 1;
        let up = rest > half || rest == half && at_half;
        (mantissa, shift as u32, half > 0 && up)
    }
}

/// Low and high half of a 128-bit number.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the low half is what is asked for"
)]
pub(crate) fn halves(x: u128) -> [u64; 2] {
    [x as u64, (x >> 64) as u64]
}
