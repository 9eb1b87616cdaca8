//! The loops: some rows times some vectors, tile by tile. [`Panel`] is a [`TileJob`], compiled once for each backend.
//!
//! Several rows at once share the loads of the activations and hide the latency of the additions. Several vectors at once share
//! the decoding of the codes.

#![expect(
    clippy::needless_range_loop,
    reason = "several arrays side by side; iterators would be closures, compiled without the instructions of a backend"
)]

use alloc::vec::Vec;
use core::ops::Range;

use super::arrange::Arranged;
use super::codes::{RowCodes, Tiling};
use super::scales::{LANE_PAIRS, TileScales};
use crate::simd::{
    ActivationTile, Backend, Digits, EqualSlices, MOST_TILES, TILE, TileJob, TileRows, TileSpan,
    TileUnit, Tiles, Vector,
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
    /// Sums of tiles times their scales. A tile has a scale, or with the first flag, each pair of its lanes has one; with the second, those
    /// of the -1 trits are others.
    Scaled(bool, bool, Scaled<'a, C>),
}

/// The scales of tiles, and the sums.
pub(super) struct Scaled<'a, const C: usize> {
    pub(super) lambdas: [TileScales<'a>; 2],
    /// The scales of each vector.
    pub(super) ds: [&'a [f32]; C],
    pub(super) results: &'a mut [[f32; C]],
}

/// Some tiles of the codes of a plane, and those of the vectors that they meet.
pub(crate) struct Operands<'a, const P: usize, const C: usize> {
    backend: Backend,
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
        backend: Backend,
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
            backend,
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
        if const { T::ROWS && R > 1 } && self.codes.in_blocks::<P>() {
            while at + R <= rows.len() {
                if let Some(strip) = self.strip::<R>(rows.start + at) {
                    sums.add(unit, &strip, at);
                }
                at += R;
            }
        }
        while at < rows.len() {
            if let Some(strip) = self.strip::<1>(rows.start + at) {
                sums.add(unit, &strip, at);
            }
            at += 1;
        }
    }

    /// `N` rows, and what they meet.
    #[inline(always)]
    fn strip<const N: usize>(&mut self, row: usize) -> Option<Strip<'_, P, N, C>> {
        let (mut xs, mut less) = ([[&[][..]; C]; N], [[&[0; 16]; C]; N]);
        let mut starts = [0; N];
        for r in 0..N {
            let (start, digit) = self.codes.start::<P>(row + r);
            (xs[r], less[r]) = (self.tiles[digit], self.less[digit]);
            starts[r] = start;
        }
        let (first, span, scratch) = (self.first_tile, &self.span, &mut *self.scratch);
        Some(Strip {
            rows: self
                .codes
                .tiles(self.backend, starts, first, span, scratch)?,
            xs,
            less,
            ahead: self.codes.ahead(),
            numbers: matches!(self.codes.tiling, Tiling::Numbers),
        })
    }
}

impl<const P: usize, const R: usize, const C: usize> Panel<'_, P, R, C> {
    /// Selects a loop. Base-3 codes have a scale for each row, or in other programs' formats, others for each block.
    #[inline(always)]
    fn multiply<T: Digits<P>>(self, unit: T) {
        let (operands, rows) = (self.operands, self.rows);
        match self.sums {
            PanelSums::Exact { two: false, totals } => {
                operands.each_block::<R, _>(unit, rows, ExactTotals::<C, false>(totals));
            }
            PanelSums::Exact { totals, .. } => {
                operands.each_block::<R, _>(unit, rows, ExactTotals::<C, true>(totals));
            }
            PanelSums::Scaled(lanes, two, sums) => match (lanes, two) {
                (false, true) if const { P == 4 } => {
                    operands.each_block::<R, _>(unit, rows, ScaledResults::<C, 1, true>(sums));
                }
                (true, true) if const { P == 4 } => {
                    operands.each_block::<R, _>(
                        unit,
                        rows,
                        ScaledResults::<C, LANE_PAIRS, true>(sums),
                    );
                }
                (false, false) if const { P == 4 || cfg!(feature = "half") } => {
                    operands.each_block::<R, _>(unit, rows, ScaledResults::<C, 1, false>(sums));
                }
                (true, false) if const { P == 4 || cfg!(feature = "half") } => {
                    operands.each_block::<R, _>(
                        unit,
                        rows,
                        ScaledResults::<C, LANE_PAIRS, false>(sums),
                    );
                }
                _ => unreachable!("no matrix has such scales"),
            },
        }
    }
}

