//! [`TensorView`]: a tensor borrowed from memory.
//!
//! A view is a slice of data and a rule that says where each element is:
//!
//! ```text
//! element at coordinates c  =  data[offset + sum over the axes k of  c[k] * stride[k]]
//! ```
//!
//! Strides are signed and counted in elements. So a transposed, reversed, cropped or repeated tensor is another rule on the same
//! data, and no element is copied.
//!
//! The bounds of a view are checked once, when it is made. Reading all elements in row-major order then costs one addition for each.

use core::{fmt, iter::FusedIterator};

use super::{GroupedView, Grouping, Groups, MAX_RANK, Shape, walk::Walk};
use crate::error::check_len;
use crate::{Error, ShapeError};

/// A borrowed tensor, with its axes in any order and direction in memory.
///
/// # Examples
///
/// ```
/// use ternarize::tensor::TensorView;
///
/// let view = TensorView::new(&[1, 2, 3, 4, 5, 6], &[2, 3])?;
/// let transposed = view.permuted(&[1, 0])?;
/// assert_eq!(transposed.shape().to_string(), "3x2");
/// assert_eq!(transposed.iter().collect::<Vec<_>>(), [1, 4, 2, 5, 3, 6]);
/// # Ok::<(), ternarize::Error>(())
/// ```
#[derive(Clone, Copy)]
pub struct TensorView<'a, T> {
    data: &'a [T],
    shape: Shape,
    /// All zero if the shape is empty; zero from the rank on.
    strides: [isize; MAX_RANK],
    offset: usize,
}

impl<'a, T: Copy> TensorView<'a, T> {
    /// Makes a view of a tensor that is stored in row-major order and fills `data`.
    ///
    /// # Errors
    ///
    /// As [`Shape::new`], and [`Error::LengthMismatch`] if `data` and the shape do not have the same number of elements.
    ///
    /// # Examples
    ///
    /// ```
    /// use ternarize::{Error, tensor::TensorView};
    ///
    /// let weights = [0.5, -0.1, 0.0, 0.7];
    /// assert_eq!(TensorView::new(&weights, &[2, 2])?.get(3), Some(0.7));
    /// let error = TensorView::new(&weights, &[2, 3]).unwrap_err();
    /// assert_eq!(error, Error::LengthMismatch { expected: 6, actual: 4 });
    /// # Ok::<(), Error>(())
    /// ```
    pub fn new(data: &'a [T], shape: &[usize]) -> Result<Self, Error> {
        let shape = Shape::new(shape)?;
        check_len(shape.len(), data.len())?;
        Ok(Self {
            data,
            shape,
            strides: shape.row_major_strides(),
            offset: 0,
        })
    }

    /// Makes a view whose first element is `data[offset]`. The next element along axis `k` lies `strides[k]` elements later, or
    /// earlier if the stride is negative.
    ///
    /// A stride of zero repeats the same elements. An empty tensor reads nothing, so its strides and its offset may have any value.
    ///
    /// # Errors
    ///
    /// - As [`Shape::new`];
    /// - [`Error::LengthMismatch`] if there is not one stride for each axis;
    /// - [`ShapeError::View`] if an element would lie outside of `data`. If the view reaches before the first element of
    ///   `data`, `needed` includes the elements missing in front.
    ///
    /// # Examples
    ///
    /// ```
    /// use ternarize::{Error, ShapeError, tensor::TensorView};
    ///
    /// let data = [1, 2, 3, 4, 5, 6];
    /// let reversed = TensorView::with_strides(&data, &[3], &[-2], 5)?;
    /// assert_eq!(reversed.iter().collect::<Vec<_>>(), [6, 4, 2]);
    /// let error = TensorView::with_strides(&data, &[3], &[3], 0).unwrap_err();
    /// assert_eq!(error, Error::Shape(ShapeError::View { needed: 7, len: 6 }));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn with_strides(
        data: &'a [T],
        shape: &[usize],
        strides: &[isize],
        offset: usize,
    ) -> Result<Self, Error> {
        let shape = Shape::new(shape)?;
        check_len(shape.rank(), strides.len())?;
        let mut stored = [0; MAX_RANK];
        if !shape.is_empty() {
            check_reach(data.len(), &shape, strides, offset)?;
            stored[..strides.len()].copy_from_slice(strides);
        }
        Ok(Self {
            data,
            shape,
            strides: stored,
            offset,
        })
    }

    /// The extents of the tensor.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ternarize::tensor::TensorView;
    /// assert_eq!(TensorView::new(&[1, 2], &[2, 1])?.shape().axes(), [2, 1]);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub const fn shape(&self) -> &Shape {
        &self.shape
    }

    /// The element at a flat row-major index, or `None` beyond the last element.
    ///
    /// Cost: one division for each axis. Use [`iter`](Self::iter) to read many elements.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ternarize::tensor::TensorView;
    /// let view = TensorView::new(&[1, 2, 3, 4], &[2, 2])?.permuted(&[1, 0])?;
    /// assert_eq!(view.get(1), Some(3));
    /// assert_eq!(view.get(4), None);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub fn get(&self, flat: usize) -> Option<T> {
        let coordinates = self.shape.coordinates(flat)?;
        let pairs = coordinates.iter().zip(self.strides);
        let position = pairs.fold(self.offset, |position, (coordinate, stride)| {
            position.wrapping_add(coordinate.wrapping_mul(stride.cast_unsigned()))
        });
        self.data.get(position).copied()
    }

    /// The same elements with the axes in another order: axis `k` of the result is axis `order[k]` of this view. Moves no data.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] if `order` does not name as many axes as the view has, and [`ShapeError::Axis`] for an axis that
    /// does not exist or is named twice.
    ///
    /// # Examples
    ///
    /// ```
    /// use ternarize::{Error, ShapeError, tensor::TensorView};
    ///
    /// let data: Vec<u8> = (0..24).collect();
    /// let view = TensorView::new(&data, &[2, 3, 4])?;
    /// assert_eq!(view.permuted(&[2, 0, 1])?.shape().axes(), [4, 2, 3]);
    /// let error = view.permuted(&[0, 0, 1]).unwrap_err();
    /// assert_eq!(error, Error::Shape(ShapeError::Axis { axis: 0, rank: 3 }));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn permuted(&self, order: &[usize]) -> Result<Self, Error> {
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

    /// All elements as one slice of the data, if they lie there in row-major order without gaps.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ternarize::tensor::TensorView;
    /// let view = TensorView::new(&[1, 2, 3, 4], &[2, 2])?;
    /// assert_eq!(view.as_row_major_slice(), Some(&[1, 2, 3, 4][..]));
    /// assert_eq!(view.permuted(&[1, 0])?.as_row_major_slice(), None);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub fn as_row_major_slice(&self) -> Option<&'a [T]> {
        self.elements().as_slice()
    }

    /// The elements in row-major order.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ternarize::tensor::TensorView;
    /// let view = TensorView::with_strides(&[1, 2, 3, 4], &[2, 2], &[-2, 1], 2)?;
    /// assert_eq!(view.iter().collect::<Vec<_>>(), [3, 4, 1, 2]);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = T> + FusedIterator + Clone + use<'a, T> {
        self.elements()
    }

    pub(super) const fn data(&self) -> &'a [T] {
        self.data
    }

    /// The same rule for data of the same length.
    pub(super) fn with_data<U>(&self, data: &'a [U]) -> TensorView<'a, U> {
        debug_assert_eq!(data.len(), self.data.len(), "every element exists");
        let Self {
            shape,
            strides,
            offset,
            ..
        } = *self;
        TensorView {
            data,
            shape,
            strides,
            offset,
        }
    }

    /// The elements in row-major order.
    fn elements(&self) -> Elements<'a, T> {
        let axes = self.shape.axes().iter().copied().zip(self.strides);
        Elements {
            data: self.data,
            positions: Walk::new(self.offset, axes),
        }
    }

    /// The elements of one of the groups of this view's shape.
    pub(super) fn elements_of(&self, groups: &Groups, group: usize) -> Elements<'a, T> {
        Elements {
            data: self.data,
            positions: groups.walk(group, &self.strides, self.offset),
        }
    }

    /// This view with its elements in groups. Errors as [`Grouping::count`].
    pub(super) fn grouped(&self, grouping: Grouping) -> Result<GroupedView<'a, T>, Error> {
        Ok(GroupedView::new(*self, grouping.resolve(&self.shape)?))
    }
}

