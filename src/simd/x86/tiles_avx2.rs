//! [`Tiles`] on AVX2: digits times activations are added in pairs to 16 bits, and these in pairs to 32.

#![expect(
    clippy::needless_range_loop,
    reason = "several arrays side by side; iterators would be closures, compiled without the instructions of this backend"
)]

use core::arch::x86_64::*;

use super::Avx2;
use crate::simd::tiles::{Digits, SixtyFour, TILE, TileCodes, Tiles, VectorTiles};

/// Sixty-four bytes.
type Bytes = [__m256i; 2];

impl Tiles for Avx2 {
    type V = Self;
    type Sums = Bytes;
    const ROWS: bool = false;

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
    fn subtract_sums(self, a: Bytes, b: Bytes) -> Bytes {
        with_token!(
            self,
            [_mm256_sub_epi32(a[0], b[0]), _mm256_sub_epi32(a[1], b[1])]
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
    fn widen_half(self, bits: u16) -> f32 {
        let bits = i32::from(bits);
        with_token!(self, _mm_cvtss_f32(_mm_cvtph_ps(_mm_cvtsi32_si128(bits))))
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
        [self.load_half(array, 0), self.load_half(array, 1)]
    }

    /// A half alone.
    #[inline(always)]
    fn load_half(self, array: &impl SixtyFour, h: usize) -> __m256i {
        let start: *const __m256i = core::ptr::from_ref(array).cast();
        with_token!(self, _mm256_loadu_si256(start.wrapping_add(h % 2)))
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
            // The nearest integer to (b + 9) 1757 / 2^15.
            let sum = _mm256_add_epi16(numbers, _mm256_set1_epi16(9));
            _mm256_mulhrs_epi16(sum, _mm256_set1_epi16(1757))
        })
    }

    /// Two halves, or folded to one.
    #[inline(always)]
    fn less<const N: usize>(self, array: &[i32; 16]) -> [__m256i; N] {
        let [first, last] = self.load_bytes(array);
        let mut less = [first; N];
        if N == 1 {
            less[0] = with_token!(self, _mm256_add_epi32(first, last));
        } else {
            less[1] = last;
        }
        less
    }

    #[inline(always)]
    fn zeros(self) -> __m256i {
        with_token!(self, _mm256_setzero_si256())
    }

    /// Pairs of 16 bits added to 32, four bytes to a lane, and more.
    #[inline(always)]
    fn widen(self, pairs: __m256i, more: __m256i) -> __m256i {
        with_token!(
            self,
            _mm256_add_epi32(_mm256_madd_epi16(pairs, _mm256_set1_epi16(1)), more)
        )
    }

    /// Sums of pairs, and sums of which a multiple was added.
    #[inline(always)]
    fn join(self, [even, odd]: Bytes, power: i32) -> __m256i {
        with_token!(self, _mm256_add_epi16(even, self.shift(odd, power)))
    }

    /// Each of sixteen integers divided by a power of two. The compiler knows the power.
    #[inline(always)]
    fn shift(self, pairs: __m256i, power: i32) -> __m256i {
        with_token!(self, _mm256_sra_epi16(pairs, _mm_cvtsi32_si128(power)))
    }

    /// Adds digits times the activations of plane `p`, two bytes to a lane, to the even sums or the odd ones.
    #[inline(always)]
    fn add_products<const P: usize, const C: usize, const M: usize>(
        self,
        pairs: &mut [[Bytes; M]; C],
        digits: [__m256i; M],
        (p, odd): (usize, usize),
        (xs, h): (VectorTiles<'_, P, C>, usize),
    ) {
        for c in 0..C {
            let x = self.load_half(&xs[c].x[p], h);
            for m in 0..M {
                let sums = &mut pairs[c][m][odd];
                *sums = with_token!(
                    self,
                    _mm256_add_epi16(*sums, _mm256_maddubs_epi16(digits[m], x))
                );
            }
        }
    }
}

/// Sums of pairs of products in 16 bits: those of some digits, and a multiple of those of the others.
trait PairSums<const P: usize>: Tiles<V = Avx2> {
    /// The multiple, as a power of two.
    const ODD: i32;
    /// The multiple of sums over digit 2 alone, likewise.
    const PLUS: i32;
    /// How many tiles may be added: 2^15 is not exceeded.
    const SHORT: usize;

