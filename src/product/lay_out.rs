//! Where activations lie, so that they meet the digits of a matrix.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

use super::{ACTIVATION_BLOCK, Activations};
use crate::backend::{MOST_TILES, Planes, TILE};

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

/// The places of the elements of a tile: plane times 64, plus byte.
#[derive(Clone, Debug)]
pub(crate) struct Places(Box<[u16]>);

impl Places {
    /// From the byte and the digit of each element of a tile.
    pub(crate) fn new(elements: usize, place: impl Fn(usize) -> (usize, usize)) -> Self {
        let place = |element| {
            let (byte, digit) = place(element);
            u16::try_from(digit * TILE + byte).unwrap_or_default()
        };
        Self((0..elements).map(place).collect())
    }

    /// The elements of a tile.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
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
            let planes = tile.x.as_flattened_mut();
            for (&place, &x) in places.0.iter().skip(skip).zip(here) {
                if let Some(slot) = planes.get_mut(usize::from(place)) {
                    *slot = x;
                }
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
            used.then(|| Version::new(x, places, skip, tiles))
                .unwrap_or_else(empty)
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
