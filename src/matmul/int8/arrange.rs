//! The order of the activations in which they meet the digits of a matrix.

use alloc::vec::Vec;

use crate::matmul::Activations;
use crate::simd::{ActivationTile, Backend, Job, MOST_TILES, TILE, Vector};

/// The most elements of a tile: five digits in each byte.
const MOST: usize = 5 * TILE;

/// Which element of a row meets which digit of a tile: runs of equally spaced elements that become adjacent.
#[derive(Clone, Debug)]
pub(crate) struct TileOrder {
    elements: usize,
    runs: Vec<ElementRun>,
}

/// Equally spaced elements of a tile that become adjacent.
#[derive(Clone, Copy, Debug)]
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

impl TileOrder {
    /// A tile of so many elements, at most 320.
    pub(crate) fn new(elements: usize, runs: impl Iterator<Item = ElementRun>) -> Self {
        let (elements, runs) = (elements.min(MOST), runs.collect());
        Self { elements, runs }
    }

    /// The elements of a tile.
    pub(crate) const fn len(&self) -> usize {
        self.elements
    }
}

impl ElementRun {
    /// Copies the elements of the run to where they meet their digits.
    #[inline(always)]
    fn copy(&self, from: &[i8; MOST], to: &mut [i8]) {
        let to = to.get_mut(self.digit * TILE + self.byte..);
        let to = to.unwrap_or_default();
        let to = to.get_mut(..self.len).unwrap_or_default();
        let all = from;
        let from = from.get(self.element..).unwrap_or_default();
        match self.step {
            1 => copy_each::<1>(from, to),
            4 => {
                // A byte of each word: of shifts the compiler makes vectors.
                let (words, _) = all.as_chunks::<4>();
                let words = words.get(self.element / 4..).unwrap_or_default();
                let shift = self.element % 4 * 8;
                for (to, word) in to.iter_mut().zip(words) {
                    let word = u32::from_le_bytes(word.map(i8::cast_unsigned));
                    *to = (word >> shift).to_le_bytes()[0].cast_signed();
                }
            }
            5 => copy_each::<5>(from, to),
            step => {
                for (to, &from) in to.iter_mut().zip(from.iter().step_by(step)) {
                    *to = from;
                }
            }
        }
    }
}

/// Copies one element of each `STEP`.
#[inline(always)]
fn copy_each<const STEP: usize>(from: &[i8], to: &mut [i8]) {
    let (wholes, rest) = from.as_chunks::<STEP>();
    for (to, from) in to.iter_mut().zip(wholes) {
        *to = from[0];
    }
    // Fewer than `STEP` elements may follow the last one.
    if let (Some(to), [from, ..]) = (to.get_mut(wholes.len()), rest) {
        *to = *from;
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
    /// For rows that begin at the element `skip` of their first tile, of `count` tiles.
    fn new(
        backend: Backend,
        x: &Activations<'_>,
        order: &TileOrder,
        skip: usize,
        count: usize,
    ) -> Self {
        let mut tiles = Vec::with_capacity(count);
        backend.run(Arrange {
            x: x.values(),
            order,
            skip,
            count,
            tiles: &mut tiles,
        });
        let less = tiles.chunks(MOST_TILES).map(sum_tiles).collect();
        Self { tiles, less }
    }
}

/// Puts the elements of a vector where they meet their digits.
struct Arrange<'a, const P: usize> {
    x: &'a [i8],
    order: &'a TileOrder,
    skip: usize,
    count: usize,
    tiles: &'a mut Vec<ActivationTile<P>>,
}

impl<const P: usize> Job for Arrange<'_, P> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self, _: V) {
        let (mut rest, mut skip) = (self.x, self.skip);
        for _ in 0..self.count {
            let (here, more) = rest.split_at(rest.len().min(self.order.len() - skip));
            let mut elements = [0; MOST];
            if let Some(slots) = elements.get_mut(skip..skip + here.len()) {
                slots.copy_from_slice(here);
            }
            let mut tile = ActivationTile {
                x: [[0; TILE]; P],
                less: [0; 16],
            };
            for run in &self.order.runs {
                run.copy(&elements, tile.x.as_flattened_mut());
            }
            subtract_lanes(&mut tile);
            self.tiles.push(tile);
            (rest, skip) = (more, 0);
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
    pub(super) versions: Vec<TiledVector<P>>,
    /// The scale of the whole vector.
    pub(super) only_scale: f32,
    /// How many tiles a row has.
    tiles: usize,
    /// The scale of each tile, for rows that begin with a byte; then anything up to a multiple of sixteen.
    pub(super) scales: Vec<f32>,
}

impl<const P: usize> Arranged<P> {
    /// For rows that begin at the digits that are marked as used.
    pub(crate) fn new(
        backend: Backend,
        x: &Activations<'_>,
        order: &TileOrder,
        used: &[bool],
    ) -> Self {
        let empty = || TiledVector {
            tiles: Vec::new(),
            less: Vec::new(),
        };
        // All have the same length, as rows that begin at different digits are multiplied together.
        let last = used.iter().rposition(|&used| used).unwrap_or_default();
        let tiles = (last + x.len()).div_ceil(order.len());
        let version = |(skip, &used): (usize, &bool)| {
            if used {
                TiledVector::new(backend, x, order, skip, tiles)
            } else {
                empty()
            }
        };
        let block = |tile| x.scale_of_block(tile * order.len() / Activations::BLOCK);
        Self {
            versions: used.iter().enumerate().map(version).collect(),
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
