//! [`Tiles`] on NEON: sixteen bytes at a time.
//!
//! Two-bit digits are multiplied as they are. Five digits of base 3 are compared out of a byte, and better as trits: let `w` be
//! the byte less 128, a signed byte. Then its first trit is what three times `w` carries over,
//!
//! ```text
//! 3 w = 256 t + w',    -128 <= w' < 128:       t = 1 if w > 42,    t = -1 if w < -42,    else 0
//! ```
//!
//! and `w'` is the byte of the trits that are left, less 128 again: for `v' = 3 v - 256 d` becomes that with `v = w + 128`,
//! `d = t + 1`. A comparison gives -1 for yes, so `t` is the difference of two, and sums by sign are what the two make of
//! the activations.

#![expect(
    clippy::needless_range_loop,
    reason = "several arrays side by side, as in the units of the other processors"
)]
#![expect(
    unsafe_code,
    reason = "the instructions of one processor; the token proves that it has them"
)]

#[allow(
    clippy::wildcard_imports,
    reason = "intrinsics are a language of their own"
)]
use core::arch::aarch64::*;

use super::{Digits, Planes, TILE, Tiles};
#[cfg(feature = "half")]
use crate::simd::aarch64::widen_halves;
use crate::simd::aarch64::{Neon, NeonDotprod, hidden};
use crate::simd::portable::Arrays;

/// Sixty-four bytes.
pub(super) type Bytes = [int8x16_t; 4];

/// Sixteen sums.
pub(super) type Sums = [int32x4_t; 4];

/// A quarter of the bytes.
#[inline(always)]
fn load_codes(codes: &[u8; TILE], quarter: usize) -> uint8x16_t {
    with_token!(vld1q_u8(codes.as_ptr().wrapping_add(16 * quarter)))
}

/// A quarter of the activations.
#[inline(always)]
pub(super) fn load_x(x: &[i8; TILE], quarter: usize) -> int8x16_t {
    with_token!(vld1q_s8(x.as_ptr().wrapping_add(16 * quarter)))
}

#[inline(always)]
fn load_integers(array: &[i32; 16]) -> Sums {
    let start = array.as_ptr();
    with_token!([
        vld1q_s32(start),
        vld1q_s32(start.wrapping_add(4)),
        vld1q_s32(start.wrapping_add(8)),
        vld1q_s32(start.wrapping_add(12)),
    ])
}

#[inline(always)]
pub(super) fn zeros() -> Sums {
    [with_token!(vdupq_n_s32(0)); 4]
}

/// How a unit multiplies small numbers and activations, and adds four and four.
pub(in crate::simd) trait Dot: Copy {
    /// Four bytes to a lane: `sums` and numbers within -2..=2 times activations.
    fn dot<const P: usize>(self, sums: Sums, numbers: &[Bytes; P], x: &Planes<P>) -> Sums;
}

impl Dot for Neon {
    /// 16 bits hold ten products: 10 * 2 * 127.
    #[inline(always)]
    fn dot<const P: usize>(self, mut sums: Sums, numbers: &[Bytes; P], x: &Planes<P>) -> Sums {
        for q in 0..4 {
            with_token!({
                let (mut low, mut high) = (vdupq_n_s16(0), vdupq_n_s16(0));
                for p in 0..P {
                    let x = load_x(&x[p], q);
                    low = vmlal_s8(low, vget_low_s8(numbers[p][q]), vget_low_s8(x));
                    high = vmlal_high_s8(high, numbers[p][q], x);
                }
                sums[q] = vpadalq_s16(sums[q], vpaddq_s16(low, high));
            });
        }
        sums
    }
}

impl Dot for NeonDotprod {
    #[inline(always)]
    fn dot<const P: usize>(self, mut sums: Sums, numbers: &[Bytes; P], x: &Planes<P>) -> Sums {
        for p in 0..P {
            for q in 0..4 {
                sums[q] = self.sdot(sums[q], numbers[p][q], load_x(&x[p], q));
            }
        }
        sums
    }
}

impl<D: Dot> Tiles for D {
    type V = Arrays;
    type Sums = Sums;

    #[inline(always)]
    fn vector(self) -> Arrays {
        Arrays
    }

    #[inline(always)]
    fn load_sums(self, array: &[i32; 16]) -> Sums {
        load_integers(array)
    }

