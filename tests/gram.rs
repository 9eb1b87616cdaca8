//! Output-aware ternarization, against plain loops and all single changes.

mod common;

use proptest::prelude::*;
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};
use ternarize::gram::{Codebook, Gram, Method, OutputAware, RowFit};

/// Rows that are correlated, as images are: running sums with some noise; every seventh input is always 0 if `dead`.
fn batch(rows: usize, inputs: usize, seed: u64, dead: bool) -> Vec<f32> {
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

fn weights(len: usize, seed: u64) -> Vec<f32> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    (0..len)
        .map(|_| (0..4).map(|_| random.random_range(-0.5..0.5_f32)).sum())
        .collect()
}

fn gram(rows: usize, inputs: usize, seed: u64, dead: bool) -> Gram {
    let mut gram = Gram::new(inputs).unwrap();
    gram.add(&batch(rows, inputs, seed, dead)).unwrap();
    gram
}

const CODEBOOKS: [Codebook; 5] = [
    Codebook::OneScale,
    Codebook::TwoScales,
    Codebook::Planes(1),
    Codebook::Planes(2),
    Codebook::Planes(3),
];

/// How the bits of a matrix are compared: its error for each unit vector and each pair of them.
fn entries(gram: &Gram) -> Vec<u64> {
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

#[test]
fn accumulation_does_not_depend_on_the_batches() {
    for inputs in [1, 7, 8, 13, 40] {
        let rows = batch(100, inputs, 5, false);
        let mut whole = Gram::new(inputs).unwrap();
        whole.add(&rows).unwrap();
        for split in [1, 3, 31, 32, 33, 64] {
            let mut parts = Gram::new(inputs).unwrap();
            for part in rows.chunks(split * inputs) {
                parts.add(part).unwrap();
            }
            assert_eq!(parts.rows(), 100);
            assert_eq!(entries(&whole), entries(&parts));
            assert_eq!(whole, parts);
        }
    }
}

#[test]
fn entries_are_sums_in_the_order_of_the_rows() {
    let inputs = 11;
    let rows = batch(75, inputs, 8, false);
    let mut gram = Gram::new(inputs).unwrap();
    gram.add(&rows).unwrap();
    for (i, mean_square) in gram.diagonal().into_iter().enumerate() {
        let squares = rows.chunks(inputs).map(|row| f64::from(row[i]).powi(2));
        assert_eq!(
            mean_square.to_bits(),
            (squares.sum::<f64>() / 75.0).to_bits()
        );
    }
    let difference: Vec<f64> = weights(inputs, 2).iter().map(|&d| f64::from(d)).collect();
    let outputs = rows.chunks(inputs).map(|row| {
        let terms = row.iter().zip(&difference);
        terms.map(|(&x, d)| f64::from(x) * d).sum::<f64>()
    });
    let expected: f64 = outputs.map(|y| y * y).sum();
    let error = gram.error(&difference).unwrap();
    assert!((error - expected).abs() < 1e-12 * expected);
}
