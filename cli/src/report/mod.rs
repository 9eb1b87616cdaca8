//! What a command did: the numbers that `--json` prints and that the page of `--report` shows.

mod calibration;
mod chart;
mod page;
mod text;

pub use page::html;
pub use text::printable;

use serde::Serialize;

/// What `quantize` did to a model.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The program and its version.
    pub program: String,
    /// The model that was read.
    pub input: FileSummary,
    /// The model that was written.
    pub output: FileSummary,
    /// The options that were in force, as names and values.
    pub options: Vec<(String, String)>,
    /// Sums over all tensors.
    pub totals: Totals,
    /// Each tensor, in the order of the input.
    pub tensors: Vec<TensorReport>,
    /// Of a network what looks like a layer and is none that could become ternary, with the reason.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub left: Vec<(String, String)>,
    /// Only of networks that were calibrated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calibration: Option<Calibration>,
}

/// What calibration inputs said of a network.
#[derive(Clone, Debug, Serialize)]
pub struct Calibration {
    /// What ran the network, and on which processor.
    pub engine: String,
    /// The samples that layers were fitted to.
    pub samples: usize,
    /// The samples that were kept out of it.
    pub held_out: usize,
    /// The mean squared change of the outputs on the samples kept out, relative to their spread.
    pub output_error: Option<f64>,
    /// Each layer, in the order of the network.
    pub layers: Vec<CalibratedLayer>,
}

/// What calibration inputs said of a layer.
#[derive(Clone, Debug, Serialize)]
pub struct CalibratedLayer {
    /// The name of its weight.
    pub name: String,
    /// The planes it got.
    pub planes: usize,
    /// What was done.
    pub treatment: String,
    /// The rows of its inputs.
    pub rows: u64,
    /// The inputs of an output channel.
    pub inputs: usize,
    /// How many blocks of inputs it was fitted in.
    pub blocks: usize,
    /// Whether there are too few rows for so many inputs.
    pub too_few_rows: bool,
    /// The error of its outputs on the rows it was fitted to, relative to their variance.
    pub error: f64,
    /// The same on the rows that were kept out.
    pub held_out_error: Option<f64>,
    /// What was tried, with the change of the network's outputs on the samples kept out.
    pub tried: Vec<(String, Option<f64>)>,
}

impl CalibratedLayer {
    /// What was done, in words.
    #[must_use]
    pub fn words(&self) -> String {
        match self.blocks {
            1 => self.treatment.clone(),
            blocks => format!("{}, {blocks} blocks", self.treatment),
        }
    }
}

/// A file, or the files of a folder.
#[derive(Clone, Debug, Serialize)]
pub struct FileSummary {
    /// The path as it was given.
    pub path: String,
    /// The bytes of all tensors and headers.
    pub bytes: u64,
    /// The SHA-256 of each file, by its name.
    pub sha256: Vec<(String, String)>,
}

/// Sums over all tensors.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Totals {
    /// Tensors in the model.
    pub tensors: usize,
    /// Tensors that are ternary in the output.
    pub ternary: usize,
    /// Tensors that were planned as ternary and left as they were.
    pub failed: usize,
    /// Numbers in all tensors.
    pub weights: u64,
    /// Numbers in ternary tensors.
    pub ternary_weights: u64,
    /// Bits per weight of what is ternary, scales included.
    pub ternary_bits_per_weight: Option<f64>,
    /// Bits per weight of the whole output.
    pub bits_per_weight: f64,
    /// Wall time.
    pub seconds: f64,
}

/// What became of a tensor.
#[derive(Clone, Debug, Serialize)]
pub struct TensorReport {
    /// The name.
    pub name: String,
    /// The extents, outermost axis first.
    pub shape: Vec<usize>,
    /// The type in the input, such as `F32`.
    pub from: String,
    /// The type in the output, such as `TQ2_0`.
    pub to: String,
    /// Stored bytes in the input.
    pub bytes_before: u64,
    /// Stored bytes in the output.
    pub bytes_after: u64,
    /// Why the tensor was left as it was; `None` if it was ternarized.
    pub kept: Option<String>,
    /// Whether it was planned as ternary and could not be ternarized.
    pub failed: bool,
    /// The error of the ternary weights; `None` if it was left as it was.
    pub metrics: Option<Metrics>,
    /// Only with `--report`: what the page draws.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drawing: Option<Drawing>,
}

/// The error of ternary weights.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Metrics {
    /// The cosine between the weights and the ternary weights.
    pub cosine: f64,
    /// `|w - w'|^2 / |w|^2`.
    pub relative_error: f64,
    /// The signal-to-noise ratio in dB: `-10 log10` of the relative error; `None` if there is no error.
    pub sqnr_db: Option<f64>,
    /// The fraction of zero trits.
    pub sparsity: f64,
    /// Groups of weights that share scales.
    pub groups: usize,
    /// Groups with a single weight that is not 0.
    pub single_nonzero_groups: usize,
    /// Stored bits per weight, scales included.
    pub bits_per_weight: f64,
}

/// What the page draws for a tensor.
#[derive(Clone, Debug, Serialize)]
pub struct Drawing {
    /// The weights.
    pub histogram: Histogram,
    /// Smallest, median and largest of the groups' thresholds.
    pub threshold: [f64; 3],
    /// Smallest, median and largest of the groups' scales of +1.
    pub lambda_p: [f64; 3],
    /// Smallest, median and largest of the groups' scales of -1.
    pub lambda_n: [f64; 3],
    /// The cosine for a number of non-zeros, if all weights were one group with one scale: points of increasing fractions of non-zeros.
    pub curve: Vec<(f64, f64)>,
    /// The fraction of non-zeros of the ternary tensor, and its cosine.
    pub chosen: (f64, f64),
}

/// A histogram of equal bins.
#[derive(Clone, Debug, Serialize)]
pub struct Histogram {
    /// The lower bound of the first bin.
    pub low: f64,
    /// The upper bound of the last bin.
    pub high: f64,
    /// The weights in each bin.
    pub counts: Vec<u64>,
    /// Weights below and above.
    pub outside: [u64; 2],
}