impl<T> fmt::Debug for TensorView<'_, T> {
    /// Where the elements lie; not the elements, of which there may be millions.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TensorView")
            .field("shape", &self.shape)
            .field("strides", &&self.strides[..self.shape.rank()])
            .field("offset", &self.offset)
            .finish_non_exhaustive()
    }
}

/// Checks that every element of a non-empty view lies within `len` elements of data.
///
/// The first position is `offset` minus the distance along the axes with negative strides. The last position is `offset` plus the
/// distance along the others.
fn check_reach(len: usize, shape: &Shape, strides: &[isize], offset: usize) -> Result<(), Error> {
    let reach = || {
        let (mut forward, mut backward) = (offset, 0_usize);
        for (extent, stride) in shape.axes().iter().zip(strides) {
            let distance = (extent - 1).checked_mul(stride.unsigned_abs())?;
            let side = if *stride < 0 {
                &mut backward
            } else {
                &mut forward
            };
            *side = side.checked_add(distance)?;
        }
        Some((backward.saturating_sub(offset), forward.checked_add(1)?))
    };
    let (missing, needed) = reach().unwrap_or((usize::MAX, usize::MAX));
    if missing > 0 || needed > len {
        let needed = needed.max(len).saturating_add(missing);
        return Err(Error::Shape(ShapeError::View { needed, len }));
    }
    Ok(())
}

/// Elements of a [`TensorView`] in row-major order: all of them, or those of a group.
#[derive(Clone)]
pub(super) struct Elements<'a, T> {
    data: &'a [T],
    positions: Walk,
}

impl<'a, T> Elements<'a, T> {
    /// The remaining elements as one slice of the data, if they lie there like that.
    pub(super) fn as_slice(&self) -> Option<&'a [T]> {
        self.data.get(self.positions.as_range()?)
    }
}

impl<T: Copy> Iterator for Elements<'_, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.data.get(self.positions.next()?).copied()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.positions.size_hint()
    }

    /// Goes segment by segment, so that consecutive elements are read as a slice.
    fn fold<B, F: FnMut(B, T) -> B>(mut self, init: B, mut f: F) -> B {
        let mut folded = init;
        while let Some(segment) = self.positions.next_segment() {
            folded = match segment.as_range().and_then(|range| self.data.get(range)) {
                Some(elements) => elements.iter().copied().fold(folded, &mut f),
                None => segment
                    .positions()
                    .filter_map(|position| self.data.get(position).copied())
                    .fold(folded, &mut f),
            };
        }
        folded
    }
}

impl<T: Copy> ExactSizeIterator for Elements<'_, T> {}
impl<T: Copy> FusedIterator for Elements<'_, T> {}

#[cfg(test)]
mod tests;
