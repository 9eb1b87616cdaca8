//! The order of the activations in which they meet the digits of a matrix.
//!
//! In the codes of this crate a byte has `P` consecutive elements of a row: [`Split`] separates a vector by remainders, and each plane of
//! each tile is a piece of one of these parts, whatever digit a row begins with. Other programs' formats have an order of their own in
//! each block: [`BlockOrder`].

use alloc::vec;
use alloc::vec::Vec;

use crate::matmul::Activations;
use crate::simd::{ActivationTile, Backend, Job, MOST_TILES, TILE, Vector};

/// Which element of a row meets which digit of a tile: runs of equally spaced elements that become adjacent.
#[cfg(feature = "half")]
#[derive(Clone, Debug)]
pub(crate) struct BlockOrder {
    elements: usize,
    runs: Vec<ElementRun>,
}

/// Equally spaced elements of a tile that become adjacent.
#[derive(Clone, Copy, Debug)]
#[cfg(feature = "half")]
pub(crate) struct ElementRun {
    /// The first element.
    pub(crate) element: usize,
    /// From each element to the next.
    pub(crate) step: usize,
    /// The digit and the byte that the first element meets.
    pub(crate) digit: usize,
    pub(crate) byte: usize,
    /// The number of elements.
    pub(crate) len: usize,
}

#[cfg(feature = "half")]
impl BlockOrder {
    /// A tile of so many elements.
    pub(crate) fn new(elements: usize, runs: impl Iterator<Item = ElementRun>) -> Self {
        let runs = runs.collect();
        Self { elements, runs }
    }
}

#[cfg(feature = "half")]
impl ElementRun {
    /// Copies the elements of the run to where they meet their digits.
    #[inline(always)]
    fn copy(&self, from: &[i8], to: &mut [i8]) {
        let from = from.get(self.element..).unwrap_or_default();
        let to = to.get_mut(self.digit * TILE + self.byte..);
        let to = to.unwrap_or_default();
        let to = to.get_mut(..self.len).unwrap_or_default();
        if self.step == 1 {
            let len = from.len().min(to.len());
            to[..len].copy_from_slice(&from[..len]);
            return;
        }
        for (to, &from) in to.iter_mut().zip(from.iter().step_by(self.step)) {
            *to = from;
        }
    }
}

/// Puts the elements of a vector where they meet the digits of blocks.
#[cfg(feature = "half")]
struct ArrangeBlocks<'a, const P: usize> {
    x: &'a [i8],
    order: &'a BlockOrder,
    /// Zeros.
    tiles: &'a mut [ActivationTile<P>],
}

#[cfg(feature = "half")]
impl<const P: usize> Job for ArrangeBlocks<'_, P> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self, _: V) {
        let blocks = self.x.chunks(self.order.elements);
        for (tile, elements) in self.tiles.iter_mut().zip(blocks) {
            for run in &self.order.runs {
                run.copy(elements, tile.x.as_flattened_mut());
            }
            subtract_lanes(tile);
        }
    }
}

/// Separates the elements of a vector by their remainders by `P`: parts of the same length, each behind a zero, and before zeros.
struct Split<'a, const P: usize> {
    x: &'a [i8],
    /// Zeros.
    parts: &'a mut [i8],
}

impl<const P: usize> Job for Split<'_, P> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self, _: V) {
        let (wholes, rest) = self.x.as_chunks::<P>();
        let length = self.parts.len() / P;
        for (p, part) in self.parts.chunks_exact_mut(length).enumerate() {
            let slots = &mut part[1..];
            if let (Some(slot), Some(&x)) = (slots.get_mut(wholes.len()), rest.get(p)) {
                *slot = x;
            }
            if const { P == 4 } {
                // Of shifts the compiler makes vectors.
                for (slot, word) in slots.iter_mut().zip(self.x.as_chunks().0) {
                    let word = u32::from_le_bytes(word.map(i8::cast_unsigned));
                    *slot = (word >> (8 * p)).to_le_bytes()[0].cast_signed();
                }
            } else {
                for (slot, whole) in slots.iter_mut().zip(wholes) {
                    *slot = whole[p];
                }
            }
        }
    }
}

/// Puts the parts of a vector where they meet the digits of rows that begin at the digit `skip` of a byte.
struct ArrangeParts<'a, const P: usize> {
    parts: &'a [i8],
    skip: usize,
    /// Zeros.
    tiles: &'a mut [ActivationTile<P>],
}

impl<const P: usize> Job for ArrangeParts<'_, P> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self, _: V) {
        let length = self.parts.len() / P;
        for (t, tile) in self.tiles.iter_mut().enumerate() {
            for digit in 0..P {
                // The elements whose digit is smaller belong to the byte before.
                let (part, start) = if digit < self.skip {
                    (digit + P - self.skip, TILE * t)
                } else {
                    (digit - self.skip, TILE * t + 1)
                };
                let plane = self.parts.get(part * length + start..);
                if let Some(plane) = plane.unwrap_or_default().first_chunk() {
                    // The first of five digits is the least significant.
                    tile.x[if P == 5 { 4 - digit } else { digit }] = *plane;
                }
            }
            subtract_lanes(tile);
        }
    }
}

