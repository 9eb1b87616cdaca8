//! [`Agreement`]: how close a restored tensor comes to the original, in all and group by group.
//!
//! Unlike the [`Fit`](crate::Fit) of a search, this compares with what is **stored**, so it also judges a tensor that was read
//! from a file, or whose scales were changed.

use alloc::vec::Vec;

use super::{TensorView, TernaryTensor};
use crate::fit::{share, value};
use crate::weight::{Format, scale_by_power, unit_exponent};
use crate::{Error, Weight, ordered};

/// How close restored weights `w'` come to weights `w`.
///
/// # Examples
///
/// ```
/// use ternarize::Ternarizer;
/// use ternarize::tensor::{Grouping, TensorView, TernaryTensor};
///
/// let weights = [1.0_f32, -1.0, 0.0, 2.0, 0.0, 2.0];
/// let view = TensorView::new(&weights, &[2, 3])?;
/// let how = Ternarizer::new();
/// let (by_row, _) = TernaryTensor::ternarize(&view, Grouping::axis(0)?, &how)?;
/// assert_eq!(by_row.agreement(&view)?.relative_error, 0.0);
/// let (whole, _) = TernaryTensor::ternarize(&view, Grouping::Tensor, &how)?;
/// assert!(whole.agreement(&view)?.relative_error > 0.0);
/// # Ok::<(), ternarize::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Agreement {
    /// `w . w' / (|w| |w'|)`, in `[-1, 1]`; 0 if either is all zeros.
    pub cosine: f64,
    /// `|w - w'|^2 / |w|^2`; 0 if all weights are 0.
    pub relative_error: f64,
}

/// The inner products behind it.
#[derive(Clone, Copy)]
struct Products {
    weights: f64,
    both: f64,
    restored: f64,
    lost: f64,
}

impl Products {
    /// The sums over all parts, in their order.
    fn total(parts: &[Self]) -> Self {
        Self {
            weights: ordered::sum(parts, |_, part| part.weights),
            both: ordered::sum(parts, |_, part| part.both),
            restored: ordered::sum(parts, |_, part| part.restored),
            lost: ordered::sum(parts, |_, part| part.lost),
        }
    }
}

impl From<Products> for Agreement {
    fn from(products: Products) -> Self {
        let norms =
            num_traits::Float::sqrt(products.weights) * num_traits::Float::sqrt(products.restored);
        Self {
            cosine: share(products.both, norms).clamp(-1.0, 1.0),
            relative_error: share(products.lost, products.weights),
        }
    }
}

impl<W: Weight> TernaryTensor<W> {
    /// How close the restored tensor comes to this original.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] if the shapes hold different numbers of weights.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ternarize::{Ternarizer, tensor::{Grouping, TensorView, TernaryTensor}};
    /// let view = TensorView::new(&[3.0_f32, 4.0], &[2])?;
    /// let (tensor, _) = TernaryTensor::ternarize(&view, Grouping::Tensor, &Ternarizer::new())?;
    /// let agreement = tensor.agreement(&view)?;
    /// assert_eq!(tensor.lambda_p(), [3.5]);
    /// assert_eq!(agreement.relative_error, 0.02);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    pub fn agreement(&self, original: &TensorView<'_, W>) -> Result<Agreement, Error> {
        Ok(Products::total(&self.products(original)?).into())
    }

    /// How close each group comes to its original.
    ///
    /// # Errors
    ///
    /// As [`agreement`](Self::agreement).
    ///
    /// # Examples
    ///
    /// ```
    /// # use ternarize::{Ternarizer, tensor::{Grouping, TensorView, TernaryTensor}};
    /// let view = TensorView::new(&[3.0_f32, 4.0, 5.0, 5.0], &[2, 2])?;
    /// let rows = Grouping::axis(0)?;
    /// let (tensor, _) = TernaryTensor::ternarize(&view, rows, &Ternarizer::new())?;
    /// let errors: Vec<f64> =
    ///     tensor.group_agreements(&view)?.iter().map(|group| group.relative_error).collect();
    /// assert_eq!(errors, [0.02, 0.0]);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    pub fn group_agreements(&self, original: &TensorView<'_, W>) -> Result<Vec<Agreement>, Error> {
        Ok(self
            .products(original)?
            .into_iter()
            .map(Agreement::from)
            .collect())
    }

    /// The inner products of each group, in units that suit the largest weight.
    fn products(&self, original: &TensorView<'_, W>) -> Result<Vec<Products>, Error> {
        let (expected, actual) = (self.shape().len(), original.shape().len());
        if actual != expected {
            return Err(Error::LengthMismatch { expected, actual });
        }
        let original = original.grouped(self.grouping())?;
        let top = original.view().iter().map(Format::key).max().unwrap_or(0);
        let unit = unit_exponent::<W>(top);
        let (mut scratch, mut trits) = (Vec::new(), Vec::new());
        let mut products = Vec::with_capacity(self.groups().len());
        for group in 0..self.groups().len() {
            let weights = original.gather(group, &mut scratch)?;
            trits.clear();
            let indices = self.groups().indices(group);
            trits.extend(indices.map(|index| self.trits().get(index).unwrap_or(0)));
            products.push(inner_products(weights, &trits, self.scales_of(group), unit));
        }
        Ok(products)
    }
}

fn inner_products<W: Weight>(
    weights: &[W],
    trits: &[i8],
    (lambda_p, lambda_n): (W, W),
    unit: i32,
) -> Products {
    let scaled = |w: W| scale_by_power(w.widen(), -unit);
    let restored = |i: usize| {
        let trit = trits.get(i).copied().unwrap_or(0);
        scaled(value(trit, lambda_p, lambda_n))
    };
    let sum = |term: &dyn Fn(f64, f64) -> f64| {
        ordered::sum(weights, |i, weight| term(scaled(weight), restored(i)))
    };
    Products {
        weights: sum(&|w, _| w * w),
        both: sum(&|w, r| w * r),
        restored: sum(&|_, r| r * r),
        lost: sum(&|w, r| (w - r) * (w - r)),
    }
}
