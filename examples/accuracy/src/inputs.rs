//! What a layer's inputs look like: their Gram matrix.
//!
//! A convolution has a row of inputs for each place of each image. Rows that overlap say much the same, so an evenly spaced
//! part of them is enough.

use anyhow::Result;
use ternarize::quantize::calibrate::Moments;
use ternarize::quantize::gram::Gram;

use crate::layer::Matrix;
use crate::layer::narrow;
use crate::recipe::Recipe;

/// Rows to look at, about.
const ROWS: usize = 16_384;

/// The Gram matrix of a layer's inputs, behind ternary layers.
pub(crate) struct Inputs(Gram);

impl Inputs {
    /// Of inputs behind ternary layers, and of the same in the f32 network.
    pub(crate) fn new(
        matrix: &Matrix,
        own: &[f32],
        reference: &[f32],
        recipe: &Recipe,
    ) -> Result<Self> {
        let prepare = |images: &[f32]| {
            let rows = some(matrix.rows_of_inputs(images), matrix.columns);
            if recipe.centred {
                centred(rows, matrix.columns)
            } else {
                Ok(rows)
            }
        };
        let own = prepare(own)?;
        let mut gram = Gram::new(matrix.columns)?;
        if recipe.effective {
            gram.add_pairs(&own, &prepare(reference)?)?;
        } else {
            gram.add(&own)?;
        }
        Ok(Self(gram))
    }

    pub(crate) const fn gram(&self) -> &Gram {
        &self.0
    }

    /// The weights to come near to.
    pub(crate) fn targets(&self, matrix: &Matrix, damping: f64) -> Result<Vec<f32>> {
        Ok(self.0.effective_weights(&matrix.weights, damping)?)
    }
}

/// An evenly spaced part of the rows.
fn some(rows: Vec<f32>, columns: usize) -> Vec<f32> {
    let step = (rows.len() / columns).div_ceil(ROWS);
    if step <= 1 {
        return rows;
    }
    // With these steps the large images of a network show some of their columns only.
    let chosen = rows.chunks_exact(columns).step_by(step | 1);
    chosen.flatten().copied().collect()
}

/// Rows with the mean of each column taken away.
fn centred(mut rows: Vec<f32>, columns: usize) -> Result<Vec<f32>> {
    let mut moments = Moments::new(columns)?;
    moments.add(&rows)?;
    let means = moments.means();
    for row in rows.chunks_exact_mut(columns) {
        for (value, mean) in row.iter_mut().zip(&means) {
            *value = narrow(f64::from(*value) - mean);
        }
    }
    Ok(rows)
}
