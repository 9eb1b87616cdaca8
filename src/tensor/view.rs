//! Tensors borrowed where they lie.
//!
//! A view is a slice of data with a rule that says where each element is: the one at coordinates `c`
//! is `data[offset + sum c_k stride_k]`, with signed strides counted in elements. Transposed,
//! reversed, cropped and repeated tensors are all such rules on the same data.
//!
//! The reach of the rule is checked once, when the view is made. After that elements are read in
//! row-major order by an odometer, for an addition each and without a copy.

use crate::error::ShapeError;
use core::{fmt, iter::FusedIterator};

use super::{GroupedView, Grouping, Groups, MAX_RANK, Shape, odometer::Odometer};
use crate::Error;

/// A borrowed tensor of any axis order and direction.
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
    /// All zero if the shape is empty, and from the rank on.
    strides: [isize; MAX_RANK],
    offset: usize,
}

impl<'a, T: Copy> TensorView<'a, T> {
    /// A tensor stored in row-major order, all of `data`.
    ///
    /// # Errors
    ///
    /// Those of [`Shape::new`], and [`Error::LengthMismatch`] unless `data` has exactly the elements
    /// of the shape.
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
        if data.len() != shape.len() {
            return Err(Error::LengthMismatch {
                expected: shape.len(),
                actual: data.len(),
            });
        }
        Ok(Self::row_major(data, shape))
    }

    /// A tensor whose first element is `data[offset]` and whose next one along axis `k` lies
    /// `strides[k]` elements further, or back if that is negative.
    ///
    /// A stride of zero repeats the same elements. Nothing is read from an empty tensor, so that its
    /// strides and offset may be anything.
    ///
    /// # Errors
    ///
    /// Those of [`Shape::new`], [`Error::LengthMismatch`] unless there is one stride for each axis,
    /// and [`Error::Shape`] if an element would lie outside of `data`. For a view that
    /// reaches before the first element, `needed` counts those missing in front as well.
    ///
    /// # Examples
    ///
    /// ```
    /// use ternarize::{ShapeError, Error, tensor::TensorView};
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
        if strides.len() != shape.rank() {
            return Err(Error::LengthMismatch {
                expected: shape.rank(),
                actual: strides.len(),
            });
        }
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

    /// The element at a flat row-major index, or `None` beyond the last one.
    ///
    /// One division for each axis: to read many, use [`iter`](Self::iter).
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

    /// The same elements with the axes in another order: axis `k` of the result is axis `order[k]`
    /// of this view. Moves no data.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] unless `order` names as many axes as there are, and
    /// [`Error::Shape`] for one that does not exist or is named twice.
    ///
    /// # Examples
    ///
    /// ```
    /// use ternarize::{ShapeError, Error, tensor::TensorView};
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
        if order.len() != rank {
            return Err(Error::LengthMismatch {
                expected: rank,
                actual: order.len(),
            });
        }
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

    /// The elements in row-major order as they lie in the data, if they lie like that.
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
        self.iter().as_slice()
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
    pub fn iter(&self) -> Values<'a, T> {
        let axes = self.shape.axes().iter().copied().zip(self.strides);
        Values {
            data: self.data,
            positions: Odometer::new(self.offset, axes),
        }
    }

    /// This view with its elements in groups.
    ///
    /// # Errors
    ///
    /// Those of [`Grouping::resolve`].
    ///
    /// # Examples
    ///
    /// ```
    /// use ternarize::tensor::{Grouping, TensorView};
    ///
    /// let columns = TensorView::new(&[1, 2, 3, 4], &[2, 2])?.grouped(Grouping::axis(1)?)?;
    /// assert_eq!(columns.group(0).collect::<Vec<_>>(), [1, 3]);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    pub fn grouped(&self, grouping: Grouping) -> Result<GroupedView<'a, T>, Error> {
        Ok(GroupedView::new(*self, grouping.resolve(&self.shape)?))
    }

    /// A tensor stored in row-major order; `data` has exactly the elements of the shape.
    pub(super) fn row_major(data: &'a [T], shape: Shape) -> Self {
        // No stride of an axis of two coordinates or more is beyond `isize::MAX`; those of an axis
        // of one are never used.
        let strides = if shape.is_empty() {
            [0; MAX_RANK]
        } else {
            shape.row_major_strides().map(usize::cast_signed)
        };
        Self {
            data,
            shape,
            strides,
            offset: 0,
        }
    }

    /// The elements of one of the groups of this view's shape.
    pub(super) fn values_of(&self, groups: &Groups, group: usize) -> Values<'a, T> {
        Values {
            data: self.data,
            positions: groups.walk(group, &self.strides, self.offset),
        }
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

