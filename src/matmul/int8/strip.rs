//! The innermost loop: some tiles of a few rows, and the sums over them.

#![expect(
    clippy::needless_range_loop,
    reason = "several arrays side by side; iterators would be closures, compiled without the instructions of a backend"
)]

use super::scales::LANE_PAIRS;
use crate::simd::{
    ActivationTile, Digits, EqualSlices, MOST_TILES, TileCodes, TileRows, Tiles, Vector,
    VectorTiles,
};

/// Some tiles of `R` rows of codes, and of the `C` vectors that they meet.
#[derive(Clone, Copy)]
pub(super) struct Strip<'a, const P: usize, const R: usize, const C: usize> {
    pub(super) rows: TileRows<'a, R>,
    /// For each row, as rows may begin at different digits of a byte.
    pub(super) xs: [[&'a [ActivationTile<P>]; C]; R],
    /// Minus the sums of all activations of these tiles, lane by lane.
    pub(super) less: [[&'a [i32; 16]; C]; R],
    /// The prefetch distance in bytes.
    pub(super) ahead: usize,
    /// Whether the bytes are base-3 numbers, which must become fractions.
    pub(super) numbers: bool,
}

/// Sums over the tiles of a strip.
pub(super) trait TileSums<T: Digits<P>, const P: usize, const R: usize, const C: usize> {
    /// Whether two tiles are added at a time, as long as there are two.
    const PAIRS: bool = false;
    /// How many tiles may be added before the sums are settled.
    const SHORT: usize = MOST_TILES;

    /// Adds one tile of a row, or a pair of tiles: their codes, and the activations that meet them. The place counts tiles or pairs.
    fn add<const N: usize>(
        &mut self,
        unit: T,
        row_and_place: (usize, usize),
        codes: [&TileCodes; N],
        xs: [VectorTiles<'_, P, C>; N],
    );

    /// Makes room for [`SHORT`](Self::SHORT) more tiles.
    #[inline(always)]
    fn settle(&mut self, _: T) {}
}

impl<const P: usize, const R: usize, const C: usize> Strip<'_, P, R, C> {
    /// Adds all tiles, tile after tile.
    #[inline(always)]
    pub(super) fn for_each_tile<T: Digits<P>, S: TileSums<T, P, R, C>>(
        &self,
        unit: T,
        sums: &mut S,
    ) {
        let tiles = self.rows.len();
        let Some(vectors) = EqualSlices::new(self.xs, tiles) else {
            return;
        };
        let mut start = 0;
        if S::PAIRS {
            for pair in 0..tiles / 2 {
                self.add::<2, _, _>(unit, pair, &vectors, sums);
            }
            start = tiles / 2 * 2;
        }
        if const { S::SHORT < MOST_TILES && C == 1 } {
            // A number of tiles that the compiler knows.
            while start + S::SHORT <= tiles {
                let end = start + S::SHORT;
                for tile in start..end {
                    self.add::<1, _, _>(unit, tile, &vectors, sums);
                }
                sums.settle(unit);
                start = end;
            }
        }
        while start < tiles {
            let end = tiles.min(start + S::SHORT);
            for tile in start..end {
                self.add::<1, _, _>(unit, tile, &vectors, sums);
            }
            sums.settle(unit);
            start = end;
        }
    }

    /// Adds a tile of each row, or of pairs of tiles one.
    #[inline(always)]
    fn add<const N: usize, T: Digits<P>, S: TileSums<T, P, R, C>>(
        &self,
        unit: T,
        at: usize,
        vectors: &EqualSlices<'_, ActivationTile<P>, R, C>,
        sums: &mut S,
    ) {
        for r in 0..R {
            let Some(first) = vectors.chunk::<N>(r, 0, at) else {
                return;
            };
            let (codes, mut xs) = (self.rows.tiles(r, at), [[&first[0]; C]; N]);
            for n in 0..N {
                unit.vector().prefetch(codes[n], self.ahead);
                for c in 0..C {
                    xs[n][c] = &vectors.chunk::<N>(r, c, at).unwrap_or(first)[n];
                }
            }
            // Numbers are added exactly, so never in pairs.
            if const { P == 5 && N == 1 } && self.numbers {
                sums.add(unit, (r, at), [&unit.fractions(codes[0]); N], xs);
            } else {
                sums.add(unit, (r, at), codes, xs);
            }
        }
    }

    /// `[sum t x, 0]` for each row and vector, of at most [`MOST_TILES`] tiles.
    #[inline(always)]
    pub(super) fn sums<T: Digits<P>>(&self, unit: T) -> [[[i32; 2]; C]; R] {
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
    pub(super) fn sums_by_sign<T: Digits<P>>(&self, unit: T) -> [[[i32; 2]; C]; R] {
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
    const SHORT: usize = T::SHORT;

    #[inline(always)]
    fn add<const N: usize>(
        &mut self,
        unit: T,
        (r, _): (usize, usize),
        codes: [&TileCodes; N],
        xs: [VectorTiles<'_, P, C>; N],
    ) {
        unit.add(&mut self.0[r], codes[0], xs[0]);
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
    #[inline(always)]
    fn add<const N: usize>(
        &mut self,
        unit: T,
        (r, _): (usize, usize),
        codes: [&TileCodes; N],
        xs: [VectorTiles<'_, P, C>; N],
    ) {
        let tiles = unit.tiles_by_sign(codes, xs);
        for c in 0..C {
            for sign in 0..2 {
                let sums = &mut self.0[r][c][sign];
                *sums = unit.add_sums(*sums, tiles[c][sign]);
            }
        }
    }
}

/// Sums of the tiles of a row times their scales, in the defined order: sixteen for each vector. If `TWO`, the -1 trits have scales of
/// their own.
pub(super) struct ScaledSums<'a, F, L, const C: usize, const TWO: bool> {
    pub(super) sums: [F; C],
    pub(super) lambdas: L,
    /// The scales of each vector.
    pub(super) ds: EqualSlices<'a, f32, 1, C>,
}

impl<F: Copy, L, const C: usize, const TWO: bool> ScaledSums<'_, F, L, C, TWO> {
    /// Adds `M` tiles that have the scales of `N`: of one tile that is there twice, the second counts nothing.
    #[inline(always)]
    fn add_tiles<const N: usize, const M: usize, const P: usize, T>(
        &mut self,
        unit: T,
        at: usize,
        codes: [&TileCodes; M],
        xs: [VectorTiles<'_, P, C>; M],
    ) where
        T: Digits<P> + Tiles<V: Vector<Singles = F>>,
        L: Lambdas<T>,
    {
        if TWO {
            let by_sign = unit.tiles_by_sign(codes, xs);
            for c in 0..C {
                for sign in 0..2 {
                    self.add_scaled::<N, _>(unit, at, (c, sign), by_sign[c][sign]);
                }
            }
        } else {
            let sums = unit.tiles(codes, xs);
            for c in 0..C {
                self.add_scaled::<N, _>(unit, at, (c, 0), sums[c]);
            }
        }
    }

    /// Adds sums under the trits of one sign.
    #[inline(always)]
    fn add_scaled<const N: usize, T: Tiles<V: Vector<Singles = F>>>(
        &mut self,
        unit: T,
        at: usize,
        (c, sign): (usize, usize),
        sums: T::Sums,
    ) where
        L: Lambdas<T>,
    {
        let vector = unit.vector();
        let Some(ds) = self.ds.chunk::<N>(0, c, at) else {
            return;
        };
        let Some(mut scales) = self.lambdas.times(unit, (sign, at), ds) else {
            return;
        };
        if sign == 1 {
            scales = vector.negate(scales);
        }
        let more = vector.multiply(unit.to_floats(sums), scales);
        self.sums[c] = vector.add(self.sums[c], more);
    }
}

impl<T, L, const P: usize, const C: usize, const TWO: bool> TileSums<T, P, 1, C>
    for ScaledSums<'_, <T::V as Vector>::Singles, L, C, TWO>
where
    T: Digits<P>,
    L: Lambdas<T>,
{
    const PAIRS: bool = L::PAIRS;
    // Several tiles at a time cost fewer instructions around them, as long as they fit the registers.
    const SHORT: usize = match (L::PAIRS || T::ROWS || P == 5 || C > 1, TWO) {
        (true, _) => MOST_TILES,
        (_, true) => 2,
        _ => 4,
    };

    #[inline(always)]
    fn add<const N: usize>(
        &mut self,
        unit: T,
        (_, at): (usize, usize),
        codes: [&TileCodes; N],
        xs: [VectorTiles<'_, P, C>; N],
    ) {
        let last = N - 1;
        if L::PAIRS {
            let (codes, xs) = ([codes[0], codes[last]], [xs[0], xs[last]]);
            self.add_tiles::<N, 2, P, T>(unit, at, codes, xs);
        } else {
            self.add_tiles::<N, N, P, T>(unit, at, codes, xs);
        }
    }
}

/// Scales of the tiles of a row.
pub(super) trait Lambdas<T: Tiles> {
    /// Whether a tile has one scale. So it has eight sums, and two tiles are added at a time.
    const PAIRS: bool;

    /// Those of the lanes of `N` tiles, times the scales of the activations. The place: sign, and number of the tile or of the pair.
    fn times<const N: usize>(
        &self,
        unit: T,
        place: (usize, usize),
        ds: &[f32; N],
    ) -> Option<<T::V as Vector>::Singles>;
}

/// One for each pair of lanes of a tile, for both signs.
impl<T: Tiles> Lambdas<T> for EqualSlices<'_, [f32; LANE_PAIRS], 1, 2> {
    const PAIRS: bool = false;

    #[inline(always)]
    fn times<const N: usize>(
        &self,
        unit: T,
        (sign, at): (usize, usize),
        ds: &[f32; N],
    ) -> Option<<T::V as Vector>::Singles> {
        let vector = unit.vector();
        let pairs = vector.load_twice(&self.chunk::<1>(0, sign, at)?[0]);
        Some(vector.multiply(vector.zip(pairs, pairs)[0], vector.splat(ds[0])))
    }
}

/// One for each tile, for both signs.
impl<T: Tiles> Lambdas<T> for EqualSlices<'_, f32, 1, 2> {
    const PAIRS: bool = true;

    #[inline(always)]
    fn times<const N: usize>(
        &self,
        unit: T,
        (sign, at): (usize, usize),
        ds: &[f32; N],
    ) -> Option<<T::V as Vector>::Singles> {
        Some(of_pair(unit, *self.chunk(0, sign, at)?, ds))
    }
}

/// One for each tile, as f16 bits beside its codes.
pub(super) struct Beside<'a>(pub(super) TileRows<'a, 1>);

impl<T: Tiles> Lambdas<T> for Beside<'_> {
    const PAIRS: bool = true;

    #[inline(always)]
    fn times<const N: usize>(
        &self,
        unit: T,
        (_, at): (usize, usize),
        ds: &[f32; N],
    ) -> Option<<T::V as Vector>::Singles> {
        let mut lambdas = [0.0; N];
        for (lambda, half) in lambdas.iter_mut().zip(self.0.halves::<N>(0, at)) {
            *lambda = unit.widen_half(half);
        }
        Some(of_pair(unit, lambdas, ds))
    }
}

/// The scales of a pair of tiles, or of one, times those of the activations: half of the lanes have the first.
#[inline(always)]
fn of_pair<T: Tiles, const N: usize>(
    unit: T,
    lambdas: [f32; N],
    ds: &[f32; N],
) -> <T::V as Vector>::Singles {
    let mut scales = [0.0; 2];
    for n in 0..N {
        scales[n] = lambdas[n] * ds[n];
    }
    unit.vector().halves(scales)
}

/// The sum of sixteen lanes, in halves.
#[inline(always)]
pub(super) fn fold(mut lanes: [f32; 16]) -> f32 {
    let mut width = 8;
    while width > 0 {
        for lane in 0..width {
            lanes[lane] += lanes[lane + width];
        }
        width /= 2;
    }
    lanes[0]
}
