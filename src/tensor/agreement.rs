//! [`Agreement`]: how close a restored tensor comes to the original, in all and group by group.
//!
//! Unlike the [`Fit`](crate::Fit) of a search, this compares with what is **stored**, so it also judges a tensor that was read
//! from a file, or whose scales were changed.

use crate::error::{Operand, ShapeError};
use alloc::vec::Vec;

use super::{Grouping, Shape, TensorView, TernaryTensor};
use crate::exact::float_sums;
use crate::optimum::fit::{share, value};
use crate::weight::{scale_by_power, unit_exponent};
use crate::{Error, Weight};

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
    /// `|w - w'|^2 / |w|^2`; 0 if all weights are 0, infinite if beyond the range of `f64`.
    pub relative_error: f64,
}

/// Powers of two just above the largest magnitudes.
#[derive(Clone, Copy)]
struct Units {
    weights: i32,
    restored: i32,
}

impl Units {
    fn of<W: Weight>(weights: &[W], restored: &[W]) -> Self {
        let top = |values: &[W]| values.iter().map(|value| value.key()).max().unwrap_or(0);
        Self {
            weights: unit_exponent::<W>(top(weights)),
            restored: unit_exponent::<W>(top(restored)),
        }
    }

    fn max(self, other: Self) -> Self {
        Self {
            weights: self.weights.max(other.weights),
            restored: self.restored.max(other.restored),
        }
    }

    /// The unit of the difference.
    fn lost(self) -> i32 {
        self.weights.max(self.restored)
    }
}

/// The inner products behind it, each in its units: so none overflows, and none vanishes that matters.
#[derive(Clone, Copy)]
struct Products {
    weights: f64,
    both: f64,
    restored: f64,
    lost: f64,
    units: Units,
}

impl Products {
    fn new<W: Weight>(weights: &[W], restored: &[W]) -> Self {
        let units = Units::of(weights, restored);
        let sum = |unit_w: i32, unit_r: i32, term: &dyn Fn(f64, f64) -> f64| {
            float_sums::sum(weights, |i, weight| {
                let restored = restored.get(i).map_or(0.0, |value| value.widen());
                let w = scale_by_power(weight.widen(), -unit_w);
                term(w, scale_by_power(restored, -unit_r))
            })
        };
        let (w, r, lost) = (units.weights, units.restored, units.lost());
        Self {
            weights: sum(w, r, &|w, _| w * w),
            both: sum(w, r, &|w, r| w * r),
            restored: sum(w, r, &|_, r| r * r),
            lost: sum(lost, lost, &|w, r| (w - r) * (w - r)),
            units,
        }
    }

    /// The same in larger units.
    fn in_units(&self, units: Units) -> Self {
        let weights = self.units.weights - units.weights;
        let restored = self.units.restored - units.restored;
        let lost = self.units.lost() - units.lost();
        Self {
            weights: scale_by_power(self.weights, 2 * weights),
            both: scale_by_power(self.both, weights + restored),
            restored: scale_by_power(self.restored, 2 * restored),
            lost: scale_by_power(self.lost, 2 * lost),
            units,
        }
    }

    /// The sums over all parts, in their order.
    fn total(mut parts: Vec<Self>) -> Self {
        let units = parts.iter().map(|part| part.units).reduce(Units::max);
        let units = units.unwrap_or(Units {
            weights: 0,
            restored: 0,
        });
        for part in &mut parts {
            *part = part.in_units(units);
        }
        Self {
            weights: float_sums::sum(&parts, |_, part| part.weights),
            both: float_sums::sum(&parts, |_, part| part.both),
            restored: float_sums::sum(&parts, |_, part| part.restored),
            lost: float_sums::sum(&parts, |_, part| part.lost),
            units,
        }
    }
}

impl From<Products> for Agreement {
    fn from(products: Products) -> Self {
        let norms =
            num_traits::Float::sqrt(products.weights) * num_traits::Float::sqrt(products.restored);
        let larger = products.units.lost() - products.units.weights;
        let lost = share(products.lost, products.weights);
        Self {
            cosine: share(products.both, norms).clamp(-1.0, 1.0),
            relative_error: scale_by_power(lost, 2 * larger),
        }
    }
}

impl Agreement {
    /// How close a tensor comes to an original of as many axes of the same lengths; summed group by group.
    pub(super) fn between<W: Weight>(
        original: &TensorView<'_, W>,
        restored: &TensorView<'_, W>,
        grouping: Grouping,
    ) -> Result<Self, Error> {
        check(original, restored.shape())?;
        let (original, restored) = (original.grouped(grouping)?, restored.grouped(grouping)?);
        let mut scratch = [Vec::new(), Vec::new()];
        let [first, second] = &mut scratch;
        let mut products = Vec::with_capacity(original.groups().len());
        for group in 0..original.groups().len() {
            let weights = original.gather(group, first)?;
            products.push(Products::new(weights, restored.gather(group, second)?));
        }
        Ok(Products::total(products).into())
    }
}

/// Checks that an original has a shape and is finite.
fn check<W: Weight>(original: &TensorView<'_, W>, shape: &Shape) -> Result<(), Error> {
    let (expected, actual) = (shape.len(), original.shape().len());
    if actual != expected {
        return Err(Error::LengthMismatch { expected, actual });
    }
    if original.shape() != shape {
        return Err(Error::Shape(ShapeError::Mismatch));
    }
    match original.iter().position(|weight| !weight.is_finite()) {
        Some(index) => Err(Error::InvalidValue {
            what: Operand::Weight,
            index,
        }),
        None => Ok(()),
    }
}

impl<W: Weight> TernaryTensor<W> {
    /// How close the restored tensor comes to this original.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] if the shapes hold different numbers of weights, [`Error::Shape`] if they differ
    /// otherwise, and [`Error::InvalidValue`] with the row-major index of a weight that is NaN or infinite.
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
        Ok(Products::total(self.products(original)?).into())
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

    /// The inner products of each group.
    fn products(&self, original: &TensorView<'_, W>) -> Result<Vec<Products>, Error> {
        check(original, self.shape())?;
        let original = original.grouped(self.grouping())?;
        let (mut scratch, mut restored) = (Vec::new(), Vec::new());
        let mut products = Vec::with_capacity(self.groups().len());
        for group in 0..self.groups().len() {
            let weights = original.gather(group, &mut scratch)?;
            let (lambda_p, lambda_n) = self.scales_of(group);
            restored.clear();
            let trits = self.groups().indices(group);
            let trits = trits.map(|index| self.trits().get(index).unwrap_or(0));
            restored.extend(trits.map(|trit| value(trit, lambda_p, lambda_n)));
            products.push(Products::new(weights, &restored));
        }
        Ok(products)
    }
}
