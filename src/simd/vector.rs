//! [`Vector`]: sixteen singles side by side, and the few operations on them that the loops need.
//!
//! An implementation is a token of its backend; its operations do the same on every backend, bit for bit. The portable one
//! is the definition: see [`Arrays`](super::portable::Arrays).

/// One of several loops of a [`Job`](super::Job), for [`Vector::apart`].
pub(crate) trait Loop<V: Vector> {
    /// What it computes.
    type Output;

    /// As [`Job::run`](super::Job::run).
    fn run(self, vector: V) -> Self::Output;
}

/// A vector unit. Lane `i` of an operation's result depends on lane `i` of its arguments only, unless it says otherwise.
pub(crate) trait Vector: Copy {
    /// Sixteen `f32`.
    type Singles: Copy;
    /// Eight `f64`.
    type Doubles: Copy;
    /// Sixteen times yes or no.
    type Mask: Copy;
    /// Two words of sixteen digits of two bits: one for the first eight lanes, one for the last eight.
    type Words: Copy;
    /// Whether [`compress`](Self::compress) is so fast that asking for nothing costs nothing.
    const COMPRESSES: bool;

    /// Runs a loop in a function of its own, so that it has all registers for itself.
    #[inline(always)]
    fn apart<L: Loop<Self>>(self, body: L) -> L::Output {
        body.run(self)
    }

    /// Says that what lies so many bytes beyond this value will be read soon, if it is there: memory is slower than the loops, and
    /// a page begins without warning.
    fn prefetch<T: ?Sized>(self, _: &T, _bytes: usize) {}
    fn load(self, array: &[f32; 16]) -> Self::Singles;
    /// The f32 of sixteen f16, given as bits.
    fn widen_halves(self, bits: &[u16; 16]) -> Self::Singles;
    fn splat(self, single: f32) -> Self::Singles;
    /// One in the first eight lanes, the other in the last eight.
    fn halves(self, halves: [f32; 2]) -> Self::Singles;
    fn array(self, x: Self::Singles) -> [f32; 16];
    /// The bits without the sign.
    fn abs(self, x: Self::Singles) -> Self::Singles;
    fn negate(self, x: Self::Singles) -> Self::Singles;
    fn add(self, a: Self::Singles, b: Self::Singles) -> Self::Singles;
    fn multiply(self, a: Self::Singles, b: Self::Singles) -> Self::Singles;
    /// About `sum + a * b`: rounded once on one backend and twice on another, so for bounds alone.
    fn add_about(self, sum: Self::Singles, a: Self::Singles, b: Self::Singles) -> Self::Singles;
    /// The one with the larger bits, taken as an unsigned integer: of magnitudes the larger, and of a NaN's the NaN.
    fn max_bits(self, a: Self::Singles, b: Self::Singles) -> Self::Singles;
    /// The larger; `b` if either is NaN, and of two zeros.
    fn max(self, a: Self::Singles, b: Self::Singles) -> Self::Singles;
    fn greater(self, a: Self::Singles, b: Self::Singles) -> Self::Mask;
    /// Integers of 32 bits in place of floats: one more where the mask says so.
    fn count(self, counts: Self::Singles, mask: Self::Mask) -> Self::Singles;
    /// In `a` and not in `b`.
    fn and_not(self, a: Self::Mask, b: Self::Mask) -> Self::Mask;
    /// Lane `i` as bit `i`.
    fn bits(self, mask: Self::Mask) -> u32;
    /// The zeros in place of what is not selected.
    fn select(self, mask: Self::Mask, x: Self::Singles) -> Self::Singles;
    /// Writes what is selected to the first places, in order, and anything to the others; returns how many are selected. A place holds
    /// the bytes of an `f32`.
    fn compress(self, mask: Self::Mask, x: Self::Singles, places: &mut [[i8; 4]; 16]) -> usize;