/// Subtracts four bytes of all planes from each lane.
#[inline(always)]
fn subtract_lanes<const P: usize>(tile: &mut ActivationTile<P>) {
    for plane in &tile.x {
        let (fours, _) = plane.as_chunks::<4>();
        for (less, four) in tile.less.iter_mut().zip(fours) {
            // Shifts, as the compiler makes vectors of them.
            let word = i32::from_le_bytes(four.map(i8::cast_unsigned));
            *less -= (word << 24 >> 24) + (word << 16 >> 24) + (word << 8 >> 24) + (word >> 24);
        }
    }
}

/// The tiles of a vector for rows that begin at one digit of a byte.
#[derive(Clone, Debug)]
pub(crate) struct TiledVector<const P: usize> {
    pub(super) tiles: Vec<ActivationTile<P>>,
    /// Sums of [`ActivationTile::less`] over [`MOST_TILES`] tiles.
    pub(super) less: Vec<[i32; 16]>,
}

impl<const P: usize> TiledVector<P> {
    /// So many tiles, which are zeros until they are `written`.
    fn new(count: usize, write: impl FnOnce(&mut [ActivationTile<P>])) -> Self {
        let zeros = ActivationTile {
            x: [[0; TILE]; P],
            less: [0; 16],
        };
        let mut tiles = vec![zeros; count];
        write(&mut tiles);
        let less = tiles.chunks(MOST_TILES).map(sum_tiles).collect();
        Self { tiles, less }
    }
}

fn sum_tiles<const P: usize>(tiles: &[ActivationTile<P>]) -> [i32; 16] {
    let mut sums = [0; 16];
    for tile in tiles {
        for (sum, less) in sums.iter_mut().zip(tile.less) {
            *sum += less;
        }
    }
    sums
}

/// A vector in the order in which the rows of a matrix meet it.
#[derive(Clone, Debug)]
pub(crate) struct Arranged<const P: usize> {
    /// By the digit of its first byte at which a row begins; those that no row needs are empty.
    versions: [TiledVector<P>; P],
    /// The scale of the whole vector.
    pub(super) only_scale: f32,
    /// How many tiles a row has.
    tiles: usize,
    /// The scale of each tile, for rows that begin with a byte; then anything up to a multiple of sixteen.
    pub(super) scales: Vec<f32>,
}

impl<const P: usize> Arranged<P> {
    /// For rows that begin at the digits that are marked as used.
    pub(crate) fn for_rows(backend: Backend, x: &Activations<'_>, used: [bool; P]) -> Self {
        // All have the same length, as rows that begin at different digits are multiplied together.
        let last = used.iter().rposition(|&used| used).unwrap_or_default();
        let tiles = (last + x.len()).div_ceil(P * TILE);
        let mut parts = vec![0; P * (tiles * TILE + 1)];
        backend.run(Split::<P> {
            x: x.values(),
            parts: &mut parts,
        });
        let parts = &parts;
        Self::new(x, tiles, P * TILE, |skip| {
            let count = if used[skip] { tiles } else { 0 };
            TiledVector::new(count, |tiles| {
                backend.run(ArrangeParts { parts, skip, tiles });
            })
        })
    }

    /// For rows of a format's blocks.
    #[cfg(feature = "half")]
    pub(crate) fn for_blocks(backend: Backend, x: &Activations<'_>, order: &BlockOrder) -> Self {
        let count = x.len().div_ceil(order.elements);
        Self::new(x, count, order.elements, |skip| {
            let count = if skip == 0 { count } else { 0 };
            TiledVector::new(count, |tiles| {
                backend.run(ArrangeBlocks {
                    x: x.values(),
                    order,
                    tiles,
                });
            })
        })
    }

    /// So many tiles, each of so many elements.
    fn new(
        x: &Activations<'_>,
        tiles: usize,
        elements: usize,
        version: impl FnMut(usize) -> TiledVector<P>,
    ) -> Self {
        let block = |tile| x.scale_of_block(tile * elements / Activations::BLOCK);
        Self {
            versions: core::array::from_fn(version),
            only_scale: x.only_scale().unwrap_or_default(),
            tiles,
            scales: (0..tiles.next_multiple_of(16)).map(block).collect(),
        }
    }

    /// The tiles for rows that begin at a digit of their first byte.
    #[inline(always)]
    pub(super) fn version(&self, digit: usize) -> &TiledVector<P> {
        &self.versions[digit]
    }

    /// The tiles of a row.
    pub(crate) const fn len(&self) -> usize {
        self.tiles
    }
}
