//! The network of the example, run with dense or with packed ternary weights.
//!
//! ```text
//! 8x8 -> conv1 1->16 -> ReLU -> conv2 16->32 -> ReLU -> max pool 2
//!     -> conv3 32->32 -> ReLU -> max pool 2 -> fc 128->10              kernels 3x3, padding 1
//! ```
//!
//! A convolution is a matrix product with each unfolded 3x3 patch, so one product serves all layers: in `f32` for dense
//! weights, on the packed trits ([`TernaryTensor::matvec`]) for ternary ones.

use anyhow::{Context, Result, bail, ensure};
use ternarize::model::{DenseTensor, Model, Tensor};
use ternarize::tensor::TernaryTensor;

use crate::test_set::{Example, PIXELS};

/// The ten digits.
pub(crate) const CLASSES: usize = 10;

/// The layers' weight tensors, in order.
pub(crate) const WEIGHTS: [&str; 4] = ["conv1.weight", "conv2.weight", "conv3.weight", "fc.weight"];

const KERNEL: usize = 3;

/// A matrix and a bias.
struct Layer<'a> {
    weights: Weights<'a>,
    bias: Vec<f32>,
    inputs: usize,
}

enum Weights<'a> {
    Dense(Vec<f32>),
    Ternary(&'a TernaryTensor),
}

/// The four layers of a model file.
pub(crate) struct Network<'a> {
    layers: [Layer<'a>; 4],
}

impl<'a> Network<'a> {
    /// Takes the layers from a model, whether their weights are dense or ternary.
    pub(crate) fn new(model: &'a Model) -> Result<Self> {
        let layer = |name| Layer::new(model, name);
        Ok(Self {
            layers: [
                layer("conv1")?,
                layer("conv2")?,
                layer("conv3")?,
                layer("fc")?,
            ],
        })
    }

    /// A score for each digit.
    pub(crate) fn logits(&self, image: &[f32; PIXELS]) -> Result<[f32; CLASSES]> {
        let [conv1, conv2, conv3, fc] = &self.layers;
        let x = relu(conv1.convolve(image, 8)?);
        let x = max_pool(&relu(conv2.convolve(&x, 8)?), 8);
        let x = max_pool(&relu(conv3.convolve(&x, 4)?), 4);
        let mut logits = [0.0; CLASSES];
        fc.apply(&x, &mut logits)?;
        Ok(logits)
    }

    /// The scores of many images.
    pub(crate) fn all_logits(&self, examples: &[Example]) -> Result<Vec<[f32; CLASSES]>> {
        examples
            .iter()
            .map(|example| self.logits(&example.image))
            .collect()
    }
}

/// How many images have their own digit's score above all others.
pub(crate) fn correct(logits: &[[f32; CLASSES]], examples: &[Example]) -> usize {
    let best = |scores: &[f32; CLASSES]| {
        (0..CLASSES).max_by(|&a, &b| scores[a].total_cmp(&scores[b]).then(b.cmp(&a)))
    };
    let right = |(scores, example): &(&[f32; CLASSES], &Example)| {
        best(scores) == Some(usize::from(example.label))
    };
    logits.iter().zip(examples).filter(right).count()
}

impl<'a> Layer<'a> {
    fn new(model: &'a Model, name: &str) -> Result<Self> {
        let weights = format!("{name}.weight");
        let (weights, len) = match model
            .get(&weights)
            .with_context(|| format!("no {weights}"))?
        {
            Tensor::Dense(dense) => {
                let values = floats(dense)?;
                let len = values.len();
                (Weights::Dense(values), len)
            }
            Tensor::Ternary(ternary) => (Weights::Ternary(ternary), ternary.shape().len()),
        };
        let bias = match model.get(&format!("{name}.bias")) {
            Some(Tensor::Dense(dense)) => floats(dense)?,
            _ => bail!("no {name}.bias"),
        };
        ensure!(
            !bias.is_empty() && len % bias.len() == 0,
            "{name} has an odd shape"
        );
        Ok(Self {
            weights,
            inputs: len / bias.len(),
            bias,
        })
    }

    /// `y = W x + b`.
    fn apply(&self, x: &[f32], y: &mut [f32]) -> Result<()> {
        match &self.weights {
            Weights::Dense(weights) => {
                for (y, row) in y.iter_mut().zip(weights.chunks_exact(self.inputs)) {
                    *y = dot(row, x);
                }
            }
            Weights::Ternary(ternary) => ternary.matvec(x, y)?,
        }
        for (y, bias) in y.iter_mut().zip(&self.bias) {
            *y += bias;
        }
        Ok(())
    }

    /// A 3x3 convolution with padding 1 of square channels.
    fn convolve(&self, input: &[f32], side: usize) -> Result<Vec<f32>> {
        let area = side * side;
        let mut output = vec![0.0; self.bias.len() * area];
        let (mut patch, mut pixel) = (vec![0.0; self.inputs], vec![0.0; self.bias.len()]);
        for place in 0..area {
            unfold(input, side, place, &mut patch);
            self.apply(&patch, &mut pixel)?;
            for (channel, &value) in pixel.iter().enumerate() {
                output[channel * area + place] = value;
            }
        }
        Ok(output)
    }
}

/// The product of two vectors, in eight lanes so that the compiler can use vector instructions.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut lanes = [0.0; 8];
    for (a, b) in a.chunks(8).zip(b.chunks(8)) {
        for ((lane, a), b) in lanes.iter_mut().zip(a).zip(b) {
            *lane += a * b;
        }
    }
    lanes.iter().sum()
}

/// The values around a place, channel by channel, 0 beyond the border.
fn unfold(input: &[f32], side: usize, place: usize, patch: &mut [f32]) {
    let (row, column) = (place / side, place % side);
    for (i, value) in patch.iter_mut().enumerate() {
        let (channel, tap) = (i / (KERNEL * KERNEL), i % (KERNEL * KERNEL));
        // One more than the place, so that the border at -1 stays a natural number.
        let (r, c) = (row + tap / KERNEL, column + tap % KERNEL);
        let inside = (1..=side).contains(&r) && (1..=side).contains(&c);
        *value = if inside {
            input[(channel * side + r - 1) * side + c - 1]
        } else {
            0.0
        };
    }
}

fn relu(mut x: Vec<f32>) -> Vec<f32> {
    for value in &mut x {
        *value = value.max(0.0);
    }
    x
}

/// The largest of each 2x2 square.
fn max_pool(x: &[f32], side: usize) -> Vec<f32> {
    let half = side / 2;
    let pooled = (0..x.len() / 4).map(|i| {
        let (channel, row, column) = (i / (half * half), i / half % half, i % half);
        let corner = (channel * side + 2 * row) * side + 2 * column;
        x[corner]
            .max(x[corner + 1])
            .max(x[corner + side])
            .max(x[corner + side + 1])
    });
    pooled.collect()
}

fn floats(dense: &DenseTensor) -> Result<Vec<f32>> {
    dense
        .values()
        .with_context(|| format!("the network's tensors are F32, not {}", dense.dtype()))
}
