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
    /// `(tiles - 1) * stride + TILE`, or more.
    bytes: usize,
}

impl TileSpan {
    /// So many tiles, each `stride` bytes behind the one before.
    pub(crate) const fn new(stride: usize, tiles: usize) -> Self {
        let bytes = tiles.saturating_sub(1).saturating_mul(stride);
        Self {
            stride,
            tiles,
            bytes: bytes.saturating_add(TILE),
        }
    }

    /// The number of tiles.
    pub(crate) const fn len(&self) -> usize {
        self.tiles
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

    /// A tile of a row; zeros if there is none.
    #[inline(always)]
    pub(crate) fn tile(&self, row: usize, tile: usize) -> &'a [u8; TILE] {
        if row < R && tile < self.span.tiles {
            let start = self.starts[row].wrapping_add(tile * self.span.stride);
            // SAFETY: `new` saw that each row has the bytes of the span, which are borrowed for `'a`; the array has
            // no alignment. There is no token: reading bytes needs no instruction set.
            return unsafe { &*start.cast() };
        }
        &[0; TILE]
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

    /// An element of a slice, if there is one.
    #[inline(always)]
    pub(crate) fn get(&self, n: usize, m: usize, index: usize) -> Option<&'a T> {
        if n < N && m < M && index < self.len {
            let element = self.starts[n][m].wrapping_add(index);
            // SAFETY: `new` saw that each slice has `len` elements, which are borrowed for `'a`. There is no token: reading needs
            // no instruction set.
            return Some(unsafe { &*element });
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
        for stride in [1, 54, 64, 66] {
            for len in [0, 1, 63, 64, 65, 127, 128, 129, 200] {
                let rows = [&bytes[..len], &bytes[200 - len..]];
                let span = TileSpan::new(stride, 3);
                let Some(tiles) = TileRows::new(rows, &span) else {
                    assert!(len < 2 * stride + TILE);
                    continue;
                };
                assert!(len >= 2 * stride + TILE);
                let expected = 3;
                for (r, row) in rows.into_iter().enumerate() {
                    for tile in 0..expected {
                        let start = tile * stride;
                        assert_eq!(tiles.tile(r, tile), &row[start..start + TILE]);
                    }
                    assert_eq!(tiles.tile(r, expected), &[0; TILE]);
                }
                assert_eq!(tiles.tile(2, 0), &[0; TILE]);
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
                for index in 0..5 {
                    assert_eq!(equal.get(n, m, index), slice.get(index));
                }
                assert_eq!(equal.get(n, m, 5), None);
            }
        }
        assert_eq!((equal.get(2, 0, 0), equal.get(0, 2, 0)), (None, None));
    }
}