    /// Adds a half of a tile: with all its digits, and if `M` is 2, with digit 2 alone.
    fn add_half<const C: usize, const M: usize>(
        self,
        pairs: &mut [[Bytes; M]; C],
        codes: __m256i,
        xs_and_half: (VectorTiles<'_, P, C>, usize),
    );

    /// The same for a whole tile, in two halves or folded to one; of each the sums over all digits, and if `M` is 2, those over digit 2
    /// alone.
    #[inline(always)]
    fn pair_sums<const C: usize, const M: usize, const N: usize>(
        self,
        codes: &TileCodes,
        xs: VectorTiles<'_, P, C>,
    ) -> [[[__m256i; M]; C]; N] {
        let avx2 = self.vector();
        let mut pairs = [[[[avx2.zeros(); 2]; M]; C]; N];
        for h in 0..2 {
            self.add_half(&mut pairs[h % N], avx2.load_half(codes, h), (xs, h));
        }
        let mut joined = [[[avx2.zeros(); M]; C]; N];
        for n in 0..N {
            for c in 0..C {
                for m in 0..M {
                    joined[n][c][m] = avx2.join(pairs[n][c][m], Self::ODD);
                }
            }
        }
        joined
    }

    /// The sums of `t x` of a tile, lane by lane: two halves, or folded to one.
    #[inline(always)]
    fn sums<const C: usize, const N: usize>(
        self,
        codes: &TileCodes,
        xs: VectorTiles<'_, P, C>,
    ) -> [[__m256i; N]; C] {
        let avx2 = self.vector();
        let pairs = self.pair_sums::<C, 1, N>(codes, xs);
        let mut sums = [[avx2.zeros(); N]; C];
        for c in 0..C {
            let less = avx2.less::<N>(&xs[c].less);
            for n in 0..N {
                sums[c][n] = avx2.widen(pairs[n][c][0], less[n]);
            }
        }
        sums
    }

    /// The same by sign: `sum d x - sum x` is the difference of both signs.
    #[inline(always)]
    fn sums_by_sign<const C: usize, const N: usize>(
        self,
        codes: &TileCodes,
        xs: VectorTiles<'_, P, C>,
    ) -> [[[__m256i; N]; 2]; C] {
        let avx2 = self.vector();
        let pairs = self.pair_sums::<C, 2, N>(codes, xs);
        let mut sums = [[[avx2.zeros(); N]; 2]; C];
        for c in 0..C {
            let less = avx2.less::<N>(&xs[c].less);
            for n in 0..N {
                let [all, plus] = pairs[n][c];
                let all = avx2.widen(all, less[n]);
                let plus = avx2.widen(avx2.shift(plus, Self::PLUS), avx2.zeros());
                sums[c][0][n] = plus;
                sums[c][1][n] = with_token!(avx2, _mm256_sub_epi32(plus, all));
            }
        }
        sums
    }
}

/// For one vector digits 1 and 3 stay where they are in the byte, 4 times as large, so that one shift is enough. A tile adds at most
/// 4 * 4 * 4 * 127.
impl PairSums<4> for Avx2 {
    const ODD: i32 = 2;
    const PLUS: i32 = 1;
    const SHORT: usize = 4;

    #[inline(always)]
    fn add_half<const C: usize, const M: usize>(
        self,
        pairs: &mut [[Bytes; M]; C],
        codes: __m256i,
        xs_and_half: (VectorTiles<'_, 4, C>, usize),
    ) {
        for p in 0..4 {
            // For several vectors a shift of each digit costs less than sums of their own for digits 1 and 3.
            let odd = if C > 1 { 0 } else { p % 2 };
            let shift = [[0, 0, 4, 4], [0, 2, 4, 6]][usize::from(C > 1)][p];
            let mut digits = [codes; M];
            for m in 0..M {
                // Digit 2 alone has the high bit.
                let mask = [3, 2][m] << (2 * odd);
                digits[m] = with_token!(self, {
                    let moved = _mm256_srl_epi16(codes, _mm_cvtsi32_si128(shift));
                    _mm256_and_si256(moved, _mm256_set1_epi8(mask))
                });
            }
            self.add_products(pairs, digits, (p, odd), xs_and_half);
        }
    }
}

/// A tile adds at most 6 * 4 * 127.
impl PairSums<5> for Avx2 {
    const ODD: i32 = 0;
    const PLUS: i32 = 0;
    const SHORT: usize = 10;

