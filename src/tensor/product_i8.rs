//! A ternary matrix times vectors of 8-bit activations.
//!
//! Where the scales of a row change only with whole lanes of a tile the product goes tile by tile, as
//! [`product`](crate::matmul) has it; other groupings are multiplied run by run, each an exact sum:
//!
//! ```text
//! grouping                                  code      activations' scales     how
//! one group for each row, or all rows       any       one                     tiles, exact sums
//! blocks of a multiple of 32, row = k * 4   2-bit     one, or one per block   tiles, scaled sums
//! anything else                             any       any                     run by run
//! ```

use super::TernaryTensor;
use super::rows::GroupedMatrix;
use crate::matmul::Activations;
use crate::matmul::int8::{PackedRows, ScaleLayout, results};
use crate::{Backend, Error};

impl TernaryTensor {
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
    pub fn matvec_i8(&self, x: &Activations, y: &mut [f32]) -> Result<(), Error> {
        self.matmul_i8(core::slice::from_ref(x), y)
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
    pub fn matmul_i8(&self, xs: &[Activations], y: &mut [f32]) -> Result<(), Error> {
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
        xs: &[Activations],
        y: &mut [f32],
    ) -> Result<(), Error> {
        self.matrix()?.matmul_i8(backend, xs, y)
    }
}

impl GroupedMatrix<'_> {
    /// See [`TernaryTensor::matmul_i8_on`].
    fn matmul_i8(&self, backend: Backend, xs: &[Activations], y: &mut [f32]) -> Result<(), Error> {
        let mut ys = results(self.rows, self.columns, xs, y)?;
        if ys.is_empty() {
            return Ok(());
        }
        if let Some(layout) = self.scale_layout() {
            let rows = PackedRows {
                backend,
                rows: self.rows,
                columns: self.columns,
                code: self.trits.code(),
                bytes: self.trits.as_bytes(),
                lambda_p: &self.lambda_p,
                lambda_n: &self.lambda_n,
                layout,
            };
            if rows.multiply(xs, &mut ys) {
                return Ok(());
            }
        }
        for (x, y) in xs.iter().zip(ys) {
            for (row, y) in y.iter_mut().enumerate() {
                *y = self.row_by_runs(row * self.columns, x)?;
            }
        }
        Ok(())
    }

    /// How the scales are assigned to the weights, if that is simple.
    fn scale_layout(&self) -> Option<ScaleLayout> {
        let (groups, columns) = (self.groups, self.columns);
        let (all, pattern) = (self.trits.len(), groups.pattern());
        let per_row = columns.div_ceil(pattern.run);
        let rows_alike = columns.is_multiple_of(pattern.run) || pattern.row == columns;
        if groups.len() == 1 {
            Some(ScaleLayout::Rows { step: 0 })
        } else if pattern.run == columns && pattern.row == all {
            Some(ScaleLayout::Rows { step: 1 })
        } else if pattern.run.is_multiple_of(32)
            && rows_alike
            && groups.len() == all / columns * per_row
        {
            let len = pattern.run;
            Some(ScaleLayout::Blocks { per_row, len })
        } else {
            None
        }
    }

    /// The row that begins at a row-major index, times `x`: run by run, and block by block of the activations.
    fn row_by_runs(&self, start: usize, x: &Activations) -> Result<f32, Error> {
        let mut y = 0.0;
        for (run, group) in self.groups.runs(start..start + x.len())? {
            let (lambda_p, lambda_n) = self.scales_of(group);
            let mut from = run.start - start;
            while from < run.end - start {
                let block = from / Activations::BLOCK;
                let end = match x.only_scale() {
                    Some(_) => run.end - start,
                    None => (run.end - start).min((block + 1) * Activations::BLOCK),
                };
                let trits = self.trits.slice(start + from..start + end)?;
                let values = x.values().get(from..end).unwrap_or_default();
                let d = x.scale_of_block(block);
                y += if self.lambda_n.is_empty() {
                    trits.dot_i8(values)? as f32 * (lambda_p * d)
                } else {
                    let (plus, minus) = trits.dot_signed_i8(values)?;
                    plus as f32 * (lambda_p * d) - minus as f32 * (lambda_n * d)
                };
                from = end;
            }
        }
        Ok(y)
    }
}
