//! What the report draws for a tensor: the histogram of its weights with thresholds and levels, and the cosine for each number of
//! non-zeros.

use anyhow::Result;
use ternarize::tensor::TernaryTensor;
use ternarize::{Weight, curve};

use crate::report::{Drawing, Histogram, Metrics};

/// The bins of a histogram.
const BINS: usize = 61;

/// The points of a curve.
const POINTS: usize = 100;

/// The most weights that a curve is computed from: of more, every k-th is taken.
const CURVE_WEIGHTS: usize = 1 << 20;

/// Makes the drawing of a tensor and its weights in row-major order.
///
/// # Errors
///
/// None for weights that were ternarized.
pub fn drawing<W: Weight>(
    tensor: &TernaryTensor,
    values: &[W],
    metrics: &Metrics,
) -> Result<Drawing> {
    let wide = |weight: &W| weight.to_f64().unwrap_or(0.0);
    let groups = tensor.grouping().count(tensor.shape())?;
    // Of each group the smallest magnitude that was selected and the largest one that was not: the threshold lies between.
    let mut bounds = vec![(f64::INFINITY, 0.0_f64); groups];
    for (run, group) in tensor.runs(0..values.len())? {
        let bounds = &mut bounds[group];
        let trits = tensor.trits().slice(run.clone())?;
        for (weight, trit) in values[run].iter().zip(trits.iter()) {
            let magnitude = wide(weight).abs();
            match trit {
                0 => bounds.1 = bounds.1.max(magnitude),
                _ => bounds.0 = bounds.0.min(magnitude),
            }
        }
    }
    let threshold = bounds.iter().filter(|(selected, _)| selected.is_finite());
    let threshold = threshold.map(|(selected, left)| f64::midpoint(*selected, *left));
    let nonzero = |scales: Vec<f64>| scales.into_iter().take(groups).filter(|s| *s > 0.0);
    Ok(Drawing {
        histogram: histogram(values.iter().map(wide)),
        threshold: spread(threshold.collect()),
        lambda_p: spread(nonzero(tensor.lambda_p()).collect()),
        lambda_n: spread(nonzero(tensor.lambda_n()).collect()),
        curve: points(values)?,
        chosen: (1.0 - metrics.sparsity, metrics.cosine),
    })
}

/// Smallest, median and largest; zeros of nothing.
fn spread(mut numbers: Vec<f64>) -> [f64; 3] {
    numbers.sort_by(f64::total_cmp);
    match (numbers.first(), numbers.last()) {
        (Some(&first), Some(&last)) => [first, numbers[numbers.len() / 2], last],
        _ => [0.0; 3],
    }
}

/// A histogram from -r to r, where r is four times the root mean square or, if that is less, the largest magnitude.
fn histogram(values: impl Iterator<Item = f64> + Clone) -> Histogram {
    let (mut largest, mut squares, mut count) = (0.0_f64, 0.0, 0.0);
    for value in values.clone() {
        largest = largest.max(value.abs());
        squares += value * value;
        count += 1.0;
    }
    let root = (squares / f64::max(count, 1.0)).sqrt();
    let reach = if root > 0.0 {
        largest.min(4.0 * root)
    } else {
        1.0
    };
    let (mut counts, mut outside) = (vec![0; BINS], [0, 0]);
    for value in values {
        let place = (value + reach) / (2.0 * reach) * BINS as f64;
        if value < -reach {
            outside[0] += 1;
        } else if value > reach {
            outside[1] += 1;
        } else {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "between 0 and the number of bins"
            )]
            let bin = (place as usize).min(BINS - 1);
            counts[bin] += 1;
        }
    }
    Histogram {
        low: -reach,
        high: reach,
        counts,
        outside,
    }
}

/// The cosine for some numbers of non-zeros, as fractions of all weights.
fn points<W: Weight>(values: &[W]) -> Result<Vec<(f64, f64)>> {
    let every = values.len().div_ceil(CURVE_WEIGHTS).max(1);
    let cosines = if every == 1 {
        curve(values)?
    } else {
        let sample: Vec<W> = values.iter().step_by(every).copied().collect();
        curve(&sample)?
    };
    let len = cosines.len();
    let round = |x: f64| (x * 1e5).round() / 1e5;
    let points = (1..=POINTS.min(len)).map(|k| {
        let count = (k * len).div_ceil(POINTS.min(len));
        let fraction = count as f64 / len as f64;
        (round(fraction), round(cosines[count - 1]))
    });
    Ok(points.collect())
}
