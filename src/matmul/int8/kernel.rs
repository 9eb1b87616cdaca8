//! The loops over rows: some rows times some vectors. [`Panel`] is a [`TileJob`], compiled once for each backend.
//!
//! Several rows at once hide the latency of the additions. Several vectors at once share the decoding of the codes.

#![expect(
    clippy::needless_range_loop,
    reason = "several arrays side by side; iterators would be closures, compiled without the instructions of a backend"
)]

use alloc::vec::Vec;
use core::ops::Range;

use super::codes::{RowCodes, Tiling};
use super::driver::ArrangedVector;
use super::scales::TileScales;
use super::strip::{Beside, Lambdas, ScaledSums, Strip, fold};
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
    /// Sums of tiles times their scales; if `two`, the -1 trits have scales of their own.
    Tiles { two: bool, sums: ScaledTiles<'a, C> },
}

/// The scales of tiles, and the sums.
pub(super) struct ScaledTiles<'a, const C: usize> {
    pub(super) lambdas: TileScales<'a>,
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
    /// For tiles from a multiple of [`MOST_TILES`] on, and with scales that are so many bytes from the beginning of their codes, if
    /// they are beside them.
    pub(super) fn new(
        codes: RowCodes<'a>,
        xs: &'a [ArrangedVector<'_, P>; C],
        (range, half): (Range<usize>, usize),
        scratch: &'a mut Vec<u8>,
    ) -> Self {
        let (mut tiles, mut less) = ([[&[][..]; C]; P], [[&[0; 16]; C]; P]);
        for digit in 0..P {
            for (c, x) in xs.iter().enumerate() {
                let version = x.values.version(digit);
                tiles[digit][c] = version.tiles.get(range.clone()).unwrap_or_default();
                let sums = version.less.get(range.start / MOST_TILES);
                less[digit][c] = sums.unwrap_or(&[0; 16]);
            }
        }
        Self {
            codes,
            first_tile: range.start,
            span: TileSpan::new(codes.stride(), range.len(), half),
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
        mut sums: impl RowSums<T, P, R, C> + RowSums<T, P, 1, C>,
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
            PanelSums::Tiles { two, sums } => {
                if const { P == 4 } && two {
                    operands.each_block::<1, _>(unit, rows, ScaledRows::<C, true>(sums));
                } else if const { P == 4 || cfg!(feature = "half") } {
                    operands.each_block::<1, _>(unit, rows, ScaledRows::<C, false>(sums));
                }
            }
        }
    }
}

/// What is added up for `R` rows of a panel at a time.
trait RowSums<T, const P: usize, const R: usize, const C: usize> {
    /// Adds up rows, the first of which has the number `at` in the panel.
    fn add(&mut self, unit: T, strip: &Strip<'_, P, R, C>, at: usize);
}

/// `[sum t x, 0]`, or if `TWO`, the sums by sign.
struct ExactRows<'a, const C: usize, const TWO: bool>(&'a mut [[[i64; 2]; C]]);

impl<T: Digits<P>, const P: usize, const R: usize, const C: usize, const TWO: bool>
    RowSums<T, P, R, C> for ExactRows<'_, C, TWO>
{
    #[inline(always)]
    fn add(&mut self, unit: T, strip: &Strip<'_, P, R, C>, at: usize) {
        let sums = if TWO {
            strip.sums_by_sign(unit)
        } else {
            strip.sums(unit)
        };
        for r in 0..R {
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

/// Sums of tiles times their scales; if `TWO`, the -1 trits have scales of their own.
struct ScaledRows<'a, const C: usize, const TWO: bool>(ScaledTiles<'a, C>);

impl<T: Digits<P>, const P: usize, const C: usize, const TWO: bool> RowSums<T, P, 1, C>
    for ScaledRows<'_, C, TWO>
{
    #[inline(always)]
    fn add(&mut self, unit: T, strip: &Strip<'_, P, 1, C>, at: usize) {
        let tiles = strip.rows.len();
        match self.0.lambdas {
            TileScales::Tiles(scales) => {
                let row = scales.map(|scales| scales.row(at));
                self.scaled(unit, strip, at, EqualSlices::new([row], tiles));
            }
            TileScales::Lanes(scales) if const { C == 1 } => {
                let row = scales.map(|scales| scales.row(at).as_chunks().0);
                self.scaled(unit, strip, at, EqualSlices::new([row], tiles));
            }
            TileScales::Beside if const { !TWO && cfg!(feature = "half") } => {
                self.scaled(unit, strip, at, Some(Beside(strip.rows)));
            }
            _ => {}
        }
    }
}

impl<const C: usize, const TWO: bool> ScaledRows<'_, C, TWO> {
    /// Adds up a row, if there are scales.
    #[inline(always)]
    fn scaled<const P: usize, T: Digits<P>, L: Lambdas<T>>(
        &mut self,
        unit: T,
        strip: &Strip<'_, P, 1, C>,
        at: usize,
        lambdas: Option<L>,
    ) {
        let (vector, ds) = (
            unit.vector(),
            EqualSlices::new([self.0.ds], strip.rows.len()),
        );
        let (Some(lambdas), Some(ds), Some(results)) = (lambdas, ds, self.0.results.get_mut(at))
        else {
            return;
        };
        let mut sums = ScaledSums::<_, _, C, TWO> {
            sums: [vector.splat(0.0); C],
            lambdas,
            ds,
        };
        strip.for_each_tile(unit, &mut sums);
        for c in 0..C {
            results[c] = fold(vector.array(sums.sums[c]));
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
