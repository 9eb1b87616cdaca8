//! [`StridedLayout`]: where the elements of a tensor are in memory.
//!
//! ```text
//! position of the element at coordinates c  =  offset + sum over the axes k of  c[k] * stride[k]
//! ```
//!
//! The part of a [`TensorView`](super::TensorView) that does not depend on the type of its elements.

use super::{MAX_RANK, Shape, walk::Walk};
use crate::error::check_len;
use crate::{Error, ShapeError};

/// A shape, with a stride for each axis and the position of the first element.
#[derive(Clone, Copy, Debug)]
pub(super) struct StridedLayout {
    pub(super) shape: Shape,
    /// All zero if the shape is empty; zero from the rank on.
    strides: [isize; MAX_RANK],
    offset: usize,
}

impl StridedLayout {
    /// Row-major order from position 0 on.
    pub(super) fn row_major(shape: Shape) -> Self {
        let mut strides = [0; MAX_RANK];
        let mut stride = usize::from(!shape.is_empty());
        for (place, extent) in strides.iter_mut().zip(shape.axes()).rev() {
            // The stride of an axis with two coordinates or more fits an `isize`. That of an axis with one is never used.
            *place = stride.cast_signed();
            stride *= extent;
        }
        Self {
            shape,
            strides,
            offset: 0,
        }
    }

    /// Any strides, for `len` elements of data. See [`TensorView::with_strides`](super::TensorView::with_strides).
    pub(super) fn new(
        len: usize,
        shape: Shape,
        strides: &[isize],
        offset: usize,
    ) -> Result<Self, Error> {
        check_len(shape.rank(), strides.len())?;
        let mut stored = [0; MAX_RANK];
        if !shape.is_empty() {
            check_reach(len, &shape, strides, offset)?;
            stored[..strides.len()].copy_from_slice(strides);
        }
        Ok(Self {
            shape,
            strides: stored,
            offset,
        })
    }

    /// The first coordinate alone of each axis along which all elements are the same.
    pub(super) fn distinct(&self) -> Self {
        let mut axes = [0; MAX_RANK];
        for (k, &extent) in self.shape.axes().iter().enumerate() {
            axes[k] = extent.min(if self.strides[k] == 0 { 1 } else { extent });
        }
        let shape = Shape::new(&axes[..self.shape.rank()]).unwrap_or(self.shape);
        Self { shape, ..*self }
    }

    /// The position of the element at these coordinates. Wraps: every position of an element was checked to lie in the data.
    pub(super) fn position(&self, coordinates: &[usize; MAX_RANK]) -> usize {
        let pairs = coordinates.iter().zip(self.strides);
        pairs.fold(self.offset, |position, (coordinate, stride)| {
            position.wrapping_add(coordinate.wrapping_mul(stride.cast_unsigned()))
        })
    }

    /// The positions of a box of these extents from some coordinates on, in row-major order.
    pub(super) fn walk(&self, start: &[usize; MAX_RANK], extents: &[usize]) -> Walk {
        let axes = extents.iter().copied().zip(self.strides);
        Walk::new(self.position(start), axes.take(self.shape.rank()))
    }

    /// The axes in another order: axis `k` of the result is axis `order[k]` of this layout.
    pub(super) fn permuted(&self, order: &[usize]) -> Result<Self, Error> {
        let rank = self.shape.rank();
        check_len(rank, order.len())?;
        let mut axes = [0; MAX_RANK];
        let mut strides = [0; MAX_RANK];
        for (place, &axis) in order.iter().enumerate() {
            if axis >= rank || order[..place].contains(&axis) {
                return Err(Error::Shape(ShapeError::Axis { axis, rank }));
            }
            axes[place] = self.shape.axes()[axis];
            strides[place] = self.strides[axis];
        }
        Ok(Self {
            shape: Shape::new(&axes[..rank])?,
            strides,
            ..*self
        })
    }
}

/// Checks that every element of a non-empty layout lies within `len` elements of data.
///
/// The first position is `offset` minus the distance along the axes with negative strides. The last position is `offset` plus the
/// distance along the others.
fn check_reach(len: usize, shape: &Shape, strides: &[isize], offset: usize) -> Result<(), Error> {
    let reach = || {
        let mut sides = [offset, 0];
        for (extent, stride) in shape.axes().iter().zip(strides) {
            let distance = (extent - 1).checked_mul(stride.unsigned_abs())?;
            let side = &mut sides[usize::from(*stride < 0)];
            *side = side.checked_add(distance)?;
        }
        let [forward, backward] = sides;
        Some((backward.saturating_sub(offset), forward.checked_add(1)?))
    };
    let (missing, needed) = reach().unwrap_or((usize::MAX, usize::MAX));
    if missing > 0 || needed > len {
        let needed = needed.max(len).saturating_add(missing);
        return Err(Error::Shape(ShapeError::View { needed, len }));
    }
    Ok(())
}