    #[inline(always)]
    fn array(self, sums: Sums) -> [i32; 16] {
        let mut array = [0; 16];
        let start: *mut i32 = array.as_mut_ptr();
        for q in 0..4 {
            with_token!(vst1q_s32(start.wrapping_add(4 * q), sums[q]));
        }
        array
    }

    #[inline(always)]
    fn add_sums(self, mut a: Sums, b: Sums) -> Sums {
        for q in 0..4 {
            a[q] = with_token!(vaddq_s32(a[q], b[q]));
        }
        a
    }

    #[inline(always)]
    fn singles(self, sums: Sums) -> [f32; 16] {
        let mut singles = [0.0; 16];
        let start: *mut f32 = singles.as_mut_ptr();
        for q in 0..4 {
            with_token!(vst1q_f32(start.wrapping_add(4 * q), vcvtq_f32_s32(sums[q])));
        }
        singles
    }

    #[cfg(feature = "half")]
    #[inline(always)]
    fn halves(self, bits: &[u16; 16]) -> [f32; 16] {
        let mut singles = [0.0; 16];
        let (from, to) = (bits.as_ptr(), singles.as_mut_ptr());
        for q in 0..4 {
            with_token!({
                let four = widen_halves(vld1_u16(from.wrapping_add(4 * q)));
                vst1q_f32(to.wrapping_add(4 * q), four);
            });
        }
        singles
    }

    #[inline(always)]
    fn fractions(self, numbers: &[u8; TILE]) -> [u8; TILE] {
        let mut fractions = [0; TILE];
        let start: *mut u8 = fractions.as_mut_ptr();
        for q in 0..4 {
            with_token!({
                let numbers = load_codes(numbers, q);
                let low = vmovn_u16(more(vget_low_u8(numbers)));
                let both = vmovn_high_u16(low, more(vget_high_u8(numbers)));
                vst1q_u8(start.wrapping_add(16 * q), vaddq_u8(numbers, both));
            });
        }
        fractions
    }
}

/// By how much the fractions of numbers are more: `floor((13 b + 242) / 243)`.
#[inline(always)]
fn more(numbers: uint8x8_t) -> uint16x8_t {
    with_token!({
        let sum = vmlal_u8(vdupq_n_u16(242), numbers, vdup_n_u8(13));
        // 135 / 2^15 is near enough to 1 / 243.
        let quotient = vqdmulhq_n_s16(vreinterpretq_s16_u16(sum), 135);
        vreinterpretq_u16_s16(quotient)
    })
}

/// The sums where a trit is 1, and where it is -1, each of which is marked by -1.
#[inline(always)]
fn signed<D: Dot, const P: usize>(unit: D, signs: &[[Bytes; P]; 2], x: &Planes<P>) -> [Sums; 2] {
    let [mut plus, mut minus] = [
        unit.dot(zeros(), &signs[0], x),
        unit.dot(zeros(), &signs[1], x),
    ];
    for q in 0..4 {
        plus[q] = with_token!(vnegq_s32(plus[q]));
        minus[q] = with_token!(vnegq_s32(minus[q]));
    }
    [plus, minus]
}

/// Four trits of each byte: -1 where it is 1, and -1 where it is -1.
#[inline(always)]
pub(super) fn signs_of_two_bits(codes: &[u8; TILE]) -> [[Bytes; 4]; 2] {
    let mut signs = [[[with_token!(vdupq_n_s8(0)); 4]; 4]; 2];
    for q in 0..4 {
        with_token!({
            let codes = load_codes(codes, q);
            let shifted = [
                vshlq_n_u8::<6>(codes),
                vshlq_n_u8::<4>(codes),
                vshlq_n_u8::<2>(codes),
                codes,
            ];
            for p in 0..4 {
                // With the digit on top: 2 is the sign of the byte, and 0 what is below 1 << 6.
                let plus = vcltzq_s8(vreinterpretq_s8_u8(shifted[p]));
                let minus = vcltq_u8(shifted[p], vdupq_n_u8(1 << 6));
                signs[0][p][q] = vreinterpretq_s8_u8(plus);
                signs[1][p][q] = vreinterpretq_s8_u8(minus);
            }
        });
    }
    signs
}

