//! The loops: some rows times some vectors, tile by tile.
//!
//! Several rows at once share the loads of the activations, and give the processor more to do than one chain of additions;
//! several vectors at once share what is taken out of the codes.

#![expect(
    clippy::needless_range_loop,
    reason = "several arrays side by side; iterators would be closures, compiled without the instructions of a backend"
)]

use alloc::vec::Vec;
use core::marker::PhantomData;
use core::ops::Range;

use super::lay_out::{Laid, Tile, Version};
use super::scales::{LANE_PAIRS, Scaling};
use super::source::Source;
use crate::backend::{Digits, MOST_TILES, TILE, Vector};

/// Bytes of codes that are asked for before they are needed.
const AHEAD: usize = 4096;

/// A product, a block of rows and vectors at a time.
pub(crate) trait Product<const P: usize>: Copy + Sync {
    /// `R` rows from `row` on, times `C` vectors; `scratch` is for whatever it needs.
    fn block<T: Digits<P>, const R: usize, const C: usize>(
        &self,
        unit: T,
        row: usize,
        xs: [&Laid<P>; C],
        scratch: &mut Vec<f32>,
    ) -> [[f32; C]; R];
}

/// One scale, or two, for each row, and one for the vector: the sums are exact.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Exact<'a, S, const TWO: bool> {
    pub(crate) source: S,
    pub(crate) lambda_p: &'a [f32],
    pub(crate) lambda_n: &'a [f32],
    /// 1 if each row has scales, 0 if all share one.
    pub(crate) step: usize,
}

impl<S: Source, const TWO: bool, const P: usize> Product<P> for Exact<'_, S, TWO> {
    #[inline(always)]
    fn block<T: Digits<P>, const R: usize, const C: usize>(
        &self,
        unit: T,
        row: usize,
        xs: [&Laid<P>; C],
        _: &mut Vec<f32>,
    ) -> [[f32; C]; R] {
        let versions = versions::<S, P, R, C>(&self.source, row, xs);
        let mut y = [[0.0; C]; R];
        let sums = if TWO {
            signed_sums(unit, &self.source, row, versions)
        } else {
            sums(unit, &self.source, row, versions)
        };
        for r in 0..R {
            let at = (row + r) * self.step;
            let scale = |lambdas: &[f32]| lambdas.get(at).copied().unwrap_or_default();
            for c in 0..C {
                let d = xs[c].only_scale;
                let [plus, minus] = sums[r][c];
                y[r][c] = plus as f32 * (scale(self.lambda_p) * d);
                if TWO {
                    y[r][c] -= minus as f32 * (scale(self.lambda_n) * d);
                }
            }
        }
        y
    }
}

/// The vectors as the rows want them.
type Versions<'x, const P: usize, const R: usize, const C: usize> = [[&'x Version<P>; C]; R];

#[inline(always)]
fn versions<'x, S: Source, const P: usize, const R: usize, const C: usize>(
    source: &S,
    row: usize,
    xs: [&'x Laid<P>; C],
) -> Versions<'x, P, R, C> {
    let mut versions = [xs.map(|x| &x.versions[0]); R];
    for (r, versions) in versions.iter_mut().enumerate() {
        let which = source.version(row + r);
        for (version, x) in versions.iter_mut().zip(xs) {
            *version = &x.versions[which];
        }
    }
    versions
}

/// Sums over the tiles of some rows, for some vectors.
trait Accumulate<T: Digits<P>, const P: usize, const R: usize, const C: usize> {
    /// Adds a tile of one of the rows: of its codes, and of the activations that meet them.
    fn add(&mut self, unit: T, r: usize, tile: usize, codes: &[u8; TILE], xs: [&Tile<P>; C]);
}

