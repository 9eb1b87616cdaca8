//! [`ScaledWeights`]: weights of any type as `f64`, in units of a power of two.

use alloc::vec::Vec;

use crate::error::Error;
use crate::exact::float_sums;
use crate::optimum::check::check_weights;
use crate::optimum::weight::TypedSlice;
use crate::weight::{FloatBits, scale_by_power, unit_exponent};

/// Finite weights, divided by the power of two just above the largest magnitude: so all magnitudes are below 1, and neither
/// squares nor products overflow. The division is exact for weights of up to 32 bits.
pub(crate) struct ScaledWeights {
    pub(crate) values: Vec<f64>,
    /// The exponent of the power of two.
    pub(crate) unit: i32,
    /// The sum of the squares of the values.
    pub(crate) energy: f64,
}

impl ScaledWeights {
    /// Checks the weights and scales them.
    pub(crate) fn of(mut values: Vec<f64>) -> Result<Self, Error> {
        check_weights(&values)?;
        let top = values.iter().map(|value| value.key()).max().unwrap_or(0);
        let unit = unit_exponent::<f64>(top);
        for value in &mut values {
            *value = scale_by_power(*value, -unit);
        }
        Ok(Self {
            energy: float_sums::sum(&values, |_, w| w * w),
            values,
            unit,
        })
    }

    /// A scale in the units of the weights, as it is stored.
    pub(crate) fn stored(&self, scale: f64) -> f64 {
        scale_by_power(scale, self.unit)
    }

    /// A stored scale in the units of the weights.
    pub(crate) fn scaled(&self, stored: f64) -> f64 {
        scale_by_power(stored, -self.unit)
    }
}

/// The same values as `f64`.
pub(crate) fn widened(weights: TypedSlice<'_>) -> Vec<f64> {
    fn wide<W: FloatBits>(weights: &[W]) -> Vec<f64> {
        weights.iter().map(|weight| weight.widen()).collect()
    }
    match weights {
        TypedSlice::F32(weights) => wide(weights),
        TypedSlice::F64(weights) => wide(weights),
        #[cfg(feature = "half")]
        TypedSlice::F16(weights) => wide(weights),
        #[cfg(feature = "half")]
        TypedSlice::Bf16(weights) => wide(weights),
    }
}
