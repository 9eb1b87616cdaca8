//! How many planes each layer gets: where the network's own outputs are sensitive.
//!
//! What an error of a layer costs: one layer after the other is replaced by a ternary one of two planes that its weights alone decide, or
//! of one if two hold its weights exactly, in the otherwise original network. The outputs change by some amount.
//!
//! How much of that is left when the layer is calibrated: weights that are still to be chosen compensate for the errors of those before,
//! the better the more the inputs are correlated. Measured: from 0.13 to 0.58 of it; it follows from the Gram matrix of their inputs.
//!
//! ```text
//! change(planes) = change of the outputs  x  error of the weights(planes) / error of the weights(2)  x  share after feedback
//! ```

use anyhow::{Result, bail};
use ternarize::Code;
use ternarize::ScaleType;
use ternarize::quantize::budget::allocate;
use ternarize::quantize::gram::OutputAware;
use ternarize::quantize::planes::Planes;
use ternarize::tensor::{TensorView, TernaryTensor};

use super::blocks::Blocks;
use super::outputs::Reference;
use super::samples::Batch;
use super::side::Side;
use super::{Progress, Reason, grams, or_left, rows, treatment};
use crate::failure::Usage;
use crate::onnx::Layer;

/// What each number of planes costs and brings for a layer.
#[derive(Clone, Debug)]
pub(super) struct Ways {
    /// For 1 to 4 planes the stored bytes and the expected change of the outputs.
    pub ways: Vec<(u64, f64)>,
}

/// The planes of a layer by its weights, with scales for each block of a row, and with its relative error and its bytes.
///
/// # Errors
///
/// For weights that cannot be ternary.
pub(super) fn by_weights(
    weights: &[f32],
    layer: &Layer,
    planes: usize,
    blocks: Blocks,
) -> Result<(TernaryTensor, f64, u64), ternarize::Error> {
    let view = TensorView::new(weights, &[layer.rows, layer.columns])?;
    let options = Planes::new(planes).scale_type(ScaleType::F16);
    let tensor =
        TernaryTensor::ternarize_planes(&view, blocks.grouping(), &options)?.transcode(Code::Base3);
    let error = tensor.error_metrics(&view)?.relative_error;
    let bytes = tensor.stored_bytes() as u64;
    Ok((tensor, error, bytes))
}

/// The rows for each input from which the correlations of inputs are estimated. Chosen: enough to tell layers apart.
const ROWS_PER_INPUT: usize = 2;

/// What the sensitivity of the outputs is measured with.
pub(super) struct Sensitivity<'a> {
    /// The original network, which is as before after each layer.
    pub original: &'a mut Side,
    pub reference: &'a Reference,
    pub batches: &'a [Batch],
    /// The inputs of a Gram matrix at most.
    pub most_inputs: usize,
}

impl Sensitivity<'_> {
    /// What each number of planes would cost and bring, for the layers for which that can be said; the others have failed.
    ///
    /// # Errors
    ///
    /// Interrupts.
    pub(super) fn of_layers(
        mut self,
        layers: Vec<Layer>,
        failed: &mut Vec<Reason>,
        progress: Progress<'_>,
    ) -> Result<(Vec<Layer>, Vec<Ways>)> {
        let count = layers.len();
        let mut able = Vec::new();
        // Layers that see the same share this.
        let mut last: Option<(Layer, f64)> = None;
        for (number, layer) in layers.into_iter().enumerate() {
            progress("sensitivity", number, count);
            let alike = last
                .take()
                .filter(|(last, _)| rows::are_alike(last, &layer));
            let share = match alike {
                Some((_, share)) => Ok(share),
                None => self.share_after_calibration(&layer),
            };
            let ways = share.and_then(|share| {
                last = Some((layer.clone(), share));
                self.ways(&layer, share)
            });
            if let Some(ways) = or_left(ways, &layer, failed)? {
                able.push((layer, ways));
            }
        }
        Ok(able.into_iter().unzip())
    }

    /// The share of a layer's output error that is left when it is calibrated.
    fn share_after_calibration(&self, layer: &Layer) -> Result<f64> {
        let blocks = Blocks::of(layer.columns, self.most_inputs);
        let columns = blocks.width;
        let rows = ROWS_PER_INPUT * columns;
        let grams = grams::seen((layer, blocks), self.original, self.batches, rows as u64)?;
        let mut shares = Vec::new();
        for gram in &grams {
            let options = OutputAware::new(gram)
                .damping(treatment::DAMPING)
                .rotation((blocks.count == 1).then(|| treatment::rotation(columns)));
            // What so many inputs explain of so few rows is partly chance.
            let chance = columns as f64 / (2 * gram.rows().max(columns as u64)) as f64;
            shares.push(options.share_after_feedback()? / (1.0 - chance));
        }
        Ok((shares.iter().sum::<f64>() / shares.len() as f64).min(1.0))
    }

    /// What each number of planes would cost and bring for a layer of which calibration leaves this share of the error.
    fn ways(&mut self, layer: &Layer, share: f64) -> Result<Ways> {
        let weights = self.original.network.weights(layer)?;
        let blocks = Blocks::of(layer.columns, self.most_inputs);
        let [one, two] = [1, 2].map(|planes| by_weights(&weights, layer, planes, blocks));
        let ((one, error, bytes), (two, error_of_two, bytes_of_two)) = (one?, two?);
        let (tensor, measured) = if error_of_two > 0.0 {
            (two, error_of_two)
        } else {
            (one, error)
        };
        let mut per_error = 0.0;
        if measured > 0.0 {
            let network = &mut self.original.network;
            network.set_weights(layer, &tensor.dequantize::<f32>())?;
            let change = self.reference.error(self.original);
            self.original.network.set_weights(layer, &weights)?;
            per_error = share * change? / measured;
        }
        // A network whose outputs are no numbers any more is as sensitive as can be.
        let per_error = if per_error.is_finite() {
            per_error
        } else {
            1e6
        };
        // Each further plane takes as many bytes as the second, and leaves the same share of the error.
        let step = bytes_of_two - bytes;
        let left = if error > 0.0 {
            error_of_two / error
        } else {
            0.0
        };
        let ways = (0..4_u8).map(|more| {
            let remaining = left.powi(more.into()) * error * per_error;
            (bytes + step * u64::from(more), remaining)
        });
        Ok(Ways {
            ways: ways.collect(),
        })
    }
}