/// All tiles of a block of rows.
#[inline(always)]
fn for_each_tile<T, S, A, const P: usize, const R: usize, const C: usize>(
    unit: T,
    source: &S,
    row: usize,
    versions: Versions<'_, P, R, C>,
    tiles: Range<usize>,
    sums: &mut A,
) where
    T: Digits<P>,
    S: Source,
    A: Accumulate<T, P, R, C>,
{
    let distance = source.distance(R).max(1);
    let ahead = AHEAD.div_ceil(distance) * distance;
    // The last row has the fewest bytes; what it lacks is beyond the end of all.
    let bytes = source.bytes(row + R - 1).len();
    let whole = match bytes.checked_sub(S::SPAN) {
        Some(more) => (more / S::STRIDE + 1).clamp(tiles.start, tiles.end),
        None => tiles.start,
    };
    // Slices of equal lengths, so that one comparison serves for all. That they are long enough only the compiler doubts.
    let span = (whole * S::STRIDE + S::SPAN).saturating_sub(S::STRIDE);
    let mut rows = [&[][..]; R];
    let mut xs = [[&[][..]; C]; R];
    for r in 0..R {
        let Some(bytes) = source.bytes(row + r).get(..span) else {
            return;
        };
        rows[r] = bytes;
        for c in 0..C {
            let Some(x) = versions[r][c].tiles.get(..whole) else {
                return;
            };
            xs[r][c] = x;
        }
    }
    for tile in tiles.start..whole {
        for r in 0..R {
            let mut spare = [0; TILE];
            let codes = S::tile(rows[r], tile * S::STRIDE, &mut spare);
            unit.vector().prefetch(codes, ahead);
            let version = if S::ALIGNED { 0 } else { r };
            let mut here = [&xs[version][0][tile]; C];
            for c in 1..C {
                here[c] = &xs[version][c][tile];
            }
            if S::NUMBERS {
                sums.add(unit, r, tile, &unit.fractions(codes), here);
            } else {
                sums.add(unit, r, tile, codes, here);
            }
        }
    }
    for tile in whole..tiles.end {
        for r in 0..R {
            let (mut filled, mut spare) = ([0; 2 * TILE], [0; TILE]);
            let rest = source.bytes(row + r).get(tile * S::STRIDE..);
            for (slot, &byte) in filled.iter_mut().zip(rest.unwrap_or_default()) {
                *slot = byte;
            }
            let mut codes = *S::tile(&filled, 0, &mut spare);
            if S::NUMBERS {
                codes = unit.fractions(&codes);
            }
            sums.add(unit, r, tile, &codes, versions[r].map(|x| &x.tiles[tile]));
        }
    }
}

/// `sum t x`.
struct Totals<T: Digits<P>, const P: usize, const R: usize, const C: usize> {
    running: [[T::Running; C]; R],
}

impl<T: Digits<P>, const P: usize, const R: usize, const C: usize> Accumulate<T, P, R, C>
    for Totals<T, P, R, C>
{
    #[inline(always)]
    fn add(&mut self, unit: T, r: usize, _: usize, codes: &[u8; TILE], xs: [&Tile<P>; C]) {
        let weights = unit.weights(codes);
        for c in 0..C {
            self.running[r][c] = unit.add(self.running[r][c], &weights, &xs[c].x);
        }
    }
}

/// `sum t x`, with zero beside it.
#[inline(always)]
fn sums<T: Digits<P>, S: Source, const P: usize, const R: usize, const C: usize>(
    unit: T,
    source: &S,
    row: usize,
    versions: Versions<'_, P, R, C>,
) -> [[[i64; 2]; C]; R] {
    let mut totals = [[[0; 2]; C]; R];
    let tiles = versions[0][0].tiles.len();
    for chunk in 0..versions[0][0].less.len() {
        let mut sums = Totals {
            running: [[unit.start(&[0; 16]); C]; R],
        };
        for r in 0..R {
            for c in 0..C {
                sums.running[r][c] = unit.start(&versions[r][c].less[chunk]);
            }
        }
        let range = chunk * MOST_TILES..tiles.min((chunk + 1) * MOST_TILES);
        for_each_tile(unit, source, row, versions, range, &mut sums);
        for r in 0..R {
            for c in 0..C {
                totals[r][c][0] += total(unit.array(unit.finish(sums.running[r][c])));
            }
        }
    }
    totals
}

