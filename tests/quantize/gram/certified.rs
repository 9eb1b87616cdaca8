//! Certified optima against brute force.

use super::data::{all_trits, best_scale_objective, gram, objective, weights};
use ternarize::quantize::gram::{Gram, Method, OutputAware};

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
    for seed in 0..24_u32 {
        let inputs = 1 + seed as usize % 7;
        // Fewer rows than inputs: singular without damping.
        let rows = [2, 5, 50][seed as usize % 3];
        let gram = gram(rows, inputs, seed.into(), seed % 4 == 0);
        let weights = weights(inputs, u64::from(seed) + 100);
        for damping in [0.0, 0.01, 1.0] {
            if gram.diagonal().iter().all(|&d| d == 0.0) {
                continue;
            }
            let aware = OutputAware::new(&gram).damping(damping);
            let optimal = aware.method(Method::Optimal);
            let fit = &optimal.nodes(u64::MAX).ternarize(&weights).unwrap()[0];
            let expected = brute_force(&gram, &weights, damping);
            let zero = vec![0.0; inputs];
            let energy = objective(&gram, &weights, &zero, damping);
            let close = |a: f64, b: f64| (a - b).abs() <= 1e-9 * energy.max(1e-6);
            assert!(fit.proved);
            assert!(close(fit.objective, expected), "{fit:?} {expected}");
            assert!(fit.lower_bound <= fit.objective);
            assert!(close(fit.lower_bound, expected), "{fit:?} {expected}");
            let limited = &optimal.ternarize(&weights).unwrap()[0];
            assert!(close(limited.objective, expected));
            let descent = &aware.ternarize(&weights).unwrap()[0];
            assert!(fit.objective <= descent.objective + 1e-12 * energy);
        }
    }
}

#[test]
fn a_limit_leaves_a_bound_that_holds() {
    let inputs = 9;
    let gram = gram(60, inputs, 3, false);
    let weights = weights(4 * inputs, 4);
    let aware = OutputAware::new(&gram).method(Method::Optimal);
    let optimal = aware.nodes(u64::MAX).ternarize(&weights).unwrap();
    for limit in [0, 1, 3, 10, 30] {
        let limited = aware.nodes(limit).ternarize(&weights).unwrap();
        for (some, all) in limited.iter().zip(&optimal) {
            assert_eq!(some.nodes, limit.min(all.nodes));
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
    let optimal = OutputAware::new(&gram).method(Method::Optimal);
    for fit in optimal.nodes(1 << 17).ternarize(&weights).unwrap() {
        assert!(fit.proved, "{fit:?}");
    }
}
