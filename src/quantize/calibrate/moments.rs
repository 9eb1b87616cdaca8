//! [`Moments`]: the number of rows, and the mean and variance of each channel.

use alloc::vec::Vec;

use crate::error::{Error, Operand, ShapeError, try_vec};
use crate::weight::first_not_finite;

/// The mean and variance of each channel, over rows that come in batches.
///
/// # Examples
///
/// ```
/// use ternarize::quantize::calibrate::Moments;
///
/// let mut moments = Moments::new(2)?;
/// moments.add(&[1.0, 5.0, 3.0, 5.0])?;
/// moments.add(&[5.0, 5.0])?;
/// assert_eq!(moments.count(), 3);
/// assert_eq!(moments.means(), [3.0, 5.0]);
/// assert_eq!(moments.variances()[1], 0.0);
/// # Ok::<(), ternarize::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Moments {
    count: u64,
    channels: Vec<ChannelSums>,
}

/// Sums of the differences from the first value.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct ChannelSums {
    first: f64,
    sum: f64,
    squares: f64,
}

impl Moments {
    /// No rows of this many channels.
    ///
    /// # Errors
    ///
    /// [`Error::TooMany`] if there is no memory for so many channels.
    ///
    /// ```
    /// assert_eq!(ternarize::quantize::calibrate::Moments::new(3)?.means(), [0.0; 3]);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    pub fn new(channels: usize) -> Result<Self, Error> {
        Ok(Self {
            count: 0,
            channels: try_vec(channels, ChannelSums::default())?,
        })
    }

    /// Adds rows: `values` holds one value per channel, row by row.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] if `values` is not a whole number of rows; [`Error::InvalidValue`] with the index of a value that is
    /// NaN or infinite. Then nothing is added.
    ///
    /// ```
    /// use ternarize::{Error, ShapeError, quantize::calibrate::Moments};
    /// let mut moments = Moments::new(2)?;
    /// assert_eq!(moments.add(&[1.0; 3]), Err(Error::Shape(ShapeError::Ragged { len: 3, group: 2 })));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn add(&mut self, values: &[f32]) -> Result<(), Error> {
        self.check(values)?;
        for row in values.chunks_exact(self.channels().max(1)) {
            self.add_row(row);
        }
        Ok(())
    }

    /// Adds a row that was [checked](Self::check).
    pub(super) fn add_row(&mut self, row: &[f32]) {
        let start = self.count == 0;
        for (channel, &value) in self.channels.iter_mut().zip(row) {
            let value = f64::from(value);
            if start {
                channel.first = value;
            }
            let d = value - channel.first;
            channel.sum += d;
            channel.squares += d * d;
        }
        self.count += 1;
    }

    /// Checks that values are whole rows and finite.
    pub(super) fn check(&self, values: &[f32]) -> Result<(), Error> {
        let (len, group) = (values.len(), self.channels());
        // Of 0 channels there are no rows but none.
        if len != 0 && (group == 0 || !len.is_multiple_of(group)) {
            return Err(Error::Shape(ShapeError::Ragged { len, group }));
        }
        first_not_finite(values).map_or(Ok(()), |index| {
            Err(Error::invalid(Operand::Activation, index))
        })
    }

    /// The number of channels.
    pub(super) const fn channels(&self) -> usize {
        self.channels.len()
    }

    /// The difference of a value from the first value of its channel.
    pub(super) fn difference(&self, channel: usize, value: f32) -> f64 {
        f64::from(value) - self.channels[channel].first
    }

    /// The covariances with other moments of as many rows and channels, from the sums of the products of both differences.
    pub(super) fn covariances(&self, other: &Self, products: &[f64]) -> Vec<f64> {
        let n = self.count as f64;
        let sums = self.channels.iter().zip(&other.channels).zip(products);
        let covariances = sums.map(|((one, other), product)| match self.count {
            0 => 0.0,
            _ => (product - one.sum * (other.sum / n)) / n,
        });
        covariances.collect()
    }

    /// The number of rows.
    ///
    /// ```
    /// assert_eq!(ternarize::quantize::calibrate::Moments::new(3)?.count(), 0);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The mean of each channel; 0 without rows.
    ///
    /// ```
    /// # use ternarize::quantize::calibrate::Moments;
    /// let mut moments = Moments::new(1)?;
    /// moments.add(&[1.0, 2.0])?;
    /// assert_eq!(moments.means(), [1.5]);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub fn means(&self) -> Vec<f64> {
        let n = (self.count as f64).max(1.0);
        let mean = |channel: &ChannelSums| channel.first + channel.sum / n;
        self.channels.iter().map(mean).collect()
    }

    /// The variance of each channel, which is the mean squared distance from the mean. Never negative, and exactly 0 for a channel that
    /// does not change.
    ///
    /// ```
    /// # use ternarize::quantize::calibrate::Moments;
    /// let mut moments = Moments::new(1)?;
    /// moments.add(&[1.0, 3.0])?;
    /// assert_eq!(moments.variances(), [1.0]);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub fn variances(&self) -> Vec<f64> {
        let squares: Vec<f64> = self.channels.iter().map(|sums| sums.squares).collect();
        let variances = self.covariances(self, &squares).into_iter();
        variances.map(|variance| variance.max(0.0)).collect()
    }

    /// The square roots of the [`variances`](Self::variances).
    ///
    /// ```
    /// # use ternarize::quantize::calibrate::Moments;
    /// let mut moments = Moments::new(1)?;
    /// moments.add(&[0.0, 4.0])?;
    /// assert_eq!(moments.standard_deviations(), [2.0]);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub fn standard_deviations(&self) -> Vec<f64> {
        let roots = self.variances().into_iter().map(num_traits::Float::sqrt);
        roots.collect()
    }
}
