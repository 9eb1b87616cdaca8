//! Whole layers made ternary by their outputs, against the outputs themselves, row by row.

use super::gram::data::weights;
use proptest::prelude::*;
use proptest::sample::select;
use ternarize::matmul::rotate;
use ternarize::quantize::Codebook;
use ternarize::quantize::calibrate::Correction;
use ternarize::quantize::gram::{Gram, Method, OutputAware};
use ternarize::tensor::{LayerFit, TensorView, TernaryTensor};
use ternarize::{Error, ScaleType};

/// Rows of inputs in the network with ternary layers, those of the original network, and how often each counts.
#[derive(Clone, Debug)]
struct Rows {
    inputs: usize,
    seen: Vec<f32>,
    original: Option<Vec<f32>>,
    counts: Option<Vec<f32>>,
}

impl Rows {
    /// Rows about a mean, in which each input has a part of the one before; those that are seen are smaller and disturbed.
    fn new(rows: usize, inputs: usize, seed: u64, pairs: bool, counted: bool) -> Self {
        let mut original = weights(rows * inputs, seed);
        for at in (0..original.len()).filter(|at| at % inputs > 0) {
            original[at] = 0.7 * original[at - 1] + 0.5 * original[at] + 0.1;
        }
        let disturbed = original.iter().zip(weights(rows * inputs, seed ^ 1));
        let seen = disturbed.map(|(x, noise)| 0.8 * x + 0.1 * noise).collect();
        let counts = weights(rows, seed ^ 2).into_iter().map(f32::abs).collect();
        Self {
            inputs,
            seen: if pairs { seen } else { original.clone() },
            original: pairs.then_some(original),
            counts: counted.then_some(counts),
        }
    }

    fn gram(&self, centred: bool) -> Gram {
        let mut gram = Gram::new(self.inputs).unwrap();
        let (original, counts) = (self.original.as_deref(), self.counts.as_deref());
        gram.add_weighted(&self.seen, original, counts).unwrap();
        if centred { gram.centred() } else { gram }
    }

    /// For each row how much it counts, all together once.
    fn shares(&self) -> Vec<f64> {
        let rows = self.seen.len() / self.inputs;
        let counts = self.counts.clone().unwrap_or_else(|| vec![1.0; rows]);
        let all: f64 = counts.iter().map(|&count| f64::from(count)).sum();
        counts.iter().map(|&count| f64::from(count) / all).collect()
    }
}

/// The outputs of one channel.
struct Outputs {
    original: Vec<f64>,
    ternary: Vec<f64>,
}

fn mean(values: &[f64], shares: &[f64]) -> f64 {
    values.iter().zip(shares).map(|(y, share)| y * share).sum()
}

fn variance(values: &[f64], shares: &[f64]) -> f64 {
    let mean_of_all = mean(values, shares);
    let squares: Vec<f64> = values.iter().map(|y| (y - mean_of_all).powi(2)).collect();
    mean(&squares, shares)
}

/// The outputs of each channel of both layers, product by product.
fn outputs(tensor: &TernaryTensor, weights: &[f32], bias: &[f32], rows: &Rows) -> Vec<Outputs> {
    let inputs = rows.inputs;
    let product = |x: &[f32], row: &[f64], bias: Option<&f32>| {
        let sum: f64 = x.iter().zip(row).map(|(&x, w)| f64::from(x) * w).sum();
        sum + bias.copied().map_or(0.0, f64::from)
    };
    let mut rotated = rows.seen.clone();
    if let Some((width, seed)) = tensor.rotation() {
        rotate(&mut rotated, inputs, width, seed).unwrap();
    }
    let originals = rows.original.as_ref().unwrap_or(&rows.seen);
    let restored: Vec<f64> = tensor.dequantize();
    let channels = weights.chunks(inputs).zip(restored.chunks(inputs));
    let channels = channels.enumerate().map(|(channel, (own, ternary))| {
        let own: Vec<f64> = own.iter().map(|&w| w.into()).collect();
        let of = |x: &[f32], row: &[f64], bias: &[f32]| {
            let rows = x.chunks(inputs);
            rows.map(|x| product(x, row, bias.get(channel))).collect()
        };
        Outputs {
            original: of(originals, &own, bias),
            ternary: of(&rotated, ternary, tensor.bias()),
        }
    });
    channels.collect()
}

