//! The innermost loop: some tiles of a few rows, and the sums over them.

#![expect(
    clippy::needless_range_loop,
    reason = "several arrays side by side; iterators would be closures, compiled without the instructions of a backend"
)]

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
    /// How many tiles may be added before the sums are settled.
    const SHORT: usize = MOST_TILES;

    /// Adds a tile, by its row and its number: its codes, and the activations that meet them.
    fn add(&mut self, unit: T, at: (usize, usize), codes: &TileCodes, xs: VectorTiles<'_, P, C>);

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
        if const { S::SHORT < MOST_TILES && C == 1 } {
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
        while start < tiles {
            let end = tiles.min(start + S::SHORT);
            for tile in start..end {
                self.add_tile(unit, tile, &vectors, sums);
            }
            sums.settle(unit);
            start = end;
        }
    }

    /// Adds a tile of each row.
    #[inline(always)]
    fn add_tile<T: Digits<P>, S: TileSums<T, P, R, C>>(
        &self,
        unit: T,
        tile: usize,
        vectors: &EqualSlices<'_, ActivationTile<P>, R, C>,
        sums: &mut S,
    ) {
        for r in 0..R {
            let codes = self.rows.tile(r, tile);
            unit.vector().prefetch(codes, self.ahead);
            let Some(first) = vectors.get(r, 0, tile) else {
                return;
            };
            let mut here = [first; C];
            for c in 1..C {
                here[c] = vectors.get(r, c, tile).unwrap_or(first);
            }
            if const { P == 5 } && self.numbers {
                sums.add(unit, (r, tile), &unit.fractions(codes), here);
            } else {
                sums.add(unit, (r, tile), codes, here);
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
    fn add(&mut self, unit: T, at: (usize, usize), codes: &TileCodes, xs: VectorTiles<'_, P, C>) {
        unit.add(&mut self.0[at.0], codes, xs);
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
    fn add(&mut self, unit: T, at: (usize, usize), codes: &TileCodes, xs: VectorTiles<'_, P, C>) {
        let tiles = unit.tile_by_sign(codes, xs);
        for c in 0..C {
            for sign in 0..2 {
                let sums = &mut self.0[at.0][c][sign];
                *sums = unit.add_sums(*sums, tiles[c][sign]);
            }
        }
    }
}

/// Sums of tiles times their scales, in the defined order: sixteen for each row and vector. A tile has a scale if `W` is 1, else each
/// of its `W` pairs of lanes has one; if `TWO`, those of the -1 trits are others.
pub(super) struct ScaledSums<'a, F, const R: usize, const C: usize, const W: usize, const TWO: bool>
{
    pub(super) sums: [[F; C]; R],
    /// The scales of both signs of each row.
    pub(super) lambdas: EqualSlices<'a, [f32; W], R, 2>,
    /// The scales of each vector.
    pub(super) ds: EqualSlices<'a, f32, 1, C>,
}

impl<F: Copy, const R: usize, const C: usize, const W: usize, const TWO: bool>
    ScaledSums<'_, F, R, C, W, TWO>
{
    /// Adds sums of a row's tile under the trits of one sign.
    #[inline(always)]
    fn add_scaled<T: Tiles<V: Vector<Singles = F>>>(
        &mut self,
        unit: T,
        (r, tile): (usize, usize),
        (c, sign): (usize, usize),
        sums: T::Sums,
    ) {
        let vector = unit.vector();
        let Some(lambdas) = self.lambdas.get(r, sign, tile) else {
            return;
        };
        let d = *self.ds.get(0, c, tile).unwrap_or(&0.0);
        let lambdas = if let Some(pairs) = lambdas.first_chunk() {
            let pairs = vector.load_twice(pairs);
            vector.zip(pairs, pairs)[0]
        } else {
            vector.splat(lambdas[0])
        };
        let mut scales = vector.multiply(lambdas, vector.splat(d));
        if sign == 1 {
            scales = vector.negate(scales);
        }
        let more = vector.multiply(unit.to_floats(sums), scales);
        self.sums[r][c] = vector.add(self.sums[r][c], more);
    }
}

impl<T, const P: usize, const R: usize, const C: usize, const W: usize, const TWO: bool>
    TileSums<T, P, R, C> for ScaledSums<'_, <T::V as Vector>::Singles, R, C, W, TWO>
where
    T: Digits<P>,
{
    // Several tiles at a time cost fewer instructions around them, as long as they fit the registers.
    const SHORT: usize = match (T::ROWS || P == 5 || C > 1, TWO) {
        (true, _) => MOST_TILES,
        (_, true) => 2,
        _ => 4,
    };

    #[inline(always)]
    fn add(&mut self, unit: T, at: (usize, usize), codes: &TileCodes, xs: VectorTiles<'_, P, C>) {
        if TWO {
            let by_sign = unit.tile_by_sign(codes, xs);
            for c in 0..C {
                for sign in 0..2 {
                    self.add_scaled(unit, at, (c, sign), by_sign[c][sign]);
                }
            }
        } else {
            let sums = unit.tile(codes, xs);
            for c in 0..C {
                self.add_scaled(unit, at, (c, 0), sums[c]);
            }
        }
    }
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
