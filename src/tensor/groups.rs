//! [`Groups`]: the groups that a [`Grouping`] makes of one tensor.
//!
//! Along axis `k` of extent `n[k]` a group covers `tile[k]` coordinates: the whole axis, one coordinate or a block. So every group
//! is a box, and all groups together are a grid of boxes:
//!
//! ```text
//!   20x1x5x5 under `kernel`                   H x C x W under `axis:1`
//!   tiles 1, 1, 5, 5                          tiles H, 1, W
//!
//!   [25 weights] group 0                      h=0  [c=0 | c=1 | c=2]
//!   [25 weights] group 1                      h=1  [c=0 | c=1 | c=2]
//!       ...                                        ...
//!   [25 weights] group 19                     group c: H runs of W weights
//! ```
//!
//! Groups are numbered in row-major order of the grid: the element at coordinates `c` belongs to the cell `c[k] / tile[k]`.
//! Elements are named by their flat row-major index. A group number that is too large names a group without elements.
//!
//! Cost: making the groups takes one pass over the axes. The group of an element, and the range of a group in one piece, take a few
//! divisions. Walking a group takes additions.

use alloc::vec::Vec;
use core::ops::Range;

use super::runs::{RunPattern, Runs};
use super::{Grouping, MAX_RANK, Shape, strided::StridedLayout, walk::Walk};
use crate::Error;

/// The groups of a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Groups {
    shape: Shape,
    grouping: Grouping,
    len: usize,
    /// Coordinates per group along each axis: at least 1, and at most the extent unless that is 0.
    tiles: [usize; MAX_RANK],
    pattern: RunPattern,
}

/// The box of one group: along axis `k`, `extents[k]` coordinates from `start[k]` on.
struct GroupBox {
    start: [usize; MAX_RANK],
    extents: [usize; MAX_RANK],
}

impl Groups {
    pub(super) fn new(grouping: Grouping, shape: Shape, tiles: [usize; MAX_RANK]) -> Self {
        let (len, pattern) = if shape.is_empty() {
            // No row or run of this pattern is ever read.
            (0, RunPattern::new(&[], &[]))
        } else {
            let cells = shape.axes().iter().zip(tiles);
            let cells = cells.map(|(extent, tile)| extent.div_ceil(tile));
            (cells.product(), RunPattern::new(shape.axes(), &tiles))
        };
        Self {
            shape,
            grouping,
            len,
            tiles,
            pattern,
        }
    }

    /// The number of groups: zero if the tensor is empty.
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    pub(crate) const fn shape(&self) -> &Shape {
        &self.shape
    }

    pub(crate) const fn grouping(&self) -> Grouping {
        self.grouping
    }

    pub(super) const fn pattern(&self) -> &RunPattern {
        &self.pattern
    }

    /// The number of elements in a group.
    pub(super) fn group_len(&self, group: usize) -> usize {
        let rank = self.shape.rank();
        let own = self.box_of(group);
        own.map_or(0, |own| own.extents.iter().take(rank).product())
    }

    /// The number of elements of every group, if it is the same for all.
    pub(super) fn equal_len(&self) -> Option<usize> {
        // No group is longer than the first.
        let len = self.group_len(0);
        (self.len * len == self.shape.len()).then_some(len)
    }

    /// The group of the element at a flat index, or `None` beyond the last element.
    pub(super) fn group_of(&self, flat: usize) -> Option<usize> {
        if flat >= self.shape.len() {
            return None;
        }
        // The place among the runs of a row, and then the coordinates outside of the row, innermost first.
        let RunPattern { row, run, .. } = self.pattern;
        let mut group = flat % row / run;
        let mut rest = flat / row;
        let mut weight = self.pattern.runs();
        for axis in (self.pattern.first..self.pattern.outer).rev() {
            let (extent, tile) = (self.shape.axes()[axis], self.tiles[axis]);
            group += rest % extent / tile * weight;
            rest /= extent;
            weight *= extent.div_ceil(tile);
        }
        Some(group)
    }

    /// The flat indices of a group, in increasing order.
    pub(super) fn indices(&self, group: usize) -> impl Iterator<Item = usize> + Clone + use<> {
        self.walk(group, &StridedLayout::row_major(self.shape))
            .flatten()
    }

    /// The flat indices of some groups as one range, if every group is in one piece. Such groups follow each other in memory.
    pub(super) fn range(&self, groups: Range<usize>) -> Option<Range<usize>> {
        let last = groups.end.checked_sub(1).filter(|&last| last < self.len)?;
        let first = self.pattern.range_of(groups.start)?;
        Some(first.start..self.pattern.range_of(last)?.end)
    }

    /// Whether the groups, one after the other, are the tensor in row-major order.
    pub(super) fn are_in_order(&self) -> bool {
        self.range(0..self.len).is_some()
    }

    /// Divides a range of flat indices into its maximal runs of one group, in order, each with the number of the group. A product
    /// over packed trits uses one scale for each run. A reversed range is empty.
    ///
    /// Errors: [`Error::OutOfBounds`] if the range ends beyond the last element.
    pub(super) fn runs(&self, range: Range<usize>) -> Result<Runs<'_>, Error> {
        let (index, len) = (range.end, self.shape.len());
        if index > len {
            return Err(Error::OutOfBounds { index, len });
        }
        Ok(Runs::new(self, range))
    }

    /// Ranges of groups that together have about so many weights, and at least one group.
    pub(super) fn batches(&self, weights: usize) -> impl Iterator<Item = Range<usize>> + use<> {
        let (count, per_batch) = (self.len, self.groups_per_batch(weights));
        let firsts = (0..count).step_by(per_batch);
        firsts.map(move |first| first..count.min(first + per_batch))
    }

    /// The number of groups in a batch, but for the last one.
    pub(super) fn groups_per_batch(&self, weights: usize) -> usize {
        (weights / self.group_len(0).max(1)).max(1)
    }

    /// Moves trits from the order of the groups to row-major order.
    pub(super) fn to_row_major(self, trits: Vec<i8>) -> Vec<i8> {
        if self.are_in_order() {
            return trits;
        }
        let mut moved = alloc::vec![0; trits.len()];
        let mut trits = trits.into_iter();
        let layout = StridedLayout::row_major(self.shape);
        let segments = (0..self.len).flat_map(|group| self.walk(group, &layout));
        for segment in segments {
            for (index, trit) in segment.zip(&mut trits) {
                if let Some(place) = moved.get_mut(index) {
                    *place = trit;
                }
            }
        }
        moved
    }

    /// The positions of the elements of a group in memory with this layout.
    pub(super) fn walk(&self, group: usize, layout: &StridedLayout) -> Walk {
        let cell = self.box_of(group);
        cell.map_or(Walk::EMPTY, |cell| layout.walk(&cell.start, &cell.extents))
    }

    /// The box of a group.
    fn box_of(&self, group: usize) -> Option<GroupBox> {
        if group >= self.len {
            return None;
        }
        let mut cell = GroupBox {
            start: [0; MAX_RANK],
            extents: [1; MAX_RANK],
        };
        // Decompose the number into the coordinates of the grid, innermost axis first.
        let mut rest = group;
        for (axis, &extent) in self.shape.axes().iter().enumerate().rev() {
            let tile = self.tiles[axis];
            let count = extent.div_ceil(tile);
            cell.start[axis] = rest % count * tile;
            cell.extents[axis] = tile.min(extent - cell.start[axis]);
            rest /= count;
        }
        Some(cell)
    }
}

#[cfg(test)]
mod tests;