impl<'a, T: Copy> IntoIterator for &TensorView<'a, T> {
    type Item = T;
    type IntoIter = Values<'a, T>;

    fn into_iter(self) -> Values<'a, T> {
        self.iter()
    }
}

/// That every element of a non-empty view lies within `len` elements of data.
///
/// The first element reached is `offset` less the travel along the axes that go back, the last one
/// is `offset` plus the travel along those that go forth.
fn check_reach(len: usize, shape: &Shape, strides: &[isize], offset: usize) -> Result<(), Error> {
    let reach = || {
        let (mut forth, mut back) = (offset, 0_usize);
        for (extent, stride) in shape.axes().iter().zip(strides) {
            let travel = (extent - 1).checked_mul(stride.unsigned_abs())?;
            let side = if *stride < 0 { &mut back } else { &mut forth };
            *side = side.checked_add(travel)?;
        }
        Some((back.saturating_sub(offset), forth.checked_add(1)?))
    };
    let (missing, needed) = reach().unwrap_or((usize::MAX, usize::MAX));
    if missing > 0 || needed > len {
        return Err(Error::Shape(ShapeError::View {
            needed: needed.max(len).saturating_add(missing),
            len,
        }));
    }
    Ok(())
}

/// Elements of a [`TensorView`], in increasing row-major order: all of them or those of a group.
///
/// # Examples
///
/// ```
/// # use ternarize::tensor::TensorView;
/// let mut values = TensorView::new(&[1, 2, 3], &[3])?.iter();
/// assert_eq!(values.next(), Some(1));
/// assert_eq!(values.len(), 2);
/// # Ok::<(), ternarize::Error>(())
/// ```
#[derive(Clone)]
pub struct Values<'a, T> {
    data: &'a [T],
    positions: Odometer,
}

impl<'a, T: Copy> Values<'a, T> {
    /// All elements of a slice.
    pub(super) fn over(data: &'a [T]) -> Self {
        let positions = Odometer::over(0..data.len());
        Self { data, positions }
    }

    /// The elements still to come as one slice of the data, if they lie like that.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ternarize::tensor::TensorView;
    /// let view = TensorView::with_strides(&[1, 2, 3, 4], &[2, 2], &[-2, 1], 2)?;
    /// let mut values = view.iter();
    /// assert_eq!(values.as_slice(), None);
    /// values.nth(1);
    /// assert_eq!(values.as_slice(), Some(&[1, 2][..]));
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub fn as_slice(&self) -> Option<&'a [T]> {
        self.data.get(self.positions.as_range()?)
    }
}

impl<T: Copy> Iterator for Values<'_, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.data.get(self.positions.next()?).copied()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.positions.size_hint()
    }

    fn fold<B, F: FnMut(B, T) -> B>(mut self, init: B, mut f: F) -> B {
        let mut folded = init;
        while let Some(run) = self.positions.next_run() {
            folded = match run.as_range().and_then(|range| self.data.get(range)) {
                Some(values) => values.iter().copied().fold(folded, &mut f),
                None => run
                    .positions()
                    .filter_map(|position| self.data.get(position).copied())
                    .fold(folded, &mut f),
            };
        }
        folded
    }
}

impl<T: Copy> ExactSizeIterator for Values<'_, T> {}
impl<T: Copy> FusedIterator for Values<'_, T> {}

impl<T> fmt::Debug for Values<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Values")
            .field("positions", &self.positions)
            .finish_non_exhaustive()
    }
}
