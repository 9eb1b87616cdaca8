//! [`ScaleChoice`]: three scales for the same trits, from the weights alone.
//!
//! Let `q` be the ternary vector with its least-squares scales, so that `w - q` is orthogonal to `q`, and `cos` the cosine between the two.
//! For inputs that are not correlated, `<q, x>` is `<w, x>` times `cos^2` plus noise. What is the right length for `q`?
//!
//! | choice | factor | for such `q` | what is equal afterwards |
//! |---|---|---|---|
//! | [`ScaleChoice::LeastSquares`] | `<w,q> / <q,q>` | 1 | nothing: the error of the weights is least, and outputs shrink by `cos^2` |
//! | [`ScaleChoice::NormPreserving`] | `\|w\| / \|q\|` | `1 / cos` | the norm of the weights, so the variance of outputs |
//! | [`ScaleChoice::UnitGain`] | `<w,w> / <w,q>` | `1 / cos^2` | `<w, q'> = <w, w>`: the part of the outputs that is signal |
//!
//! The factors hold for any `q`, of one scale, of two, or of several planes, whatever its scales were.

use crate::error::Operand;
use core::fmt;

use crate::exact::float_sums;
use crate::weight::{scale_by_power, unit_exponent};
use crate::{Error, Weight};

/// How long the restored weights of a group are made.
///
/// # Examples
///
/// ```
/// use ternarize::calibrate::ScaleChoice;
///
/// // A cosine of 0.8 from least squares: |q| = 0.8 |w|.
/// let (weights, restored) = ([5.0_f32, 0.0], [3.2_f32, 2.4]);
/// let factor = |choice: ScaleChoice| choice.factor(&weights, &restored);
/// assert!((factor(ScaleChoice::LeastSquares)? - 1.0).abs() < 1e-6);
/// assert!((factor(ScaleChoice::NormPreserving)? - 1.0 / 0.8).abs() < 1e-6);
/// assert!((factor(ScaleChoice::UnitGain)? - 1.0 / 0.64).abs() < 1e-6);
/// # Ok::<(), ternarize::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ScaleChoice {
    /// The least error of the weights; the default.
    #[default]
    LeastSquares,
    /// The norm of the weights.
    NormPreserving,
    /// The gain of the weights.
    UnitGain,
}

impl ScaleChoice {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::LeastSquares, Self::NormPreserving, Self::UnitGain];

    /// The name, as in a file: `least-squares`, `norm` or `unit-gain`.
    ///
    /// ```
    /// assert_eq!(ternarize::calibrate::ScaleChoice::UnitGain.name(), "unit-gain");
    /// ```
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::LeastSquares => "least-squares",
            Self::NormPreserving => "norm",
            Self::UnitGain => "unit-gain",
        }
    }

    /// The choice of this name.
    ///
    /// ```
    /// # use ternarize::calibrate::ScaleChoice;
    /// assert_eq!(ScaleChoice::from_name("norm"), Some(ScaleChoice::NormPreserving));
    /// ```
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.name() == name)
    }

    /// What to multiply the scales of a group with. 1 where nothing else is defined: for weights or restored weights that are all
    /// zero, or at right angles.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] if one is longer than the other; [`Error::InvalidValue`] with the index of a weight that is no
    /// number, in `weights` or else in `restored`.
    ///
    /// ```
    /// # use ternarize::calibrate::ScaleChoice;
    /// assert_eq!(ScaleChoice::UnitGain.factor(&[1.0_f32], &[0.0]), Ok(1.0));
    /// ```
    pub fn factor<W: Weight>(self, weights: &[W], restored: &[W]) -> Result<f64, Error> {
        if weights.len() != restored.len() {
            return Err(Error::LengthMismatch {
                expected: weights.len(),
                actual: restored.len(),
            });
        }
        let (weights, restored) = (Vector::new(weights)?, Vector::new(restored)?);
        let (ww, qq) = (weights.dot(&weights), restored.dot(&restored));
        let wq = weights.dot(&restored);
        if wq == 0.0 {
            return Ok(1.0);
        }
        let factor = match self {
            Self::LeastSquares => wq / qq,
            Self::NormPreserving => num_traits::Float::sqrt(ww / qq),
            Self::UnitGain => ww / wq,
        };
        Ok(scale_by_power(factor, weights.unit - restored.unit))
    }
}

impl fmt::Display for ScaleChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A vector in units of a power of two above its largest magnitude, so that squares neither overflow nor vanish.
struct Vector<'a, W> {
    values: &'a [W],
    unit: i32,
}

impl<'a, W: Weight> Vector<'a, W> {
    fn new(values: &'a [W]) -> Result<Self, Error> {
        if let Some(index) = values.iter().position(|value| !value.is_finite()) {
            return Err(Error::InvalidValue {
                what: Operand::Weight,
                index,
            });
        }
        let top = values.iter().map(|value| value.abs().key()).max();
        let unit = unit_exponent::<W>(top.unwrap_or(0));
        Ok(Self { values, unit })
    }

    fn get(&self, index: usize) -> f64 {
        let value = self.values.get(index);
        value.map_or(0.0, |value| scale_by_power(value.widen(), -self.unit))
    }

    fn dot(&self, other: &Self) -> f64 {
        float_sums::sum(self.values, |i, _| self.get(i) * other.get(i))
    }
}
