//! How well a network does on inputs, and how far another is from it.

mod mcnemar;

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use serde::Serialize;

use crate::calibrate::Batch;
use crate::engine::{Engine, Values, floats};
use crate::onnx::Network;
use crate::progress::go_on;

/// What was measured.
#[derive(Clone, Debug, Serialize)]
pub struct Evaluation {
    /// The number of samples.
    pub samples: usize,
    /// The share of the labels that the network has right.
    pub accuracy: Option<f64>,
    /// What was measured of the other network.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other: Option<Comparison>,
}

/// A network beside the one it was made from.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    /// The share of the labels that it has right.
    pub accuracy: Option<f64>,
    /// `McNemar`'s p-value of the difference between the two accuracies.
    pub mcnemar_p: Option<f64>,
    /// The share of the rows of the first output whose largest value is in the same place.
    pub agreement: f64,
    /// For each output the mean cosine of its rows, the vectors along the last axis, and the mean squared change relative to the mean
    /// square.
    pub outputs: BTreeMap<String, OutputError>,
    /// For each layer the signal-to-noise ratio of its outputs in dB; `None` if they are equal.
    pub layers: Vec<(String, Option<f64>)>,
}

/// The error of an output.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct OutputError {
    /// The mean cosine of the rows.
    pub cosine: f64,
    /// The squared change of all numbers, divided by the sum of their squares.
    pub relative_error: f64,
}

/// Sums over the batches.
#[derive(Default)]
struct Sums {
    cosines: f64,
    rows: usize,
    errors: f64,
    squares: f64,
}

impl Sums {
    fn add(&mut self, shape: &[usize], one: &[f32], other: &[f32]) {
        let columns = shape.last().copied().unwrap_or(1).max(1);
        for (a, b) in one.chunks_exact(columns).zip(other.chunks_exact(columns)) {
            let dot = |x: &[f32], y: &[f32]| {
                x.iter()
                    .zip(y)
                    .map(|(x, y)| f64::from(*x) * f64::from(*y))
                    .sum::<f64>()
            };
            let (aa, bb, ab) = (dot(a, a), dot(b, b), dot(a, b));
            // Two vectors of zeros point in the same direction.
            self.cosines += if aa == 0.0 && bb == 0.0 {
                1.0
            } else if aa * bb == 0.0 {
                0.0
            } else {
                ab / (aa * bb).sqrt()
            };
            self.rows += 1;
            self.errors += aa + bb - 2.0 * ab;
            self.squares += aa;
        }
    }

    fn relative_error(&self) -> f64 {
        if self.squares > 0.0 {
            self.errors.max(0.0) / self.squares
        } else {
            0.0
        }
    }
}

/// Runs a network, and perhaps another of the same layers, on all batches. `labels` has one class for each sample.
///
/// # Errors
///
/// What the engine cannot do, outputs of different shapes, labels that do not fit.
pub fn evaluate(
    network: &Network,
    other: Option<&Network>,
    batches: &[Batch],
    labels: Option<&[i64]>,
    progress: &dyn Fn(&str, usize, usize),
) -> Result<Evaluation> {
    let outputs: Vec<String> = network
        .outputs()?
        .into_iter()
        .map(|output| output.name)
        .collect();
    let layers = network.layers().found;
    let mut wanted = outputs.clone();
    wanted.extend(
        other
            .iter()
            .flat_map(|_| layers.iter().map(|layer| layer.output.clone())),
    );
    wanted.sort();
    wanted.dedup();
    let inputs: Vec<String> = network
        .inputs()?
        .into_iter()
        .map(|input| input.name)
        .collect();
    let load = |network: &Network| Engine::load(network.part(&inputs, &wanted)?);
    let (first, second) = (load(network)?, other.map(load).transpose()?);
    let (mut right, mut other_right, mut agreed) = (Vec::new(), Vec::new(), Vec::new());
    let mut sums: BTreeMap<String, Sums> = BTreeMap::new();
    let mut samples = 0;
    for (number, batch) in batches.iter().enumerate() {
        go_on()?;
        progress("evaluating", number, batches.len());
        samples += batch.samples.len();
        let values = first.run(&batch.inputs, &wanted)?;
        let classes = classes(&values, outputs.first());
        if let Some(labels) = labels {
            right.extend(are_right(&classes, batch, labels)?);
        }
        let Some(second) = &second else { continue };
        let others = second.run(&batch.inputs, &wanted)?;
        let other_classes = self::classes(&others, outputs.first());
        agreed.extend(classes.iter().zip(&other_classes).map(|(a, b)| a == b));
        if let Some(labels) = labels {
            other_right.extend(are_right(&other_classes, batch, labels)?);
        }
        for name in &wanted {
            if let (Some((shape, one)), Some((other_shape, two))) =
                (floats(&values[name]), floats(&others[name]))
            {
                ensure!(
                    shape == other_shape,
                    "`{}` has other extents in the two networks",
                    name.escape_debug()
                );
                sums.entry(name.clone())
                    .or_default()
                    .add(&shape, &one, &two);
            }
        }
    }
    let share = |right: &[bool]| {
        right.iter().filter(|right| **right).count() as f64 / right.len().max(1) as f64
    };
    let accuracy = |right: &[bool]| labels.map(|_| share(right));
    let of = |name: &String| {
        sums.get(name).map(|sums| OutputError {
            cosine: sums.cosines / sums.rows.max(1) as f64,
            relative_error: sums.relative_error(),
        })
    };
    let comparison = other.map(|_| Comparison {
        accuracy: accuracy(&other_right),
        mcnemar_p: labels.map(|_| mcnemar::compare(&right, &other_right)),
        agreement: share(&agreed),
        outputs: outputs
            .iter()
            .filter_map(|name| Some((name.clone(), of(name)?)))
            .collect(),
        layers: layers
            .iter()
            .filter_map(|layer| {
                let error = sums.get(&layer.output)?.relative_error();
                Some((
                    layer.name.clone(),
                    (error > 0.0).then(|| -10.0 * error.log10()),
                ))
            })
            .collect(),
    });
    Ok(Evaluation {
        samples,
        accuracy: accuracy(&right),
        other: comparison,
    })
}

/// The place of the largest value in each row of an output.
fn classes(values: &Values, output: Option<&String>) -> Vec<usize> {
    let Some((shape, values)) = output.and_then(|output| floats(values.get(output)?)) else {
        return Vec::new();
    };
    let columns = shape.last().copied().unwrap_or(1).max(1);
    let largest = |row: &[f32]| {
        (0..columns)
            .reduce(|best, at| if row[at] > row[best] { at } else { best })
            .unwrap_or(0)
    };
    values.chunks_exact(columns).map(largest).collect()
}

fn are_right(classes: &[usize], batch: &Batch, labels: &[i64]) -> Result<Vec<bool>> {
    ensure!(
        classes.len() == batch.samples.len(),
        "labels are for one row of the output for each sample, and there are {} for {}",
        classes.len(),
        batch.samples.len()
    );
    let right = classes.iter().zip(&batch.samples).map(|(class, sample)| {
        let label = labels
            .get(*sample)
            .and_then(|label| usize::try_from(*label).ok());
        label == Some(*class)
    });
    Ok(right.collect())
}
