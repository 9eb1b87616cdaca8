//! What `quantize` says of an ONNX network: the numbers of its report, and the table at the end.

use std::collections::BTreeMap;

use anyhow::Result;

use super::summary::summary;
use super::table::{extents, table};
use crate::arguments::Quantize;
use crate::calibrate::{ByOutputs, Outcome, Treated};
use crate::engine;
use crate::names::{Named as _, Target};
use crate::onnx::{Layer, Network, int2_bytes};
use crate::quantize::Made;
use crate::report::{CalibratedLayer, Calibration, Report, TensorReport, Totals, printable};

/// The names that are printed for each reason to leave something.
const NAMES: usize = 3;

/// The numbers of what was done. `samples` counts those of the fitting and those kept out.
pub(super) fn report(
    arguments: &Quantize,
    target: Target,
    bits: f64,
    outcome: &Outcome,
    samples: [usize; 2],
) -> Result<Report> {
    let hashed = arguments.report.is_some() || arguments.output.json;
    let input = summary(&arguments.model, vec![arguments.model.clone()], hashed)?;
    let path = &arguments.output.path;
    let output = summary(path, vec![path.clone()], hashed)?;
    let (tensors, mut totals) = tensors(arguments, target, outcome)?;
    totals.bits_per_weight = 8.0 * output.bytes as f64 / totals.weights.max(1) as f64;
    let mut options = vec![("to".into(), target.name())];
    if let Some(path) = &arguments.calibrate {
        options.push(("calibrate".into(), path.display().to_string()));
    }
    options.push(match &arguments.plan {
        Some(path) => ("plan".into(), path.display().to_string()),
        None => ("bits".into(), bits.to_string()),
    });
    let is_layer = |name: &String| tensors.iter().any(|tensor| tensor.name == *name);
    let left = outcome.left.iter().filter(|(name, _)| !is_layer(name));
    Ok(Report {
        program: format!("ternarize {}", env!("CARGO_PKG_VERSION")),
        left: left.cloned().collect(),
        input,
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

/// What became of each layer, and sums over all of them.
fn tensors(
    arguments: &Quantize,
    target: Target,
    outcome: &Outcome,
) -> Result<(Vec<TensorReport>, Totals)> {
    let original = Network::open(&arguments.model)?;
    let (mut totals, mut tensors, mut bytes) = (Totals::default(), Vec::new(), 0);
    for layer in original.layers().found {
        let mut treated = outcome.treated.iter();
        let weights = (layer.rows * layer.columns) as u64;
        let tensor = match treated.find(|treated| treated.layer.name == layer.name) {
            Some(treated) => ternary(&original, treated, target, arguments.report.is_some())?,
            None => kept(&layer, outcome)?,
        };
        totals.tensors += 1;
        totals.failed += usize::from(tensor.failed);
        if tensor.metrics.is_some() {
            totals.ternary += 1;
            totals.ternary_weights += weights;
            bytes += tensor.bytes_after;
        }
        tensors.push(tensor);
    }
    totals.weights = original.parameters();
    totals.ternary_bits_per_weight =
        Some(8.0 * bytes as f64 / totals.ternary_weights.max(1) as f64);
    Ok((tensors, totals))
}

/// A layer that stays as it is, if nothing is known of it.
fn plain(layer: &Layer) -> Result<TensorReport> {
    let data_type = format!("{:?}", layer.data_type).to_uppercase();
    let bytes = (layer.data_type.size()? * layer.rows * layer.columns) as u64;
    Ok(TensorReport {
        name: layer.name.clone(),
        shape: vec![layer.rows, layer.columns],
        from: data_type.clone(),
        to: data_type,
        bytes_before: bytes,
        bytes_after: bytes,
        kept: None,
        failed: false,
        metrics: None,
        drawing: None,
    })
}

/// A layer that stays as it is, with the reason.
fn kept(layer: &Layer, outcome: &Outcome) -> Result<TensorReport> {
    let reason = |all: &[(String, String)]| {
        let found = all.iter().find(|(name, _)| *name == layer.name);
        found.map(|(_, reason)| reason.clone())
    };
    let failed = reason(&outcome.failed);
    Ok(TensorReport {
        failed: failed.is_some(),
        kept: failed.or_else(|| reason(&outcome.left)),
        ..plain(layer)?
    })
}

/// A layer that became ternary; `drawn` says whether it is drawn.
fn ternary(
    original: &Network,
    treated: &Treated,
    target: Target,
    drawn: bool,
) -> Result<TensorReport> {
    let (layer, tensor) = (&treated.layer, &treated.tensor);
    let mut weights = original.weights(layer)?;
    if let Some((width, seed)) = tensor.rotation() {
        ternarize::matmul::rotate(&mut weights, layer.columns, width, seed)?;
    }
    let made = Made::of(tensor, &weights, tensor.shape().axes(), drawn)?;
    let planes = match treated.planes {
        1 => "1 plane".into(),
        more => format!("{more} planes"),
    };
    // The bias was one of the network's own.
    let (code, bytes) = match target {
        Target::OnnxInt2 if original.holds_int2(layer, tensor) => {
            ("int2", int2_bytes(layer, treated.planes))
        }
        _ => ("base3", tensor.stored_bytes() - 4 * tensor.bias().len()),
    };
    Ok(TensorReport {
        to: format!("{planes}, {code}"),
        bytes_after: bytes as u64,
        metrics: Some(made.metrics),
        drawing: made.drawing,
        ..plain(layer)?
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
            blocks: by.blocks,
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

/// The table at the end, the sums, and what was left.
pub(super) fn text(report: &Report) -> String {
    let number = |value: Option<f64>| value.map_or("-".into(), |value| format!("{value:.4}"));
    let totals = &report.totals;
    let mut lines = vec![layers(report, number)];
    lines.push(format!(
        "{} weights ternary, {:.3} bits per weight of these; file {} -> {} bytes; {:.1} s\n",
        totals.ternary_weights,
        totals.ternary_bits_per_weight.unwrap_or(0.0),
        report.input.bytes,
        report.output.bytes,
        totals.seconds,
    ));
    if let Some(calibration) = &report.calibration {
        lines.push(format!(
            "change of the outputs on {} samples kept out: {}\n",
            calibration.held_out,
            number(calibration.output_error)
        ));
    }
    // What was left, by the reasons; what failed is said elsewhere.
    let kept = report.tensors.iter().filter(|tensor| !tensor.failed);
    let kept = kept.filter_map(|tensor| Some((&tensor.name, tensor.kept.as_ref()?)));
    let mut reasons: BTreeMap<&String, Vec<String>> = BTreeMap::new();
    for (name, reason) in kept.chain(report.left.iter().map(|(name, reason)| (name, reason))) {
        let names = reasons.entry(reason).or_default();
        names.push(format!("`{}`", printable(name)));
    }
    for (reason, names) in reasons {
        let first = names[..names.len().min(NAMES)].join(", ");
        let more = match names.len().saturating_sub(NAMES) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let reason = printable(reason);
        lines.push(format!("left as before: {first}{more}: {reason}\n"));
    }
    lines.concat()
}

/// The table of the ternary layers.
fn layers(report: &Report, number: impl Fn(Option<f64>) -> String) -> String {
    let calibration = report.calibration.iter();
    let layers = calibration.flat_map(|calibration| &calibration.layers);
    let made = report.tensors.iter();
    let made = made.filter_map(|tensor| Some((tensor, tensor.metrics?)));
    let rows = made.map(|(tensor, metrics)| {
        let layer = layers.clone().find(|layer| layer.name == tensor.name);
        vec![
            tensor.name.clone(),
            extents(&tensor.shape),
            tensor.to.clone(),
            number(Some(metrics.cosine)),
            layer.map_or_else(String::new, CalibratedLayer::words),
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
    table(&columns, &rows.collect::<Vec<_>>())
}
