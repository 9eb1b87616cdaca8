//! [`Pairs`]: outputs of a layer and of its ternary twin, and the corrections that follow from them.
//!
//! With the mean `m`, standard deviation `s` and covariance `c` of one channel's reference `y` and quantized `y'`:
//!
//! | correction | scale | shift | what is equal afterwards |
//! |---|---|---|---|
//! | [`Correction::Bias`] | 1 | `m - m'` | the mean |
//! | [`Correction::MatchMoments`] | `s / s'` | `m - scale m'` | the mean and the standard deviation |
//! | [`Correction::OutputScale`] | `mean(y y') / mean(y' y')` | 0 | nothing: the squared error is least |
//! | [`Correction::OutputFit`] | `c / s'^2` | `m - scale m'` | the mean; the squared error is least |
//!
//! A channel is dead if its reference or its quantized output never changes. Then the scale is 1 and only the mean is corrected;
//! [`Correction::OutputScale`], which has no shift, keeps the scale 1 only where all quantized outputs are 0.

use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

use super::Affine;
use super::rows::{check, covariance};
use crate::Error;

/// How a layer's outputs are corrected, channel by channel.
///
/// # Examples
///
/// ```
/// use ternarize::calibrate::Correction;
/// assert_eq!(Correction::from_name("moments"), Some(Correction::MatchMoments));
/// assert_eq!(Correction::Bias.to_string(), "bias");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Correction {
    /// None.
    #[default]
    None,
    /// The shift that puts the mean back. Not after [`LeastSquares`](super::ScaleChoice::LeastSquares) of the weights alone.
    Bias,
    /// The scale and shift that put standard deviation and mean back.
    MatchMoments,
    /// The scale of least squared output error.
    OutputScale,
    /// The scale and shift of least squared output error.
    OutputFit,
}

impl Correction {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::None,
        Self::Bias,
        Self::MatchMoments,
        Self::OutputScale,
        Self::OutputFit,
    ];

    /// The name, as in a file: `none`, `bias`, `moments`, `output-scale`, `output-fit`.
    ///
    /// ```
    /// assert_eq!(ternarize::calibrate::Correction::OutputFit.name(), "output-fit");
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

    /// The correction of this name.
    ///
    /// ```
    /// assert_eq!(ternarize::calibrate::Correction::from_name("mean"), None);
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

/// The statistics of one channel.
///
/// # Examples
///
/// ```
/// # use ternarize::calibrate::Pairs;
/// let mut pairs = Pairs::new(1);
/// pairs.add(&[1.0, 3.0], &[0.0, 4.0])?;
/// let pair = pairs.channels().next().unwrap();
/// assert_eq!((pair.reference_mean, pair.quantized_mean), (2.0, 2.0));
/// assert_eq!((pair.reference_variance, pair.quantized_variance, pair.covariance), (1.0, 4.0, 2.0));
/// # Ok::<(), ternarize::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Pair {
    /// The mean of the reference.
    pub reference_mean: f64,
    /// The mean of the quantized output.
    pub quantized_mean: f64,
    /// The mean square of the reference's distance from its mean; not negative.
    pub reference_variance: f64,
    /// The same of the quantized output.
    pub quantized_variance: f64,
    /// The mean product of the two distances.
    pub covariance: f64,
}

/// Reference and quantized outputs of each channel, over rows that come in batches.
///
/// # Examples
///
/// ```
/// use ternarize::calibrate::{Correction, Pairs};
///
/// let mut pairs = Pairs::new(1);
/// pairs.add(&[0.0, 2.0], &[1.0, 2.0])?;
/// let affine = pairs.correct(Correction::MatchMoments)[0];
/// assert_eq!([1.0, 2.0].map(|y| affine.apply(y)), [0.0, 2.0]);
/// # Ok::<(), ternarize::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Pairs {
    count: u64,
    channels: Vec<Sums>,
}

/// Sums of differences from the first pair.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Sums {
    first: (f64, f64),
    totals: (f64, f64),
    squares: (f64, f64),
    products: f64,
}

impl Pairs {
    /// No rows yet, of this many channels.
    ///
    /// ```
    /// assert_eq!(ternarize::calibrate::Pairs::new(3).count(), 0);
    /// ```
    #[must_use]
    pub fn new(channels: usize) -> Self {
        Self {
            count: 0,
            channels: vec![Sums::default(); channels],
        }
    }

