//! AVX2: the operations of [`Vector`] on pairs and quadruples of 256-bit registers.
//!
//! Every method is inlined into the function that [`Avx2::run`] enters. Masks are words of all ones or all zeros.

use core::arch::x86_64::*;

use super::{Avx2, prefetch};
use crate::simd::vector::{Loop, Vector, one_digit};

/// The same for both halves. In a macro, as a closure handed to `map` is compiled without the instructions of this backend.
macro_rules! both {
    ($token:expr, $half:ident of $x:expr => $expression:expr) => {{
        let [low, high] = $x;
        let low = {
            let $half = low;
            with_token!($token, $expression)
        };
        let high = {
            let $half = high;
            with_token!($token, $expression)
        };
        [low, high]
    }};
}

/// Methods that do the same with both halves.
macro_rules! halves_alike {
    ($type:ty: $($name:ident($($x:ident),+) = $expression:expr;)+) => {$(
        #[inline(always)]
        fn $name(self, $($x: $type),+) -> $type {
            let low = {
                $(let $x = $x[0];)+
                with_token!(self, $expression)
            };
            let high = {
                $(let $x = $x[1];)+
                with_token!(self, $expression)
            };
            [low, high]
        }
    )+};
}

/// The halves of an array.
#[inline(always)]
fn halves<T>(array: &[T]) -> [&[T]; 2] {
    let (low, high) = array.split_at(array.len() / 2);
    [low, high]
}

const ALL: u32 = u32::MAX;

/// For each set of eight lanes the numbers of these lanes, in order.
static COMPRESSED: [[u8; 8]; 256] = {
    let mut all = [[0; 8]; 256];
    let mut bits = 0;
    while bits < 256 {
        let (mut lane, mut place) = (0, 0);
        while lane < 8 {
            if bits >> lane & 1 == 1 {
                all[bits][place] = lane;
                place += 1;
            }
            lane += 1;
        }
        bits += 1;
    }
    all
};

/// Where the digit of each lane lies in its word.
const fn places(from: usize) -> [u32; 8] {
    let mut places = one_digit(from, 1);
    let mut lane = 0;
    while lane < 8 {
        places[lane] = places[lane].trailing_zeros();
        lane += 1;
    }
    places
}

impl Avx2 {
    /// The digit of each lane in its lowest two bits.
    #[inline(always)]
    fn lowered<const FROM: usize>(self, words: [__m256i; 2]) -> [__m256i; 2] {
        let places = const { places(FROM) };
        both!(self, half of words => {
            _mm256_srlv_epi32(half, _mm256_loadu_si256(places.as_ptr().cast()))
        })
    }

    /// The entry of a table for each lane, selected by its lowest two bits.
    #[inline(always)]
    fn look_up(self, table: [u32; 4], digits: [__m256i; 2]) -> [__m256; 2] {
        both!(self, half of digits => {
            let table = _mm_loadu_ps(table.as_ptr().cast());
            _mm256_permutevar_ps(_mm256_set_m128(table, table), half)
        })
    }

    /// Pairs, then fours, then halves of columns.
    #[inline(always)]
    fn transpose_block(self, mut x: [__m256; 8]) -> [__m256; 8] {
        with_token!(self, {
            let (mut pairs, mut fours) = (x, x);
            for i in [0, 2, 4, 6] {
                pairs[i] = _mm256_unpacklo_ps(x[i], x[i + 1]);
                pairs[i + 1] = _mm256_unpackhi_ps(x[i], x[i + 1]);
            }
            for i in [0, 1, 4, 5] {
                let column = i + i % 2;
                fours[column] = _mm256_shuffle_ps::<0x44>(pairs[i], pairs[i + 2]);
                fours[column + 1] = _mm256_shuffle_ps::<0xee>(pairs[i], pairs[i + 2]);
            }
            for i in 0..4 {
                x[i] = _mm256_permute2f128_ps::<0x20>(fours[i], fours[i + 4]);
                x[i + 4] = _mm256_permute2f128_ps::<0x31>(fours[i], fours[i + 4]);
            }
        });
        x
    }
}

impl Vector for Avx2 {
    type Singles = [__m256; 2];
    type Doubles = [__m256d; 2];
    type Mask = [__m256; 2];
    type Words = [__m256i; 2];
    const COMPRESSES: bool = true;

    #[inline(never)]
    fn apart<L: Loop<Self>>(self, body: L) -> L::Output {
        self.run_loop(body)
    }

    halves_alike! {
        [__m256; 2]:
        abs(x) = _mm256_andnot_ps(_mm256_set1_ps(-0.0), x);
        negate(x) = _mm256_xor_ps(x, _mm256_set1_ps(-0.0));
        add(a, b) = _mm256_add_ps(a, b);
        multiply(a, b) = _mm256_mul_ps(a, b);
        add_about(sum, a, b) = _mm256_fmadd_ps(a, b, sum);
        max_bits(a, b) = {
            let (a, b) = (_mm256_castps_si256(a), _mm256_castps_si256(b));
            _mm256_castsi256_ps(_mm256_max_epu32(a, b))
        };
        max(a, b) = _mm256_max_ps(a, b);
        greater(a, b) = _mm256_cmp_ps::<_CMP_GT_OQ>(a, b);
        and_not(a, b) = _mm256_andnot_ps(b, a);
        count(counts, mask) = {
            let (counts, mask) = (_mm256_castps_si256(counts), _mm256_castps_si256(mask));
            _mm256_castsi256_ps(_mm256_sub_epi32(counts, mask))
        };
        select(mask, x) = _mm256_and_ps(mask, x);
    }