/// The error from its definition, and how much it may differ: products are rotated in `f32`.
fn error(channels: &[Outputs], shares: &[f64]) -> (f64, f64) {
    let (mut error, mut size, mut whole) = (0.0, 0.0, 0.0);
    for Outputs { original, ternary } in channels {
        let squares = |of: &dyn Fn(f64, f64) -> f64| {
            let pairs = original.iter().zip(ternary);
            let squares: Vec<f64> = pairs.map(|(&y, &q)| of(y, q).powi(2)).collect();
            mean(&squares, shares)
        };
        error += squares(&|y, q| y - q);
        size += squares(&|y, _| y) + squares(&|_, q| q);
        whole += variance(original, shares);
    }
    (error / whole, 1e-5 * size / whole)
}

const METHODS: [Method; 3] = [Method::Nearest, Method::Feedback, Method::Descent];

#[derive(Clone, Copy, Debug)]
struct Recipe {
    codebook: Codebook,
    method: Method,
    rotation: Option<(usize, u64)>,
    correction: Correction,
    scale_type: ScaleType,
    effective: bool,
    centred: bool,
}

impl Recipe {
    fn options<'g>(&self, gram: &'g Gram) -> OutputAware<'g> {
        OutputAware::new(gram)
            .codebook(self.codebook)
            .method(self.method)
            .rotation(self.rotation)
            .correction(self.correction)
            .scale_type(self.scale_type)
            .effective(self.effective)
    }
}

fn recipes() -> impl Strategy<Value = Recipe> {
    use Codebook::{OneScale, Planes, TwoScales};
    let codebook = select(vec![OneScale, TwoScales, Planes(1), Planes(2), Planes(3)]);
    let rotation = prop::option::of((select(vec![1, 2, 4, 16]), any::<u64>()));
    let correction = select(&Correction::ALL[..]);
    let scale_type = select(vec![
        ScaleType::F64,
        ScaleType::F32,
        ScaleType::F16,
        ScaleType::Bf16,
    ]);
    let how = (
        codebook,
        select(&METHODS[..]),
        rotation,
        correction,
        scale_type,
    );
    (how, any::<bool>(), any::<bool>()).prop_map(
        |((codebook, method, rotation, correction, scale_type), effective, centred)| Recipe {
            codebook,
            method,
            rotation,
            correction,
            scale_type,
            effective,
            centred,
        },
    )
}

