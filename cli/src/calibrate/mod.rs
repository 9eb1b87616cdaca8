//! Makes a network ternary, layer by layer, by what its layers see and put out on calibration inputs.
//!
//! ```text
//! samples      calibration inputs in batches, some kept out
//! side         a network that runs up to a cut: the original, and the quantized one
//! planes       how many planes each layer gets, by the sensitivity of the outputs
//! for each layer, in the order of the graph:
//!   rows         its inputs in both networks -> Gram matrices; pooling: which rows count
//!   treatment    candidates; outputs: the one that changes the outputs on the samples kept out least
//! ```

mod grams;
mod outputs;
mod planes;
mod pooling;
mod rows;
mod samples;
mod side;
mod treatment;
pub mod weights_only;

use anyhow::{Context, Result, ensure};
use ternarize::Code;
use ternarize::tensor::{LayerFit, TernaryTensor};

use self::grams::Grams;
use self::outputs::Reference;
use self::planes::Ways;
pub use self::samples::{Batch, batches, by_input};
use self::side::Side;
use self::treatment::LayerInputs;
pub use self::treatment::Treatment;
use crate::failure::Interrupted;
use crate::onnx::{Kind, Layer, Network};

/// All candidates are compared if the sum of rows x columns^2 of all layers is at most this. Chosen: some seconds.
const MANY: f64 = 2e9;

/// What to do.
#[derive(Clone, Debug)]
pub struct Options {
    /// Bits for each weight of all layers together.
    pub bits: f64,
    /// What was chosen earlier, by the names of the layers: it is done again, and nothing else is tried. Empty if nothing was; other
    /// layers are left.
    pub chosen: Vec<(String, usize, Treatment)>,
    /// Whether inputs of layers may be rotated. What was chosen earlier is done as it is.
    pub rotation: bool,
}

/// What became of a layer.
pub struct Treated {
    /// The layer.
    pub layer: Layer,
    /// The planes it got.
    pub planes: usize,
    /// The ternary layer, in base 3.
    pub tensor: TernaryTensor,
    /// What the calibration said; `None` if the weights alone decided.
    pub by_outputs: Option<ByOutputs>,
}

/// What the calibration said of a layer.
pub struct ByOutputs {
    /// What was done.
    pub treatment: Treatment,
    /// What was tried, with the change of the network's outputs on the samples kept out; `None` where nothing was compared.
    pub tried: Vec<(Treatment, Option<f64>)>,
    /// The error of its outputs on the rows it was fitted to, relative to their variance.
    pub error: f64,
    /// The same on the rows that were kept out.
    pub held_out_error: Option<f64>,
    /// The number of rows it was fitted to.
    pub rows: u64,
    /// Whether these are too few for its inputs.
    pub too_few_rows: bool,
}

/// A layer that was left, and why.
pub type Reason = (String, String);

/// What became of a network.
pub struct Outcome {
    /// The network with the restored weights.
    pub network: Network,
    /// Its layers, in order.
    pub treated: Vec<Treated>,
    /// The layers that were to be left as they are, with the reason.
    pub left: Vec<Reason>,
    /// The layers that could not become ternary, and so were left too.
    pub failed: Vec<Reason>,
    /// The change of the outputs on the samples kept out, relative to their spread.
    pub error: Option<f64>,
}

/// The layers of a network that become ternary, and the others with the reasons.
///
/// # Errors
///
/// If something else was chosen earlier.
fn divide(
    network: &Network,
    chosen: &[(String, usize, Treatment)],
) -> Result<(Vec<Layer>, Vec<Reason>)> {
    let found = network.layers();
    let (mut layers, mut left) = (Vec::new(), found.left);
    for layer in found.found {
        let planned = chosen.is_empty() || chosen.iter().any(|(name, ..)| *name == layer.name);
        match reason_to_leave(&layer) {
            Some(reason) => left.push((layer.name, reason.into())),
            None if !planned => left.push((layer.name, "the plan does not name it".into())),
            None => layers.push(layer),
        }
    }
    for (name, ..) in chosen {
        ensure!(
            layers.iter().any(|layer| layer.name == *name),
            "the plan names `{}`, which is no layer that can become ternary",
            name.escape_debug()
        );
    }
    Ok((layers, left))
}

