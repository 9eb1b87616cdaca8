//! The groups of one tensor: a partition of its elements into boxes.
//!
//! Along axis `k` of extent `n_k` a group extends over `t_k` coordinates: the whole axis, a single
//! coordinate or a block. The groups are the cells of that grid, numbered row-major, so the element
//! at coordinates `c` belongs to the cell `(c_0 / t_0, c_1 / t_1, ...)`, and every grouping is served
//! by the same few lines.
//!
//! Cost: making the groups takes a pass over the axes. The group of an element, or the range of a
//! group in one piece, takes a few divisions; walking a group takes additions.

use core::{iter::FusedIterator, ops::Range};

use super::{Grouping, MAX_RANK, Runs, Shape, odometer::Odometer, runs::Pattern};
use crate::Error;

/// The partition of a tensor's elements that a [`Grouping`] makes on a [`Shape`].
///
/// Elements are named by their flat row-major index, groups by a number below [`len`](Self::len).
/// A group that does not exist has no elements.
///
/// # Examples
///
/// The slices of an `H x C x W` tensor along `C`:
///
/// ```
/// use ternarize::tensor::{Grouping, Shape};
///
/// let groups = Grouping::axis(1)?.resolve(&Shape::new(&[2, 3, 2])?)?;
/// assert_eq!(groups.len(), 3);
/// assert_eq!(groups.indices(1).collect::<Vec<_>>(), [2, 3, 8, 9]);
/// assert_eq!(groups.group_of(9), Some(1));
/// # Ok::<(), ternarize::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Groups {
    shape: Shape,
    grouping: Grouping,
    len: usize,
    /// Coordinates per group along each axis; at least 1, and at most the extent unless that is 0.
    tiles: [usize; MAX_RANK],
    pattern: Pattern,
}

impl Groups {
    pub(super) fn new(grouping: Grouping, shape: Shape, tiles: [usize; MAX_RANK]) -> Self {
        let (len, pattern) = if shape.is_empty() {
            (0, Pattern::EMPTY)
        } else {
            let cells = shape.axes().iter().zip(tiles);
            let cells = cells.map(|(extent, tile)| extent.div_ceil(tile));
            (cells.product(), Pattern::new(shape.axes(), &tiles))
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
    ///
    /// # Examples
    ///
    /// ```
    /// # use ternarize::tensor::{Grouping, Shape};
    /// let shape = Shape::new(&[6, 4, 3, 3])?;
    /// assert_eq!(Grouping::Kernel.resolve(&shape)?.len(), 24);
    /// assert_eq!(Grouping::Tensor.resolve(&Shape::new(&[6, 0])?)?.len(), 0);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no groups, because the tensor is empty.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ternarize::tensor::{Grouping, Shape};
    /// assert!(Grouping::Tensor.resolve(&Shape::new(&[0])?)?.is_empty());
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The shape of the tensor that is partitioned.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ternarize::tensor::{Grouping, Shape};
    /// let shape = Shape::new(&[6, 4])?;
    /// assert_eq!(*Grouping::Tensor.resolve(&shape)?.shape(), shape);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub const fn shape(&self) -> &Shape {
        &self.shape
    }

    /// The grouping that made this partition.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ternarize::tensor::{Grouping, Shape};
    /// let groups = Grouping::Block(32).resolve(&Shape::new(&[6, 4])?)?;
    /// assert_eq!(groups.grouping(), Grouping::Block(32));
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub const fn grouping(&self) -> Grouping {
        self.grouping
    }

    /// The number of elements in a group.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ternarize::tensor::{Grouping, Shape};
    /// let groups = Grouping::Block(4).resolve(&Shape::new(&[2, 10])?)?;
    /// assert_eq!([0, 1, 2].map(|group| groups.group_len(group)), [4, 4, 2]);
    /// assert_eq!(groups.group_len(6), 0);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub fn group_len(&self, group: usize) -> usize {
        self.cell(group).map_or(0, |cell| {
            let extents = cell.extents.iter().take(self.shape.rank());
            extents.product()
        })
    }

    /// The group of the element at a flat row-major index, or `None` beyond the last element.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ternarize::tensor::{Grouping, Shape};
    /// let groups = Grouping::Block(4).resolve(&Shape::new(&[2, 10])?)?;
    /// assert_eq!(groups.group_of(9), Some(2));
    /// assert_eq!(groups.group_of(10), Some(3));
    /// assert_eq!(groups.group_of(20), None);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub fn group_of(&self, flat: usize) -> Option<usize> {
        if flat >= self.shape.len() {
            return None;
        }
        let Pattern { row, run, .. } = self.pattern;
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