/// Five trits of each byte: -1 where it is 1, and -1 where it is -1; with multiplications or without.
#[inline(always)]
pub(super) fn signs_of_base3<const MULTIPLY: bool>(codes: &[u8; TILE]) -> [[Bytes; 5]; 2] {
    let mut signs = [[[with_token!(vdupq_n_s8(0)); 4]; 5]; 2];
    for q in 0..4 {
        with_token!({
            let mut rest = vreinterpretq_s8_u8(veorq_u8(load_codes(codes, q), vdupq_n_u8(0x80)));
            for p in 0..5 {
                // 3 * 43 >= 128, and 3 * -43 < -128.
                let plus = vcgtq_s8(rest, vdupq_n_s8(42));
                let minus = vcltq_s8(rest, vdupq_n_s8(-42));
                signs[0][p][q] = vreinterpretq_s8_u8(plus);
                signs[1][p][q] = vreinterpretq_s8_u8(minus);
                rest = if MULTIPLY {
                    vmulq_s8(rest, vdupq_n_s8(3))
                } else {
                    vaddq_s8(hidden(vaddq_s8(rest, rest)), rest)
                };
            }
        });
    }
    signs
}

impl<D: Dot> Digits<4> for D {
    /// Digits.
    type Weights = [Bytes; 4];
    type Signs = [[Bytes; 4]; 2];
    type Running = Sums;

    #[inline(always)]
    fn weights(self, codes: &[u8; TILE]) -> [Bytes; 4] {
        let mut digits = [[with_token!(vdupq_n_s8(0)); 4]; 4];
        for q in 0..4 {
            with_token!({
                let (codes, mask) = (load_codes(codes, q), vdupq_n_u8(3));
                digits[0][q] = vreinterpretq_s8_u8(vandq_u8(codes, mask));
                digits[1][q] = vreinterpretq_s8_u8(vandq_u8(vshrq_n_u8::<2>(codes), mask));
                digits[2][q] = vreinterpretq_s8_u8(vandq_u8(vshrq_n_u8::<4>(codes), mask));
                digits[3][q] = vreinterpretq_s8_u8(vshrq_n_u8::<6>(codes));
            });
        }
        digits
    }

    #[inline(always)]
    fn signs(self, codes: &[u8; TILE]) -> [[Bytes; 4]; 2] {
        signs_of_two_bits(codes)
    }

    #[inline(always)]
    fn start(self, less: &[i32; 16]) -> Sums {
        load_integers(less)
    }

    #[inline(always)]
    fn add(self, sums: Sums, weights: &[Bytes; 4], x: &Planes<4>) -> Sums {
        self.dot(sums, weights, x)
    }

    #[inline(always)]
    fn finish(self, sums: Sums) -> Sums {
        sums
    }

    #[inline(always)]
    fn signed(self, signs: &[[Bytes; 4]; 2], x: &Planes<4>, _: &[i32; 16]) -> [Sums; 2] {
        signed(self, signs, x)
    }
}

impl<D: Dot> Digits<5> for D {
    /// Trits.
    type Weights = [Bytes; 5];
    type Signs = [[Bytes; 5]; 2];
    type Running = Sums;

    #[inline(always)]
    fn weights(self, codes: &[u8; TILE]) -> [Bytes; 5] {
        let [plus, minus] = signs_of_base3::<true>(codes);
        let mut trits = plus;
        for p in 0..5 {
            for q in 0..4 {
                trits[p][q] = with_token!(vsubq_s8(minus[p][q], plus[p][q]));
            }
        }
        trits
    }

    #[inline(always)]
    fn signs(self, codes: &[u8; TILE]) -> [[Bytes; 5]; 2] {
        signs_of_base3::<true>(codes)
    }

    #[inline(always)]
    fn start(self, _: &[i32; 16]) -> Sums {
        zeros()
    }

    #[inline(always)]
    fn add(self, sums: Sums, weights: &[Bytes; 5], x: &Planes<5>) -> Sums {
        self.dot(sums, weights, x)
    }

    #[inline(always)]
    fn finish(self, sums: Sums) -> Sums {
        sums
    }

    #[inline(always)]
    fn signed(self, signs: &[[Bytes; 5]; 2], x: &Planes<5>, _: &[i32; 16]) -> [Sums; 2] {
        signed(self, signs, x)
    }
}
