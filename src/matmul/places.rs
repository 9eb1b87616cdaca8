//! Where a [`TernaryMatrix`] has its trits and scales.

use super::TernaryMatrix;
use crate::code::Code;
use crate::packed::PackedTrits;

impl<'a> TernaryMatrix<'a> {
    /// The trits of a plane; of the first one beyond the last.
    pub(super) const fn trits(&self, plane: usize) -> PackedTrits<'a> {
        self.planes[if plane < self.count { plane } else { 0 }]
    }

    /// The code of all planes.
    pub(super) const fn code(&self) -> Code {
        self.planes[0].code()
    }

    /// The place of the first scale of a row in [`lambda_p`](Self::lambda_p).
    pub(super) const fn scale_index(&self, plane: usize, row: usize) -> usize {
        let of_plane = if self.step == 0 {
            1
        } else {
            self.rows * self.step
        };
        plane * of_plane + row * self.step
    }

    /// The scales of the +1 and the -1 trits of the block that holds a column.
    #[inline]
    pub(super) const fn scales(&self, plane: usize, row: usize, column: usize) -> [f32; 2] {
        self.scales_of_block(plane, row, self.block_of(column))
    }

    /// The scales of the +1 and the -1 trits of a block of a row.
    #[inline]
    pub(super) const fn scales_of_block(&self, plane: usize, row: usize, block: usize) -> [f32; 2] {
        let index = self.scale_index(plane, row) + block;
        let lambda_p = self.lambda_p.single(index);
        match self.lambda_n {
            Some(lambda_n) => [lambda_p, lambda_n.single(index)],
            None => [lambda_p; 2],
        }
    }

    /// The number of the block of a row that holds a column.
    #[inline]
    pub(super) const fn block_of(&self, column: usize) -> usize {
        if self.segment >= self.columns {
            return column / self.block;
        }
        column / self.segment * self.segment.div_ceil(self.block)
            + column % self.segment / self.block
    }

    /// The end of the block of a row that holds a column.
    #[inline]
    pub(super) const fn block_end(&self, column: usize) -> usize {
        let (start, len) = if self.segment >= self.columns {
            (0, self.columns)
        } else {
            (column - column % self.segment, self.segment)
        };
        let end = start + (column - start) / self.block * self.block + self.block;
        if end < start + len { end } else { start + len }
    }

    /// Whether blocks begin anew within a row.
    pub(super) const fn has_segments(&self) -> bool {
        self.segment < self.columns
    }

    /// Whether each plane begins with a byte.
    #[cfg(feature = "alloc")]
    pub(super) fn begins_with_bytes(&self) -> bool {
        (0..self.count).all(|plane| self.trits(plane).offset() == 0)
    }
}
