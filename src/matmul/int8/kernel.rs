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
use super::scales::{LANE_PAIRS, SliceScales, TileScales};
use crate::simd::{
    ActivationTile, Backend, Digits, EqualSlices, MOST_TILES, TILE, TileJob, TileRows, TileUnit,
    Tiles, Vector,
};

/// Some rows of a plane times `C` vectors, `R` rows at a time where that pays.
pub(crate) struct Panel<'a, 'y, const P: usize, const R: usize, const C: usize> {
    pub(super) operands: Operands<'a, P, C>,
    pub(super) scales: PanelScales<'a>,
    pub(super) rows: Range<usize>,
    pub(super) results: Results<'a, 'y>,
}

/// The scales of the rows of a panel.
#[derive(Clone, Copy)]
pub(super) enum PanelScales<'a> {
    /// One for each row. Each vector has one.
    Rows(SliceScales<'a>),
    /// One for each tile, or with `lanes` one for each pair of lanes: of the +1 trits, and if `two`, of the -1 trits.
    Tiles {
        lanes: bool,
        two: bool,
        scales: [TileScales<'a>; 2],
    },
}

/// The codes of a plane, and the vectors that they meet.
pub(crate) struct Operands<'a, const P: usize, const C: usize> {
    pub(super) backend: Backend,
    pub(super) codes: RowCodes<'a>,
    pub(super) xs: &'a [Arranged<P>; C],
    /// Memory for copies of codes.
    pub(super) scratch: &'a mut Vec<u8>,
}

/// Where the results of each vector go.
pub(crate) struct Results<'a, 'y> {
    pub(super) ys: &'a mut [&'y mut [f32]],
    /// The row of their first results.
    pub(super) first: usize,
    /// Whether they are added to those of the planes before.
    pub(super) adds: bool,
}

impl<const P: usize, const R: usize, const C: usize> Panel<'_, '_, P, R, C> {
    /// Selects a loop. Base-3 codes have a scale for each row, or in other programs' formats, others for each block.
    #[inline(always)]
    fn multiply<T: Digits<P>>(self, unit: T) {
        let first = self.rows.start;
        match self.scales {
            PanelScales::Rows(scales) if scales.lambda_n.is_none() => {
                self.each_block(unit, &Exact::<false>(scales));
            }
            PanelScales::Rows(scales) => self.each_block(unit, &Exact::<true>(scales)),
            PanelScales::Tiles { lanes, two, scales } => match (lanes, two) {
                (false, true) if const { P == 4 } => {
                    self.each_block(unit, &Scaled::<1, true> { scales, first });
                }
                (true, true) if const { P == 4 } => {
                    self.each_block(unit, &Scaled::<LANE_PAIRS, true> { scales, first });
                }
                (false, false) if const { P == 4 || cfg!(feature = "half") } => {
                    self.each_block(unit, &Scaled::<1, false> { scales, first });
                }
                (true, false) if const { P == 4 || cfg!(feature = "half") } => {
                    self.each_block(unit, &Scaled::<LANE_PAIRS, false> { scales, first });
                }
                _ => unreachable!("no matrix has such scales"),
            },
        }
    }

    /// Multiplies block by block.
    #[inline(always)]
    fn each_block<T: Digits<P>>(self, unit: T, products: &impl RowProducts<T, P, C>) {
        let Self {
            mut operands,
            mut results,
            rows: Range {
                start: mut row,
                end,
            },
            ..
        } = self;
        if const { T::ROWS && R > 1 } && operands.codes.in_blocks::<P>() {
            while row + R <= end {
                let block = products.block::<R>(unit, &mut operands, row);
                results.put(row, &block);
                row += R;
            }
        }
        while row < end {
            let block = products.block::<1>(unit, &mut operands, row);
            results.put(row, &block);
            row += 1;
        }
    }
}

impl<'a, const P: usize, const C: usize> Operands<'a, P, C> {
    /// The number of tiles of a row.
    #[inline(always)]
    const fn tiles(&self) -> usize {
        self.xs[0].len()
    }

    /// Some tiles of `N` rows, and what they meet.
    #[inline(always)]
    fn strip<const N: usize>(&mut self, row: usize, range: Range<usize>) -> Strip<'_, P, N, C> {
        let mut xs = [[&[][..]; C]; N];
        for r in 0..N {
            let (_, digit) = self.codes.start::<P>(row + r);
            for c in 0..C {
                let tiles = self.xs[c].version(digit).tiles.get(range.clone());
                xs[r][c] = tiles.unwrap_or_default();
            }
        }
        Strip {
            rows: self
                .codes
                .tiles::<P, N>(self.backend, row, range, self.scratch),
            xs,
            ahead: self.codes.ahead(),
            numbers: matches!(self.codes.tiling, Tiling::Numbers),
        }
    }

    /// Minus the sums of all activations of some tiles that `N` rows meet.
    #[inline(always)]
    fn less<const N: usize>(&self, row: usize, range: &Range<usize>) -> [[&'a [i32; 16]; C]; N] {
        let mut less = [[&[0; 16]; C]; N];
        for r in 0..N {
            let (_, digit) = self.codes.start::<P>(row + r);
            for c in 0..C {
                let sums = self.xs[c].version(digit).less.get(range.start / MOST_TILES);
                less[r][c] = sums.unwrap_or(&[0; 16]);
            }
        }
        less
    }
}

impl Results<'_, '_> {
    /// Writes the results of `N` rows from `row` on.
    #[inline(always)]
    fn put<const N: usize, const C: usize>(&mut self, row: usize, block: &[[f32; C]; N]) {
        for (r, results) in block.iter().enumerate() {
            for (y, &result) in self.ys.iter_mut().zip(results) {
                if let Some(slot) = y.get_mut(row + r - self.first) {
                    *slot = if self.adds { *slot + result } else { result };
                }
            }
        }
    }
}

