//! The methods against each other, and against all single changes.

use super::data::{
    CODEBOOKS, all_trits, best_scale_objective, gram, level, levels, objective, weights,
};
use ternarize::quantize::Codebook;
use ternarize::quantize::gram::{Method, OutputAware};

#[test]
fn a_method_never_loses_to_its_starts_and_reports_its_objective() {
    for (seed, inputs, group) in [
        (1, 20, None),
        (2, 22, Some(8)),
        (3, 18, Some(5)),
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
                        let [.., descent, optimal] = fits;
                        assert!(
                            descent.objective <= fit.objective + 1e-10 * fit.energy
                                || fit == optimal
                        );
                        assert!(optimal.objective <= fit.objective + 1e-10 * fit.energy);
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

/// The least objective of two columns of coefficients over both scales, neither below 0 unless `signed`: a quadratic, known from
/// its values at six points, is least inside or on an edge.
fn best_scales_objective(at: impl Fn([f64; 2]) -> f64, signed: bool) -> f64 {
    let zero = at([0.0, 0.0]);
    // Both signs of the scales, as the formula has it for scales that may not be negative, too.
    let values = [[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]].map(&at);
    let slope = [0, 1].map(|c| (values[c] - values[c + 2]) / 2.0);
    let bend = [0, 1].map(|c| f64::midpoint(values[c], values[c + 2]) - zero);
    let cross = (at([1.0, 1.0]) - zero - slope[0] - slope[1] - bend[0] - bend[1]) / 2.0;
    let determinant = bend[0] * bend[1] - cross * cross;
    let inside = [
        (slope[1] * cross - slope[0] * bend[1]) / (2.0 * determinant),
        (slope[0] * cross - slope[1] * bend[0]) / (2.0 * determinant),
    ];
    let mut candidates = vec![[0.0; 2]];
    if determinant > 1e-6 * bend[0] * bend[1] {
        candidates.push(inside);
    }
    for c in 0..2 {
        let mut alone = [0.0; 2];
        if bend[c] > 0.0 {
            alone[c] = -slope[c] / (2.0 * bend[c]);
        }
        candidates.push(alone);
    }
    let allowed = |scales: &[f64; 2]| signed || scales.iter().all(|&s| s >= 0.0);
    let objectives = candidates.into_iter().filter(allowed).map(at);
    objectives.fold(f64::INFINITY, f64::min)
}

/// With two scales for the row, not even if both follow.
#[test]
fn descent_of_two_scales_ends_where_no_single_change_helps_with_both_scales() {
    let inputs = 16;
    for seed in 0..4 {
        let gram = gram(40, inputs, seed, false);
        let row = weights(inputs, seed + 30);
        for codebook in [Codebook::TwoScales, Codebook::Planes(2)] {
            let aware = OutputAware::new(&gram).codebook(codebook);
            let fit = &aware.ternarize(&row).unwrap()[0];
            for i in 0..inputs {
                for trits in all_trits(codebook.planes()) {
                    let mut other = fit.clone();
                    for (plane, &trit) in trits.iter().enumerate() {
                        other.trits[plane * inputs + i] = trit;
                    }
                    let at = |scales: [f64; 2]| {
                        let mut other = other.clone();
                        other.scales = scales.to_vec();
                        objective(&gram, &row, &levels(&other), 0.01)
                    };
                    let best = best_scales_objective(at, codebook != Codebook::TwoScales);
                    assert!(
                        best >= fit.objective - 1e-8 * fit.energy,
                        "{codebook:?} {i} {trits:?}"
                    );
                }
            }
        }
    }
}