    fn zeros(self) -> Self::Doubles;
    fn load_doubles(self, array: &[f64; 8]) -> Self::Doubles;
    fn splat_double(self, double: f64) -> Self::Doubles;
    /// The larger, of numbers.
    fn max_doubles(self, a: Self::Doubles, b: Self::Doubles) -> Self::Doubles;
    fn doubles(self, x: Self::Doubles) -> [f64; 8];
    /// The first eight and the last eight as `f64`.
    fn widen(self, x: Self::Singles) -> [Self::Doubles; 2];
    fn add_doubles(self, a: Self::Doubles, b: Self::Doubles) -> Self::Doubles;
    /// `sum + x * x`, for an `x` that came from a single, so that the square is exact.
    fn add_square(self, sum: Self::Doubles, x: Self::Doubles) -> Self::Doubles;
    fn multiply_doubles(self, a: Self::Doubles, b: Self::Doubles) -> Self::Doubles;
    /// `sum + a * b`, for numbers that came from singles, so that the product is exact.
    fn add_product(self, sum: Self::Doubles, a: Self::Doubles, b: Self::Doubles) -> Self::Doubles;
    fn subtract_doubles(self, a: Self::Doubles, b: Self::Doubles) -> Self::Doubles;
    /// `sum + x` in the lanes of a mask, where `wide` is `x` [widened](Self::widen).
    #[inline(always)]
    fn add_selected(
        self,
        sum: Self::Doubles,
        mask: Self::Mask,
        x: Self::Singles,
        _wide: [Self::Doubles; 2],
    ) -> Self::Doubles {
        let [low, high] = self.widen(self.select(mask, x));
        self.add_doubles(self.add_doubles(sum, low), high)
    }
    /// The smaller, of numbers.
    fn min_doubles(self, a: Self::Doubles, b: Self::Doubles) -> Self::Doubles;
    /// `yes` where the first of `ab` is greater than the second, else `no`.
    fn if_greater(
        self,
        ab: (Self::Doubles, Self::Doubles),
        yes: Self::Doubles,
        no: Self::Doubles,
    ) -> Self::Doubles;

    /// How many [`Singles`](Self::Singles) can be worked on at once without leaving the registers: 4 or 16.
    const ROWS: usize;
    /// As many lanes as one register has.
    type Column: Copy;
    /// How many columns the sixteen lanes are.
    const COLUMNS: usize;
    /// A column of sixteen lanes; anything where there is none.
    fn column(self, array: &[f32; 16], c: usize) -> Self::Column;
    fn set_column(self, array: &mut [f32; 16], c: usize, x: Self::Column);
    /// The larger and the smaller, of magnitudes.
    fn order(self, a: Self::Column, b: Self::Column) -> [Self::Column; 2];
    /// `a0 b0 a1 b1 ...`: all sixteen pairs.
    fn zip(self, a: Self::Singles, b: Self::Singles) -> [Self::Singles; 2];
    /// Sixteen rows, each read by `singles`, to sixteen columns: four times, row 2i and row 2i+1 are row i and row i+8, zipped.
    #[inline(always)]
    fn transpose<T>(
        self,
        rows: [&T; 16],
        singles: impl Fn(&T) -> [f32; 16],
        columns: &mut [[f32; 16]; 16],
    ) {
        let mut x = [self.splat(0.0); 16];
        for (x, row) in x.iter_mut().zip(rows) {
            *x = self.load(&singles(row));
        }
        for _ in 0..4 {
            let old = x;
            for i in 0..8 {
                [x[2 * i], x[2 * i + 1]] = self.zip(old[i], old[i + 8]);
            }
        }
        for (column, x) in columns.iter_mut().zip(x) {
            *column = self.array(x);
        }
    }
    /// +1 where `x > p`, -1 where `x < n`, else 0; not both.
    fn signs(self, x: Self::Singles, p: Self::Singles, n: Self::Singles) -> [i8; 16];
    /// Square roots, rounded to the nearest.
    fn square_roots(self, x: Self::Doubles) -> Self::Doubles;
    /// The same eight in the first eight lanes and in the last.
    fn load_twice(self, array: &[f32; 8]) -> Self::Singles;
    fn words(self, first: u32, last: u32) -> Self::Words;
    /// `sum + x` where a digit is 2, `sum - x` where it is 0, and `sum` where it is 1, whatever `x`. Of the sixteen digits of
    /// each word, the eight from `FROM` on: lane `l` looks at number `FROM + l % 8`. No digit is 3, no `sum` is -0.0.
    fn add_trits<const FROM: usize>(
        self,
        sum: Self::Singles,
        words: Self::Words,
        x: Self::Singles,
    ) -> Self::Singles;
    /// The first sum plus `x` where a digit is 2, the second where it is 0.
    fn add_trits_apart<const FROM: usize>(
        self,
        sums: [Self::Singles; 2],
        words: Self::Words,
        x: Self::Singles,
    ) -> [Self::Singles; 2];
}

