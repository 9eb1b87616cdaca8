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
//! The sums are `f64` sums in one defined order, of weights beyond `f32` in units of a power of two near the largest magnitude of each group.
//! Nothing overflows, nothing that matters underflows, and the result has the same bits on every target. Cost: one pass over each group, two
//! over `f64` weights, and a copy in `f64` of a part of it; of scattered weights also one in their type.

use alloc::vec::Vec;
use core::ops::Range;

use super::floats::{AnyView, each, each_view, nearest_finite};
use super::{TensorView, TernaryTensor};
use crate::error::{check_len, reserve};
use crate::exact::float_sums::{self, BLOCK, OrderedSums, total};
use crate::optimum::fit::share;
use crate::optimum::weight::TypedSlice;
use crate::simd::{Backend, Job, Vector};
use crate::threads;
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

/// The weights that are compared at once: a multiple of [`BLOCK`]. Chosen: few buffers' worth of memory, and whole rows of most matrices.
const PART: usize = 1 << 15;

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
    /// The products of a group of `len` weights, in parts of a multiple of [`BLOCK`] weights or all at once. `fill` puts the weights and the
    /// restored weights of a part into the buffers. Products of numbers that fit `f32` need no units: they neither overflow nor underflow.
    fn new(
        len: usize,
        part_len: usize,
        fit_single: bool,
        buffers: &mut [Vec<f64>; 2],
        mut fill: impl FnMut(Range<usize>, &mut [Vec<f64>; 2]),
    ) -> Self {
        let parts = (0..len).step_by(part_len);
        let parts = parts.map(|start| start..len.min(start + part_len));
        // First the units. A group of one part stays in the buffers.
        let mut units = [0; 2];
        if !fit_single {
            let mut tops = [0.0_f64; 2];
            for part in parts.clone() {
                fill(part, buffers);
                for (top, values) in tops.iter_mut().zip(&*buffers) {
                    *top = values.iter().fold(*top, |top, value| top.max(value.abs()));
                }
            }
            units = tops.map(|top| unit_exponent::<f64>(top.to_bits()));
        }
        // A difference needs one unit for both: the larger one. What is 2^-1022 beside it counts for nothing.
        let larger = units[0].max(units[1]);
        let common = units.map(|unit| scale_by_power(1.0, (unit - larger).max(-1022)));
        let (mut sums, mut last) = (OrderedSums::<4>::new(), [0.0; 4]);
        for part in parts {
            if len > part_len || fit_single {
                fill(part.clone(), buffers);
            }
            for (values, unit) in buffers.iter_mut().zip(units) {
                if !fit_single {
                    scale(values, -unit);
                }
                values.resize(values.len().next_multiple_of(LANES), 0.0);
            }
            last = Backend::detect().run(ProductsPass {
                buffers,
                whole: part.len() / BLOCK,
                common,
                sums: &mut sums,
            });
        }
        let sums = sums.total(last);
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

/// Sums that are added side by side, as a vector unit adds.
const LANES: usize = 8;

/// Adds the products of weights and restored weights, as many of each, filled up with zeros to whole lanes.
struct ProductsPass<'a> {
    buffers: &'a [Vec<f64>; 2],
    /// How many blocks have no zeros at their end.
    whole: usize,
    common: [f64; 2],
    sums: &'a mut OrderedSums<4>,
}

impl Job for ProductsPass<'_> {
    /// Those of the incomplete block at the end.
    type Output = [f64; 4];

    #[inline(always)]
    fn run<V: Vector>(self, v: V) -> [f64; 4] {
        let [w_unit, r_unit] = self.common;
        let (w_unit, r_unit) = (v.splat_double(w_unit), v.splat_double(r_unit));
        let [weights, restored] = self.buffers;
        let blocks = weights.chunks(BLOCK).zip(restored.chunks(BLOCK));
        for (number, (weights, restored)) in blocks.enumerate() {
            let mut lanes = [v.zeros(); 4];
            for (w, r) in weights.as_chunks().0.iter().zip(restored.as_chunks().0) {
                let (w, r) = (v.load_doubles(w), v.load_doubles(r));
                let in_unit = v.multiply_doubles(w, w_unit);
                let lost = v.subtract_doubles(in_unit, v.multiply_doubles(r, r_unit));
                for (sum, (a, b)) in lanes.iter_mut().zip([(w, w), (w, r), (r, r), (lost, lost)]) {
                    *sum = v.add_doubles(*sum, v.multiply_doubles(a, b));
                }
            }
            let mut totals = [0.0; 4];
            for (place, lanes) in totals.iter_mut().zip(lanes) {
                *place = total(&v.doubles(lanes));
            }
            if number == self.whole {
                return totals;
            }
            self.sums.carry(totals);
        }
        [0.0; 4]
    }
}

/// Multiplies by a power of two.
fn scale(values: &mut [f64], exponent: i32) {
    // Both factors are normal numbers, whatever the exponent.
    let half = exponent / 2;
    let factors = [half, exponent - half].map(|half| scale_by_power(1.0, half));
    for value in values {
        *value = *value * factors[0] * factors[1];
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

/// The products of each group.
fn products<W: FloatBits>(
    original: &TensorView<'_, W>,
    tensor: &TernaryTensor,
) -> Result<Vec<InnerProducts>, Error> {
    let groups = tensor.groups();
    check_len(groups.shape().len(), original.shape().len())?;
    if original.shape() != groups.shape() {
        return Err(Error::Shape(ShapeError::Mismatch));
    }
    let grouped = original.grouped(groups.grouping())?;
    let found = threads::collect(groups.len(), groups.batches(PART), |batch, found| {
        let (mut buffers, mut gathered) = ([Vec::new(), Vec::new()], Vec::new());
        let mut trits = Vec::new();
        for group in batch {
            let elements = grouped.elements(group);
            let len = elements.len();
            // Scattered weights are gathered and compared all at once.
            let (slice, part) = if let Some(slice) = elements.as_slice() {
                (slice, PART)
            } else {
                gathered.clear();
                reserve(&mut gathered, len)?;
                elements.for_each(|weight| gathered.push(weight));
                (&gathered[..], len.max(1))
            };
            let fill = |part: Range<usize>, [weights, restored]: &mut [Vec<f64>; 2]| {
                // The original weights of the part, and the restored ones as the original type holds them.
                weights.clear();
                let own = slice.get(part.clone()).unwrap_or_default();
                weights.extend(own.iter().map(|weight| weight.widen()));
                let rounded = |value| nearest_finite::<W>(value).widen();
                tensor.restore_part(group, part, (restored, &mut trits), rounded);
            };
            let single = W::FITS_SINGLE;
            found.push(InnerProducts::new(len, part, single, &mut buffers, fill));
        }
        Ok(())
    })?;
    // A sum of squares is finite just if all weights are.
    if !found.iter().all(|products| products.sums[0].is_finite()) {
        original.check_finite()?;
    }
    Ok(found)
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
    /// - [`Error::TooMany`] if there is no memory for the scattered weights of a group.
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
        each_view!(original, view => products(&view, self))
    }
}
