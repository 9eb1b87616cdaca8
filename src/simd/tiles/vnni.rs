//! [`Tiles`] on AVX-512 with VNNI and GFNI: one instruction takes a digit out of each byte, one multiplies and adds four and four.
//!
//! The matrix product over GF(2) of GFNI, meant for cryptography, copies any two bits of a byte to its lowest places.
//!
//! Base-3 digits need not be taken out at all. Let `v[0]` be the byte and `v[n+1] = 3 v[n] mod 256`; then digit `n` is
//! `(3 v[n] - v[n+1]) / 256`, and
//!
//! ```text
//! sum d[n] x[n]  =  (3 sum v[n] x[n] - sum v[n+1] x[n]) / 256       in whole numbers, without a remainder
//! ```

#![expect(
    unsafe_code,
    reason = "the instructions of one processor; the token proves that it has them"
)]

#[allow(
    clippy::wildcard_imports,
    reason = "intrinsics are a language of their own"
)]
use core::arch::x86_64::*;

use super::avx512::{Dot, carries, load_bytes, load_integers, load_x};
use super::portable::FRACTIONS;
use super::{Digits, Planes, TILE, Tiles};
use crate::simd::x86::{Avx512, Avx512Vnni};

impl Tiles for Avx512Vnni {
    type V = Avx512;
    type Sums = __m512i;

    #[inline(always)]
    fn vector(self) -> Avx512 {
        self.base()
    }

    #[inline(always)]
    fn load_sums(self, array: &[i32; 16]) -> __m512i {
        self.base().load_sums(array)
    }

    #[inline(always)]
    fn array(self, sums: __m512i) -> [i32; 16] {
        Tiles::array(self.base(), sums)
    }

    #[inline(always)]
    fn add_sums(self, a: __m512i, b: __m512i) -> __m512i {
        self.base().add_sums(a, b)
    }

    #[inline(always)]
    fn singles(self, sums: __m512i) -> __m512 {
        self.base().singles(sums)
    }

    #[cfg(feature = "half")]
    #[inline(always)]
    fn halves(self, bits: &[u16; 16]) -> __m512 {
        self.base().halves(bits)
    }

    #[inline(always)]
    fn fractions(self, numbers: &[u8; TILE]) -> [u8; TILE] {
        let mut fractions = [0; TILE];
        let table: *const __m512i = FRACTIONS.as_ptr().cast();
        with_token!({
            let numbers = load_bytes(numbers);
            let part = |i| _mm512_loadu_si512(table.wrapping_add(i));
            // Two tables of 128 entries; the highest bit of a number says which.
            let low = _mm512_permutex2var_epi8(part(0), numbers, part(1));
            let high = _mm512_permutex2var_epi8(part(2), numbers, part(3));
            let which = _mm512_movepi8_mask(numbers);
            let either = _mm512_mask_blend_epi8(which, low, high);
            _mm512_storeu_si512(fractions.as_mut_ptr().cast(), either);
        });
        fractions
    }
}

impl Dot for Avx512Vnni {
    #[inline(always)]
    fn dot<const P: usize>(
        self,
        mut sums: __m512i,
        bytes: &[__m512i; P],
        x: &Planes<P>,
    ) -> __m512i {
        for p in 0..P {
            sums = with_token!(_mm512_dpbusd_epi32(sums, bytes[p], load_x(&x[p])));
        }
        sums
    }
}

/// The matrix that makes bit 0 of the bits in one mask, and bit 1 of those in the other: their parity.
const fn matrix(bit0: u8, bit1: u8) -> i64 {
    i64::from_be_bytes([bit0, bit1, 0, 0, 0, 0, 0, 0])
}

/// Such a product of each byte of the codes with four matrices.
macro_rules! four_planes {
    ($codes:expr, $matrix:expr) => {
        with_token!([
            _mm512_gf2p8affine_epi64_epi8::<0>($codes, _mm512_set1_epi64(const { $matrix(0) })),
            _mm512_gf2p8affine_epi64_epi8::<0>($codes, _mm512_set1_epi64(const { $matrix(2) })),
            _mm512_gf2p8affine_epi64_epi8::<0>($codes, _mm512_set1_epi64(const { $matrix(4) })),
            _mm512_gf2p8affine_epi64_epi8::<0>($codes, _mm512_set1_epi64(const { $matrix(6) })),
        ])
    };
}

const fn digit(place: u8) -> i64 {
    matrix(1 << place, 2 << place)
}

const fn is_plus(place: u8) -> i64 {
    matrix(2 << place, 0)
}

/// Digits 1 and 2 have one bit set, digit 0 none: the parity tells.
const fn is_not_minus(place: u8) -> i64 {
    matrix(3 << place, 0)
}

impl Digits<4> for Avx512Vnni {
    type Weights = [__m512i; 4];
    type Signs = [[__m512i; 4]; 2];
    type Running = __m512i;

    #[inline(always)]
    fn weights(self, codes: &[u8; TILE]) -> [__m512i; 4] {
        let codes = load_bytes(codes);
        four_planes!(codes, digit)
    }

    #[inline(always)]
    fn signs(self, codes: &[u8; TILE]) -> [[__m512i; 4]; 2] {
        let codes = load_bytes(codes);
        [
            four_planes!(codes, is_plus),
            four_planes!(codes, is_not_minus),
        ]
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

impl Digits<5> for Avx512Vnni {
    /// The byte, and what is left of it after each digit.
    type Weights = [__m512i; 6];
    type Signs = [[__m512i; 5]; 2];
    /// Both sums of the formula.
    type Running = [__m512i; 2];

    #[inline(always)]
    fn weights(self, codes: &[u8; TILE]) -> [__m512i; 6] {
        let mut rest = [load_bytes(codes); 6];
        for p in 1..6 {
            let last = rest[p - 1];
            rest[p] = with_token!(_mm512_add_epi8(_mm512_add_epi8(last, last), last));
        }
        rest
    }

    #[inline(always)]
    fn signs(self, codes: &[u8; TILE]) -> [[__m512i; 5]; 2] {
        carries(codes)
    }

    #[inline(always)]
    fn start(self, less: &[i32; 16]) -> [__m512i; 2] {
        with_token!({
            let zeros = _mm512_setzero_si512();
            let more = _mm512_sub_epi32(zeros, load_integers(less));
            [zeros, _mm512_slli_epi32::<8>(more)]
        })
    }

    #[inline(always)]
    fn add(self, mut sums: [__m512i; 2], weights: &[__m512i; 6], x: &Planes<5>) -> [__m512i; 2] {
        for p in 0..5 {
            let x = load_x(&x[p]);
            sums[0] = with_token!(_mm512_dpbusd_epi32(sums[0], weights[p], x));
            sums[1] = with_token!(_mm512_dpbusd_epi32(sums[1], weights[p + 1], x));
        }
        sums
    }

    #[inline(always)]
    fn finish(self, [whole, left]: [__m512i; 2]) -> __m512i {
        with_token!({
            let thrice = _mm512_add_epi32(_mm512_add_epi32(whole, whole), whole);
            _mm512_srai_epi32::<8>(_mm512_sub_epi32(thrice, left))
        })
    }

    #[inline(always)]
    fn signed(self, signs: &[[__m512i; 5]; 2], x: &Planes<5>, less: &[i32; 16]) -> [__m512i; 2] {
        self.signed_dot(signs, x, less)
    }
}