proptest! {
    /// Errors are measured by Gram matrices, whatever was rotated, centred or corrected; they are those of the outputs.
    #[test]
    fn errors_are_those_of_the_outputs(
        recipe in recipes(), inputs in 1_usize..14, channels in 1_usize..5, count in 4_usize..40,
        pairs: bool, counted: bool, with_bias: bool, seed: u64,
    ) {
        let rows = Rows::new(count, inputs, seed, pairs, counted);
        let others = Rows::new(count, inputs, seed ^ 8, pairs, counted);
        let (gram, held_out) = (rows.gram(recipe.centred), others.gram(!recipe.centred));
        let weights_of_layer = weights(channels * inputs, seed ^ 3);
        let bias = if with_bias { weights(channels, seed ^ 4) } else { vec![] };
        let view = TensorView::new(&weights_of_layer, &[channels, inputs]).unwrap();
        let options = recipe.options(&gram).held_out(Some(&held_out));
        let layer = TernaryTensor::ternarize_outputs(&view, &bias, &[options]).unwrap();
        let found = [layer.error, layer.held_out_error.unwrap()];
        for (rows, found) in [&rows, &others].into_iter().zip(found) {
            let outputs = outputs(&layer.tensor, &weights_of_layer, &bias, rows);
            let (expected, bound) = error(&outputs, &rows.shares());
            prop_assert!((found - expected).abs() <= bound, "{found} {expected} {bound}");
        }
        prop_assert_eq!((layer.rows, layer.inputs), (gram.rows(), inputs));
        // Rows that were held out are only looked at.
        let blind = TernaryTensor::ternarize_outputs(&view, &bias, &[recipe.options(&gram)]).unwrap();
        prop_assert_eq!(blind.held_out_error, None);
        prop_assert_eq!((blind.tensor, blind.error), (layer.tensor, layer.error));
    }

    /// What a correction says is equal afterwards is equal, up to the rounding of scales and biases.
    #[test]
    fn corrections_do_what_they_say(
        recipe in recipes(), inputs in 2_usize..14, count in 8_usize..40, pairs: bool, counted: bool, seed: u64,
    ) {
        let planes = recipe.codebook.planes();
        let scale_type = if planes == 1 { recipe.scale_type } else { ScaleType::F64 };
        let correction = match recipe.correction {
            Correction::MatchMoments | Correction::OutputFit => recipe.correction,
            _ => Correction::Bias,
        };
        let recipe = Recipe { correction, scale_type, ..recipe };
        let rows = Rows::new(count, inputs, seed, pairs, counted);
        let gram = rows.gram(recipe.centred);
        let (row, bias) = (weights(3 * inputs, seed ^ 3), weights(3, seed ^ 4));
        let view = TensorView::new(&row, &[3, inputs]).unwrap();
        let layer = TernaryTensor::ternarize_outputs(&view, &bias, &[recipe.options(&gram)]).unwrap();
        let shares = rows.shares();
        for Outputs { original, ternary } in outputs(&layer.tensor, &row, &bias, &rows) {
            let size = original.iter().chain(&ternary).map(|y| y.abs()).fold(0.0, f64::max);
            let shift = mean(&original, &shares) - mean(&ternary, &shares);
            prop_assert!(shift.abs() < 1e-5 * size, "{shift} {size}");
            let [own, other] = [&original, &ternary].map(|values| variance(values, &shares).sqrt());
            // A channel that hardly moves has no deviation to match.
            if correction == Correction::MatchMoments && other > own / 512.0 && own > 1e-3 * size {
                let digits = match scale_type {
                    ScaleType::F16 => 1.0 / 2048.0,
                    ScaleType::Bf16 => 1.0 / 256.0,
                    _ => 0.0,
                };
                // Each trit has one scale, so the outputs are off by at most that share of their size without the mean.
                prop_assert!((own - other).abs() <= (digits + 1e-4) * size, "{own} {other}");
            }
        }
    }
}

/// The layers before made all inputs smaller, so other weights than its own bring a layer nearer to its outputs.
#[test]
fn effective_weights_are_nearer_to_the_outputs() {
    for seed in 0..8 {
        let (rows, row) = (Rows::new(120, 12, seed, true, false), weights(4 * 12, seed));
        let gram = rows.gram(true);
        let view = TensorView::new(&row, &[4, 12]).unwrap();
        let options = OutputAware::new(&gram).codebook(Codebook::Planes(2));
        let [with, without] = [true, false].map(|effective| {
            let options = options.effective(effective);
            TernaryTensor::ternarize_outputs(&view, &[], &[options]).unwrap()
        });
        assert!(with.error < 0.8 * without.error, "{with:?} {without:?}");
    }
}