/// What was found for a layer; if it failed, the layer is left, and `None`. Interrupts stay errors.
fn or_left<T>(found: Result<T>, layer: &Layer, failed: &mut Vec<Reason>) -> Result<Option<T>> {
    match found {
        Err(error) if !error.is::<Interrupted>() => {
            failed.push((layer.name.clone(), format!("{error:#}")));
            Ok(None)
        }
        found => found.map(Some),
    }
}

/// Makes a network ternary.
///
/// # Errors
///
/// What the engine cannot do; if the bits are too few; interrupts.
pub fn run(
    network: Network,
    batches: &[Batch],
    options: &Options,
    progress: &dyn Fn(&str, usize, usize),
) -> Result<Outcome> {
    let (layers, left) = divide(&network, &options.chosen)?;
    let mut original = Side::new(network.clone(), batches);
    let mut quantized = Side::new(network, batches);
    let mut held_out: Vec<usize> = (0..batches.len())
        .filter(|batch| batches[*batch].held_out)
        .collect();
    if held_out.is_empty() {
        // Too few samples to keep some out: better the same ones than none.
        held_out = (0..batches.len()).collect();
    }
    let reference = Reference::new(&original, &held_out)?;
    // How many planes.
    let mut failed = Vec::new();
    let (layers, planes) = planes_of(
        &mut original,
        batches,
        layers,
        &reference,
        options,
        &mut failed,
        progress,
    )?;
    // One group of layers with the same input after the other.
    let cost = layers
        .iter()
        .map(|layer| layer.rows as f64 * (layer.columns as f64).powi(2));
    let many = cost.sum::<f64>() <= MANY;
    let mut treated = Vec::new();
    let mut next = 0;
    while next < layers.len() {
        let same = |layer: &&Layer| {
            layer.input == layers[next].input
                && !rows::is_hidden(layer)
                && !rows::is_hidden(&layers[next])
        };
        let count = layers[next..].iter().take_while(same).count().max(1);
        let stage = &layers[next..next + count];
        let before = stage[0].node.checked_sub(1);
        let live = before.map(|node| original.network.live_after(node));
        if let Some(live) = &live {
            original.advance(live)?;
            quantized.advance(live)?;
        }
        let mut grams: Option<Grams> = None;
        for (layer, &planes) in stage.iter().zip(&planes[next..]) {
            progress(&layer.name, treated.len(), layers.len());
            let shared = grams.take().filter(|grams| grams.fit(layer));
            let own = match shared {
                Some(grams) => Ok(grams),
                None => Grams::of(layer, &original, &quantized, batches),
            };
            let Some(own) = or_left(own, layer, &mut failed)? else {
                continue;
            };
            let work = Work {
                original: &original,
                reference: &reference,
                many,
                rotation: options.rotation,
            };
            let chosen = options.chosen.iter().find(|(name, ..)| *name == layer.name);
            let chosen = chosen.map(|(_, _, treatment)| *treatment);
            let made = work.layer(&mut quantized, layer, &own, planes, chosen);
            let made = or_left(made, layer, &mut failed)?;
            if made.is_none() {
                restore(&mut quantized.network, layer, &original.network)?;
            }
            treated.extend(made);
            grams = Some(own);
        }
        next += count;
    }
    let error = Some(reference.error(&quantized)?);
    Ok(Outcome {
        network: quantized.network,
        treated,
        left,
        failed,
        error,
    })
}

/// Why a layer is not made ternary.
fn reason_to_leave(layer: &Layer) -> Option<&'static str> {
    match &layer.kind {
        Kind::Conv(convolution) if convolution.depthwise => {
            Some("a depthwise convolution: few weights, and each counts")
        }
        _ if layer.columns < 2 => Some("one weight for each output"),
        _ => None,
    }
}

