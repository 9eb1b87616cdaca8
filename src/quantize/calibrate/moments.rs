//! [`Moments`]: count, mean and variance of each channel.

use alloc::vec;
use alloc::vec::Vec;

use super::rows::{check, covariance};
use crate::Error;

/// Mean and variance of each channel over rows that come in batches.
///
/// # Examples
///
/// ```
/// use ternarize::calibrate::Moments;
///
/// let mut moments = Moments::new(2);
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
    channels: Vec<Channel>,
}

/// Sums of differences from the first value.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Channel {
    first: f64,
    sum: f64,
    squares: f64,
}

impl Moments {
    /// No rows yet, of this many channels.
    ///
    /// ```
    /// assert_eq!(ternarize::calibrate::Moments::new(3).means(), [0.0; 3]);
    /// ```
    #[must_use]
    pub fn new(channels: usize) -> Self {
        Self {
            count: 0,
            channels: vec![Channel::default(); channels],
        }
    }

    /// Adds rows: `values` holds one value for each channel, row by row.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] if that is not a whole number of rows, [`Error::InvalidValue`] with the index of a value that is none.
    /// Then nothing was added.
    ///
    /// ```
    /// use ternarize::{ShapeError, Error, calibrate::Moments};
    /// let mut moments = Moments::new(2);
    /// assert_eq!(moments.add(&[1.0; 3]), Err(Error::Shape(ShapeError::Ragged { len: 3, group: 2 })));
    /// ```
    pub fn add(&mut self, values: &[f32]) -> Result<(), Error> {
        check(values, self.channels.len())?;
        for row in values.chunks_exact(self.channels.len().max(1)) {
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
        Ok(())
    }

    /// How many rows there were.
    ///
    /// ```
    /// assert_eq!(ternarize::calibrate::Moments::new(3).count(), 0);
    /// ```
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The mean of each channel; 0 without rows.
    ///
    /// ```
    /// # use ternarize::calibrate::Moments;
    /// let mut moments = Moments::new(1);
    /// moments.add(&[1.0, 2.0])?;
    /// assert_eq!(moments.means(), [1.5]);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub fn means(&self) -> Vec<f64> {
        let n = (self.count as f64).max(1.0);
        let mean = |channel: &Channel| channel.first + channel.sum / n;
        self.channels.iter().map(mean).collect()
    }

    /// The variance of each channel, the mean square of the distance from the mean: never negative, and 0 for a channel that does
    /// not change.
    ///
    /// ```
    /// # use ternarize::calibrate::Moments;
    /// let mut moments = Moments::new(1);
    /// moments.add(&[1.0, 3.0])?;
    /// assert_eq!(moments.variances(), [1.0]);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub fn variances(&self) -> Vec<f64> {
        let variance = |channel: &Channel| {
            covariance(self.count, channel.squares, (channel.sum, channel.sum)).max(0.0)
        };
        self.channels.iter().map(variance).collect()
    }

    /// The square roots of the [`variances`](Self::variances).
    ///
    /// ```
    /// # use ternarize::calibrate::Moments;
    /// let mut moments = Moments::new(1);
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
