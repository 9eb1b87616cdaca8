//! [`TileRows`] and [`EqualSlices`]: several slices that are read in step, with one comparison for all of them.
//!
//! Indexing several slices compares each index with each length, unless the compiler sees that the lengths are equal. In loops
//! over arrays of slices it often does not. Here all share one length.

#![expect(
    unsafe_code,
    reason = "tiles are read through pointers whose range is checked once for all of them"
)]

use core::marker::PhantomData;

use super::TILE;

/// How tiles lie in the bytes of a row.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TileSpan {
    stride: usize,
    tiles: usize,
    /// From the beginning of a tile to the sixteen bits that belong to it.
    half: usize,
    /// Of `tiles - 1` strides and of what is read of a tile, or more.
    bytes: usize,
}

impl TileSpan {
    /// So many tiles, each `stride` bytes behind the one before. To each belong sixteen bits, so many bytes from its beginning, which
    /// mean something where [`halves`](TileRows::halves) are asked for.
    pub(crate) fn new(stride: usize, tiles: usize, half: usize) -> Self {
        let bytes = tiles.saturating_sub(1).saturating_mul(stride);
        Self {
            stride,
            tiles,
            half,
            bytes: bytes.saturating_add(TILE.max(half.saturating_add(size_of::<u16>()))),
        }
    }

    /// The number of tiles.
    pub(crate) const fn len(&self) -> usize {
        self.tiles
    }

    /// As many tiles with another distance.
    pub(crate) fn with_stride(&self, stride: usize) -> Self {
        Self::new(stride, self.tiles, self.half)
    }
}

/// `R` rows of codes with the same number of tiles.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TileRows<'a, const R: usize> {
    starts: [*const u8; R],
    span: TileSpan,
    lifetime: PhantomData<&'a [u8]>,
}

impl<'a, const R: usize> TileRows<'a, R> {
    /// The tiles of each row; none, if a row has fewer bytes.
    #[inline(always)]
    pub(crate) fn new(rows: [&'a [u8]; R], span: &TileSpan) -> Option<Self> {
        let mut starts = [core::ptr::null(); R];
        for (start, row) in starts.iter_mut().zip(rows) {
            if row.len() < span.bytes {
                return None;
            }
            *start = row.as_ptr();
        }
        Some(Self {
            starts,
            span: *span,
            lifetime: PhantomData,
        })
    }

    /// The number of tiles of each row.
    #[inline(always)]
    pub(crate) const fn len(&self) -> usize {
        self.span.tiles
    }

    /// Some `N` tiles of a row, those from `N * at` on; zeros if there are not so many.
    #[inline(always)]
    pub(crate) fn tiles<const N: usize>(&self, row: usize, at: usize) -> [&'a [u8; TILE]; N] {
        let mut tiles = [&[0; TILE]; N];
        if row < R && at < self.span.tiles / N {
            for (n, bytes) in tiles.iter_mut().enumerate() {
                let start = self.starts[row].wrapping_add((N * at + n) * self.span.stride);
                // SAFETY: `new` saw that each row has the bytes of the span, which are borrowed for `'a`; the array has
                // no alignment. There is no token: reading bytes needs no instruction set.
                *bytes = unsafe { &*start.cast() };
            }
        }
        tiles
    }

    /// The sixteen bits of `N` such tiles; zeros if there are not so many.
    #[inline(always)]
    pub(crate) fn halves<const N: usize>(&self, row: usize, at: usize) -> [u16; N] {
        let mut halves = [0; N];
        if row < R && at < self.span.tiles / N {
            for (n, half) in halves.iter_mut().enumerate() {
                let tile = self.starts[row].wrapping_add((N * at + n) * self.span.stride);
                let bytes = tile.wrapping_add(self.span.half).cast();
                // SAFETY: as in `tiles`.
                *half = u16::from_le_bytes(unsafe { *bytes });
            }
        }
        halves
    }
}

/// `N` times `M` slices of the same length.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EqualSlices<'a, T, const N: usize, const M: usize> {
    starts: [[*const T; M]; N],
    len: usize,
    lifetime: PhantomData<&'a [T]>,
}

