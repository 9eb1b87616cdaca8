//! The loop: some rows times some vectors, tile by tile.
//!
//! Several rows at once share the loads of the activations, and give the processor more to do than one chain of additions;
//! several vectors at once share what is taken out of the codes.

#![expect(
    clippy::needless_range_loop,
    reason = "several arrays side by side; iterators would be closures, compiled without the instructions of a backend"
)]

use alloc::vec::Vec;
use core::ops::Range;

use super::lay_out::{Laid, Tile, Version};
use super::source::Source;
use crate::simd::{Digits, TILE, Vector};

/// Bytes of codes that are asked for before they are needed.
const AHEAD: usize = 12288;

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

/// The vectors as the rows want them.
pub(super) type Versions<'x, const P: usize, const R: usize, const C: usize> =
    [[&'x Version<P>; C]; R];

#[inline(always)]
pub(super) fn versions<'x, S: Source, const P: usize, const R: usize, const C: usize>(
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
pub(super) trait Accumulate<T: Digits<P>, const P: usize, const R: usize, const C: usize> {
    /// Adds a tile of one of the rows: of its codes, and of the activations that meet them.
    fn add(&mut self, unit: T, r: usize, tile: usize, codes: &[u8; TILE], xs: [&Tile<P>; C]);
}

/// All tiles of a block of rows.
#[inline(always)]
pub(super) fn for_each_tile<T, S, A, const P: usize, const R: usize, const C: usize>(
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
