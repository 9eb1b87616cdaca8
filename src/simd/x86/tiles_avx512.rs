//! [`Tiles`] on AVX-512: as on AVX2, with vectors of twice the width.
//!
//! [`Zmm`] is what the tokens with and without VNNI share: a backend differs by its instructions for multiplying and for decoding.

use core::arch::x86_64::*;

use super::{Avx512, Token};
use crate::simd::tiles::{
    DigitPlanes, Digits, SixtyFour, TILE, TileCodes, Tiles, VectorTiles, digits_by_dot,
};

/// A token for AVX-512, with what its processor may do faster.
pub(super) trait Zmm: Token {
    fn base(self) -> Avx512;
    /// `sums` plus, four bytes to a lane, digits times activations.
    fn dot<const P: usize>(
        self,
        sums: __m512i,
        digits: &[__m512i; P],
        x: &DigitPlanes<P>,
    ) -> __m512i;
    /// The four digits of each byte.
    fn two_bits(self, codes: &TileCodes) -> [__m512i; 4];
    /// 1 where a digit is 2.
    fn two_bits_plus(self, codes: &TileCodes) -> [__m512i; 4];
    /// See [`Tiles::fractions`].
    fn fractions_of(self, numbers: __m512i) -> __m512i;

    /// The five digits of each byte.
    #[inline(always)]
    fn base3(self, codes: &TileCodes) -> [__m512i; 5] {
        let [two, mut digits] = self.base().carries(codes);
        for p in 0..5 {
            digits[p] = with_token!(self, _mm512_add_epi8(digits[p], two[p]));
        }
        digits
    }

    /// For the five digits of each byte: 1 where it is 2.
    #[inline(always)]
    fn base3_plus(self, codes: &TileCodes) -> [__m512i; 5] {
        self.base().carries(codes)[0]
    }
}

impl<Z: Zmm> Tiles for Z {
    type V = Avx512;
    type Sums = __m512i;

    #[inline(always)]
    fn vector(self) -> Avx512 {
        self.base()
    }

    #[inline(always)]
    fn load_sums(self, array: &[i32; 16]) -> __m512i {
        self.base().load_bytes(array)
    }

    #[inline(always)]
    fn array(self, sums: __m512i) -> [i32; 16] {
        let mut array = [0; 16];
        self.base().store_bytes(&mut array, sums);
        array
    }

    #[inline(always)]
    fn add_sums(self, a: __m512i, b: __m512i) -> __m512i {
        with_token!(self.base(), _mm512_add_epi32(a, b))
    }

    #[inline(always)]
    fn subtract_sums(self, a: __m512i, b: __m512i) -> __m512i {
        with_token!(self.base(), _mm512_sub_epi32(a, b))
    }

    #[inline(always)]
    fn fold_pair(self, a: __m512i, b: __m512i) -> __m512i {
        with_token!(self.base(), {
            let first = _mm512_shuffle_i32x4::<0b01_00_01_00>(a, b);
            let last = _mm512_shuffle_i32x4::<0b11_10_11_10>(a, b);
            _mm512_add_epi32(first, last)
        })
    }

    #[inline(always)]
    fn to_floats(self, sums: __m512i) -> __m512 {
        with_token!(self.base(), _mm512_cvtepi32_ps(sums))
    }

    #[inline(always)]
    fn widen_half(self, bits: u16) -> f32 {
        with_token!(self.base(), {
            let bits = _mm256_set1_epi16(bits.cast_signed());
            _mm512_cvtss_f32(_mm512_cvtph_ps(bits))
        })
    }

    #[inline(always)]
    fn fractions(self, numbers: &[u8; TILE]) -> [u8; TILE] {
        let mut fractions = [0; TILE];
        let bytes = self.fractions_of(self.base().load_bytes(numbers));
        self.base().store_bytes(&mut fractions, bytes);
        fractions
    }
}

impl<Z: Zmm> Digits<4> for Z {
    digits_by_dot!(4: two_bits, two_bits_plus, load_sums);
}

impl Digits<5> for Avx512 {
    digits_by_dot!(5: base3, base3_plus, load_sums);
}

impl Avx512 {
    #[inline(always)]
    pub(super) fn zero_bytes(self) -> __m512i {
        with_token!(self, _mm512_setzero_si512())
    }

