//! The sums behind a [`Gram`] matrix: of the inputs and of their products; merged, and about the means.
//!
//! ```text
//! sum of (x - m)(y - n)  =  sum of x y  -  (sum of x)(sum of y) / weight          m, n: the means of x, y
//! ```

use alloc::vec::Vec;

use super::accumulate::Gram;
use crate::error::{Error, check_len};
use crate::rotation::rotate_rows;

/// The share of the mean square below which a variance counts as 0: of so many roundings, and of two more for each row, because the two
/// sums that are subtracted round with each row, all to the same side if an input never changes. Chosen: the first.
const ROUNDINGS: f64 = 4096.0;

/// Sums over the rows of some inputs.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct InputSums {
    /// The sum of each input.
    pub inputs: Vec<f64>,
    /// `X^T X`, on and above the diagonal.
    pub upper: Vec<f64>,
}

/// Sums over the rows of the inputs of the original network.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Original {
    pub own: InputSums,
    /// `X^T X'`, so that its rows are summed up to `X'^T X w`.
    pub cross: Vec<f64>,
}

impl Gram {
    /// Adds the rows of another matrix of as many inputs, as if they had been added here.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] for another number of inputs; [`Error::Conflict`] if one of the two is centred.
    ///
    /// # Examples
    ///
    /// ```
    /// use ternarize::quantize::gram::Gram;
    ///
    /// let (mut one, mut other) = (Gram::new(1)?, Gram::new(1)?);
    /// one.add(&[1.0, 2.0])?;
    /// other.add_pairs(&[3.0], &[4.0])?;
    /// one.merge(&other)?;
    /// assert_eq!((one.rows(), one.error(&[1.0])?), (3, 14.0));
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    pub fn merge(&mut self, other: &Self) -> Result<(), Error> {
        check_len(self.inputs, other.inputs)?;
        if self.centred || other.centred {
            return Err(Error::conflict("a centred Gram matrix", "more rows"));
        }
        if let (None, Some(_)) = (&self.original, &other.original) {
            self.original = Some(self.unchanged());
        }
        if let Some(original) = &mut self.original {
            let unchanged = other.original.is_none().then(|| other.unchanged());
            if let Some(more) = other.original.as_ref().or(unchanged.as_ref()) {
                add_rows(&mut original.cross, &more.cross);
                original.own.add(&more.own);
            }
        }
        self.seen.add(&other.seen);
        self.rows += other.rows;
        self.weight += other.weight;
        Ok(())
    }

    /// The same matrix for the distances of the inputs from their means, those of the original network from their own. A bias takes up
    /// the means: fits of a centred matrix want [`Correction::Bias`](crate::quantize::calibrate::Correction).
    ///
    /// # Examples
    ///
    /// ```
    /// use ternarize::quantize::gram::Gram;
    ///
    /// let mut gram = Gram::new(2)?;
    /// gram.add(&[1.0, 5.0, 3.0, 5.0])?;
    /// let gram = gram.centred();
    /// assert_eq!((gram.means(), gram.diagonal()), (vec![2.0, 5.0], vec![1.0, 0.0]));
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub fn centred(mut self) -> Self {
        if self.centred || self.weight == 0.0 {
            return self;
        }
        let (stride, weight) = (self.stride, self.weight);
        let rounding = f64::EPSILON * (ROUNDINGS + 2.0 * self.rows as f64);
        let seen = self.seen.centre(stride, weight, rounding);
        if let Some(original) = &mut self.original {
            let own = original.own.centre(stride, weight, rounding);
            let inputs = [&original.own.inputs, &self.seen.inputs];
            subtract_products(&mut original.cross, inputs, weight);
            clear(&mut original.cross, [&own, &seen]);
        }
        self.centred = true;
        self
    }

    /// Makes it the matrix of rotated inputs: `R H R^T`.
    pub(super) fn rotate(&mut self, width: usize, seed: u64) -> Result<(), Error> {
        let matrix = |matrix: &mut Vec<f64>| {
            for _ in 0..2 {
                for row in matrix.chunks_exact_mut(self.stride).take(self.inputs) {
                    rotate_rows(&mut row[..self.inputs], self.inputs, width, seed)?;
                }
                transpose(matrix, self.stride);
            }
            Ok::<_, Error>(())
        };
        let sums = |sums: &mut InputSums| {
            mirror(&mut sums.upper, self.stride);
            matrix(&mut sums.upper)?;
            rotate_rows(&mut sums.inputs[..self.inputs], self.inputs, width, seed)
        };
        sums(&mut self.seen)?;
        if let Some(original) = &mut self.original {
            sums(&mut original.own)?;
            matrix(&mut original.cross)?;
        }
        Ok(())
    }

    /// Whether the means of the inputs were subtracted.
    #[must_use]
    pub const fn is_centred(&self) -> bool {
        self.centred
    }

    /// The mean of each input, also after [`centred`](Self::centred); zeros before the first row.
    #[must_use]
    pub fn means(&self) -> Vec<f64> {
        self.seen.means(self.inputs, self.weight)
    }
}

impl InputSums {
    fn add(&mut self, other: &Self) {
        add_rows(&mut self.inputs, &other.inputs);
        add_rows(&mut self.upper, &other.upper);
    }

    pub(super) fn means(&self, inputs: usize, weight: f64) -> Vec<f64> {
        let weight = if weight > 0.0 { weight } else { 1.0 };
        let sums = self.inputs[..inputs].iter();
        sums.map(|sum| sum / weight).collect()
    }

    /// Subtracts the means. Says which inputs never changed, up to rounding errors; these become exactly 0.
    fn centre(&mut self, stride: usize, weight: f64, rounding: f64) -> Vec<bool> {
        let squares: Vec<f64> = self.upper.iter().step_by(stride + 1).copied().collect();
        subtract_products(&mut self.upper, [&self.inputs; 2], weight);
        let centred = self.upper.iter().step_by(stride + 1).zip(squares);
        let constant = centred.map(|(left, square)| *left <= square * rounding);
        let constant: Vec<bool> = constant.collect();
        clear(&mut self.upper, [&constant; 2]);
        constant
    }
}

/// Adds rows, each as long as the sums.
fn add_rows(sums: &mut [f64], rows: &[f64]) {
    for row in rows.chunks_exact(sums.len()) {
        for (sum, value) in sums.iter_mut().zip(row) {
            *sum += value;
        }
    }
}

/// Subtracts the products of the means of two inputs from the sums of their products.
fn subtract_products(matrix: &mut [f64], [left, right]: [&Vec<f64>; 2], weight: f64) {
    for (row, sum) in matrix.chunks_exact_mut(right.len()).zip(left) {
        let mean = sum / weight;
        for (entry, sum) in row.iter_mut().zip(right) {
            *entry -= mean * sum;
        }
    }
}

/// Sets the rows and columns of constant inputs to 0.
fn clear(matrix: &mut [f64], [left, right]: [&Vec<bool>; 2]) {
    for (row, &whole) in matrix.chunks_exact_mut(right.len()).zip(left) {
        for (entry, &constant) in row.iter_mut().zip(right) {
            if whole || constant {
                *entry = 0.0;
            }
        }
    }
}

/// Copies what lies above the diagonal below it.
pub(super) fn mirror(matrix: &mut [f64], stride: usize) {
    for i in 0..stride {
        for j in 0..i {
            matrix[i * stride + j] = matrix[j * stride + i];
        }
    }
}

/// Exchanges rows and columns.
fn transpose(matrix: &mut [f64], stride: usize) {
    for i in 0..stride {
        for j in 0..i {
            matrix.swap(i * stride + j, j * stride + i);
        }
    }
}
