//! The definition of [`Tiles`] for every processor. It multiplies nothing: it keeps an activation, drops it, or negates it.

use super::{DigitPlanes, Digits, TILE, TileCodes, TileJob, Tiles, VectorTiles, digits_by_dot};
use crate::simd::portable::Arrays;

/// The backend of every target.
#[derive(Clone, Copy, Debug)]
pub(in crate::simd) struct Portable;

impl Portable {
    /// A call, so that the job is compiled in one place.
    #[inline(never)]
    pub(in crate::simd) fn run<J: TileJob>(self, job: J) -> J::Output {
        job.run(self)
    }
}

impl Tiles for Portable {
    type V = Arrays;
    type Sums = [i32; 16];
    const ROWS: bool = false;

    #[inline(always)]
    fn vector(self) -> Arrays {
        Arrays
    }

    #[inline(always)]
    fn load_sums(self, array: &[i32; 16]) -> [i32; 16] {
        *array
    }

    #[inline(always)]
    fn array(self, sums: [i32; 16]) -> [i32; 16] {
        sums
    }

    #[inline(always)]
    fn fractions(self, numbers: &[u8; TILE]) -> [u8; TILE] {
        let mut fractions = [0; TILE];
        for (fraction, &number) in fractions.iter_mut().zip(numbers) {
            *fraction = FRACTIONS[usize::from(number)];
        }
        fractions
    }
}

/// `ceil(256 b / 243)` for each byte `b`; 0 for a byte that is not a code word.
pub(in crate::simd) static FRACTIONS: [u8; 256] = fractions();

const fn fractions() -> [u8; 256] {
    let mut fractions = [0; 256];
    let mut number = 0;
    while number < 243 {
        fractions[number] = (256 * number).div_ceil(243).to_le_bytes()[0];
        number += 1;
    }
    fractions
}

/// Decoded trits of a tile, plane by plane.
type Trits<const P: usize> = [[i8; TILE]; P];

impl Digits<4> for Portable {
    digits_by_dot!(4: two_bits, two_bits_plus, zero_sums);
}

impl Digits<5> for Portable {
    digits_by_dot!(5: base3, base3_plus, zero_sums);
}

/// Compiled once, not in each loop: they need no instructions of a backend.
#[expect(
    clippy::unused_self,
    reason = "as in the units of the other processors"
)]
impl Portable {
    #[inline(never)]
    fn two_bits(self, codes: &TileCodes) -> Trits<4> {
        let mut trits = [[0; TILE]; 4];
        for (place, plane) in trits.iter_mut().enumerate() {
            for (trit, code) in plane.iter_mut().zip(codes) {
                *trit = ((code >> (2 * place)) & 3).cast_signed() - 1;
            }
        }
        trits
    }

    #[inline(never)]
    fn base3(self, codes: &TileCodes) -> Trits<5> {
        let mut trits = [[0; TILE]; 5];
        let mut rest = *codes;
        for plane in &mut trits {
            for (trit, rest) in plane.iter_mut().zip(&mut rest) {
                let [left, carried] = (3 * u16::from(*rest)).to_le_bytes();
                *trit = carried.cast_signed() - 1;
                *rest = left;
            }
        }
        trits
    }

    #[inline(always)]
    fn two_bits_plus(self, codes: &TileCodes) -> Trits<4> {
        plus(self.two_bits(codes))
    }

    #[inline(always)]
    fn base3_plus(self, codes: &TileCodes) -> Trits<5> {
        plus(self.base3(codes))
    }

    #[inline(never)]
    fn dot<const P: usize>(
        self,
        mut sums: [i32; 16],
        trits: &Trits<P>,
        x: &DigitPlanes<P>,
    ) -> [i32; 16] {
        // The planes first, byte by byte: at most 5 times 127.
        let mut bytes = [0_i16; TILE];
        for (trits, x) in trits.iter().zip(x) {
            for ((sum, &trit), &x) in bytes.iter_mut().zip(trits).zip(x) {
                // In two's complement -x is !x + 1: an exclusive or with -1, less -1.
                let (keep, negate) = (-i16::from(trit & 1), i16::from(trit) >> 15);
                *sum += ((i16::from(x) & keep) ^ negate) - negate;
            }
        }
        let (fours, _) = bytes.as_chunks::<4>();
        for (sum, [a, b, c, d]) in sums.iter_mut().zip(fours) {
            *sum += i32::from((a + b) + (c + d));
        }
        sums
    }
}

/// 0 in place of -1.
#[inline(never)]
fn plus<const P: usize>(mut trits: Trits<P>) -> Trits<P> {
    for trit in trits.as_flattened_mut() {
        *trit &= !(*trit >> 7);
    }
    trits
}
