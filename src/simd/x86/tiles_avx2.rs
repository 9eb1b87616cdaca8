//! [`Tiles`] on AVX2: digits times activations are added in pairs to 16 bits, and these in pairs to 32.

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

use super::Avx2;
use crate::simd::tiles::{DigitPlanes, Digits, SixtyFour, TILE, Tiles, digits_by_dot};

/// Sixty-four bytes.
type Bytes = [__m256i; 2];

impl Tiles for Avx2 {
    type V = Self;
    type Sums = Bytes;

    #[inline(always)]
    fn vector(self) -> Self {
        self
    }

    #[inline(always)]
    fn load_sums(self, array: &[i32; 16]) -> Bytes {
        self.load_bytes(array)
    }

    #[inline(always)]
    fn array(self, sums: Bytes) -> [i32; 16] {
        let mut array = [0; 16];
        self.store_bytes(&mut array, sums);
        array
    }

    #[inline(always)]
    fn add_sums(self, a: Bytes, b: Bytes) -> Bytes {
        with_token!(
            self,
            [_mm256_add_epi32(a[0], b[0]), _mm256_add_epi32(a[1], b[1])]
        )
    }

    #[inline(always)]
    fn to_floats(self, sums: Bytes) -> [__m256; 2] {
        with_token!(
            self,
            [_mm256_cvtepi32_ps(sums[0]), _mm256_cvtepi32_ps(sums[1])]
        )
    }

    #[inline(always)]
    fn widen_halves(self, bits: &[u16; 16]) -> [__m256; 2] {
        let start: *const __m128i = bits.as_ptr().cast();
        with_token!(
            self,
            [
                _mm256_cvtph_ps(_mm_loadu_si128(start)),
                _mm256_cvtph_ps(_mm_loadu_si128(start.wrapping_add(1)))
            ]
        )
    }

    #[inline(always)]
    fn fractions(self, numbers: &[u8; TILE]) -> [u8; TILE] {
        let mut halves = self.load_bytes(numbers);
        for h in 0..2 {
            with_token!(self, {
                let even = self.excess(_mm256_and_si256(halves[h], _mm256_set1_epi16(0xff)));
                let odd = self.excess(_mm256_srli_epi16::<8>(halves[h]));
                let both = _mm256_or_si256(even, _mm256_slli_epi16::<8>(odd));
                halves[h] = _mm256_add_epi8(halves[h], both);
            });
        }
        let mut fractions = [0; TILE];
        self.store_bytes(&mut fractions, halves);
        fractions
    }
}

impl Avx2 {
    #[inline(always)]
    fn load_bytes(self, array: &impl SixtyFour) -> Bytes {
        let start: *const __m256i = core::ptr::from_ref(array).cast();
        with_token!(
            self,
            [
                _mm256_loadu_si256(start),
                _mm256_loadu_si256(start.wrapping_add(1))
            ]
        )
    }

    #[inline(always)]
    fn store_bytes(self, array: &mut impl SixtyFour, bytes: Bytes) {
        let start: *mut __m256i = core::ptr::from_mut(array).cast();
        with_token!(self, {
            _mm256_storeu_si256(start, bytes[0]);
            _mm256_storeu_si256(start.wrapping_add(1), bytes[1]);
        });
    }

    /// The difference between fractions and numbers, in 16 bits: `floor((13 b + 242) / 243)`.
    #[inline(always)]
    fn excess(self, numbers: __m256i) -> __m256i {
        with_token!(self, {
            let product = _mm256_mullo_epi16(numbers, _mm256_set1_epi16(13));
            let sum = _mm256_add_epi16(product, _mm256_set1_epi16(242));
            // 4316 / 2^20 is near enough to 1 / 243.
            _mm256_srli_epi16::<4>(_mm256_mulhi_epu16(sum, _mm256_set1_epi16(4316)))
        })
    }

