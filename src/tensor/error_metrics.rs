//! [`ErrorMetrics`]: how close restored weights come to the original ones, in all and group by group.
//!
//! With `w` the original weights and `w'` the restored ones:
//!
//! ```text
//! cosine          =  w . w' / (|w| |w'|)
//! relative error  =  |w - w'|^2 / |w|^2
//! ```
//!
//! Unlike the [`Fit`](crate::Fit) of a search, these metrics are computed from what is **stored**. So they also judge a tensor that
//! was read from a file, or whose scales were rounded. The restored weights are rounded to the type of the original first.
//!
//! The sums are `f64` sums in one defined order, in units of a power of two near the largest magnitude of each group. Nothing
//! overflows, nothing that matters underflows, and the result has the same bits on every target. Cost: four passes over each group,
//! and a copy in `f64` of one group of each tensor.

use alloc::vec::Vec;

use super::floats::{AnyView, each, each_view, nearest_finite};
use super::{Groups, Shape, TensorView, TernaryTensor};
use crate::error::{check_len, reserve};
use crate::exact::float_sums;
use crate::optimum::fit::share;
use crate::optimum::weight::TypedSlice;
use crate::weight::{FloatBits, scale_by_power, unit_exponent};
use crate::{Error, ShapeError, Weight};

/// How close restored weights `w'` come to original weights `w`.
///
/// # Examples
///
/// ```
/// use ternarize::Ternarizer;
/// use ternarize::tensor::{Grouping, TensorView, TernaryTensor};
///
/// let weights = [1.0_f32, -1.0, 0.0, 2.0, 0.0, 2.0];
/// let view = TensorView::new(&weights, &[2, 3])?;
/// let options = Ternarizer::new();
/// let (by_row, _) = TernaryTensor::ternarize(&view, Grouping::OUTPUT_CHANNEL, &options)?;
/// assert_eq!(by_row.error_metrics(&view)?.relative_error, 0.0);
/// let (whole, _) = TernaryTensor::ternarize(&view, Grouping::Tensor, &options)?;
/// assert!(whole.error_metrics(&view)?.relative_error > 0.0);
/// # Ok::<(), ternarize::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct ErrorMetrics {
    /// `w . w' / (|w| |w'|)`, in `[-1, 1]`; 0 if `w` or `w'` is all zeros.
    pub cosine: f64,
    /// `|w - w'|^2 / |w|^2`; 0 if all weights are 0, infinite if beyond the range of `f64`.
    pub relative_error: f64,
}

/// The inner products that the metrics are made from.
#[derive(Clone, Copy)]
struct InnerProducts {
    /// `w . w`, `w . w'`, `w' . w'` and `|w - w'|^2`, each in the unit that [`unit_exponents`] gives.
    sums: [f64; 4],
    /// Exponents of powers of two just above the largest `|w|` and the largest `|w'|`.
    units: [i32; 2],
}

/// The exponents of the units of the four sums.
fn unit_exponents([weights, restored]: [i32; 2]) -> [i32; 4] {
    let larger = weights.max(restored);
    [2 * weights, weights + restored, 2 * restored, 2 * larger]
}

impl InnerProducts {
    fn new(weights: &[f64], restored: &[f64]) -> Self {
        let units = [weights, restored].map(|values| {
            let keys = values.iter().map(|value| value.abs().to_bits());
            unit_exponent::<f64>(keys.max().unwrap_or(0))
        });
        let sum = |units: [i32; 2], term: &dyn Fn(f64, f64) -> f64| {
            float_sums::sum(weights, |i, weight| {
                let restored = restored.get(i).copied().unwrap_or(0.0);
                let weight = scale_by_power(weight, -units[0]);
                term(weight, scale_by_power(restored, -units[1]))
            })
        };
        let sums = [
            sum(units, &|w, _| w * w),
            sum(units, &|w, r| w * r),
            sum(units, &|_, r| r * r),
            // A difference needs one unit for both.
            sum([units[0].max(units[1]); 2], &|w, r| (w - r) * (w - r)),
        ];
        Self { sums, units }
    }

    /// The sums over all groups, added in their order.
    fn total(groups: &[Self]) -> Self {
        let larger = |a: [i32; 2], b: [i32; 2]| [a[0].max(b[0]), a[1].max(b[1])];
        let units = groups.iter().map(|group| group.units).reduce(larger);
        let units = units.unwrap_or([0; 2]);
        let exponents = unit_exponents(units);
        let sums = core::array::from_fn(|k| {
            float_sums::sum(groups, |_, group| {
                let exponent = unit_exponents(group.units)[k] - exponents[k];
                scale_by_power(group.sums[k], exponent)
            })
        });
        Self { sums, units }
    }
}

