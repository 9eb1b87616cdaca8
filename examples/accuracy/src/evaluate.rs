//! What a recipe makes of a network.
//!
//! Layers are ternarized first to last. If the recipe looks at images, each layer sees the calibration images as the layers before it,
//! already ternary, pass them on, beside what the f32 network has in the same place. Test images are only ever counted.

use std::time::Instant;

use anyhow::{Context, Result, ensure};
use rayon::prelude::*;
use ternarize::quantize::budget::allocate;
use ternarize::quantize::calibrate::{Correction, Pairs};

use crate::images::Images;
use crate::inputs;
use crate::layer::Matrix;
use crate::net::Network;
use crate::quantize::{self, Stored};
use crate::recipe::Recipe;

/// Images that a thread takes through the whole network.
const CHUNK: usize = 50;

/// A network, the images to judge it by, and those to calibrate with.
pub(crate) struct Bench {
    pub(crate) network: Network,
    pub(crate) test: Images,
    pub(crate) labels: Vec<u8>,
    pub(crate) calibration: Images,
    /// Of the f32 network.
    pub(crate) reference: Reference,
}

/// What the f32 network has to say.
pub(crate) struct Reference {
    /// What comes out of the network for the calibration images.
    scores: Vec<f32>,
    /// Which test images it has right.
    pub(crate) right: Vec<bool>,
    /// Inputs and outputs of each layer with weights, for the calibration images.
    inputs: Vec<Vec<f32>>,
    outputs: Vec<Vec<f32>>,
}

/// Scores beside those of the f32 network.
pub(crate) struct Nearness {
    /// The share of images with the same class.
    pub(crate) agreement: f64,
    /// `1 - cos^2` between all scores, with the mean of each image's taken away: what could change a class, for neither a common
    /// factor nor a common shift does.
    pub(crate) angle: f64,
}

/// What came of a recipe.
pub(crate) struct Outcome {
    pub(crate) recipe: Recipe,
    /// Planes of each layer.
    pub(crate) planes: Vec<usize>,
    pub(crate) bytes: usize,
    pub(crate) bits_per_weight: f64,
    /// `|w - w'|^2 / |w|^2` over all weights.
    pub(crate) relative_error: f64,
    /// Which test images are right.
    pub(crate) right: Vec<bool>,
    /// How near the scores of the calibration images are to those of the f32 network; no labels are used.
    pub(crate) nearness: Nearness,
    /// To ternarize and calibrate.
    pub(crate) seconds: f64,
}

impl Bench {
    pub(crate) fn new(
        network: Network,
        test: Images,
        labels: Vec<u8>,
        calibration: Images,
    ) -> Result<Self> {
        ensure!(
            test.count == labels.len(),
            "{} images and {} labels",
            test.count,
            labels.len()
        );
        let (mut inputs, mut outputs) = (Vec::new(), Vec::new());
        let mut values = calibration.pixels.clone();
        for layer in &network.layers {
            let output = layer.run_parallel(&values, None);
            if layer.matrix().is_some() {
                inputs.push(values);
                outputs.push(output.clone());
            }
            values = output;
        }
        let mut bench = Self {
            network,
            test,
            labels,
            calibration,
            reference: Reference {
                scores: values,
                right: Vec::new(),
                inputs,
                outputs,
            },
        };
        bench.reference.right = bench.right(None);
        Ok(bench)
    }

    /// Ternarizes the network and counts.
    pub(crate) fn evaluate(&self, recipe: &Recipe) -> Result<Outcome> {
        let start = Instant::now();
        let stored = self.ternarize(recipe)?;
        let seconds = start.elapsed().as_secs_f64();
        let matrices: Vec<Matrix> = self
            .network
            .matrices()
            .zip(&stored)
            .map(|(original, stored)| stored.matrix(original))
            .collect();

        let bytes: usize = stored.iter().map(Stored::bytes).sum();
        let (mut lost, mut all) = (0.0, 0.0);
        for (matrix, stored) in self.network.matrices().zip(&stored) {
            let energy: f64 = matrix.weights.iter().map(|&w| f64::from(w).powi(2)).sum();
            lost += stored.relative_error(matrix)? * energy;
            all += energy;
        }
        let planes = stored.iter().map(|stored| stored.tensor.planes().len());
        Ok(Outcome {
            recipe: recipe.clone(),
            planes: planes.collect(),
            bytes,
            bits_per_weight: 8.0 * bytes as f64 / self.network.weights() as f64,
            relative_error: lost / all,
            right: self.right(Some(&matrices)),
            nearness: self.nearness(&matrices),
            seconds,
        })
    }

