//! The extents of a tensor along its axes.
//!
//! A shape `n_0 x n_1 x ... x n_(r-1)` orders its elements *row-major*: the last axis runs fastest,
//! so the element at coordinates `c` has the flat index `sum c_k s_k` with the strides
//! `s_k = n_(k+1) ... n_(r-1)`. It is stored inline, so it is copied like a number and needs no heap.

use crate::error::ShapeError;
use core::fmt;

use crate::Error;

/// The largest number of axes that a tensor may have.
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

/// The extents of a tensor along its axes, outermost first.
///
/// Axes of extent zero are legal (the tensor is empty), and so is rank zero (one element). Unused
/// entries are always zero, so that equality and hashing may be derived.
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
    axes: [usize; MAX_RANK],
    rank: usize,
    len: usize,
}

impl Shape {
    /// A shape with these extents, outermost axis first.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] above [`MAX_RANK`] axes. [`Error::Shape`] if the product of
    /// the non-zero extents does not fit a `usize`: zeros are left out of the product so that the
    /// answer does not depend on where they stand, and so that every stride fits as well.
    ///
    /// # Examples
    ///
    /// ```
    /// use ternarize::{ShapeError, Error, tensor::Shape};
    ///
    /// assert!(Shape::new(&[3, 0, 2])?.is_empty());
    /// assert_eq!(Shape::new(&[])?.len(), 1);
    /// assert_eq!(Shape::new(&[usize::MAX, 2]), Err(Error::Shape(ShapeError::Overflow)));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn new(axes: &[usize]) -> Result<Self, Error> {
        let rank = axes.len();
        let mut stored = [0; MAX_RANK];
        stored
            .get_mut(..rank)
            .ok_or(Error::Shape(ShapeError::TooManyAxes {
                rank,
                max: MAX_RANK,
            }))?
            .copy_from_slice(axes);
        let nonzero_product = axes
            .iter()
            .filter(|&&extent| extent != 0)
            .try_fold(1_usize, |product, &extent| product.checked_mul(extent))
            .ok_or(Error::Shape(ShapeError::Overflow))?;
        let len = if axes.contains(&0) {
            0
        } else {
            nonzero_product
        };
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

    /// Whether there are no elements: some axis has extent zero.
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

    /// For each axis, how many elements further the next coordinate lies in row-major order.
    ///
    /// Entries from the rank on are zero. If an inner axis has extent zero, so have the strides of
    /// the axes outside it.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ternarize::tensor::Shape;
    /// let strides = Shape::new(&[2, 3, 5])?.row_major_strides();
    /// assert_eq!(strides[..3], [15, 5, 1]);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub fn row_major_strides(&self) -> [usize; MAX_RANK] {
        let mut strides = [0; MAX_RANK];
        let mut stride = 1;
        for (slot, extent) in strides.iter_mut().zip(self.axes()).rev() {
            *slot = stride;
            stride *= extent;
        }
        strides
    }

    /// The coordinates of the element at a flat row-major index, or `None` beyond the last one.
    ///
    /// Entries from the rank on are zero. One division for each axis.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ternarize::tensor::Shape;
    /// let shape = Shape::new(&[2, 3, 5])?;
    /// assert_eq!(shape.coordinates(27).unwrap()[..3], [1, 2, 2]);
    /// assert_eq!(shape.coordinates(30), None);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub fn coordinates(&self, flat: usize) -> Option<[usize; MAX_RANK]> {
        if flat >= self.len {
            return None;
        }
        let mut coordinates = [0; MAX_RANK];
        let mut rest = flat;
        for (slot, extent) in coordinates.iter_mut().zip(self.axes()).rev() {
            *slot = rest % extent;
            rest /= extent;
        }
        Some(coordinates)
    }

    /// The flat row-major index of the element at these coordinates, one for each axis, or `None`
    /// if there is no such element.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ternarize::tensor::Shape;
    /// let shape = Shape::new(&[2, 3, 5])?;
    /// assert_eq!(shape.flat_index(&[1, 2, 2]), Some(27));
    /// assert_eq!(shape.flat_index(&[1, 3, 2]), None);
    /// assert_eq!(shape.flat_index(&[1, 2]), None);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub fn flat_index(&self, coordinates: &[usize]) -> Option<usize> {
        let inside = coordinates.len() == self.rank
            && coordinates.iter().zip(self.axes()).all(|(c, n)| c < n);
        inside.then(|| {
            let pairs = coordinates.iter().zip(self.axes());
            pairs.fold(0, |flat, (coordinate, extent)| flat * extent + coordinate)
        })
    }
}

impl fmt::Display for Shape {
    /// The extents joined by `x`, as in `20x1x5x5`; rank zero is `scalar`.
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