    /// `sums` plus, four bytes to a lane, digits times activations. A digit is at most 2, so 16 bits hold five pairs: 5 * 4 * 127.
    #[inline(always)]
    fn dot<const P: usize>(
        self,
        mut sums: Bytes,
        digits: &[Bytes; P],
        x: &DigitPlanes<P>,
    ) -> Bytes {
        let mut pairs = [with_token!(self, _mm256_setzero_si256()); 2];
        for p in 0..P {
            let x = self.load_bytes(&x[p]);
            for h in 0..2 {
                pairs[h] = with_token!(
                    self,
                    _mm256_add_epi16(pairs[h], _mm256_maddubs_epi16(digits[p][h], x[h]))
                );
            }
        }
        for h in 0..2 {
            sums[h] = with_token!(
                self,
                _mm256_add_epi32(sums[h], _mm256_madd_epi16(pairs[h], _mm256_set1_epi16(1)))
            );
        }
        sums
    }

    /// The sums where a digit is 2, and where it is 0. The latter is the sum of all less that where the digit is not 0.
    #[inline(always)]
    fn dot_by_sign<const P: usize>(
        self,
        [plus, not_minus]: &[[Bytes; P]; 2],
        x: &DigitPlanes<P>,
        less: &[i32; 16],
    ) -> [Bytes; 2] {
        let zeros = [with_token!(self, _mm256_setzero_si256()); 2];
        let plus = self.dot(zeros, plus, x);
        let others = self.dot(self.load_bytes(less), not_minus, x);
        let minus = with_token!(
            self,
            [
                _mm256_sub_epi32(zeros[0], others[0]),
                _mm256_sub_epi32(zeros[1], others[1])
            ]
        );
        [plus, minus]
    }

    /// The four digits of each byte.
    #[inline(always)]
    fn two_bits(self, codes: &[u8; TILE]) -> [Bytes; 4] {
        let mut digits = [self.load_bytes(codes); 4];
        for h in 0..2 {
            with_token!(self, {
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

    /// 1 where a digit is 2, and 1 where it is not 0.
    #[inline(always)]
    fn two_bits_by_sign(self, codes: &[u8; TILE]) -> [[Bytes; 4]; 2] {
        let digits = self.two_bits(codes);
        let (mut plus, mut not_minus) = (digits, digits);
        for p in 0..4 {
            for h in 0..2 {
                with_token!(self, {
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

    /// For the five digits of each byte: all ones where it is at least 1, and where it is 2.
    #[inline(always)]
    fn carries(self, codes: &[u8; TILE]) -> [[Bytes; 5]; 2] {
        let mut rest = self.load_bytes(codes);
        let (mut one, mut two) = ([rest; 5], [rest; 5]);
        for h in 0..2 {
            with_token!(self, {
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

    /// The five digits of each byte.
    #[inline(always)]
    fn base3(self, codes: &[u8; TILE]) -> [Bytes; 5] {
        let [one, two] = self.carries(codes);
        let mut digits = one;
        for p in 0..5 {
            for h in 0..2 {
                digits[p][h] =
                    with_token!(self, _mm256_sub_epi8(_mm256_abs_epi8(one[p][h]), two[p][h]));
            }
        }
        digits
    }

    /// 1 where a digit is 2, and 1 where it is not 0.
    #[inline(always)]
    fn base3_by_sign(self, codes: &[u8; TILE]) -> [[Bytes; 5]; 2] {
        let [mut one, mut two] = self.carries(codes);
        for p in 0..5 {
            for h in 0..2 {
                one[p][h] = with_token!(self, _mm256_abs_epi8(one[p][h]));
                two[p][h] = with_token!(self, _mm256_abs_epi8(two[p][h]));
            }
        }
        [two, one]
    }
}

impl Digits<4> for Avx2 {
    digits_by_dot!(4, [Bytes; 4], [[Bytes; 4]; 2]: two_bits, two_bits_by_sign, load_sums);
}

impl Digits<5> for Avx2 {
    digits_by_dot!(5, [Bytes; 5], [[Bytes; 5]; 2]: base3, base3_by_sign, load_sums);
}
