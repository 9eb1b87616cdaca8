//! [`TernaryMatrix`]: packed planes of trits with their scales, as a matrix that can be multiplied with.
//!
//! ```text
//! w[r][c]  =  sum over the planes k of  lambda_p[i] if t[k][r][c] = +1,  -lambda_n[i] if it is -1,  else 0
//! i        =  k (scales of a plane)  +  r (scales of a row)  +  c / block        scales of a row: 0 if a plane has one for all rows
//! y[r]     =  sum over c of  w[r][c] x[c]   +   bias[r]
//! ```
//!
//! It borrows everything and needs no heap, so that a `static` one lies in flash.

use crate::error::{Error, Operand, ShapeError, check_len};
use crate::packed::PackedTrits;
use crate::rotation::check_width;
use crate::scale::{MAX_PLANES, ScaleSlice};
use crate::weight::FloatBits as _;

/// A ternary matrix of `rows` times `columns` weights: 1 to 4 planes of packed trits, their scales, and perhaps a bias for each row.
///
/// # Examples
///
/// A layer in flash, checked by the compiler:
///
/// ```
/// use ternarize::matmul::TernaryMatrix;
/// use ternarize::{Code, PackedTrits, ScaleSlice};
///
/// static TRITS: PackedTrits<'_> = PackedTrits::must(Code::TwoBit, &[0b10_01_00_10, 0b01_10_10_01], 8);
/// static LAYER: TernaryMatrix<'_> = TernaryMatrix::must([2, 4], &[TRITS], ScaleSlice::F32(&[0.5, 2.0]));
/// let mut y = [0.0; 2];
/// LAYER.matvec(&[1.0, 2.0, 3.0, 4.0], &mut y)?;
/// assert_eq!(y, [0.5 * (1.0 - 2.0 + 4.0), 2.0 * (2.0 + 3.0)]);
/// # Ok::<(), ternarize::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct TernaryMatrix<'a> {
    pub(super) rows: usize,
    pub(super) columns: usize,
    /// Only the first `count` are planes of the matrix.
    pub(super) planes: [PackedTrits<'a>; MAX_PLANES],
    pub(super) count: usize,
    /// Plane after plane, row after row, block after block.
    pub(super) lambda_p: ScaleSlice<'a>,
    /// The same for the -1 trits, if they have others.
    pub(super) lambda_n: Option<ScaleSlice<'a>>,
    /// The weights of a row that share a scale: at least 1, at most `columns`. The last block of a segment may be shorter.
    pub(super) block: usize,
    /// The weights of a row after which blocks begin anew: all, or a divisor of their number.
    pub(super) segment: usize,
    /// From the scales of a row to those of the next: 0 if all rows share one scale.
    pub(super) step: usize,
    /// Empty, or one for each row.
    pub(super) bias: &'a [f32],
    /// The width and the seed of the rotation of its inputs.
    pub(super) rotation: Option<(usize, u64)>,
}

impl<'a> TernaryMatrix<'a> {
    /// A matrix of `[rows, columns]` with one scale for each row and plane, or one for each plane: plane after plane.
    ///
    /// # Errors
    ///
    /// - [`Error::TooMany`] without planes or with more than 4;
    /// - [`Error::Shape`] if the number of weights does not fit a `usize`;
    /// - [`Error::LengthMismatch`] if a plane does not have a trit for each weight, or there is another number of scales;
    /// - [`Error::Conflict`] for planes in different codes;
    /// - [`Error::InvalidValue`] with the index of a scale that is negative, NaN or infinite.
    ///
    /// # Examples
    ///
    /// Two planes, and one scale for each:
    ///
    /// ```
    /// use ternarize::matmul::TernaryMatrix;
    /// use ternarize::{Code, PackedTrits, ScaleSlice};
    ///
    /// let trits = PackedTrits::new(Code::TwoBit, &[0b01_01_00_10], 2)?;
    /// let matrix = TernaryMatrix::new([1, 2], &[trits, trits], ScaleSlice::F16(&[0x3c00, 0x3800]))?;
    /// assert_eq!([matrix.get(0, 0), matrix.get(0, 1)], [Some(1.5), Some(-1.5)]);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    pub const fn new(
        shape: [usize; 2],
        planes: &[PackedTrits<'a>],
        lambda_p: ScaleSlice<'a>,
    ) -> Result<Self, Error> {
        let [_, columns] = shape;
        Self::with_blocks(shape, columns, planes, lambda_p)
    }

