//! [`Arranged`]: 8-bit activations in the order in which they meet the digits of a matrix.
//!
//! In the codes of this crate a byte has `P` consecutive elements of a row: [`Split`] separates a vector by remainders, and each plane of
//! each tile is a piece of one of these parts, whatever digit a row begins with. Other programs' formats have an order of their own in
//! each block, in tiles of 256 elements: [`ElementRun`].

use alloc::{borrow::Cow, boxed::Box, vec, vec::Vec};
use core::any::Any;
use core::fmt;
use core::panic::{RefUnwindSafe, UnwindSafe};

use crate::simd::{ActivationTile, Backend, Job, MOST_TILES, TILE, Vector};

/// The elements of a tile of a format.
#[cfg(feature = "half")]
const BLOCK: usize = 256;

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

/// Puts the elements of a vector where they meet the digits of blocks.
#[cfg(feature = "half")]
struct ArrangeBlocks<'a, const P: usize> {
    x: &'a [i8],
    runs: &'a [ElementRun],
    /// Zeros.
    tiles: &'a mut [ActivationTile<P>],
}

#[cfg(feature = "half")]
impl<const P: usize> Job for ArrangeBlocks<'_, P> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self, _: V) {
        let blocks = self.x.chunks(BLOCK);
        for (tile, elements) in self.tiles.iter_mut().zip(blocks) {
            for run in self.runs {
                let from = elements.get(run.element..).unwrap_or_default();
                let start = run.digit * TILE + run.byte;
                let to = tile.x.as_flattened_mut().get_mut(start..start + run.len);
                let to = to.unwrap_or_default();
                if run.step == 1 {
                    let len = from.len().min(to.len());
                    to[..len].copy_from_slice(&from[..len]);
                    continue;
                }
                for (to, &from) in to.iter_mut().zip(from.iter().step_by(run.step)) {
                    *to = from;
                }
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
                every_fourth(self.x, p, slots);
            } else {
                for (slot, whole) in slots.iter_mut().zip(wholes) {
                    *slot = whole[p];
                }
            }
        }
    }
}

/// Copies every fourth element from this one on, of whole fours.
#[inline(always)]
pub(super) fn every_fourth(x: &[i8], first: usize, slots: &mut [i8]) {
    for (slot, four) in slots.iter_mut().zip(x.as_chunks().0) {
        // Shifts, as the compiler makes vectors of them.
        let word = u32::from_le_bytes(four.map(i8::cast_unsigned));
        *slot = (word >> (8 * first)).to_le_bytes()[0].cast_signed();
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
pub(super) fn subtract_lanes<const P: usize>(tile: &mut ActivationTile<P>) {
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

/// What activations are arranged for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// Rows that begin at those digits of a byte whose bits are set.
    Rows(u8),
    /// Rows of blocks of the format with this number.
    #[cfg(feature = "half")]
    Blocks(u8),
}

/// Activations in the order in which the rows of a matrix meet them.
#[derive(Clone, Debug)]
pub(crate) struct Arranged<const P: usize> {
    order: Order,
    /// By the digit of its first byte at which a row begins; those that no row needs are empty.
    versions: [TiledVector<P>; P],
    /// How many tiles a row has.
    tiles: usize,
}

impl<const P: usize> Arranged<P> {
    /// For rows that begin at the digits that are marked as used.
    pub(super) fn for_rows(backend: Backend, x: &[i8], used: u8) -> Self {
        // All have the same length, as rows that begin at different digits are multiplied together.
        let last = used.checked_ilog2().unwrap_or_default() as usize;
        let tiles = (last + x.len()).div_ceil(P * TILE);
        let mut parts = vec![0; P * (tiles * TILE + 1)];
        backend.run(Split::<P> {
            x,
            parts: &mut parts,
        });
        let parts = &parts;
        Self::new(Order::Rows(used), used, tiles, |skip, tiles| {
            backend.run(ArrangeParts { parts, skip, tiles });
        })
    }

    /// For rows of blocks of the format with this number.
    #[cfg(feature = "half")]
    pub(crate) fn for_blocks(backend: Backend, x: &[i8], format: u8, runs: &[ElementRun]) -> Self {
        let tiles = x.len().div_ceil(BLOCK);
        Self::new(Order::Blocks(format), 1, tiles, |_, tiles| {
            backend.run(ArrangeBlocks { x, runs, tiles });
        })
    }

    /// So many tiles, written for each digit that is marked as used.
    fn new(
        order: Order,
        used: u8,
        tiles: usize,
        write: impl Fn(usize, &mut [ActivationTile<P>]),
    ) -> Self {
        let version = |skip| {
            let count = if used >> skip & 1 == 1 { tiles } else { 0 };
            TiledVector::new(count, |tiles| write(skip, tiles))
        };
        Self {
            order,
            versions: core::array::from_fn(version),
            tiles,
        }
    }

    /// The tiles for rows that begin at a digit of their first byte.
    #[inline(always)]
    pub(super) fn version(&self, digit: usize) -> &TiledVector<P> {
        &self.versions[digit]
    }

    /// The tiles of a row.
    pub(super) const fn len(&self) -> usize {
        self.tiles
    }
}

/// An [`Arranged`] for bytes of some number of digits.
type Erased = Box<dyn Any + Send + Sync + UnwindSafe + RefUnwindSafe>;

/// What the first of several threads writes; without `std` nothing.
#[cfg(feature = "std")]
type Once = std::sync::OnceLock<Erased>;
#[cfg(not(feature = "std"))]
type Once = Option<Erased>;

/// What a vector's first product arranged. Copies do not have it, and it is no part of the vector's value.
#[derive(Default)]
pub(crate) struct Kept(Once);

impl Kept {
    /// The activations in an order: those that are kept, or what `make` returns. Without `std` none are.
    pub(crate) fn get<const P: usize>(
        &self,
        order: Order,
        make: impl Fn() -> Arranged<P>,
    ) -> Cow<'_, Arranged<P>> {
        #[cfg(feature = "std")]
        let kept = Some(self.0.get_or_init(|| Box::new(make())));
        #[cfg(not(feature = "std"))]
        let kept = self.0.as_ref();
        match kept.and_then(|kept| (&**kept as &dyn Any).downcast_ref()) {
            Some(kept @ Arranged { order: its, .. }) if *its == order => Cow::Borrowed(kept),
            _ => Cow::Owned(make()),
        }
    }
}

impl Clone for Kept {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl PartialEq for Kept {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Kept")
    }
}
