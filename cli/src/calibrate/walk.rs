//! Layer after layer in the order of the graph, each fitted to what it sees behind those that are ternary already.

use anyhow::{Context, Result};
use ternarize::Code;
use ternarize::tensor::{LayerFit, TernaryTensor};

use super::blocks::Blocks;
use super::grams::Grams;
use super::outputs::Reference;
use super::samples::Batch;
use super::side::Side;
use super::treatment::{LayerInputs, Treatment};
use super::{ByOutputs, Cache, Options, Progress, Reason, Treated, Tried, or_left, rows};
use crate::onnx::{Layer, Network};

/// All candidates are compared if the sum of rows x columns^2 of all layers is at most this. Chosen: some seconds.
const MANY: f64 = 2e9;

/// Both networks, and what became of the layers so far.
pub(super) struct Walk<'a> {
    pub original: Side,
    pub quantized: Side,
    pub reference: Reference,
    pub batches: &'a [Batch],
    pub options: &'a Options,
    pub cache: &'a mut Cache,
    pub treated: Vec<Treated>,
    /// The layers that could not become ternary.
    pub failed: Vec<Reason>,
}

impl Walk<'_> {
    /// Makes all layers ternary, each with so many planes: one group of layers with the same input after the other.
    ///
    /// # Errors
    ///
    /// What the engine cannot do, and interrupts.
    pub(super) fn all(&mut self, layers: &[(Layer, usize)], progress: Progress<'_>) -> Result<()> {
        let cost = layers
            .iter()
            .map(|(layer, _)| layer.rows as f64 * (layer.columns as f64).powi(2));
        let many = cost.sum::<f64>() <= MANY;
        let mut rest = layers;
        while let Some(((first, _), _)) = rest.split_first() {
            let network = &self.original.network;
            let same = |(layer, _): &&(Layer, usize)| {
                let alone = |layer| network.summand(layer).is_some();
                rows::are_alike(first, layer) && !alone(first) && !alone(layer)
            };
            let count = rest.iter().take_while(same).count().max(1);
            let (group, later) = rest.split_at(count);
            if group.iter().any(|(layer, _)| !self.cache.has(layer)) {
                self.advance_to(first)?;
            }
            self.group(group, many, &|name, done| {
                progress(
                    name,
                    layers.len() - later.len() - count + done,
                    layers.len(),
                );
            })?;
            rest = later;
        }
        Ok(())
    }

    /// Moves the cuts to a layer.
    fn advance_to(&mut self, layer: &Layer) -> Result<()> {
        if let Some(before) = layer.node.checked_sub(1) {
            let live = self.original.network.live_after(before);
            self.original.advance(&live)?;
            self.quantized.advance(&live)?;
        }
        Ok(())
    }

    /// Makes layers with the same inputs ternary, with the same Gram matrices.
    fn group(
        &mut self,
        group: &[(Layer, usize)],
        many: bool,
        progress: &dyn Fn(&str, usize),
    ) -> Result<()> {
        let mut shared: Option<Grams> = None;
        for (done, (layer, planes)) in group.iter().enumerate() {
            progress(&layer.name, done);
            if let Some(treated) = self.cache.layer(layer, *planes) {
                install(&mut self.quantized.network, layer, &treated.tensor)?;
                self.treated.push(treated);
                continue;
            }
            let blocks = Blocks::of(layer.columns, self.options.most_inputs);
            let new = || {
                Grams::of(
                    (layer, blocks),
                    &self.original,
                    &self.quantized,
                    self.batches,
                )
            };
            let grams = shared.take().map_or_else(new, Ok);
            let Some(grams) = or_left(grams, layer, &mut self.failed)? else {
                continue;
            };
            let made = self.layer(layer, &grams, *planes, many);
            match or_left(made, layer, &mut self.failed)? {
                Some(made) => {
                    self.cache.keep(&made)?;
                    self.treated.push(made);
                }
                None => restore(&mut self.quantized.network, layer, &self.original.network)?,
            }
            shared = Some(grams);
        }
        Ok(())
    }

    /// Makes a layer ternary in the way that is best, with so many planes.
    fn layer(
        &mut self,
        layer: &Layer,
        grams: &Grams,
        planes: usize,
        many: bool,
    ) -> Result<Treated> {
        let weights = self.original.network.weights(layer)?;
        let bias = self.original.network.bias(layer)?.unwrap_or_default();
        let inputs = LayerInputs {
            weights: &weights,
            rows: layer.rows,
            groups: layer.groups(),
            blocks: Blocks::of(layer.columns, self.options.most_inputs),
            bias: &bias,
            all: &grams.all,
            winners: &grams.winners,
            held_out: &grams.held_out,
        };
        let rotation = self.options.rotation && inputs.blocks.count == 1;
        let all = || Treatment::candidates(many, grams.have_winners(), rotation);
        let chosen = self.options.chosen_for(layer);
        let candidates = chosen.map_or_else(all, |(_, treatment)| vec![treatment]);
        let (treatment, fit, tried) = self.best(layer, &inputs, planes, &candidates)?;
        install(&mut self.quantized.network, layer, &fit.tensor)?;
        Ok(Treated {
            layer: layer.clone(),
            planes,
            by_outputs: Some(ByOutputs {
                treatment,
                tried,
                error: fit.error,
                held_out_error: fit.held_out_error,
                rows: fit.rows,
                blocks: inputs.blocks.count,
                too_few_rows: fit.has_too_few_rows(),
            }),
            tensor: fit.tensor.transcode(Code::Base3),
        })
    }

    /// The treatment that changes the network's outputs the least, what it makes of a layer, and what was tried.
    fn best(
        &mut self,
        layer: &Layer,
        inputs: &LayerInputs<'_>,
        planes: usize,
        candidates: &[Treatment],
    ) -> Result<(Treatment, LayerFit, Tried)> {
        let mut best: Option<(f64, Treatment, LayerFit)> = None;
        let mut tried = Tried::new();
        for &treatment in candidates {
            let fit = treatment.apply(inputs, planes)?;
            let error = if candidates.len() > 1 {
                install(&mut self.quantized.network, layer, &fit.tensor)?;
                Some(self.reference.error(&self.quantized)?)
            } else {
                None
            };
            tried.push((treatment, error));
            let better = |(least, ..): &(f64, _, _)| error.is_some_and(|error| error < *least);
            if best.as_ref().is_none_or(better) {
                best = Some((error.unwrap_or(0.0), treatment, fit));
            }
        }
        let (_, treatment, fit) = best.context("there is nothing to try")?;
        Ok((treatment, fit, tried))
    }
}

/// Puts restored weights, and the bias if there is one, in place of the layer's own.
///
/// # Errors
///
/// For weights that their type in the network cannot hold.
pub fn install(network: &mut Network, layer: &Layer, tensor: &TernaryTensor) -> Result<()> {
    let mut restored: Vec<f32> = tensor.dequantize();
    if let Some((width, seed)) = tensor.rotation() {
        ternarize::matmul::rotate_back(&mut restored, layer.columns, width, seed)?;
    }
    network.set_weights(layer, &restored)?;
    if !tensor.bias().is_empty() {
        network.set_bias(layer, tensor.bias())?;
    }
    Ok(())
}

/// Puts back the weights and the bias of a layer, as far as they were replaced.
fn restore(network: &mut Network, layer: &Layer, original: &Network) -> Result<()> {
    // What cannot be read was not replaced either.
    if let Ok(weights) = original.weights(layer) {
        network.set_weights(layer, &weights)?;
    }
    if let (Ok(Some(found)), Ok(bias)) = (network.bias(layer), original.bias(layer))
        && bias.as_ref() != Some(&found)
    {
        let bias = bias.unwrap_or_else(|| vec![0.0; found.len()]);
        network.set_bias(layer, &bias)?;
    }
    Ok(())
}
