//! How many planes each layer gets: where the network's own outputs are sensitive.
//!
//! One layer after the other is replaced by a ternary one of two planes, or of one if two hold its weights exactly, in the otherwise
//! original network. How far this moves the outputs, in relation to the error of the weights, says what an error of this layer costs.

use anyhow::{Result, bail};
use ternarize::Code;
use ternarize::ScaleType;
use ternarize::quantize::budget::allocate;
use ternarize::quantize::planes::Planes;
use ternarize::tensor::{Grouping, TensorView, TernaryTensor};

use super::outputs::Reference;
use super::side::Side;
use crate::failure::Usage;
use crate::onnx::Layer;

/// What each number of planes costs and brings for a layer.
#[derive(Clone, Debug)]
pub(super) struct Ways {
    /// For 1 to 4 planes the stored bytes and the expected change of the outputs.
    pub ways: Vec<(u64, f64)>,
}

/// The planes of a layer by its weights, with its relative error and its bytes.
///
/// # Errors
///
/// For weights that cannot be ternary.
pub(super) fn by_weights(
    weights: &[f32],
    layer: &Layer,
    planes: usize,
) -> Result<(TernaryTensor, f64, u64), ternarize::Error> {
    let view = TensorView::new(weights, &[layer.rows, layer.columns])?;
    let options = Planes::new(planes).scale_type(ScaleType::F16);
    let tensor = TernaryTensor::ternarize_planes(&view, Grouping::OUTPUT_CHANNEL, &options)?
        .transcode(Code::Base3);
    let error = tensor.error_metrics(&view)?.relative_error;
    let bytes = tensor.stored_bytes() as u64;
    Ok((tensor, error, bytes))
}

/// What each number of planes would cost and bring for a layer. The network is as before afterwards.
///
/// # Errors
///
/// For weights that cannot be ternary, and what the engine cannot do.
pub(super) fn ways(original: &mut Side, layer: &Layer, reference: &Reference) -> Result<Ways> {
    let weights = original.network.weights(layer)?;
    let (mut ways, mut with_error) = (Vec::new(), None);
    for planes in 1..=4 {
        let (tensor, error, bytes) = by_weights(&weights, layer, planes)?;
        if planes <= 2 && error > 0.0 {
            with_error = Some((tensor, error));
        }
        ways.push((bytes, error));
    }
    let mut per_error = 0.0;
    if let Some((tensor, error)) = with_error {
        let network = &mut original.network;
        network.set_weights(layer, &tensor.dequantize::<f32>())?;
        let change = reference.error(original);
        original.network.set_weights(layer, &weights)?;
        per_error = change? / error;
    }
    // A network whose outputs are no numbers any more is as sensitive as can be.
    let per_error = if per_error.is_finite() {
        per_error
    } else {
        1e6
    };
    let ways = ways
        .into_iter()
        .map(|(bytes, error)| (bytes, error * per_error));
    Ok(Ways {
        ways: ways.collect(),
    })
}

/// The planes of each layer within so many bits for each weight. `weights` counts those of all layers.
///
/// # Errors
///
/// [`Usage`] if one plane for each layer takes more, with the range that can be reached.
pub(super) fn choose(ways: &[Ways], weights: u64, bits: f64) -> Result<Vec<usize>> {
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
