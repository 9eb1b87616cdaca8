//! Views of `ndarray` arrays, and arrays of restored values.
//!
//! An array is read where it lies if its elements fill one block of memory, in any order and direction of the axes: C and Fortran
//! layout, transposed and reversed arrays. An array with gaps (a crop, every other column) or with repeated elements (a broadcast)
//! is copied once, in row-major order, because such memory cannot be borrowed as one slice without `unsafe`.
//!
//! `ndarray` is at version 0.x, so its types occur in the public API in this module alone.

use alloc::vec::Vec;

use ::ndarray::{ArrayD, ArrayRef, Dimension, IxDyn};

use super::{Shape, TensorView};
use crate::error::{check_len, reserve};
use crate::{Error, ShapeError};

/// Makes a view of an `ndarray` array or view of any dimension.
///
/// If the elements fill one block of memory, the view borrows the array, and `scratch` stays empty. Else the elements are copied
/// into `scratch` in row-major order, and the view borrows that. Earlier content of `scratch` is removed.
///
/// # Errors
///
/// - [`ShapeError::TooManyAxes`] for more than [`MAX_RANK`](super::MAX_RANK) axes;
/// - [`ShapeError::Overflow`] if a broadcast array has more elements than a `usize` counts;
/// - [`Error::TooMany`] if there is no memory for the copy.
///
/// # Examples
///
/// ```
/// use ndarray::{array, s};
/// use ternarize::tensor::from_array;
///
/// let weights = array![[0.5, -0.1, 0.0], [0.3, 0.7, -0.4]];
/// let mut scratch = Vec::new();
/// assert_eq!(from_array(&weights.t(), &mut scratch)?.get(1), Some(0.3));
/// assert!(scratch.is_empty());
/// let cropped = weights.slice(s![.., ..2]);
/// assert_eq!(from_array(&cropped, &mut scratch)?.shape().axes(), [2, 2]);
/// assert_eq!(scratch, [0.5, -0.1, 0.3, 0.7]);
/// # Ok::<(), ternarize::Error>(())
/// ```
pub fn from_array<'a, T: Copy, D: Dimension>(
    array: &'a ArrayRef<T, D>,
    scratch: &'a mut Vec<T>,
) -> Result<TensorView<'a, T>, Error> {
    let (axes, strides) = (array.shape(), array.strides());
    scratch.clear();
    if let Some(block) = array.as_slice_memory_order() {
        return TensorView::with_strides(block, axes, strides, first_element(axes, strides));
    }
    // Check the shape first: an array that is refused need not be copied.
    let shape = Shape::new(axes)?;
    reserve(scratch, array.len())?;
    // `array.for_each` would go in the order of memory.
    scratch.extend(array.iter().copied());
    TensorView::new(scratch, shape.axes())
}

/// The place of the first element in an array's block of memory: behind the whole of each axis with a negative stride. The product
/// may wrap, because the view checks the result.
fn first_element(axes: &[usize], strides: &[isize]) -> usize {
    let backward = axes.iter().zip(strides).filter(|&(_, &stride)| stride < 0);
    backward.fold(0, |first, (extent, stride)| {
        first.wrapping_add(stride.unsigned_abs().wrapping_mul(extent.saturating_sub(1)))
    })
}

/// Makes an array of this shape from its elements in row-major order. Moves no element.
///
/// # Errors
///
/// - [`Error::LengthMismatch`] if the shape has another number of elements;
/// - [`ShapeError::Overflow`] if an empty shape is larger than `ndarray` allows: the product of the non-zero extents may be at most
///   `isize::MAX`.
///
/// # Examples
///
/// ```
/// use ndarray::array;
/// use ternarize::tensor::{Shape, into_array};
///
/// let array = into_array(vec![1, 2, 3, 4, 5, 6], &Shape::new(&[2, 3])?)?;
/// assert_eq!(array, array![[1, 2, 3], [4, 5, 6]].into_dyn());
/// # Ok::<(), ternarize::Error>(())
/// ```
pub fn into_array<T>(values: Vec<T>, shape: &Shape) -> Result<ArrayD<T>, Error> {
    check_len(shape.len(), values.len())?;
    ArrayD::from_shape_vec(IxDyn(shape.axes()), values)
        .map_err(|_| Error::Shape(ShapeError::Overflow))
}