    halves_alike! {
        [__m256d; 2]:
        max_doubles(a, b) = _mm256_max_pd(a, b);
        min_doubles(a, b) = _mm256_min_pd(a, b);
        add_doubles(a, b) = _mm256_add_pd(a, b);
        subtract_doubles(a, b) = _mm256_sub_pd(a, b);
        multiply_doubles(a, b) = _mm256_mul_pd(a, b);
        add_square(sum, x) = _mm256_fmadd_pd(x, x, sum);
        add_product(sum, a, b) = _mm256_fmadd_pd(a, b, sum);
        square_roots(x) = _mm256_sqrt_pd(x);
    }

    #[inline(always)]
    fn prefetch<T: ?Sized>(self, value: &T, bytes: usize) {
        prefetch(value, bytes);
    }

    #[inline(always)]
    fn load(self, array: &[f32; 16]) -> [__m256; 2] {
        both!(self, half of halves(array) => _mm256_loadu_ps(half.as_ptr()))
    }

    #[inline(always)]
    fn splat(self, single: f32) -> [__m256; 2] {
        [with_token!(self, _mm256_set1_ps(single)); 2]
    }

    #[inline(always)]
    fn halves(self, [first, last]: [f32; 2]) -> [__m256; 2] {
        with_token!(self, [_mm256_set1_ps(first), _mm256_set1_ps(last)])
    }

    #[inline(always)]
    fn array(self, x: [__m256; 2]) -> [f32; 16] {
        let mut array = [0.0; 16];
        let (low, high) = array.split_at_mut(8);
        with_token!(self, {
            _mm256_storeu_ps(low.as_mut_ptr(), x[0]);
            _mm256_storeu_ps(high.as_mut_ptr(), x[1]);
        });
        array
    }

    #[inline(always)]
    fn bits(self, mask: [__m256; 2]) -> u32 {
        let [low, high] = both!(self, half of mask => _mm256_movemask_ps(half).cast_unsigned());
        low | high << 8
    }

    #[inline(always)]
    fn compress(self, mask: [__m256; 2], x: [__m256; 2], places: &mut [[i8; 4]; 16]) -> usize {
        let mut count = 0;
        for half in 0..2 {
            // The second half goes behind what the first one has.
            let Some(places) = places[count..].first_chunk_mut::<8>() else {
                break;
            };
            count += with_token!(self, {
                let bits = _mm256_movemask_ps(mask[half]).cast_unsigned();
                let lanes = COMPRESSED[bits as usize % 256].as_ptr().cast();
                let lanes = _mm256_cvtepu8_epi32(_mm_loadl_epi64(lanes));
                let first = _mm256_permutevar8x32_ps(x[half], lanes);
                _mm256_storeu_ps(places.as_mut_ptr().cast(), first);
                bits.count_ones() as usize
            });
        }
        count
    }

    #[inline(always)]
    fn load_doubles(self, array: &[f64; 8]) -> [__m256d; 2] {
        both!(self, half of halves(array) => _mm256_loadu_pd(half.as_ptr()))
    }

    #[inline(always)]
    fn splat_double(self, double: f64) -> [__m256d; 2] {
        [with_token!(self, _mm256_set1_pd(double)); 2]
    }

    #[inline(always)]
    fn zeros(self) -> [__m256d; 2] {
        [with_token!(self, _mm256_setzero_pd()); 2]
    }

    #[inline(always)]
    fn doubles(self, x: [__m256d; 2]) -> [f64; 8] {
        let mut array = [0.0; 8];
        let (low, high) = array.split_at_mut(4);
        with_token!(self, {
            _mm256_storeu_pd(low.as_mut_ptr(), x[0]);
            _mm256_storeu_pd(high.as_mut_ptr(), x[1]);
        });
        array
    }

