//! A network made ternary by its weights alone: refined planes within a budget of bits.

use anyhow::Result;
use ternarize::tensor::TernaryTensor;

use super::planes::{Ways, by_weights};
use super::{Options, Outcome, Treated, divide, or_left, planes_within};
use crate::onnx::{Layer, Network};
use crate::progress::go_on;

/// Makes a network ternary by its weights.
///
/// # Errors
///
/// [`Usage`](crate::failure::Usage) if the bits are too few; if the plan does not fit the network; interrupts.
pub fn run(
    mut network: Network,
    options: &Options,
    progress: &dyn Fn(&str, usize, usize),
) -> Result<Outcome> {
    let (layers, left) = divide(&network, &options.chosen)?;
    let (mut failed, mut made) = (Vec::new(), Vec::new());
    for (number, layer) in layers.iter().enumerate() {
        progress(&layer.name, number, layers.len());
        let found = all_ways(&network, layer);
        made.extend(or_left(found, layer, &mut failed)?.map(|found| (layer, found)));
    }
    let (ways, made): (Vec<Ways>, Vec<_>) = made
        .into_iter()
        .map(|(layer, (ways, tensors))| (ways, (layer, tensors)))
        .unzip();
    let layers: Vec<&Layer> = made.iter().map(|(layer, _)| *layer).collect();
    let planes = planes_within(&layers, &ways, options)?;
    let mut treated = Vec::new();
    for ((layer, mut tensors), planes) in made.into_iter().zip(planes) {
        let tensor = tensors.swap_remove(planes - 1);
        let set = network.set_weights(layer, &tensor.dequantize::<f32>());
        if or_left(set, layer, &mut failed)?.is_some() {
            treated.push(Treated {
                layer: layer.clone(),
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

/// A layer with one to four planes, and what each costs and brings.
fn all_ways(network: &Network, layer: &Layer) -> Result<(Ways, Vec<TernaryTensor>)> {
    let weights = network.weights(layer)?;
    let squares = weights.iter().map(|weight| f64::from(*weight).powi(2));
    let energy: f64 = squares.sum();
    let (mut tensors, mut ways) = (Vec::new(), Vec::new());
    for planes in 1..=4 {
        go_on()?;
        let (tensor, error, bytes) = by_weights(&weights, layer, planes)?;
        tensors.push(tensor);
        ways.push((bytes, error * energy));
    }
    Ok((Ways { ways }, tensors))
}
