//! Additions alone, on AVX2 and AVX-512.

#![expect(
    clippy::needless_range_loop,
    reason = "several arrays side by side; iterators would be closures, compiled without the instructions of this backend"
)]
#![expect(
    unsafe_code,
    reason = "the instructions of one processor; the token proves that it has them"
)]

#[allow(
    clippy::wildcard_imports,
    reason = "intrinsics are a language of their own"
)]
use core::arch::x86_64::*;

use super::Adding;
use crate::simd::tiles::{Digits, Planes, TILE, avx2, avx512};
use crate::simd::x86::{Avx2, Avx512};

/// The trits of 64 bytes.
type Trits = [__m256i; 2];

/// What four unsigned bytes of some planes are too much: 128 each.
const fn four_offsets(planes: usize) -> i32 {
    let mut offsets = 0;
    let mut plane = 0;
    while plane < planes {
        offsets += 4 * 128;
        plane += 1;
    }
    offsets
}

/// `sums` and, four bytes to a lane, activations with the signs of trits.
#[inline(always)]
fn add_avx2<const P: usize>(
    mut sums: [__m256i; 2],
    trits: &[Trits; P],
    x: &Planes<P>,
) -> [__m256i; 2] {
    let zero = with_token!(_mm256_setzero_si256());
    // The even and the odd bytes of all planes, each 128 too much: that makes them unsigned.
    let (mut even, mut odd) = ([zero; 2], [zero; 2]);
    for p in 0..P {
        let x = avx2::load_x(&x[p]);
        for h in 0..2 {
            with_token!({
                let products = _mm256_sign_epi8(x[h], trits[p][h]);
                let bytes = _mm256_xor_si256(products, _mm256_set1_epi8(-128));
                let low = _mm256_and_si256(bytes, _mm256_set1_epi16(0xff));
                even[h] = _mm256_add_epi16(even[h], low);
                odd[h] = _mm256_add_epi16(odd[h], _mm256_srli_epi16::<8>(bytes));
            });
        }
    }
    for h in 0..2 {
        with_token!({
            let pairs = _mm256_add_epi16(even[h], odd[h]);
            let low = _mm256_and_si256(pairs, _mm256_set1_epi32(0xffff));
            let fours = _mm256_add_epi32(low, _mm256_srli_epi32::<16>(pairs));
            let offset = _mm256_set1_epi32(const { four_offsets(P) });
            sums[h] = _mm256_add_epi32(sums[h], _mm256_sub_epi32(fours, offset));
        });
    }
    sums
}

/// All ones where a byte is to be kept, in two ways, become the trits +1.
#[inline(always)]
fn signed_avx2<const P: usize>(
    [plus, minus]: &[[Trits; P]; 2],
    x: &Planes<P>,
) -> [[__m256i; 2]; 2] {
    let zeros = [with_token!(_mm256_setzero_si256()); 2];
    [add_avx2(zeros, plus, x), add_avx2(zeros, minus, x)]
}

#[inline(always)]
fn signs_of<const P: usize>(trits: [Trits; P]) -> [[Trits; P]; 2] {
    let (mut plus, mut minus) = (trits, trits);
    for p in 0..P {
        for h in 0..2 {
            with_token!({
                let zero = _mm256_setzero_si256();
                plus[p][h] =
                    _mm256_and_si256(_mm256_cmpgt_epi8(trits[p][h], zero), _mm256_set1_epi8(1));
                minus[p][h] =
                    _mm256_and_si256(_mm256_cmpgt_epi8(zero, trits[p][h]), _mm256_set1_epi8(1));
            });
        }
    }
    [plus, minus]
}

impl Digits<4> for Adding<Avx2> {
    type Weights = [Trits; 4];
    type Signs = [[Trits; 4]; 2];
    type Running = [__m256i; 2];

    sums_that_start_at_zero!([__m256i; 2], [with_token!(_mm256_setzero_si256()); 2]);

    #[inline(always)]
    fn weights(self, codes: &[u8; TILE]) -> [Trits; 4] {
        let mut trits = Digits::<4>::weights(self.0, codes);
        for p in 0..4 {
            for h in 0..2 {
                trits[p][h] = with_token!(_mm256_sub_epi8(trits[p][h], _mm256_set1_epi8(1)));
            }
        }
        trits
    }

    #[inline(always)]
    fn signs(self, codes: &[u8; TILE]) -> [[Trits; 4]; 2] {
        signs_of(Digits::<4>::weights(self, codes))
    }

    #[inline(always)]
    fn add(self, sums: [__m256i; 2], weights: &[Trits; 4], x: &Planes<4>) -> [__m256i; 2] {
        add_avx2(sums, weights, x)
    }

    #[inline(always)]
    fn signed(self, signs: &[[Trits; 4]; 2], x: &Planes<4>, _: &[i32; 16]) -> [[__m256i; 2]; 2] {
        signed_avx2(signs, x)
    }
}

impl Digits<5> for Adding<Avx2> {
    type Weights = [Trits; 5];
    type Signs = [[Trits; 5]; 2];
    type Running = [__m256i; 2];

    sums_that_start_at_zero!([__m256i; 2], [with_token!(_mm256_setzero_si256()); 2]);

    #[inline(always)]
    fn weights(self, codes: &[u8; TILE]) -> [Trits; 5] {
        let mut trits = Digits::<5>::weights(self.0, codes);
        for p in 0..5 {
            for h in 0..2 {
                trits[p][h] = with_token!(_mm256_sub_epi8(trits[p][h], _mm256_set1_epi8(1)));
            }
        }
        trits
    }

    #[inline(always)]
    fn signs(self, codes: &[u8; TILE]) -> [[Trits; 5]; 2] {
        signs_of(Digits::<5>::weights(self, codes))
    }