    /// [`new`](Self::new) for a `const` or `static`, where an error stops the compiler.
    ///
    /// # Panics
    ///
    /// Where `new` would return an error. In a `const` or `static` that is a compile error.
    ///
    /// # Examples
    ///
    /// ```compile_fail
    /// use ternarize::matmul::TernaryMatrix;
    /// use ternarize::{Code, PackedTrits, ScaleSlice};
    ///
    /// static TRITS: PackedTrits<'_> = PackedTrits::must(Code::TwoBit, &[0x55], 4);
    /// static NO_SCALE: TernaryMatrix<'_> = TernaryMatrix::must([1, 4], &[TRITS], ScaleSlice::F32(&[-1.0]));
    /// ```
    #[must_use]
    pub const fn must(
        shape: [usize; 2],
        planes: &[PackedTrits<'a>],
        lambda_p: ScaleSlice<'a>,
    ) -> Self {
        match Self::new(shape, planes, lambda_p) {
            Ok(matrix) => matrix,
            Err(Error::LengthMismatch { .. }) => {
                panic!("there is another number of trits or scales than the matrix needs")
            }
            Err(Error::InvalidValue { .. }) => panic!("a scale is negative, NaN or infinite"),
            Err(Error::TooMany { .. }) => panic!("a matrix has 1 to 4 planes"),
            Err(_) => panic!("the planes are in different codes, or the matrix is too large"),
        }
    }

    /// A matrix with a scale for each block of so many weights of a row; the last block of each row may be shorter.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new), and [`Error::Shape`] for blocks of 0 weights unless there are no columns. A block that is as long as a row or
    /// longer is the whole row.
    ///
    /// # Examples
    ///
    /// ```
    /// use ternarize::matmul::TernaryMatrix;
    /// use ternarize::{Code, PackedTrits, ScaleSlice};
    ///
    /// let trits = PackedTrits::new(Code::TwoBit, &[0b01_00_10_10], 3)?;
    /// let matrix = TernaryMatrix::with_blocks([1, 3], 2, &[trits], ScaleSlice::F32(&[0.5, 4.0]))?;
    /// assert_eq!(matrix.get(0, 2), Some(-4.0));
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    pub const fn with_blocks(
        shape: [usize; 2],
        block: usize,
        planes: &[PackedTrits<'a>],
        lambda_p: ScaleSlice<'a>,
    ) -> Result<Self, Error> {
        match Self::assemble(shape, [block, shape[1]], planes, (lambda_p, None), &[]) {
            Ok(matrix) => match matrix.check_scales(lambda_p) {
                Ok(()) => Ok(matrix),
                Err(error) => Err(error),
            },
            Err(error) => Err(error),
        }
    }

    /// The same, with all parts, for scales and a bias that have been checked. Blocks begin anew after each segment of a row, whose
    /// length divides that of the row.
    pub(crate) const fn assemble(
        [rows, columns]: [usize; 2],
        [block, segment]: [usize; 2],
        planes: &[PackedTrits<'a>],
        (lambda_p, lambda_n): (ScaleSlice<'a>, Option<ScaleSlice<'a>>),
        bias: &'a [f32],
    ) -> Result<Self, Error> {
        // The planes.
        let (given, max) = (planes.len(), MAX_PLANES);
        if given == 0 || given > max {
            return Err(Error::too_many(Operand::Plane, given, max));
        }
        let Some(weights) = rows.checked_mul(columns) else {
            return Err(Error::Shape(ShapeError::Overflow));
        };
        let mut all = [planes[0]; MAX_PLANES];
        let mut k = 0;
        while k < given {
            if let Err(error) = check_len(weights, planes[k].len()) {
                return Err(error);
            }
            if planes[k].code() as u8 != planes[0].code() as u8 {
                let (this, that) = ("a plane in the 2-bit code", "a plane in base 3");
                return Err(Error::conflict(this, that));
            }
            all[k] = planes[k];
            k += 1;
        }
        // The blocks and their scales: one for each, or one for all.
        if block == 0 && columns > 0 {
            return Err(Error::Shape(ShapeError::EmptyBlock));
        }
        let block = if block < columns { block } else { columns };
        let block = if block == 0 { 1 } else { block };
        let per_row = if columns == 0 {
            1
        } else {
            columns / segment * segment.div_ceil(block)
        };
        let one_for_all = per_row == 1 && lambda_p.len() == given;
        Ok(Self {
            rows,
            columns,
            planes: all,
            count: given,
            lambda_p,
            lambda_n,
            block,
            segment,
            step: if one_for_all { 0 } else { per_row },
            bias,
            rotation: None,
        })
    }

    /// The same matrix with other scales for the -1 trits, as many and in the order of those for the +1 trits.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] for another number of scales; [`Error::InvalidValue`] as [`new`](Self::new).
    ///
    /// # Examples
    ///
    /// ```
    /// use ternarize::matmul::TernaryMatrix;
    /// use ternarize::{Code, PackedTrits, ScaleSlice};
    ///
    /// let trits = PackedTrits::new(Code::TwoBit, &[0b01_01_00_10], 2)?;
    /// let matrix = TernaryMatrix::new([1, 2], &[trits], ScaleSlice::F32(&[0.5]))?;
    /// let two = matrix.with_lambda_n(ScaleSlice::F32(&[0.25]))?;
    /// assert_eq!((two.get(0, 0), two.get(0, 1)), (Some(0.5), Some(-0.25)));
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    pub const fn with_lambda_n(mut self, lambda_n: ScaleSlice<'a>) -> Result<Self, Error> {
        match self.check_scales(lambda_n) {
            Ok(()) => {
                self.lambda_n = Some(lambda_n);
                Ok(self)
            }
            Err(error) => Err(error),
        }
    }

    /// The same matrix with a number for each row that is added to its product.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] unless there is one for each row; [`Error::InvalidValue`] with the index of one that is NaN or
    /// infinite.
    ///
    /// # Examples
    ///
    /// ```
    /// use ternarize::matmul::TernaryMatrix;
    /// use ternarize::{Code, PackedTrits, ScaleSlice};
    ///
    /// let trits = PackedTrits::new(Code::TwoBit, &[0b01_01_00_10], 2)?;
    /// let matrix = TernaryMatrix::new([1, 2], &[trits], ScaleSlice::F32(&[0.5]))?.with_bias(&[10.0])?;
    /// let mut y = [0.0];
    /// matrix.matvec(&[3.0, 1.0], &mut y)?;
    /// assert_eq!(y, [11.0]);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    pub const fn with_bias(mut self, bias: &'a [f32]) -> Result<Self, Error> {
        if let Err(error) = check_len(self.rows, bias.len()) {
            return Err(error);
        }
        let mut index = 0;
        while index < bias.len() {
            if !bias[index].is_finite() {
                return Err(Error::invalid(Operand::Bias, index));
            }
            index += 1;
        }
        self.bias = bias;
        Ok(self)
    }

    /// The same matrix, stored for rotated inputs: products take activations to which [`rotate`](super::rotate) has been applied, once
    /// for all matrices with the same inputs. Nothing is computed here.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidOption`] for a width that is no power of two.
    ///
    /// # Examples
    ///
    /// ```
    /// use ternarize::matmul::{TernaryMatrix, rotate};
    /// use ternarize::{Code, PackedTrits, ScaleSlice};
    ///
    /// let trits = PackedTrits::new(Code::TwoBit, &[0b01_01_00_10], 2)?;
    /// let matrix = TernaryMatrix::new([1, 2], &[trits], ScaleSlice::F32(&[0.5]))?.with_rotation(2, 7)?;
    /// let (mut x, mut y) = ([3.0, 1.0], [0.0]);
    /// if let Some((width, seed)) = matrix.rotation() {
    ///     rotate(&mut x, matrix.columns(), width, seed)?;
    /// }
    /// matrix.matvec(&x, &mut y)?;
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    pub const fn with_rotation(mut self, width: usize, seed: u64) -> Result<Self, Error> {
        match check_width(width) {
            Ok(()) => {
                self.rotation = Some((width, seed));
                Ok(self)
            }
            Err(error) => Err(error),
        }
    }

    /// The width and the seed of the rotation of its inputs, if it is stored for rotated ones.
    #[must_use]
    pub const fn rotation(&self) -> Option<(usize, u64)> {
        self.rotation
    }

    /// Checks that there is a valid scale for each block, row and plane.
    const fn check_scales(&self, scales: ScaleSlice<'_>) -> Result<(), Error> {
        let of_rows = self.rows.checked_mul(self.step);
        let of_plane = if self.step == 0 { Some(1) } else { of_rows };
        let Some(of_plane) = of_plane else {
            return Err(Error::Shape(ShapeError::Overflow));
        };
        if let Err(error) = check_len(self.count.saturating_mul(of_plane), scales.len()) {
            return Err(error);
        }
        match scales.first_invalid() {
            Some(index) => Err(Error::invalid(Operand::Scale, index)),
            None => Ok(()),
        }
    }

    /// The number of rows: the length of a product.
    #[must_use]
    pub const fn rows(&self) -> usize {
        self.rows
    }

    /// The number of columns: the length of the vectors that it multiplies.
    #[must_use]
    pub const fn columns(&self) -> usize {
        self.columns
    }

    /// The number of planes.
    #[must_use]
    pub const fn planes(&self) -> usize {
        self.count
    }

    /// A weight, rounded to `f32` once; `None` beyond the last row or column.
    ///
    /// ```
    /// use ternarize::matmul::TernaryMatrix;
    /// use ternarize::{Code, PackedTrits, ScaleSlice};
    /// let trits = PackedTrits::new(Code::Base3, &[121], 4)?;
    /// let zeros = TernaryMatrix::new([2, 2], &[trits], ScaleSlice::F32(&[0.5]))?;
    /// assert_eq!((zeros.get(1, 1), zeros.get(1, 2)), (Some(0.0), None));
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub fn get(&self, row: usize, column: usize) -> Option<f32> {
        if row >= self.rows || column >= self.columns {
            return None;
        }
        let mut weight = 0.0;
        for plane in 0..self.count {
            let scale = self.scale_index(plane, row) + self.block_of(column);
            let trit = self.trits(plane).get(row * self.columns + column)?;
            weight += match trit {
                0 => 0.0,
                1 => self.lambda_p.get(scale)?,
                _ => -self.lambda_n.unwrap_or(self.lambda_p).get(scale)?,
            };
        }
        Some(f32::narrow(weight))
    }
}
