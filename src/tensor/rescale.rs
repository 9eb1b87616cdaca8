//! Other scales for the trits of a [`TernaryTensor`]: of another type, or multiplied by a gain for each group.

use alloc::vec::Vec;

use super::TernaryTensor;
use crate::error::{check_each, check_len};
use crate::scale::ScaleBuf;
use crate::{Error, Operand, ScaleType};

impl TernaryTensor {
    /// The same tensor with its scales in another type, each rounded to the nearest value of it.
    ///
    /// The trits stay as they are, whatever rule they come from. To choose them together with such scales, use
    /// [`ternarize_planes`](Self::ternarize_planes).
    ///
    /// # Errors
    ///
    /// [`Error::Unstorable`] with the index of a scale that the type cannot hold: it would become infinite, or zero though it is not
    /// zero.
    ///
    /// # Examples
    ///
    /// ```
    /// use ternarize::tensor::{Grouping, TensorView, TernaryTensor};
    /// use ternarize::{ScaleType, Ternarizer};
    ///
    /// let view = TensorView::new(&[0.1_f32, -0.1, 0.0, 0.1], &[2, 2])?;
    /// let (tensor, _) = TernaryTensor::ternarize(&view, Grouping::OUTPUT_CHANNEL, &Ternarizer::new())?;
    /// let half = tensor.with_scale_type(ScaleType::F16)?;
    /// assert_eq!(half.lambda_p(), [0.0999755859375; 2]);
    /// assert_eq!(half.stored_bytes(), 1 + 4 * 2);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    pub fn with_scale_type(self, scale_type: ScaleType) -> Result<Self, Error> {
        self.rescaled(scale_type, |_, scale| scale)
    }

    /// The same tensor with all scales of each group multiplied by a number, and rounded to their [type](Self::scale_type) once.
    ///
    /// The gains that need the weights alone are [`norm_gain`](crate::quantize::calibrate::norm_gain) and
    /// [`unit_gain`](crate::quantize::calibrate::unit_gain) of each group.
    ///
    /// # Errors
    ///
    /// - [`Error::LengthMismatch`] unless there is a gain for each group;
    /// - [`Error::InvalidValue`] with the index of a gain that is negative, NaN or infinite;
    /// - [`Error::Unstorable`] with the index of a scale that its type cannot hold.
    ///
    /// # Examples
    ///
    /// ```
    /// use ternarize::quantize::calibrate::unit_gain;
    /// use ternarize::tensor::{Grouping, TensorView, TernaryTensor};
    /// use ternarize::Ternarizer;
    ///
    /// let weights = [2.0_f32, 1.0, 1.0, 5.0, 5.0, 0.0];
    /// let view = TensorView::new(&weights, &[2, 3])?;
    /// let (tensor, _) = TernaryTensor::ternarize(&view, Grouping::OUTPUT_CHANNEL, &Ternarizer::new())?;
    /// let restored = tensor.dequantize::<f32>();
    /// let gains = tensor.runs(0..6)?.map(|(run, _)| unit_gain(&weights[run.clone()], &restored[run]));
    /// let gains = gains.collect::<Result<Vec<_>, _>>()?;
    /// assert_eq!(tensor.with_gains(&gains)?.lambda_p(), [1.5, 5.0]);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    pub fn with_gains(self, gains: &[f64]) -> Result<Self, Error> {
        check_len(self.groups.len(), gains.len())?;
        let valid = |gain: &f64| *gain >= 0.0 && gain.is_finite();
        check_each(Operand::Scale, gains, valid)?;
        let scale_type = self.scale_type();
        self.rescaled(scale_type, |group, scale| scale * gains[group])
    }

    /// Scales made of the old ones, each with the number of its group, and rounded to a type.
    fn rescaled(
        self,
        scale_type: ScaleType,
        new: impl Fn(usize, f64) -> f64,
    ) -> Result<Self, Error> {
        let groups = self.groups.len().max(1);
        let rescaled = |scales: &ScaleBuf| {
            let scales = scales.as_slice().to_f64().into_iter().enumerate();
            let scales = scales.map(|(i, scale)| new(i % groups, scale));
            ScaleBuf::rounded(scale_type, &scales.collect::<Vec<_>>())
        };
        Ok(Self {
            lambda_p: rescaled(&self.lambda_p)?,
            lambda_n: self.lambda_n.as_ref().map(rescaled).transpose()?,
            ..self
        })
    }
}
