//! Tensors from and to `ndarray` arrays.
//!
//! An array of any dimension is read where it lies whenever its elements fill one block of memory,
//! in any order and direction of the axes: C and Fortran layout, transposed and reversed arrays.
//! An array with gaps (a crop, every other column) or with repeated elements (a broadcast) is copied
//! once, in row-major order: such memory cannot be had as one slice without `unsafe`.
//!
//! The names of `ndarray` appear in this module alone, since that crate is still at 0.x.

use crate::error::{Operand, ShapeError};
use alloc::vec::Vec;

use ::ndarray::{ArrayD, ArrayRef, Dimension, IxDyn};

use super::{Shape, TensorView};
use crate::Error;

/// The elements of an array as a tensor: borrowed if they fill one block of memory, else copied.
///
/// # Examples
///
/// ```
/// use ndarray::{array, s};
/// use ternarize::tensor::{Grouping, ndarray::ArrayTensor};
///
/// let weights = array![[0.5, -0.1, 0.0], [0.3, 0.7, -0.4]];
/// let tensor = ArrayTensor::new(&weights)?;
/// assert!(tensor.is_borrowed());
/// let columns = tensor.view().grouped(Grouping::axis(1)?)?;
/// assert_eq!(columns.group(2).collect::<Vec<_>>(), [0.0, -0.4]);
///
/// assert!(ArrayTensor::new(&weights.t())?.is_borrowed());
/// assert!(!ArrayTensor::new(&weights.slice(s![.., ..2]))?.is_borrowed());
/// # Ok::<(), ternarize::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct ArrayTensor<'a, T>(Storage<'a, T>);

#[derive(Clone, Debug)]
enum Storage<'a, T> {
    Borrowed(TensorView<'a, T>),
    /// Exactly the elements of the shape, in row-major order.
    Copied(Vec<T>, Shape),
}

impl<'a, T: Copy> ArrayTensor<'a, T> {
    /// The tensor of the same shape and elements as `array`, which may be any array or view.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] above [`MAX_RANK`](super::MAX_RANK) axes, [`Error::Shape`] if
    /// a broadcast array has more elements than a `usize` counts, and [`Error::TooMany`] if there
    /// is no memory for a copy.
    ///
    /// # Examples
    ///
    /// ```
    /// use ndarray::Array;
    /// use ternarize::{Error, tensor::ndarray::ArrayTensor};
    ///
    /// let array = Array::from_iter(0..6).into_shape_with_order((2, 3)).unwrap();
    /// assert_eq!(ArrayTensor::new(&array)?.view().shape().to_string(), "2x3");
    /// # Ok::<(), Error>(())
    /// ```
    pub fn new<D: Dimension>(array: &'a ArrayRef<T, D>) -> Result<Self, Error> {
        let (axes, strides) = (array.shape(), array.strides());
        let storage = if let Some(block) = array.as_slice_memory_order() {
            let first = first_element(axes, strides);
            Storage::Borrowed(TensorView::with_strides(block, axes, strides, first)?)
        } else {
            // The shape first: what it refuses is not worth a copy.
            let shape = Shape::new(axes)?;
            Storage::Copied(copied(array)?, shape)
        };
        Ok(Self(storage))
    }

    /// The tensor.
    ///
    /// # Examples
    ///
    /// ```
    /// use ndarray::array;
    /// use ternarize::tensor::ndarray::ArrayTensor;
    ///
    /// let array = array![[1, 2], [3, 4]];
    /// assert_eq!(ArrayTensor::new(&array.t())?.view().get(1), Some(3));
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub fn view(&self) -> TensorView<'_, T> {
        match &self.0 {
            Storage::Borrowed(view) => *view,
            Storage::Copied(values, shape) => TensorView::row_major(values, *shape),
        }
    }

    /// Whether the elements are read where the array has them.
    ///
    /// # Examples
    ///
    /// ```
    /// use ndarray::Array0;
    /// use ternarize::tensor::ndarray::ArrayTensor;
    ///
    /// let scalar = Array0::from_elem((), 1.5);
    /// assert!(ArrayTensor::new(&scalar)?.is_borrowed());
    /// assert!(!ArrayTensor::new(&scalar.broadcast(3).unwrap())?.is_borrowed());
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub const fn is_borrowed(&self) -> bool {
        matches!(self.0, Storage::Borrowed(_))
    }
}

/// Where the first element lies in an array's block of memory: behind the whole of each axis that
/// runs backwards. The view checks the outcome, so wrapping is harmless.
fn first_element(axes: &[usize], strides: &[isize]) -> usize {
    let backward = axes.iter().zip(strides).filter(|&(_, &stride)| stride < 0);
    backward.fold(0, |first, (extent, stride)| {
        first.wrapping_add(stride.unsigned_abs().wrapping_mul(extent.saturating_sub(1)))
    })
}

/// The elements in row-major order.
fn copied<T: Copy, D: Dimension>(array: &ArrayRef<T, D>) -> Result<Vec<T>, Error> {
    let mut values = Vec::new();
    values
        .try_reserve_exact(array.len())
        .map_err(|_| Error::TooMany {
            what: Operand::Element,
            given: array.len(),
            max: 0,
        })?;
    // Not `array.for_each`, whose order is that of memory.
    values.extend(array.iter().copied());
    Ok(values)
}

/// The array of this shape with these elements in row-major order. Moves no element.
///
/// # Errors
///
/// [`Error::LengthMismatch`] unless there are exactly the elements of the shape, and
/// [`Error::Shape`] if an empty shape is beyond what `ndarray` allows (a product of the
/// non-zero extents of at most `isize::MAX`).
///
/// # Examples
///
/// ```
/// use ndarray::array;
/// use ternarize::tensor::{Shape, ndarray::into_array};
///
/// let array = into_array(vec![1, 2, 3, 4, 5, 6], &Shape::new(&[2, 3])?)?;
/// assert_eq!(array, array![[1, 2, 3], [4, 5, 6]].into_dyn());
/// # Ok::<(), ternarize::Error>(())
/// ```
pub fn into_array<T>(values: Vec<T>, shape: &Shape) -> Result<ArrayD<T>, Error> {
    if values.len() != shape.len() {
        return Err(Error::LengthMismatch {
            expected: shape.len(),
            actual: values.len(),
        });
    }
    ArrayD::from_shape_vec(IxDyn(shape.axes()), values)
        .map_err(|_| Error::Shape(ShapeError::Overflow))
}
