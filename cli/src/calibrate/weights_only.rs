//! A network made ternary by its weights alone: refined planes within a budget of bits.

use anyhow::{Context, Result};
use ternarize::tensor::TernaryTensor;

use super::planes::{Ways, by_weights, choose};
use super::{Outcome, Treated, divide};
use crate::onnx::Network;
use crate::progress::go_on;

/// Makes a network ternary by its weights.
///
/// # Errors
///
/// If the bits are too few; interrupts.
pub fn run(
    mut network: Network,
    bits: f64,
    progress: &dyn Fn(&str, usize, usize),
) -> Result<Outcome> {
    let (layers, left) = divide(&network);
    let mut made: Vec<Vec<TernaryTensor>> = Vec::new();
    let mut ways = Vec::new();
    for (number, layer) in layers.iter().enumerate() {
        progress(&layer.name, number, layers.len());
        let weights = network.weights(layer)?;
        let energy: f64 = weights
            .iter()
            .map(|weight| f64::from(*weight).powi(2))
            .sum();
        let (mut tensors, mut costs) = (Vec::new(), Vec::new());
        for planes in 1..=4 {
            go_on()?;
            let found = by_weights(&weights, layer, planes);
            let (tensor, error, bytes) =
                found.with_context(|| format!("the layer `{}`", layer.name.escape_debug()))?;
            tensors.push(tensor);
            costs.push((bytes, error * energy));
        }
        made.push(tensors);
        ways.push(Ways { ways: costs });
    }
    let weights = layers
        .iter()
        .map(|layer| (layer.rows * layer.columns) as u64)
        .sum();
    let planes = choose(&ways, weights, bits)?;
    let mut treated = Vec::new();
    for ((layer, mut tensors), planes) in layers.into_iter().zip(made).zip(planes) {
        let tensor = tensors.swap_remove(planes - 1);
        network.set_weights(&layer, &tensor.dequantize::<f32>())?;
        treated.push(Treated {
            layer,
            planes,
            tensor,
            by_outputs: None,
        });
    }
    Ok(Outcome {
        network,
        treated,
        left,
        error: None,
    })
}