/// For each of eight lanes a word with one digit set to these bits, the others to 0: digit `from` in the first lane.
pub(super) const fn one_digit(from: usize, bits: u32) -> [u32; 8] {
    let mut words = [0; 8];
    let mut lane = 0;
    while lane < 8 {
        words[lane] = bits << (2 * (from + lane));
        lane += 1;
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::portable::Arrays;
    use crate::simd::{Backend, Job};

    /// The bits of every operation's result.
    struct Everything([f32; 16], [f32; 16]);

    impl Job for Everything {
        type Output = ([[u32; 16]; 37], [u32; 4], [[u64; 8]; 11], [i8; 16]);

        #[inline(always)]
        fn run<V: Vector>(self, v: V) -> Self::Output {
            let (a, b) = (v.load(&self.0), v.load(&self.1));
            let (mask, other) = (v.greater(a, b), v.greater(b, v.load(&[0.1; 16])));
            let mut compressed = [[0; 4]; 16];
            let len = v.compress(mask, a, &mut compressed);
            let words = v.words(0x0192_8a51, 0x6a04_2519);
            let twice = v.load_twice(&[1.5, -2.0, 0.1, f32::INFINITY, f32::NAN, -0.0, 0.3, 1e38]);
            let sums = [v.abs(a), v.splat(0.1)];
            let mut ordered = [v.array(v.abs(a)), v.array(v.abs(b))];
            for column in 0..V::COLUMNS {
                let [low, high] = ordered.map(|array| v.column(&array, column));
                let [low, high] = v.order(low, high);
                v.set_column(&mut ordered[0], column, low);
                v.set_column(&mut ordered[1], column, high);
            }
            let ordered = ordered.map(|array| v.load(&array));
            let singles = [
                v.abs(a),
                v.negate(a),
                v.add(a, b),
                v.multiply(a, b),
                v.max_bits(a, b),
                v.max(a, b),
                v.select(mask, a),
                ordered[0],
                ordered[1],
                v.zip(a, b)[0],
                v.zip(a, b)[1],
                twice,
                v.add_trits::<0>(sums[0], words, b),
                v.add_trits::<8>(sums[0], words, twice),
                v.add_trits_apart::<0>(sums, words, twice)[0],
                v.add_trits_apart::<0>(sums, words, twice)[1],
                v.add_trits_apart::<8>(sums, words, b)[0],
                v.add_trits_apart::<8>(sums, words, b)[1],
            ];
            let mut rows = [[0.0; 16]; 16];
            for (i, row) in rows.iter_mut().enumerate() {
                *row = v.array(v.add(b, v.splat(i as f32)));
            }
            let mut columns = rows;
            v.transpose(rows.each_ref(), |row| *row, &mut columns);
            let mut results = [[0; 16]; 37];
            for (result, x) in results.iter_mut().zip(singles) {
                *result = v.array(x).map(f32::to_bits);
            }
            for (result, x) in results[18].iter_mut().zip(compressed).take(len) {
                *result = u32::from_ne_bytes(x.map(i8::cast_unsigned));
            }
            for (result, column) in results[19..].iter_mut().zip(columns) {
                *result = column.map(f32::to_bits);
            }
            let counted = v.count(v.count(v.splat(0.0), mask), other);
            results[35] = v.array(counted).map(f32::to_bits);
            results[36] = v.array(v.halves([1.5, -0.0])).map(f32::to_bits);
            let [low, high] = v.widen(a);
            let doubles = [
                low,
                v.add_doubles(low, high),
                v.add_square(low, high),
                v.max_doubles(high, v.load_doubles(&[0.25; 8])),
                v.multiply_doubles(low, high),
                v.add_product(low, high, v.widen(b)[0]),
                v.subtract_doubles(low, high),
                v.min_doubles(low, high),
                v.if_greater((low, high), v.splat_double(1.0), low),
                v.add_selected(high, mask, a, [low, high]),
                v.square_roots(v.max_doubles(low, v.zeros())),
            ];
            let masks = [mask, other, v.and_not(mask, other), v.and_not(other, mask)];
            (
                results,
                masks.map(|mask| v.bits(mask)),
                doubles.map(|x| v.doubles(x).map(f64::to_bits)),
                v.signs(a, v.splat(0.25), b),
            )
        }
    }

    #[test]
    fn all_backends_agree_with_arrays() {
        for round in 0..100_u32 {
            let number = |i: usize| {
                let random =
                    (u32::try_from(i).unwrap_or(0) + 31 * round).wrapping_mul(2_654_435_761);
                f32::from_bits(random & 0xbfff_ffff | (random & 1) << 29)
            };
            let (a, b) = (
                core::array::from_fn(number),
                core::array::from_fn(|i| number(i * 7 + 3)),
            );
            let expected = Everything(a, b).run(Arrays);
            for backend in Backend::available() {
                assert_eq!(
                    backend.run(Everything(a, b)),
                    expected,
                    "{}",
                    backend.name()
                );
            }
        }
    }
}
