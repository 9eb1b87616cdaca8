//! Where the tiles of a row lie.

use crate::backend::TILE;

/// The codes of a matrix, tile by tile.
pub(crate) trait Source: Copy + Sync {
    /// Whether the codes are base-3 numbers, which have to become fractions.
    const NUMBERS: bool = false;

    /// In which way the activations are laid out for this row.
    fn version(&self, row: usize) -> usize;

    /// A tile; in `spare`, if it does not lie in one piece.
    fn tile<'t>(&'t self, row: usize, tile: usize, spare: &'t mut [u8; TILE]) -> &'t [u8; TILE];

    /// By how many bytes the rows that come after so many more begin later.
    fn distance(&self, rows: usize) -> usize;
}

/// Rows one after the other without a gap, each of which begins where the last one ended, be it within a byte.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Contiguous<'a, const PER_BYTE: usize> {
    pub(crate) bytes: &'a [u8],
    pub(crate) columns: usize,
}

impl<const PER_BYTE: usize> Source for Contiguous<'_, PER_BYTE> {
    const NUMBERS: bool = PER_BYTE == 5;

    #[inline(always)]
    fn version(&self, row: usize) -> usize {
        (row * self.columns) % PER_BYTE
    }

    #[inline(always)]
    fn tile<'t>(&'t self, row: usize, tile: usize, spare: &'t mut [u8; TILE]) -> &'t [u8; TILE] {
        let start = row * self.columns / PER_BYTE + tile * TILE;
        whole_tile(self.bytes.get(start..).unwrap_or_default(), spare)
    }

    #[inline(always)]
    fn distance(&self, rows: usize) -> usize {
        rows * self.columns / PER_BYTE
    }
}

/// The first tile of `bytes`, where they end filled up with anything: those digits meet zeros.
#[inline(always)]
pub(super) fn whole_tile<'t>(bytes: &'t [u8], spare: &'t mut [u8; TILE]) -> &'t [u8; TILE] {
    match bytes.first_chunk() {
        Some(tile) => tile,
        None => {
            for (slot, &byte) in spare.iter_mut().zip(bytes) {
                *slot = byte;
            }
            spare
        }
    }
}
