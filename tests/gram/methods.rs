//! The methods against each other, and against all single changes.

use crate::data::{
    CODEBOOKS, all_trits, best_scale_objective, gram, level, levels, objective, weights,
};
use ternarize::gram::{Method, OutputAware};

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
