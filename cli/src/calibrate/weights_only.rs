//! A network made ternary by its weights alone: refined planes within a budget of bits.

use core::ops::RangeInclusive;

use anyhow::Result;
use ternarize::tensor::TernaryTensor;

use super::blocks::Blocks;
use super::planes::{self, Ways, by_weights};
use super::{Options, Outcome, Progress, Treated, divide, or_left};
use crate::onnx::{Layer, Network};
use crate::progress::go_on;

/// Makes a network ternary by its weights.
///
/// # Errors
///
/// [`Usage`](crate::failure::Usage) if the bits are too few; if the plan does not fit the network; interrupts.
pub fn run(mut network: Network, options: &Options, progress: Progress<'_>) -> Result<Outcome> {
    let (layers, left) = divide(&network, options)?;
    let (mut failed, mut made) = (Vec::new(), Vec::new());
    let count = layers.len();
    for (number, layer) in layers.into_iter().enumerate() {
        progress(&layer.name, number, count);
        let planes = match options.chosen_for(&layer) {
            Some((planes, _)) => planes..=planes,
            None => 1..=4,
        };
        let found = or_left(ways(&network, &layer, planes), &layer, &mut failed)?;
        made.extend(found.map(|found| (layer, found)));
    }
    let (layers, made): (Vec<Layer>, Vec<_>) = made.into_iter().unzip();
    let (ways, made): (Vec<Ways>, Vec<_>) = made.into_iter().unzip();
    let layers = if options.chosen.is_empty() {
        planes::within(options.bits, layers, &ways)?
    } else {
        options.planned(layers)
    };
    let mut treated = Vec::new();
    for ((layer, planes), mut tensors) in layers.into_iter().zip(made) {
        // By a plan it is the only one.
        let tensor = tensors.swap_remove((planes - 1).min(tensors.len() - 1));
        let set = network.set_weights(&layer, &tensor.dequantize::<f32>());
        if or_left(set, &layer, &mut failed)?.is_some() {
            treated.push(Treated {
                layer,
                planes,
                tensor,
                by_outputs: None,
            });
        }
    }
    Ok(Outcome {
        network,
        treated,
        left,
        failed,
        error: None,
    })
}

/// A layer with these numbers of planes, and what each costs and brings.
fn ways(
    network: &Network,
    layer: &Layer,
    planes: RangeInclusive<usize>,
) -> Result<(Ways, Vec<TernaryTensor>)> {
    let weights = network.weights(layer)?;
    let squares = weights.iter().map(|weight| f64::from(*weight).powi(2));
    let energy: f64 = squares.sum();
    let (mut tensors, mut ways) = (Vec::new(), Vec::new());
    for planes in planes {
        go_on()?;
        let (tensor, error, bytes) = by_weights(
            &weights,
            layer,
            planes,
            Blocks::of(layer.columns, usize::MAX),
        )?;
        tensors.push(tensor);
        ways.push((bytes, error * energy));
    }
    Ok((Ways { ways }, tensors))
}