    #[inline(always)]
    fn widen(self, x: [__m256; 2]) -> [[__m256d; 2]; 2] {
        both!(self, half of x => [
            _mm256_cvtps_pd(_mm256_castps256_ps128(half)),
            _mm256_cvtps_pd(_mm256_extractf128_ps::<1>(half)),
        ])
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
    fn if_greater(
        self,
        (a, b): ([__m256d; 2], [__m256d; 2]),
        yes: [__m256d; 2],
        no: [__m256d; 2],
    ) -> [__m256d; 2] {
        let choose = |h: usize| {
            with_token!(self, {
                let mask = _mm256_cmp_pd::<_CMP_GT_OQ>(a[h], b[h]);
                _mm256_blendv_pd(no[h], yes[h], mask)
            })
        };
        [choose(0), choose(1)]
    }

    const ROWS: usize = 4;

    type Column = __m256;
    const COLUMNS: usize = 2;

    #[inline(always)]
    fn column(self, array: &[f32; 16], c: usize) -> __m256 {
        let half: &[f32; 8] = &array.as_chunks().0[c % 2];
        with_token!(self, _mm256_loadu_ps(half.as_ptr()))
    }

    #[inline(always)]
    fn set_column(self, array: &mut [f32; 16], c: usize, x: __m256) {
        let half: &mut [f32; 8] = &mut array.as_chunks_mut().0[c % 2];
        with_token!(self, _mm256_storeu_ps(half.as_mut_ptr(), x));
    }

    #[inline(always)]
    fn order(self, a: __m256, b: __m256) -> [__m256; 2] {
        with_token!(self, [_mm256_max_ps(a, b), _mm256_min_ps(a, b)])
    }

    #[inline(always)]
    fn zip(self, a: [__m256; 2], b: [__m256; 2]) -> [[__m256; 2]; 2] {
        let pairs = |h: usize| {
            with_token!(self, {
                let low = _mm256_unpacklo_ps(a[h], b[h]);
                let high = _mm256_unpackhi_ps(a[h], b[h]);
                [
                    _mm256_permute2f128_ps::<0x20>(low, high),
                    _mm256_permute2f128_ps::<0x31>(low, high),
                ]
            })
        };
        [pairs(0), pairs(1)]
    }

    /// Four blocks of 8 x 8, of which two change places.
    #[inline(always)]
    fn transpose<T>(
        self,
        rows: [&T; 16],
        singles: impl Fn(&T) -> [f32; 16],
        columns: &mut [[f32; 16]; 16],
    ) {
        // Block by block, from memory to memory, as the registers do not hold all.
        for c in 0..2 {
            let own: &[&T; 8] = &rows.as_chunks().0[c];
            for h in 0..2 {
                let mut block = [self.column(&singles(own[0]), h); 8];
                for (x, row) in block.iter_mut().zip(own) {
                    *x = self.column(&singles(row), h);
                }
                let columns = columns[8 * h..].iter_mut();
                for (column, x) in columns.zip(self.transpose_block(block)) {
                    self.set_column(column, c, x);
                }
            }
        }
    }

    #[inline(always)]
    fn signs(self, x: [__m256; 2], p: [__m256; 2], n: [__m256; 2]) -> [i8; 16] {
        let mut signs = [0; 16];
        with_token!(self, {
            let sign = |h: usize| {
                let plus = _mm256_castps_si256(_mm256_cmp_ps::<_CMP_GT_OQ>(x[h], p[h]));
                let minus = _mm256_castps_si256(_mm256_cmp_ps::<_CMP_LT_OQ>(x[h], n[h]));
                _mm256_sub_epi32(minus, plus)
            };
            let words = _mm256_packs_epi32(sign(0), sign(1));
            let words = _mm256_permute4x64_epi64::<0b11_01_10_00>(words);
            let low = _mm256_castsi256_si128(words);
            let high = _mm256_extracti128_si256::<1>(words);
            _mm_storeu_si128(signs.as_mut_ptr().cast(), _mm_packs_epi16(low, high));
        });
        signs
    }

    #[inline(always)]
    fn load_twice(self, array: &[f32; 8]) -> [__m256; 2] {
        [with_token!(self, _mm256_loadu_ps(array.as_ptr())); 2]
    }

    #[inline(always)]
    fn words(self, first: u32, last: u32) -> [__m256i; 2] {
        with_token!(
            self,
            [
                _mm256_set1_epi32(first.cast_signed()),
                _mm256_set1_epi32(last.cast_signed()),
            ]
        )
    }

    #[inline(always)]
    fn add_trits<const FROM: usize>(
        self,
        sum: [__m256; 2],
        words: [__m256i; 2],
        x: [__m256; 2],
    ) -> [__m256; 2] {
        let digits = self.lowered::<FROM>(words);
        let (keep, sign) = ([ALL, 0, ALL, 0], [1 << 31, 0, 0, 0]);
        let [kept, signs] = [self.look_up(keep, digits), self.look_up(sign, digits)];
        let x = self.select(kept, x);
        let signed = with_token!(
            self,
            [_mm256_xor_ps(x[0], signs[0]), _mm256_xor_ps(x[1], signs[1])]
        );
        self.add(sum, signed)
    }

    #[inline(always)]
    fn add_trits_apart<const FROM: usize>(
        self,
        [plus, minus]: [[__m256; 2]; 2],
        words: [__m256i; 2],
        x: [__m256; 2],
    ) -> [[__m256; 2]; 2] {
        let digits = self.lowered::<FROM>(words);
        let [in_plus, in_minus] = [
            self.look_up([0, 0, ALL, 0], digits),
            self.look_up([ALL, 0, 0, 0], digits),
        ];
        [
            self.add(plus, self.select(in_plus, x)),
            self.add(minus, self.select(in_minus, x)),
        ]
    }
}
