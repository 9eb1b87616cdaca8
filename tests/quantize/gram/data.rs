//! Inputs and weights, and the objective from its definition.

use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};
use ternarize::quantize::gram::Gram;
use ternarize::quantize::{Codebook, RowFit};

/// Rows that are correlated, as images are: running sums with some noise; every seventh input is always 0 if `dead`.
pub(crate) fn batch(rows: usize, inputs: usize, seed: u64, dead: bool) -> Vec<f32> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut values = Vec::new();
    for _ in 0..rows {
        let mut level: f32 = random.random_range(-1.0..1.0);
        for i in 0..inputs {
            level = 0.8 * level + random.random_range(-0.5..0.6_f32);
            values.push(if dead && i % 7 == 3 {
                0.0
            } else {
                level.max(0.0)
            });
        }
    }
    values
}

pub(crate) fn weights(len: usize, seed: u64) -> Vec<f32> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    (0..len)
        .map(|_| (0..4).map(|_| random.random_range(-0.5..0.5_f32)).sum())
        .collect()
}

pub(crate) fn gram(rows: usize, inputs: usize, seed: u64, dead: bool) -> Gram {
    let mut gram = Gram::new(inputs).unwrap();
    gram.add(&batch(rows, inputs, seed, dead)).unwrap();
    gram
}

/// How the bits of a matrix are compared: its error for each unit vector and each pair of them.
pub(crate) fn entries(gram: &Gram) -> Vec<u64> {
    let inputs = gram.inputs();
    let pairs = (0..inputs).flat_map(|i| (0..=i).map(move |j| (i, j)));
    pairs
        .map(|(i, j)| {
            let mut difference = vec![0.0; inputs];
            difference[i] += 1.0;
            difference[j] += 1.0;
            gram.error(&difference).unwrap().to_bits()
        })
        .collect()
}

pub(crate) const CODEBOOKS: [Codebook; 5] = [
    Codebook::OneScale,
    Codebook::TwoScales,
    Codebook::Planes(1),
    Codebook::Planes(2),
    Codebook::Planes(3),
];

/// `(w - q)^T (H + damping mean I) (w - q)`, straight.
pub(crate) fn objective(gram: &Gram, weights: &[f32], levels: &[f64], damping: f64) -> f64 {
    let difference: Vec<f64> = levels
        .iter()
        .zip(weights)
        .map(|(q, &w)| q - f64::from(w))
        .collect();
    let mean = gram.diagonal().iter().sum::<f64>() * gram.rows() as f64 / gram.inputs() as f64;
    let squares: f64 = difference.iter().map(|d| d * d).sum();
    gram.error(&difference).unwrap() + damping * mean * squares
}

/// The levels of a fit, in f64.
pub(crate) fn levels(fit: &RowFit) -> Vec<f64> {
    let inputs = fit.trits.len() / fit.codebook.planes();
    let level = |i: usize| {
        let trits: Vec<i8> = fit.trits.iter().skip(i).step_by(inputs).copied().collect();
        level(fit, i / fit.group, &trits)
    };
    (0..inputs).map(level).collect()
}

/// The level of some trits, plane after plane, in a group.
pub(crate) fn level(fit: &RowFit, group: usize, trits: &[i8]) -> f64 {
    let scales = &fit.scales[group * fit.codebook.scales()..];
    match (fit.codebook, trits[0]) {
        (Codebook::TwoScales, -1) => -scales[1],
        (Codebook::TwoScales, trit) => f64::from(trit) * scales[0],
        _ => trits
            .iter()
            .zip(scales)
            .map(|(&t, s)| f64::from(t) * s)
            .sum(),
    }
}

/// All vectors of trits of this length.
pub(crate) fn all_trits(len: usize) -> Vec<Vec<i8>> {
    let digit = |number: usize, place: u32| [0, 1, -1][number / 3_usize.pow(place) % 3];
    let count = 3_usize.pow(u32::try_from(len).unwrap());
    (0..count)
        .map(|number| {
            (0..len)
                .map(|i| digit(number, u32::try_from(i).unwrap()))
                .collect()
        })
        .collect()
}

/// The least objective of a vector of trits, with one scale for all: `w^T M w - (t^T M w)^2 / t^T M t`.
pub(crate) fn best_scale_objective(
    gram: &Gram,
    weights: &[f32],
    trits: &[i8],
    damping: f64,
) -> f64 {
    let at = |scale: f64| {
        let levels: Vec<f64> = trits.iter().map(|&t| scale * f64::from(t)).collect();
        objective(gram, weights, &levels, damping)
    };
    // A parabola through three points; as wide as the weights are.
    let width = weights
        .iter()
        .map(|w| f64::from(w.abs()))
        .fold(0.0, f64::max);
    let [left, middle, right] = [-width, 0.0, width].map(at);
    let (slope, bend) = ((right - left) / 2.0, f64::midpoint(right, left) - middle);
    if bend > 0.0 {
        middle - slope * slope / (4.0 * bend)
    } else {
        middle
    }
}