    #[inline(always)]
    pub(super) fn load_bytes(self, array: &impl SixtyFour) -> __m512i {
        with_token!(self, _mm512_loadu_si512(core::ptr::from_ref(array).cast()))
    }

    #[inline(always)]
    fn store_bytes(self, array: &mut impl SixtyFour, bytes: __m512i) {
        with_token!(
            self,
            _mm512_storeu_si512(core::ptr::from_mut(array).cast(), bytes)
        );
    }

    /// The difference between fractions and numbers, in 16 bits: `floor((13 b + 242) / 243)`.
    #[inline(always)]
    fn excess(self, numbers: __m512i) -> __m512i {
        with_token!(self, {
            let product = _mm512_mullo_epi16(numbers, _mm512_set1_epi16(13));
            let sum = _mm512_add_epi16(product, _mm512_set1_epi16(242));
            // 4316 / 2^20 is near enough to 1 / 243.
            _mm512_srli_epi16::<4>(_mm512_mulhi_epu16(sum, _mm512_set1_epi16(4316)))
        })
    }

    /// For the five digits of each byte: 1 where it is 2, and 1 where it is at least 1.
    #[inline(always)]
    fn carries(self, codes: &TileCodes) -> [[__m512i; 5]; 2] {
        with_token!(self, {
            let mut rest = self.load_bytes(codes);
            let (mut two, mut one) = ([rest; 5], [rest; 5]);
            for p in 0..5 {
                // 3 * 86 >= 256, and 3 * 171 >= 512.
                let carry = _mm512_cmpge_epu8_mask(rest, _mm512_set1_epi8(86));
                one[p] = _mm512_maskz_set1_epi8(carry, 1);
                let carry = _mm512_cmpge_epu8_mask(rest, _mm512_set1_epi8(171_u8.cast_signed()));
                two[p] = _mm512_maskz_set1_epi8(carry, 1);
                // Twice as bits: of additions alone the compiler would make multiplications, which bytes do not have.
                let twice = _mm512_and_si512(_mm512_slli_epi16::<1>(rest), _mm512_set1_epi8(-2));
                rest = _mm512_add_epi8(twice, rest);
            }
            [two, one]
        })
    }
}

impl Zmm for Avx512 {
    #[inline(always)]
    fn base(self) -> Self {
        self
    }

    /// A digit is at most 2, so 16 bits hold five pairs: 5 * 4 * 127.
    #[inline(always)]
    fn dot<const P: usize>(
        self,
        sums: __m512i,
        digits: &[__m512i; P],
        x: &DigitPlanes<P>,
    ) -> __m512i {
        let mut pairs = self.zero_bytes();
        for p in 0..P {
            let x = self.load_bytes(&x[p]);
            let products = with_token!(self, _mm512_maddubs_epi16(digits[p], x));
            pairs = with_token!(self, _mm512_add_epi16(pairs, products));
        }
        with_token!(
            self,
            _mm512_add_epi32(sums, _mm512_madd_epi16(pairs, _mm512_set1_epi16(1)))
        )
    }

    #[inline(always)]
    fn two_bits(self, codes: &TileCodes) -> [__m512i; 4] {
        let codes = self.load_bytes(codes);
        with_token!(self, {
            let mask = _mm512_set1_epi8(3);
            [
                _mm512_and_si512(codes, mask),
                _mm512_and_si512(_mm512_srli_epi16::<2>(codes), mask),
                _mm512_and_si512(_mm512_srli_epi16::<4>(codes), mask),
                _mm512_and_si512(_mm512_srli_epi16::<6>(codes), mask),
            ]
        })
    }

    #[inline(always)]
    fn two_bits_plus(self, codes: &TileCodes) -> [__m512i; 4] {
        let mut digits = self.two_bits(codes);
        for digit in &mut digits {
            // Digit 2 has the high bit.
            let high = with_token!(self, _mm512_srli_epi16::<1>(*digit));
            *digit = with_token!(self, _mm512_and_si512(high, _mm512_set1_epi8(1)));
        }
        digits
    }

    #[inline(always)]
    fn fractions_of(self, numbers: __m512i) -> __m512i {
        with_token!(self, {
            let even = self.excess(_mm512_and_si512(numbers, _mm512_set1_epi16(0xff)));
            let odd = self.excess(_mm512_srli_epi16::<8>(numbers));
            let both = _mm512_or_si512(even, _mm512_slli_epi16::<8>(odd));
            _mm512_add_epi8(numbers, both)
        })
    }
}
