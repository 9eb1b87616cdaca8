//! [`Tiles`]: sums of packed trits times 8-bit activations, 64 bytes of codes at a time.
//!
//! A *tile* is 64 bytes of codes. Each byte holds `P` digits: four of two bits, or five of base 3. The activations are stored in
//! `P` *planes* of 64 bytes: the activation of digit `p` of byte `m` is `x[p][m]`. The order of the trits in the bytes
//! does not matter here: the caller knows it and arranges the activations once for all rows of a matrix.
//!
//! ```text
//! lane j of 16:   sum over p, and over the bytes m = 4j .. 4j + 4, of   t[p][m] x[p][m]          exact, in 32 bits
//! ```
//!
//! A digit is `d = t + 1`, which is never negative: the instructions for such sums need that. `sum t x = sum d x - sum x`, and
//! the second sum is known beforehand. Activations are within -127..=127.
//!
//! Base-3 digits are stored in a byte as a fraction: `v = ceil(256 b / 243)`, where `b` is the number that the digits make, the first
//! digit the most significant. Each digit is the carry of three times the byte: `d = (3 v) >> 8`, and `3 v mod 256` is the
//! byte of the remaining digits.
//!
//! [`Portable`](portable::Portable) is the definition. It multiplies nothing: it adds, subtracts and masks. All other
//! implementations return the same sums.

pub(super) mod portable;
#[cfg(feature = "alloc")]
mod rows;
#[cfg(all(test, feature = "alloc"))]
mod tests;

#[cfg(feature = "alloc")]
pub(crate) use rows::{EqualSlices, TileRows, TileSpan};

use super::Vector;
use crate::weight::half_to_single;

/// The bytes of a tile.
pub(crate) const TILE: usize = 64;

/// The activations of a tile, digit by digit.
pub(crate) type DigitPlanes<const P: usize> = [[i8; TILE]; P];

/// The activations of a tile.
#[derive(Clone, Debug)]
#[repr(C, align(64))]
pub(crate) struct ActivationTile<const P: usize> {
    pub(crate) x: DigitPlanes<P>,
    /// Minus the sum of the activations, lane by lane.
    pub(crate) less: [i32; 16],
}

/// The codes of a tile.
pub(crate) type TileCodes = [u8; TILE];

/// The activations of `C` vectors that meet one tile of codes.
pub(crate) type VectorTiles<'a, const P: usize, const C: usize> = [&'a ActivationTile<P>; C];

/// The most tiles whose [running sums](Digits::Running) are certain to fit in 32 bits: base 3 on VNNI needs
/// `3 * 1024 * (5 planes * 4 bytes) * 255 * 127 < 2^31`; all others need less.
pub(crate) const MOST_TILES: usize = 1024;

/// An array of 64 bytes without padding.
#[cfg_attr(
    not(any(target_arch = "x86_64", target_arch = "wasm32")),
    allow(
        dead_code,
        reason = "for backends that load and store 64 bytes by one pointer"
    )
)]
pub(super) trait SixtyFour {}

impl SixtyFour for [u8; TILE] {}
impl SixtyFour for [i8; TILE] {}
impl SixtyFour for [i32; 16] {}

/// Sixteen sums of 32 bits, and their conversions.
pub(crate) trait Tiles: Copy {
    /// The backend's operations on floats.
    type V: Vector;
    /// Sixteen integers of 32 bits.
    type Sums: Copy;
    /// Whether several rows at once are faster than one after the other. With few registers, or slow loads from memory, they are not.
    const ROWS: bool = true;

    fn vector(self) -> Self::V;
    fn load_sums(self, array: &[i32; 16]) -> Self::Sums;
    fn array(self, sums: Self::Sums) -> [i32; 16];

    #[inline(always)]
    fn add_sums(self, a: Self::Sums, b: Self::Sums) -> Self::Sums {
        let (mut sums, b) = (self.array(a), self.array(b));
        for lane in 0..16 {
            sums[lane] += b[lane];
        }
        self.load_sums(&sums)
    }

    #[inline(always)]
    fn subtract_sums(self, a: Self::Sums, b: Self::Sums) -> Self::Sums {
        let (mut sums, b) = (self.array(a), self.array(b));
        for lane in 0..16 {
            sums[lane] -= b[lane];
        }
        self.load_sums(&sums)
    }

    /// The last eight added to the first eight: those of `a` in the first eight lanes, those of `b` in the last eight.
    #[inline(always)]
    fn fold_pair(self, a: Self::Sums, b: Self::Sums) -> Self::Sums {
        let (a, b, mut sums) = (self.array(a), self.array(b), [0; 16]);
        for lane in 0..8 {
            sums[lane] = a[lane] + a[lane + 8];
            sums[lane + 8] = b[lane] + b[lane + 8];
        }
        self.load_sums(&sums)
    }

    /// The sum of all sixteen.
    #[inline(always)]
    fn total(self, sums: Self::Sums) -> i32 {
        self.array(sums).into_iter().sum()
    }

    /// The nearest f32 of each sum, ties to even.
    #[inline(always)]
    fn to_floats(self, sums: Self::Sums) -> <Self::V as Vector>::Singles {
        let (sums, mut floats) = (self.array(sums), [0.0; 16]);
        for lane in 0..16 {
            floats[lane] = sums[lane] as f32;
        }
        self.vector().load(&floats)
    }

    /// The f32 of an f16, given as bits.
    #[inline(always)]
    fn widen_half(self, bits: u16) -> f32 {
        half_to_single(bits)
    }

    /// [`Vector::widen_halves`].
    #[inline(always)]
    fn widen_halves(self, bits: &[u16; 16]) -> <Self::V as Vector>::Singles {
        self.vector().widen_halves(bits)
    }
    /// `ceil(256 b / 243)` of each byte `b < 243`: the number of five digits as a fraction.
    fn fractions(self, numbers: &[u8; TILE]) -> [u8; TILE];

