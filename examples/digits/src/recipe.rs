//! Recipes: a rule, its scales and a grouping, and what they make of the network.

use core::time::Duration;
use std::time::Instant;

use anyhow::{Result, ensure};
use ternarize::model::{Model, Tensor};
use ternarize::tensor::{ErrorMetrics, Grouping};
use ternarize::{Rule, Scales, Ternarizer};

use crate::network::{CLASSES, Network, WEIGHTS, correct};
use crate::test_set::Example;

/// How far logits from packed trits may be from those of the restored weights, relative to the largest logit: the two add
/// the same numbers in another order, through four layers of at most 288 terms.
pub(crate) const ROUNDING: f32 = 1e-4;

/// What to do to each weight tensor.
#[derive(Clone, Copy)]
pub(crate) struct Recipe {
    pub(crate) rule: Rule,
    pub(crate) scales: Scales,
    pub(crate) grouping: Grouping,
}

/// All rules that are compared, with one scale and with two where that is a choice.
pub(crate) const RULES: [(Rule, Scales); 6] = [
    (Rule::Tnt, Scales::One),
    (Rule::Tnt, Scales::Two),
    (Rule::TwoScale, Scales::Two),
    (Rule::Twn, Scales::One),
    (Rule::AbsMean, Scales::One),
    (Rule::AbsMax, Scales::One),
];

/// What came of a recipe.
pub(crate) struct Outcome {
    pub(crate) model: Model,
    /// Over all ternary weights: the norms of all tensors taken together.
    pub(crate) cosine: f64,
    pub(crate) relative_error: f64,
    pub(crate) sparsity: f64,
    pub(crate) bits_per_weight: f64,
    pub(crate) file_bytes: usize,
    pub(crate) time: Duration,
    /// Test images right with the packed network.
    pub(crate) correct: usize,
    /// The same with the first and the last layer left in `f32`.
    pub(crate) correct_inner: usize,
    /// Largest distance to a logit of the restored network, relative to the largest logit.
    pub(crate) distance: f32,
}

impl Recipe {
    pub(crate) fn ternarizer(&self) -> Ternarizer<'static> {
        Ternarizer::new().rule(self.rule).scales(self.scales)
    }

    /// Ternarizes the network and runs it on the test images.
    pub(crate) fn evaluate(&self, dense: &Model, examples: &[Example]) -> Result<Outcome> {
        let start = Instant::now();
        let (model, total) = self.apply(dense, &WEIGHTS)?;
        let time = start.elapsed();

        let packed = Network::new(&model)?.all_logits(examples)?;
        let restored = model.to_dense()?;
        let restored = Network::new(&restored)?.all_logits(examples)?;
        let distance = distance(&packed, &restored);
        ensure!(
            distance <= ROUNDING,
            "packed and restored weights give logits {distance:e} apart"
        );

        let (inner, _) = self.apply(dense, &WEIGHTS[1..3])?;
        let inner = Network::new(&inner)?.all_logits(examples)?;
        Ok(Outcome {
            cosine: total.cosine(),
            relative_error: total.relative_error(),
            sparsity: total.zeros / total.weights,
            bits_per_weight: total.bytes * 8.0 / total.weights,
            file_bytes: model.to_bytes()?.len(),
            time,
            correct: correct(&packed, examples),
            correct_inner: correct(&inner, examples),
            distance,
            model,
        })
    }

    /// The model with these tensors ternary.
    fn apply(&self, dense: &Model, names: &[&str]) -> Result<(Model, Total)> {
        let mut model = dense.clone();
        let mut total = Total::default();
        for name in names {
            let energy = energy(dense, name);
            let metrics = model.ternarize(name, self.grouping, &self.ternarizer())?;
            total.add(&model, name, energy, metrics);
        }
        Ok((model, total))
    }
}

/// `|w|^2` of a tensor.
fn energy(model: &Model, name: &str) -> f64 {
    let Some(Tensor::Dense(dense)) = model.get(name) else {
        return 0.0;
    };
    let values = dense.values::<f32>().unwrap_or_default();
    values.iter().map(|&w| f64::from(w) * f64::from(w)).sum()
}

/// Sums over the ternary tensors of a model.
#[derive(Default)]
struct Total {
    weights: f64,
    zeros: f64,
    bytes: f64,
    energy: f64,
    lost: f64,
    /// `w . w'` and `|w'|^2`.
    both: f64,
    restored: f64,
}

impl Total {
    fn add(&mut self, model: &Model, name: &str, energy: f64, metrics: ErrorMetrics) {
        let Some(Tensor::Ternary(tensor)) = model.get(name) else {
            return;
        };
        let weights = tensor.shape().len() as f64;
        let restored: f64 = tensor.dequantize::<f64>().iter().map(|w| w * w).sum();
        self.weights += weights;
        self.zeros += tensor.sparsity() * weights;
        self.bytes += tensor.stored_bytes() as f64;
        self.energy += energy;
        self.lost += metrics.relative_error * energy;
        self.both += metrics.cosine * (energy * restored).sqrt();
        self.restored += restored;
    }

    fn cosine(&self) -> f64 {
        self.both / (self.energy * self.restored).sqrt()
    }

    fn relative_error(&self) -> f64 {
        self.lost / self.energy
    }
}

/// The largest difference between logits, relative to the largest logit.
fn distance(a: &[[f32; CLASSES]], b: &[[f32; CLASSES]]) -> f32 {
    let pairs = || a.as_flattened().iter().zip(b.as_flattened());
    let apart = pairs().map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    let largest = pairs()
        .map(|(a, b)| a.abs().max(b.abs()))
        .fold(0.0, f32::max);
    if largest > 0.0 { apart / largest } else { 0.0 }
}
