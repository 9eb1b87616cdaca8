//! Where the tiles of a row lie.

use crate::simd::TILE;

/// The codes of a matrix, tile by tile.
pub(crate) trait Source: Copy + Sync {
    /// From the beginning of a tile to that of the next.
    const STRIDE: usize;
    /// The bytes from which a tile is made.
    const SPAN: usize;
    /// Whether every row begins with a byte.
    const ALIGNED: bool;
    /// Whether the codes are base-3 numbers, which have to become fractions.
    const NUMBERS: bool;

    /// In which way the activations are laid out for this row.
    fn version(&self, row: usize) -> usize;

    /// The bytes from a row on, to the end of all bytes.
    fn bytes(&self, row: usize) -> &[u8];

    /// The tile whose bytes begin here; made in `spare`, if they are not what digits are taken from.
    fn tile<'t>(bytes: &'t [u8], start: usize, spare: &'t mut [u8; TILE]) -> &'t [u8; TILE];

    /// By how many bytes the rows that come after so many more begin later.
    fn distance(&self, rows: usize) -> usize;
}

/// Rows one after the other without a gap, each of which begins where the last one ended: be it within a byte, if they are not
/// said to be aligned.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Contiguous<'a, const PER_BYTE: usize, const ALIGNED: bool> {
    pub(crate) bytes: &'a [u8],
    pub(crate) columns: usize,
}

impl<const PER_BYTE: usize, const ALIGNED: bool> Source for Contiguous<'_, PER_BYTE, ALIGNED> {
    const STRIDE: usize = TILE;
    const SPAN: usize = TILE;
    const ALIGNED: bool = ALIGNED;
    const NUMBERS: bool = PER_BYTE == 5;

    #[inline(always)]
    fn version(&self, row: usize) -> usize {
        if ALIGNED {
            0
        } else {
            (row * self.columns) % PER_BYTE
        }
    }

    #[inline(always)]
    fn bytes(&self, row: usize) -> &[u8] {
        let start = row * self.columns / PER_BYTE;
        self.bytes.get(start..).unwrap_or_default()
    }

    #[inline(always)]
    fn tile<'t>(bytes: &'t [u8], start: usize, _: &'t mut [u8; TILE]) -> &'t [u8; TILE] {
        tile_at(bytes, start)
    }

    #[inline(always)]
    fn distance(&self, rows: usize) -> usize {
        rows * self.columns / PER_BYTE
    }
}

/// The tile that begins here; zeros, if it would end beyond the end.
#[inline(always)]
pub(crate) fn tile_at(bytes: &[u8], start: usize) -> &[u8; TILE] {
    const ZEROS: &[u8; TILE] = &[0; TILE];
    let rest = bytes.get(start..).unwrap_or_default();
    rest.first_chunk().unwrap_or(ZEROS)
}
