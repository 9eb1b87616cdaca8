//! [`Pairs`]: outputs of a layer and of its ternary twin, and the [`Correction`]s that follow from them.
//!
//! With the mean `m`, standard deviation `s` and covariance `c` of one channel's reference `y` and quantized output `y'`:
//!
//! | correction | scale | shift | what is equal afterwards |
//! |---|---|---|---|
//! | [`Correction::Bias`] | 1 | `m - m'` | the mean |
//! | [`Correction::MatchMoments`] | `s / s'` | `m - scale m'` | the mean and the standard deviation |
//! | [`Correction::OutputScale`] | `mean(y y') / mean(y' y')` | 0 | nothing: the squared error is least |
//! | [`Correction::OutputFit`] | `c / s'^2` | `m - scale m'` | the mean; the squared error is least |
//!
//! A channel is dead if one of its two standard deviations is below 1 / 1024 of the other, or both are 0. Then the scale is 1 and only
//! the mean is corrected: a few rows do not tell how far such a channel moves on others, and the quotient of the deviations, which may be
//! 1e10, would multiply that. [`Correction::OutputScale`], which has no shift, compares root mean squares instead.

use alloc::vec::Vec;
use core::fmt;

use num_traits::Float;

use super::{Affine, Moments};
use crate::error::{Error, check_len, try_vec};

/// Channels whose variances, or mean squares, differ by more than this factor are dead. Chosen: the square of 1024, since the scales of
/// no rule are wrong by nearly as much.
const DEAD: f64 = 1_048_576.0;

/// How a layer's outputs are corrected, channel by channel.
///
/// # Examples
///
/// ```
/// use ternarize::quantize::calibrate::Correction;
/// assert_eq!(Correction::from_name("moments"), Some(Correction::MatchMoments));
/// assert_eq!(Correction::Bias.to_string(), "bias");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Correction {
    /// No correction.
    #[default]
    None,
    /// The shift that restores the mean. Not after least-squares scales of the weights alone: see the [module](super).
    Bias,
    /// The scale and shift that restore the standard deviation and the mean.
    MatchMoments,
    /// The scale of least squared output error.
    OutputScale,
    /// The scale and shift of least squared output error.
    OutputFit,
}

impl Correction {
    /// All corrections.
    pub const ALL: [Self; 5] = [
        Self::None,
        Self::Bias,
        Self::MatchMoments,
        Self::OutputScale,
        Self::OutputFit,
    ];

    /// The name used in files: `none`, `bias`, `moments`, `output-scale` or `output-fit`.
    ///
    /// ```
    /// assert_eq!(ternarize::quantize::calibrate::Correction::OutputFit.name(), "output-fit");
    /// ```
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Bias => "bias",
            Self::MatchMoments => "moments",
            Self::OutputScale => "output-scale",
            Self::OutputFit => "output-fit",
        }
    }

    /// The correction with this [`name`](Self::name).
    ///
    /// ```
    /// # use ternarize::quantize::calibrate::Correction;
    /// assert_eq!(Correction::from_name("bias"), Some(Correction::Bias));
    /// ```
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.name() == name)
    }
}

impl fmt::Display for Correction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Reference and quantized outputs of each channel, over rows that come in batches.
///
/// # Examples
///
/// ```
/// use ternarize::quantize::calibrate::{Correction, Pairs};
///
/// let mut pairs = Pairs::new(1)?;
/// pairs.add(&[0.0, 2.0], &[1.0, 2.0])?;
/// let affine = pairs.correct(Correction::MatchMoments)[0];
/// assert_eq!([1.0, 2.0].map(|y| affine.apply(y)), [0.0, 2.0]);
/// # Ok::<(), ternarize::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Pairs {
    reference: Moments,
    quantized: Moments,
    /// For each channel the sum of the products of the two differences from the first row.
    products: Vec<f64>,
}