    /// The flat row-major indices of a group, in increasing order.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ternarize::tensor::{Grouping, Shape};
    /// let columns = Grouping::axis(1)?.resolve(&Shape::new(&[3, 4])?)?;
    /// assert_eq!(columns.indices(2).collect::<Vec<_>>(), [2, 6, 10]);
    /// assert_eq!(columns.indices(4).len(), 0);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub fn indices(&self, group: usize) -> Indices {
        if let Some(range) = self.contiguous(group) {
            return Indices(Odometer::over(range));
        }
        // No stride of an axis of two coordinates or more is beyond `isize::MAX`; those of an axis
        // of one are never used.
        let strides = self.shape.row_major_strides().map(usize::cast_signed);
        Indices(self.walk(group, &strides, 0))
    }

    /// The flat row-major indices of a group as a range, if they are consecutive.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ternarize::tensor::{Grouping, Shape};
    /// let shape = Shape::new(&[3, 4])?;
    /// assert_eq!(Grouping::axis(0)?.resolve(&shape)?.contiguous(2), Some(8..12));
    /// assert_eq!(Grouping::axis(1)?.resolve(&shape)?.contiguous(2), None);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub fn contiguous(&self, group: usize) -> Option<Range<usize>> {
        if group >= self.len {
            return None;
        }
        self.pattern.range_of(group)
    }

    /// Cuts a range of the row-major order into its maximal runs of one group, in order: what a
    /// product over packed trits needs, which has one scale for each run.
    ///
    /// Together the runs are exactly the range. A reversed range is empty.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfBounds`] if the range ends beyond the last element.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ternarize::tensor::{Grouping, Shape};
    /// let groups = Grouping::Block(4).resolve(&Shape::new(&[2, 6])?)?;
    /// let runs: Vec<_> = groups.runs(2..8)?.collect();
    /// assert_eq!(runs, [(2..4, 0), (4..6, 1), (6..8, 2)]);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    pub fn runs(&self, range: Range<usize>) -> Result<Runs<'_>, Error> {
        let len = self.shape.len();
        if range.end > len {
            return Err(Error::OutOfBounds {
                index: range.end,
                len,
            });
        }
        Ok(Runs::new(self, range))
    }

    /// The indices of some groups, if each is in one piece and the next begins where it ends.
    pub(super) fn run(&self, groups: Range<usize>) -> Option<Range<usize>> {
        // Single runs come in the order of their numbers.
        let first = self.contiguous(groups.start)?;
        let last = self.contiguous(groups.end.checked_sub(1)?)?;
        Some(first.start..last.end)
    }

    pub(super) const fn pattern(&self) -> &Pattern {
        &self.pattern
    }

    /// A walk over the elements of a group in memory with these strides.
    pub(super) fn walk(
        &self,
        group: usize,
        strides: &[isize; MAX_RANK],
        offset: usize,
    ) -> Odometer {
        let Some(cell) = self.cell(group) else {
            return Odometer::EMPTY;
        };
        let start = cell.start.iter().zip(strides);
        let start = start.fold(offset, |position, (coordinate, stride)| {
            position.wrapping_add(coordinate.wrapping_mul(stride.cast_unsigned()))
        });
        let axes = cell.extents.into_iter().zip(*strides);
        Odometer::new(start, axes.take(self.shape.rank()))
    }

    /// The box of a group: first coordinates and extents, both outermost axis first.
    fn cell(&self, group: usize) -> Option<Cell> {
        if group >= self.len {
            return None;
        }
        let mut cell = Cell {
            start: [0; MAX_RANK],
            extents: [1; MAX_RANK],
        };
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

/// The elements of one group: along axis `k`, `extents[k]` coordinates from `start[k]` on.
struct Cell {
    start: [usize; MAX_RANK],
    extents: [usize; MAX_RANK],
}

/// The flat row-major indices of a group, in increasing order: made by [`Groups::indices`].
///
/// # Examples
///
/// ```
/// # use ternarize::tensor::{Grouping, Shape};
/// let mut indices = Grouping::axis(1)?.resolve(&Shape::new(&[3, 4])?)?.indices(3);
/// assert_eq!(indices.next(), Some(3));
/// assert_eq!(indices.len(), 2);
/// # Ok::<(), ternarize::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Indices(Odometer);

impl Iterator for Indices {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        self.0.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }

    fn fold<B, F: FnMut(B, usize) -> B>(self, init: B, f: F) -> B {
        self.0.fold(init, f)
    }
}

impl ExactSizeIterator for Indices {}
impl FusedIterator for Indices {}