    #[inline(always)]
    fn add_half<const C: usize, const M: usize>(
        self,
        pairs: &mut [[Bytes; M]; C],
        codes: __m256i,
        xs_and_half: (VectorTiles<'_, 5, C>, usize),
    ) {
        // A byte is a fraction of 256. Nine times it has two digits in the high byte, as a number below nine, and what is left in the low
        // byte. First the bytes in even and in odd places are multiplied, then what is left of each. The last digit comes alone.
        let mut words = [codes; 2];
        for p in [0, 2, 4] {
            let (factor, odd) = (if p < 4 { 9 } else { 3 }, if p == 0 { 8 } else { 0 });
            let numbers = with_token!(self, {
                let (low, high) = (_mm256_set1_epi16(factor), _mm256_set1_epi16(factor << odd));
                words[0] = _mm256_maddubs_epi16(words[0], low);
                words[1] = _mm256_maddubs_epi16(words[1], high);
                let even = _mm256_srli_epi16::<8>(words[0]);
                _mm256_blendv_epi8(even, words[1], _mm256_set1_epi16(0xff << 8))
            });
            for place in p..5.min(p + 2) {
                let mut digits = [numbers; M];
                // The last digit needs no table.
                for m in usize::from(p == 4)..M {
                    let table =
                        &const { DigitTables::new() }.0[m][usize::from(p < 4 && place == p)];
                    digits[m] = with_token!(
                        self,
                        _mm256_shuffle_epi8(self.load_half(table, 0), digits[m])
                    );
                }
                self.add_products(pairs, digits, (place, place % 2), xs_and_half);
            }
        }
    }
}

/// The digits of numbers below nine, and 1 for each that is 2: the last digit, and the one before it.
struct DigitTables([[[u8; TILE]; 2]; 2]);

impl DigitTables {
    const fn new() -> Self {
        let mut tables = [[[0; TILE]; 2]; 2];
        let mut byte = 0;
        while byte < TILE {
            let number = byte % 16;
            if number < 9 {
                let digits = [number % 3, number / 3];
                let mut place = 0;
                while place < 2 {
                    tables[0][place][byte] = [0, 1, 2][digits[place]];
                    tables[1][place][byte] = [0, 0, 1][digits[place]];
                    place += 1;
                }
            }
            byte += 1;
        }
        Self(tables)
    }
}

impl<const P: usize> Digits<P> for Avx2
where
    Self: PairSums<P>,
{
    /// Both sums of pairs, and a multiple of the sums in 32 bits.
    type Running = [__m256i; 3];
    const SHORT: usize = <Self as PairSums<P>>::SHORT;

    #[inline(always)]
    fn start(self, less: &[i32; 16]) -> [__m256i; 3] {
        let [low, high] = self.load_bytes(less);
        let less = with_token!(self, {
            _mm256_sll_epi32(_mm256_add_epi32(low, high), _mm_cvtsi32_si128(Self::ODD))
        });
        [self.zeros(), self.zeros(), less]
    }

    #[inline(always)]
    fn add<const C: usize>(
        self,
        sums: &mut [[__m256i; 3]; C],
        codes: &TileCodes,
        xs: VectorTiles<'_, P, C>,
    ) {
        let mut pairs = [[[self.zeros(); 2]]; C];
        for c in 0..C {
            pairs[c] = [[sums[c][0], sums[c][1]]];
        }
        for h in 0..2 {
            self.add_half(&mut pairs, self.load_half(codes, h), (xs, h));
        }
        for c in 0..C {
            [[sums[c][0], sums[c][1]]] = pairs[c];
        }
    }

    #[inline(always)]
    fn settle(self, [even, odd, multiple]: [__m256i; 3]) -> [__m256i; 3] {
        let multiple = with_token!(self, {
            let even = _mm256_madd_epi16(even, _mm256_set1_epi16(1 << Self::ODD));
            _mm256_add_epi32(even, self.widen(odd, multiple))
        });
        [self.zeros(), self.zeros(), multiple]
    }

    #[inline(always)]
    fn finish(self, [.., multiple]: [__m256i; 3]) -> Bytes {
        let sums = with_token!(
            self,
            _mm256_sra_epi32(multiple, _mm_cvtsi32_si128(Self::ODD))
        );
        [sums, self.zeros()]
    }

    /// Two tiles are folded in 16 bits, where that costs least.
    #[inline(always)]
    fn tiles<const N: usize, const C: usize>(
        self,
        codes: [&TileCodes; N],
        xs: [VectorTiles<'_, P, C>; N],
    ) -> [Bytes; C] {
        if const { N == 1 } {
            return self.sums(codes[0], xs[0]);
        }
        let mut tiles = [[self.zeros(); 2]; C];
        for n in 0..N {
            let folded = self.sums::<C, 1>(codes[n], xs[n]);
            for c in 0..C {
                [tiles[c][n % 2]] = folded[c];
            }
        }
        tiles
    }

    #[inline(always)]
    fn tiles_by_sign<const N: usize, const C: usize>(
        self,
        codes: [&TileCodes; N],
        xs: [VectorTiles<'_, P, C>; N],
    ) -> [[Bytes; 2]; C] {
        if const { N == 1 } {
            return self.sums_by_sign(codes[0], xs[0]);
        }
        let mut tiles = [[[self.zeros(); 2]; 2]; C];
        for n in 0..N {
            let folded = self.sums_by_sign::<C, 1>(codes[n], xs[n]);
            for c in 0..C {
                for sign in 0..2 {
                    [tiles[c][sign][n % 2]] = folded[c][sign];
                }
            }
        }
        tiles
    }
}
