//! [`Refusal`]: what is wrong with a certificate or an answer, and where.

use core::fmt;

/// Why a [`Certificate`](super::Certificate) does not prove an answer.
///
/// A `ladder` is 0; with a support for each sign it is 0 for the positive weights, 1 for the negative ones.
///
/// # Examples
///
/// ```
/// use ternarize::{Certificate, Refusal, Ternarizer};
///
/// let weights = [1.0_f32, 0.9, -0.2];
/// let (trits, fit, mut certificate) = Ternarizer::new().certify(&weights)?;
/// let Certificate::Joint(ladder) = &mut certificate else { unreachable!() };
/// ladder.steps[0].count += 1;
/// let refusal = certificate.check(&weights, None, &trits, &fit).unwrap_err();
/// assert_eq!(refusal, Refusal::Sums { ladder: 0, step: 0 });
/// assert_eq!(refusal.to_string(), "count, mass or sum of step 0 of ladder 0 is not that of the weights");
/// # Ok::<(), ternarize::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// Trits, importances or fit are of another number of weights.
    Length {
        /// The number of weights.
        expected: usize,
        /// The other number.
        actual: usize,
    },
    /// The weight at `index` is not finite, or its importance is negative or not finite.
    Input {
        /// Position in the slice.
        index: usize,
    },
    /// Thresholds do not increase from 0, or are not finite; the last one has something above it; or the best one does not exist,
    /// or has nothing above it while others have.
    Shape {
        /// Which ladder.
        ladder: usize,
    },
    /// The trit at `index` is not that of the best support.
    Trit {
        /// Position in the slice.
        index: usize,
    },
    /// Count, mass or sum at `step` is not that of the weights above its threshold.
    Sums {
        /// Which ladder.
        ladder: usize,
        /// Which of its steps.
        step: usize,
    },
    /// Nothing says that no threshold from that of `step` up to the next is better than the best step's; or as good, with
    /// fewer non-zeros.
    Interval {
        /// Which ladder.
        ladder: usize,
        /// The lower of the two steps.
        step: usize,
    },
    /// A figure of the fit is not what follows from the trits.
    Fit {
        /// Its name.
        field: &'static str,
    },
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Length { expected, actual } => {
                write!(f, "a length of {expected} is needed, but it is {actual}")
            }
            Self::Input { index } => write!(
                f,
                "the weight at index {index} is not finite, or its importance is none"
            ),
            Self::Shape { ladder } => write!(
                f,
                "ladder {ladder} does not lead from 0 to nothing by way of its best step"
            ),
            Self::Trit { index } => write!(
                f,
                "the trit at index {index} is not that of the best support"
            ),
            Self::Sums { ladder, step } => write!(
                f,
                "count, mass or sum of step {step} of ladder {ladder} is not that of the weights"
            ),
            Self::Interval { ladder, step } => write!(
                f,
                "above step {step} of ladder {ladder} there may be a better support"
            ),
            Self::Fit { field } => write!(f, "{field} of the fit does not follow from the trits"),
        }
    }
}

impl core::error::Error for Refusal {}