    /// Sixteen zeros, whatever the activations: where a sum is over trits instead of digits.
    #[inline(always)]
    fn zero_sums(self, _: &[i32; 16]) -> Self::Sums {
        self.load_sums(&[0; 16])
    }
}

/// Tiles of `P` digits a byte: 4 of two bits, 5 of base 3. Decoded codes meet the tiles of several vectors.
pub(crate) trait Digits<const P: usize>: Tiles {
    /// Unfinished sums over several tiles: their total counts, not the lanes.
    type Running: Copy;
    /// How many tiles may be added before the sums are [settled](Self::settle).
    const SHORT: usize = MOST_TILES;

    /// The sums over no tile yet; `less` is minus the sum of all activations that will follow.
    fn start(self, less: &[i32; 16]) -> Self::Running;
    fn add<const C: usize>(
        self,
        sums: &mut [Self::Running; C],
        codes: &TileCodes,
        xs: VectorTiles<'_, P, C>,
    );
    /// The same sums, with room for [`SHORT`](Self::SHORT) more tiles.
    #[inline(always)]
    fn settle(self, sums: Self::Running) -> Self::Running {
        sums
    }
    /// Sums whose total is that of `t x`, over at most [`MOST_TILES`], once they are settled.
    fn finish(self, sums: Self::Running) -> Self::Sums;

    /// The sums of `t x` of one tile, lane by lane; or those of two, [folded](Tiles::fold_pair).
    fn tiles<const N: usize, const C: usize>(
        self,
        codes: [&TileCodes; N],
        xs: [VectorTiles<'_, P, C>; N],
    ) -> [Self::Sums; C];
    /// Likewise the sums of `x` where `t = 1`, and where `t = -1`.
    fn tiles_by_sign<const N: usize, const C: usize>(
        self,
        codes: [&TileCodes; N],
        xs: [VectorTiles<'_, P, C>; N],
    ) -> [[Self::Sums; 2]; C];
}

/// The items of [`Digits`] for a backend that has a `dot` of decoded codes with activations: how it decodes a tile, and one whose
/// trits other than 1 count as 0, and with what its sums start.
macro_rules! digits_by_dot {
    ($planes:literal: $weights:ident, $plus:ident, $start:ident) => {
        type Running = Self::Sums;

        #[inline(always)]
        fn start(self, less: &[i32; 16]) -> Self::Sums {
            self.$start(less)
        }

        #[inline(always)]
        fn add<const C: usize>(
            self,
            sums: &mut [Self::Sums; C],
            codes: &TileCodes,
            xs: VectorTiles<'_, $planes, C>,
        ) {
            let weights = self.$weights(codes);
            for c in 0..C {
                sums[c] = self.dot(sums[c], &weights, &xs[c].x);
            }
        }

        #[inline(always)]
        fn finish(self, sums: Self::Sums) -> Self::Sums {
            sums
        }

        digits_by_dot!(tiles $planes: $weights, $plus, $start);
    };
    (tiles $planes:literal: $weights:ident, $plus:ident, $start:ident) => {
        #[inline(always)]
        fn tiles<const N: usize, const C: usize>(
            self,
            codes: [&TileCodes; N],
            xs: [VectorTiles<'_, $planes, C>; N],
        ) -> [Self::Sums; C] {
            let mut sums = [[self.load_sums(&[0; 16]); C]; N];
            for n in 0..N {
                let mut running = [Digits::<$planes>::start(self, &xs[n][0].less); C];
                for c in 1..C {
                    running[c] = Digits::<$planes>::start(self, &xs[n][c].less);
                }
                Digits::<$planes>::add(self, &mut running, codes[n], xs[n]);
                for c in 0..C {
                    sums[n][c] = Digits::<$planes>::finish(self, running[c]);
                }
            }
            if const { N == 1 } {
                return sums[0];
            }
            for c in 0..C {
                sums[0][c] = self.fold_pair(sums[0][c], sums[N - 1][c]);
            }
            sums[0]
        }

        #[inline(always)]
        fn tiles_by_sign<const N: usize, const C: usize>(
            self,
            codes: [&TileCodes; N],
            xs: [VectorTiles<'_, $planes, C>; N],
        ) -> [[Self::Sums; 2]; C] {
            let zeros = self.load_sums(&[0; 16]);
            let mut sums = [[[zeros; 2]; C]; N];
            for n in 0..N {
                let (weights, plus) = (self.$weights(codes[n]), self.$plus(codes[n]));
                for c in 0..C {
                    let plus = self.dot(zeros, &plus, &xs[n][c].x);
                    // The difference of both signs.
                    let all = self.dot(self.$start(&xs[n][c].less), &weights, &xs[n][c].x);
                    sums[n][c] = [plus, self.subtract_sums(plus, all)];
                }
            }
            if const { N == 1 } {
                return sums[0];
            }
            for c in 0..C {
                for sign in 0..2 {
                    sums[0][c][sign] = self.fold_pair(sums[0][c][sign], sums[N - 1][c][sign]);
                }
            }
            sums[0]
        }
    };
}
pub(super) use digits_by_dot;

/// A backend for both codes.
pub(crate) trait TileUnit: Digits<4> + Digits<5> {}

impl<T: Digits<4> + Digits<5>> TileUnit for T {}

/// A loop over tiles, compiled for each backend.
pub(crate) trait TileJob {
    /// What it computes.
    type Output;

    /// Does it. Implementations are `#[inline(always)]`, and so are all functions that they call in the loop.
    fn run<T: TileUnit>(self, unit: T) -> Self::Output;
}
