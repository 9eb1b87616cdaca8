//! [`Vector`]: sixteen singles side by side, and the few operations on them that the loops need.
//!
//! An implementation is a token of its backend; its operations do the same on every backend, bit for bit. The portable one
//! is the definition: plain arrays.

/// A vector unit. Lane `i` of an operation's result depends on lane `i` of its arguments only, unless it says otherwise.
pub(crate) trait Vector: Copy {
    /// Sixteen singles.
    type Singles: Copy;
    /// Eight doubles.
    type Doubles: Copy;
    /// Sixteen times yes or no.
    type Mask: Copy;
    /// Whether [`compress`](Self::compress) is so fast that asking for nothing costs nothing.
    const COMPRESSES: bool;

    fn load(self, array: &[f32; 16]) -> Self::Singles;
    fn splat(self, single: f32) -> Self::Singles;
    fn array(self, x: Self::Singles) -> [f32; 16];
    /// The bits without the sign.
    fn abs(self, x: Self::Singles) -> Self::Singles;
    fn negate(self, x: Self::Singles) -> Self::Singles;
    fn add(self, a: Self::Singles, b: Self::Singles) -> Self::Singles;
    /// The one with the larger bits, taken as an unsigned integer: of magnitudes the larger, and of a NaN's the NaN.
    fn max_bits(self, a: Self::Singles, b: Self::Singles) -> Self::Singles;
    /// The larger; `b` if either is NaN, and of two zeros.
    fn max(self, a: Self::Singles, b: Self::Singles) -> Self::Singles;
    fn greater(self, a: Self::Singles, b: Self::Singles) -> Self::Mask;
    /// Whether the sign bit is set.
    fn negative(self, x: Self::Singles) -> Self::Mask;
    /// In `a` and not in `b`.
    fn and_not(self, a: Self::Mask, b: Self::Mask) -> Self::Mask;
    /// Lane `i` as bit `i`.
    fn bits(self, mask: Self::Mask) -> u32;
    /// The zeros in place of what is not selected.
    fn select(self, mask: Self::Mask, x: Self::Singles) -> Self::Singles;
    /// What is selected, in order, in the first lanes; anything in the others.
    fn compress(self, mask: Self::Mask, x: Self::Singles) -> Self::Singles;

    fn zeros(self) -> Self::Doubles;
    fn load_doubles(self, array: &[f64; 8]) -> Self::Doubles;
    fn splat_double(self, double: f64) -> Self::Doubles;
    /// The larger, of numbers.
    fn max_doubles(self, a: Self::Doubles, b: Self::Doubles) -> Self::Doubles;
    fn doubles(self, x: Self::Doubles) -> [f64; 8];
    /// The first eight and the last eight as doubles.
    fn widen(self, x: Self::Singles) -> [Self::Doubles; 2];
    fn add_doubles(self, a: Self::Doubles, b: Self::Doubles) -> Self::Doubles;
    /// `sum + x * x`, for an `x` that came from a single, so that the square is exact.
    fn add_square(self, sum: Self::Doubles, x: Self::Doubles) -> Self::Doubles;
    fn multiply_doubles(self, a: Self::Doubles, b: Self::Doubles) -> Self::Doubles;
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
    /// The bits turned so that, as signed integers, they order by magnitude first and then by sign: the sign bit last, and
    /// the highest bit flipped.
    fn rank(self, x: Self::Singles) -> Self::Singles;
    /// The single of this rank.
    fn unrank(self, rank: Self::Singles) -> Self::Singles;
    /// The magnitude of the single of this rank.
    fn unrank_abs(self, rank: Self::Singles) -> Self::Singles;
    /// The larger and the smaller of the bits taken as signed integers.
    fn order(self, a: Self::Singles, b: Self::Singles) -> [Self::Singles; 2];
    /// `a0 b0 a1 b1 ...`: all sixteen pairs.
    fn zip(self, a: Self::Singles, b: Self::Singles) -> [Self::Singles; 2];
    /// +1 where `x > p`, -1 where `x < n`, else 0; not both.
    fn signs(self, x: Self::Singles, p: Self::Singles, n: Self::Singles) -> [i8; 16];
}

/// Plain arrays.
#[derive(Clone, Copy)]
pub(crate) struct Arrays;

#[inline(always)]
fn map<T: Copy, U: Copy + Default, const N: usize>(x: [T; N], f: impl Fn(T) -> U) -> [U; N] {
    let mut result = [U::default(); N];
    for l in 0..N {
        result[l] = f(x[l]);
    }
    result
}

#[inline(always)]
fn zip<T: Copy, U: Copy + Default, const N: usize>(
    a: [T; N],
    b: [T; N],
    f: impl Fn(T, T) -> U,
) -> [U; N] {
    let mut result = [U::default(); N];
    for l in 0..N {
        result[l] = f(a[l], b[l]);
    }
    result
}