/// The sums of `x` over the +1 trits, and over the -1 trits.
struct SignedTotals<T: Digits<P>, const P: usize, const R: usize, const C: usize> {
    sums: [[[T::Sums; 2]; C]; R],
}

impl<T: Digits<P>, const P: usize, const R: usize, const C: usize> Accumulate<T, P, R, C>
    for SignedTotals<T, P, R, C>
{
    #[inline(always)]
    fn add(&mut self, unit: T, r: usize, _: usize, codes: &[u8; TILE], xs: [&Tile<P>; C]) {
        let signs = unit.signs(codes);
        for c in 0..C {
            let Tile { x, less } = xs[c];
            let [plus, minus] = unit.signed(&signs, x, less);
            let sums = &mut self.sums[r][c];
            *sums = [unit.add_sums(sums[0], plus), unit.add_sums(sums[1], minus)];
        }
    }
}

/// The sums of `x` over the +1 trits, and over the -1 trits.
#[inline(always)]
fn signed_sums<T: Digits<P>, S: Source, const P: usize, const R: usize, const C: usize>(
    unit: T,
    source: &S,
    row: usize,
    versions: Versions<'_, P, R, C>,
) -> [[[i64; 2]; C]; R] {
    let mut totals = [[[0; 2]; C]; R];
    let tiles = versions[0][0].tiles.len();
    for chunk in 0..versions[0][0].less.len() {
        let mut sums = SignedTotals::<T, P, R, C> {
            sums: [[[unit.load_sums(&[0; 16]); 2]; C]; R],
        };
        let range = chunk * MOST_TILES..tiles.min((chunk + 1) * MOST_TILES);
        for_each_tile(unit, source, row, versions, range, &mut sums);
        for r in 0..R {
            for c in 0..C {
                for sign in 0..2 {
                    totals[r][c][sign] += total(unit.array(sums.sums[r][c][sign]));
                }
            }
        }
    }
    totals
}

#[inline(always)]
fn total(lanes: [i32; 16]) -> i64 {
    let mut total = 0;
    for lane in lanes {
        total += i64::from(lane);
    }
    total
}

/// More scales than that: each tile is scaled on its own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scaled<S, K> {
    pub(crate) source: S,
    pub(crate) scaling: K,
}

impl<S: Source, K: Scaling, const P: usize> Product<P> for Scaled<S, K> {
    #[inline(always)]
    fn block<T: Digits<P>, const R: usize, const C: usize>(
        &self,
        unit: T,
        row: usize,
        xs: [&Laid<P>; C],
        scratch: &mut Vec<f32>,
    ) -> [[f32; C]; R] {
        let vector = unit.vector();
        let versions = versions::<S, P, R, C>(&self.source, row, xs);
        let mut sums = ScaledSums::<T, K, P, R, C> {
            sums: [[vector.splat(0.0); C]; R],
            scales: self.scales::<T, P, R, C>(unit, row, xs, scratch),
            scaling: PhantomData,
        };
        let tiles = 0..versions[0][0].tiles.len();
        for_each_tile(unit, &self.source, row, versions, tiles, &mut sums);
        let mut y = [[0.0; C]; R];
        for r in 0..R {
            for c in 0..C {
                y[r][c] = fold(vector.array(sums.sums[r][c]));
            }
        }
        y
    }
}

