//! [`Tiles`] on AVX-512: as on AVX2, with vectors of twice the width.

#![expect(
    unsafe_code,
    reason = "the instructions of one processor; the token proves that it has them"
)]

#[allow(
    clippy::wildcard_imports,
    reason = "intrinsics are a language of their own"
)]
use core::arch::x86_64::*;

use super::{Digits, Planes, TILE, Tiles};
use crate::simd::x86::Avx512;

#[inline(always)]
pub(super) fn load_bytes(bytes: &[u8; TILE]) -> __m512i {
    with_token!(_mm512_loadu_si512(bytes.as_ptr().cast()))
}

#[inline(always)]
pub(super) fn load_x(x: &[i8; TILE]) -> __m512i {
    with_token!(_mm512_loadu_si512(x.as_ptr().cast()))
}

#[inline(always)]
pub(super) fn load_integers(array: &[i32; 16]) -> __m512i {
    with_token!(_mm512_loadu_si512(array.as_ptr().cast()))
}

impl Tiles for Avx512 {
    type V = Self;
    type Sums = __m512i;

    #[inline(always)]
    fn vector(self) -> Self {
        self
    }

    #[inline(always)]
    fn load_sums(self, array: &[i32; 16]) -> __m512i {
        load_integers(array)
    }

    #[inline(always)]
    fn array(self, sums: __m512i) -> [i32; 16] {
        let mut array = [0; 16];
        with_token!(_mm512_storeu_si512(array.as_mut_ptr().cast(), sums));
        array
    }

    #[inline(always)]
    fn add_sums(self, a: __m512i, b: __m512i) -> __m512i {
        with_token!(_mm512_add_epi32(a, b))
    }

    #[inline(always)]
    fn singles(self, sums: __m512i) -> __m512 {
        with_token!(_mm512_cvtepi32_ps(sums))
    }

    #[cfg(feature = "half")]
    #[inline(always)]
    fn halves(self, bits: &[u16; 16]) -> __m512 {
        with_token!(_mm512_cvtph_ps(_mm256_loadu_si256(bits.as_ptr().cast())))
    }

    #[inline(always)]
    fn fractions(self, numbers: &[u8; TILE]) -> [u8; TILE] {
        let mut fractions = [0; TILE];
        with_token!({
            let numbers = load_bytes(numbers);
            let even = more(_mm512_and_si512(numbers, _mm512_set1_epi16(0xff)));
            let odd = more(_mm512_srli_epi16::<8>(numbers));
            let both = _mm512_or_si512(even, _mm512_slli_epi16::<8>(odd));
            let sum = _mm512_add_epi8(numbers, both);
            _mm512_storeu_si512(fractions.as_mut_ptr().cast(), sum);
        });
        fractions
    }
}

/// By how much the fractions of numbers, in 16 bits, are more: `floor((13 b + 242) / 243)`.
#[inline(always)]
fn more(numbers: __m512i) -> __m512i {
    with_token!({
        let product = _mm512_mullo_epi16(numbers, _mm512_set1_epi16(13));
        let sum = _mm512_add_epi16(product, _mm512_set1_epi16(242));
        // 4316 / 2^20 is near enough to 1 / 243.
        _mm512_srli_epi16::<4>(_mm512_mulhi_epu16(sum, _mm512_set1_epi16(4316)))
    })
}

/// How a unit multiplies digits and activations, and adds four and four.
pub(super) trait Dot: Copy {
    fn dot<const P: usize>(self, sums: __m512i, digits: &[__m512i; P], x: &Planes<P>) -> __m512i;

    /// The sums where a digit is 2, and where it is 0: all, less those where it is not 0.
    #[inline(always)]
    fn signed_dot<const P: usize>(
        self,
        [plus, not_minus]: &[[__m512i; P]; 2],
        x: &Planes<P>,
        less: &[i32; 16],
    ) -> [__m512i; 2] {
        let zeros = with_token!(_mm512_setzero_si512());
        let others = self.dot(load_integers(less), not_minus, x);
        let plus = self.dot(zeros, plus, x);
        [plus, with_token!(_mm512_sub_epi32(zeros, others))]
    }
}

impl Dot for Avx512 {
    /// A digit is at most 2, so 16 bits hold five pairs: 5 * 4 * 127.
    #[inline(always)]
    fn dot<const P: usize>(self, sums: __m512i, digits: &[__m512i; P], x: &Planes<P>) -> __m512i {
        let mut pairs = with_token!(_mm512_setzero_si512());
        for p in 0..P {
            let products = with_token!(_mm512_maddubs_epi16(digits[p], load_x(&x[p])));
            pairs = with_token!(_mm512_add_epi16(pairs, products));
        }
        with_token!(_mm512_add_epi32(
            sums,
            _mm512_madd_epi16(pairs, _mm512_set1_epi16(1))
        ))
    }
}

