//! A ternary matrix times a vector, on the packed trits.
//!
//! ```text
//! y[r] = sum over the groups g in row r of   lambda_p[g] (sum of x where t = +1) - lambda_n[g] (sum of x where t = -1)
//! ```
//!
//! Only the scales are multiplied with: one or two multiplications per group and row, none per weight. Cost: proportional
//! to the trits; fastest where the groups run along the rows, slow where neighbours in a row belong to different groups.

use super::TernaryTensor;
use crate::fit::narrow;
use crate::{Error, Scales, Weight};

impl<W: Weight> TernaryTensor<W> {
    /// Multiplies with a vector: the first axis is that of `y`, all others together are that of `x` (so a convolution kernel
    /// multiplies with an unfolded patch).
    ///
    /// The result is rounded in `f32`: it differs from the exact product with the restored weights by at most
    /// `(n + 3) 2^-24 sum |w'_i x_i|` in each of its elements, where `n` is the length of `x`.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidAxis`] if the tensor has no axes; [`Error::LengthMismatch`] if `x` or `y` has another length.
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
        let axes = self.shape().axes();
        let (&rows, inner) = axes
            .split_first()
            .ok_or(Error::InvalidAxis { axis: 0, rank: 0 })?;
        let columns = inner.iter().product();
        for (expected, actual) in [(columns, x.len()), (rows, y.len())] {
            if actual != expected {
                return Err(Error::LengthMismatch { expected, actual });
            }
        }
        for (row, y) in y.iter_mut().enumerate() {
            *y = self.row_product(row * columns, x)?;
        }
        Ok(())
    }

    /// The row that begins at a row-major index, times `x`.
    fn row_product(&self, start: usize, x: &[f32]) -> Result<f32, Error> {
        let mut y = 0.0;
        for (run, group) in self.groups().runs(start..start + x.len())? {
            let part = x
                .get(run.start - start..run.end - start)
                .unwrap_or_default();
            let trits = self.trits().slice(run)?;
            let (lambda_p, lambda_n) = self.scales_of(group);
            let (lambda_p, lambda_n): (f32, f32) =
                (narrow(lambda_p.widen()), narrow(lambda_n.widen()));
            y += match self.scales() {
                Scales::One => lambda_p * trits.dot(part)?,
                Scales::Two => {
                    let (plus, minus) = trits.dot_signed(part)?;
                    lambda_p * plus - lambda_n * minus
                }
            };
        }
        Ok(y)
    }
}