    fn ternarize(&self, recipe: &Recipe) -> Result<Vec<Stored>> {
        let planes = self.planes(recipe)?;
        let mut found = Vec::new();
        if !recipe.is_calibrated() {
            for (matrix, planes) in self.network.matrices().zip(planes) {
                found.push(quantize::by_weights(matrix, recipe, planes)?);
            }
            return Ok(found);
        }
        let mut values = self.calibration.pixels.clone();
        for layer in &self.network.layers {
            let Some(matrix) = layer.matrix() else {
                values = layer.run_parallel(&values, None);
                continue;
            };
            let number = found.len();
            let stored = self.ternarize_layer(matrix, number, &values, recipe, planes[number]);
            let mut stored = stored.with_context(|| matrix.name.clone())?;
            let mut outputs = layer.run_parallel(&values, Some(&stored.matrix(matrix)));
            if recipe.correction != Correction::None {
                let mut pairs = Pairs::new(matrix.rows)?;
                pairs.add(
                    &matrix.rows_of_outputs(&self.reference.outputs[number]),
                    &matrix.rows_of_outputs(&outputs),
                )?;
                stored = stored
                    .corrected(&pairs.correct(recipe.correction))
                    .with_context(|| matrix.name.clone())?;
                outputs = layer.run_parallel(&values, Some(&stored.matrix(matrix)));
            }
            values = outputs;
            found.push(stored);
        }
        Ok(found)
    }

    /// A layer behind ternary ones that make these values of the calibration images.
    fn ternarize_layer(
        &self,
        matrix: &Matrix,
        number: usize,
        values: &[f32],
        recipe: &Recipe,
        planes: usize,
    ) -> Result<Stored> {
        if !recipe.method.looks_at_inputs() {
            return quantize::by_weights(matrix, recipe, planes);
        }
        let reference = &self.reference.inputs[number];
        let gram = inputs::gram(matrix, values, reference, recipe)?;
        quantize::by_outputs(matrix, &gram, recipe, planes)
    }

    /// How many planes each layer gets.
    fn planes(&self, recipe: &Recipe) -> Result<Vec<usize>> {
        let Some(bits) = recipe.budget else {
            return Ok(recipe.planes_of_layers(self.network.matrices().count()));
        };
        let choices = self.network.matrices().map(|matrix| {
            let choices = (1..=4).map(|planes| {
                let stored = quantize::by_weights(matrix, recipe, planes)?;
                Ok((stored.bytes() as u64, stored.relative_error(matrix)?))
            });
            choices.collect::<Result<Vec<_>>>()
        });
        let choices = choices.collect::<Result<Vec<_>>>()?;
        let bytes = bits * self.network.weights() as f64 / 8.0;
        #[expect(clippy::cast_possible_truncation, reason = "whole bytes")]
        let plan = allocate(&choices, bytes as u64)?;
        Ok(plan.choices.iter().map(|choice| choice + 1).collect())
    }

    /// The scores of some images, by these weights in place of the network's own.
    fn scores(&self, images: &[f32], matrices: Option<&[Matrix]>) -> Vec<f32> {
        let mut others = matrices.into_iter().flatten();
        let mut values = images.to_vec();
        for layer in &self.network.layers {
            let other = layer.matrix().and_then(|_| others.next());
            values = layer.run(&values, other);
        }
        values
    }

    /// The class of each image: that of the highest score, the first among equals.
    fn classes(&self, images: &Images, matrices: Option<&[Matrix]>) -> Vec<usize> {
        let chunks = images.pixels.par_chunks(CHUNK * self.network.input.len());
        let classes = chunks.map(|chunk| {
            let scores = self.scores(chunk, matrices);
            let rows = scores.chunks_exact(self.network.classes());
            rows.map(highest).collect::<Vec<_>>()
        });
        classes.collect::<Vec<_>>().concat()
    }

    /// Which test images get their label.
    fn right(&self, matrices: Option<&[Matrix]>) -> Vec<bool> {
        let classes = self.classes(&self.test, matrices);
        let pairs = classes.iter().zip(&self.labels);
        pairs
            .map(|(class, label)| *class == usize::from(*label))
            .collect()
    }

    fn nearness(&self, matrices: &[Matrix]) -> Nearness {
        let classes = self.network.classes();
        let reference = &self.reference.scores;
        let images = self
            .calibration
            .pixels
            .par_chunks(CHUNK * self.network.input.len());
        let scores: Vec<_> = images
            .map(|chunk| self.scores(chunk, Some(matrices)))
            .collect();
        let scores = scores.concat();
        let (mut same, mut both, mut squares) = (0, 0.0, (0.0, 0.0));
        let pairs = reference
            .chunks_exact(classes)
            .zip(scores.chunks_exact(classes));
        for (y, q) in pairs {
            same += usize::from(highest(y) == highest(q));
            for (y, q) in centred(y).into_iter().zip(centred(q)) {
                both += y * q;
                squares = (squares.0 + y * y, squares.1 + q * q);
            }
        }
        let product: f64 = squares.0 * squares.1;
        let cosine = if product > 0.0 {
            both / product.sqrt()
        } else {
            0.0
        };
        Nearness {
            agreement: same as f64 / self.calibration.count.max(1) as f64,
            angle: 1.0 - cosine * cosine,
        }
    }
}

/// Scores with their mean taken away.
fn centred(scores: &[f32]) -> Vec<f64> {
    let wide = || scores.iter().copied().map(f64::from);
    let mean = wide().sum::<f64>() / scores.len() as f64;
    wide().map(|score| score - mean).collect()
}

fn highest(scores: &[f32]) -> usize {
    let order = |a: &usize, b: &usize| scores[*a].total_cmp(&scores[*b]).then(b.cmp(a));
    (0..scores.len()).max_by(order).unwrap_or(0)
}
