//! The loops over rows: some rows times some vectors. [`Panel`] is a [`TileJob`], compiled once for each backend.
//!
//! Several rows at once hide the latency of the additions. Several vectors at once share the decoding of the codes.

#![expect(
    clippy::needless_range_loop,
    reason = "several arrays side by side; iterators would be closures, compiled without the instructions of a backend"
)]

use alloc::vec::Vec;
use core::ops::Range;

use super::arrange::Arranged;
use super::codes::{RowCodes, Tiling};
use super::scales::{LANE_PAIRS, TileScales};
use super::strip::{ScaledSums, Strip, fold};
use crate::simd::{
    ActivationTile, Backend, Digits, EqualSlices, MOST_TILES, TileJob, TileSpan, TileUnit, Vector,
};

/// Some rows of a plane times `C` vectors, `R` rows at a time where that pays.
pub(crate) struct Panel<'a, const P: usize, const R: usize, const C: usize> {
    pub(super) operands: Operands<'a, P, C>,
    pub(super) rows: Range<usize>,
    pub(super) sums: PanelSums<'a, C>,
}

/// What is added up for each row of a panel and each vector.
pub(super) enum PanelSums<'a, const C: usize> {
    /// `[sum t x, 0]`, or if `two`, the sums under the +1 and under the -1 trits: they are added to the totals.
    Exact {
        two: bool,
        totals: &'a mut [[[i64; 2]; C]],
    },
    /// Sums of tiles times their scales. A tile has a scale, or with `lanes`, each pair of its lanes has one, which only single vectors
    /// meet; if `two`, those of the -1 trits are others.
    Tiles {
        lanes: bool,
        two: bool,
        sums: ScaledTiles<'a, C>,
    },
}