/// What is added up for the rows of a panel.
trait RowSums<T, const P: usize, const C: usize> {
    /// Adds up `N` rows, the first of which has the number `at` in the panel.
    fn add<const N: usize>(&mut self, unit: T, strip: &Strip<'_, P, N, C>, at: usize);
}

/// `[sum t x, 0]`, or if `TWO`, the sums by sign.
struct ExactTotals<'a, const C: usize, const TWO: bool>(&'a mut [[[i64; 2]; C]]);

impl<T: Digits<P>, const P: usize, const C: usize, const TWO: bool> RowSums<T, P, C>
    for ExactTotals<'_, C, TWO>
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
struct ScaledResults<'a, const C: usize, const W: usize, const TWO: bool>(Scaled<'a, C>);

impl<T: Digits<P>, const P: usize, const C: usize, const W: usize, const TWO: bool> RowSums<T, P, C>
    for ScaledResults<'_, C, W, TWO>
{
    #[inline(always)]
    fn add<const N: usize>(&mut self, unit: T, strip: &Strip<'_, P, N, C>, at: usize) {
        let (vector, tiles) = (unit.vector(), strip.rows.len());
        let mut lambdas = [[&[][..]; 2]; N];
        for r in 0..N {
            for kind in 0..2 {
                let TileScales { all, step } = self.0.lambdas[if TWO { kind } else { 0 }];
                let own = all.get((at + r) * step..);
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

/// Some tiles of `R` rows of codes, and of the `C` vectors that they meet.
#[derive(Clone, Copy)]
struct Strip<'a, const P: usize, const R: usize, const C: usize> {
    rows: TileRows<'a, R>,
    /// For each row, as rows may begin at different digits of a byte.
    xs: [[&'a [ActivationTile<P>]; C]; R],
    /// Minus the sums of all activations of these tiles, lane by lane.
    less: [[&'a [i32; 16]; C]; R],
    /// The prefetch distance in bytes.
    ahead: usize,
    /// Whether the bytes are base-3 numbers, which must become fractions.
    numbers: bool,
}

/// Sums over the tiles of a strip.
trait TileSums<T: Digits<P>, const P: usize, const R: usize, const C: usize> {
    /// Whether all rows meet the same tiles of activations: then these are loaded once.
    const ALIGNED: bool;
    /// How many tiles may be added before the sums are settled.
    const SHORT: usize = MOST_TILES;

    /// Adds a tile of row `r`: its codes, and the activations that meet them.
    fn add(
        &mut self,
        unit: T,
        r: usize,
        tile: usize,
        codes: &[u8; TILE],
        xs: [&ActivationTile<P>; C],
    );

    /// Makes room for [`SHORT`](Self::SHORT) more tiles.
    #[inline(always)]
    fn settle(&mut self, _: T) {}
}

impl<const P: usize, const R: usize, const C: usize> Strip<'_, P, R, C> {
    /// Adds all tiles, tile after tile.
    #[inline(always)]
    fn for_each_tile<T, S>(&self, unit: T, sums: &mut S)
    where
        T: Digits<P>,
        S: TileSums<T, P, R, C>,
    {
        let tiles = self.rows.len();
        let Some(vectors) = EqualSlices::new(self.xs, tiles) else {
            return;
        };
        let mut start = 0;
        if const { S::SHORT < MOST_TILES } {
            // A number of tiles that the compiler knows.
            while start + S::SHORT <= tiles {
                let end = start + S::SHORT;
                for tile in start..end {
                    self.add_tile(unit, tile, &vectors, sums);
                }
                sums.settle(unit);
                start = end;
            }
        }
        for tile in start..tiles {
            self.add_tile(unit, tile, &vectors, sums);
        }
        sums.settle(unit);
    }

    /// Adds a tile of each row.
    #[inline(always)]
    fn add_tile<T, S>(
        &self,
        unit: T,
        tile: usize,
        vectors: &EqualSlices<'_, ActivationTile<P>, R, C>,
        sums: &mut S,
    ) where
        T: Digits<P>,
        S: TileSums<T, P, R, C>,
    {
        for r in 0..R {
            let codes = self.rows.tile(r, tile);
            unit.vector().prefetch(codes, self.ahead);
            let which = if S::ALIGNED { 0 } else { r };
            let Some(first) = vectors.get(which, 0, tile) else {
                return;
            };
            let mut here = [first; C];
            for c in 1..C {
                here[c] = vectors.get(which, c, tile).unwrap_or(first);
            }
            if const { P == 5 } && self.numbers {
                sums.add(unit, r, tile, &unit.fractions(codes), here);
            } else {
                sums.add(unit, r, tile, codes, here);
            }
        }
    }

    /// `[sum t x, 0]` for each row and vector, of at most [`MOST_TILES`] tiles.
    #[inline(always)]
    fn sums<T: Digits<P>>(&self, unit: T) -> [[[i32; 2]; C]; R] {
        let mut sums = RunningSums([[unit.start(self.less[0][0]); C]; R]);
        for r in 0..R {
            for c in 0..C {
                sums.0[r][c] = unit.start(self.less[r][c]);
            }
        }
        self.for_each_tile(unit, &mut sums);
        let mut totals = [[[0; 2]; C]; R];
        for r in 0..R {
            for c in 0..C {
                totals[r][c][0] = unit.total(unit.finish(sums.0[r][c]));
            }
        }
        totals
    }

    /// The sums under the +1 and under the -1 trits.
    #[inline(always)]
    fn sums_by_sign<T: Digits<P>>(&self, unit: T) -> [[[i32; 2]; C]; R] {
        let mut sums = SumsBySign([[[unit.load_sums(&[0; 16]); 2]; C]; R]);
        self.for_each_tile(unit, &mut sums);
        let mut totals = [[[0; 2]; C]; R];
        for r in 0..R {
            for c in 0..C {
                for sign in 0..2 {
                    totals[r][c][sign] = unit.total(sums.0[r][c][sign]);
                }
            }
        }
        totals
    }
}

/// `sum t x` for each row and vector.
struct RunningSums<S, const R: usize, const C: usize>([[S; C]; R]);

impl<T: Digits<P>, const P: usize, const R: usize, const C: usize> TileSums<T, P, R, C>
    for RunningSums<T::Running, R, C>
{
    // Rows of base-3 numbers begin at any digit. Rows of two-bit digits that do are multiplied one at a time.
    const ALIGNED: bool = P == 4;
    const SHORT: usize = T::SHORT;

    #[inline(always)]
    fn add(
        &mut self,
        unit: T,
        r: usize,
        _: usize,
        codes: &[u8; TILE],
        xs: [&ActivationTile<P>; C],
    ) {
        unit.add(&mut self.0[r], codes, xs);
    }

    #[inline(always)]
    fn settle(&mut self, unit: T) {
        for r in 0..R {
            for c in 0..C {
                self.0[r][c] = unit.settle(self.0[r][c]);
            }
        }
    }
}

/// The sums of `x` under the +1 trits, and under the -1 trits.
struct SumsBySign<S, const R: usize, const C: usize>([[[S; 2]; C]; R]);

impl<T: Digits<P>, const P: usize, const R: usize, const C: usize> TileSums<T, P, R, C>
    for SumsBySign<T::Sums, R, C>
{
    const ALIGNED: bool = P == 4;

    #[inline(always)]
    fn add(
        &mut self,
        unit: T,
        r: usize,
        _: usize,
        codes: &[u8; TILE],
        xs: [&ActivationTile<P>; C],
    ) {
        let tiles = unit.tile_by_sign(codes, xs);
        for c in 0..C {
            for sign in 0..2 {
                let sums = &mut self.0[r][c][sign];
                *sums = unit.add_sums(*sums, tiles[c][sign]);
            }
        }
    }
}

/// Sums of tiles times their scales, in the defined order: sixteen for each row and vector. A tile has a scale if `W` is 1, else each
/// of its `W` pairs of lanes has one; if `TWO`, those of the -1 trits are others.
struct ScaledSums<'a, F, const R: usize, const C: usize, const W: usize, const TWO: bool> {
    sums: [[F; C]; R],
    /// The scales of both signs of each row.
    lambdas: EqualSlices<'a, [f32; W], R, 2>,
    /// The scales of each vector.
    ds: EqualSlices<'a, f32, 1, C>,
}

impl<F: Copy, const R: usize, const C: usize, const W: usize, const TWO: bool>
    ScaledSums<'_, F, R, C, W, TWO>
{
    /// Adds sums under the trits of one sign.
    #[inline(always)]
    fn add_scaled<T>(
        &mut self,
        unit: T,
        (r, c, sign): (usize, usize, usize),
        tile: usize,
        sums: T::Sums,
    ) where
        T: Tiles<V: Vector<Singles = F>>,
    {
        let vector = unit.vector();
        let Some(lambdas) = self.lambdas.get(r, sign, tile) else {
            return;
        };
        let d = *self.ds.get(0, c, tile).unwrap_or(&0.0);
        let d = if sign == 1 { -d } else { d };
        let scales = if let Some(lambdas) = lambdas.first_chunk() {
            let pairs = vector.load_twice(lambdas);
            vector.multiply(vector.zip(pairs, pairs)[0], vector.splat(d))
        } else {
            vector.splat(lambdas[0] * d)
        };
        let more = vector.multiply(unit.to_floats(sums), scales);
        self.sums[r][c] = vector.add(self.sums[r][c], more);
    }
}

impl<T, const P: usize, const R: usize, const C: usize, const W: usize, const TWO: bool>
    TileSums<T, P, R, C> for ScaledSums<'_, <T::V as Vector>::Singles, R, C, W, TWO>
where
    T: Digits<P>,
{
    const ALIGNED: bool = true;
    // Several tiles at a time cost fewer instructions around them, as long as they fit the registers.
    const SHORT: usize = match (T::ROWS || P == 5, TWO) {
        (true, _) => MOST_TILES,
        (_, true) => 2,
        _ => 4,
    };

    #[inline(always)]
    fn add(
        &mut self,
        unit: T,
        r: usize,
        tile: usize,
        codes: &[u8; TILE],
        xs: [&ActivationTile<P>; C],
    ) {
        if TWO {
            let by_sign = unit.tile_by_sign(codes, xs);
            for c in 0..C {
                for sign in 0..2 {
                    self.add_scaled(unit, (r, c, sign), tile, by_sign[c][sign]);
                }
            }
        } else {
            let sums = unit.tile(codes, xs);
            for c in 0..C {
                self.add_scaled(unit, (r, c, 0), tile, sums[c]);
            }
        }
    }
}

/// The sum of sixteen lanes, in halves.
#[inline(always)]
fn fold(mut lanes: [f32; 16]) -> f32 {
    let mut width = 8;
    while width > 0 {
        for lane in 0..width {
            lanes[lane] += lanes[lane + width];
        }
        width /= 2;
    }
    lanes[0]
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
