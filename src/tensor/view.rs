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
//! The bounds of a view are checked once, when it is made. Reading all elements in row-major order then costs one addition each.

use core::fmt;
use core::iter::{self, FusedIterator};

use super::walk::{Segment, Walk};
use super::{GroupedView, Grouping, Groups, MAX_RANK, Shape, strided::StridedLayout};
use crate::Error;
use crate::error::check_len;

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
    pub(super) data: &'a [T],
    /// Every element lies in `data`.
    pub(super) layout: StridedLayout,
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
        let layout = StridedLayout::row_major(shape);
        Ok(Self { data, layout })
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
    /// - [`Error::Shape`] if an element would lie outside of `data`. If the view reaches before the first element of
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
        let layout = StridedLayout::new(data.len(), Shape::new(shape)?, strides, offset)?;
        Ok(Self { data, layout })
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
        &self.layout.shape
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
        let coordinates = self.shape().coordinates(flat)?;
        self.data.get(self.layout.position(&coordinates)).copied()
    }

    /// The same elements with the axes in another order: axis `k` of the result is axis `order[k]` of this view. Moves no data.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] if `order` does not name as many axes as the view has, and [`Error::Shape`] for an axis that
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
        let layout = self.layout.permuted(order)?;
        Ok(Self { layout, ..*self })
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

    /// The elements in row-major order.
    fn elements(&self) -> Elements<'a, T> {
        let walk = self.layout.walk(&[0; MAX_RANK], self.shape().axes());
        Elements::new(self.data, walk)
    }

    /// The elements of one of the groups of this view's shape.
    pub(super) fn elements_of(&self, groups: &Groups, group: usize) -> Elements<'a, T> {
        Elements::new(self.data, groups.walk(group, &self.layout))
    }

    /// This view with its elements in groups. Errors as [`Grouping::count`].
    pub(super) fn grouped(&self, grouping: Grouping) -> Result<GroupedView<'a, T>, Error> {
        Ok(GroupedView::new(*self, grouping.resolve(self.shape())?))
    }
}

impl<T> fmt::Debug for TensorView<'_, T> {
    /// Shows where the elements are, and not the elements, because there may be millions.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TensorView")
            .field("layout", &self.layout)
            .finish_non_exhaustive()
    }
}

/// Elements of a [`TensorView`] in row-major order: all of them, or those of a group.
#[derive(Clone)]
pub(super) struct Elements<'a, T> {
    data: &'a [T],
    segment: Segment,
    /// What comes after the segment.
    rest: Walk,
}

impl<'a, T> Elements<'a, T> {
    fn new(data: &'a [T], rest: Walk) -> Self {
        Self {
            data,
            segment: Segment::default(),
            rest,
        }
    }

    /// All elements as one slice of the data, if they lie there like that and none has been taken.
    pub(super) fn as_slice(&self) -> Option<&'a [T]> {
        self.data.get(self.rest.as_range()?)
    }
}

impl<T: Copy> Iterator for Elements<'_, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        if self.segment.len() == 0 {
            self.segment = self.rest.next()?;
        }
        self.data.get(self.segment.next()?).copied()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.segment.len() + self.rest.remaining();
        (left, Some(left))
    }

    /// Goes segment by segment, so that consecutive elements are read as a slice.
    fn fold<B, F: FnMut(B, T) -> B>(self, init: B, mut f: F) -> B {
        let segments = iter::once(self.segment).chain(self.rest);
        segments.fold(init, |folded, segment| {
            match segment.as_range().and_then(|range| self.data.get(range)) {
                Some(elements) => elements.iter().copied().fold(folded, &mut f),
                None => segment
                    .filter_map(|position| self.data.get(position).copied())
                    .fold(folded, &mut f),
            }
        })
    }
}

impl<T: Copy> ExactSizeIterator for Elements<'_, T> {}
impl<T: Copy> FusedIterator for Elements<'_, T> {}

#[cfg(test)]
mod tests;
