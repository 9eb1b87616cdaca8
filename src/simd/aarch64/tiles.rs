//! [`Tiles`] on NEON: sixteen bytes at a time.
//!
//! Two-bit digits are multiplied as they are. Base-3 digits are extracted by comparisons, as trits: let `w` be
//! the byte less 128, a signed byte. Then its first trit is the carry of three times `w`,
//!
//! ```text
//! 3 w = 256 t + w',    -128 <= w' < 128:       t = 1 if w > 42,    t = -1 if w < -42,    else 0
//! ```
//!
//! and `w'` is the byte of the remaining trits, less 128 again: with `v = w + 128` and `d = t + 1` it is `v' = 3 v - 256 d`.
//! A comparison returns -1 where it holds. So `t` is the difference of two comparisons.

#![expect(
    clippy::needless_range_loop,
    reason = "several arrays side by side, as in the units of the other processors"
)]
#[allow(
    clippy::wildcard_imports,
    reason = "intrinsics are a language of their own"
)]
use core::arch::aarch64::*;

use super::{Neon, NeonDotprod, Token};
use crate::simd::portable::Arrays;
use crate::simd::tiles::{DigitPlanes, Digits, TILE, TileCodes, Tiles, VectorTiles, digits_by_dot};

/// Sixty-four bytes.
pub(super) type Bytes = [int8x16_t; 4];

/// Sixteen sums.
pub(super) type Sums = [int32x4_t; 4];

/// A token for NEON, with its instruction for sums of products.
pub(super) trait NeonDot: Token {
    fn base(self) -> Neon;
    /// `sums` plus, four bytes to a lane, numbers within -2..=2 times activations.
    fn dot<const P: usize>(self, sums: Sums, numbers: &[Bytes; P], x: &DigitPlanes<P>) -> Sums;

    /// The four digits of each byte.
    #[inline(always)]
    fn two_bits(self, codes: &TileCodes) -> [Bytes; 4] {
        let mut digits = [[with_token!(self, vdupq_n_s8(0)); 4]; 4];
        for q in 0..4 {
            with_token!(self, {
                let (codes, mask) = (self.base().load_codes(codes, q), vdupq_n_u8(3));
                digits[0][q] = vreinterpretq_s8_u8(vandq_u8(codes, mask));
                digits[1][q] = vreinterpretq_s8_u8(vandq_u8(vshrq_n_u8::<2>(codes), mask));
                digits[2][q] = vreinterpretq_s8_u8(vandq_u8(vshrq_n_u8::<4>(codes), mask));
                digits[3][q] = vreinterpretq_s8_u8(vshrq_n_u8::<6>(codes));
            });
        }
        digits
    }

    #[inline(always)]
    fn two_bits_plus(self, codes: &TileCodes) -> [Bytes; 4] {
        let mut digits = self.two_bits(codes);
        for quarter in digits.as_flattened_mut() {
            // Digit 2 alone has the high bit.
            *quarter = with_token!(self, vshrq_n_s8::<1>(*quarter));
        }
        digits
    }

    /// The five trits of each byte.
    #[inline(always)]
    fn base3(self, codes: &TileCodes) -> [Bytes; 5] {
        let mut trits = [[with_token!(self, vdupq_n_s8(0)); 4]; 5];
        for q in 0..4 {
            with_token!(self, {
                let bytes = veorq_u8(self.base().load_codes(codes, q), vdupq_n_u8(0x80));
                let mut rest = vreinterpretq_s8_u8(bytes);
                for p in 0..5 {
                    // 3 * 43 >= 128, and 3 * -43 < -128. Each comparison returns -1 where it holds.
                    let plus = vcgtq_s8(rest, vdupq_n_s8(42));
                    let minus = vcltq_s8(rest, vdupq_n_s8(-42));
                    trits[p][q] = vreinterpretq_s8_u8(vsubq_u8(minus, plus));
                    rest = vmulq_s8(rest, vdupq_n_s8(3));
                }
            });
        }
        trits
    }

    #[inline(always)]
    fn base3_plus(self, codes: &TileCodes) -> [Bytes; 5] {
        let mut trits = self.base3(codes);
        for quarter in trits.as_flattened_mut() {
            *quarter = with_token!(self, vmaxq_s8(*quarter, vdupq_n_s8(0)));
        }
        trits
    }
}

impl NeonDot for Neon {
    #[inline(always)]
    fn base(self) -> Neon {
        self
    }