/// The groups of a convolution know nothing of each other.
#[test]
fn groups_are_layers_of_their_own() {
    let groups = [1, 2].map(|seed| Rows::new(70, 9, seed, true, true));
    let grams = groups.each_ref().map(|rows| rows.gram(true));
    let (row, bias) = (weights(6 * 9, 5), weights(6, 6));
    let view = TensorView::new(&row, &[6, 1, 3, 3]).unwrap();
    let options = grams.each_ref().map(|gram| {
        let options = OutputAware::new(gram).rotation(Some((8, 3)));
        options
            .correction(Correction::MatchMoments)
            .held_out(Some(&grams[0]))
    });
    let whole = TernaryTensor::ternarize_outputs(&view, &bias, &options).unwrap();
    let halves = [0, 1].map(|half| {
        let view = TensorView::new(&row[half * 27..][..27], &[3, 1, 3, 3]).unwrap();
        let bias = &bias[half * 3..][..3];
        TernaryTensor::ternarize_outputs(&view, bias, &options[half..=half]).unwrap()
    });
    let both = |part: fn(&LayerFit) -> Vec<f64>| [part(&halves[0]), part(&halves[1])].concat();
    let restored = |layer: &LayerFit| layer.tensor.dequantize();
    let biases = |layer: &LayerFit| layer.tensor.bias().iter().map(|&x| x.into()).collect();
    assert_eq!(restored(&whole), both(restored));
    assert_eq!(biases(&whole), both(biases));
    assert_eq!(whole.tensor.rotation(), Some((8, 3)));
    // The errors of both, by the variance of the outputs of both.
    let (mut sum, mut variances) = (0.0, 0.0);
    for (half, layer) in halves.iter().enumerate() {
        let rows = &groups[half];
        let outputs = outputs(
            &layer.tensor,
            &row[half * 27..][..27],
            &bias[half * 3..][..3],
            rows,
        );
        let spread = |channel: &Outputs| variance(&channel.original, &rows.shares());
        let variance: f64 = outputs.iter().map(spread).sum();
        sum += layer.error * variance;
        variances += variance;
    }
    assert!((whole.error - sum / variances).abs() < 1e-9 * whole.error);
}

#[test]
fn too_few_rows_are_noticed() {
    for (count, few) in [(23, true), (24, false)] {
        let gram = Rows::new(count, 3, 1, false, false).gram(true);
        let more = Rows::new(100, 3, 2, false, false).gram(true);
        let row = weights(12, 3);
        let view = TensorView::new(&row, &[4, 3]).unwrap();
        let make = |grams: &[&Gram]| {
            let options: Vec<_> = grams.iter().map(|gram| OutputAware::new(gram)).collect();
            TernaryTensor::ternarize_outputs(&view, &[], &options).unwrap()
        };
        assert_eq!(make(&[&gram]).has_too_few_rows(), few);
        // Of groups the one with the fewest.
        assert_eq!(make(&[&more, &gram]).has_too_few_rows(), few);
        assert!(!make(&[&more]).has_too_few_rows());
    }
}

#[test]
fn what_is_wrong_is_named() {
    let grams = [4, 2].map(|inputs| Rows::new(30, inputs, 1, false, false).gram(true));
    let options = OutputAware::new(&grams[0]);
    let refused = |axes: &[usize], bias: &[f32], groups: &[OutputAware<'_>]| {
        let values = weights(axes.iter().product(), 2);
        let view = TensorView::new(&values, axes).unwrap();
        TernaryTensor::ternarize_outputs(&view, bias, groups).unwrap_err()
    };
    let length = |expected, actual| Error::LengthMismatch { expected, actual };
    assert_eq!(refused(&[2, 4], &[], &[]), Error::Empty);
    assert_eq!(refused(&[0, 4], &[], &[options]), Error::Empty);
    assert_eq!(refused(&[2, 4], &[1.0], &[options]), length(2, 1));
    assert_eq!(refused(&[3, 4], &[], &[options; 2]), length(4, 3));
    assert_eq!(refused(&[2, 3], &[], &[options]), length(8, 6));
    let other = OutputAware::new(&grams[1]);
    assert_eq!(refused(&[2, 4], &[], &[options, other]), length(2, 3));
    assert_eq!(
        refused(&[2, 4], &[], &[options.held_out(Some(&grams[1]))]),
        length(4, 2)
    );
    let rotated = refused(&[2, 4], &[], &[options, options.rotation(Some((4, 1)))]);
    assert!(matches!(rotated, Error::Conflict { .. }));
    let wrong = refused(&[2, 4], &[], &[options.rotation(Some((3, 1)))]);
    assert!(
        matches!(wrong, Error::InvalidOption { value: 3.0, .. }),
        "{wrong:?}"
    );
}