/// Masks are words of all ones or all zeros, as vector units without mask registers have them.
#[inline(always)]
fn word(yes: bool) -> u32 {
    u32::from(yes).wrapping_neg()
}

/// The double of the same value.
#[inline(always)]
fn double(single: f32) -> f64 {
    let double = f64::from(single);
    // The product of two of them is one instruction there (MDEB), and emulators get it wrong: QEMU 7.2 does. Hidden from the
    // compiler, they are multiplied as doubles.
    if cfg!(target_arch = "s390x") {
        core::hint::black_box(double)
    } else {
        double
    }
}

/// The lanes whose bits are set, first.
#[inline(always)]
pub(super) fn compress(mut bits: u32, x: [f32; 16]) -> [f32; 16] {
    let (mut first, mut len) = ([0.0; 16], 0);
    while bits != 0 {
        first[len % 16] = x[bits.trailing_zeros() as usize % 16];
        bits &= bits - 1;
        len += 1;
    }
    first
}

impl Vector for Arrays {
    type Singles = [f32; 16];
    type Doubles = [f64; 8];
    type Mask = [u32; 16];
    const COMPRESSES: bool = false;

    #[inline(always)]
    fn load(self, array: &[f32; 16]) -> [f32; 16] {
        *array
    }

    #[inline(always)]
    fn splat(self, single: f32) -> [f32; 16] {
        [single; 16]
    }

    #[inline(always)]
    fn array(self, x: [f32; 16]) -> [f32; 16] {
        x
    }

    #[inline(always)]
    fn abs(self, x: [f32; 16]) -> [f32; 16] {
        map(x, |x| f32::from_bits(x.to_bits() & (u32::MAX >> 1)))
    }

    #[inline(always)]
    fn negate(self, x: [f32; 16]) -> [f32; 16] {
        map(x, |x| -x)
    }

    #[inline(always)]
    fn add(self, a: [f32; 16], b: [f32; 16]) -> [f32; 16] {
        zip(a, b, |a, b| a + b)
    }

    #[inline(always)]
    fn max_bits(self, a: [f32; 16], b: [f32; 16]) -> [f32; 16] {
        zip(a, b, |a, b| f32::from_bits(a.to_bits().max(b.to_bits())))
    }

    #[inline(always)]
    fn max(self, a: [f32; 16], b: [f32; 16]) -> [f32; 16] {
        zip(a, b, |a, b| if a > b { a } else { b })
    }

    #[inline(always)]
    fn greater(self, a: [f32; 16], b: [f32; 16]) -> [u32; 16] {
        zip(a, b, |a, b| word(a > b))
    }

    #[inline(always)]
    fn negative(self, x: [f32; 16]) -> [u32; 16] {
        map(x, |x| (x.to_bits() >> 31).wrapping_neg())
    }

    #[inline(always)]
    fn and_not(self, a: [u32; 16], b: [u32; 16]) -> [u32; 16] {
        zip(a, b, |a, b| a & !b)
    }

    #[inline(always)]
    fn bits(self, mask: [u32; 16]) -> u32 {
        let mut bits = 0;
        for (l, word) in mask.into_iter().enumerate() {
            bits |= word & (1 << l);
        }
        bits
    }

    #[inline(always)]
    fn select(self, mask: [u32; 16], x: [f32; 16]) -> [f32; 16] {
        zip(map(mask, f32::from_bits), x, |mask, x| {
            f32::from_bits(mask.to_bits() & x.to_bits())
        })
    }

    #[inline(always)]
    fn compress(self, mask: [u32; 16], x: [f32; 16]) -> [f32; 16] {
        compress(self.bits(mask), x)
    }

    #[inline(always)]
    fn zeros(self) -> [f64; 8] {
        [0.0; 8]
    }

    #[inline(always)]
    fn load_doubles(self, array: &[f64; 8]) -> [f64; 8] {
        *array
    }

    #[inline(always)]
    fn splat_double(self, double: f64) -> [f64; 8] {
        [double; 8]
    }

    #[inline(always)]
    fn max_doubles(self, a: [f64; 8], b: [f64; 8]) -> [f64; 8] {
        zip(a, b, |a, b| if a > b { a } else { b })
    }

    #[inline(always)]
    fn doubles(self, x: [f64; 8]) -> [f64; 8] {
        x
    }

    #[inline(always)]
    fn widen(self, x: [f32; 16]) -> [[f64; 8]; 2] {
        let mut halves = [[0.0; 8]; 2];
        for l in 0..8 {
            halves[0][l] = double(x[l]);
            halves[1][l] = double(x[l + 8]);
        }
        halves
    }

