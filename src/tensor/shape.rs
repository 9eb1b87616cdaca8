//! [`Shape`]: the extents of a tensor along its axes.
//!
//! The elements of a tensor are ordered *row-major*: the last axis varies fastest. The element at the coordinates `c` of a tensor
//! with the extents `n` has this flat index:
//!
//! ```text
//! flat = sum over the axes k of  c[k] * stride[k]          stride[k] = n[k+1] * n[k+2] * ... * n[rank-1]
//! ```
//!
//! A shape is stored inline, with at most [`MAX_RANK`] axes. It is `Copy` and needs no heap.

use core::fmt;

use crate::{Error, ShapeError};

/// The largest number of axes of a tensor.
///
/// # Examples
///
/// ```
/// use ternarize::tensor::{MAX_RANK, Shape};
///
/// assert!(Shape::new(&[1; MAX_RANK]).is_ok());
/// assert!(Shape::new(&[1; MAX_RANK + 1]).is_err());
/// ```
pub const MAX_RANK: usize = 8;

/// The extents of a tensor along its axes, outermost axis first.
///
/// An extent may be zero; then the tensor is empty. A shape without axes is a scalar with one element.
///
/// # Examples
///
/// ```
/// use ternarize::tensor::Shape;
///
/// let shape = Shape::new(&[20, 1, 5, 5])?;
/// assert_eq!(shape.len(), 500);
/// assert_eq!(shape.to_string(), "20x1x5x5");
/// # Ok::<(), ternarize::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Shape {
    /// Entries from `rank` on are zero, so that equality and hashing can be derived.
    axes: [usize; MAX_RANK],
    rank: usize,
    len: usize,
}

impl Shape {
    /// Makes a shape of these extents, outermost axis first.
    ///
    /// # Errors
    ///
    /// - [`ShapeError::TooManyAxes`] for more than [`MAX_RANK`] axes;
    /// - [`ShapeError::Overflow`] if the product of the non-zero extents does not fit a `usize`. Extents of zero are left out of
    ///   this product, so that the result does not depend on where they are, and so that every stride fits a `usize`.
    ///
    /// # Examples
    ///
    /// ```
    /// use ternarize::{Error, ShapeError, tensor::Shape};
    ///
    /// assert!(Shape::new(&[3, 0, 2])?.is_empty());
    /// assert_eq!(Shape::new(&[])?.len(), 1);
    /// assert_eq!(Shape::new(&[usize::MAX, 2]), Err(Error::Shape(ShapeError::Overflow)));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn new(axes: &[usize]) -> Result<Self, Error> {
        let (rank, max) = (axes.len(), MAX_RANK);
        let mut stored = [0; MAX_RANK];
        let places = stored.get_mut(..rank);
        places
            .ok_or(Error::Shape(ShapeError::TooManyAxes { rank, max }))?
            .copy_from_slice(axes);
        let mut nonzero = axes.iter().filter(|&&extent| extent != 0);
        let product = nonzero.try_fold(1_usize, |product, &extent| product.checked_mul(extent));
        let product = product.ok_or(Error::Shape(ShapeError::Overflow))?;
        let len = if axes.contains(&0) { 0 } else { product };
        Ok(Self {
            axes: stored,
            rank,
            len,
        })
    }

    /// The extents, outermost axis first.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ternarize::tensor::Shape;
    /// assert_eq!(Shape::new(&[2, 3])?.axes(), [2, 3]);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub fn axes(&self) -> &[usize] {
        &self.axes[..self.rank]
    }

    /// The number of axes.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ternarize::tensor::Shape;
    /// assert_eq!(Shape::new(&[2, 3])?.rank(), 2);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub const fn rank(&self) -> usize {
        self.rank
    }

    /// The number of elements: the product of the extents.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ternarize::tensor::Shape;
    /// assert_eq!(Shape::new(&[2, 3])?.len(), 6);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no elements, because some extent is zero.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ternarize::tensor::Shape;
    /// assert!(Shape::new(&[2, 0])?.is_empty());
    /// assert!(!Shape::new(&[])?.is_empty());
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The coordinates of the element at a flat row-major index, or `None` at or beyond [`len`](Self::len).
    ///
    /// Entries from the rank on are zero. Cost: one division for each axis.
    pub(super) fn coordinates(&self, flat: usize) -> Option<[usize; MAX_RANK]> {
        if flat >= self.len {
            return None;
        }
        let mut coordinates = [0; MAX_RANK];
        let mut rest = flat;
        for (coordinate, extent) in coordinates.iter_mut().zip(self.axes()).rev() {
            *coordinate = rest % extent;
            rest /= extent;
        }
        Some(coordinates)
    }
}

impl fmt::Display for Shape {
    /// Writes the extents joined by `x`, as in `20x1x5x5`, and `scalar` for rank zero.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.axes() {
            [] => f.write_str("scalar"),
            [first, others @ ..] => {
                write!(f, "{first}")?;
                others.iter().try_for_each(|extent| write!(f, "x{extent}"))
            }
        }
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Shape({self})")
    }
}
