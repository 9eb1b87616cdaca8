//! Where the tiles of a row are stored, and how they are brought into the form that the loops read.

use alloc::vec::Vec;
use core::ops::Range;

use crate::simd::{Backend, TILE, TileJob, TileRows, TileUnit, Vector};

/// The prefetch distance in bytes. Measured: the memory question of the program `kernels` in `benches/peers` on an AVX-512
/// processor; distances from 8 to 16 KiB differ little.
const AHEAD: usize = 12288;

/// The codes of a matrix whose rows follow each other without a gap.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RowCodes<'a> {
    pub(crate) bytes: &'a [u8],
    /// The length of a row in units of which `per_byte` fit in a byte, 1, 4 or 5: a row may begin within a byte.
    pub(crate) row_len: usize,
    pub(crate) per_byte: usize,
    pub(crate) tiling: Tiling,
}

/// How the tiles of a row lie in its bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Tiling {
    /// A tile begins at `offset`, the next ones `stride` bytes behind each other.
    InPlace { offset: usize, stride: usize },
    /// Tiles of 64 bytes that are base-3 numbers: they are converted to fractions.
    Numbers,
    /// A tile is the codes of `pieces` blocks of `block` bytes: in each block `used` bytes from `offset` on.
    #[cfg(feature = "half")]
    Pieces {
        block: usize,
        offset: usize,
        used: usize,
        pieces: usize,
    },
}

impl RowCodes<'_> {
    /// The digit of its first byte at which a row begins.
    pub(super) const fn first_digit(&self, row: usize) -> usize {
        let (whole, at) = (self.start(row), row * self.row_len);
        at - whole * self.per_byte
    }

    /// The first byte of a row.
    const fn start(&self, row: usize) -> usize {
        let at = row * self.row_len;
        // By numbers that the compiler knows: there is one division for each row.
        match self.per_byte {
            1 => at,
            4 => at / 4,
            _ => at / 5,
        }
    }

    /// The prefetch distance; zero where the loops read copies.
    pub(super) const fn ahead(&self) -> usize {
        if matches!(self.tiling, Tiling::InPlace { .. }) {
            AHEAD
        } else {
            0
        }
    }

    /// A range of tiles of `R` rows from `row` on; copied to `scratch` if they cannot be read in place.
    pub(super) fn tiles<'t, const R: usize>(
        &'t self,
        backend: Backend,
        row: usize,
        range: Range<usize>,
        scratch: &'t mut Vec<u8>,
    ) -> TileRows<'t, R> {
        let (step, stride) = match self.tiling {
            Tiling::InPlace { stride, .. } => (stride, stride),
            Tiling::Numbers => (TILE, TILE),
            #[cfg(feature = "half")]
            Tiling::Pieces { block, pieces, .. } => (block * pieces, TILE),
        };
        let offset = if let Tiling::InPlace { offset, .. } = self.tiling {
            offset
        } else {
            0
        };
        let mut rows = [&[][..]; R];
        for (r, bytes) in rows.iter_mut().enumerate() {
            let start = self.start(row + r) + offset + range.start * step;
            *bytes = self.bytes.get(start..).unwrap_or_default();
        }
        // The last row has the fewest bytes behind its start. What a tile lacks are codes that meet no activation.
        let tiles = range.len();
        let length = (tiles * stride + TILE).saturating_sub(stride);
        let in_place = matches!(self.tiling, Tiling::InPlace { .. });
        if in_place && rows[R - 1].len() >= length {
            return TileRows::new(rows, stride, tiles);
        }
        scratch.resize(R * length, 0);
        for (to, from) in scratch.chunks_exact_mut(length.max(1)).zip(rows) {
            if in_place {
                let (copied, rest) = to.split_at_mut(length.min(from.len()));
                copied.copy_from_slice(from.get(..copied.len()).unwrap_or_default());
                rest.fill(0);
            } else {
                gather(backend, self.tiling, from, to);
            }
        }
        let mut copies = scratch.chunks_exact(length.max(1));
        TileRows::new(
            rows.map(|_| copies.next().unwrap_or_default()),
            stride,
            tiles,
        )
    }
}

/// Copies the codes of a row to whole tiles that follow each other.
#[inline(never)]
fn gather(backend: Backend, tiling: Tiling, from: &[u8], to: &mut [u8]) {
    backend.run_tiles(Gather { tiling, from, to });
}

struct Gather<'a> {
    tiling: Tiling,
    from: &'a [u8],
    to: &'a mut [u8],
}

impl TileJob for Gather<'_> {
    type Output = ();

    #[inline(always)]
    fn run<T: TileUnit>(self, unit: T) {
        let Self { tiling, from, to } = self;
        match tiling {
            #[cfg(feature = "half")]
            Tiling::Pieces {
                block,
                offset,
                used,
                pieces,
            } => {
                let pieces = to.chunks_exact_mut(TILE / pieces.max(1));
                let blocks = from.chunks_exact(block.max(1));
                for (piece, block) in pieces.zip(blocks) {
                    unit.vector().prefetch(block, AHEAD);
                    let codes = block.get(offset..).unwrap_or_default();
                    // The lengths of the formats' codes, so that the compiler knows them.
                    match used {
                        16 => copy::<16>(codes, piece),
                        26 => copy::<26>(codes, piece),
                        _ => copy::<32>(codes, piece),
                    }
                }
            }
            _ => {
                let (wholes, rest) = from.as_chunks();
                let (tiles, _) = to.as_chunks_mut();
                let mut tiles = tiles.iter_mut();
                // The numbers first: at their end no tile must be taken.
                for (numbers, tile) in wholes.iter().zip(&mut tiles) {
                    unit.vector().prefetch(numbers, AHEAD);
                    *tile = unit.fractions(numbers);
                }
                if let Some(tile) = tiles.next() {
                    let mut numbers = [0; TILE];
                    for (number, &byte) in numbers.iter_mut().zip(rest) {
                        *number = byte;
                    }
                    *tile = unit.fractions(&numbers);
                }
            }
        }
    }
}

#[cfg(feature = "half")]
#[inline(always)]
fn copy<const LEN: usize>(from: &[u8], to: &mut [u8]) {
    if let (Some(to), Some(from)) = (to.first_chunk_mut::<LEN>(), from.first_chunk()) {
        *to = *from;
    }
}