/// The scales of tiles, and the sums.
pub(super) struct ScaledTiles<'a, const C: usize> {
    pub(super) lambdas: [TileScales<'a>; 2],
    /// The scales of each vector.
    pub(super) ds: [&'a [f32]; C],
    pub(super) results: &'a mut [[f32; C]],
}

/// Some tiles of the codes of a plane, and those of the vectors that they meet.
pub(crate) struct Operands<'a, const P: usize, const C: usize> {
    codes: RowCodes<'a>,
    first_tile: usize,
    span: TileSpan,
    /// By the digit at which a row begins.
    tiles: [[&'a [ActivationTile<P>]; C]; P],
    /// Minus the sums of all activations of these tiles, lane by lane.
    less: [[&'a [i32; 16]; C]; P],
    /// Memory for copies of codes.
    scratch: &'a mut Vec<u8>,
}

impl<'a, const P: usize, const C: usize> Operands<'a, P, C> {
    /// For tiles from a multiple of [`MOST_TILES`] on.
    pub(super) fn new(
        codes: RowCodes<'a>,
        xs: &'a [Arranged<P>; C],
        range: Range<usize>,
        scratch: &'a mut Vec<u8>,
    ) -> Self {
        let (mut tiles, mut less) = ([[&[][..]; C]; P], [[&[0; 16]; C]; P]);
        for digit in 0..P {
            for (c, x) in xs.iter().enumerate() {
                let version = x.version(digit);
                tiles[digit][c] = version.tiles.get(range.clone()).unwrap_or_default();
                let sums = version.less.get(range.start / MOST_TILES);
                less[digit][c] = sums.unwrap_or(&[0; 16]);
            }
        }
        Self {
            codes,
            first_tile: range.start,
            span: TileSpan::new(codes.stride(), range.len()),
            tiles,
            less,
            scratch,
        }
    }

    /// Adds up some rows, `R` at a time where that pays.
    #[inline(always)]
    fn each_block<const R: usize, T: Digits<P>>(
        mut self,
        unit: T,
        rows: Range<usize>,
        mut sums: impl RowSums<T, P, C>,
    ) {
        let mut at = 0;
        while at < rows.len() {
            let row = rows.start + at;
            if const { T::ROWS && R > 1 } {
                // Behind the last row it is repeated; its sums have no place.
                if let Some(strip) = self.strip::<R>(row, rows.end - 1) {
                    sums.add(unit, &strip, at);
                }
                at += R;
            } else {
                if let Some(strip) = self.strip::<1>(row, row) {
                    sums.add(unit, &strip, at);
                }
                at += 1;
            }
        }
    }

    /// The same for tiles that have `W` scales each.
    #[inline(always)]
    fn scaled<const R: usize, const W: usize, T: Digits<P>>(
        self,
        unit: T,
        rows: Range<usize>,
        two: bool,
        sums: ScaledTiles<'_, C>,
    ) {
        if const { P == 4 } && two {
            self.each_block::<R, _>(unit, rows, ScaledRows::<C, W, true>(sums));
        } else if const { P == 4 || cfg!(feature = "half") } {
            self.each_block::<R, _>(unit, rows, ScaledRows::<C, W, false>(sums));
        }
    }

    /// `N` rows up to the last one, and what they meet.
    #[inline(always)]
    fn strip<const N: usize>(&mut self, row: usize, last: usize) -> Option<Strip<'_, P, N, C>> {
        let (mut xs, mut less) = ([[&[][..]; C]; N], [[&[0; 16]; C]; N]);
        let mut starts = [0; N];
        for r in 0..N {
            let (start, digit) = self.codes.start::<P>(last.min(row + r));
            (xs[r], less[r]) = (self.tiles[digit], self.less[digit]);
            starts[r] = start;
        }
        let (first, span, scratch) = (self.first_tile, &self.span, &mut *self.scratch);
        Some(Strip {
            rows: self.codes.tiles(starts, first, span, scratch)?,
            xs,
            less,
            ahead: self.codes.ahead(),
            numbers: matches!(self.codes.tiling, Tiling::Numbers),
        })
    }
}

impl<const P: usize, const R: usize, const C: usize> Panel<'_, P, R, C> {
    /// Selects a loop. Base-3 codes never have two scales for a tile, and one only in other programs' formats.
    #[inline(always)]
    fn multiply<T: Digits<P>>(self, unit: T) {
        let (operands, rows) = (self.operands, self.rows);
        match self.sums {
            PanelSums::Exact { two: false, totals } => {
                operands.each_block::<R, _>(unit, rows, ExactRows::<C, false>(totals));
            }
            PanelSums::Exact { totals, .. } => {
                operands.each_block::<R, _>(unit, rows, ExactRows::<C, true>(totals));
            }
            PanelSums::Tiles { lanes, two, sums } => {
                if const { C == 1 } && lanes {
                    operands.scaled::<R, LANE_PAIRS, _>(unit, rows, two, sums);
                } else {
                    operands.scaled::<R, 1, _>(unit, rows, two, sums);
                }
            }
        }
    }
}

/// What is added up for the rows of a panel.
trait RowSums<T, const P: usize, const C: usize> {
    /// Adds up `N` rows, the first of which has the number `at` in the panel.
    fn add<const N: usize>(&mut self, unit: T, strip: &Strip<'_, P, N, C>, at: usize);
}

/// `[sum t x, 0]`, or if `TWO`, the sums by sign.
struct ExactRows<'a, const C: usize, const TWO: bool>(&'a mut [[[i64; 2]; C]]);

impl<T: Digits<P>, const P: usize, const C: usize, const TWO: bool> RowSums<T, P, C>
    for ExactRows<'_, C, TWO>
{
    #[inline(always)]
    fn add<const N: usize>(&mut self, unit: T, strip: &Strip<'_, P, N, C>, at: usize) {
        let sums = if TWO {
            strip.sums_by_sign(unit)
        } else {
            strip.sums(unit)
        };
        for r in 0..N {
            if let Some(totals) = self.0.get_mut(at + r) {
                for c in 0..C {
                    for sign in 0..if TWO { 2 } else { 1 } {
                        totals[c][sign] += i64::from(sums[r][c][sign]);
                    }
                }
            }
        }
    }
}

/// Sums of tiles that have a scale each if `W` is 1, or one for each of their `W` pairs of lanes; if `TWO`, others for the -1 trits.
struct ScaledRows<'a, const C: usize, const W: usize, const TWO: bool>(ScaledTiles<'a, C>);

impl<T: Digits<P>, const P: usize, const C: usize, const W: usize, const TWO: bool> RowSums<T, P, C>
    for ScaledRows<'_, C, W, TWO>
{
    #[inline(always)]
    fn add<const N: usize>(&mut self, unit: T, strip: &Strip<'_, P, N, C>, at: usize) {
        let (vector, tiles) = (unit.vector(), strip.rows.len());
        let mut lambdas = [[&[][..]; 2]; N];
        for r in 0..N {
            for kind in 0..2 {
                let TileScales { all, step } = self.0.lambdas[if TWO { kind } else { 0 }];
                let row = (at + r).min(self.0.results.len() - 1);
                let own = all.get(row * step..);
                lambdas[r][kind] = own.unwrap_or_default().as_chunks().0;
            }
        }
        let (Some(lambdas), Some(ds)) = (
            EqualSlices::new(lambdas, tiles),
            EqualSlices::new([self.0.ds], tiles),
        ) else {
            return;
        };
        let mut sums = ScaledSums::<_, N, C, W, TWO> {
            sums: [[vector.splat(0.0); C]; N],
            lambdas,
            ds,
        };
        strip.for_each_tile(unit, &mut sums);
        for r in 0..N {
            if let Some(results) = self.0.results.get_mut(at + r) {
                for c in 0..C {
                    results[c] = fold(vector.array(sums.sums[r][c]));
                }
            }
        }
    }
}

/// Runs the loop for tiles of `P` digits: 4 or 5, as no unit has tiles of other numbers.
pub(crate) trait Kernels<const P: usize>: Sized {
    /// Multiplies a panel.
    fn run_panel<const R: usize, const C: usize>(self, panel: Panel<'_, P, R, C>);
}

macro_rules! kernels {
    ($($digits:literal)*) => {$(
        impl Kernels<$digits> for Backend {
            fn run_panel<const R: usize, const C: usize>(self, panel: Panel<'_, $digits, R, C>) {
                self.run_tiles(panel);
            }
        }

        impl<const R: usize, const C: usize> TileJob for Panel<'_, $digits, R, C> {
            type Output = ();

            #[inline(always)]
            fn run<T: TileUnit>(self, unit: T) {
                self.multiply(unit);
            }
        }
    )*};
}

kernels!(4 5);