    #[inline(always)]
    fn add_doubles(self, a: [f64; 8], b: [f64; 8]) -> [f64; 8] {
        zip(a, b, |a, b| a + b)
    }

    #[inline(always)]
    fn add_square(self, sum: [f64; 8], x: [f64; 8]) -> [f64; 8] {
        zip(sum, x, |sum, x| sum + x * x)
    }

    #[inline(always)]
    fn multiply_doubles(self, a: [f64; 8], b: [f64; 8]) -> [f64; 8] {
        zip(a, b, |a, b| a * b)
    }

    #[inline(always)]
    fn min_doubles(self, a: [f64; 8], b: [f64; 8]) -> [f64; 8] {
        zip(a, b, |a, b| if a < b { a } else { b })
    }

    #[inline(always)]
    fn if_greater(self, (a, b): ([f64; 8], [f64; 8]), yes: [f64; 8], no: [f64; 8]) -> [f64; 8] {
        let mut result = no;
        for l in 0..8 {
            result[l] = if a[l] > b[l] { yes[l] } else { no[l] };
        }
        result
    }

    const ROWS: usize = 4;

    #[inline(always)]
    fn rank(self, x: [f32; 16]) -> [f32; 16] {
        map(x, |x| f32::from_bits(x.to_bits().rotate_left(1) ^ 1 << 31))
    }

    #[inline(always)]
    fn unrank(self, rank: [f32; 16]) -> [f32; 16] {
        map(rank, |x| {
            f32::from_bits((x.to_bits() ^ 1 << 31).rotate_right(1))
        })
    }

    #[inline(always)]
    fn unrank_abs(self, rank: [f32; 16]) -> [f32; 16] {
        map(rank, |x| f32::from_bits((x.to_bits() ^ 1 << 31) >> 1))
    }

    #[inline(always)]
    fn order(self, a: [f32; 16], b: [f32; 16]) -> [[f32; 16]; 2] {
        let signed = |x: f32| x.to_bits().cast_signed();
        [
            zip(a, b, |a, b| if signed(a) > signed(b) { a } else { b }),
            zip(a, b, |a, b| if signed(a) > signed(b) { b } else { a }),
        ]
    }

    #[inline(always)]
    fn zip(self, a: [f32; 16], b: [f32; 16]) -> [[f32; 16]; 2] {
        let mut pairs = [[0.0; 16]; 2];
        for (h, half) in pairs.iter_mut().enumerate() {
            for l in 0..8 {
                half[2 * l] = a[8 * h + l];
                half[2 * l + 1] = b[8 * h + l];
            }
        }
        pairs
    }

    #[inline(always)]
    fn signs(self, x: [f32; 16], p: [f32; 16], n: [f32; 16]) -> [i8; 16] {
        let mut signs = [0; 16];
        for l in 0..16 {
            signs[l] = i8::from(x[l] > p[l]) - i8::from(x[l] < n[l]);
        }
        signs
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::{Backend, VectorJob};

    /// The bits of every operation's result.
    struct Everything([f32; 16], [f32; 16]);

    impl VectorJob for Everything {
        type Output = ([[u32; 16]; 14], [u32; 4], [[u64; 8]; 7], [i8; 16]);

        #[inline(always)]
        fn run<V: Vector>(self, v: V) -> Self::Output {
            let (a, b) = (v.load(&self.0), v.load(&self.1));
            let (mask, negative) = (v.greater(a, b), v.negative(a));
            let compressed = v.array(v.compress(mask, a));
            let len = v.bits(mask).count_ones() as usize;
            let singles = [
                v.abs(a),
                v.negate(a),
                v.add(a, b),
                v.max_bits(a, b),
                v.max(a, b),
                v.select(mask, a),
                v.rank(a),
                v.unrank(a),
                v.unrank_abs(a),
                v.order(a, b)[0],
                v.order(a, b)[1],
                v.zip(a, b)[0],
                v.zip(a, b)[1],
            ];
            let mut results = [[0; 16]; 14];
            for (result, x) in results.iter_mut().zip(singles) {
                *result = v.array(x).map(f32::to_bits);
            }
            for (result, x) in results[13].iter_mut().zip(compressed).take(len) {
                *result = x.to_bits();
            }
            let [low, high] = v.widen(a);
            let doubles = [
                low,
                v.add_doubles(low, high),
                v.add_square(low, high),
                v.max_doubles(high, v.load_doubles(&[0.25; 8])),
                v.multiply_doubles(low, high),
                v.min_doubles(low, high),
                v.if_greater((low, high), v.splat_double(1.0), low),
            ];
            let masks = [
                mask,
                negative,
                v.and_not(mask, negative),
                v.and_not(negative, mask),
            ];
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
                    backend.run_vectors(Everything(a, b)),
                    expected,
                    "{}",
                    backend.name()
                );
            }
        }
    }
}
