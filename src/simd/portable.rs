//! [`Arrays`]: the definition of what a [`Vector`] does, for every processor.
//!
//! Plain loops over arrays, which the compiler may turn into whatever vectors the target always has.

use super::vector::{Vector, one_digit};

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

/// The `f64` of the same value.
#[inline(always)]
fn double(single: f32) -> f64 {
    let double = f64::from(single);
    // The product of two of them is one instruction there (MDEB), and emulators get it wrong: QEMU 7.2 does. Hidden from the
    // compiler, they are multiplied as `f64`.
    if cfg!(target_arch = "s390x") {
        core::hint::black_box(double)
    } else {
        double
    }
}

impl Vector for Arrays {
    type Singles = [f32; 16];
    type Doubles = [f64; 8];
    type Mask = [u32; 16];
    type Words = [u32; 2];
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
    fn multiply(self, a: [f32; 16], b: [f32; 16]) -> [f32; 16] {
        zip(a, b, |a, b| a * b)
    }

    #[inline(always)]
    fn add_about(self, sum: [f32; 16], a: [f32; 16], b: [f32; 16]) -> [f32; 16] {
        self.add(sum, self.multiply(a, b))
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
    fn compress(self, mask: [u32; 16], x: [f32; 16], places: &mut [[i8; 4]; 16]) -> usize {
        let (mut bits, mut len) = (self.bits(mask), 0);
        while bits != 0 {
            let single = x[bits.trailing_zeros() as usize % 16];
            places[len % 16] = single.to_ne_bytes().map(u8::cast_signed);
            bits &= bits - 1;
            len += 1;
        }
        len
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
    fn add_product(self, sum: [f64; 8], a: [f64; 8], b: [f64; 8]) -> [f64; 8] {
        self.add_doubles(sum, self.multiply_doubles(a, b))
    }

    #[inline(always)]
    fn subtract_doubles(self, a: [f64; 8], b: [f64; 8]) -> [f64; 8] {
        zip(a, b, |a, b| a - b)
    }

    #[inline(always)]
    fn add_selected(
        self,
        sum: [[f64; 8]; 2],
        mask: [u32; 16],
        x: [f32; 16],
        _: [[f64; 8]; 2],
    ) -> [[f64; 8]; 2] {
        let [low, high] = self.widen(self.select(mask, x));
        [
            self.add_doubles(sum[0], low),
            self.add_doubles(sum[1], high),
        ]
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

    // A register of most processors.
    type Column = [f32; 4];
    const COLUMNS: usize = 4;

    #[inline(always)]
    fn column(self, array: &[f32; 16], c: usize) -> [f32; 4] {
        array.as_chunks().0[c % 4]
    }

    #[inline(always)]
    fn set_column(self, array: &mut [f32; 16], c: usize, x: [f32; 4]) {
        array.as_chunks_mut().0[c % 4] = x;
    }

    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    fn order(self, a: [f32; 4], b: [f32; 4]) -> [[f32; 4]; 2] {
        super::x86::order(a, b)
    }

    #[cfg(not(target_arch = "x86_64"))]
    #[inline(always)]
    fn order(self, a: [f32; 4], b: [f32; 4]) -> [[f32; 4]; 2] {
        [
            zip(a, b, |a, b| if a > b { a } else { b }),
            zip(a, b, |a, b| if a > b { b } else { a }),
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

    #[inline(always)]
    fn square_roots(self, x: [f64; 8]) -> [f64; 8] {
        map(x, num_traits::Float::sqrt)
    }

    #[inline(always)]
    fn load_twice(self, array: &[f32; 8]) -> [f32; 16] {
        let mut twice = [0.0; 16];
        for half in twice.as_chunks_mut().0 {
            *half = *array;
        }
        twice
    }

    #[inline(always)]
    fn words(self, first: u32, last: u32) -> [u32; 2] {
        [first, last]
    }

    #[inline(always)]
    fn add_trits<const FROM: usize>(
        self,
        mut sum: [f32; 16],
        words: [u32; 2],
        x: [f32; 16],
    ) -> [f32; 16] {
        let (low, both) = const { (one_digit(FROM, 1), one_digit(FROM, 3)) };
        for (h, digits) in words.into_iter().enumerate() {
            for l in 0..8 {
                // Subtracting is adding with the other sign, to the last bit; and adding a zero of either sign is nothing.
                let kept = x[8 * h + l].to_bits() & word(digits & low[l] == 0);
                let sign = word(digits & both[l] == 0) << 31;
                sum[8 * h + l] += f32::from_bits(kept ^ sign);
            }
        }
        sum
    }

    #[inline(always)]
    fn add_trits_apart<const FROM: usize>(
        self,
        [mut plus, mut minus]: [[f32; 16]; 2],
        words: [u32; 2],
        x: [f32; 16],
    ) -> [[f32; 16]; 2] {
        let (high, both) = const { (one_digit(FROM, 2), one_digit(FROM, 3)) };
        for (h, digits) in words.into_iter().enumerate() {
            for l in 0..8 {
                let x = x[8 * h + l].to_bits();
                plus[8 * h + l] += f32::from_bits(x & word(digits & high[l] != 0));
                minus[8 * h + l] += f32::from_bits(x & word(digits & both[l] == 0));
            }
        }
        [plus, minus]
    }
}
