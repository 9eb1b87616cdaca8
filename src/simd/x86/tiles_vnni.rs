//! [`Tiles`] on AVX-512 with VNNI and GFNI: one instruction extracts a digit of each byte, one multiplies and adds groups of four.
//!
//! The matrix product over GF(2) of GFNI, made for cryptography, copies any two bits of a byte to its lowest places.
//!
//! Base-3 digits need not be extracted. Let `v[0]` be the byte and `v[n+1] = 3 v[n] mod 256`; then digit `n` is
//! `(3 v[n] - v[n+1]) / 256`, and
//!
//! ```text
//! sum d[n] x[n]  =  (3 sum v[n] x[n] - sum v[n+1] x[n]) / 256       in whole numbers, without a remainder
//! ```

use core::arch::x86_64::*;

use super::tiles_avx512::Zmm;
use super::{Avx512, Avx512Vnni};
use crate::simd::tiles::portable::FRACTIONS;
use crate::simd::tiles::{DigitPlanes, Digits, TileCodes, Tiles, VectorTiles, digits_by_dot};

/// The matrix that makes bit 0 of the bits in one mask, and bit 1 of those in the other: their parity.
const fn matrix(bit0: u8, bit1: u8) -> i64 {
    i64::from_be_bytes([bit0, bit1, 0, 0, 0, 0, 0, 0])
}

/// Such a product of each byte of the codes with four matrices.
macro_rules! four_planes {
    ($token:expr, $codes:expr, $matrix:expr) => {
        with_token!(
            $token,
            [
                _mm512_gf2p8affine_epi64_epi8::<0>($codes, _mm512_set1_epi64(const { $matrix(0) })),
                _mm512_gf2p8affine_epi64_epi8::<0>($codes, _mm512_set1_epi64(const { $matrix(2) })),
                _mm512_gf2p8affine_epi64_epi8::<0>($codes, _mm512_set1_epi64(const { $matrix(4) })),
                _mm512_gf2p8affine_epi64_epi8::<0>($codes, _mm512_set1_epi64(const { $matrix(6) })),
            ]
        )
    };
}

const fn digit(place: u8) -> i64 {
    matrix(1 << place, 2 << place)
}

const fn is_plus(place: u8) -> i64 {
    matrix(2 << place, 0)
}

/// Each bit is the one below it.
const TWICE: i64 = i64::from_be_bytes([0, 1, 2, 4, 8, 16, 32, 64]);

impl Zmm for Avx512Vnni {
    #[inline(always)]
    fn base(self) -> Avx512 {
        Self::base(self)
    }

    #[inline(always)]
    fn dot<const P: usize>(
        self,
        mut sums: __m512i,
        bytes: &[__m512i; P],
        x: &DigitPlanes<P>,
    ) -> __m512i {
        for p in 0..P {
            let x = self.base().load_bytes(&x[p]);
            sums = with_token!(self, _mm512_dpbusd_epi32(sums, bytes[p], x));
        }
        sums
    }

    #[inline(always)]
    fn two_bits(self, codes: &TileCodes) -> [__m512i; 4] {
        let codes = self.base().load_bytes(codes);
        four_planes!(self, codes, digit)
    }

    #[inline(always)]
    fn two_bits_plus(self, codes: &TileCodes) -> [__m512i; 4] {
        let codes = self.base().load_bytes(codes);
        four_planes!(self, codes, is_plus)
    }

    #[inline(always)]
    fn fractions_of(self, numbers: __m512i) -> __m512i {
        let table: *const __m512i = FRACTIONS.as_ptr().cast();
        with_token!(self, {
            let part = |i| _mm512_loadu_si512(table.wrapping_add(i));
            // Two tables of 128 entries; the highest bit of a number selects one.
            let low = _mm512_permutex2var_epi8(part(0), numbers, part(1));
            let high = _mm512_permutex2var_epi8(part(2), numbers, part(3));
            let which = _mm512_movepi8_mask(numbers);
            _mm512_mask_blend_epi8(which, low, high)
        })
    }
}

impl Digits<5> for Avx512Vnni {
    /// Both sums of the formula.
    type Running = [__m512i; 2];

    #[inline(always)]
    fn start(self, less: &[i32; 16]) -> [__m512i; 2] {
        with_token!(self, {
            let zeros = _mm512_setzero_si512();
            let more = _mm512_sub_epi32(zeros, self.load_sums(less));
            [zeros, _mm512_slli_epi32::<8>(more)]
        })
    }

    #[inline(always)]
    fn add<const C: usize>(
        self,
        sums: &mut [[__m512i; 2]; C],
        codes: &TileCodes,
        xs: VectorTiles<'_, 5, C>,
    ) {
        // The byte, and what remains of it after each digit.
        let mut rest = [self.base().load_bytes(codes); 6];
        for p in 1..6 {
            let last = rest[p - 1];
            // Of additions alone the compiler would make multiplications, which bytes do not have.
            rest[p] = with_token!(self, {
                let twice = _mm512_gf2p8affine_epi64_epi8::<0>(last, _mm512_set1_epi64(TWICE));
                _mm512_add_epi8(twice, last)
            });
        }
        for c in 0..C {
            let [whole, left] = &mut sums[c];
            for p in 0..5 {
                let x = self.base().load_bytes(&xs[c].x[p]);
                *whole = with_token!(self, _mm512_dpbusd_epi32(*whole, rest[p], x));
                *left = with_token!(self, _mm512_dpbusd_epi32(*left, rest[p + 1], x));
            }
        }
    }

    #[inline(always)]
    fn finish(self, [whole, left]: [__m512i; 2]) -> __m512i {
        with_token!(self, {
            let thrice = _mm512_add_epi32(_mm512_add_epi32(whole, whole), whole);
            _mm512_srai_epi32::<8>(_mm512_sub_epi32(thrice, left))
        })
    }

    digits_by_dot!(tiles 5: base3, base3_plus, load_sums);
}
