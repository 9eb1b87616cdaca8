//! Calibration: corrections of a ternary layer's outputs from a few inputs, without training.
//!
//! The nearest ternary matrix is not the most accurate layer: its outputs are smaller than those of the original layer, and their
//! means have moved. A few hundred inputs, run forward through the original network and the ternary one, show by how much. One scale
//! and one shift per output channel correct it.
//!
//! ```text
//! for each layer, first to last:
//!     y  = outputs of the f32 layer on the activations of the f32 network           reference
//!     y' = outputs of the ternary layer on the activations of the ternary network   quantized
//!     a, b = correction of (y, y')                                                  one pair per channel
//!     the layer becomes  a (W' x + bias) + b                                        a goes into the scales, b into the bias
//! ```
//!
//! The order matters: a layer is corrected behind the layers before it as they have become. This module only computes statistics. The
//! caller runs the network and passes batches of rows with one value per channel.
//!
//! # What to combine with what
//!
//! The gains are factors for the scales from the weights alone: the least-squares scale is what ternarization returns;
//! [`norm_gain`] and [`unit_gain`] make the restored weights longer.
//!
//! | correction | helps | harms |
//! |---|---|---|
//! | [`Correction::MatchMoments`] | after any rule, grouping and gain: it sets scale and shift, whatever they were, up to a factor of 1024 | sometimes a little, after output-aware trits |
//! | [`unit_gain`] | before a bias correction | language models; pointless before moments are matched |
//! | [`Correction::Bias`] | after [`unit_gain`]; after output-aware trits if inputs were centred | after least-squares scales; sometimes after output-aware trits |
//! | [`Correction::OutputScale`], [`Correction::OutputFit`] | less than matched moments | |
//!
//! - **Bias correction can make the least-squares scale worse.** That scale shrinks outputs by the squared cosine. A network of
//!   `ReLU`s passes a common factor on, and a common factor changes no class. But a mean that is restored at full size beside a signal
//!   that is not does change classes, layer after layer. Two `LeNet`s on MNIST with one scale per output channel (10,000 test images) go
//!   from 93.8 and 94.7 % to 81.7 and 92.2 % by bias correction alone, and to 94.2 and 97.8 % with unit gain first. A network for small
//!   digits improves all the same (68.6 to 91.7 %, and to 97.8 % with unit gain first), because there the means are the larger error.
//!   Matched moments give 95.3, 98.1 and 98.1 %.
//! - **Least squares on outputs shrinks again.** The scale `cov(y, y') / var(y')` makes the error smallest by making the output smaller
//!   than `y` wherever `y'` is noisy: its standard deviation becomes that of `y` times the correlation. Matched moments keep the
//!   standard deviation.
//!
//! The program `ternarize` compares some of these combinations for each layer of a network, and keeps the best.
//!
//! # Determinism and cost
//!
//! Sums are running sums in `f64`, in the order of the rows, of the differences from the first row. So the bits do not depend on how
//! the rows were cut into batches, and a channel that never changes has a variance of exactly 0. The cost is a few additions and
//! multiplications per value, and three or seven numbers per channel.
//!
//! # Examples
//!
//! ```
//! use ternarize::quantize::calibrate::{Correction, Pairs};
//!
//! // Two channels, three inputs: one value per channel, row by row.
//! let mut pairs = Pairs::new(2)?;
//! pairs.add(&[1.0, 10.0, 2.0, 10.0, 3.0, 10.0], &[0.5, 9.0, 1.0, 9.0, 1.5, 9.0])?;
//! let affine = pairs.correct(Correction::MatchMoments);
//! assert_eq!((affine[0].scale, affine[0].shift), (2.0, 0.0));
//! // A channel that never changes has no standard deviation to match.
//! assert_eq!((affine[1].scale, affine[1].shift), (1.0, 1.0));
//! # Ok::<(), ternarize::Error>(())
//! ```
//!
//! Source, for bias correction: Nagel, van Baalen, Blankevoort and Welling, Data-Free Quantization Through Weight Equalization and
//! Bias Correction (arXiv 1906.04721), section 4.2.

mod affine;
mod batch_norm;
mod gain;
mod moments;
mod pairs;

pub use affine::Affine;
pub use batch_norm::BatchNorm;
pub use gain::{least_squares_gain, norm_gain, unit_gain};
pub use moments::Moments;
#[cfg(feature = "nalgebra")]
pub(crate) use pairs::ChannelMoments;
pub use pairs::{Correction, Pairs};
