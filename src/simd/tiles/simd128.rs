//! [`Tiles`] on the 128-bit vectors of WebAssembly, without a multiplication: there is none for bytes, and that of bytes that are
//! widened takes more instructions than to keep an activation, or drop it, or turn its sign.
//!
//! Whether there are such vectors is decided when the crate is compiled; a module that has them runs nowhere else. Trits come
//! from comparisons of signed bytes, which give -1 for yes. With a two-bit digit on top of a byte, its high bit turned,
//!
//! ```text
//! 10......  digit 0, t = -1:  below -64;      11......  digit 1, t = 0;      00......  digit 2, t = 1:  not negative
//! ```
//!
//! and of five digits of base 3 the first is
//!
//! ```text
//! w = byte - 128:      t = 1 if w > 42,    t = -1 if w < -42,    else 0;      then  w becomes  3 w - 256 t
//! t x = (x and plus) - (x and minus)
//! ```
//!
//! These products are bytes, which are added two and two to 16 bits, plane after plane, and those two and two to 32.

#![expect(
    clippy::needless_range_loop,
    reason = "several arrays side by side, as in the units of the other processors"
)]
#![expect(
    unsafe_code,
    reason = "vectors are loaded and stored by pointers; nothing else here is unsafe"
)]

#[allow(
    clippy::wildcard_imports,
    reason = "intrinsics are a language of their own"
)]
use core::arch::wasm32::*;

use super::{Digits, Planes, TILE, Tiles};
use crate::simd::portable::Arrays;

/// The unit of a target with vectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::simd) struct Simd128;

/// Sixty-four bytes.
type Bytes = [v128; 4];

/// Sixteen sums.
type Sums = [v128; 4];

/// Loads or stores some of the four vectors of an array.
macro_rules! quarters {
    ($expression:expr) => {
        // SAFETY: the array has 64 bytes, and these are quarters of it.
        unsafe { $expression }
    };
}

/// The four vectors from a pointer on.
macro_rules! load {
    ($array:expr) => {{
        let start: *const v128 = $array.as_ptr().cast();
        quarters!([
            v128_load(start),
            v128_load(start.wrapping_add(1)),
            v128_load(start.wrapping_add(2)),
            v128_load(start.wrapping_add(3)),
        ])
    }};
}

#[inline(always)]
fn load_bytes(bytes: &[u8; TILE]) -> Bytes {
    load!(bytes)
}

#[inline(always)]
fn load_x(x: &[i8; TILE]) -> Bytes {
    load!(x)
}

#[inline(always)]
fn load_integers(array: &[i32; 16]) -> Sums {
    load!(array)
}

#[inline(always)]
fn zeros() -> Sums {
    [i32x4_splat(0); 4]
}

impl Tiles for Simd128 {
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
        let start: *mut v128 = array.as_mut_ptr().cast();
        for q in 0..4 {
            quarters!(v128_store(start.wrapping_add(q), sums[q]));
        }
        array
    }

    #[inline(always)]
    fn add_sums(self, mut a: Sums, b: Sums) -> Sums {
        for q in 0..4 {
            a[q] = i32x4_add(a[q], b[q]);
        }
        a
    }

    #[inline(always)]
    fn singles(self, sums: Sums) -> [f32; 16] {
        let mut singles = [0.0; 16];
        let start: *mut v128 = singles.as_mut_ptr().cast();
        for q in 0..4 {
            let four = f32x4_convert_i32x4(sums[q]);
            quarters!(v128_store(start.wrapping_add(q), four));
        }
        singles
    }

    #[cfg(feature = "half")]
    #[inline(always)]
    fn halves(self, bits: &[u16; 16]) -> [f32; 16] {
        super::portable::Portable.halves(bits)
    }

    #[inline(always)]
    fn fractions(self, numbers: &[u8; TILE]) -> [u8; TILE] {
        let mut fractions = [0; TILE];
        let start: *mut v128 = fractions.as_mut_ptr().cast();
        let numbers = load_bytes(numbers);
        for q in 0..4 {
            let mut fraction = numbers[q];
            for least in const { leasts() } {
                fraction = u8x16_sub(fraction, u8x16_ge(numbers[q], u8x16_splat(least)));
            }
            quarters!(v128_store(start.wrapping_add(q), fraction));
        }
        fractions
    }
}