impl<'a, T, const N: usize, const M: usize> EqualSlices<'a, T, N, M> {
    /// The first `len` elements of each slice; `None` if one of them has fewer.
    #[inline(always)]
    pub(crate) fn new(slices: [[&'a [T]; M]; N], len: usize) -> Option<Self> {
        let mut starts = [[core::ptr::null(); M]; N];
        for (starts, slices) in starts.iter_mut().zip(slices) {
            for (start, slice) in starts.iter_mut().zip(slices) {
                if slice.len() < len {
                    return None;
                }
                *start = slice.as_ptr();
            }
        }
        Some(Self {
            starts,
            len,
            lifetime: PhantomData,
        })
    }

    /// Some `K` elements of a slice, those from `K * at` on, if there are so many.
    #[inline(always)]
    pub(crate) fn chunk<const K: usize>(
        &self,
        n: usize,
        m: usize,
        at: usize,
    ) -> Option<&'a [T; K]> {
        if n < N && m < M && at < self.len / K {
            let elements = self.starts[n][m].wrapping_add(K * at);
            // SAFETY: they are in a slice. It is said because the compiler would compare them with `None` in each turn of a loop.
            unsafe { core::hint::assert_unchecked(!elements.is_null()) };
            // SAFETY: `new` saw that each slice has `len` elements, which are borrowed for `'a`. There is no token: reading needs
            // no instruction set.
            return Some(unsafe { &*elements.cast() });
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_are_those_of_the_slices_and_end_with_them() {
        let bytes: [u8; 200] = core::array::from_fn(|i| i.to_le_bytes()[0]);
        for (stride, half) in [(1, 0), (54, 52), (64, 9), (66, 64)] {
            for len in [0, 1, 63, 64, 65, 127, 128, 129, 200] {
                let rows = [&bytes[..len], &bytes[200 - len..]];
                let span = TileSpan::new(stride, 3, half);
                let Some(tiles) = TileRows::new(rows, &span) else {
                    assert!(len < 2 * stride + TILE.max(half + 2));
                    continue;
                };
                assert!(len >= 2 * stride + TILE.max(half + 2));
                let expected = 3;
                for (r, row) in rows.into_iter().enumerate() {
                    for tile in 0..expected {
                        let bytes = &row[tile * stride..][..TILE];
                        assert_eq!(tiles.tiles(r, tile), [bytes]);
                    }
                    let two = [0, 1].map(|tile| &row[tile * stride..][..TILE]);
                    assert_eq!(tiles.tiles(r, 0), two);
                    let halves = [0, 1, 2].map(|tile| {
                        u16::from_le_bytes([
                            row[tile * stride + half],
                            row[tile * stride + half + 1],
                        ])
                    });
                    assert_eq!(tiles.halves(r, 0), halves);
                    assert_eq!(tiles.halves(r, 2), [halves[2]]);
                    assert_eq!(tiles.halves(r, 1), [0; 2]);
                    assert_eq!(tiles.tiles(r, expected), [&[0; TILE]]);
                    assert_eq!(tiles.tiles(r, expected - 1), [&[0; TILE]; 2]);
                }
                assert_eq!(tiles.tiles(2, 0), [&[0; TILE]]);
            }
        }
    }

    #[test]
    fn elements_are_those_of_the_slices() {
        let numbers: [u8; 12] = core::array::from_fn(|i| i.to_le_bytes()[0]);
        let slices = [
            [&numbers[..5], &numbers[4..]],
            [&numbers[1..7], &numbers[6..]],
        ];
        assert!(EqualSlices::new(slices, 6).is_none());
        let equal = EqualSlices::new(slices, 5).unwrap();
        for (n, slices) in slices.into_iter().enumerate() {
            for (m, slice) in slices.into_iter().enumerate() {
                for at in 0..6 {
                    assert_eq!(equal.chunk(n, m, at), slice[..5].as_chunks::<1>().0.get(at));
                    assert_eq!(equal.chunk(n, m, at), slice[..5].as_chunks::<2>().0.get(at));
                }
            }
        }
        assert_eq!(
            (equal.chunk::<1>(2, 0, 0), equal.chunk::<1>(0, 2, 0)),
            (None, None)
        );
    }
}
