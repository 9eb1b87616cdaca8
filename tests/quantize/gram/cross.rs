//! Effective weights against their equations.

use super::data::{batch, objective, weights};
use ternarize::quantize::gram::{Gram, Method, OutputAware};

/// All entries are the same, to the last bit: as far as `error` shows them, for all pairs of inputs.
fn assert_same_matrix(one: &Gram, other: &Gram) {
    assert_eq!((one.rows(), one.inputs()), (other.rows(), other.inputs()));
    assert_eq!(one.diagonal(), other.diagonal());
    for i in 0..one.inputs() {
        for j in 0..i {
            let mut pair = vec![0.0; one.inputs()];
            (pair[i], pair[j]) = (1.0, 1.0);
            assert_eq!(one.error(&pair), other.error(&pair));
        }
    }
}

/// Rows without an original count as their own original, whenever they are added.
#[test]
fn rows_and_pairs_can_be_mixed() {
    let inputs = 11;
    let rows = batch(30, inputs, 4, false);
    let behind: Vec<f32> = rows.iter().map(|x| x * 0.75 - 0.125).collect();
    let (first, rest) = rows.split_at(7 * inputs);
    let (_, behind) = behind.split_at(7 * inputs);
    let row = weights(inputs, 5);
    let mut mixed = Gram::new(inputs).unwrap();
    mixed.add(first).unwrap();
    assert_eq!(mixed.effective_weights(&row, 0.01).unwrap(), row);
    mixed.add_pairs(behind, rest).unwrap();
    mixed.add(rest).unwrap();
    let mut pairs = Gram::new(inputs).unwrap();
    pairs.add_pairs(first, first).unwrap();
    pairs.add_pairs(behind, rest).unwrap();
    pairs.add_pairs(rest, rest).unwrap();
    assert_eq!(mixed, pairs);
    let effective = mixed.effective_weights(&row, 0.01).unwrap();
    assert_eq!(effective, pairs.effective_weights(&row, 0.01).unwrap());
    assert_ne!(effective, row);
}

/// The residual of the normal equations, `X'^T (X' w* - X w) + delta (w* - w)`, from the rows.
#[test]
fn effective_weights_solve_the_normal_equations() {
    for (rows, inputs, damping) in [(60, 9, 0.0), (60, 20, 0.01), (5, 20, 0.1)] {
        let original = batch(rows, inputs, 1, false);
        let noise = weights(original.len(), 2);
        let quantized: Vec<f32> = original
            .iter()
            .zip(&noise)
            .map(|(x, e)| x + 0.1 * e)
            .collect();
        let mut cross = Gram::new(inputs).unwrap();
        let half = rows / 2 * inputs;
        cross
            .add_pairs(&quantized[..half], &original[..half])
            .unwrap();
        cross
            .add_pairs(&quantized[half..], &original[half..])
            .unwrap();
        let mut gram = Gram::new(inputs).unwrap();
        gram.add(&quantized).unwrap();
        assert_same_matrix(&cross, &gram);

        let old = weights(2 * inputs, 3);
        let new = cross.effective_weights(&old, damping).unwrap();
        let trace = gram.diagonal().iter().sum::<f64>() * rows as f64;
        let delta = damping * trace / inputs as f64;
        for (old, new) in old.chunks(inputs).zip(new.chunks(inputs)) {
            let output = |row: &[f32], w: &[f32]| -> f64 {
                row.iter()
                    .zip(w)
                    .map(|(&x, &w)| f64::from(x) * f64::from(w))
                    .sum()
            };
            let pairs = quantized.chunks(inputs).zip(original.chunks(inputs));
            let changes: Vec<f64> = pairs
                .map(|(q, x)| output(q, new) - output(x, old))
                .collect();
            for i in 0..inputs {
                let pull = delta * (f64::from(new[i]) - f64::from(old[i]));
                let terms = quantized.chunks(inputs).zip(&changes);
                let slope: f64 = terms.map(|(row, change)| f64::from(row[i]) * change).sum();
                assert!((slope + pull).abs() < 1e-6 * trace, "{slope} {pull}");
            }
        }
    }
}

/// With the effective weights, the objective of the old output differs from the one that is minimised by a constant.
#[test]
fn ternarizing_effective_weights_is_ternarizing_for_the_old_output() {
    let inputs = 10;
    let original = batch(50, inputs, 6, false);
    let quantized: Vec<f32> = original.iter().map(|x| (x * 2.0).round() / 2.0).collect();
    let mut cross = Gram::new(inputs).unwrap();
    cross.add_pairs(&quantized, &original).unwrap();
    let old = weights(inputs, 7);
    let new = cross.effective_weights(&old, 0.0).unwrap();
    let change = |levels: &[f32]| -> f64 {
        let pairs = quantized.chunks(inputs).zip(original.chunks(inputs));
        pairs
            .map(|(q, x)| {
                let terms = q.iter().zip(levels).zip(x.iter().zip(&old));
                let terms = terms.map(|((&q, &level), (&x, &w))| {
                    f64::from(q) * f64::from(level) - f64::from(x) * f64::from(w)
                });
                terms.sum::<f64>().powi(2)
            })
            .sum()
    };
    let difference = |levels: &[f32]| {
        let wide: Vec<f64> = levels.iter().map(|&q| q.into()).collect();
        change(levels) - objective(&cross, &new, &wide, 0.0)
    };
    let fits = Method::ALL.map(|method| {
        let aware = OutputAware::new(&cross).method(method).damping(0.0);
        aware.ternarize(&new).unwrap()[0].dequantize::<f32>()
    });
    let constant = difference(&fits[0]);
    assert!(constant >= 0.0);
    for fit in &fits {
        assert!((difference(fit) - constant).abs() < 1e-5 * change(&fits[0]));
    }
    assert!(change(&fits[3]) < change(&fits[0]));
}
