//! AVX-512: the operations of [`Vector`] on 512-bit registers.
//!
//! Every method is inlined into the function that [`Avx512::run`] enters, so each becomes one or two instructions.

use core::arch::x86_64::*;

use super::{Avx512, prefetch};
use crate::simd::vector::{Loop, Vector, one_digit};

impl Avx512 {
    /// The same bits in the first eight lanes and in the last eight.
    #[inline(always)]
    fn bits_twice(self, bits: &[u32; 8]) -> __m512i {
        with_token!(
            self,
            _mm512_broadcast_i32x8(_mm256_loadu_si256(bits.as_ptr().cast()))
        )
    }

    /// The lanes whose words have none of these bits.
    #[inline(always)]
    fn without(self, words: __m512i, bits: &[u32; 8]) -> __mmask16 {
        with_token!(self, _mm512_testn_epi32_mask(words, self.bits_twice(bits)))
    }

    /// The lanes whose words have any of these bits.
    #[inline(always)]
    fn with(self, words: __m512i, bits: &[u32; 8]) -> __mmask16 {
        with_token!(self, _mm512_test_epi32_mask(words, self.bits_twice(bits)))
    }
}

/// Methods of one expression.
macro_rules! lanes_alike {
    ($type:ty: $($name:ident($($x:ident),+) = $expression:expr;)+) => {$(
        #[inline(always)]
        fn $name(self, $($x: $type),+) -> $type {
            with_token!(self, $expression)
        }
    )+};
}

impl Vector for Avx512 {
    type Singles = __m512;
    type Doubles = __m512d;
    type Mask = __mmask16;
    type Words = __m512i;
    const COMPRESSES: bool = true;

    #[inline(never)]
    fn apart<L: Loop<Self>>(self, body: L) -> L::Output {
        self.run_loop(body)
    }

    lanes_alike! {
        __m512:
        abs(x) = _mm512_abs_ps(x);
        negate(x) = _mm512_xor_ps(x, _mm512_set1_ps(-0.0));
        add(a, b) = _mm512_add_ps(a, b);
        multiply(a, b) = _mm512_mul_ps(a, b);
        add_about(sum, a, b) = _mm512_fmadd_ps(a, b, sum);
        max_bits(a, b) = {
            let (a, b) = (_mm512_castps_si512(a), _mm512_castps_si512(b));
            _mm512_castsi512_ps(_mm512_max_epu32(a, b))
        };
        max(a, b) = _mm512_max_ps(a, b);
    }

    lanes_alike! {
        __m512d:
        max_doubles(a, b) = _mm512_max_pd(a, b);
        min_doubles(a, b) = _mm512_min_pd(a, b);
        add_doubles(a, b) = _mm512_add_pd(a, b);
        subtract_doubles(a, b) = _mm512_sub_pd(a, b);
        multiply_doubles(a, b) = _mm512_mul_pd(a, b);
        add_square(sum, x) = _mm512_fmadd_pd(x, x, sum);
        add_product(sum, a, b) = _mm512_fmadd_pd(a, b, sum);
        square_roots(x) = _mm512_sqrt_pd(x);
    }

    #[inline(always)]
    fn prefetch<T: ?Sized>(self, value: &T, bytes: usize) {
        prefetch(value, bytes);
    }

    #[inline(always)]
    fn load(self, array: &[f32; 16]) -> __m512 {
        with_token!(self, _mm512_loadu_ps(array.as_ptr()))
    }

    #[inline(always)]
    fn splat(self, single: f32) -> __m512 {
        with_token!(self, _mm512_set1_ps(single))
    }

    #[inline(always)]
    fn array(self, x: __m512) -> [f32; 16] {
        let mut array = [0.0; 16];
        with_token!(self, _mm512_storeu_ps(array.as_mut_ptr(), x));
        array
    }

    #[inline(always)]
    fn greater(self, a: __m512, b: __m512) -> __mmask16 {
        with_token!(self, _mm512_cmp_ps_mask::<_CMP_GT_OQ>(a, b))
    }

    #[inline(always)]
    fn count(self, counts: __m512, mask: __mmask16) -> __m512 {
        with_token!(self, {
            let counts = _mm512_castps_si512(counts);
            let more = _mm512_mask_add_epi32(counts, mask, counts, _mm512_set1_epi32(1));
            _mm512_castsi512_ps(more)
        })
    }

    #[inline(always)]
    fn and_not(self, a: __mmask16, b: __mmask16) -> __mmask16 {
        a & !b
    }

    #[inline(always)]
    fn bits(self, mask: __mmask16) -> u32 {
        u32::from(mask)
    }

    #[inline(always)]
    fn select(self, mask: __mmask16, x: __m512) -> __m512 {
        with_token!(self, _mm512_maskz_mov_ps(mask, x))
    }

    #[inline(always)]
    fn compress(self, mask: __mmask16, x: __m512, places: &mut [[i8; 4]; 16]) -> usize {
        with_token!(self, {
            let first = _mm512_maskz_compress_ps(mask, x);
            _mm512_storeu_ps(places.as_mut_ptr().cast(), first);
        });
        self.bits(mask).count_ones() as usize
    }

    #[inline(always)]
    fn load_doubles(self, array: &[f64; 8]) -> __m512d {
        with_token!(self, _mm512_loadu_pd(array.as_ptr()))
    }

