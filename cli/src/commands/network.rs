//! `quantize` for ONNX networks.

use std::collections::HashSet;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use ternarize::model::{Model, Tensor, replace_file};

use super::summary::summary;
use super::table::{extents, table};
use super::{print, print_json};
use crate::arguments::Quantize;
use crate::calibrate::{self, ByOutputs, Options, Outcome, weights_only};
use crate::disk::Disk;
use crate::engine::{self, read_arrays};
use crate::failure::{DONE, Usage};
use crate::names::{Named as _, Target};
use crate::network_plan::NetworkPlan;
use crate::onnx::{Network, int2_bytes};
use crate::progress::Progress;
use crate::quantize::Made;
use crate::report::{CalibratedLayer, Calibration, Report, TensorReport, Totals, html};

/// The bits for each weight without `--bits`.
const BITS: f64 = 2.0;

pub(super) fn quantize(arguments: &Quantize, disk: &dyn Disk, start: Instant) -> Result<u8> {
    let target = check(arguments)?;
    let path = &arguments.model;
    let network = Network::open(path).with_context(|| path.display().to_string())?;
    let plan = arguments
        .plan
        .as_deref()
        .map(NetworkPlan::read)
        .transpose()?;
    let bits = arguments.bits.unwrap_or(BITS);
    let quiet = arguments.output.quiet || arguments.output.json;
    let progress = Progress::of_steps(quiet);
    let step = |what: &str, done: usize, all: usize| progress.step(what, done, all);
    let (outcome, samples) = match &arguments.calibrate {
        Some(inputs) => {
            let arrays = read_arrays(inputs)?;
            let arrays = calibrate::by_input(&network, arrays)
                .with_context(|| inputs.display().to_string())?;
            let batches =
                calibrate::batches(&arrays, true).with_context(|| inputs.display().to_string())?;
            let samples = [false, true].map(|held_out| {
                let of_kind = batches.iter().filter(|batch| batch.held_out == held_out);
                of_kind.map(|batch| batch.samples.len()).sum::<usize>()
            });
            let options = Options {
                bits,
                chosen: plan.map(|plan| plan.chosen()).unwrap_or_default(),
                // The operator multiplies with inputs as they are.
                rotation: target != Target::OnnxInt2,
            };
            (calibrate::run(network, &batches, &options, &step)?, samples)
        }
        None => (weights_only::run(network, bits, &step)?, [0, 0]),
    };
    drop(progress);
    if outcome.treated.is_empty() {
        let reasons: Vec<String> = outcome
            .left
            .iter()
            .map(|(name, reason)| format!("`{}`: {reason}", name.escape_debug()))
            .collect();
        bail!("nothing would become ternary: {}", reasons.join("; "));
    }
    if let Some(path) = &arguments.dry_run {
        let plan = NetworkPlan::of(&outcome).to_toml()?;
        if path == Path::new("-") {
            print(&plan)?;
        } else {
            write_text(path, &plan)?;
        }
        return Ok(DONE);
    }
    write(arguments, &outcome, target, disk)?;
    let mut report = report(arguments, target, &outcome, samples)?;
    report.totals.seconds = start.elapsed().as_secs_f64();
    if let Some(path) = &arguments.report {
        write_text(path, &html(&report))?;
    }
    if arguments.output.json {
        print_json(&report)?;
    } else if !arguments.output.quiet {
        print(&text(&report))?;
    }
    Ok(DONE)
}

