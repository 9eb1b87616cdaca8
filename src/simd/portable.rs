//! [`Arrays`]: the definition of what a [`Vector`] does, for every processor.
//!
//! Plain loops over arrays, which the compiler may turn into whatever vectors the target always has.

use super::vector::{Vector, one_digit};
use crate::weight::{double, half_to_single};

/// Plain arrays.
#[derive(Clone, Copy)]
pub(crate) struct Arrays;

/// Masks are words of all ones or all zeros, as vector units without mask registers have them.
#[inline(always)]
fn word(yes: bool) -> u32 {
    u32::from(yes).wrapping_neg()
}

/// Methods that do the same in each lane.
macro_rules! lanes_alike {
    ($type:ty: $($name:ident($($x:ident),+) = $expression:expr;)+) => {$(
        #[inline(always)]
        fn $name(self, $($x: $type),+) -> $type {
            let mut result = <$type>::default();
            for (l, lane) in result.iter_mut().enumerate() {
                $(let $x = $x[l];)+
                *lane = $expression;
            }
            result
        }
    )+};
}

impl Vector for Arrays {
    type Singles = [f32; 16];
    type Doubles = [f64; 8];
    type Mask = [u32; 16];
    type Words = [u32; 2];
    const COMPRESSES: bool = false;

    lanes_alike! {
        [f32; 16]:
        abs(x) = f32::from_bits(x.to_bits() & (u32::MAX >> 1));
        negate(x) = -x;
        add(a, b) = a + b;
        multiply(a, b) = a * b;
        add_about(sum, a, b) = sum + a * b;
        max_bits(a, b) = f32::from_bits(a.to_bits().max(b.to_bits()));
        max(a, b) = if a > b { a } else { b };
    }

    lanes_alike! {
        [f64; 8]:
        max_doubles(a, b) = if a > b { a } else { b };
        min_doubles(a, b) = if a < b { a } else { b };
        add_doubles(a, b) = a + b;
        subtract_doubles(a, b) = a - b;
        multiply_doubles(a, b) = a * b;
        add_square(sum, x) = sum + x * x;
        add_product(sum, a, b) = sum + a * b;
        square_roots(x) = num_traits::Float::sqrt(x);
    }

    lanes_alike! {
        [u32; 16]:
        and_not(a, b) = a & !b;
    }

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
    fn greater(self, a: [f32; 16], b: [f32; 16]) -> [u32; 16] {
        let mut mask = [0; 16];
        for l in 0..16 {
            mask[l] = word(a[l] > b[l]);
        }
        mask
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
        let mut kept = [0.0; 16];
        for l in 0..16 {
            kept[l] = f32::from_bits(mask[l] & x[l].to_bits());
        }
        kept
    }

    #[inline(always)]
    fn count(self, mut counts: [f32; 16], mask: [u32; 16]) -> [f32; 16] {
        for l in 0..16 {
            counts[l] = f32::from_bits(counts[l].to_bits() + (mask[l] & 1));
        }
        counts
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
    fn widen_halves(self, bits: &[u16; 16]) -> [f32; 16] {
        let mut floats = [0.0; 16];
        for (float, &bits) in floats.iter_mut().zip(bits) {
            *float = half_to_single(bits);
        }
        floats
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
        let mut ordered = [a, b];
        for l in 0..4 {
            let above = a[l] > b[l];
            ordered[0][l] = if above { a[l] } else { b[l] };
            ordered[1][l] = if above { b[l] } else { a[l] };
        }
        ordered
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
    fn halves(self, halves: [f32; 2]) -> [f32; 16] {
        let mut lanes = [halves[0]; 16];
        lanes[8..].fill(halves[1]);
        lanes
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
