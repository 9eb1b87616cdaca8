//! The command line.

#![expect(
    clippy::doc_markdown,
    reason = "the help of the program, which is plain text"
)]

use std::path::PathBuf;

use clap::builder::RangedU64ValueParser;
use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};
use glob::Pattern;
use ternarize::tensor::Grouping;
use ternarize::{Code, Rule, ScaleType, Scales};

use crate::failure::EXIT_CODES;
use crate::names::{Target, parse};

/// Turns the weights of neural networks into ternary weights {-1, 0, +1}, exactly and without retraining.
#[derive(Debug, Parser)]
#[command(name = "ternarize", version, after_help = EXIT_CODES, max_term_width = 100)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show the tensors of a model, and what `quantize` would do with each.
    #[command(
        after_help = "Examples:\n  ternarize inspect model.gguf\n  ternarize inspect checkpoint/ --json"
    )]
    Inspect(Inspect),
    /// Turn the matrices of a model into ternary ones.
    #[command(after_help = QUANTIZE_EXAMPLES)]
    Quantize(Box<Quantize>),
    /// Carry ternary tensors from one format to another without a change of any value.
    #[command(after_help = CONVERT_EXAMPLES)]
    Convert(Convert),
    /// Turn ternary tensors into plain floats.
    #[command(
        after_help = "Examples:\n  ternarize dequantize ternary.gguf -o plain.gguf\n  ternarize dequantize bitnet/ -o plain.safetensors --type bf16"
    )]
    Dequantize(Dequantize),
    /// Compare two models, tensor by tensor.
    #[command(after_help = "Example:\n  ternarize compare model.safetensors ternary.gguf")]
    Compare(Compare),
    /// Run an ONNX network on inputs: its accuracy, and how far a ternary one is from it.
    #[command(
        after_help = "Example:\n  ternarize evaluate network.onnx --against ternary.onnx --inputs test.npz --labels labels.npy"
    )]
    Evaluate(Evaluate),
    /// Check the container, the trits and the scales of a model, and that they are the optimum.
    #[command(
        after_help = "Examples:\n  ternarize verify ternary.gguf\n  ternarize verify ternary.safetensors --against model.safetensors"
    )]
    Verify(Verify),
    /// Make a small network that is part of this program ternary, by its weights alone and with calibration, and compare.
    #[command(after_help = "Example:\n  ternarize demo -o demo-folder")]
    Demo(Demo),
    /// Write the completions of a shell to standard output.
    #[command(
        after_help = "Example:\n  ternarize completions bash > /etc/bash_completion.d/ternarize"
    )]
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Write the manual pages to a folder.
    #[command(after_help = "Example:\n  ternarize manual /usr/local/share/man/man1")]
    Manual {
        /// The folder, which must be there.
        folder: PathBuf,
    },
}

const QUANTIZE_EXAMPLES: &str = "\
Examples:
  ternarize quantize model.safetensors -o ternary.safetensors
  ternarize quantize model.gguf -o ternary.gguf --to tq1_0 --importance imatrix.gguf
  ternarize quantize checkpoint/ -o ternary.safetensors --bits 2.5 --report report.html
  ternarize quantize model.gguf -o ternary.gguf --dry-run=plan.toml
  ternarize quantize model.gguf -o ternary.gguf --plan plan.toml
  ternarize quantize network.onnx --calibrate inputs.npz -o ternary.onnx --bits 2.0 --report report.html

By default matrices and convolution kernels become ternary, but not norms, embeddings, output heads and
routers (by their names), and of a convolutional network not the first and the last layer.";

const CONVERT_EXAMPLES: &str = "\
Examples:
  ternarize convert bitnet-checkpoint/ -o model.gguf --to tq2_0
  ternarize convert model.gguf -o mlx-checkpoint/ --to mlx

Tensor names are kept. llama.cpp runs a model only if its names and metadata are those of GGUF, as when it came as GGUF.";