/// What an ONNX network can become; refuses options that have no meaning for one.
fn check(arguments: &Quantize) -> Result<Target> {
    let without_effect = [
        (arguments.per.is_some(), "--per"),
        (arguments.rule.is_some(), "--rule"),
        (arguments.scales.is_some(), "--scales"),
        (arguments.planes.is_some(), "--planes"),
        (arguments.scale_type.is_some(), "--scale-type"),
        (arguments.code.is_some(), "--code"),
        (arguments.bytes.is_some(), "--bytes"),
        (arguments.importance.is_some(), "--importance"),
        (arguments.output.shard_size.is_some(), "--shard-size"),
    ];
    if let Some((_, option)) = without_effect.iter().find(|(given, _)| *given) {
        bail!(Usage(format!("{option} has no effect on an ONNX network")));
    }
    let path = &arguments.output.path;
    let target = match arguments.to {
        Some(target) => target,
        None if path
            .extension()
            .is_some_and(|ending| ending == "safetensors") =>
        {
            Target::Safetensors
        }
        None => Target::Onnx,
    };
    if !target.is_network() && target != Target::Safetensors {
        let name = target.name();
        bail!(Usage(format!(
            "an ONNX network cannot become {name}: use onnx, onnx-int2 or safetensors"
        )));
    }
    if same_file::is_same_file(path, &arguments.model).unwrap_or(false) {
        bail!("the output `{}` is the input", path.display());
    }
    if fs::symlink_metadata(path).is_ok() && !arguments.output.force {
        bail!(
            "`{}` is there already: use --force to replace it",
            path.display()
        );
    }
    Ok(target)
}

fn write_text(path: &Path, text: &str) -> Result<()> {
    replace_file(path, |file| file.write_all(text.as_bytes()))
        .with_context(|| path.display().to_string())
}

fn write(arguments: &Quantize, outcome: &Outcome, target: Target, disk: &dyn Disk) -> Result<()> {
    let path = &arguments.output.path;
    let layers = outcome.treated.iter();
    let tensors = layers.map(|treated| (treated.layer.name.as_str(), &treated.tensor));
    match target {
        Target::OnnxInt2 => outcome.network.with_int2(tensors)?.write(disk, path),
        Target::Safetensors => {
            model(&arguments.model, outcome)?.write(path)?;
            Ok(())
        }
        _ => outcome.network.write(disk, path),
    }
}

/// The ternary layers and all other constants of a network. Its metadata say which file the network is.
fn model(network: &Path, outcome: &Outcome) -> Result<Model> {
    let mut model = Model::new();
    for treated in &outcome.treated {
        let tensor = Tensor::Ternary(treated.tensor.clone());
        model.insert(treated.layer.name.clone(), tensor);
    }
    let layers = outcome.treated.iter();
    let ternary: HashSet<&str> = layers
        .clone()
        .map(|treated| treated.layer.constant())
        .collect();
    let parts = layers.clone().flat_map(|treated| {
        let suffixes = ["trits", "lambda_p", "lambda_n", "bias"];
        suffixes.map(|suffix| format!("{}.{suffix}", treated.layer.name))
    });
    let parts: HashSet<String> = parts.collect();
    let mut left = Vec::new();
    for name in outcome.network.constant_names() {
        if ternary.contains(name) {
            continue;
        }
        match outcome.network.dense_constant(name)? {
            // A part of a layer may have its name; mostly it is the bias of this layer.
            Some(tensor) if !parts.contains(name) => _ = model.insert(name, Tensor::Dense(tensor)),
            _ => left.push(name),
        }
    }
    let file = summary(network, vec![network.to_owned()], true)?.sha256;
    let metadata = model.metadata_mut();
    metadata.insert("program".into(), program());
    for (name, sha256) in file {
        metadata.insert("network".into(), name);
        metadata.insert("network_sha256".into(), sha256);
    }
    if !left.is_empty() {
        metadata.insert("left_out".into(), serde_json::to_string(&left)?);
    }
    Ok(model)
}

/// The program and its version.
fn program() -> String {
    format!("ternarize {}", env!("CARGO_PKG_VERSION"))
}

