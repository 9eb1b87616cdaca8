//! Which corrections help each other, and which make each other worse, on networks that are like trained ones.
//!
//! The inputs are a few hidden numbers, mixed; every row of weights is the correlation of its inputs with a mixture of these numbers. So
//! signals go through the network as they do in a trained one, where in one of random weights noise soon covers them. Counted is how many
//! inputs keep their class.

use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use ternarize::quantize::calibrate::{Correction, Pairs, least_squares_gain, unit_gain};
use ternarize::{Scales, Ternarizer};

const WIDTH: usize = 64;
const ROWS: usize = 200;
const HIDDEN: usize = 4;
const LAYERS: usize = 4;
const SEEDS: u64 = 4;

/// Whether the scales are those of unit gain.
const UNIT_GAIN: bool = true;
const LEAST_SQUARES: bool = false;

/// A network and its inputs, with what each layer puts out.
struct Network {
    inputs: Vec<f32>,
    layers: Vec<Layer>,
}

struct Layer {
    weights: Vec<f32>,
    outputs: Vec<f32>,
}

/// The products of each row of `a` with each row of `b`.
fn products(a: &[f32], b: &[f32], width: usize) -> Vec<f32> {
    let rows = a.chunks_exact(width);
    rows.flat_map(|a| {
        let dot = move |b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
        b.chunks_exact(width).map(dot)
    })
    .collect()
}

fn transposed(a: &[f32], columns: usize) -> Vec<f32> {
    let column = |c: usize| a.iter().skip(c).step_by(columns).copied();
    (0..columns).flat_map(column).collect()
}

fn relu(values: &[f32]) -> Vec<f32> {
    values.iter().map(|v| v.max(0.0)).collect()
}

impl Network {
    fn new(seed: u64) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut normal = |count: usize| -> Vec<f32> {
            let numbers = (0..count).map(|_| StandardNormal.sample(&mut random));
            numbers.collect()
        };
        let hidden = normal(HIDDEN * ROWS);
        let mut mixture = |shift: bool| {
            let mut mixture = products(&hidden, &normal(HIDDEN * WIDTH), HIDDEN);
            let shifts = normal(WIDTH);
            for (i, value) in mixture.iter_mut().enumerate() {
                *value += if shift { 0.5 * shifts[i % WIDTH] } else { 0.5 };
            }
            mixture
        };
        let inputs = relu(&mixture(false));
        let mut values = inputs.clone();
        let mut layers = Vec::new();
        for _ in 0..LAYERS {
            let targets = transposed(&mixture(true), WIDTH);
            let mut weights = products(&targets, &transposed(&values, WIDTH), ROWS);
            for row in weights.chunks_exact_mut(WIDTH) {
                let norm = row.iter().map(|w| w * w).sum::<f32>().sqrt();
                for weight in row {
                    *weight /= norm;
                }
            }
            let outputs = products(&values, &weights, WIDTH);
            values = relu(&outputs);
            layers.push(Layer { weights, outputs });
        }
        Self { inputs, layers }
    }

    /// How many classes stay, with each layer ternarized and corrected behind those before it.
    fn kept(&self, unit: bool, correction: Correction) -> usize {
        let mut values = self.inputs.clone();
        let mut outputs = Vec::new();
        for layer in &self.layers {
            outputs = products(&values, &ternary(&layer.weights, unit), WIDTH);
            let mut pairs = Pairs::new(WIDTH).unwrap();
            pairs.add(&layer.outputs, &outputs).unwrap();
            let affine = pairs.correct(correction);
            for (i, value) in outputs.iter_mut().enumerate() {
                *value = affine[i % WIDTH].apply(f64::from(*value)) as f32;
            }
            values = relu(&outputs);
        }
        let exact = &self.layers.last().unwrap().outputs;
        let both = exact.chunks_exact(WIDTH).zip(outputs.chunks_exact(WIDTH));
        both.filter(|(y, q)| class(y) == class(q)).count()
    }
}

/// The weights of a ternary layer, with one scale for each output.
fn ternary(weights: &[f32], unit: bool) -> Vec<f32> {
    let how = Ternarizer::new().scales(Scales::One);
    let rows = weights.chunks_exact(WIDTH).flat_map(|row| {
        let (trits, fit) = how.ternarize(row).unwrap();
        let restored: Vec<f32> = trits.iter().map(|&t| f32::from(t) * fit.lambda).collect();
        let gain = if unit { unit_gain } else { least_squares_gain };
        let factor = gain(row, &restored).unwrap() as f32;
        restored.into_iter().map(move |q| q * factor)
    });
    rows.collect()
}

fn class(scores: &[f32]) -> usize {
    let order = |a: &usize, b: &usize| scores[*a].total_cmp(&scores[*b]);
    (0..scores.len()).max_by(order).unwrap()
}

#[test]
fn bias_correction_harms_least_squares_and_moments_help() {
    let networks: Vec<Network> = (0..SEEDS).map(Network::new).collect();
    let kept = |unit, correction| -> usize {
        let kept = networks
            .iter()
            .map(|network| network.kept(unit, correction));
        kept.sum()
    };
    let least_squares = kept(LEAST_SQUARES, Correction::None);
    let with_bias = kept(LEAST_SQUARES, Correction::Bias);
    let unit_gain_with_bias = kept(UNIT_GAIN, Correction::Bias);
    let moments = kept(LEAST_SQUARES, Correction::MatchMoments);
    let found = (least_squares, with_bias, unit_gain_with_bias, moments);
    println!("{found:?}");
    assert!(with_bias < least_squares, "{found:?}");
    assert!(with_bias < unit_gain_with_bias, "{found:?}");
    assert!(unit_gain_with_bias < moments, "{found:?}");
    // Moments are matched from whatever scale.
    let from_unit_gain = kept(UNIT_GAIN, Correction::MatchMoments);
    assert!(
        from_unit_gain.abs_diff(moments) <= 4,
        "{from_unit_gain} {moments}"
    );
}