/// The planes of each layer within so many bits for each weight of all.
///
/// # Errors
///
/// [`Usage`] if one plane for each layer takes more, with the range that can be reached.
pub(super) fn within(bits: f64, layers: Vec<Layer>, ways: &[Ways]) -> Result<Vec<(Layer, usize)>> {
    let weights = layers.iter().map(|layer| layer.rows * layer.columns);
    let planes = choose(ways, weights.sum::<usize>() as u64, bits)?;
    Ok(layers.into_iter().zip(planes).collect())
}

/// The numbers of planes within so many bits for each of so many weights.
fn choose(ways: &[Ways], weights: u64, bits: f64) -> Result<Vec<usize>> {
    if ways.is_empty() {
        return Ok(Vec::new());
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a positive number of bytes, rounded down"
    )]
    let bytes = (bits * weights as f64 / 8.0) as u64;
    let ways: Vec<&[(u64, f64)]> = ways.iter().map(|ways| ways.ways.as_slice()).collect();
    let bits_with = |planes: usize| {
        let bytes: u64 = ways.iter().map(|ways| ways[planes - 1].0).sum();
        (bytes, 8.0 * bytes as f64 / weights.max(1) as f64)
    };
    let ((least, low), (_, high)) = (bits_with(1), bits_with(4));
    if bytes < least {
        let low = low + 0.0005;
        bail!(Usage(format!(
            "the budget is too small: this network can be stored with --bits from {low:.3} to {high:.3}"
        )));
    }
    let allocation = allocate(&ways, bytes)?;
    Ok(allocation.choices.iter().map(|choice| choice + 1).collect())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::samples::{batches, by_input};
    use super::*;
    use crate::engine::read_arrays;
    use crate::onnx::Network;

    /// The network of the demo: bytes are those of real fits, expected changes fall with each plane, and all weights are as before.
    #[test]
    fn ways_follow_the_fits() {
        let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("data");
        let network = Network::open(&data.join("digits.onnx")).unwrap();
        let arrays = read_arrays(&data.join("digits-calibration.npz")).unwrap();
        let samples = batches(&by_input(&network, arrays).unwrap(), true).unwrap();
        let mut original = Side::new(network.clone(), &samples);
        let reference = Reference::new(&original, &[0]).unwrap();
        let layers = network.layers().found;
        let before: Vec<_> = layers
            .iter()
            .map(|layer| network.weights(layer).unwrap())
            .collect();
        let sensitivity = Sensitivity {
            original: &mut original,
            reference: &reference,
            batches: &samples,
            most_inputs: 4096,
        };
        let mut failed = Vec::new();
        let (able, ways) = sensitivity
            .of_layers(layers.clone(), &mut failed, &|_, _, _| ())
            .unwrap();
        assert_eq!((able.len(), failed.len()), (layers.len(), 0));
        for ((layer, weights), ways) in layers.iter().zip(&before).zip(&ways) {
            for (planes, (bytes, change)) in (1..).zip(&ways.ways) {
                let (_, _, stored) =
                    by_weights(weights, layer, planes, Blocks::of(layer.columns, 4096)).unwrap();
                assert_eq!(*bytes, stored, "{} with {planes} planes", layer.name);
                assert!(*change > 0.0);
            }
            assert!(ways.ways.is_sorted_by(|a, b| a.1 > b.1), "{ways:?}");
            assert_eq!(original.network.weights(layer).unwrap(), *weights);
        }
    }
}
