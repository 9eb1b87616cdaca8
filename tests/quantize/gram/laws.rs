//! Laws: what may not change the result, and what the result must follow.

use super::data::{CODEBOOKS, batch, gram, objective, weights};
use proptest::prelude::*;
use ternarize::quantize::Codebook;
use ternarize::quantize::gram::{Gram, Method, OutputAware};
use ternarize::{Scales, Ternarizer};

/// Rows do not know of each other: together, alone, and on any number of threads the bits are the same.
#[test]
fn rows_are_independent() {
    let inputs = 11;
    let gram = gram(40, inputs, 1, true);
    let weights = weights(17 * inputs, 2);
    for codebook in [Codebook::OneScale, Codebook::TwoScales, Codebook::Planes(2)] {
        for (method, group) in [
            (Method::Feedback, 6),
            (Method::Optimal, 6),
            (Method::Optimal, 11),
        ] {
            let aware = OutputAware::new(&gram).codebook(codebook).method(method);
            let aware = aware.group(Some(group));
            let together = aware.ternarize(&weights).unwrap();
            let alone = weights
                .chunks(inputs)
                .map(|row| aware.ternarize(row).unwrap().remove(0));
            assert_eq!(together, alone.collect::<Vec<_>>());
            #[cfg(feature = "rayon")]
            for threads in [1, 3] {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
                let fits = pool
                    .build()
                    .unwrap()
                    .install(|| aware.ternarize(&weights).unwrap());
                assert_eq!(fits, together);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Weights or inputs times a power of two: the same trits, and scales and objectives that follow exactly.
    #[test]
    fn powers_of_two_pass_through(
        seed in any::<u64>(), inputs in 1_usize..24, rows in 1_usize..40,
        weight in -20_i32..20, input in -20_i32..20, which in 0..CODEBOOKS.len(),
    ) {
        let (weight, input) = (2.0_f32.powi(weight), 2.0_f32.powi(input));
        let plain = batch(rows, inputs, seed, false);
        // Inputs that are all zero have no magnitude to follow: their damping is a constant.
        prop_assume!(plain.iter().any(|&x| x != 0.0));
        let row = weights(inputs, seed);
        let fits = [(1.0, 1.0), (weight, input)].map(|(weight, input)| {
            let mut gram = Gram::new(inputs).unwrap();
            gram.add(&plain.iter().map(|x| x * input).collect::<Vec<_>>()).unwrap();
            let row: Vec<f32> = row.iter().map(|w| w * weight).collect();
            let aware = OutputAware::new(&gram).codebook(CODEBOOKS[which]).group(Some(10));
            aware.ternarize(&row).unwrap().remove(0)
        });
        prop_assert_eq!(&fits[0].trits, &fits[1].trits);
        for (one, other) in fits[0].scales.iter().zip(&fits[1].scales) {
            prop_assert_eq!((one * f64::from(weight)).to_bits(), other.to_bits());
        }
        let square = f64::from(weight * input).powi(2);
        prop_assert_eq!((fits[0].objective * square).to_bits(), fits[1].objective.to_bits());
    }

    /// What is a level already stays: nothing is lost.
    #[test]
    fn ternary_weights_come_back(
        seed in any::<u64>(), trits in prop::collection::vec(-1_i8..=1, 1..30), rows in 1_usize..40,
    ) {
        let gram = gram(rows, trits.len(), seed, false);
        let row: Vec<f32> = trits.iter().map(|&t| 0.375 * f32::from(t)).collect();
        for method in Method::ALL {
            let fit = &OutputAware::new(&gram).method(method).ternarize(&row).unwrap()[0];
            prop_assert_eq!(fit.dequantize::<f32>(), row.clone());
        }
    }

    /// The nearest vector is that of the crate, and each refinement is at most as bad in the objective it minimises.
    #[test]
    fn refinements_never_raise_the_objective(
        seed in any::<u64>(), inputs in 1_usize..24, rows in 0_usize..40, damping in 0.001_f64..2.0,
        which in 0..CODEBOOKS.len(), group in 1_usize..30, by_activation: bool,
    ) {
        let gram = gram(rows, inputs, seed, seed % 2 == 0);
        let row = weights(inputs, seed ^ 1);
        let aware = OutputAware::new(&gram).codebook(CODEBOOKS[which]).group(Some(group));
        let aware = aware.damping(damping).by_activation(by_activation);
        let fits = Method::ALL.map(|m| aware.method(m).ternarize(&row).unwrap().remove(0));
        for (number, fit) in fits.iter().enumerate() {
            for refined in &fits[3..] {
                let held = refined.objective <= fit.objective + 1e-10 * fit.energy.max(1.0);
                prop_assert!(held || number == 4);
            }
            let levels: Vec<f64> = fit.dequantize::<f32>().iter().map(|&q| q.into()).collect();
            if gram.diagonal().iter().any(|&d| d > 0.0) {
                let expected = objective(&gram, &row, &levels, damping);
                prop_assert!((fit.objective - expected).abs() <= 1e-5 * (fit.energy + expected));
            }
        }
        if CODEBOOKS[which].scales() == 1 {
            let ternarizer = Ternarizer::new().scales(Scales::One);
            for (trits, row) in fits[0].trits.chunks(group).zip(row.chunks(group)) {
                prop_assert_eq!(trits, &ternarizer.ternarize(row).unwrap().0[..]);
            }
        }
    }
}

/// What error feedback leaves: the variance of each input that those after it do not explain, here by elimination of one input after
/// the other from the last on.
#[test]
fn feedback_leaves_the_variances_that_are_not_explained() {
    for (rows, inputs, damping) in [(40, 9, 0.01), (5, 9, 0.1), (60, 1, 0.0), (200, 16, 0.0)] {
        // Without damping no input may be always 0.
        let gram = gram(rows, inputs, 7, damping > 0.0);
        let entry = |i: usize, j: usize| {
            let unit = |k: usize| f64::from(u8::from(k == i)) + f64::from(u8::from(k == j));
            let both: Vec<f64> = (0..inputs).map(unit).collect();
            let one =
                |i| -> Vec<f64> { (0..inputs).map(|k| f64::from(u8::from(k == i))).collect() };
            let error = |difference: &[f64]| gram.error(difference).unwrap();
            if i == j {
                error(&one(i))
            } else {
                (error(&both) - error(&one(i)) - error(&one(j))) / 2.0
            }
        };
        let mut matrix: Vec<Vec<f64>> = (0..inputs)
            .map(|i| (0..inputs).map(|j| entry(i, j)).collect())
            .collect();
        let trace: f64 = (0..inputs).map(|i| matrix[i][i]).sum();
        for (i, row) in matrix.iter_mut().enumerate() {
            row[i] += damping * trace / inputs as f64;
        }
        let all: f64 = (0..inputs).map(|i| matrix[i][i]).sum();
        let mut left = 0.0;
        for last in (0..inputs).rev() {
            let pivot = matrix[last].clone();
            left += pivot[last];
            for row in &mut matrix[..last] {
                let factor = row[last] / pivot[last];
                for (entry, explained) in row.iter_mut().zip(&pivot) {
                    *entry -= factor * explained;
                }
            }
        }
        let share = OutputAware::new(&gram)
            .damping(damping)
            .share_after_feedback();
        let share = share.unwrap();
        assert!((share - left / all).abs() < 1e-9, "{share} {}", left / all);
    }
}
