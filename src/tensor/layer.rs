//! A whole layer in one call: ternary weights chosen by the layer's outputs, corrected, and measured on rows that were not used.

use alloc::vec::Vec;

use super::{TensorView, TernaryTensor};
use crate::Error;
use crate::error::check_len;
use crate::optimum::fit::share;
use crate::quantize::calibrate::{Affine, ChannelMoments, Correction};
use crate::quantize::gram::{LayerPart, OutputAware};

/// Fewer rows than this for each input are too few. Measured: on a sentence encoder 3 rows for each input leave a tenth of the error that
/// 11 rows remove.
const ROWS_PER_INPUT: u64 = 8;

/// A layer made ternary by its outputs: the result of [`TernaryTensor::ternarize_outputs`].
///
/// Errors are mean squares of the changes of all outputs, divided by the variance of the original outputs: 0 is no change, 1 as bad
/// as the means alone.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct LayerFit {
    /// The ternary weights with their bias and rotation.
    pub tensor: TernaryTensor,
    /// The error on the rows of the Gram matrix.
    pub error: f64,
    /// The error on [held-out rows](OutputAware::held_out), which were not fitted. Far above the other, it says that there were too few.
    pub held_out_error: Option<f64>,
    /// The rows of the smallest Gram matrix.
    pub rows: u64,
    /// The inputs of an output channel.
    pub inputs: usize,
}

impl LayerFit {
    /// Whether there are too few rows for so many inputs: fewer than 8 for each. The fit then follows what is particular to them.
    #[must_use]
    pub const fn has_too_few_rows(&self) -> bool {
        self.rows < ROWS_PER_INPUT * self.inputs as u64
    }
}

