//! Walking a box of elements in row-major order, by additions alone.
//!
//! An odometer has one wheel for each axis; the fastest is the innermost. A step moves the fastest
//! wheel by one and the position by that wheel's stride; a wheel that is through goes back to zero
//! and carries into the next. Wheels that turn as one (`stride_outer = stride_inner * extent_inner`)
//! are joined when the odometer is built, so that the number of wheels says how scattered the box is.
//!
//! Cost: a step is one addition, save one step in `extent` that carries. No division, no memory
//! beyond the odometer itself.

use core::{iter::FusedIterator, ops::Range};

use super::MAX_RANK;

/// One axis of the walk.
#[derive(Clone, Copy, Debug)]
struct Wheel {
    extent: usize,
    stride: isize,
    at: usize,
}

impl Wheel {
    const UNUSED: Self = Self {
        extent: 1,
        stride: 0,
        at: 0,
    };

    /// The stride of an axis around this one with which it would form a single longer axis.
    fn joining_stride(&self) -> Option<isize> {
        self.stride.checked_mul(isize::try_from(self.extent).ok()?)
    }

    /// How far the position moves over `steps` steps. Wraps: the position is exact modulo the range
    /// of a `usize`, and every position handed out was checked to lie inside its data.
    fn travel(&self, steps: usize) -> usize {
        self.stride.cast_unsigned().wrapping_mul(steps)
    }
}

/// Equally spaced positions: `start`, `start + stride`, ..., `len` of them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    pub(super) start: usize,
    pub(super) len: usize,
    pub(super) stride: isize,
}

impl Run {
    /// The positions as a range, if they are consecutive.
    pub(super) fn as_range(&self) -> Option<Range<usize>> {
        (self.stride == 1 || self.len == 1).then(|| self.start..self.start + self.len)
    }

    /// The positions one by one.
    pub(super) fn positions(&self) -> impl Iterator<Item = usize> + use<> {
        let (start, stride) = (self.start, self.stride);
        (0..self.len).scan(start, move |next, _| {
            let here = *next;
            *next = here.wrapping_add_signed(stride);
            Some(here)
        })
    }
}

/// An iterator over the positions of the elements of a box, in row-major order.
#[derive(Clone, Debug)]
pub(super) struct Odometer {
    position: usize,
    remaining: usize,
    /// Fastest first; those from `used` on are [`Wheel::UNUSED`].
    wheels: [Wheel; MAX_RANK],
    used: usize,
}

impl Odometer {
    /// A walk over no element at all.
    pub(super) const EMPTY: Self = Self {
        position: 0,
        remaining: 0,
        wheels: [Wheel::UNUSED; MAX_RANK],
        used: 0,
    };

    /// A walk over consecutive positions.
    pub(super) fn over(range: Range<usize>) -> Self {
        Self::new(range.start, [(range.len(), 1)].into_iter())
    }

    /// A walk from `position` over a box of `(extent, stride)` axes, outermost first.
    ///
    /// The extents must be at most those of a [`Shape`](super::Shape): then no product overflows.
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

    /// Puts an axis around those pushed before.
    fn push(&mut self, extent: usize, stride: isize) {
        if extent == 0 {
            *self = Self::EMPTY;
        }
        self.remaining *= extent;
        if self.remaining == 0 || extent == 1 {
            return;
        }
        if let Some(inner) = self.wheels[..self.used].last_mut()
            && inner.joining_stride() == Some(stride)
        {
            inner.extent *= extent;
            return;
        }
        self.wheels[self.used] = Wheel {
            extent,
            stride,
            at: 0,
        };
        self.used += 1;
    }

    /// All positions still to come as one range, if they are consecutive and ascending.
    pub(super) fn as_range(&self) -> Option<Range<usize>> {
        let fastest = &self.wheels[0];
        match self.remaining {
            0 => Some(0..0),
            1 => Some(self.position..self.position + 1),
            len if fastest.stride == 1 && len <= fastest.extent - fastest.at => {
                Some(self.position..self.position + len)
            }
            _ => None,
        }
    }

    /// The positions up to the next carry, all in one.
    pub(super) fn next_run(&mut self) -> Option<Run> {
        let start = self.position;
        let fastest = &mut self.wheels[0];
        let (left, stride) = (fastest.extent - fastest.at, fastest.stride);
        let len = left.min(self.remaining);
        let last = len.checked_sub(1)?;
        fastest.at += last;
        self.position = start.wrapping_add(fastest.travel(last));
        self.remaining -= last;
        self.next();
        Some(Run { start, len, stride })
    }
}

impl Iterator for Odometer {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        self.remaining = self.remaining.checked_sub(1)?;
        let here = self.position;
        for wheel in &mut self.wheels[..self.used] {
            if wheel.at + 1 < wheel.extent {
                wheel.at += 1;
                self.position = self.position.wrapping_add_signed(wheel.stride);
                break;
            }
            self.position = self.position.wrapping_sub(wheel.travel(wheel.at));
            wheel.at = 0;
        }
        Some(here)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.remaining, Some(self.remaining))
    }

    fn fold<B, F: FnMut(B, usize) -> B>(mut self, init: B, mut f: F) -> B {
        let mut folded = init;
        while let Some(run) = self.next_run() {
            folded = run.positions().fold(folded, &mut f);
        }
        folded
    }
}

impl ExactSizeIterator for Odometer {}
impl FusedIterator for Odometer {}
