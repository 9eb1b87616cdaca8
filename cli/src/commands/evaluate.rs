//! `evaluate`: a network on inputs, alone or beside a ternary one.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use serde::Serialize;
use ternarize::model::{Model, Tensor};

use super::table::table;
use super::{print, print_json};
use crate::arguments::Evaluate;
use crate::calibrate::{self, install};
use crate::engine::{Numbers, read_arrays};
use crate::evaluate::{Evaluation, evaluate};
use crate::failure::DONE;
use crate::onnx::Network;
use crate::progress::Progress;

#[derive(Serialize)]
struct Report {
    #[serde(flatten)]
    evaluation: Evaluation,
    /// The bytes of both files.
    bytes: u64,
    other_bytes: Option<u64>,
    /// Bits for each weight of what is ternary, if the other is a safetensors file.
    ternary_bits_per_weight: Option<f64>,
}

pub(super) fn run(arguments: &Evaluate) -> Result<u8> {
    let shown = |path: &Path| path.display().to_string();
    let network = Network::open(&arguments.network)?;
    let arrays = calibrate::by_input(&network, read_arrays(&arguments.inputs)?);
    let batches = arrays.and_then(|arrays| calibrate::batches(&arrays, false));
    let batches = batches.with_context(|| shown(&arguments.inputs))?;
    let labels = arguments.labels.as_deref().map(labels).transpose()?;
    if let Some(labels) = &labels {
        let samples: usize = batches.iter().map(|batch| batch.samples.len()).sum();
        ensure!(
            labels.len() >= samples,
            "there are {} labels for {samples} samples",
            labels.len()
        );
    }
    let mut bits = None;
    let other = match &arguments.against {
        None => None,
        Some(path)
            if path
                .extension()
                .is_some_and(|ending| ending == "safetensors") =>
        {
            let (other, found) = with_ternary(&network, path).with_context(|| shown(path))?;
            bits = Some(found);
            Some(other)
        }
        Some(path) => Some(Network::open(path)?),
    };
    let progress = Progress::of_steps(arguments.json);
    let step = |what: &str, done: usize, all: usize| progress.step(what, done, all);
    let evaluation = evaluate(&network, other.as_ref(), &batches, labels.as_deref(), &step)?;
    drop(progress);
    let size = |path: &Path| {
        std::fs::metadata(path)
            .map(|file| file.len())
            .with_context(|| shown(path))
    };
    let report = Report {
        evaluation,
        bytes: size(&arguments.network)?,
        other_bytes: arguments.against.as_deref().map(size).transpose()?,
        ternary_bits_per_weight: bits,
    };
    if arguments.json {
        print_json(&report)?;
    } else {
        print(&text(&report))?;
    }
    Ok(DONE)
}

/// Classes, one for each sample.
fn labels(path: &Path) -> Result<Vec<i64>> {
    let arrays = read_arrays(path)?;
    let mut arrays = arrays.into_values();
    match (arrays.next().map(|array| array.numbers), arrays.next()) {
        (Some(Numbers::Integers(labels)), None) => Ok(labels),
        _ => bail!("{} is not one array of whole numbers", path.display()),
    }
}

/// The network with the ternary layers of a file, and their bits for each weight.
fn with_ternary(network: &Network, path: &Path) -> Result<(Network, f64)> {
    let model = Model::read(path)?;
    let mut other = network.clone();
    let (mut bytes, mut weights) = (0, 0);
    for layer in network.layers().found {
        if let Some(Tensor::Ternary(tensor)) = model.get(&layer.name) {
            install(&mut other, &layer, tensor)?;
            bytes += tensor.stored_bytes() - 4 * tensor.bias().len();
            weights += layer.rows * layer.columns;
        }
    }
    ensure!(weights > 0, "it has no ternary layer of the network");
    Ok((other, 8.0 * bytes as f64 / weights as f64))
}

fn text(report: &Report) -> String {
    let evaluation = &report.evaluation;
    let percent = |share: f64| format!("{:.2} %", 100.0 * share);
    let accuracy = |share: Option<f64>| {
        share.map_or_else(String::new, |share| {
            format!(", accuracy {}", percent(share))
        })
    };
    let mut lines = vec![format!(
        "{} samples, {} bytes{}\n",
        evaluation.samples,
        report.bytes,
        accuracy(evaluation.accuracy)
    )];
    let Some(other) = &evaluation.other else {
        return lines.concat();
    };
    let bits = report
        .ternary_bits_per_weight
        .map(|bits| format!(", {bits:.3} bits for each ternary weight"));
    let p = other.mcnemar_p.map(|p| format!(", McNemar's p {p:.3}"));
    lines.push(format!(
        "the other: {} bytes{}{}{}, agreement {}\n",
        report.other_bytes.unwrap_or(0),
        bits.unwrap_or_default(),
        accuracy(other.accuracy),
        p.unwrap_or_default(),
        percent(other.agreement)
    ));
    for (name, error) in &other.outputs {
        lines.push(format!(
            "output `{}`: cosine {:.4}, relative error {:.4}\n",
            name.escape_debug(),
            error.cosine,
            error.relative_error
        ));
    }
    let rows = other.layers.iter().map(|(name, decibels)| {
        vec![
            name.clone(),
            decibels.map_or("equal".into(), |decibels| format!("{decibels:.2}")),
        ]
    });
    let columns = [("layer", false), ("SQNR dB", true)];
    lines.push(table(&columns, &rows.collect::<Vec<_>>()));
    lines.concat()
}