impl TernaryTensor {
    /// Makes a layer ternary so that its outputs change the least: aims at the [effective weights](crate::quantize::gram::Gram::effective_weights), rotates,
    /// chooses trits and scales by the Gram matrix, and corrects scales and bias, as the options say.
    ///
    /// Axis 0 of the view counts the output channels; all others together are the inputs of the Gram matrix. A grouped convolution has
    /// one Gram matrix for each group, in order; other layers have one. `bias` is that of the layer; it may be empty. The
    /// tensor is stored in the 2-bit code and can be [transcoded](Self::transcode).
    ///
    /// # Errors
    ///
    /// - [`Error::Empty`] without options or weights;
    /// - [`Error::LengthMismatch`] if the output channels are no multiple of the groups, the inputs are not those of a Gram matrix, or
    ///   there is not one bias for each channel;
    /// - [`Error::Conflict`] if groups are rotated in different ways;
    /// - what [`OutputAware::ternarize`], [`from_fits`](Self::from_fits), [`with_rotation`](Self::with_rotation) and
    ///   [`corrected`](Self::corrected) return.
    ///
    /// # Examples
    ///
    /// ```
    /// use ternarize::quantize::Codebook;
    /// use ternarize::quantize::gram::{Gram, OutputAware};
    /// use ternarize::tensor::{TensorView, TernaryTensor};
    ///
    /// let (mut gram, mut held_out) = (Gram::new(4)?, Gram::new(4)?);
    /// for row in 0..80_u16 {
    ///     let x = f32::from(row);
    ///     let inputs = [x.sin(), (2.0 * x).cos(), (0.7 * x).sin(), 1.0];
    ///     if row % 4 == 0 { held_out.add(&inputs)? } else { gram.add(&inputs)? }
    /// }
    /// let weights = [0.9_f32, 0.4, -0.5, 0.1, 0.3, -0.6, 0.2, 0.7];
    /// let view = TensorView::new(&weights, &[2, 4])?;
    /// let (gram, held_out) = (gram.centred(), held_out.centred());
    /// let options = OutputAware::new(&gram)
    ///     .codebook(Codebook::Planes(2))
    ///     .rotation(Some((4, 7)))
    ///     .held_out(Some(&held_out));
    /// let layer = TernaryTensor::ternarize_outputs(&view, &[0.5, -0.5], &[options])?;
    /// assert!(layer.error < 0.05 && layer.held_out_error < Some(0.05));
    /// assert!(!layer.has_too_few_rows());
    /// // It is multiplied like any other.
    /// let mut x = [1.0_f32, 0.0, 0.5, 1.0];
    /// ternarize::matmul::rotate(&mut x, 4, 4, 7)?;
    /// let y = layer.tensor.outputs(&x)?;
    /// assert!((y[0] - 1.25).abs() < 0.25 && (y[1] - 0.6).abs() < 0.25, "{y:?}");
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    pub fn ternarize_outputs(
        view: &TensorView<'_, f32>,
        bias: &[f32],
        groups: &[OutputAware<'_>],
    ) -> Result<LayerFit, Error> {
        let weights: Vec<f32> = view.iter().collect();
        let shape = *view.shape();
        let channels = shape.axes().first().copied().unwrap_or(0);
        if groups.is_empty() || weights.is_empty() {
            return Err(Error::Empty);
        }
        check_len(channels.next_multiple_of(groups.len()), channels)?;
        if !bias.is_empty() {
            check_len(channels, bias.len())?;
        }
        // Trits and scales, group by group.
        let rows = weights.chunks_exact(weights.len() / groups.len());
        let parts = rows.zip(groups).map(|(rows, options)| options.layer(rows));
        let parts: Vec<LayerPart> = parts.collect::<Result<_, _>>()?;
        if parts.iter().any(|part| part.rotation != parts[0].rotation) {
            let (this, that) = ("the rotation of a group", "that of another");
            return Err(Error::conflict(this, that));
        }
        let fits: Vec<_> = parts.iter().flat_map(|part| part.fits.clone()).collect();
        let mut tensor = Self::from_fits(shape, &fits)?;
        // The scales are corrected; then the bias, for the scales as they are stored.
        let scaled =
            |part: &LayerPart| !matches!(part.correction, Correction::None | Correction::Bias);
        if parts.iter().any(scaled) {
            let scales = maps(&parts, &tensor, |moments, correction| Affine {
                scale: moments.correct(correction).scale,
                shift: 0.0,
            });
            tensor = tensor.corrected(&scales)?;
        }
        tensor = tensor.with_bias(bias.to_vec())?;
        let shifts = maps(&parts, &tensor, |moments, correction| Affine {
            scale: 1.0,
            shift: match correction {
                Correction::None | Correction::OutputScale => 0.0,
                _ => moments.means.0 - moments.means.1,
            },
        });
        tensor = tensor.corrected(&shifts)?;
        if let Some((width, seed)) = parts[0].rotation {
            tensor = tensor.with_rotation(width, seed)?;
        }
        let held_out = parts.iter().all(|part| part.grams.len() > 1);
        let rows = parts.iter().map(|part| part.grams[0].rows());
        Ok(LayerFit {
            error: error(&parts, &tensor, bias, 0),
            held_out_error: held_out.then(|| error(&parts, &tensor, bias, 1)),
            rows: rows.min().unwrap_or(0),
            inputs: parts[0].grams[0].inputs(),
            tensor,
        })
    }
}

/// A map for each output channel, from the moments of its outputs.
fn maps(
    parts: &[LayerPart],
    tensor: &TernaryTensor,
    map: impl Fn(&ChannelMoments, Correction) -> Affine,
) -> Vec<Affine> {
    let moments = moments(parts, tensor, 0).into_iter().zip(parts);
    let maps = moments.flat_map(|(moments, part)| {
        let maps = moments.iter().map(|moments| map(moments, part.correction));
        maps.collect::<Vec<_>>()
    });
    maps.collect()
}

/// The moments of the outputs of each part, without biases, by the Gram matrix of this number.
fn moments(parts: &[LayerPart], tensor: &TernaryTensor, gram: usize) -> Vec<Vec<ChannelMoments>> {
    let restored: Vec<f64> = tensor.dequantize();
    let inputs = parts[0].grams[0].inputs();
    let mut rows = restored.chunks_exact(inputs).map(<[f64]>::to_vec);
    let moments = parts.iter().map(|part| {
        let quantized: Vec<Vec<f64>> = rows.by_ref().take(part.weights.len()).collect();
        part.grams[gram].output_moments(&part.weights, &quantized)
    });
    moments.collect()
}

/// The mean squared change of all outputs, relative to their variance.
fn error(parts: &[LayerPart], tensor: &TernaryTensor, bias: &[f32], gram: usize) -> f64 {
    let (mut error, mut variance) = (0.0, 0.0);
    let moments = moments(parts, tensor, gram);
    for (row, moments) in moments.iter().flatten().enumerate() {
        let biases =
            [bias, tensor.bias()].map(|bias| bias.get(row).copied().map_or(0.0, f64::from));
        error += moments.mean_square_error(biases.into());
        variance += moments.variances.0;
    }
    share(error, variance)
}