/// The layers that can become ternary, with the planes of each.
fn planes_of(
    original: &mut Side,
    batches: &[Batch],
    layers: Vec<Layer>,
    reference: &Reference,
    options: &Options,
    failed: &mut Vec<Reason>,
    progress: &dyn Fn(&str, usize, usize),
) -> Result<(Vec<Layer>, Vec<usize>)> {
    if !options.chosen.is_empty() {
        let planes = planes_within(&layers.iter().collect::<Vec<_>>(), &[], options)?;
        return Ok((layers, planes));
    }
    let (mut able, mut ways) = (Vec::new(), Vec::new());
    // Layers that see the same share this.
    let mut last: Option<(String, f64)> = None;
    for (number, layer) in layers.iter().enumerate() {
        progress("sensitivity", number, layers.len());
        let found = match last.take().filter(|(input, _)| input == rows::input(layer)) {
            Some((_, share)) => Ok(share),
            None => planes::share_after_calibration(layer, original, batches),
        };
        let found = found.and_then(|share| {
            last = Some((rows::input(layer).into(), share));
            planes::ways(original, layer, reference, share)
        });
        if let Some(found) = or_left(found, layer, failed)? {
            able.push(layer);
            ways.push(found);
        }
    }
    let planes = planes_within(&able, &ways, options)?;
    Ok((able.into_iter().cloned().collect(), planes))
}

/// The planes of each layer: those that were chosen earlier, or within the bits.
fn planes_within(layers: &[&Layer], ways: &[Ways], options: &Options) -> Result<Vec<usize>> {
    if options.chosen.is_empty() {
        let weights = layers.iter().map(|layer| layer.rows * layer.columns);
        return planes::choose(ways, weights.sum::<usize>() as u64, options.bits);
    }
    let chosen = layers.iter().map(|layer| {
        let planes = options.chosen.iter().find(|(name, ..)| *name == layer.name);
        planes.map_or(1, |(_, planes, _)| *planes)
    });
    Ok(chosen.collect())
}

/// What the work on a layer needs.
struct Work<'a> {
    original: &'a Side,
    reference: &'a Reference,
    many: bool,
    rotation: bool,
}

impl Work<'_> {
    /// Tries the candidates, and keeps the best.
    fn layer(
        &self,
        quantized: &mut Side,
        layer: &Layer,
        grams: &Grams,
        planes: usize,
        chosen: Option<Treatment>,
    ) -> Result<Treated> {
        let weights = self.original.network.weights(layer)?;
        let bias = self.original.network.bias(layer)?.unwrap_or_default();
        let inputs = LayerInputs {
            weights: &weights,
            rows: layer.rows,
            bias: &bias,
            all: &grams.all,
            winners: &grams.winners,
            held_out: &grams.held_out,
        };
        let candidates = match chosen {
            Some(treatment) => vec![treatment],
            None => Treatment::candidates(self.many, grams.have_winners(), self.rotation),
        };
        let mut best: Option<(f64, Treatment, LayerFit)> = None;
        let mut tried = Vec::new();
        for treatment in &candidates {
            let fit = treatment.apply(&inputs, planes)?;
            let error = if candidates.len() > 1 {
                install(&mut quantized.network, layer, &fit.tensor)?;
                Some(self.reference.error(quantized)?)
            } else {
                None
            };
            tried.push((*treatment, error));
            if best
                .as_ref()
                .is_none_or(|(least, ..)| error.is_some_and(|error| error < *least))
            {
                best = Some((error.unwrap_or(0.0), *treatment, fit));
            }
        }
        let (_, treatment, fit) = best.context("there is nothing to try")?;
        install(&mut quantized.network, layer, &fit.tensor)?;
        Ok(Treated {
            layer: layer.clone(),
            planes,
            by_outputs: Some(ByOutputs {
                treatment,
                tried,
                error: fit.error,
                held_out_error: fit.held_out_error,
                rows: fit.rows,
                too_few_rows: fit.has_too_few_rows(),
            }),
            tensor: fit.tensor.transcode(Code::Base3),
        })
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