/// The least numbers whose fractions are more than they by one, by two, and so on: `ceil(256 b / 243) - b = ceil(13 b / 243)`.
const fn leasts() -> [u8; 13] {
    let mut leasts = [0; 13];
    let mut more: u32 = 0;
    while more < 13 {
        leasts[more as usize] = (243 * more / 13 + 1).to_le_bytes()[0];
        more += 1;
    }
    leasts
}

/// Four trits of each byte: -1 where it is 1, and -1 where it is -1.
#[inline(always)]
fn two_bits(codes: &[u8; TILE]) -> [[Bytes; 4]; 2] {
    let codes = load_bytes(codes);
    let mut signs = [[codes; 4]; 2];
    for q in 0..4 {
        let turned = v128_xor(codes[q], u8x16_splat(0b1010_1010));
        // What a shift brings from the byte beside comes to lie below the digit.
        let on_top = [
            u16x8_shl(turned, 6),
            u16x8_shl(turned, 4),
            u16x8_shl(turned, 2),
            turned,
        ];
        for p in 0..4 {
            signs[0][p][q] = i8x16_gt(on_top[p], i8x16_splat(-1));
            signs[1][p][q] = i8x16_lt(on_top[p], i8x16_splat(-64));
        }
    }
    signs
}

/// Five trits of each byte: -1 where it is 1, and -1 where it is -1.
#[inline(always)]
fn base3(codes: &[u8; TILE]) -> [[Bytes; 5]; 2] {
    let mut rest = load_bytes(codes);
    let mut signs = [[rest; 5]; 2];
    for q in 0..4 {
        rest[q] = v128_xor(rest[q], u8x16_splat(0x80));
        for p in 0..5 {
            // 3 * 43 >= 128, and 3 * -43 < -128.
            signs[0][p][q] = i8x16_gt(rest[q], i8x16_splat(42));
            signs[1][p][q] = i8x16_lt(rest[q], i8x16_splat(-42));
            // Twice the bytes, as bits: of two additions the compiler would make a multiplication.
            let twice = v128_and(u16x8_shl(rest[q], 1), u8x16_splat(0xfe));
            rest[q] = i8x16_add(twice, rest[q]);
        }
    }
    signs
}

/// `sums` and the activations that are marked plus, less those that are marked minus.
#[inline(always)]
fn add<const P: usize>(sums: Sums, [plus, minus]: &[[Bytes; P]; 2], x: &Planes<P>) -> Sums {
    let mut pairs = zeros();
    for p in 0..P {
        let x = load_x(&x[p]);
        for q in 0..4 {
            let products = i8x16_sub(v128_and(x[q], plus[p][q]), v128_and(x[q], minus[p][q]));
            pairs[q] = i16x8_add(pairs[q], i16x8_extadd_pairwise_i8x16(products));
        }
    }
    add_pairs(sums, pairs)
}

/// The sums where bytes are marked.
#[inline(always)]
fn sum_of<const P: usize>(marks: &[Bytes; P], x: &Planes<P>) -> Sums {
    let mut pairs = zeros();
    for p in 0..P {
        let x = load_x(&x[p]);
        for q in 0..4 {
            let kept = v128_and(x[q], marks[p][q]);
            pairs[q] = i16x8_add(pairs[q], i16x8_extadd_pairwise_i8x16(kept));
        }
    }
    add_pairs(zeros(), pairs)
}

#[inline(always)]
fn add_pairs(mut sums: Sums, pairs: Bytes) -> Sums {
    for q in 0..4 {
        sums[q] = i32x4_add(sums[q], i32x4_extadd_pairwise_i16x8(pairs[q]));
    }
    sums
}

/// The same for both codes.
macro_rules! digits {
    ($digits:literal, $signs:ident) => {
        impl Digits<$digits> for Simd128 {
            type Weights = [[Bytes; $digits]; 2];
            type Signs = [[Bytes; $digits]; 2];
            type Running = Sums;

            #[inline(always)]
            fn weights(self, codes: &[u8; TILE]) -> Self::Weights {
                $signs(codes)
            }

            #[inline(always)]
            fn signs(self, codes: &[u8; TILE]) -> Self::Signs {
                $signs(codes)
            }

            #[inline(always)]
            fn start(self, _: &[i32; 16]) -> Sums {
                zeros()
            }

            #[inline(always)]
            fn add(self, sums: Sums, weights: &Self::Weights, x: &Planes<$digits>) -> Sums {
                add(sums, weights, x)
            }

            #[inline(always)]
            fn finish(self, sums: Sums) -> Sums {
                sums
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

digits!(4, two_bits);
digits!(5, base3);