    /// 16 bits hold ten products: 10 * 2 * 127.
    #[inline(always)]
    fn dot<const P: usize>(self, mut sums: Sums, numbers: &[Bytes; P], x: &DigitPlanes<P>) -> Sums {
        for q in 0..4 {
            with_token!(self, {
                let (mut low, mut high) = (vdupq_n_s16(0), vdupq_n_s16(0));
                for p in 0..P {
                    let x = self.load_activations(&x[p], q);
                    low = vmlal_s8(low, vget_low_s8(numbers[p][q]), vget_low_s8(x));
                    high = vmlal_high_s8(high, numbers[p][q], x);
                }
                sums[q] = vpadalq_s16(sums[q], vpaddq_s16(low, high));
            });
        }
        sums
    }
}

impl NeonDot for NeonDotprod {
    #[inline(always)]
    fn base(self) -> Neon {
        Self::base(self)
    }

    #[inline(always)]
    fn dot<const P: usize>(self, mut sums: Sums, numbers: &[Bytes; P], x: &DigitPlanes<P>) -> Sums {
        for p in 0..P {
            for q in 0..4 {
                let x = self.base().load_activations(&x[p], q);
                sums[q] = self.sdot(sums[q], numbers[p][q], x);
            }
        }
        sums
    }
}

impl<D: NeonDot> Tiles for D {
    type V = Arrays;
    type Sums = Sums;

    #[inline(always)]
    fn vector(self) -> Arrays {
        Arrays
    }

    #[inline(always)]
    fn load_sums(self, array: &[i32; 16]) -> Sums {
        self.base().load_integers(array)
    }

    #[inline(always)]
    fn array(self, sums: Sums) -> [i32; 16] {
        let mut array = [0; 16];
        let start: *mut i32 = array.as_mut_ptr();
        for q in 0..4 {
            with_token!(self, vst1q_s32(start.wrapping_add(4 * q), sums[q]));
        }
        array
    }

    #[inline(always)]
    fn widen_halves(self, bits: &[u16; 16]) -> [f32; 16] {
        let mut floats = [0.0; 16];
        let (from, to) = (bits.as_ptr(), floats.as_mut_ptr());
        for q in 0..4 {
            with_token!(self, {
                let four = self.base().widen_four(vld1_u16(from.wrapping_add(4 * q)));
                vst1q_f32(to.wrapping_add(4 * q), four);
            });
        }
        floats
    }

    #[inline(always)]
    fn fractions(self, numbers: &[u8; TILE]) -> [u8; TILE] {
        let (base, mut fractions) = (self.base(), [0; TILE]);
        let start: *mut u8 = fractions.as_mut_ptr();
        for q in 0..4 {
            with_token!(self, {
                let numbers = base.load_codes(numbers, q);
                let low = vmovn_u16(base.excess(vget_low_u8(numbers)));
                let both = vmovn_high_u16(low, base.excess(vget_high_u8(numbers)));
                vst1q_u8(start.wrapping_add(16 * q), vaddq_u8(numbers, both));
            });
        }
        fractions
    }
}

impl<D: NeonDot> Digits<4> for D {
    digits_by_dot!(4: two_bits, two_bits_plus, load_sums);
}

/// The decoded codes are trits, so the sums need no correction.
impl<D: NeonDot> Digits<5> for D {
    digits_by_dot!(5: base3, base3_plus, zero_sums);
}

impl Neon {
    /// A quarter of the codes.
    #[inline(always)]
    fn load_codes(self, codes: &TileCodes, quarter: usize) -> uint8x16_t {
        with_token!(self, vld1q_u8(codes.as_ptr().wrapping_add(16 * quarter)))
    }

    /// A quarter of the activations.
    #[inline(always)]
    fn load_activations(self, x: &[i8; TILE], quarter: usize) -> int8x16_t {
        with_token!(self, vld1q_s8(x.as_ptr().wrapping_add(16 * quarter)))
    }

    #[inline(always)]
    fn load_integers(self, array: &[i32; 16]) -> Sums {
        let start = array.as_ptr();
        with_token!(
            self,
            [
                vld1q_s32(start),
                vld1q_s32(start.wrapping_add(4)),
                vld1q_s32(start.wrapping_add(8)),
                vld1q_s32(start.wrapping_add(12)),
            ]
        )
    }

    /// The difference between fractions and numbers: `floor((13 b + 242) / 243)`.
    #[inline(always)]
    fn excess(self, numbers: uint8x8_t) -> uint16x8_t {
        with_token!(self, {
            let sum = vmlal_u8(vdupq_n_u16(242), numbers, vdup_n_u8(13));
            // 135 / 2^15 is near enough to 1 / 243.
            let quotient = vqdmulhq_n_s16(vreinterpretq_s16_u16(sum), 135);
            vreinterpretq_u16_s16(quotient)
        })
    }
}
