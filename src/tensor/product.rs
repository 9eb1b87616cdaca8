//! A ternary matrix times a vector, or many, on the packed trits.
//!
//! ```text
//! y[r] = sum over the groups g in row r of   lambda_p[g] (sum of x where t = +1) - lambda_n[g] (sum of x where t = -1)
//! ```
//!
//! Only the scales are multiplied with: one or two multiplications per group and row, none per weight. Cost: proportional
//! to the trits; fastest where the groups run along the rows, slow where neighbours in a row belong to different groups.
//!
//! # The bound
//!
//! Let `u = 2^-24` and `S = sum |w'_i x_i|` over a row of `n` weights in `k` runs, the longest of `L`, so `k + L <= n + 1`.
//!
//! - Within a run of length `l` an activation passes at most `l - 1` roundings of additions: as many as there are others
//!   (adding a zero is exact, and if neither `plus` nor `minus` is empty their difference takes the place of an addition).
//!   In eight lanes there are at most `l / 8 + 4` of them, too. With the rounding of the scale to `f32` and the product that
//!   makes `d <= min(L + 1, L / 8 + 6)`, and an error of at most `e S` with `e = (1 + u)^d - 1`.
//! - Adding up the `k` runs loses at most `(k - 1) u` of the sum of their magnitudes (Rump 2012), which is at most
//!   `(1 + e) S`.
//!
//! Together `e + (n - L) u (1 + e)`. That is at most `(n + 3) u` if `(e / u) (1 + n u) <= L + 3`, which holds for every `L`
//! as long as `n <= 2^22`: then `n u <= 1/4` and `e / u` is `d` but for 4 %, and less for small `L`.
//!
//! Source: Rump, Error estimation of floating-point summation and dot product, BIT 52 (2012).

use alloc::vec;

use super::TernaryTensor;
use super::rows::GroupedMatrix;
use crate::error::check_len;
use crate::{Backend, Error};

impl TernaryTensor {
    /// Multiplies with a vector: the first axis is that of `y`, all others together are that of `x` (so a convolution kernel
    /// multiplies with an unfolded patch).
    ///
    /// The result is rounded in `f32`: it differs from the exact product with the restored weights by at most
    /// `(n + 3) 2^-24 sum |w'_i x_i|` in each of its elements, where `n` is the length of `x`, up to `2^22`. That presumes that
    /// the scales, and what they are multiplied with, neither overflow nor underflow in `f32`.
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
        self.matmul(x, 1, y)
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
        self.matrix()?.matmul(backend, x, columns, y)
    }
}

impl GroupedMatrix<'_> {
    /// See [`TernaryTensor::matmul_on`].
    fn matmul(
        &self,
        backend: Backend,
        x: &[f32],
        columns: usize,
        y: &mut [f32],
    ) -> Result<(), Error> {
        for (length, actual) in [(self.columns, x.len()), (self.rows, y.len())] {
            check_len(length.saturating_mul(columns), actual)?;
        }
        if columns <= 1 {
            return self.multiply(backend, x, columns, y);
        }
        let mut by_rows = vec![0.0; y.len()];
        self.multiply(backend, x, columns, &mut by_rows)?;
        for (column, y) in y.chunks_exact_mut(self.rows.max(1)).enumerate() {
            let products = by_rows.iter().skip(column).step_by(columns);
            for (y, &product) in y.iter_mut().zip(products) {
                *y = product;
            }
        }
        Ok(())
    }
}