/// How rows are multiplied.
trait RowProducts<T, const P: usize, const C: usize> {
    /// `N` rows from `row` on.
    fn block<const N: usize>(
        &self,
        unit: T,
        operands: &mut Operands<'_, P, C>,
        row: usize,
    ) -> [[f32; C]; N];
}

/// Rows that have one scale, or if `TWO`, one for each sign, times vectors that have one.
struct Exact<'a, const TWO: bool>(SliceScales<'a>);

impl<T: Digits<P>, const P: usize, const C: usize, const TWO: bool> RowProducts<T, P, C>
    for Exact<'_, TWO>
{
    #[inline(always)]
    fn block<const N: usize>(
        &self,
        unit: T,
        operands: &mut Operands<'_, P, C>,
        row: usize,
    ) -> [[f32; C]; N] {
        // As many tiles at a time as 32 bits can hold.
        let mut totals = [[[0_i64; 2]; C]; N];
        let (mut start, tiles) = (0, operands.tiles());
        while start < tiles {
            let range = start..tiles.min(start + MOST_TILES);
            start = range.end;
            let sums = if TWO {
                operands.strip::<N>(row, range).sums_by_sign(unit)
            } else {
                let less = operands.less(row, &range);
                operands.strip::<N>(row, range).sums(unit, less)
            };
            for r in 0..N {
                for c in 0..C {
                    for sign in 0..2 {
                        totals[r][c][sign] += i64::from(sums[r][c][sign]);
                    }
                }
            }
        }
        // Times the scales.
        let mut y = [[0.0; C]; N];
        for r in 0..N {
            for c in 0..C {
                let ([plus, minus], d) = (totals[r][c], operands.xs[c].only_scale);
                y[r][c] = plus as f32 * (self.0.of_row(row + r, 0) * d);
                if TWO {
                    y[r][c] -= minus as f32 * (self.0.of_row(row + r, 1) * d);
                }
            }
        }
        y
    }
}

/// Rows whose tiles have a scale each if `W` is 1, or one for each of their `W` pairs of lanes; if `TWO`, others for the -1 trits.
struct Scaled<'a, const W: usize, const TWO: bool> {
    scales: [TileScales<'a>; 2],
    /// The row of the first scales.
    first: usize,
}

impl<T: Digits<P>, const P: usize, const C: usize, const W: usize, const TWO: bool>
    RowProducts<T, P, C> for Scaled<'_, W, TWO>
{
    #[inline(always)]
    fn block<const N: usize>(
        &self,
        unit: T,
        operands: &mut Operands<'_, P, C>,
        row: usize,
    ) -> [[f32; C]; N] {
        let (vector, xs) = (unit.vector(), operands.xs);
        let strip = operands.strip::<N>(row, 0..operands.tiles());
        let tiles = strip.rows.len();
        // The scales of the weights.
        let mut lambdas = [[&[][..]; 2]; N];
        for r in 0..N {
            for kind in 0..2 {
                let TileScales { all, step } = self.scales[if TWO { kind } else { 0 }];
                let own = all.get((row + r - self.first) * step..);
                lambdas[r][kind] = own.unwrap_or_default().as_chunks().0;
            }
        }
        // Those of the vectors.
        let mut ds = [[&[][..]; C]];
        for c in 0..C {
            ds[0][c] = &xs[c].scales[..];
        }
        let mut y = [[0.0; C]; N];
        if let Some(lambdas) = EqualSlices::new(lambdas, tiles)
            && let Some(ds) = EqualSlices::new(ds, tiles)
        {
            let mut sums = ScaledSums::<_, N, C, W, TWO> {
                sums: [[vector.splat(0.0); C]; N],
                lambdas,
                ds,
            };
            strip.for_each_tile(unit, &mut sums);
            for r in 0..N {
                for c in 0..C {
                    y[r][c] = fold(vector.array(sums.sums[r][c]));
                }
            }
        }
        y
    }
}

/// Some tiles of `R` rows of codes, and of the `C` vectors that they meet.
#[derive(Clone, Copy)]
struct Strip<'a, const P: usize, const R: usize, const C: usize> {
    rows: TileRows<'a, R>,
    /// For each row, as rows may begin at different digits of a byte.
    xs: [[&'a [ActivationTile<P>]; C]; R],
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

    /// `[sum t x, 0]` for each row and vector, of at most [`MOST_TILES`] tiles; `less` is minus the sums of all their activations, lane by
    /// lane.
    #[inline(always)]
    fn sums<T: Digits<P>>(&self, unit: T, less: [[&[i32; 16]; C]; R]) -> [[[i32; 2]; C]; R] {
        let mut sums = RunningSums([[unit.start(less[0][0]); C]; R]);
        for r in 0..R {
            for c in 0..C {
                sums.0[r][c] = unit.start(less[r][c]);
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
    // Two tiles at a time cost fewer instructions around them.
    const SHORT: usize = if T::ROWS || P == 5 { MOST_TILES } else { 2 };

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
    fn run_panel<const R: usize, const C: usize>(self, panel: Panel<'_, '_, P, R, C>);
}

macro_rules! kernels {
    ($($digits:literal)*) => {$(
        impl Kernels<$digits> for Backend {
            fn run_panel<const R: usize, const C: usize>(self, panel: Panel<'_, '_, $digits, R, C>) {
                self.run_tiles(panel);
            }
        }

        impl<const R: usize, const C: usize> TileJob for Panel<'_, '_, $digits, R, C> {
            type Output = ();

            #[inline(always)]
            fn run<T: TileUnit>(self, unit: T) {
                self.multiply(unit);
            }
        }
    )*};
}

kernels!(4 5);
