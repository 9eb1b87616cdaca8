//! More scales than one for a row and one for the vector: each tile is scaled on its own.

#![expect(
    clippy::needless_range_loop,
    reason = "several arrays side by side; iterators would be closures, compiled without the instructions of a backend"
)]

use alloc::vec::Vec;
use core::marker::PhantomData;

use super::kernel::{Accumulate, Product, for_each_tile, versions};
use super::lay_out::{Laid, Tile};
use super::scales::{LANE_PAIRS, Scaling};
use super::source::Source;
use crate::simd::{Digits, TILE, Vector};

/// Codes, and the scales of their rows.
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
