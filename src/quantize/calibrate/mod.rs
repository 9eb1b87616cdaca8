//! Calibration: what a network's own outputs say about how to correct a ternary layer, without training.
//!
//! The nearest ternary matrix is not the most accurate layer: every output is smaller than it was, and its mean has moved. A few hundred
//! inputs, run forward through the network and its ternary twin, show by how much, and one scale and one shift for each output channel
//! mend it.
//!
//! ```text
//! for each layer, first to last:
//!     y  = outputs of the f32 layer on the activations of the f32 network           reference
//!     y' = outputs of the ternary layer on the activations of the ternary network   quantized
//!     a, b = correction of (y, y')                                                  one pair for each channel
//!     the layer becomes  a (W' x + bias) + b                                        a goes into the scales, b into the bias
//! ```
//!
//! The order matters: a layer is corrected for what the layers before it have become. This room is pure statistics. The caller runs the
//! network, and feeds batches of rows with one value for each channel.
//!
//! # What to combine with what
//!
//! | correction | helps | harms |
//! |---|---|---|
//! | [`Correction::MatchMoments`] | after any rule, grouping and [`ScaleChoice`]: it sets scale and shift, whatever they were | at times a little, after trits chosen by outputs |
//! | [`ScaleChoice::UnitGain`] | before a bias correction | language models; pointless before moments are matched |
//! | [`Correction::Bias`] | after [`ScaleChoice::UnitGain`], after trits chosen by outputs, if inputs were centred | after [`ScaleChoice::LeastSquares`]; now and then after trits chosen by outputs |
//! | [`Correction::OutputScale`], [`Correction::OutputFit`] | less than matched moments | |
//!
//! - **Bias correction can make the least-squares scale worse.** That scale shrinks outputs by the squared cosine. A network of
//!   `ReLU`s hands a common factor on, and a common factor changes no class. A mean that is put back at full size beside a signal
//!   that is not, layer after layer, does. Two `LeNet`s on MNIST with one scale for each output channel (10,000 test images) go from 93.8
//!   and 94.7 % to 81.7 and 92.2 % by it, and to 94.2 and 97.8 % with unit gain first. On a network for small digits it helps all the
//!   same (68.6 to 91.7 %, and to 97.8 % with unit gain first): there the means are the larger error. Matched moments give 95.3, 98.1
//!   and 98.1 %.
//! - **Least squares on outputs shrinks again.** The scale `cov(y, y') / var(y')` makes the error smallest by making the output smaller
//!   than `y` wherever `y'` is noisy: its standard deviation becomes that of `y` times the correlation. Matched moments keep the spread.
//!
//! The example `accuracy` measures these, and all else that can be combined with them.
//!
//! # Determinism and cost
//!
//! Sums are running sums in `f64`, in the order of the rows, of the differences from the first row. So the bits do not depend on how
//! the rows were cut into batches, and a channel that never changes has a variance of exactly 0. A few additions and products per
//! value; three or seven numbers per channel.
//!
//! # Examples
//!
//! ```
//! use ternarize::calibrate::{Correction, Pairs};
//!
//! // Two channels, three inputs: one value for each channel, row by row.
//! let mut pairs = Pairs::new(2);
//! pairs.add(&[1.0, 10.0, 2.0, 10.0, 3.0, 10.0], &[0.5, 9.0, 1.0, 9.0, 1.5, 9.0])?;
//! let affine = pairs.correct(Correction::MatchMoments);
//! assert_eq!((affine[0].scale, affine[0].shift), (2.0, 0.0));
//! // A channel that never changes has no spread to match.
//! assert_eq!((affine[1].scale, affine[1].shift), (1.0, 1.0));
//! # Ok::<(), ternarize::Error>(())
//! ```
//!
//! Source, for bias correction: Nagel, van Baalen, Blankevoort and Welling, Data-Free Quantization Through Weight Equalization and
//! Bias Correction (arXiv 1906.04721), section 4.2.

mod affine;
mod batch_norm;
mod moments;
mod pairs;
mod rows;
mod scale_choice;

pub use affine::Affine;
pub use batch_norm::BatchNorm;
pub use moments::Moments;
pub use pairs::{Correction, Pair, Pairs};
pub use scale_choice::ScaleChoice;
