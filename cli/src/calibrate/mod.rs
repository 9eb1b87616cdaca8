//! Makes a network ternary, layer by layer, by what its layers see and put out on calibration inputs.
//!
//! ```text
//! samples      calibration inputs in batches, some kept out
//! side         a network that runs up to a cut: the original, and the quantized one
//! planes       how many planes each layer gets, by the sensitivity of the outputs
//! cache        what is done already, if the work was interrupted
//! walk         for each layer, in the order of the graph:
//!   blocks       wide layers in parts
//!   rows         its inputs in both networks -> Gram matrices; pooling: which rows count; residual: what is added behind it
//!   treatment    candidates; outputs: the one that changes the outputs on the samples kept out least
//! ```

mod blocks;
mod cache;
mod grams;
mod outputs;
mod planes;
mod pooling;
mod residual;
mod rows;
mod samples;
mod side;
mod treatment;
mod walk;
pub mod weights_only;

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};
use ternarize::tensor::TernaryTensor;

pub use self::cache::Cache;
use self::outputs::Reference;
use self::planes::Sensitivity;
pub use self::samples::{Batch, batches, by_input};
use self::side::Side;
pub use self::treatment::Treatment;
use self::walk::Walk;
pub use self::walk::install;
use crate::failure::Interrupted;
use crate::onnx::{Kind, Layer, Network};
use crate::selection::{EXCLUDED, Patterns};

/// What to do.
#[derive(Clone, Debug)]
pub struct Options {
    /// Bits for each weight of all layers together.
    pub bits: f64,
    /// What was chosen earlier, by the names of the layers: it is done again, and nothing else is tried. Empty if nothing was; other
    /// layers are left.
    pub chosen: Vec<(String, usize, Treatment)>,
    /// The layers that are asked for, and those that are not.
    pub patterns: Patterns,
    /// Whether inputs of layers may be rotated. What was chosen earlier is done as it is.
    pub rotation: bool,
    /// The inputs of a Gram matrix at most. Layers with more are fitted in blocks of their inputs.
    pub most_inputs: usize,
}

impl Options {
    /// What was chosen earlier for a layer.
    fn chosen_for(&self, layer: &Layer) -> Option<(usize, Treatment)> {
        let chosen = self.chosen.iter().find(|(name, ..)| *name == layer.name);
        chosen.map(|(_, planes, treatment)| (*planes, *treatment))
    }

    /// Layers with the planes that were chosen earlier.
    fn planned(&self, layers: Vec<Layer>) -> Vec<(Layer, usize)> {
        let planned = layers.into_iter().map(|layer| {
            let planes = self.chosen_for(&layer).map_or(1, |(planes, _)| planes);
            (layer, planes)
        });
        planned.collect()
    }
}

/// Is told what is done, with the number of steps that are done and of all.
pub type Progress<'a> = &'a dyn Fn(&str, usize, usize);

/// What became of a layer.
#[derive(Clone, Debug)]
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
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ByOutputs {
    /// What was done.
    pub treatment: Treatment,
    /// What was tried, with the change of the network's outputs on the samples kept out; `None` where nothing was compared.
    pub tried: Tried,
    /// The error of its outputs on the rows it was fitted to, relative to their variance.
    pub error: f64,
    /// The same on the rows that were kept out.
    pub held_out_error: Option<f64>,
    /// The number of rows it was fitted to.
    pub rows: u64,
    /// How many blocks of inputs it was fitted in.
    pub blocks: usize,
    /// Whether these are too few for its inputs.
    pub too_few_rows: bool,
}

/// Treatments with the change of the network's outputs that each brings, if that was compared.
pub type Tried = Vec<(Treatment, Option<f64>)>;

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
/// If something else was chosen earlier; [`Usage`](crate::failure::Usage) for a pattern that fits no layer.
fn divide(network: &Network, options: &Options) -> Result<(Vec<Layer>, Vec<Reason>)> {
    let found = network.layers();
    let names = found.found.iter().map(|layer| layer.name.as_str());
    options.patterns.check(&names.collect::<Vec<_>>())?;
    let (mut layers, mut left) = (Vec::new(), found.left);
    for layer in found.found {
        let planned = options.chosen.is_empty() || options.chosen_for(&layer).is_some();
        let reason = match options.patterns.asked(&layer.name) {
            Some(false) => Some(EXCLUDED),
            Some(true) => None,
            None => reason_to_leave(&layer),
        };
        match reason {
            Some(reason) => left.push((layer.name, reason.into())),
            None if !planned => left.push((layer.name, "the plan does not name it".into())),
            None => layers.push(layer),
        }
    }
    for (name, ..) in &options.chosen {
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

/// Makes a network ternary. What an earlier run has left in the cache is not done again.
///
/// # Errors
///
/// What the engine cannot do; if the bits are too few; if the cache cannot be written; interrupts.
pub fn run(
    network: Network,
    batches: &[Batch],
    options: &Options,
    cache: &mut Cache,
    progress: Progress<'_>,
) -> Result<Outcome> {
    let (layers, left) = divide(&network, options)?;
    let mut original = Side::new(network.clone(), batches);
    let reference = Reference::new(&original, &held_out(batches))?;
    let mut failed = Vec::new();
    let layers = match cache.planes(&layers, &mut failed) {
        _ if !options.chosen.is_empty() => options.planned(layers),
        Some(kept) => kept,
        None => {
            let sensitivity = Sensitivity {
                original: &mut original,
                reference: &reference,
                batches,
                most_inputs: options.most_inputs,
            };
            let (layers, ways) = sensitivity.of_layers(layers, &mut failed, progress)?;
            let layers = planes::within(options.bits, layers, &ways)?;
            cache.keep_planes(&layers, &failed)?;
            layers
        }
    };
    let mut walk = Walk {
        original,
        quantized: Side::new(network, batches),
        reference,
        batches,
        options,
        cache,
        treated: Vec::new(),
        failed,
    };
    walk.all(&layers, progress)?;
    let error = Some(walk.reference.error(&walk.quantized)?);
    Ok(Outcome {
        network: walk.quantized.network,
        treated: walk.treated,
        left,
        failed: walk.failed,
        error,
    })
}

/// The batches that are kept out; all if there are too few samples to keep some out, for the same ones are better than none.
fn held_out(batches: &[Batch]) -> Vec<usize> {
    let held_out = (0..batches.len()).filter(|batch| batches[*batch].held_out);
    let held_out: Vec<usize> = held_out.collect();
    if held_out.is_empty() {
        (0..batches.len()).collect()
    } else {
        held_out
    }
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
