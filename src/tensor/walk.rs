//! [`Walk`]: the positions in memory of the elements of a box, in row-major order.
//!
//! A box is a range of coordinates along each axis. The position of an element is `start + sum c[k] * stride[k]`. A walk computes
//! the next position from the last one as a mixed-radix counter does: it advances the innermost axis by its stride; an axis at its
//! end goes back to its first coordinate, and the next outer axis advances.
//!
//! Axes that continue each other in memory (`stride_outer = stride_inner * extent_inner`) are merged when the walk is made. A walk
//! with one axis of stride 1 is a range of positions.
//!
//! Cost: one addition for each element, plus one for each carry. No division and no heap.

use core::{iter::FusedIterator, ops::Range};

use super::MAX_RANK;

/// One axis of a walk.
#[derive(Clone, Copy, Debug)]
struct WalkAxis {
    extent: usize,
    stride: isize,
    /// The current coordinate.
    at: usize,
}

impl WalkAxis {
    /// How far the position moves over some steps. The product wraps: positions are exact modulo the range of a `usize`, and
    /// every position that is returned was checked to lie inside its data.
    fn distance(&self, steps: usize) -> usize {
        self.stride.cast_unsigned().wrapping_mul(steps)
    }
}

/// Equally spaced positions: `start`, `start + stride`, and so on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Segment {
    start: usize,
    len: usize,
    stride: isize,
}

impl Segment {
    /// The positions as a range, if they are consecutive.
    pub(super) fn as_range(&self) -> Option<Range<usize>> {
        (self.stride == 1 || self.len == 1).then(|| self.start..self.start + self.len)
    }

    /// The positions one by one.
    pub(super) fn positions(&self) -> impl Iterator<Item = usize> + use<> {
        let Self { start, len, stride } = *self;
        (0..len).scan(start, move |next, _| {
            let here = *next;
            *next = here.wrapping_add_signed(stride);
            Some(here)
        })
    }
}

/// An iterator over the positions of the elements of a box, in row-major order.
#[derive(Clone, Debug)]
pub(super) struct Walk {
    position: usize,
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

    /// A walk over consecutive positions.
    pub(super) fn over(range: Range<usize>) -> Self {
        Self::new(range.start, [(range.len(), 1)].into_iter())
    }

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

    /// All remaining positions as one range, if they are consecutive and ascending.
    pub(super) fn as_range(&self) -> Option<Range<usize>> {
        let inner = &self.axes[0];
        match self.remaining {
            0 => Some(0..0),
            1 => Some(self.position..self.position + 1),
            len if inner.stride == 1 && len <= inner.extent - inner.at => {
                Some(self.position..self.position + len)
            }
            _ => None,
        }
    }

    /// The positions up to the next carry.
    pub(super) fn next_segment(&mut self) -> Option<Segment> {
        let start = self.position;
        let inner = &mut self.axes[0];
        let (left, stride) = (inner.extent - inner.at, inner.stride);
        let len = left.min(self.remaining);
        // Go to the last position of the segment, and from there on as for a single element.
        let last = len.checked_sub(1)?;
        inner.at += last;
        self.position = start.wrapping_add(inner.distance(last));
        self.remaining -= last;
        self.next();
        Some(Segment { start, len, stride })
    }
}

impl Iterator for Walk {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        self.remaining = self.remaining.checked_sub(1)?;
        let here = self.position;
        for axis in &mut self.axes[..self.used] {
            if axis.at + 1 < axis.extent {
                axis.at += 1;
                self.position = self.position.wrapping_add_signed(axis.stride);
                break;
            }
            self.position = self.position.wrapping_sub(axis.distance(axis.at));
            axis.at = 0;
        }
        Some(here)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.remaining, Some(self.remaining))
    }
}

impl ExactSizeIterator for Walk {}
impl FusedIterator for Walk {}