    #[inline(always)]
    fn add(self, sums: [__m256i; 2], weights: &[Trits; 5], x: &Planes<5>) -> [__m256i; 2] {
        add_avx2(sums, weights, x)
    }

    #[inline(always)]
    fn signed(self, signs: &[[Trits; 5]; 2], x: &Planes<5>, _: &[i32; 16]) -> [[__m256i; 2]; 2] {
        signed_avx2(signs, x)
    }
}

/// Which bytes of each plane to keep, and which of them to turn.
#[derive(Clone, Copy)]
pub(in crate::simd) struct Masks<const P: usize> {
    keep: [__mmask64; P],
    turn: [__mmask64; P],
}

/// Keeps `x` where `keep` says so, turned where `turn` says so, and adds four and four.
#[inline(always)]
fn add_avx512<const P: usize>(sums: __m512i, masks: &Masks<P>, x: &Planes<P>) -> __m512i {
    let zero = with_token!(_mm512_setzero_si512());
    // 128 too much in each byte, which makes it unsigned: 256 - b is what -x becomes if x has become b.
    let center = with_token!(_mm512_set1_epi8(-128));
    let mut fours = zero;
    for p in 0..P {
        with_token!({
            let x = _mm512_xor_si512(avx512::load_x(&x[p]), center);
            let bytes = _mm512_mask_mov_epi8(center, masks.keep[p], x);
            let bytes = _mm512_mask_sub_epi8(bytes, masks.turn[p], zero, x);
            // The sums of four bytes, each in 16 bits, twice.
            fours = _mm512_add_epi16(fours, _mm512_dbsad_epu8::<0>(bytes, zero));
        });
    }
    with_token!({
        let fours = _mm512_and_si512(fours, _mm512_set1_epi32(0xffff));
        let offset = _mm512_set1_epi32(const { four_offsets(P) });
        _mm512_add_epi32(sums, _mm512_sub_epi32(fours, offset))
    })
}

/// The sums where a trit is +1, and where it is -1.
#[inline(always)]
fn signed_avx512<const P: usize>(masks: &Masks<P>, x: &Planes<P>) -> [__m512i; 2] {
    let zero = with_token!(_mm512_setzero_si512());
    let (mut plus, mut minus) = (*masks, *masks);
    for p in 0..P {
        plus.keep[p] = masks.keep[p] & !masks.turn[p];
        minus.keep[p] = masks.turn[p];
        (plus.turn[p], minus.turn[p]) = (0, 0);
    }
    [add_avx512(zero, &plus, x), add_avx512(zero, &minus, x)]
}

impl Digits<4> for Adding<Avx512> {
    type Weights = Masks<4>;
    type Signs = Masks<4>;
    type Running = __m512i;

    sums_that_start_at_zero!(__m512i, with_token!(_mm512_setzero_si512()));

    #[inline(always)]
    fn weights(self, codes: &[u8; TILE]) -> Masks<4> {
        let codes = avx512::load_bytes(codes);
        let mut masks = Masks {
            keep: [0; 4],
            turn: [0; 4],
        };
        for p in 0..4 {
            with_token!({
                // Digit 1 is the only one with the low bit, digit 0 the only one without a bit.
                let low = _mm512_set1_epi8((1_u8 << (2 * p)).cast_signed());
                let both = _mm512_set1_epi8((3_u8 << (2 * p)).cast_signed());
                masks.keep[p] = _mm512_testn_epi8_mask(codes, low);
                masks.turn[p] = _mm512_testn_epi8_mask(codes, both);
            });
        }
        masks
    }

    #[inline(always)]
    fn signs(self, codes: &[u8; TILE]) -> Masks<4> {
        Digits::<4>::weights(self, codes)
    }

    #[inline(always)]
    fn add(self, sums: __m512i, weights: &Masks<4>, x: &Planes<4>) -> __m512i {
        add_avx512(sums, weights, x)
    }

    #[inline(always)]
    fn signed(self, signs: &Masks<4>, x: &Planes<4>, _: &[i32; 16]) -> [__m512i; 2] {
        signed_avx512(signs, x)
    }
}

impl Digits<5> for Adding<Avx512> {
    type Weights = Masks<5>;
    type Signs = Masks<5>;
    type Running = __m512i;

    sums_that_start_at_zero!(__m512i, with_token!(_mm512_setzero_si512()));

    #[inline(always)]
    fn weights(self, codes: &[u8; TILE]) -> Masks<5> {
        let mut rest = avx512::load_bytes(codes);
        let mut masks = Masks {
            keep: [0; 5],
            turn: [0; 5],
        };
        for p in 0..5 {
            with_token!({
                // 3 * 86 >= 256, and 3 * 171 >= 512.
                let two = _mm512_set1_epi8(171_u8.cast_signed());
                masks.turn[p] = _mm512_cmplt_epu8_mask(rest, _mm512_set1_epi8(86));
                masks.keep[p] = masks.turn[p] | _mm512_cmpge_epu8_mask(rest, two);
                rest = _mm512_add_epi8(_mm512_add_epi8(rest, rest), rest);
            });
        }
        masks
    }

    #[inline(always)]
    fn signs(self, codes: &[u8; TILE]) -> Masks<5> {
        Digits::<5>::weights(self, codes)
    }

    #[inline(always)]
    fn add(self, sums: __m512i, weights: &Masks<5>, x: &Planes<5>) -> __m512i {
        add_avx512(sums, weights, x)
    }

    #[inline(always)]
    fn signed(self, signs: &Masks<5>, x: &Planes<5>, _: &[i32; 16]) -> [__m512i; 2] {
        signed_avx512(signs, x)
    }
}
