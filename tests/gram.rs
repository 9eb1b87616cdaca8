//! Output-aware ternarization, against plain loops and all single changes.

mod common;

use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};
use ternarize::gram::{Codebook, CrossGram, Gram, Method, OutputAware, RowFit};

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

/// `(w - q)^T (H + damping mean I) (w - q)`, straight.
fn objective(gram: &Gram, weights: &[f32], levels: &[f64], damping: f64) -> f64 {
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
fn levels(fit: &RowFit) -> Vec<f64> {
    let inputs = fit.trits.len() / fit.codebook.planes();
    let level = |i: usize| {
        let trits: Vec<i8> = fit.trits.iter().skip(i).step_by(inputs).copied().collect();
        level(fit, i / fit.group, &trits)
    };
    (0..inputs).map(level).collect()
}

/// The level of some trits, plane after plane, in a group.
fn level(fit: &RowFit, group: usize, trits: &[i8]) -> f64 {
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
fn all_trits(len: usize) -> Vec<Vec<i8>> {
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

#[test]
fn a_method_never_loses_to_its_starts_and_reports_its_objective() {
    for (seed, inputs, group) in [
        (1, 30, None),
        (2, 30, Some(8)),
        (3, 25, Some(5)),
        (4, 12, Some(1)),
    ] {
        for rows in [5, 100] {
            let gram = gram(rows, inputs, seed, true);
            let weights = weights(3 * inputs, seed);
            for codebook in CODEBOOKS {
                let aware = OutputAware::new(&gram).codebook(codebook).group(group);
                let fits = Method::ALL.map(|m| aware.method(m).ternarize(&weights).unwrap());
                for (number, row) in weights.chunks(inputs).enumerate() {
                    let fits = fits.each_ref().map(|fits| &fits[number]);
                    for fit in fits {
                        let expected = objective(&gram, row, &levels(fit), 0.01);
                        assert!((fit.objective - expected).abs() <= 1e-9 * fit.energy);
                        assert!(fit.scales.iter().all(|&scale| scale >= 0.0));
                        let best = fits[fits.len() - 1];
                        assert!(best.objective <= fit.objective + 1e-10 * fit.energy);
                    }
                }
            }
        }
    }
}

/// No change of one weight's trits lowers the objective, the scales being what they are.
#[test]
fn descent_ends_where_no_single_change_helps() {
    for (seed, inputs, group) in [(1, 24, None), (2, 20, Some(6))] {
        let gram = gram(60, inputs, seed, false);
        let weights = weights(2 * inputs, seed);
        for codebook in CODEBOOKS {
            let aware = OutputAware::new(&gram).codebook(codebook).group(group);
            let fits = aware.ternarize(&weights).unwrap();
            for (fit, row) in fits.iter().zip(weights.chunks(inputs)) {
                let mut changed = levels(fit);
                for i in 0..inputs {
                    let own = changed[i];
                    for trits in all_trits(codebook.planes()) {
                        changed[i] = level(fit, i / fit.group, &trits);
                        let other = objective(&gram, row, &changed, 0.01);
                        assert!(other >= fit.objective - 1e-9 * fit.energy);
                    }
                    changed[i] = own;
                }
            }
        }
    }
}

/// The least objective of a vector of trits, with one scale for all: `w^T M w - (t^T M w)^2 / t^T M t`.
fn best_scale_objective(gram: &Gram, weights: &[f32], trits: &[i8], damping: f64) -> f64 {
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
    let (slope, bend) = ((right - left) / 2.0, (right + left) / 2.0 - middle);
    if bend > 0.0 {
        middle - slope * slope / (4.0 * bend)
    } else {
        middle
    }
}

/// With one scale for the row, not even if the scale follows.
#[test]
fn descent_of_one_scale_ends_where_no_single_change_helps_with_its_own_scale() {
    for seed in 0..6 {
        let inputs = 30;
        let gram = gram(40, inputs, seed, seed % 2 == 0);
        let weights = weights(inputs, seed + 9);
        let fit = &OutputAware::new(&gram).ternarize(&weights).unwrap()[0];
        let mut trits = fit.trits.clone();
        for i in 0..inputs {
            for trit in [-1, 0, 1] {
                trits[i] = trit;
                let other = best_scale_objective(&gram, &weights, &trits, 0.01);
                assert!(other >= fit.objective - 1e-9 * fit.energy);
            }
            trits[i] = fit.trits[i];
        }
    }
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
        let mut cross = CrossGram::new(inputs).unwrap();
        let half = rows / 2 * inputs;
        cross.add(&quantized[..half], &original[..half]).unwrap();
        cross.add(&quantized[half..], &original[half..]).unwrap();
        let mut gram = Gram::new(inputs).unwrap();
        gram.add(&quantized).unwrap();
        assert_eq!(cross.gram(), &gram);

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
    let mut cross = CrossGram::new(inputs).unwrap();
    cross.add(&quantized, &original).unwrap();
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
        let levels: Vec<f64> = levels.iter().map(|&q| f64::from(q)).collect();
        change(&levels.iter().map(|&q| q as f32).collect::<Vec<_>>())
            - objective(cross.gram(), &new, &levels, 0.0)
    };
    let fits = Method::ALL.map(|method| {
        let aware = OutputAware::new(cross.gram()).method(method).damping(0.0);
        aware.ternarize(&new).unwrap()[0].reconstruct()
    });
    let constant = difference(&fits[0]);
    assert!(constant >= 0.0);
    for fit in &fits {
        assert!((difference(fit) - constant).abs() < 1e-5 * change(&fits[0]));
    }
    assert!(change(&fits[3]) < change(&fits[0]));
}

/// The objective of the best vector of trits, by trying all.
fn brute_force(gram: &Gram, weights: &[f32], damping: f64) -> f64 {
    let objectives = all_trits(weights.len());
    let objectives = objectives
        .iter()
        .map(|trits| best_scale_objective(gram, weights, trits, damping));
    objectives.fold(f64::INFINITY, f64::min)
}

#[test]
fn the_certified_optimum_is_that_of_all_ternary_vectors() {
    for seed in 0..24 {
        let inputs = 1 + seed as usize % 7;
        // Fewer rows than inputs: singular without damping.
        let rows = [2, 5, 50][seed as usize % 3];
        let gram = gram(rows, inputs, seed, seed % 4 == 0);
        let weights = weights(inputs, seed + 100);
        for damping in [0.0, 0.01, 1.0] {
            if gram.diagonal().iter().all(|&d| d == 0.0) {
                continue;
            }
            let aware = OutputAware::new(&gram).damping(damping);
            let certified = &aware.certify(&weights, u64::MAX).unwrap()[0];
            let expected = brute_force(&gram, &weights, damping);
            let zero = vec![0.0; inputs];
            let energy = objective(&gram, &weights, &zero, damping);
            let close = |a: f64, b: f64| (a - b).abs() <= 1e-9 * energy.max(1e-6);
            assert!(certified.proved);
            assert!(
                close(certified.objective, expected),
                "{certified:?} {expected}"
            );
            assert!(
                close(certified.fit.objective, expected),
                "{certified:?} {expected}"
            );
            assert!(certified.lower_bound <= certified.objective);
            assert!(close(certified.lower_bound, expected));
            let descent = &aware.ternarize(&weights).unwrap()[0];
            assert!(certified.objective <= descent.objective + 1e-12 * energy);
        }
    }
}

#[test]
fn a_limit_leaves_a_bound_that_holds() {
    let inputs = 9;
    let gram = gram(60, inputs, 3, false);
    let weights = weights(4 * inputs, 4);
    let aware = OutputAware::new(&gram);
    let optimal = aware.certify(&weights, u64::MAX).unwrap();
    for limit in [0, 1, 3, 10, 30] {
        for (some, all) in aware.certify(&weights, limit).unwrap().iter().zip(&optimal) {
            assert!(some.nodes <= limit.max(all.nodes));
            assert!(some.lower_bound <= all.objective && all.objective <= some.objective);
            assert!(some.proved || some.nodes == limit);
        }
    }
}

#[test]
fn twenty_five_inputs_are_certified() {
    let inputs = 25;
    let gram = gram(500, inputs, 8, false);
    let weights = weights(4 * inputs, 9);
    for certified in OutputAware::new(&gram).certify(&weights, 1 << 17).unwrap() {
        assert!(certified.proved, "{certified:?}");
    }
}