/// `inspect`.
#[derive(Args, Debug)]
pub struct Inspect {
    /// A model: a file, an index of several files, or a folder that holds one.
    pub model: PathBuf,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Where the output goes.
#[derive(Args, Debug)]
pub struct Output {
    /// The file to write; a folder for hf-bitnet, mlx and --shard-size.
    #[arg(short = 'o', long = "output", value_name = "OUT")]
    pub path: PathBuf,
    /// Replace what is there.
    #[arg(long)]
    pub force: bool,
    /// Divide a safetensors model into files with tensors of at most so many bytes (as 500M or 2G), in a folder with an index.
    #[arg(long, value_name = "BYTES", value_parser = size)]
    pub shard_size: Option<u64>,
    /// Show no progress and no table.
    #[arg(short, long, conflicts_with = "json")]
    pub quiet: bool,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// `quantize`.
#[derive(Args, Debug)]
pub struct Quantize {
    /// A model: a file, an index of several files, or a folder that holds one.
    pub model: PathBuf,
    /// Where the output goes.
    #[command(flatten)]
    pub output: Output,
    /// How to hold ternary tensors: safetensors, hf-bitnet, mlx, tq1_0, tq2_0, q2_0, pq2_0, ptq1_0 or i2_s; of an ONNX network also onnx
    /// (restored floats) or onnx-int2 (onnxruntime's 2-bit operator). By default tq2_0 for a .gguf file, safetensors for a .safetensors
    /// file and onnx for an .onnx file.
    #[arg(long, value_name = "FORMAT", value_parser = parse::<Target>)]
    pub to: Option<Target>,
    /// Ternarize also tensors whose names fit a pattern with * and ?.
    #[arg(long, value_name = "PATTERN")]
    pub include: Vec<Pattern>,
    /// Leave tensors whose names fit a pattern.
    #[arg(long, value_name = "PATTERN")]
    pub exclude: Vec<Pattern>,
    /// Which weights share scales: tensor, axis:K, axes:K,L, kernel or block:N. By default axis:0, each output channel.
    #[arg(long, value_name = "GROUPING", value_parser = parse::<Grouping>)]
    pub per: Option<Grouping>,
    /// How trits are chosen: tnt (default), two-scale, twn, absmean or absmax.
    #[arg(long, value_parser = parse::<Rule>)]
    pub rule: Option<Rule>,
    /// One scale for both signs, or two (default for safetensors).
    #[arg(long, value_parser = parse::<Scales>)]
    pub scales: Option<Scales>,
    /// Ternary planes that add up, 1 to 4.
    #[arg(long, value_name = "N", conflicts_with_all = ["bits", "bytes"])]
    pub planes: Option<usize>,
    /// f64, f32, f16, bf16 or power-of-two. By default the type of the weights.
    #[arg(long, value_name = "TYPE", value_parser = parse::<ScaleType>)]
    pub scale_type: Option<ScaleType>,
    /// How trits are packed in safetensors: 2bit (default) or base3 (1.6 bits).
    #[arg(long, value_parser = parse::<Code>, conflicts_with_all = ["bits", "bytes"])]
    pub code: Option<Code>,
    /// The bits per weight of what becomes ternary, scales included: planes are spent where they help most.
    #[arg(long, value_name = "TARGET", conflicts_with = "bytes")]
    pub bits: Option<f64>,
    /// The bytes of what becomes ternary (as 20M), spent in the same way.
    #[arg(long, value_name = "N", value_parser = size)]
    pub bytes: Option<u64>,
    /// Importances of the inputs: llama.cpp's imatrix, or safetensors with the names of the weights.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["planes", "bits", "bytes"])]
    pub importance: Option<PathBuf>,
    /// Inputs of an ONNX network to calibrate with, as NumPy's .npz with an array for each input, or .npy for a single one: layers are
    /// then fitted to what they see and put out. A few hundred samples are enough; labels are not needed.
    #[arg(long, value_name = "NPZ", conflicts_with_all = ["importance", "planes", "bytes"])]
    pub calibrate: Option<PathBuf>,
    /// With --calibrate: layers with more inputs than this are fitted in blocks of their inputs, which takes less memory: Gram
    /// matrices take 48 N bytes for each input (by default 0.2 MB), and there are copies while a layer is fitted.
    #[arg(long, value_name = "N", requires = "calibrate", default_value_t = 4096, value_parser = RangedU64ValueParser::<usize>::new().range(2..))]
    pub gram_inputs: usize,
    /// Do what a plan says.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["include", "exclude", "per", "rule", "scales", "planes", "scale_type", "code", "bits", "bytes"])]
    pub plan: Option<PathBuf>,
    /// Write nothing but the plan: to a file, or to standard output.
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true, default_missing_value = "-", conflicts_with_all = ["report", "shard_size", "importance", "json"])]
    pub dry_run: Option<PathBuf>,
    /// Write a page with tables and pictures.
    #[arg(long, value_name = "HTML")]
    pub report: Option<PathBuf>,
}

