//! [`Tiles`] on AVX2: digits times activations, two and two into 16 bits, and these two and two into 32.

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

use super::{Digits, Planes, TILE, Tiles};
use crate::simd::x86::Avx2;

/// Sixty-four bytes.
type Bytes = [__m256i; 2];

#[inline(always)]
pub(super) fn load_bytes(bytes: &[u8; TILE]) -> Bytes {
    let start: *const __m256i = bytes.as_ptr().cast();
    with_token!([
        _mm256_loadu_si256(start),
        _mm256_loadu_si256(start.wrapping_add(1))
    ])
}

#[inline(always)]
pub(super) fn load_x(x: &[i8; TILE]) -> Bytes {
    let start: *const __m256i = x.as_ptr().cast();
    with_token!([
        _mm256_loadu_si256(start),
        _mm256_loadu_si256(start.wrapping_add(1))
    ])
}

#[inline(always)]
pub(super) fn load_integers(array: &[i32; 16]) -> [__m256i; 2] {
    let start: *const __m256i = array.as_ptr().cast();
    with_token!([
        _mm256_loadu_si256(start),
        _mm256_loadu_si256(start.wrapping_add(1))
    ])
}

impl Tiles for Avx2 {
    type V = Self;
    type Sums = [__m256i; 2];

    #[inline(always)]
    fn vector(self) -> Self {
        self
    }

    #[inline(always)]
    fn load_sums(self, array: &[i32; 16]) -> [__m256i; 2] {
        load_integers(array)
    }

    #[inline(always)]
    fn array(self, sums: [__m256i; 2]) -> [i32; 16] {
        let mut array = [0; 16];
        let start: *mut __m256i = array.as_mut_ptr().cast();
        with_token!({
            _mm256_storeu_si256(start, sums[0]);
            _mm256_storeu_si256(start.wrapping_add(1), sums[1]);
        });
        array
    }

    #[inline(always)]
    fn add_sums(self, a: [__m256i; 2], b: [__m256i; 2]) -> [__m256i; 2] {
        with_token!([_mm256_add_epi32(a[0], b[0]), _mm256_add_epi32(a[1], b[1])])
    }

    #[inline(always)]
    fn singles(self, sums: [__m256i; 2]) -> [__m256; 2] {
        with_token!([_mm256_cvtepi32_ps(sums[0]), _mm256_cvtepi32_ps(sums[1])])
    }

    #[cfg(feature = "half")]
    #[inline(always)]
    fn halves(self, bits: &[u16; 16]) -> [__m256; 2] {
        let start: *const __m128i = bits.as_ptr().cast();
        with_token!([
            _mm256_cvtph_ps(_mm_loadu_si128(start)),
            _mm256_cvtph_ps(_mm_loadu_si128(start.wrapping_add(1)))
        ])
    }

    #[inline(always)]
    fn fractions(self, numbers: &[u8; TILE]) -> [u8; TILE] {
        let mut fractions = [0; TILE];
        let start: *mut __m256i = fractions.as_mut_ptr().cast();
        for (half, numbers) in load_bytes(numbers).into_iter().enumerate() {
            with_token!({
                let even = more(_mm256_and_si256(numbers, _mm256_set1_epi16(0xff)));
                let odd = more(_mm256_srli_epi16::<8>(numbers));
                let both = _mm256_or_si256(even, _mm256_slli_epi16::<8>(odd));
                _mm256_storeu_si256(start.wrapping_add(half), _mm256_add_epi8(numbers, both));
            });
        }
        fractions
    }
}

/// By how much the fractions of numbers, in 16 bits, are more: `floor((13 b + 242) / 243)`.
#[inline(always)]
fn more(numbers: __m256i) -> __m256i {
    with_token!({
        let product = _mm256_mullo_epi16(numbers, _mm256_set1_epi16(13));
        let sum = _mm256_add_epi16(product, _mm256_set1_epi16(242));
        // 4316 / 2^20 is near enough to 1 / 243.
        _mm256_srli_epi16::<4>(_mm256_mulhi_epu16(sum, _mm256_set1_epi16(4316)))
    })
}

/// `sums` and, four bytes to a lane, digits times activations. A digit is at most 2, so 16 bits hold five pairs: 5 * 4 * 127.
#[inline(always)]
fn dot<const P: usize>(mut sums: [__m256i; 2], digits: &[Bytes; P], x: &Planes<P>) -> [__m256i; 2] {
    let mut pairs = [with_token!(_mm256_setzero_si256()); 2];
    for p in 0..P {
        let x = load_x(&x[p]);
        for h in 0..2 {
            pairs[h] = with_token!(_mm256_add_epi16(
                pairs[h],
                _mm256_maddubs_epi16(digits[p][h], x[h])
            ));
        }
    }
    for h in 0..2 {
        sums[h] = with_token!(_mm256_add_epi32(
            sums[h],
            _mm256_madd_epi16(pairs[h], _mm256_set1_epi16(1))
        ));
    }
    sums
}

/// The sums where a digit is 2, and where it is 0: all, less those where it is not 0.
#[inline(always)]
fn signed<const P: usize>(
    [plus, not_minus]: &[[Bytes; P]; 2],
    x: &Planes<P>,
    less: &[i32; 16],
) -> [[__m256i; 2]; 2] {
    let zeros = [with_token!(_mm256_setzero_si256()); 2];
    let plus = dot(zeros, plus, x);
    let others = dot(load_integers(less), not_minus, x);
    let negate = |half| with_token!(_mm256_sub_epi32(zeros[0], half));
    [plus, [negate(others[0]), negate(others[1])]]
}

