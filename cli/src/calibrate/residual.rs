//! What is added to a layer's output, such as the values that go around a block: the layer makes up for its error.
//!
//! Where the original network has `W x + r`, the quantized one has `q x' + r'`, and `r'` is another value already. So the layer aims at
//! `W x + s (r - r')`, with a share `s` for which it could make up on other samples too. This is what the original weights would put out for
//! other inputs, as far as they can put it out at all:
//!
//! ```text
//! x + s (r - r') K        K = (W W^T + delta I)^-1 W
//! ```

use anyhow::{Context, Result, ensure};
use nalgebra::{Cholesky, DMatrix};
use rten_gemm::{GemmExecutor, GemmInputA, GemmInputB, GemmOptions};
use rten_tensor::prelude::*;
use rten_tensor::{MatrixLayout, NdTensor};

use crate::engine::{Values, floats};
use crate::onnx::{Kind, Layer, Network};

/// The share of the differences. Measured on a sentence encoder, by the cosine of its outputs on other samples: with 256 samples to fit to,
/// 0.910 with a share of 0.7 and 0.906 with 1; with 1,024 samples 0.932 with 0.5 and with 1, and 0.925 without.
const SHARE: f32 = 0.5;

/// The damping, a fraction of the mean of the diagonal. Chosen: only outputs that the weights can hardly put out are lost.
const DAMPING: f64 = 1e-3;

/// The outputs or the inputs, whichever are fewer, at most. Chosen: the matrix to be solved takes 134 MB.
const MOST: usize = 4096;

/// The other summand behind a layer.
pub(super) struct Residual {
    /// Its name.
    pub value: String,
    /// For each group of a convolution `K`: for each output a row of inputs.
    solutions: Vec<NdTensor<f32, 2>>,
    /// Whether its channels come before its positions.
    channels_first: bool,
}

/// The share of how far it is from that of the original network.
pub(super) struct Differences<'a> {
    residual: &'a Residual,
    /// For each row the difference of each output.
    rows: Vec<f32>,
    outputs: usize,
}

impl Residual {
    /// That of a layer, if its output is added to something that is known before.
    ///
    /// # Errors
    ///
    /// For weights that cannot be read.
    pub(super) fn behind(network: &Network, layer: &Layer) -> Result<Option<Self>> {
        let Some(value) = network.summand(layer) else {
            return Ok(None);
        };
        let weights = network.weights(layer)?;
        let solutions = weights
            .chunks_exact(weights.len() / layer.groups())
            .map(|weights| solution(weights, layer.columns));
        Ok(solutions.collect::<Option<_>>().map(|solutions| Self {
            value: value.to_owned(),
            solutions,
            channels_first: matches!(layer.kind, Kind::Conv(_)),
        }))
    }

    /// The differences for a batch; `None` for a summand that is repeated along an axis.
    ///
    /// # Errors
    ///
    /// For a summand that is not of floats, or has another shape in the other network.
    pub(super) fn differences(
        &self,
        original: &Values,
        quantized: &Values,
        rows: usize,
    ) -> Result<Option<Differences<'_>>> {
        let value = |values: &Values| {
            floats(&values[&self.value]).context("what is added to its output is not of floats")
        };
        let ((shape, original), (other, quantized)) = (value(original)?, value(quantized)?);
        ensure!(shape == other, "the two networks have different shapes");
        let outputs = self.solutions.iter().map(MatrixLayout::rows).sum::<usize>();
        let channels = if self.channels_first {
            shape.get(1)
        } else {
            shape.last()
        };
        if channels != Some(&outputs) || original.len() != rows * outputs {
            return Ok(None);
        }
        let pairs = original.iter().zip(&quantized);
        let differences = pairs.map(|(original, quantized)| SHARE * (original - quantized));
        let mut differences: Vec<f32> = differences.collect();
        if self.channels_first {
            let positions = shape[2..].iter().product::<usize>();
            let samples = differences.chunks_exact(positions * outputs);
            let rows = samples.flat_map(|sample| {
                (0..positions).flat_map(move |at| sample[at..].iter().step_by(positions).copied())
            });
            differences = rows.collect();
        }
        Ok(Some(Differences {
            residual: self,
            rows: differences,
            outputs,
        }))
    }
}

impl Differences<'_> {
    /// Changes inputs of the original network, those of the chosen rows, to those for which the weights of a group would make up for the
    /// differences.
    ///
    /// # Errors
    ///
    /// None that are known.
    pub(super) fn add_to(&self, group: usize, chosen: &[usize], inputs: &mut [f32]) -> Result<()> {
        let solution = &self.residual.solutions[group];
        let outputs = solution.rows();
        let differences = chosen
            .iter()
            .flat_map(|row| &self.rows[row * self.outputs + group * outputs..][..outputs]);
        let differences: Vec<f32> = differences.copied().collect();
        let differences = NdTensor::from_data([chosen.len(), outputs], differences);
        let options = GemmOptions {
            beta: 1.0,
            ..GemmOptions::default()
        };
        let (left, right) = (differences.view(), solution.view());
        GemmExecutor::<f32>::new().gemm(
            inputs,
            GemmInputA::Unpacked(left),
            GemmInputB::Unpacked(right),
            options,
        )?;
        Ok(())
    }
}