    /// Adds rows of both: one value for each channel, row by row.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] if one is longer than the other, [`Error::Shape`] if they are not a whole number of rows,
    /// [`Error::InvalidValue`] with the index of a value that is none, in `reference` or else in `quantized`. Then nothing
    /// was added.
    ///
    /// ```
    /// use ternarize::{Error, calibrate::Pairs};
    /// let error = Pairs::new(1).add(&[1.0, 2.0], &[1.0]);
    /// assert_eq!(error, Err(Error::LengthMismatch { expected: 2, actual: 1 }));
    /// ```
    pub fn add(&mut self, reference: &[f32], quantized: &[f32]) -> Result<(), Error> {
        if reference.len() != quantized.len() {
            return Err(Error::LengthMismatch {
                expected: reference.len(),
                actual: quantized.len(),
            });
        }
        let width = self.channels.len();
        check(reference, width)?;
        check(quantized, width)?;
        let width = width.max(1);
        for (y, q) in reference
            .chunks_exact(width)
            .zip(quantized.chunks_exact(width))
        {
            let start = self.count == 0;
            for (channel, (&y, &q)) in self.channels.iter_mut().zip(y.iter().zip(q)) {
                channel.add((f64::from(y), f64::from(q)), start);
            }
            self.count += 1;
        }
        Ok(())
    }

    /// How many rows there were.
    ///
    /// ```
    /// # use ternarize::calibrate::Pairs;
    /// let mut pairs = Pairs::new(2);
    /// pairs.add(&[0.0; 6], &[1.0; 6])?;
    /// assert_eq!(pairs.count(), 3);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The statistics of each channel; zeros without rows.
    ///
    /// ```
    /// # use ternarize::calibrate::Pairs;
    /// assert_eq!(Pairs::new(2).channels().count(), 2);
    /// ```
    pub fn channels(&self) -> impl Iterator<Item = Pair> {
        self.channels.iter().map(|sums| sums.pair(self.count))
    }

    /// The scale and shift of each channel for this correction.
    ///
    /// ```
    /// # use ternarize::calibrate::{Affine, Correction, Pairs};
    /// let mut pairs = Pairs::new(1);
    /// pairs.add(&[2.0, 4.0], &[1.0, 2.0])?;
    /// let scale = pairs.correct(Correction::OutputScale)[0];
    /// assert_eq!(scale, Affine { scale: 2.0, shift: 0.0 });
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub fn correct(&self, correction: Correction) -> Vec<Affine> {
        self.channels()
            .map(|pair| pair.correct(correction))
            .collect()
    }
}

impl Sums {
    fn add(&mut self, (y, q): (f64, f64), start: bool) {
        if start {
            self.first = (y, q);
        }
        let (d, e) = (y - self.first.0, q - self.first.1);
        self.totals = (self.totals.0 + d, self.totals.1 + e);
        self.squares = (self.squares.0 + d * d, self.squares.1 + e * e);
        self.products += d * e;
    }

    fn pair(&self, count: u64) -> Pair {
        let n = (count as f64).max(1.0);
        let (d, e) = self.totals;
        Pair {
            reference_mean: self.first.0 + d / n,
            quantized_mean: self.first.1 + e / n,
            reference_variance: covariance(count, self.squares.0, (d, d)).max(0.0),
            quantized_variance: covariance(count, self.squares.1, (e, e)).max(0.0),
            covariance: covariance(count, self.products, (d, e)),
        }
    }
}

impl Pair {
    /// The scale and shift of this channel for this correction.
    ///
    /// ```
    /// # use ternarize::calibrate::{Affine, Correction, Pairs};
    /// let mut pairs = Pairs::new(1);
    /// pairs.add(&[5.0, 7.0], &[1.0, 3.0])?;
    /// let pair = pairs.channels().next().unwrap();
    /// assert_eq!(pair.correct(Correction::Bias), Affine { scale: 1.0, shift: 4.0 });
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub fn correct(&self, correction: Correction) -> Affine {
        let dead = self.reference_variance == 0.0 || self.quantized_variance == 0.0;
        let centred = |scale: f64| Affine {
            scale,
            shift: self.reference_mean - scale * self.quantized_mean,
        };
        match correction {
            Correction::None => Affine::IDENTITY,
            Correction::OutputScale => Affine {
                scale: self.output_scale(),
                shift: 0.0,
            },
            _ if dead => centred(1.0),
            Correction::Bias => centred(1.0),
            Correction::MatchMoments => {
                let root = num_traits::Float::sqrt;
                centred(root(self.reference_variance) / root(self.quantized_variance))
            }
            Correction::OutputFit => centred(self.covariance / self.quantized_variance),
        }
    }

    /// `mean(y y') / mean(y' y')`.
    fn output_scale(&self) -> f64 {
        let (mean, quantized) = (self.reference_mean, self.quantized_mean);
        let square = self.quantized_variance + quantized * quantized;
        if square > 0.0 {
            (self.covariance + mean * quantized) / square
        } else {
            1.0
        }
    }
}