impl Digits<4> for Avx2 {
    type Weights = [Bytes; 4];
    type Signs = [[Bytes; 4]; 2];
    type Running = [__m256i; 2];

    #[inline(always)]
    fn weights(self, codes: &[u8; TILE]) -> [Bytes; 4] {
        let mut digits = [load_bytes(codes); 4];
        for h in 0..2 {
            with_token!({
                let codes = digits[0][h];
                let mask = _mm256_set1_epi8(3);
                digits[0][h] = _mm256_and_si256(codes, mask);
                digits[1][h] = _mm256_and_si256(_mm256_srli_epi16::<2>(codes), mask);
                digits[2][h] = _mm256_and_si256(_mm256_srli_epi16::<4>(codes), mask);
                digits[3][h] = _mm256_and_si256(_mm256_srli_epi16::<6>(codes), mask);
            });
        }
        digits
    }

    #[inline(always)]
    fn signs(self, codes: &[u8; TILE]) -> [[Bytes; 4]; 2] {
        let digits = Digits::<4>::weights(self, codes);
        let (mut plus, mut not_minus) = (digits, digits);
        for p in 0..4 {
            for h in 0..2 {
                with_token!({
                    // Digit 2 has the high bit, digit 1 the low one.
                    let one = _mm256_set1_epi8(1);
                    plus[p][h] = _mm256_and_si256(_mm256_srli_epi16::<1>(digits[p][h]), one);
                    not_minus[p][h] =
                        _mm256_or_si256(plus[p][h], _mm256_and_si256(digits[p][h], one));
                });
            }
        }
        [plus, not_minus]
    }

    #[inline(always)]
    fn start(self, less: &[i32; 16]) -> [__m256i; 2] {
        load_integers(less)
    }

    #[inline(always)]
    fn add(self, sums: [__m256i; 2], weights: &[Bytes; 4], x: &Planes<4>) -> [__m256i; 2] {
        dot(sums, weights, x)
    }

    #[inline(always)]
    fn finish(self, sums: [__m256i; 2]) -> [__m256i; 2] {
        sums
    }

    #[inline(always)]
    fn signed(self, signs: &[[Bytes; 4]; 2], x: &Planes<4>, less: &[i32; 16]) -> [[__m256i; 2]; 2] {
        signed(signs, x, less)
    }
}

/// Five digits of each byte: all ones where it is at least 1, and where it is 2.
#[inline(always)]
pub(super) fn carries(codes: &[u8; TILE]) -> [[Bytes; 5]; 2] {
    let mut rest = load_bytes(codes);
    let (mut one, mut two) = ([rest; 5], [rest; 5]);
    for h in 0..2 {
        with_token!({
            // Comparisons are of signed bytes: move 0..256 to -128..128. Three times a byte that was moved is moved likewise.
            rest[h] = _mm256_xor_si256(rest[h], _mm256_set1_epi8(-128));
            for p in 0..5 {
                // 3 * 86 >= 256, and 3 * 171 >= 512.
                one[p][h] = _mm256_cmpgt_epi8(
                    rest[h],
                    _mm256_set1_epi8(const { (0x55_u8 ^ 0x80).cast_signed() }),
                );
                two[p][h] = _mm256_cmpgt_epi8(
                    rest[h],
                    _mm256_set1_epi8(const { (0xaa_u8 ^ 0x80).cast_signed() }),
                );
                let twice = _mm256_add_epi8(rest[h], rest[h]);
                rest[h] = _mm256_add_epi8(twice, rest[h]);
            }
        });
    }
    [one, two]
}

impl Digits<5> for Avx2 {
    type Weights = [Bytes; 5];
    type Signs = [[Bytes; 5]; 2];
    type Running = [__m256i; 2];

    #[inline(always)]
    fn weights(self, codes: &[u8; TILE]) -> [Bytes; 5] {
        let [one, two] = carries(codes);
        let mut digits = one;
        for p in 0..5 {
            for h in 0..2 {
                digits[p][h] = with_token!(_mm256_sub_epi8(_mm256_abs_epi8(one[p][h]), two[p][h]));
            }
        }
        digits
    }

    #[inline(always)]
    fn signs(self, codes: &[u8; TILE]) -> [[Bytes; 5]; 2] {
        let [mut one, mut two] = carries(codes);
        for p in 0..5 {
            for h in 0..2 {
                one[p][h] = with_token!(_mm256_abs_epi8(one[p][h]));
                two[p][h] = with_token!(_mm256_abs_epi8(two[p][h]));
            }
        }
        [two, one]
    }

    #[inline(always)]
    fn start(self, less: &[i32; 16]) -> [__m256i; 2] {
        load_integers(less)
    }

    #[inline(always)]
    fn add(self, sums: [__m256i; 2], weights: &[Bytes; 5], x: &Planes<5>) -> [__m256i; 2] {
        dot(sums, weights, x)
    }

    #[inline(always)]
    fn finish(self, sums: [__m256i; 2]) -> [__m256i; 2] {
        sums
    }

    #[inline(always)]
    fn signed(self, signs: &[[Bytes; 5]; 2], x: &Planes<5>, less: &[i32; 16]) -> [[__m256i; 2]; 2] {
        signed(signs, x, less)
    }
}