/// Singles that each tile is added to, times its scales.
struct ScaledSums<'x, T: Digits<P>, K, const P: usize, const R: usize, const C: usize> {
    sums: [[<T::V as Vector>::Singles; C]; R],
    scales: [[[&'x [f32]; 2]; C]; R],
    scaling: PhantomData<K>,
}

impl<T: Digits<P>, K: Scaling, const P: usize, const R: usize, const C: usize>
    Accumulate<T, P, R, C> for ScaledSums<'_, T, K, P, R, C>
{
    #[inline(always)]
    fn add(&mut self, unit: T, r: usize, tile: usize, codes: &[u8; TILE], xs: [&Tile<P>; C]) {
        let vector = unit.vector();
        if K::TWO {
            let signs = unit.signs(codes);
            for c in 0..C {
                let Tile { x, less } = xs[c];
                let sums = unit.signed(&signs, x, less);
                for sign in 0..2 {
                    let lambda = scale::<T, K, P>(unit, self.scales[r][c][sign], tile);
                    let more = vector.multiply(unit.singles(sums[sign]), lambda);
                    self.sums[r][c] = vector.add(self.sums[r][c], more);
                }
            }
        } else {
            let weights = unit.weights(codes);
            for c in 0..C {
                let Tile { x, less } = xs[c];
                let sums = unit.finish(unit.add(unit.start(less), &weights, x));
                let lambda = scale::<T, K, P>(unit, self.scales[r][c][0], tile);
                let more = vector.multiply(unit.singles(sums), lambda);
                self.sums[r][c] = vector.add(self.sums[r][c], more);
            }
        }
    }
}

/// The scales of a tile in a row of scales.
#[inline(always)]
fn scale<T: Digits<P>, K: Scaling, const P: usize>(
    unit: T,
    scales: &[f32],
    tile: usize,
) -> <T::V as Vector>::Singles {
    let vector = unit.vector();
    if K::SINGLES == 1 {
        return vector.splat(scales[tile]);
    }
    match scales[LANE_PAIRS * tile..].first_chunk() {
        Some(pairs) => {
            let pairs = vector.load(pairs);
            vector.zip(pairs, pairs)[0]
        }
        None => vector.splat(0.0),
    }
}

impl<S: Source, K: Scaling> Scaled<S, K> {
    /// The scales of rows and vectors, multiplied: for the +1 trits, or all, and for the -1 trits.
    #[inline(always)]
    fn scales<'s, T: Digits<P>, const P: usize, const R: usize, const C: usize>(
        &self,
        unit: T,
        row: usize,
        xs: [&Laid<P>; C],
        scratch: &'s mut Vec<f32>,
    ) -> [[[&'s [f32]; 2]; C]; R] {
        let kinds = if K::TWO { 2 } else { 1 };
        // Sixteen are loaded at a time, of which the first few count.
        let length = xs[0].scales.len() * K::SINGLES + 16;
        scratch.clear();
        scratch.resize((1 + R * C) * kinds * length, 0.0);
        let (own, all) = scratch.split_at_mut(kinds * length);
        let mut products = all.chunks_exact_mut(length);
        for r in 0..R {
            // What no scale is written for meets no activation, but what is left there must be a number.
            own.fill(0.0);
            let (plus, minus) = own.split_at_mut(length);
            let minus = minus.get_mut(..length - 16).unwrap_or_default();
            self.scaling
                .write(unit, row + r, &mut plus[..length - 16], minus);
            for x in xs {
                for own in own.chunks_exact(length) {
                    if let Some(product) = products.next() {
                        multiply::<K>(own, &x.scales, product);
                    }
                }
            }
        }
        let mut scales = [[[&[][..]; 2]; C]; R];
        let mut products = all.chunks_exact(length);
        for scales in scales.as_flattened_mut() {
            for scale in scales.iter_mut().take(kinds) {
                *scale = products.next().unwrap_or_default();
            }
        }
        scales
    }
}

/// The scales of the weights times those of the tiles of activations.
#[inline(always)]
fn multiply<K: Scaling>(own: &[f32], tiles: &[f32], products: &mut [f32]) {
    if K::SINGLES == 1 {
        for ((product, own), d) in products.iter_mut().zip(own).zip(tiles) {
            *product = own * d;
        }
        return;
    }
    let (products, _) = products.as_chunks_mut::<LANE_PAIRS>();
    let (own, _) = own.as_chunks::<LANE_PAIRS>();
    for ((products, own), d) in products.iter_mut().zip(own).zip(tiles) {
        for (product, own) in products.iter_mut().zip(own) {
            *product = own * d;
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
