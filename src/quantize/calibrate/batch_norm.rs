//! [`BatchNorm`]: batch normalization as a scale and a shift, and its statistics estimated anew.
//!
//! ```text
//! y' = weight (y - mean) / sqrt(variance + epsilon) + bias     =  scale y + shift
//! scale = weight / sqrt(variance + epsilon)                       shift = bias - scale mean
//! ```
//!
//! A network with batch normalization stores the mean and variance of its `f32` outputs. The outputs of its ternary twin have other
//! moments. A pass over some inputs ([`Moments`]) estimates them, and the layer's output has the intended moments again. Estimate them
//! layer by layer, because each layer changes the inputs of the next. This is moment matching with the batch normalization as the
//! reference: do one of the two, not both.

use alloc::vec::Vec;

use super::{Affine, Moments};
use crate::error::{Error, Operand, check_len};

/// The parameters of a trained batch normalization, one of each per channel.
///
/// # Examples
///
/// ```
/// use ternarize::quantize::calibrate::{BatchNorm, Moments};
///
/// let norm = BatchNorm { weight: &[3.0], bias: &[1.0], epsilon: 0.0 };
/// let affine = norm.fold(&[2.0], &[4.0])?[0];
/// assert_eq!((affine.scale, affine.shift), (1.5, -2.0));
///
/// // The ternary layer's outputs are half as large.
/// let mut moments = Moments::new(1)?;
/// moments.add(&[0.0, 2.0])?;
/// let affine = norm.reestimate(&moments)?[0];
/// assert_eq!((affine.apply(0.0), affine.apply(2.0)), (-2.0, 4.0));
/// # Ok::<(), ternarize::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BatchNorm<'a> {
    /// The standard deviation that a channel gets, with any sign.
    pub weight: &'a [f32],
    /// The mean that a channel gets.
    pub bias: &'a [f32],
    /// What is added to each variance; finite and not negative.
    pub epsilon: f64,
}

impl BatchNorm<'_> {
    /// The scale and shift of each channel, from the running mean and variance stored in the network.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] if the slices have different lengths; [`Error::InvalidOption`] for an epsilon that is negative or not
    /// finite; [`Error::InvalidValue`] with the index of a channel whose `variance + epsilon` is not finite and above 0, or whose scale
    /// or shift is not finite.
    ///
    /// ```
    /// # use ternarize::{Error, Operand, quantize::calibrate::BatchNorm};
    /// let norm = BatchNorm { weight: &[1.0], bias: &[0.0], epsilon: 0.0 };
    /// assert_eq!(norm.fold(&[0.0], &[0.0]), Err(Error::InvalidValue { what: Operand::Scale, index: 0 }));
    /// ```
    pub fn fold(&self, means: &[f32], variances: &[f32]) -> Result<Vec<Affine>, Error> {
        let wide = |values: &[f32]| values.iter().copied().map(f64::from).collect::<Vec<_>>();
        self.affine(&wide(means), &wide(variances))
    }

    /// The scale and shift of each channel, with the mean and variance of these moments in place of the stored ones. As in the network
    /// itself, `weight / sqrt(epsilon)` bounds the scale of a channel that hardly changes.
    ///
    /// # Errors
    ///
    /// As [`fold`](Self::fold), and [`Error::LengthMismatch`] for fewer than two rows, which have no variance.
    ///
    /// ```
    /// # use ternarize::{Error, quantize::calibrate::{BatchNorm, Moments}};
    /// let norm = BatchNorm { weight: &[1.0], bias: &[0.0], epsilon: 1e-5 };
    /// let error = norm.reestimate(&Moments::new(2)?).unwrap_err();
    /// assert_eq!(error, Error::LengthMismatch { expected: 1, actual: 2 });
    /// # Ok::<(), Error>(())
    /// ```
    pub fn reestimate(&self, moments: &Moments) -> Result<Vec<Affine>, Error> {
        if moments.count() < 2 {
            check_len(self.weight.len(), moments.channels())?;
            check_len(2, usize::from(moments.count() == 1))?;
        }
        self.affine(&moments.means(), &moments.variances())
    }

    fn affine(&self, means: &[f64], variances: &[f64]) -> Result<Vec<Affine>, Error> {
        let expected = self.weight.len();
        for actual in [self.bias.len(), means.len(), variances.len()] {
            check_len(expected, actual)?;
        }
        if !(self.epsilon >= 0.0 && self.epsilon.is_finite()) {
            return Err(Error::option("epsilon", self.epsilon));
        }
        let moments = means.iter().zip(variances);
        let learned = self.weight.iter().zip(self.bias);
        let channels = learned.zip(moments).enumerate();
        let affine = channels.map(|(index, ((&weight, &bias), (mean, variance)))| {
            let square = variance + self.epsilon;
            let scale = f64::from(weight) / num_traits::Float::sqrt(square);
            let shift = f64::from(bias) - scale * mean;
            let valid = square > 0.0 && [square, scale, shift].iter().all(|x| x.is_finite());
            let affine = Affine { scale, shift };
            let error = Error::invalid(Operand::Scale, index);
            valid.then_some(affine).ok_or(error)
        });
        affine.collect()
    }
}
