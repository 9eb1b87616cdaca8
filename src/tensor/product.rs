//! A [`TernaryTensor`] as a matrix that multiplies vectors: the first axis has the rows, all others together have the columns.
//!
//! A tensor whose groups lie along the rows lends its [`TernaryMatrix`], and nothing is copied. Other tensors are multiplied some rows
//! at a time, with a copy of the scales for each run of weights of one group.

use alloc::vec::Vec;
use core::ops::Range;

use super::TernaryTensor;
use crate::error::{check_len, try_vec};
use crate::matmul::{Activations, TernaryMatrix};
use crate::scale::MAX_PLANES;
use crate::weight::FloatBits as _;
use crate::{Backend, Error, ScaleSlice, ShapeError};

/// The rows that are multiplied at a time if the scales must be copied: whole bytes of both codes.
const PANEL: usize = 20;

impl TernaryTensor {
    /// Multiplies with a vector: the first axis is that of `y`, all others together are that of `x` (so a convolution kernel
    /// multiplies with an unfolded patch).
    ///
    /// The result is rounded in `f32`. With `n` the length of `x`, up to `2^22`, it differs from the exact product with the restored
    /// weights by at most `(n + 3) 2^-24 sum |w'_i x_i|` if there is one plane and no bias; for `K` planes by at most
    /// `(K n + K + 3) 2^-24` of the sum of the magnitudes of the terms of all planes and of the bias. That presumes that the scales, and
    /// what they are multiplied with, neither overflow nor underflow in `f32`.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] if the tensor has no axes; [`Error::LengthMismatch`] if `x` or `y` has another length.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ternarize::{Ternarizer, tensor::{Grouping, TensorView, TernaryTensor}};
    /// let view = TensorView::new(&[0.5_f32, -0.5, 0.0, 2.0, 2.0, 2.0], &[2, 3])?;
    /// let rows = Grouping::axis(0)?;
    /// let (matrix, _) = TernaryTensor::ternarize(&view, rows, &Ternarizer::new())?;
    /// let mut y = [0.0; 2];
    /// matrix.matvec(&[1.0, 2.0, 3.0], &mut y)?;
    /// assert_eq!(y, [-0.5, 12.0]);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    pub fn matvec(&self, x: &[f32], y: &mut [f32]) -> Result<(), Error> {
        self.matmul_on(Backend::detect(), x, 1, y)
    }

    /// Multiplies with many vectors, the columns of a matrix, which lie one after the other in `x`, and so do the products in
    /// `y`: with `n` numbers in a vector and `m` in a product
    ///
    /// ```text
    /// y[m c .. m (c + 1)]  =  the matrix times  x[n c .. n (c + 1)]        for c in 0..columns
    /// ```
    ///
    /// Each product has the bits that [`matvec`](Self::matvec) gives. Cost: the trits are read from memory once for all
    /// columns; besides, of more than one, as much memory as `y` takes. With the feature `rayon` the rows are shared among
    /// threads, and the bits are the same for any number of them.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] if the tensor has no axes; [`Error::LengthMismatch`] if `x` or `y` has another length than
    /// `columns` vectors or products have. Then nothing has been written.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ternarize::{Ternarizer, tensor::{Grouping, TensorView, TernaryTensor}};
    /// let view = TensorView::new(&[0.5_f32, -0.5, 0.0, 2.0, 2.0, 2.0], &[2, 3])?;
    /// let rows = Grouping::axis(0)?;
    /// let (matrix, _) = TernaryTensor::ternarize(&view, rows, &Ternarizer::new())?;
    /// let mut y = [0.0; 4];
    /// matrix.matmul(&[1.0, 2.0, 3.0, /* next column */ 2.0, 0.0, 0.0], 2, &mut y)?;
    /// assert_eq!(y, [-0.5, 12.0, /* next column */ 1.0, 4.0]);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    pub fn matmul(&self, x: &[f32], columns: usize, y: &mut [f32]) -> Result<(), Error> {
        self.matmul_on(Backend::detect(), x, columns, y)
    }

    /// The outputs for whole rows of inputs, such as a batch: [`matmul`](Self::matmul) with its results in a new vector.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] if the tensor has no axes, or `x` is not a whole number of rows; [`Error::TooMany`] if there is no memory for the
    /// outputs.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ternarize::{Ternarizer, tensor::{Grouping, TensorView, TernaryTensor}};
    /// # let view = TensorView::new(&[0.5_f32, -0.5, 0.0, 2.0, 2.0, 2.0], &[2, 3])?;
    /// let (matrix, _) = TernaryTensor::ternarize(&view, Grouping::axis(0)?, &Ternarizer::new())?;
    /// assert_eq!(matrix.outputs(&[1.0, 2.0, 3.0, 2.0, 0.0, 0.0])?, [-0.5, 12.0, 1.0, 4.0]);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    pub fn outputs(&self, x: &[f32]) -> Result<Vec<f32>, Error> {
        let (rows, group, len) = (self.rows()?, self.columns()?, x.len());
        let vectors = len.checked_div(group).unwrap_or(0);
        if vectors.saturating_mul(group) != len {
            return Err(Error::Shape(ShapeError::Ragged { len, group }));
        }
        let mut y = try_vec(rows.saturating_mul(vectors), 0.0)?;
        self.matmul(x, vectors, &mut y)?;
        Ok(y)
    }

    /// [`matmul`](Self::matmul) with the instructions of a backend: the same bits with each.
    ///
    /// # Errors
    ///
    /// Those of [`matmul`](Self::matmul).
    ///
    /// # Examples
    ///
    /// ```
    /// # use ternarize::{Backend, Ternarizer, tensor::{Grouping, TensorView, TernaryTensor}};
    /// # let view = TensorView::new(&[0.5_f32, -0.5, 0.0, 2.0, 2.0, 2.0], &[2, 3])?;
    /// # let (matrix, _) = TernaryTensor::ternarize(&view, Grouping::axis(0)?, &Ternarizer::new())?;
    /// for backend in Backend::available() {
    ///     let mut y = [0.0; 2];
    ///     matrix.matmul_on(backend, &[1.0, 2.0, 3.0], 1, &mut y)?;
    ///     assert_eq!(y, [-0.5, 12.0]);
    /// }
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    pub fn matmul_on(
        &self,
        backend: Backend,
        x: &[f32],
        columns: usize,
        y: &mut [f32],
    ) -> Result<(), Error> {
        if let Some(matrix) = self.lend() {
            return matrix.matmul_on(backend, x, columns, y);
        }
        check_len(self.columns()?.saturating_mul(columns), x.len())?;
        check_len(self.rows()?.saturating_mul(columns), y.len())?;
        self.by_panels(y, &|matrix, y| matrix.matmul_on(backend, x, columns, y))
    }

    /// Multiplies with a vector of 8-bit activations: the first axis is that of `y`, all others together are that of `x`.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] if the tensor has no axes; [`Error::LengthMismatch`] if `x` or `y` has another length.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ternarize::{Ternarizer, tensor::{Grouping, TensorView, TernaryTensor}};
    /// use ternarize::matmul::Activations;
    ///
    /// let view = TensorView::new(&[0.5_f32, -0.5, 0.0, 2.0, 2.0, 2.0], &[2, 3])?;
    /// let rows = Grouping::axis(0)?;
    /// let (matrix, _) = TernaryTensor::ternarize(&view, rows, &Ternarizer::new())?;
    /// let x = Activations::from_values(vec![1, 2, 3], 1.0)?;
    /// let mut y = [0.0; 2];
    /// matrix.matvec_i8(&x, &mut y)?;
    /// assert_eq!(y, [-0.5, 12.0]);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    pub fn matvec_i8(&self, x: &Activations<'_>, y: &mut [f32]) -> Result<(), Error> {
        self.matmul_i8_on(Backend::detect(), core::slice::from_ref(x), y)
    }

    /// Multiplies with several vectors; `y` is as long as all results, one after the other.
    ///
    /// # Errors
    ///
    /// As [`matvec_i8`](Self::matvec_i8).
    ///
    /// # Examples
    ///
    /// ```
    /// # use ternarize::{Ternarizer, tensor::{Grouping, TensorView, TernaryTensor}};
    /// use ternarize::matmul::Activations;
    ///
    /// let view = TensorView::new(&[0.5_f32, -0.5, 2.0, 2.0], &[2, 2])?;
    /// let rows = Grouping::axis(0)?;
    /// let (matrix, _) = TernaryTensor::ternarize(&view, rows, &Ternarizer::new())?;
    /// let xs = [Activations::from_values(vec![1, 2], 1.0)?, Activations::from_values(vec![0, 1], 2.0)?];
    /// let mut y = [0.0; 4];
    /// matrix.matmul_i8(&xs, &mut y)?;
    /// assert_eq!(y, [-0.5, 6.0, -1.0, 4.0]);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    pub fn matmul_i8(&self, xs: &[Activations<'_>], y: &mut [f32]) -> Result<(), Error> {
        self.matmul_i8_on(Backend::detect(), xs, y)
    }

    /// [`matmul_i8`](Self::matmul_i8) with the instructions of a backend: the same bits with each.
    ///
    /// # Errors
    ///
    /// Those of [`matmul_i8`](Self::matmul_i8).
    ///
    /// # Examples
    ///
    /// ```
    /// # use ternarize::{Backend, Ternarizer, tensor::{Grouping, TensorView, TernaryTensor}};
    /// use ternarize::matmul::Activations;
    ///
    /// # let view = TensorView::new(&[0.5_f32, -0.5, 2.0, 2.0], &[2, 2])?;
    /// # let (matrix, _) = TernaryTensor::ternarize(&view, Grouping::axis(0)?, &Ternarizer::new())?;
    /// let xs = [Activations::from_values(vec![1, 2], 1.0)?];
    /// for backend in Backend::available() {
    ///     let mut y = [0.0; 2];
    ///     matrix.matmul_i8_on(backend, &xs, &mut y)?;
    ///     assert_eq!(y, [-0.5, 6.0]);
    /// }
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    pub fn matmul_i8_on(
        &self,
        backend: Backend,
        xs: &[Activations<'_>],
        y: &mut [f32],
    ) -> Result<(), Error> {
        if let Some(matrix) = self.lend() {
            return matrix.matmul_i8_on(backend, xs, y);
        }
        let (rows, columns) = (self.rows()?, self.columns()?);
        xs.iter().try_for_each(|x| check_len(columns, x.len()))?;
        check_len(rows.saturating_mul(xs.len()), y.len())?;
        self.by_panels(y, &|matrix, y| matrix.matmul_i8_on(backend, xs, y))
    }
}