/// `K` for the weights of a group: also `W (W^T W + delta I)^-1`, which is less work for more outputs than inputs. `None` if all weights are
/// 0, or there are too many of both.
fn solution(weights: &[f32], columns: usize) -> Option<NdTensor<f32, 2>> {
    let rows = weights.len() / columns.max(1);
    if rows.min(columns) > MOST {
        return None;
    }
    let weights = weights.iter().copied().map(f64::from).collect();
    // Its columns are the rows of the weights.
    let transposed = DMatrix::from_vec(columns, rows, weights);
    let factored = |matrix: &DMatrix<f64>| {
        let mut squares = matrix.tr_mul(matrix);
        let damping = DAMPING * squares.trace() / rows as f64;
        for i in 0..squares.nrows() {
            squares[(i, i)] += damping;
        }
        Cholesky::new(squares)
    };
    // Column after column of the transpose of `K`.
    let entries = if rows <= columns {
        let solution = factored(&transposed)?.solve(&transposed.transpose());
        solution.transpose()
    } else {
        factored(&transposed.transpose())?.solve(&transposed)
    };
    #[expect(
        clippy::cast_possible_truncation,
        reason = "rounded to the type of the inputs"
    )]
    let entries = entries.iter().map(|&entry| entry as f32);
    let entries = entries.collect::<Vec<_>>();
    Some(NdTensor::from_data([rows, columns], entries))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With the changed inputs each group of the original weights puts out as much more as the residual lacks, whatever the inputs are.
    #[test]
    fn weights_make_up_for_the_differences() {
        let (outputs, columns, rows) = (3, 5, 4);
        let numbers = |count: usize, seed: f32| {
            let numbers = (0..count).map(|i| ((i * i) as f32 * seed).sin());
            numbers.collect::<Vec<f32>>()
        };
        let groups = [1.7, 2.3].map(|seed| numbers(outputs * columns, seed));
        let solutions = groups.iter().map(|weights| solution(weights, columns));
        let residual = Residual {
            value: String::new(),
            solutions: solutions.collect::<Option<_>>().unwrap(),
            channels_first: false,
        };
        let lacking = numbers(rows * 2 * outputs, 0.9);
        let differences = Differences {
            residual: &residual,
            rows: lacking.clone(),
            outputs: 2 * outputs,
        };
        let chosen = [2, 0, 3];
        let before = numbers(chosen.len() * columns, 0.3);
        for (group, weights) in groups.iter().enumerate() {
            let mut after = before.clone();
            differences.add_to(group, &chosen, &mut after).unwrap();
            let inputs = before.chunks(columns).zip(after.chunks(columns));
            for (row, (before, after)) in chosen.iter().zip(inputs) {
                for (output, weights) in weights.chunks(columns).enumerate() {
                    let product = |inputs: &[f32]| -> f32 {
                        inputs.iter().zip(weights).map(|(x, w)| x * w).sum()
                    };
                    let more = product(after) - product(before);
                    let lacks = lacking[row * 2 * outputs + group * outputs + output];
                    assert!(
                        (more - lacks).abs() < 0.02 * lacks.abs().max(1.0),
                        "{more} {lacks}"
                    );
                }
            }
        }
        assert!(solution(&[0.0; 6], 3).is_none());
    }

    /// `(W W^T + delta I) K = W` for fewer outputs than inputs, and for more.
    #[test]
    fn both_forms_solve_the_equations() {
        for (outputs, columns) in [(2, 3), (3, 3), (5, 2)] {
            let weights = (0..outputs * columns).map(|i| ((i * i) as f32 * 0.7).sin());
            let weights: Vec<f32> = weights.collect();
            let product = |a: &[f32], b: &[f32]| -> f64 {
                let pairs = a.iter().zip(b);
                pairs.map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
            };
            let damping = DAMPING * product(&weights, &weights) / outputs as f64;
            let found = solution(&weights, columns).unwrap();
            for (row, weights_of) in weights.chunks(columns).enumerate() {
                for (column, weight) in weights_of.iter().enumerate() {
                    let terms = weights
                        .chunks(columns)
                        .enumerate()
                        .map(|(other, of_other)| {
                            let own = if other == row { damping } else { 0.0 };
                            (product(weights_of, of_other) + own)
                                * f64::from(found[[other, column]])
                        });
                    let difference = terms.sum::<f64>() - f64::from(*weight);
                    assert!(difference.abs() < 1e-4, "{outputs} {columns}: {difference}");
                }
            }
        }
    }

    /// A difference for each output, channels first or last; none for a summand that is repeated.
    #[test]
    fn differences_are_those_of_rows() {
        let of = |shape: &[usize], values: Vec<f32>| {
            let value = rten_tensor::Tensor::from_data(shape, values);
            Values::from([("r".to_owned(), value.into())])
        };
        let residual = |channels_first| Residual {
            value: "r".into(),
            solutions: vec![NdTensor::from_data([2, 1], vec![1.0_f32; 2])],
            channels_first,
        };
        let original = (1..=8).map(|i| i as f32).collect::<Vec<_>>();
        for (channels_first, shape, expected) in [
            (false, [1, 4, 2], [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]),
            (true, [1, 2, 4], [1.0, 5.0, 2.0, 6.0, 3.0, 7.0, 4.0, 8.0]),
        ] {
            let (original, quantized) = (of(&shape, original.clone()), of(&shape, vec![0.0; 8]));
            let residual = residual(channels_first);
            let found = residual.differences(&original, &quantized, 4).unwrap();
            assert_eq!(found.unwrap().rows, expected.map(|x| SHARE * x));
            let repeated = residual.differences(&original, &quantized, 8).unwrap();
            assert!(repeated.is_none());
        }
    }
}