impl From<InnerProducts> for ErrorMetrics {
    fn from(products: InnerProducts) -> Self {
        let [weights, both, restored, lost] = products.sums;
        let norms = num_traits::Float::sqrt(weights) * num_traits::Float::sqrt(restored);
        let [weights_unit, _, _, lost_unit] = unit_exponents(products.units);
        Self {
            cosine: share(both, norms).clamp(-1.0, 1.0),
            relative_error: scale_by_power(share(lost, weights), lost_unit - weights_unit),
        }
    }
}

/// Appends the restored weights of a group.
type Restore<'a> = &'a dyn Fn(usize, &mut Vec<f64>);

/// The products of each group.
fn products(
    original: AnyView<'_>,
    groups: &Groups,
    restore: Restore<'_>,
) -> Result<Vec<InnerProducts>, Error> {
    each_view!(original, view => products_of(&view, groups, restore))
}

fn products_of<W: FloatBits>(
    original: &TensorView<'_, W>,
    groups: &Groups,
    restore: Restore<'_>,
) -> Result<Vec<InnerProducts>, Error> {
    check(original, groups.shape())?;
    let original = original.grouped(groups.grouping())?;
    let (mut weights, mut restored) = (Vec::new(), Vec::new());
    let products = (0..groups.len()).map(|group| {
        // The original weights of the group, and the restored ones as the original type holds them.
        weights.clear();
        let elements = original.elements(group);
        reserve(&mut weights, elements.len())?;
        match elements.as_slice() {
            Some(slice) => weights.extend(slice.iter().map(|weight| weight.widen())),
            None => elements.for_each(|weight| weights.push(weight.widen())),
        }
        restored.clear();
        reserve(&mut restored, weights.len())?;
        restore(group, &mut restored);
        for value in &mut restored {
            *value = nearest_finite::<W>(*value).widen();
        }
        Ok(InnerProducts::new(&weights, &restored))
    });
    products.collect()
}

/// Checks that the original has this shape and is finite.
fn check<W: FloatBits>(original: &TensorView<'_, W>, shape: &Shape) -> Result<(), Error> {
    check_len(shape.len(), original.shape().len())?;
    if original.shape() != shape {
        return Err(Error::Shape(ShapeError::Mismatch));
    }
    original.check_finite()
}

impl TernaryTensor {
    /// The error metrics of the whole tensor, compared with its original.
    ///
    /// A tensor that is stored for rotated inputs is compared with rotated weights.
    ///
    /// # Errors
    ///
    /// - [`Error::LengthMismatch`] if the two tensors have different numbers of weights;
    /// - [`ShapeError::Mismatch`] if their shapes differ otherwise;
    /// - [`Error::InvalidValue`] with the row-major index of an original weight that is NaN or infinite;
    /// - [`Error::TooMany`] if there is no memory for the restored weights of a group.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ternarize::{Ternarizer, tensor::{Grouping, TensorView, TernaryTensor}};
    /// let view = TensorView::new(&[3.0_f32, 4.0], &[2])?;
    /// let (tensor, _) = TernaryTensor::ternarize(&view, Grouping::Tensor, &Ternarizer::new())?;
    /// assert_eq!(tensor.lambda_p(), [3.5]);
    /// assert_eq!(tensor.error_metrics(&view)?.relative_error, 0.02);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    pub fn error_metrics<W: Weight>(
        &self,
        original: &TensorView<'_, W>,
    ) -> Result<ErrorMetrics, Error> {
        self.metrics(original.any())
    }

    /// The error metrics of each group.
    ///
    /// # Errors
    ///
    /// As [`error_metrics`](Self::error_metrics).
    ///
    /// # Examples
    ///
    /// ```
    /// # use ternarize::{Ternarizer, tensor::{Grouping, TensorView, TernaryTensor}};
    /// let view = TensorView::new(&[3.0_f32, 4.0, 5.0, 5.0], &[2, 2])?;
    /// let rows = Grouping::OUTPUT_CHANNEL;
    /// let (tensor, _) = TernaryTensor::ternarize(&view, rows, &Ternarizer::new())?;
    /// let groups = tensor.group_error_metrics(&view)?;
    /// assert_eq!([groups[0].relative_error, groups[1].relative_error], [0.02, 0.0]);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    pub fn group_error_metrics<W: Weight>(
        &self,
        original: &TensorView<'_, W>,
    ) -> Result<Vec<ErrorMetrics>, Error> {
        let products = self.products(original.any())?;
        Ok(products.into_iter().map(ErrorMetrics::from).collect())
    }

    pub(super) fn metrics(&self, original: AnyView<'_>) -> Result<ErrorMetrics, Error> {
        Ok(InnerProducts::total(&self.products(original)?).into())
    }

    fn products(&self, original: AnyView<'_>) -> Result<Vec<InnerProducts>, Error> {
        products(original, self.groups(), &|group, values| {
            self.restore_group(group, values);
        })
    }
}
