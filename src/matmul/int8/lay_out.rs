//! Where activations lie, so that they meet the digits of a matrix.

use alloc::vec;
use alloc::vec::Vec;

use super::{ACTIVATION_BLOCK, Activations};
use crate::simd::{MOST_TILES, Planes, TILE};

/// The activations of a tile.
#[derive(Clone, Debug)]
#[repr(C, align(64))]
pub(crate) struct Tile<const P: usize> {
    pub(super) x: Planes<P>,
    /// Lane by lane, less the sum of the activations.
    pub(super) less: [i32; 16],
}

impl<const P: usize> Tile<P> {
    const EMPTY: Self = Self {
        x: [[0; TILE]; P],
        less: [0; 16],
    };
}

/// The most elements of a tile.
const MOST: usize = 5 * TILE;

/// Which elements of a tile lie where: runs of elements that are equally far apart, and come to lie side by side.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    elements: usize,
    runs: Vec<Run>,
}

/// Elements of a tile that are equally far apart, and lie side by side.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    /// The first element, and from each to the next.
    pub(crate) element: usize,
    pub(crate) step: usize,
    /// Where the first lies.
    pub(crate) digit: usize,
    pub(crate) byte: usize,
    pub(crate) len: usize,
}

impl Places {
    /// A tile of so many elements, at most 320.
    pub(crate) fn new(elements: usize, runs: impl Iterator<Item = Run>) -> Self {
        let (elements, runs) = (elements.min(MOST), runs.collect());
        Self { elements, runs }
    }

    /// The elements of a tile.
    pub(crate) const fn len(&self) -> usize {
        self.elements
    }
}

impl Run {
    /// Puts the elements of the run in their place.
    fn copy(&self, from: &[i8; MOST], to: &mut [i8]) {
        let from = from.get(self.element..).unwrap_or_default();
        let to = to.get_mut(self.digit * TILE + self.byte..);
        let to = to.unwrap_or_default();
        let to = to.get_mut(..self.len).unwrap_or_default();
        match self.step {
            1 => copy_each::<1>(from, to),
            4 => copy_each::<4>(from, to),
            5 => copy_each::<5>(from, to),
            step => {
                for (to, &from) in to.iter_mut().zip(from.iter().step_by(step)) {
                    *to = from;
                }
            }
        }
    }
}

/// One of each few.
fn copy_each<const STEP: usize>(from: &[i8], to: &mut [i8]) {
    let (wholes, rest) = from.as_chunks::<STEP>();
    for (to, from) in to.iter_mut().zip(wholes) {
        *to = from[0];
    }
    // The last may have fewer behind it than the others.
    if let (Some(to), [from, ..]) = (to.get_mut(wholes.len()), rest) {
        *to = *from;
    }
}

/// A vector, laid out for the rows of a matrix.
#[derive(Clone, Debug)]
pub(crate) struct Version<const P: usize> {
    pub(super) tiles: Vec<Tile<P>>,
    /// Sums of [`Tile::less`] over [`MOST_TILES`] tiles.
    pub(super) less: Vec<[i32; 16]>,
}

impl<const P: usize> Version<P> {
    /// For rows that begin at the element `skip` of their first tile, of `count` tiles.
    fn new(x: &Activations, places: &Places, skip: usize, count: usize) -> Self {
        let mut tiles = vec![Tile::EMPTY; count];
        let mut rest = x.values();
        let mut skip = skip;
        for tile in &mut tiles {
            let (here, more) = rest.split_at(rest.len().min(places.len() - skip));
            let mut elements = [0; MOST];
            if let Some(slots) = elements.get_mut(skip..skip + here.len()) {
                slots.copy_from_slice(here);
            }
            for run in &places.runs {
                run.copy(&elements, tile.x.as_flattened_mut());
            }
            sum_lanes(tile);
            (rest, skip) = (more, 0);
        }
        let less = tiles.chunks(MOST_TILES).map(sum_tiles).collect();
        Self { tiles, less }
    }
}

/// Four bytes of all planes to a lane.
fn sum_lanes<const P: usize>(tile: &mut Tile<P>) {
    for plane in &tile.x {
        let (fours, _) = plane.as_chunks::<4>();
        for (less, &[a, b, c, d]) in tile.less.iter_mut().zip(fours) {
            *less -= (i32::from(a) + i32::from(b)) + (i32::from(c) + i32::from(d));
        }
    }
}

fn sum_tiles<const P: usize>(tiles: &[Tile<P>]) -> [i32; 16] {
    let mut sums = [0; 16];
    for tile in tiles {
        for (sum, less) in sums.iter_mut().zip(tile.less) {
            *sum += less;
        }
    }
    sums
}

/// A vector as the rows of a matrix want it.
#[derive(Clone, Debug)]
pub(crate) struct Laid<const P: usize> {
    /// By the digit of its first byte at which a row begins; those that no row needs are empty.
    pub(super) versions: Vec<Version<P>>,
    /// The scale of the whole vector.
    pub(super) only_scale: f32,
    /// Tile by tile, where rows begin with a tile.
    pub(super) scales: Vec<f32>,
}

impl<const P: usize> Laid<P> {
    /// For rows that begin at these elements of a tile.
    pub(crate) fn new(x: &Activations, places: &Places, used: &[bool]) -> Self {
        let empty = || Version {
            tiles: Vec::new(),
            less: Vec::new(),
        };
        // All of the same length, for rows of different versions are multiplied together.
        let last = used.iter().rposition(|&used| used).unwrap_or_default();
        let tiles = (last + x.len()).div_ceil(places.len());
        let version = |(skip, &used): (usize, &bool)| {
            if used {
                Version::new(x, places, skip, tiles)
            } else {
                empty()
            }
        };
        let block = |tile| x.scale_of_block(tile * places.len() / ACTIVATION_BLOCK);
        Self {
            versions: used.iter().enumerate().map(version).collect(),
            only_scale: x.only_scale().unwrap_or_default(),
            scales: (0..tiles).map(block).collect(),
        }
    }
    /// The tiles of a row.
    pub(crate) fn len(&self) -> usize {
        self.scales.len()
    }
}
