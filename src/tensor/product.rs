//! A ternary matrix times a vector, on the packed trits.
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

use super::TernaryTensor;
use crate::weight::Format;
use crate::{Error, Scales, Weight};

impl<W: Weight> TernaryTensor<W> {
    /// Multiplies with a vector: the first axis is that of `y`, all others together are that of `x` (so a convolution kernel
    /// multiplies with an unfolded patch).
    ///
    /// The result is rounded in `f32`: it differs from the exact product with the restored weights by at most
    /// `(n + 3) 2^-24 sum |w'_i x_i|` in each of its elements, where `n` is the length of `x`, up to `2^22`. That presumes that
    /// the scales, and what they are multiplied with, neither overflow nor underflow in `f32`.
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
            let narrow = |lambda: W| <f32 as Format>::narrow(lambda.widen());
            let (lambda_p, lambda_n) = (narrow(lambda_p), narrow(lambda_n));
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