fn report(
    arguments: &Quantize,
    target: Target,
    outcome: &Outcome,
    samples: [usize; 2],
) -> Result<Report> {
    let mut totals = Totals::default();
    let mut tensors = Vec::new();
    let original = Network::open(&arguments.model)?;
    let mut ternary_bytes = 0;
    for treated in &outcome.treated {
        let (layer, tensor) = (&treated.layer, &treated.tensor);
        let mut weights = original.weights(layer)?;
        if let Some((width, seed)) = tensor.rotation() {
            ternarize::matmul::rotate(&mut weights, layer.columns, width, seed)?;
        }
        let bias = 4 * tensor.bias().len();
        let int2 = target == Target::OnnxInt2 && original.holds_int2(layer, tensor);
        let bytes = if int2 {
            int2_bytes(layer, treated.planes)
        } else {
            tensor.stored_bytes() - bias
        } as u64;
        let code = if int2 { "int2" } else { "base3" };
        let made = Made::of(
            tensor,
            &weights,
            tensor.shape().axes(),
            arguments.report.is_some(),
        )?;
        let count = (layer.rows * layer.columns) as u64;
        totals.tensors += 1;
        totals.ternary += 1;
        totals.weights += count;
        totals.ternary_weights += count;
        ternary_bytes += bytes;
        tensors.push(TensorReport {
            name: layer.name.clone(),
            shape: vec![layer.rows, layer.columns],
            from: format!("{:?}", layer.data_type).to_uppercase(),
            to: format!("{} planes, {code}", treated.planes),
            bytes_before: 4 * count,
            bytes_after: bytes,
            kept: None,
            failed: false,
            metrics: Some(made.metrics),
            drawing: made.drawing,
        });
    }
    let hashed = arguments.report.is_some() || arguments.output.json;
    let output = summary(
        &arguments.output.path,
        vec![arguments.output.path.clone()],
        hashed,
    )?;
    totals.ternary_bits_per_weight =
        Some(ternary_bytes as f64 * 8.0 / totals.ternary_weights.max(1) as f64);
    totals.bits_per_weight = output.bytes as f64 * 8.0 / totals.weights.max(1) as f64;
    let mut options = vec![("to".into(), target.name())];
    if let Some(path) = &arguments.calibrate {
        options.push(("calibrate".into(), path.display().to_string()));
    }
    options.push(("bits".into(), arguments.bits.unwrap_or(BITS).to_string()));
    Ok(Report {
        program: program(),
        input: summary(&arguments.model, vec![arguments.model.clone()], hashed)?,
        output,
        options,
        totals,
        tensors,
        calibration: arguments
            .calibrate
            .is_some()
            .then(|| calibration(outcome, samples)),
    })
}

fn calibration(outcome: &Outcome, [samples, held_out]: [usize; 2]) -> Calibration {
    let layers = outcome.treated.iter().filter_map(|treated| {
        let by: &ByOutputs = treated.by_outputs.as_ref()?;
        Some(CalibratedLayer {
            name: treated.layer.name.clone(),
            planes: treated.planes,
            treatment: by.treatment.words(),
            rows: by.rows,
            inputs: treated.layer.columns,
            too_few_rows: by.too_few_rows,
            error: by.error,
            held_out_error: by.held_out_error,
            tried: by
                .tried
                .iter()
                .map(|(treatment, error)| (treatment.words(), *error))
                .collect(),
        })
    });
    Calibration {
        engine: engine::description(),
        samples,
        held_out,
        output_error: outcome.error,
        layers: layers.collect(),
    }
}

fn text(report: &Report) -> String {
    let layers = report
        .calibration
        .iter()
        .flat_map(|calibration| &calibration.layers);
    let number = |value: Option<f64>| value.map_or("-".into(), |value| format!("{value:.4}"));
    let rows = report.tensors.iter().map(|tensor| {
        let layer = layers.clone().find(|layer| layer.name == tensor.name);
        vec![
            tensor.name.clone(),
            extents(&tensor.shape),
            tensor.to.clone(),
            number(tensor.metrics.map(|metrics| metrics.cosine)),
            layer.map_or_else(String::new, |layer| layer.treatment.clone()),
            number(layer.map(|layer| layer.error)),
            number(layer.and_then(|layer| layer.held_out_error)),
        ]
    });
    let columns = [
        ("weight", false),
        ("shape", false),
        ("to", false),
        ("cosine", true),
        ("by", false),
        ("error", true),
        ("kept out", true),
    ];
    let mut text = table(&columns, &rows.collect::<Vec<_>>());
    let totals = &report.totals;
    text += &format!(
        "{} weights ternary, {:.3} bits per weight of these; file {} -> {} bytes; {:.1} s\n",
        totals.ternary_weights,
        totals.ternary_bits_per_weight.unwrap_or(0.0),
        report.input.bytes,
        report.output.bytes,
        totals.seconds,
    );
    if let Some(calibration) = &report.calibration {
        text += &format!(
            "change of the outputs on {} samples kept out: {}\n",
            calibration.held_out,
            number(calibration.output_error)
        );
    }
    text
}