impl Pairs {
    /// No rows of this many channels.
    ///
    /// # Errors
    ///
    /// [`Error::TooMany`] if there is no memory for so many channels.
    ///
    /// ```
    /// assert_eq!(ternarize::quantize::calibrate::Pairs::new(3)?.reference().count(), 0);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    pub fn new(channels: usize) -> Result<Self, Error> {
        Ok(Self {
            reference: Moments::new(channels)?,
            quantized: Moments::new(channels)?,
            products: try_vec(channels, 0.0)?,
        })
    }

    /// Adds rows of both: one value per channel, row by row.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] if the slices have different lengths; [`Error::Shape`] if they are not a whole number of rows;
    /// [`Error::InvalidValue`] with the index of a value that is NaN or infinite, in `reference` or else in `quantized`. Then
    /// nothing is added.
    ///
    /// ```
    /// use ternarize::{Error, quantize::calibrate::Pairs};
    /// let error = Pairs::new(1)?.add(&[1.0, 2.0], &[1.0]);
    /// assert_eq!(error, Err(Error::LengthMismatch { expected: 2, actual: 1 }));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn add(&mut self, reference: &[f32], quantized: &[f32]) -> Result<(), Error> {
        check_len(reference.len(), quantized.len())?;
        self.reference.check(reference)?;
        self.quantized.check(quantized)?;
        let width = self.products.len().max(1);
        let rows = reference.chunks_exact(width);
        for (y, q) in rows.zip(quantized.chunks_exact(width)) {
            self.reference.add_row(y);
            self.quantized.add_row(q);
            for (channel, product) in self.products.iter_mut().enumerate() {
                *product += self.reference.difference(channel, y[channel])
                    * self.quantized.difference(channel, q[channel]);
            }
        }
        Ok(())
    }

    /// The moments of the reference.
    ///
    /// ```
    /// # use ternarize::quantize::calibrate::Pairs;
    /// let mut pairs = Pairs::new(1)?;
    /// pairs.add(&[1.0, 3.0], &[0.0, 4.0])?;
    /// assert_eq!((pairs.reference().means(), pairs.quantized().variances()), (vec![2.0], vec![4.0]));
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub const fn reference(&self) -> &Moments {
        &self.reference
    }

    /// The moments of the quantized outputs.
    #[must_use]
    pub const fn quantized(&self) -> &Moments {
        &self.quantized
    }

    /// The covariance of reference and quantized output of each channel; 0 without rows.
    ///
    /// ```
    /// # use ternarize::quantize::calibrate::Pairs;
    /// let mut pairs = Pairs::new(1)?;
    /// pairs.add(&[1.0, 3.0], &[0.0, 4.0])?;
    /// assert_eq!(pairs.covariances(), [2.0]);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub fn covariances(&self) -> Vec<f64> {
        self.reference.covariances(&self.quantized, &self.products)
    }

    /// The scale and shift of each channel for this correction.
    ///
    /// ```
    /// # use ternarize::quantize::calibrate::{Affine, Correction, Pairs};
    /// let mut pairs = Pairs::new(1)?;
    /// pairs.add(&[2.0, 4.0], &[1.0, 2.0])?;
    /// let scale = pairs.correct(Correction::OutputScale)[0];
    /// assert_eq!(scale, Affine { scale: 2.0, shift: 0.0 });
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub fn correct(&self, correction: Correction) -> Vec<Affine> {
        let [y, q] = [&self.reference, &self.quantized];
        let means = y.means().into_iter().zip(q.means());
        let variances = y.variances().into_iter().zip(q.variances());
        let channels = means.zip(variances).zip(self.covariances());
        channels
            .map(|((means, variances), covariance)| {
                ChannelMoments {
                    means,
                    variances,
                    covariance,
                }
                .correct(correction)
            })
            .collect()
    }
}

/// The moments of a channel: those of the reference, and of the quantized output.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ChannelMoments {
    pub means: (f64, f64),
    pub variances: (f64, f64),
    pub covariance: f64,
}

impl ChannelMoments {
    /// The mean square of the differences of the two, each with its bias.
    #[cfg(feature = "nalgebra")]
    pub(crate) fn mean_square_error(&self, biases: (f64, f64)) -> f64 {
        let shift = self.means.0 + biases.0 - (self.means.1 + biases.1);
        let spread = self.variances.0 + self.variances.1 - 2.0 * self.covariance;
        shift * shift + spread.max(0.0)
    }

    /// The scale and shift of this correction.
    pub(crate) fn correct(&self, correction: Correction) -> Affine {
        let Self {
            means: (mean, quantized_mean),
            variances: (variance, quantized_variance),
            covariance,
        } = *self;
        let scale = match correction {
            Correction::None => return Affine::IDENTITY,
            Correction::OutputScale => {
                let square = quantized_variance + quantized_mean * quantized_mean;
                let scale = (covariance + mean * quantized_mean) / square;
                let dead = is_dead(variance + mean * mean, square);
                let scale = if dead { 1.0 } else { scale };
                return Affine { scale, shift: 0.0 };
            }
            _ if is_dead(variance, quantized_variance) => 1.0,
            Correction::Bias => 1.0,
            Correction::MatchMoments => Float::sqrt(variance) / Float::sqrt(quantized_variance),
            Correction::OutputFit => covariance / quantized_variance,
        };
        Affine {
            scale,
            shift: mean - scale * quantized_mean,
        }
    }
}

/// Whether one of two mean squares is negligible beside the other.
fn is_dead(one: f64, other: f64) -> bool {
    one.max(other) == 0.0 || one.min(other) * DEAD < one.max(other)
}
