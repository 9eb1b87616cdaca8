//! [`Walk`]: the positions in memory of the elements of a box, in row-major order.
//!
//! A box is a range of coordinates along each axis. The position of an element is `start + sum c[k] * stride[k]`. A walk returns
//! the positions in [`Segment`]s, one for each pass over the innermost axis. It finds the next segment as a mixed-radix counter
//! does: the next outer axis advances by its stride; an axis at its end goes back to its first coordinate, and the axis outside
//! of it advances.
//!
//! Axes that continue each other in memory (`stride_outer = stride_inner * extent_inner`) are merged when the walk is made. A walk
//! with one axis of stride 1 is a range of positions.
//!
//! Cost: one addition for each element, plus one for each carry. No division and no heap.

use core::ops::Range;

use super::MAX_RANK;

/// Equally spaced positions: `start`, `start + stride`, and so on.
#[derive(Clone, Debug, Default)]
pub(super) struct Segment {
    start: usize,
    len: usize,
    stride: isize,
}

impl Segment {
    /// The positions as a range, if they are consecutive.
    pub(super) fn as_range(&self) -> Option<Range<usize>> {
        (self.stride == 1 || self.len <= 1).then(|| self.start..self.start + self.len)
    }
}

impl ExactSizeIterator for Segment {}

impl Iterator for Segment {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        self.len = self.len.checked_sub(1)?;
        let here = self.start;
        self.start = here.wrapping_add_signed(self.stride);
        Some(here)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.len, Some(self.len))
    }
}

/// One axis of a walk.
#[derive(Clone, Copy, Debug)]
struct WalkAxis {
    extent: usize,
    stride: isize,
    /// The current coordinate.
    at: usize,
}

/// An iterator over the positions of the elements of a box, in row-major order and in segments.
#[derive(Clone, Debug)]
pub(super) struct Walk {
    position: usize,
    /// The number of elements in all remaining segments.
    remaining: usize,
    /// Innermost first. Entries from `used` on have the extent 1.
    axes: [WalkAxis; MAX_RANK],
    used: usize,
}

impl Walk {
    /// A walk over no element.
    pub(super) const EMPTY: Self = Self {
        position: 0,
        remaining: 0,
        axes: [WalkAxis {
            extent: 1,
            stride: 0,
            at: 0,
        }; MAX_RANK],
        used: 0,
    };

    /// A walk from `position` over a box of `(extent, stride)` axes, outermost first. The extents are at most those of a
    /// [`Shape`](super::Shape), so that no product overflows.
    pub(super) fn new(
        position: usize,
        axes: impl DoubleEndedIterator<Item = (usize, isize)>,
    ) -> Self {
        let mut walk = Self {
            position,
            remaining: 1,
            ..Self::EMPTY
        };
        for (extent, stride) in axes.rev() {
            walk.push(extent, stride);
        }
        walk
    }

    /// Adds an axis outside of those added before.
    fn push(&mut self, extent: usize, stride: isize) {
        if extent == 0 {
            *self = Self::EMPTY;
        }
        self.remaining *= extent;
        if self.remaining == 0 || extent == 1 {
            return;
        }
        // Merge with the axis inside, if the two are equally spaced together.
        if let Some(inner) = self.axes[..self.used].last_mut() {
            let spaced = isize::try_from(inner.extent).ok();
            if spaced.and_then(|extent| inner.stride.checked_mul(extent)) == Some(stride) {
                inner.extent *= extent;
                return;
            }
        }
        let at = 0;
        self.axes[self.used] = WalkAxis { extent, stride, at };
        self.used += 1;
    }

    /// The number of elements in all remaining segments.
    pub(super) const fn remaining(&self) -> usize {
        self.remaining
    }

    /// All remaining positions as one range, if they are consecutive and ascending.
    pub(super) fn as_range(&self) -> Option<Range<usize>> {
        let mut walk = self.clone();
        let segment = walk.next().unwrap_or_default();
        segment.as_range().filter(|_| walk.remaining == 0)
    }
}

impl Iterator for Walk {
    type Item = Segment;

    fn next(&mut self) -> Option<Segment> {
        let [inner, outer @ ..] = &mut self.axes;
        self.remaining = self.remaining.checked_sub(inner.extent)?;
        let segment = Segment {
            start: self.position,
            len: inner.extent,
            stride: inner.stride,
        };
        // Positions wrap: they are exact modulo the range of a `usize`, and those of elements were checked to lie in the data.
        for axis in outer.iter_mut().take(self.used.saturating_sub(1)) {
            if axis.at + 1 < axis.extent {
                axis.at += 1;
                self.position = self.position.wrapping_add_signed(axis.stride);
                break;
            }
            let back = axis.stride.cast_unsigned().wrapping_mul(axis.at);
            self.position = self.position.wrapping_sub(back);
            axis.at = 0;
        }
        Some(segment)
    }
}
