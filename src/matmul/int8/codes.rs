//! Where the tiles of a row are stored, and how they are brought into the form that the loops read.

use alloc::vec::Vec;

use crate::simd::{TILE, TileRows, TileSpan};

/// The prefetch distance in bytes. Measured: the memory question of the program `kernels` in `benches/peers` on an AVX-512
/// processor; distances from 8 to 16 KiB differ little.
const AHEAD: usize = 12288;

/// The codes of a matrix whose rows follow each other without a gap.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RowCodes<'a> {
    pub(crate) bytes: &'a [u8],
    /// The length of a row: whole bytes, and fewer than `P` digits more. So a row may begin within a byte.
    pub(crate) row_bytes: usize,
    pub(crate) row_digits: usize,
    pub(crate) tiling: Tiling,
}

/// How the tiles of a row lie in its bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Tiling {
    /// A row begins with a tile, the next ones are `stride` bytes behind each other.
    InPlace { stride: usize },
    /// Tiles of 64 bytes that are base-3 numbers: the loops convert them to fractions.
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
    /// Where a row begins: the byte, and the digit of that byte.
    #[inline(always)]
    pub(super) const fn start<const P: usize>(&self, row: usize) -> (usize, usize) {
        let digits = row * self.row_digits;
        (row * self.row_bytes + digits / P, digits % P)
    }

    /// From each tile to the next.
    pub(super) const fn stride(&self) -> usize {
        if let Tiling::InPlace { stride } = self.tiling {
            return stride;
        }
        TILE
    }

    /// Whether tiles are read in place.
    const fn in_place(&self) -> bool {
        matches!(self.tiling, Tiling::InPlace { .. } | Tiling::Numbers)
    }

    /// The prefetch distance; zero where the loops read copies.
    pub(super) const fn ahead(&self) -> usize {
        if self.in_place() { AHEAD } else { 0 }
    }

    /// A span of tiles, from the `first` on, of rows that start at these bytes; copied to `scratch` if they cannot be read in place.
    #[inline(always)]
    pub(super) fn tiles<'t, const R: usize>(
        &'t self,
        starts: [usize; R],
        first: usize,
        span: &TileSpan,
        scratch: &'t mut Vec<u8>,
    ) -> Option<TileRows<'t, R>> {
        if self.in_place() {
            let skipped = first * self.stride();
            let mut rows = [&[][..]; R];
            for (row, start) in rows.iter_mut().zip(starts) {
                *row = self.bytes.get(start + skipped..).unwrap_or_default();
            }
            let rows = TileRows::new(rows, span);
            if rows.is_some() {
                return rows;
            }
        }
        self.copies(starts, first, span, scratch)
    }

    /// Copies of such tiles. What the last tile lacks are codes that meet no activation. A scale beside the codes is copied if it is
    /// within 64 bytes, else there are no tiles; blocks that are longer are whole, and never copied.
    #[cold]
    #[inline(never)]
    fn copies<'t, const R: usize>(
        &self,
        starts: [usize; R],
        first: usize,
        span: &TileSpan,
        scratch: &'t mut Vec<u8>,
    ) -> Option<TileRows<'t, R>> {
        let span = span.with_stride(TILE);
        let length = span.len() * TILE;
        scratch.clear();
        scratch.resize(R * length, 0);
        let mut rows = [&[][..]; R];
        let copies = scratch.chunks_exact_mut(length.max(1));
        for ((start, row), copy) in starts.into_iter().zip(&mut rows).zip(copies) {
            let bytes = |at| self.bytes.get(start + at..).unwrap_or_default();
            match self.tiling {
                #[cfg(feature = "half")]
                Tiling::Pieces {
                    block,
                    offset,
                    used,
                    pieces,
                } => {
                    let blocks = bytes(first * block * pieces).chunks_exact(block.max(1));
                    for (piece, block) in copy.chunks_exact_mut(TILE / pieces.max(1)).zip(blocks) {
                        let codes = block.get(offset..).unwrap_or_default();
                        // The lengths of the formats' codes, so that the compiler knows them.
                        match used {
                            16 => copy_codes::<16>(codes, piece),
                            26 => copy_codes::<26>(codes, piece),
                            _ => copy_codes::<32>(codes, piece),
                        }
                    }
                }
                _ => {
                    for (tile, copy) in (first..).zip(copy.chunks_exact_mut(TILE)) {
                        let from = bytes(tile * self.stride());
                        let len = from.len().min(TILE);
                        copy[..len].copy_from_slice(&from[..len]);
                    }
                }
            }
            *row = copy;
        }
        TileRows::new(rows, &span)
    }
}

#[cfg(feature = "half")]
#[inline(always)]
fn copy_codes<const LEN: usize>(from: &[u8], to: &mut [u8]) {
    if let (Some(to), Some(from)) = (to.first_chunk_mut::<LEN>(), from.first_chunk()) {
        *to = *from;
    }
}