impl Digits<4> for Avx512 {
    type Weights = [__m512i; 4];
    type Signs = [[__m512i; 4]; 2];
    type Running = __m512i;

    #[inline(always)]
    fn weights(self, codes: &[u8; TILE]) -> [__m512i; 4] {
        with_token!({
            let (codes, mask) = (load_bytes(codes), _mm512_set1_epi8(3));
            [
                _mm512_and_si512(codes, mask),
                _mm512_and_si512(_mm512_srli_epi16::<2>(codes), mask),
                _mm512_and_si512(_mm512_srli_epi16::<4>(codes), mask),
                _mm512_and_si512(_mm512_srli_epi16::<6>(codes), mask),
            ]
        })
    }

    #[inline(always)]
    fn signs(self, codes: &[u8; TILE]) -> [[__m512i; 4]; 2] {
        let digits = Digits::<4>::weights(self, codes);
        let (mut plus, mut not_minus) = (digits, digits);
        for p in 0..4 {
            with_token!({
                // Digit 2 has the high bit, digit 1 the low one.
                let one = _mm512_set1_epi8(1);
                plus[p] = _mm512_and_si512(_mm512_srli_epi16::<1>(digits[p]), one);
                not_minus[p] = _mm512_or_si512(plus[p], _mm512_and_si512(digits[p], one));
            });
        }
        [plus, not_minus]
    }

    #[inline(always)]
    fn start(self, less: &[i32; 16]) -> __m512i {
        load_integers(less)
    }

    #[inline(always)]
    fn add(self, sums: __m512i, weights: &[__m512i; 4], x: &Planes<4>) -> __m512i {
        self.dot(sums, weights, x)
    }

    #[inline(always)]
    fn finish(self, sums: __m512i) -> __m512i {
        sums
    }

    #[inline(always)]
    fn signed(self, signs: &[[__m512i; 4]; 2], x: &Planes<4>, less: &[i32; 16]) -> [__m512i; 2] {
        self.signed_dot(signs, x, less)
    }
}

impl Digits<5> for Avx512 {
    type Weights = [__m512i; 5];
    type Signs = [[__m512i; 5]; 2];
    type Running = __m512i;

    #[inline(always)]
    fn weights(self, codes: &[u8; TILE]) -> [__m512i; 5] {
        let [two, mut digits] = carries(codes);
        for p in 0..5 {
            digits[p] = with_token!(_mm512_add_epi8(digits[p], two[p]));
        }
        digits
    }

    #[inline(always)]
    fn signs(self, codes: &[u8; TILE]) -> [[__m512i; 5]; 2] {
        carries(codes)
    }

    #[inline(always)]
    fn start(self, less: &[i32; 16]) -> __m512i {
        load_integers(less)
    }

    #[inline(always)]
    fn add(self, sums: __m512i, weights: &[__m512i; 5], x: &Planes<5>) -> __m512i {
        self.dot(sums, weights, x)
    }

    #[inline(always)]
    fn finish(self, sums: __m512i) -> __m512i {
        sums
    }

    #[inline(always)]
    fn signed(self, signs: &[[__m512i; 5]; 2], x: &Planes<5>, less: &[i32; 16]) -> [__m512i; 2] {
        self.signed_dot(signs, x, less)
    }
}

/// Five digits of each byte: 1 where it is 2, and 1 where it is at least 1.
#[inline(always)]
pub(super) fn carries(codes: &[u8; TILE]) -> [[__m512i; 5]; 2] {
    with_token!({
        let mut rest = load_bytes(codes);
        let (mut two, mut one) = ([rest; 5], [rest; 5]);
        for p in 0..5 {
            // 3 * 86 >= 256, and 3 * 171 >= 512.
            let carry = _mm512_cmpge_epu8_mask(rest, _mm512_set1_epi8(86));
            one[p] = _mm512_maskz_set1_epi8(carry, 1);
            let carry = _mm512_cmpge_epu8_mask(rest, _mm512_set1_epi8(171_u8.cast_signed()));
            two[p] = _mm512_maskz_set1_epi8(carry, 1);
            rest = _mm512_add_epi8(_mm512_add_epi8(rest, rest), rest);
        }
        [two, one]
    })
}