/// A product of some rows.
type Multiply<'a> = &'a dyn Fn(&TernaryMatrix<'_>, &mut [f32]) -> Result<(), Error>;

/// The matrix of the tensor.
impl TernaryTensor {
    /// Lends the tensor as a matrix, whose rows are the coordinates along the first axis.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] if the tensor has no axes, or if the weights of a group do not lie side by side in one row: then
    /// [`ShapeError::Grouping`].
    ///
    /// # Examples
    ///
    /// ```
    /// # use ternarize::{Ternarizer, tensor::{Grouping, TensorView, TernaryTensor}};
    /// let view = TensorView::new(&[0.5_f32, -0.5, 0.0, 2.0, 2.0, 2.0], &[2, 3])?;
    /// let (tensor, _) = TernaryTensor::ternarize(&view, Grouping::OUTPUT_CHANNEL, &Ternarizer::new())?;
    /// let matrix = tensor.as_matrix()?;
    /// assert_eq!((matrix.rows(), matrix.columns(), matrix.get(1, 2)), (2, 3, Some(2.0)));
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    pub fn as_matrix(&self) -> Result<TernaryMatrix<'_>, Error> {
        let expected = "groups that lie along the rows";
        self.rows()?;
        let matrix = self.lend();
        let matrix = matrix.ok_or(Error::Shape(ShapeError::Grouping { expected }))?;
        match self.rotation {
            Some((width, seed)) => matrix.with_rotation(width, seed),
            None => Ok(matrix),
        }
    }

    /// The product of all axes but the first.
    pub(super) fn columns(&self) -> Result<usize, Error> {
        self.rows()?;
        Ok(self.shape().axes().iter().skip(1).product())
    }

    /// The matrix, if the groups lie along its rows.
    fn lend(&self) -> Option<TernaryMatrix<'_>> {
        let (rows, columns) = (self.rows().ok()?, self.columns().ok()?);
        let pattern = self.groups.pattern();
        let run = pattern.run.min(columns).max(1);
        // Blocks that are cut short by the end of an axis begin anew after it.
        let cut = pattern.row < columns && !pattern.row.is_multiple_of(run);
        let segment = if cut { pattern.row } else { columns };
        let per_row = columns / segment.max(1) * segment.div_ceil(run);
        let along_rows = self.groups.len() == rows.saturating_mul(per_row);
        let blocks = match self.groups.len() {
            1 => [columns; 2],
            _ if along_rows => [run, segment],
            _ => return None,
        };
        let lambda_n = self.lambda_n.as_ref().map(|scales| scales.as_slice());
        let mut planes = [self.trits(); MAX_PLANES];
        for (slot, plane) in planes.iter_mut().zip(self.planes()) {
            *slot = plane;
        }
        let planes = planes.get(..self.planes.len())?;
        let scales = (self.lambda_p.as_slice(), lambda_n);
        let shape = [rows, columns];
        TernaryMatrix::assemble(shape, blocks, planes, scales, &self.bias).ok()
    }

    /// Multiplies some rows at a time, each run of weights of one group as a block. `y` has the results of all rows for one vector
    /// after the other.
    fn by_panels(&self, y: &mut [f32], multiply: Multiply<'_>) -> Result<(), Error> {
        let (rows, columns) = (self.rows()?, self.columns()?);
        // All runs are equally long: only blocks are cut short, and those are lent.
        let block = self.groups.pattern().run.min(columns).max(1);
        let vectors = y.len().checked_div(rows).unwrap_or(0);
        let mut results = Vec::new();
        for first in (0..rows).step_by(PANEL) {
            let count = PANEL.min(rows - first);
            // The trits and the scales of these rows.
            let elements = first * columns..(first + count) * columns;
            let mut planes = [self.trits(); MAX_PLANES];
            for (slot, plane) in planes.iter_mut().zip(self.planes()) {
                *slot = plane.slice(elements.clone())?;
            }
            let planes = planes.get(..self.planes.len()).unwrap_or_default();
            let scales = self.scales_of_runs(elements, block)?;
            let [lambda_p, lambda_n] = scales.each_ref().map(|scales| ScaleSlice::F32(scales));
            let lambda_n = self.lambda_n.as_ref().map(|_| lambda_n);
            let bias = self.bias.get(first..first + count).unwrap_or_default();
            let (shape, blocks) = ([count, columns], [block, columns]);
            let scales = (lambda_p, lambda_n);
            let matrix = TernaryMatrix::assemble(shape, blocks, planes, scales, bias)?;
            // Their results, to the places of these rows.
            results.clear();
            results.resize(count * vectors, 0.0);
            multiply(&matrix, &mut results)?;
            for (y, results) in y.chunks_exact_mut(rows).zip(results.chunks_exact(count)) {
                y[first..first + count].copy_from_slice(results);
            }
        }
        Ok(())
    }

    /// The scales of both signs of each block of some elements, plane after plane. A run may be several rows.
    fn scales_of_runs(&self, elements: Range<usize>, block: usize) -> Result<[Vec<f32>; 2], Error> {
        let mut scales = [Vec::new(), Vec::new()];
        for plane in 0..self.planes.len() {
            for (run, group) in self.groups.runs(elements.clone())? {
                for (scales, scale) in scales.iter_mut().zip(self.scales_of(plane, group)) {
                    let blocks = scales.len() + run.len().div_ceil(block);
                    scales.resize(blocks, f32::narrow(scale));
                }
            }
        }
        Ok(scales)
    }
}