/// `convert`.
#[derive(Args, Debug)]
pub struct Convert {
    /// A model: a file, an index of several files, or a folder that holds one.
    pub model: PathBuf,
    /// Where the output goes.
    #[command(flatten)]
    pub output: Output,
    /// safetensors, hf-bitnet, mlx, tq1_0, tq2_0, q2_0, pq2_0, ptq1_0 or i2_s.
    #[arg(long, value_name = "FORMAT", value_parser = parse::<Target>)]
    pub to: Target,
}

/// A plain number type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Plain {
    /// 32 bits.
    F32,
    /// 16 bits.
    F16,
    /// 16 bits with the range of f32.
    Bf16,
}

/// `dequantize`.
#[derive(Args, Debug)]
pub struct Dequantize {
    /// A model: a file, an index of several files, or a folder that holds one.
    pub model: PathBuf,
    /// Where the output goes.
    #[command(flatten)]
    pub output: Output,
    /// The type of the restored weights, to which they are rounded.
    #[arg(long = "type", value_enum, default_value = "f32")]
    pub plain: Plain,
}

/// `compare`.
#[derive(Args, Debug)]
pub struct Compare {
    /// The model to compare with.
    pub original: PathBuf,
    /// The model that is compared.
    pub other: PathBuf,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// `evaluate`.
#[derive(Args, Debug)]
pub struct Evaluate {
    /// An ONNX network.
    pub network: PathBuf,
    /// A network made from it: ONNX, or the ternary layers as safetensors, whose bits are then counted.
    #[arg(long, value_name = "NETWORK")]
    pub against: Option<PathBuf>,
    /// The inputs: NumPy's .npz with an array for each, .npy for a single one, or IDX images, whose pixels are divided by 255.
    #[arg(long, value_name = "NPZ")]
    pub inputs: PathBuf,
    /// The right class of each sample: .npy, or IDX labels.
    #[arg(long, value_name = "NPY")]
    pub labels: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// `verify`.
#[derive(Args, Debug)]
pub struct Verify {
    /// A model: a file, an index of several files, or a folder that holds one.
    pub model: PathBuf,
    /// The model from which it was made: each group must be the exact optimum of its rule and scale type, or
    /// what a rule without an optimum makes again, and all other tensors must be unchanged.
    #[arg(long, value_name = "ORIGINAL")]
    pub against: Option<PathBuf>,
    /// With --against, the rule of tensors whose file does not say it, as in GGUF, MLX and Hugging Face checkpoints: tnt (default),
    /// twn, absmean or absmax.
    #[arg(long, value_parser = parse::<Rule>)]
    pub rule: Option<Rule>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// `demo`.
#[derive(Args, Debug)]
pub struct Demo {
    /// The folder for the files.
    #[arg(
        short = 'o',
        long = "output",
        value_name = "FOLDER",
        default_value = "ternarize-demo"
    )]
    pub folder: PathBuf,
    /// Replace the files of an earlier demo.
    #[arg(long)]
    pub force: bool,
    /// Print the JSON of each step, one after the other.
    #[arg(long)]
    pub json: bool,
}

/// A number of bytes, with a unit of 1000 to a power or 1024 to a power.
fn size(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "" | "B" => 1,
        "k" | "K" | "kB" => 1000,
        "M" | "MB" => 1_000_000,
        "G" | "GB" => 1_000_000_000,
        "Ki" | "KiB" => 1 << 10,
        "Mi" | "MiB" => 1 << 20,
        "Gi" | "GiB" => 1 << 30,
        _ => return Err("expected a number of bytes, as 300000, 20M or 2GiB".into()),
    };
    let number: u64 = digits
        .parse()
        .map_err(|_| "expected a whole number of bytes".to_string())?;
    let bytes = number.checked_mul(unit).filter(|&bytes| bytes > 0);
    bytes.ok_or_else(|| "expected a number of bytes above 0".into())
}

/// The command line as clap knows it.
#[must_use]
pub fn command() -> clap::Command {
    Arguments::command()
}
