//! The loops: some rows times some vectors, tile by tile. Each is a [`TileJob`], compiled once for each backend.
//!
//! Several rows at once share the loads of the activations and hide the latency of the additions. Several vectors at once share
//! the decoding of the codes.

#![expect(
    clippy::needless_range_loop,
    reason = "several arrays side by side; iterators would be closures, compiled without the instructions of a backend"
)]

use super::scales::LANE_PAIRS;
use crate::simd::{
    ActivationTile, Backend, Digits, EqualSlices, MOST_TILES, TILE, TileJob, TileRows, TileUnit,
    Vector,
};

/// `R` rows of codes and the `C` vectors that they meet.
#[derive(Clone, Copy)]
pub(crate) struct Strip<'a, const P: usize, const R: usize, const C: usize> {
    pub(super) rows: TileRows<'a, R>,
    /// For each row, as rows may begin at different digits of a byte.
    pub(super) xs: [[&'a [ActivationTile<P>]; C]; R],
    /// The prefetch distance in bytes.
    pub(super) ahead: usize,
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

impl<'a, const P: usize, const R: usize, const C: usize> Strip<'a, P, R, C> {
    /// One row of it.
    #[inline(always)]
    fn row(&self, r: usize) -> Strip<'a, P, 1, C> {
        Strip {
            rows: self.rows.row(r),
            xs: [self.xs[r]],
            ahead: self.ahead,
        }
    }

    /// Adds all tiles, tile after tile.
    #[inline(always)]
    fn for_each_tile<T, S>(&self, unit: T, sums: &mut S)
    where
        T: Digits<P>,
        S: TileSums<T, P, R, C>,
    {
        let Self { rows, xs, ahead } = *self;
        let Some(vectors) = EqualSlices::new(xs, rows.len()) else {
            return;
        };
        let mut start = 0;
        while start < rows.len() {
            let end = if const { S::SHORT < MOST_TILES } {
                rows.len().min(start + S::SHORT)
            } else {
                rows.len()
            };
            for tile in start..end {
                for r in 0..R {
                    let codes = rows.tile(r, tile);
                    unit.vector().prefetch(codes, ahead);
                    let which = if S::ALIGNED { 0 } else { r };
                    let Some(first) = vectors.get(which, 0, tile) else {
                        return;
                    };
                    let mut here = [first; C];
                    for c in 1..C {
                        here[c] = vectors.get(which, c, tile).unwrap_or(first);
                    }
                    sums.add(unit, r, tile, codes, here);
                }
            }
            sums.settle(unit);
            start = end;
        }
    }
}

/// Exact sums of trits times activations: `[sum t x, 0]`, or if `TWO`, the sums under the +1 and under the -1 trits. At most
/// [`MOST_TILES`](crate::simd::MOST_TILES) tiles.
pub(super) struct ExactSums<'a, const P: usize, const R: usize, const C: usize, const TWO: bool> {
    pub(super) strip: Strip<'a, P, R, C>,
    /// Minus the sums of all activations of the strip, lane by lane.
    pub(super) less: [[&'a [i32; 16]; C]; R],
}

impl<const P: usize, const R: usize, const C: usize, const TWO: bool> ExactSums<'_, P, R, C, TWO> {
    #[inline(always)]
    fn sums<T: Digits<P>>(&self, unit: T) -> [[[i64; 2]; C]; R] {
        let mut totals = [[[0; 2]; C]; R];
        if const { !T::ROWS } {
            for r in 0..R {
                let row = ExactSums::<P, 1, C, TWO> {
                    strip: self.strip.row(r),
                    less: [self.less[r]],
                };
                [totals[r]] = row.add_up(unit);
            }
            return totals;
        }
        self.add_up(unit)
    }

    #[inline(always)]
    fn add_up<T: Digits<P>>(&self, unit: T) -> [[[i64; 2]; C]; R] {
        let mut totals = [[[0; 2]; C]; R];
        if TWO {
            let zeros = unit.load_sums(&[0; 16]);
            let mut sums = SumsBySign([[[zeros; 2]; C]; R]);
            self.strip.for_each_tile(unit, &mut sums);
            for r in 0..R {
                for c in 0..C {
                    for sign in 0..2 {
                        totals[r][c][sign] = i64::from(unit.total(sums.0[r][c][sign]));
                    }
                }
            }
        } else {
            let mut sums = RunningSums([[unit.start(self.less[0][0]); C]; R]);
            for r in 0..R {
                for c in 0..C {
                    sums.0[r][c] = unit.start(self.less[r][c]);
                }
            }
            self.strip.for_each_tile(unit, &mut sums);
            for r in 0..R {
                for c in 0..C {
                    totals[r][c][0] = i64::from(unit.total(unit.finish(sums.0[r][c])));
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

/// Sums of tiles times their scales, in the defined order. With `LANES` each pair of lanes has a scale of its own, without it a
/// tile has one; if `TWO`, those of the -1 trits are others.
pub(super) struct ScaledSums<
    'a,
    const P: usize,
    const R: usize,
    const C: usize,
    const LANES: bool,
    const TWO: bool,
> {
    pub(super) strip: Strip<'a, P, R, C>,
    /// The scales of the weights times those of the activations: for each tile 1, or [`LANE_PAIRS`].
    pub(super) scales: [[[&'a [f32]; 2]; C]; R],
}

impl<const P: usize, const R: usize, const C: usize, const LANES: bool, const TWO: bool>
    ScaledSums<'_, P, R, C, LANES, TWO>
{
    #[inline(always)]
    fn sums<T: Digits<P>>(&self, unit: T) -> [[f32; C]; R] {
        let mut y = [[0.0; C]; R];
        if const { !T::ROWS } {
            for r in 0..R {
                let row = ScaledSums::<P, 1, C, LANES, TWO> {
                    strip: self.strip.row(r),
                    scales: [self.scales[r]],
                };
                [y[r]] = row.add_up(unit);
            }
            return y;
        }
        self.add_up(unit)
    }

    /// The scales of the +1 trits, or of the -1 trits: those of tiles, or those of the pairs of lanes of tiles.
    #[inline(always)]
    fn of_sign<U>(&self, sign: usize, part: impl Fn(&[f32]) -> &[U]) -> [[&[U]; C]; R] {
        let mut scales = [[&[][..]; C]; R];
        for r in 0..R {
            for c in 0..C {
                scales[r][c] = part(self.scales[r][c][sign]);
            }
        }
        scales
    }

    #[inline(always)]
    fn add_up<T: Digits<P>>(&self, unit: T) -> [[f32; C]; R] {
        let mut y = [[0.0; C]; R];
        let (vector, tiles) = (unit.vector(), self.strip.rows.len());
        let lanes = if LANES { tiles } else { 0 };
        let (Some(of_tiles), Some(of_lanes)) = (
            EqualSlices::new(self.of_sign(0, |scales| scales), tiles),
            EqualSlices::new(self.of_sign(0, |scales| scales.as_chunks().0), lanes),
        ) else {
            return y;
        };
        let mut sums = FloatSums::<_, R, C, LANES, TWO> {
            sums: [[vector.splat(0.0); C]; R],
            of_tiles: [of_tiles; 2],
            of_lanes: [of_lanes; 2],
        };
        if TWO {
            let (Some(of_tiles), Some(of_lanes)) = (
                EqualSlices::new(self.of_sign(1, |scales| scales), tiles),
                EqualSlices::new(self.of_sign(1, |scales| scales.as_chunks().0), lanes),
            ) else {
                return y;
            };
            (sums.of_tiles[1], sums.of_lanes[1]) = (of_tiles, of_lanes);
        }
        self.strip.for_each_tile(unit, &mut sums);
        for r in 0..R {
            for c in 0..C {
                y[r][c] = fold(vector.array(sums.sums[r][c]));
            }
        }
        y
    }
}

/// Sixteen f32 sums for each row and vector, and for both signs the scales of their tiles, or of the pairs of lanes of these.
struct FloatSums<'a, F, const R: usize, const C: usize, const LANES: bool, const TWO: bool> {
    sums: [[F; C]; R],
    of_tiles: [EqualSlices<'a, f32, R, C>; 2],
    of_lanes: [EqualSlices<'a, [f32; LANE_PAIRS], R, C>; 2],
}

impl<F: Copy, const R: usize, const C: usize, const LANES: bool, const TWO: bool>
    FloatSums<'_, F, R, C, LANES, TWO>
{
    /// The scale of a tile, in all lanes.
    #[inline(always)]
    fn scale<V: Vector<Singles = F>>(
        &self,
        vector: V,
        (r, c, sign): (usize, usize, usize),
        tile: usize,
    ) -> F {
        if LANES {
            let scales = self.of_lanes[sign].get(r, c, tile);
            let pairs = vector.load_twice(scales.unwrap_or(&[0.0; LANE_PAIRS]));
            vector.zip(pairs, pairs)[0]
        } else {
            let scale = self.of_tiles[sign].get(r, c, tile);
            vector.splat(*scale.unwrap_or(&0.0))
        }
    }
}

impl<T, const P: usize, const R: usize, const C: usize, const LANES: bool, const TWO: bool>
    TileSums<T, P, R, C> for FloatSums<'_, <T::V as Vector>::Singles, R, C, LANES, TWO>
where
    T: Digits<P>,
{
    const ALIGNED: bool = true;

    #[inline(always)]
    fn add(
        &mut self,
        unit: T,
        r: usize,
        tile: usize,
        codes: &[u8; TILE],
        xs: [&ActivationTile<P>; C],
    ) {
        let vector = unit.vector();
        if TWO {
            let by_sign = unit.tile_by_sign(codes, xs);
            for c in 0..C {
                for sign in 0..2 {
                    let scale = self.scale(vector, (r, c, sign), tile);
                    let more = vector.multiply(unit.to_floats(by_sign[c][sign]), scale);
                    self.sums[r][c] = vector.add(self.sums[r][c], more);
                }
            }
        } else {
            let sums = unit.tile(codes, xs);
            for c in 0..C {
                let scale = self.scale(vector, (r, c, 0), tile);
                let more = vector.multiply(unit.to_floats(sums[c]), scale);
                self.sums[r][c] = vector.add(self.sums[r][c], more);
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

/// The loops for tiles of `P` digits. There is an implementation for 4 and one for 5: no other unit has tiles of `P` digits.
pub(crate) trait Kernels<const P: usize> {
    /// Exact sums: `[sum t x, 0]`, or if `two`, by sign.
    fn exact_sums<const R: usize, const C: usize>(
        self,
        strip: Strip<'_, P, R, C>,
        less: [[&[i32; 16]; C]; R],
        two: bool,
    ) -> [[[i64; 2]; C]; R];

    /// Sums of tiles times their scales: one for each tile, or with `lanes` one for each pair of lanes.
    fn scaled_sums<const R: usize, const C: usize>(
        self,
        strip: Strip<'_, P, R, C>,
        scales: [[[&[f32]; 2]; C]; R],
        lanes_and_two: (bool, bool),
    ) -> [[f32; C]; R];
}

/// Both implementations, with the combinations of `(lanes, two)` that occur.
macro_rules! kernels {
    ($digits:literal: $($(#[$attribute:meta])* ($lanes:literal, $two:literal)),*) => {
        impl Kernels<$digits> for Backend {
            fn exact_sums<const R: usize, const C: usize>(
                self,
                strip: Strip<'_, $digits, R, C>,
                less: [[&[i32; 16]; C]; R],
                two: bool,
            ) -> [[[i64; 2]; C]; R] {
                if two {
                    self.run_tiles(&ExactSums::<$digits, R, C, true> { strip, less })
                } else {
                    self.run_tiles(&ExactSums::<$digits, R, C, false> { strip, less })
                }
            }

            fn scaled_sums<const R: usize, const C: usize>(
                self,
                strip: Strip<'_, $digits, R, C>,
                scales: [[[&[f32]; 2]; C]; R],
                lanes_and_two: (bool, bool),
            ) -> [[f32; C]; R] {
                $($(#[$attribute])*
                if lanes_and_two == ($lanes, $two) {
                    return self.run_tiles(&ScaledSums::<$digits, R, C, $lanes, $two> {
                        strip,
                        scales,
                    });
                })*
                debug_assert!(strip.rows.len() == 0, "no matrix has such scales");
                let _ = (scales, lanes_and_two);
                [[0.0; C]; R]
            }
        }

        impl<const R: usize, const C: usize, const TWO: bool> TileJob
            for &ExactSums<'_, $digits, R, C, TWO>
        {
            type Output = [[[i64; 2]; C]; R];

            #[inline(always)]
            fn run<T: TileUnit>(self, unit: T) -> Self::Output {
                self.sums(unit)
            }
        }

        impl<const R: usize, const C: usize, const LANES: bool, const TWO: bool> TileJob
            for &ScaledSums<'_, $digits, R, C, LANES, TWO>
        {
            type Output = [[f32; C]; R];

            #[inline(always)]
            fn run<T: TileUnit>(self, unit: T) -> Self::Output {
                self.sums(unit)
            }
        }
    };
}

kernels!(4: (false, false), (false, true), (true, false), (true, true));
kernels!(5: #[cfg(feature = "half")] (false, false), #[cfg(feature = "half")] (true, false));
