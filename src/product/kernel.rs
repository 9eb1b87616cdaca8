//! The loops: some rows times some vectors, tile by tile.
//!
//! Several rows at once share the loads of the activations, and give the processor more to do than one chain of additions;
//! several vectors at once share what is taken out of the codes.

use alloc::vec::Vec;

use super::lay_out::{Laid, Tile, Version};
use super::scales::Scaling;
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

/// By how many bytes a later tile, of rows that come in some blocks, lies behind one.
#[inline(always)]
fn ahead<S: Source>(source: &S, rows: usize) -> usize {
    let distance = source.distance(rows).max(1);
    AHEAD.div_ceil(distance) * distance
}

/// The tile of a row, as digits are taken from it.
#[inline(always)]
fn codes<T: Digits<P>, S: Source, const P: usize>(
    unit: T,
    source: &S,
    row: usize,
    tile: usize,
    ahead: usize,
) -> [u8; TILE] {
    let mut spare = [0; TILE];
    let codes = source.tile(row, tile, &mut spare);
    unit.vector().prefetch(codes, ahead);
    if S::NUMBERS {
        unit.fractions(codes)
    } else {
        *codes
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
    let ahead = ahead(source, R);
    let mut totals = [[[0; 2]; C]; R];
    for chunk in 0..versions[0][0].less.len() {
        let mut running = [[unit.start(&[0; 16]); C]; R];
        let mut xs = [[&[][..]; C]; R];
        for r in 0..R {
            for c in 0..C {
                let Version { tiles, less } = versions[r][c];
                running[r][c] = unit.start(&less[chunk]);
                xs[r][c] = &tiles[chunk * MOST_TILES..];
            }
        }
        let tiles = xs[0][0].len().min(MOST_TILES);
        for tile in 0..tiles {
            for r in 0..R {
                let at = chunk * MOST_TILES + tile;
                let weights = unit.weights(&codes(unit, source, row + r, at, ahead));
                for c in 0..C {
                    running[r][c] = unit.add(running[r][c], &weights, &xs[r][c][tile].x);
                }
            }
        }
        for r in 0..R {
            for c in 0..C {
                totals[r][c][0] += total(unit.array(unit.finish(running[r][c])));
            }
        }
    }
    totals
}

/// The sums of `x` over the +1 trits, and over the -1 trits.
#[inline(always)]
fn signed_sums<T: Digits<P>, S: Source, const P: usize, const R: usize, const C: usize>(
    unit: T,
    source: &S,
    row: usize,
    versions: Versions<'_, P, R, C>,
) -> [[[i64; 2]; C]; R] {
    let ahead = ahead(source, R);
    let mut totals = [[[0; 2]; C]; R];
    for chunk in 0..versions[0][0].less.len() {
        let mut sums = [[[unit.load_sums(&[0; 16]); 2]; C]; R];
        let mut xs = [[&[][..]; C]; R];
        for r in 0..R {
            for c in 0..C {
                xs[r][c] = &versions[r][c].tiles[chunk * MOST_TILES..];
            }
        }
        let tiles = xs[0][0].len().min(MOST_TILES);
        for tile in 0..tiles {
            for r in 0..R {
                let at = chunk * MOST_TILES + tile;
                let signs = unit.signs(&codes(unit, source, row + r, at, ahead));
                for c in 0..C {
                    let Tile { x, less } = &xs[r][c][tile];
                    let [plus, minus] = unit.signed(&signs, x, less);
                    sums[r][c][0] = unit.add_sums(sums[r][c][0], plus);
                    sums[r][c][1] = unit.add_sums(sums[r][c][1], minus);
                }
            }
        }
        for r in 0..R {
            for c in 0..C {
                totals[r][c][0] += total(unit.array(sums[r][c][0]));
                totals[r][c][1] += total(unit.array(sums[r][c][1]));
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
        let tiles = versions[0][0].tiles.len();
        let scales = self.scales::<T, P, R, C>(unit, row, xs, scratch);
        let ahead = ahead(&self.source, R);
        let mut sums = [[vector.splat(0.0); C]; R];
        for tile in 0..tiles {
            for r in 0..R {
                let codes = codes(unit, &self.source, row + r, tile, ahead);
                let weights = unit.weights(&codes);
                for c in 0..C {
                    let Tile { x, less } = &versions[r][c].tiles[tile];
                    let [plus, minus] = scales[r][c];
                    let more = if K::TWO {
                        let [p, m] = unit.signed(&unit.signs(&codes), x, less);
                        let p =
                            vector.multiply(unit.singles(p), scale::<T, K, P>(unit, plus, tile));
                        sums[r][c] = vector.add(sums[r][c], p);
                        vector.multiply(unit.singles(m), scale::<T, K, P>(unit, minus, tile))
                    } else {
                        let sums = unit.add(unit.start(less), &weights, x);
                        let sums = unit.singles(unit.finish(sums));
                        vector.multiply(sums, scale::<T, K, P>(unit, plus, tile))
                    };
                    sums[r][c] = vector.add(sums[r][c], more);
                }
            }
        }
        let mut y = [[0.0; C]; R];
        for r in 0..R {
            for c in 0..C {
                y[r][c] = fold(vector.array(sums[r][c]));
            }
        }
        y
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
    match scales[16 * tile..].first_chunk() {
        Some(lanes) => vector.load(lanes),
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
        let length = xs[0].scales.len() * K::SINGLES;
        scratch.resize((1 + R * C) * kinds * length, 0.0);
        let (own, all) = scratch.split_at_mut(kinds * length);
        let mut products = all.chunks_exact_mut(length.max(1));
        for r in 0..R {
            let (plus, minus) = own.split_at_mut(length);
            self.scaling.write(unit, row + r, plus, minus);
            for x in xs {
                for own in own.chunks_exact(length.max(1)) {
                    let product = products.next().unwrap_or_default();
                    let tiles = product.chunks_exact_mut(K::SINGLES);
                    for ((product, own), d) in
                        tiles.zip(own.chunks_exact(K::SINGLES)).zip(&x.scales)
                    {
                        for (product, own) in product.iter_mut().zip(own) {
                            *product = own * d;
                        }
                    }
                }
            }
        }
        let mut scales = [[[&[][..]; 2]; C]; R];
        let mut products = all.chunks_exact(length.max(1));
        for scales in scales.as_flattened_mut() {
            for scale in scales.iter_mut().take(kinds) {
                *scale = products.next().unwrap_or_default();
            }
        }
        scales
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