    #[inline(always)]
    fn splat_double(self, double: f64) -> __m512d {
        with_token!(self, _mm512_set1_pd(double))
    }

    #[inline(always)]
    fn zeros(self) -> __m512d {
        with_token!(self, _mm512_setzero_pd())
    }

    #[inline(always)]
    fn doubles(self, x: __m512d) -> [f64; 8] {
        let mut array = [0.0; 8];
        with_token!(self, _mm512_storeu_pd(array.as_mut_ptr(), x));
        array
    }

    #[inline(always)]
    fn widen(self, x: __m512) -> [__m512d; 2] {
        with_token!(
            self,
            [
                _mm512_cvtps_pd(_mm512_castps512_ps256(x)),
                _mm512_cvtps_pd(_mm512_extractf32x8_ps::<1>(x)),
            ]
        )
    }

    #[inline(always)]
    fn add_selected(
        self,
        sum: __m512d,
        mask: __mmask16,
        _: __m512,
        [first, last]: [__m512d; 2],
    ) -> __m512d {
        let [low, high] = [mask & 0xff, mask >> 8].map(|half| (half & 0xff) as __mmask8);
        with_token!(self, {
            let sum = _mm512_mask_add_pd(sum, low, sum, first);
            _mm512_mask_add_pd(sum, high, sum, last)
        })
    }

    #[inline(always)]
    fn widen_halves(self, bits: &[u16; 16]) -> __m512 {
        with_token!(
            self,
            _mm512_cvtph_ps(_mm256_loadu_si256(bits.as_ptr().cast()))
        )
    }

    #[inline(always)]
    fn if_greater(self, (a, b): (__m512d, __m512d), yes: __m512d, no: __m512d) -> __m512d {
        let mask = with_token!(self, _mm512_cmp_pd_mask::<_CMP_GT_OQ>(a, b));
        with_token!(self, _mm512_mask_blend_pd(mask, no, yes))
    }

    const ROWS: usize = 16;

    type Column = __m512;
    const COLUMNS: usize = 1;

    #[inline(always)]
    fn column(self, array: &[f32; 16], _: usize) -> __m512 {
        self.load(array)
    }

    #[inline(always)]
    fn set_column(self, array: &mut [f32; 16], _: usize, x: __m512) {
        *array = self.array(x);
    }

    #[inline(always)]
    fn order(self, a: __m512, b: __m512) -> [__m512; 2] {
        with_token!(self, [_mm512_max_ps(a, b), _mm512_min_ps(a, b)])
    }

    #[inline(always)]
    fn zip(self, a: __m512, b: __m512) -> [__m512; 2] {
        with_token!(self, {
            let low = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
            let high = _mm512_add_epi32(low, _mm512_set1_epi32(8));
            [
                _mm512_permutex2var_ps(a, low, b),
                _mm512_permutex2var_ps(a, high, b),
            ]
        })
    }

    #[inline(always)]
    fn signs(self, x: __m512, p: __m512, n: __m512) -> [i8; 16] {
        let mut signs = [0; 16];
        with_token!(self, {
            let plus = _mm512_cmp_ps_mask::<_CMP_GT_OQ>(x, p);
            let minus = _mm512_cmp_ps_mask::<_CMP_LT_OQ>(x, n);
            let ones = _mm_maskz_set1_epi8(plus, 1);
            // Both at once: 1 - 1.
            let both = _mm_add_epi8(ones, _mm_movm_epi8(minus));
            _mm_storeu_si128(signs.as_mut_ptr().cast(), both);
        });
        signs
    }

    #[inline(always)]
    fn halves(self, [first, last]: [f32; 2]) -> __m512 {
        let (first, last) = (self.splat(first), self.splat(last));
        with_token!(self, _mm512_mask_blend_ps(0xff00, first, last))
    }

    #[inline(always)]
    fn load_twice(self, array: &[f32; 8]) -> __m512 {
        with_token!(
            self,
            _mm512_broadcast_f32x8(_mm256_loadu_ps(array.as_ptr()))
        )
    }

    #[inline(always)]
    fn words(self, first: u32, last: u32) -> __m512i {
        with_token!(
            self,
            _mm512_mask_set1_epi32(
                _mm512_set1_epi32(first.cast_signed()),
                0xff00,
                last.cast_signed()
            )
        )
    }

    #[inline(always)]
    fn add_trits<const FROM: usize>(self, sum: __m512, words: __m512i, x: __m512) -> __m512 {
        let (low, both) = const { (one_digit(FROM, 1), one_digit(FROM, 3)) };
        let (kept, minus) = (self.without(words, &low), self.without(words, &both));
        with_token!(self, {
            let x = _mm512_mask_xor_ps(x, minus, x, _mm512_set1_ps(-0.0));
            _mm512_mask_add_ps(sum, kept, sum, x)
        })
    }

    #[inline(always)]
    fn add_trits_apart<const FROM: usize>(
        self,
        [plus, minus]: [__m512; 2],
        words: __m512i,
        x: __m512,
    ) -> [__m512; 2] {
        let (high, both) = const { (one_digit(FROM, 2), one_digit(FROM, 3)) };
        let (in_plus, in_minus) = (self.with(words, &high), self.without(words, &both));
        with_token!(
            self,
            [
                _mm512_mask_add_ps(plus, in_plus, plus, x),
                _mm512_mask_add_ps(minus, in_minus, minus, x),
            ]
        )
    }
}
