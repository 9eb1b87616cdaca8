//! Additions alone, on NEON.
//!
//! ```text
//! t x = (x and plus) - (x and minus)      in bytes: one of the two is zero
//! ```
//!
//! These bytes are added two and two to sums of 16 bits, plane after plane, and those in the end two and two to 32.

#![expect(
    unsafe_code,
    reason = "the instructions of one processor; the token proves that it has them"
)]

#[allow(
    clippy::wildcard_imports,
    reason = "intrinsics are a language of their own"
)]
use core::arch::aarch64::*;

use super::Adding;
use crate::simd::aarch64::Neon;
use crate::simd::tiles::neon::{Bytes, Sums, load_x, signs_of_base3, signs_of_two_bits, zeros};
use crate::simd::tiles::{Digits, Planes, TILE};

/// `sums` and the activations that are marked plus, less those that are marked minus.
#[inline(always)]
fn add<const P: usize>(mut sums: Sums, [plus, minus]: &[[Bytes; P]; 2], x: &Planes<P>) -> Sums {
    for q in 0..4 {
        with_token!({
            let mut pairs = vdupq_n_s16(0);
            for p in 0..P {
                let x = load_x(&x[p], q);
                let products = vsubq_s8(vandq_s8(x, plus[p][q]), vandq_s8(x, minus[p][q]));
                pairs = vpadalq_s8(pairs, products);
            }
            sums[q] = vpadalq_s16(sums[q], pairs);
        });
    }
    sums
}

/// The sums where bytes are marked.
#[inline(always)]
fn sum_of<const P: usize>(marks: &[Bytes; P], x: &Planes<P>) -> Sums {
    let mut sums = zeros();
    for q in 0..4 {
        with_token!({
            let mut pairs = vdupq_n_s16(0);
            for p in 0..P {
                pairs = vpadalq_s8(pairs, vandq_s8(load_x(&x[p], q), marks[p][q]));
            }
            sums[q] = vpaddlq_s16(pairs);
        });
    }
    sums
}

/// The same for both codes.
macro_rules! digits {
    ($digits:literal, $signs:expr) => {
        impl Digits<$digits> for Adding<Neon> {
            type Weights = [[Bytes; $digits]; 2];
            type Signs = [[Bytes; $digits]; 2];
            type Running = Sums;

            sums_that_start_at_zero!(Sums, zeros());

            #[inline(always)]
            fn weights(self, codes: &[u8; TILE]) -> Self::Weights {
                $signs(codes)
            }

            #[inline(always)]
            fn signs(self, codes: &[u8; TILE]) -> Self::Signs {
                $signs(codes)
            }

            #[inline(always)]
            fn add(self, sums: Sums, weights: &Self::Weights, x: &Planes<$digits>) -> Sums {
                add(sums, weights, x)
            }

            #[inline(always)]
            fn signed(
                self,
                [plus, minus]: &Self::Signs,
                x: &Planes<$digits>,
                _: &[i32; 16],
            ) -> [Sums; 2] {
                [sum_of(plus, x), sum_of(minus, x)]
            }
        }
    };
}

digits!(4, signs_of_two_bits);
digits!(5, signs_of_base3::<false>);
