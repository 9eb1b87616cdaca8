//! [`Tiles`] on the 128-bit vectors of WebAssembly, without multiplications: there is none for bytes, and a multiplication of
//! widened bytes takes more instructions than keeping, dropping or negating an activation.
//!
//! The vectors are selected when the crate is compiled; a module that uses them runs only where they exist. Trits come
//! from comparisons of signed bytes, which return -1 where they hold. With a two-bit digit in the highest bits of a byte, its
//! high bit inverted,
//!
//! ```text
//! 10......  digit 0, t = -1:  below -64;      11......  digit 1, t = 0;      00......  digit 2, t = 1:  not negative
//! ```
//!
//! and the first of five base-3 digits is
//!
//! ```text
//! w = byte - 128:      t = 1 if w > 42,    t = -1 if w < -42,    else 0;      then  w becomes  3 w - 256 t
//! t x = (x and plus) - (x and minus)
//! ```
//!
//! These products are bytes. They are added in pairs to 16 bits, plane after plane, and those in pairs to 32.

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

use crate::simd::portable::Arrays;
use crate::simd::tiles::{
    DigitPlanes, Digits, SixtyFour, TILE, TileCodes, Tiles, VectorTiles, digits_by_dot,
};

/// The unit of a target with vectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::simd) struct Simd128;

impl Simd128 {
    /// Not under Miri, which has no such instructions.
    pub(in crate::simd) fn detect() -> Option<Self> {
        (!cfg!(miri)).then_some(Self)
    }
}

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

/// The four vectors of an array.
#[inline(always)]
fn load(array: &impl SixtyFour) -> Bytes {
    let start: *const v128 = core::ptr::from_ref(array).cast();
    quarters!([
        v128_load(start),
        v128_load(start.wrapping_add(1)),
        v128_load(start.wrapping_add(2)),
        v128_load(start.wrapping_add(3)),
    ])
}

#[inline(always)]
fn store(array: &mut impl SixtyFour, vectors: Bytes) {
    let start: *mut v128 = core::ptr::from_mut(array).cast();
    for q in 0..4 {
        quarters!(v128_store(start.wrapping_add(q), vectors[q]));
    }
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
        load(array)
    }

    #[inline(always)]
    fn array(self, sums: Sums) -> [i32; 16] {
        let mut array = [0; 16];
        store(&mut array, sums);
        array
    }

    #[inline(always)]
    fn fractions(self, numbers: &[u8; TILE]) -> [u8; TILE] {
        let numbers = load(numbers);
        let mut fractions = numbers;
        for q in 0..4 {
            for least in const { leasts() } {
                let more = u8x16_ge(numbers[q], u8x16_splat(least));
                fractions[q] = u8x16_sub(fractions[q], more);
            }
        }
        let mut array = [0; TILE];
        store(&mut array, fractions);
        array
    }
}

/// The least number whose fraction exceeds it by one, by two, and so on: `ceil(256 b / 243) - b = ceil(13 b / 243)`.
const fn leasts() -> [u8; 13] {
    let mut leasts = [0; 13];
    let mut more: u32 = 0;
    while more < 13 {
        leasts[more as usize] = (243 * more / 13 + 1).to_le_bytes()[0];
        more += 1;
    }
    leasts
}

#[expect(
    clippy::unused_self,
    reason = "as in the units of the other processors"
)]
impl Simd128 {
    /// Four trits of each byte: -1 where it is 1, and -1 where it is -1.
    #[inline(always)]
    fn two_bits(self, codes: &TileCodes) -> [[Bytes; 4]; 2] {
        let codes = load(codes);
        let mut signs = [[codes; 4]; 2];
        for q in 0..4 {
            let turned = v128_xor(codes[q], u8x16_splat(0b1010_1010));
            // The bits that a shift brings in from the other byte end up below the digit.
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
    fn base3(self, codes: &TileCodes) -> [[Bytes; 5]; 2] {
        let mut rest = load(codes);
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

    /// `sums` plus the activations that are marked plus, less those that are marked minus.
    #[inline(always)]
    fn dot<const P: usize>(
        self,
        mut sums: Sums,
        [plus, minus]: &[[Bytes; P]; 2],
        x: &DigitPlanes<P>,
    ) -> Sums {
        let mut pairs = zeros();
        for p in 0..P {
            let x = load(&x[p]);
            for q in 0..4 {
                let products = i8x16_sub(v128_and(x[q], plus[p][q]), v128_and(x[q], minus[p][q]));
                pairs[q] = i16x8_add(pairs[q], i16x8_extadd_pairwise_i8x16(products));
            }
        }
        for q in 0..4 {
            sums[q] = i32x4_add(sums[q], i32x4_extadd_pairwise_i16x8(pairs[q]));
        }
        sums
    }

    /// Without the trits -1.
    #[inline(always)]
    fn two_bits_plus(self, codes: &TileCodes) -> [[Bytes; 4]; 2] {
        [self.two_bits(codes)[0], [zeros(); 4]]
    }

    #[inline(always)]
    fn base3_plus(self, codes: &TileCodes) -> [[Bytes; 5]; 2] {
        [self.base3(codes)[0], [zeros(); 5]]
    }
}

impl Digits<4> for Simd128 {
    digits_by_dot!(4: two_bits, two_bits_plus, zero_sums);
}

impl Digits<5> for Simd128 {
    digits_by_dot!(5: base3, base3_plus, zero_sums);
}
