//! How far the outputs of a network are from those of the original.

use anyhow::Result;

use super::side::Side;
use crate::engine::{Values, floats};

/// The outputs of the original network for some batches.
pub(super) struct Reference {
    names: Vec<String>,
    batches: Vec<(usize, Values)>,
    /// For each output the sum of the squared distances from its means.
    spread: Vec<f64>,
}

impl Reference {
    /// Runs the original network.
    ///
    /// # Errors
    ///
    /// What the engine cannot do.
    pub(super) fn new(original: &Side, batches: &[usize]) -> Result<Self> {
        let names: Vec<String> = original
            .network
            .outputs()?
            .into_iter()
            .map(|output| output.name)
            .collect();
        let part = original.part(&names)?;
        let values = batches.iter().map(|&batch| Ok((batch, part.run(batch)?)));
        let values = values.collect::<Result<Vec<_>>>()?;
        let spread = names.iter().map(|name| spread(name, &values)).collect();
        Ok(Self {
            names,
            batches: values,
            spread,
        })
    }

    /// The mean squared change of the outputs, relative to their spread: 0 for none, 1 for outputs as bad as their means. Of several
    /// outputs the mean.
    ///
    /// # Errors
    ///
    /// What the engine cannot do.
    pub(super) fn error(&self, side: &Side) -> Result<f64> {
        let mut errors = vec![0.0; self.names.len()];
        let part = side.part(&self.names)?;
        for (batch, expected) in &self.batches {
            let found = part.run(*batch)?;
            for (name, error) in self.names.iter().zip(&mut errors) {
                *error += squared_distance(&expected[name], &found[name]);
            }
        }
        let shares = errors
            .iter()
            .zip(&self.spread)
            .filter(|(_, spread)| **spread > 0.0);
        let shares: Vec<f64> = shares.map(|(error, spread)| error / spread).collect();
        // Outputs that are not numbers any more are as bad as can be.
        let mean = shares.iter().sum::<f64>() / shares.len().max(1) as f64;
        Ok(if mean.is_finite() {
            mean
        } else {
            f64::INFINITY
        })
    }
}

/// The sum of the squared distances from the mean of each column of the last axis.
fn spread(name: &str, values: &[(usize, Values)]) -> f64 {
    let all: Vec<(Vec<usize>, Vec<f32>)> = values
        .iter()
        .filter_map(|(_, values)| floats(values.get(name)?))
        .collect();
    let columns = all
        .first()
        .and_then(|(shape, _)| shape.last().copied())
        .unwrap_or(1)
        .max(1);
    let (mut sums, mut squares, mut rows) = (vec![0.0; columns], 0.0, 0_u32);
    for row in all
        .iter()
        .flat_map(|(_, values)| values.chunks_exact(columns))
    {
        for (sum, value) in sums.iter_mut().zip(row) {
            *sum += f64::from(*value);
            squares += f64::from(*value) * f64::from(*value);
        }
        rows += 1;
    }
    let of_means: f64 = sums.iter().map(|sum| sum * sum).sum::<f64>() / f64::from(rows.max(1));
    // One row has no spread: then the squares themselves are the measure.
    if squares > of_means * (1.0 + 1e-9) {
        squares - of_means
    } else {
        squares
    }
}

fn squared_distance(one: &crate::engine::Value, other: &crate::engine::Value) -> f64 {
    let (Some((_, one)), Some((_, other))) = (floats(one), floats(other)) else {
        return 0.0;
    };
    if one.len() != other.len() {
        return f64::INFINITY;
    }
    let differences = one
        .iter()
        .zip(&other)
        .map(|(a, b)| f64::from(*a) - f64::from(*b));
    differences.map(|difference| difference * difference).sum()
}
