//! Two planes: the optimal pair against all `9^N` pairs of ternary vectors, and refinement against it and the alternation of PTQTP.

use proptest::collection::vec;
use proptest::prelude::*;
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};
use rand_distr::{Distribution, Exp1, StandardNormal};
use ternarize::Weight;
use ternarize::quantize::planes::PlaneMethod::{self, Optimal, Refined};
use ternarize::quantize::planes::Planes;

/// The relative error of two planes.
fn error_of_two<W: Weight>(method: PlaneMethod, weights: &[W]) -> f64 {
    let how = Planes::new(2).method(method);
    how.ternarize(weights).unwrap().relative_error()
}

fn energy(weights: &[f64]) -> f64 {
    weights.iter().map(|w| w * w).sum()
}

/// Sums over some weights, each with a trit in either plane.
#[derive(Clone, Copy, Default)]
struct Pair {
    gram: [f64; 3],
    sums: [f64; 2],
}

impl Pair {
    fn with(mut self, weight: f64, [s, t]: [i8; 2]) -> Self {
        let (s, t) = (f64::from(s), f64::from(t));
        for (sum, term) in self.gram.iter_mut().zip([s * s, t * t, s * t]) {
            *sum += term;
        }
        self.sums[0] += s * weight;
        self.sums[1] += t * weight;
        self
    }

    /// What the best scales gain; of parallel planes, the first if it is not empty.
    fn gain(&self) -> f64 {
        let ([a, b, both], [u, v]) = (self.gram, self.sums);
        let determinant = a * b - both * both;
        match () {
            () if determinant > 0.5 => (u * u * b - 2.0 * u * v * both + v * v * a) / determinant,
            () if a > 0.5 => u * u / a,
            () if b > 0.5 => v * v / b,
            () => 0.0,
        }
    }

    /// The largest gain of all assignments of the weights that are left.
    fn most(self, weights: &[f64]) -> f64 {
        let Some((&first, rest)) = weights.split_first() else {
            return self.gain();
        };
        let trits = [-1, 0, 1];
        let pairs = trits.into_iter().flat_map(|s| trits.map(|t| [s, t]));
        pairs
            .map(|pair| self.with(first, pair).most(rest))
            .fold(0.0, f64::max)
    }
}

/// The pair is as good as the best of all `9^N`.
fn equals_enumeration<W: Weight>(weights: &[W]) {
    let found = error_of_two(Optimal, weights);
    let weights: Vec<f64> = weights.iter().map(|w| w.to_f64().unwrap()).collect();
    let energy = energy(&weights);
    let least = 1.0 - Pair::default().most(&weights) / energy;
    // The scales are rounded to f32, which costs the square of the rounding.
    assert!(
        (found - least).abs() < 1e-13,
        "{found} instead of {least}: {weights:?}"
    );
}

#[test]
fn the_best_pair_is_that_of_enumeration() {
    // Lines through the same points, equal levels, runs of equals, zeros, one plane enough.
    let structured: [&[f32]; 12] = [
        &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
        &[1.0, -2.0, 4.0, -8.0, 16.0],
        &[1.0, 3.0, 9.0, 27.0, -81.0],
        &[3.0, 3.0, 2.0, 2.0, 1.0, 1.0],
        &[5.0, 5.0, 5.0, -4.0, 0.0, 0.0],
        &[7.0, 7.0, 7.0],
        &[1.0, 1.25, 0.75, 0.25, -1.25],
        &[6.0, 5.0, -4.0, 2.0, 1.0],
        &[1.0],
        &[1e-3, 1.0, 1e3],
        &[13.0, 8.0, 5.0, 3.0, 2.0, 1.0],
        &[100.0, 99.0, 1.0, 1.5, 2.0, -2.5],
    ];
    for weights in structured {
        equals_enumeration(weights);
    }
}

fn integers(len: core::ops::Range<usize>) -> impl Strategy<Value = Vec<f32>> {
    let integer = (-12_i8..=12).prop_map(f32::from);
    vec(integer, len).prop_filter("not all zeros", |w| w.iter().any(|&x| x != 0.0))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_best_pair_of_integers_is_that_of_enumeration(weights in integers(1..6)) {
        equals_enumeration(&weights);
    }

    /// What two planes made comes back without error.
    #[test]
    fn a_pair_comes_back(a in 1..200_u8, b in 1..200_u8, codes in vec((-1_i8..=1, -1_i8..=1), 1..100)) {
        let value = |(s, t): &(i8, i8)| f32::from(a) * f32::from(*s) + f32::from(b) * f32::from(*t);
        let weights: Vec<f32> = codes.iter().map(value).collect();
        prop_assert_eq!(error_of_two(Optimal, &weights).to_bits(), 0);
    }

    #[test]
    fn the_best_pair_of_floats_is_that_of_enumeration(weights in vec(-1.0_f64..1.0, 1..6)) {
        equals_enumeration(&weights);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]

    #[test]
    fn the_best_pair_of_six_is_that_of_enumeration(
        weights in vec(-1.0_f32..1.0, 6),
        integers in integers(6..7),
    ) {
        equals_enumeration(&weights);
        equals_enumeration(&integers);
    }
}

/// The alternation of PTQTP: scales by ridge regression, then each weight takes the nearest of nine levels, 50 times; both planes
/// start as the signs of the weights. Then both scales are equal and levels coincide: the first of equals counts.
fn ptqtp(weights: &[f64], order: [i8; 3]) -> f64 {
    let nine = order.map(|s| order.map(|t| [s, t])).concat();
    let mut trits: Vec<[i8; 2]> = weights
        .iter()
        .map(|w| [if *w > 0.0 { 1 } else { -1 }; 2])
        .collect();
    let mut lost = 0.0;
    for _ in 0..50 {
        let pairs = weights.iter().zip(&trits);
        let pair = pairs.fold(Pair::default(), |pair, (&w, &code)| pair.with(w, code));
        let ([a, b, both], [u, v]) = (pair.gram, pair.sums);
        let (a, b) = (a + 1e-6, b + 1e-6);
        let determinant = a * b - both * both;
        let scales = [b * u - both * v, a * v - both * u].map(|x| x / determinant);
        let level = |[s, t]: [i8; 2]| scales[0] * f64::from(s) + scales[1] * f64::from(t);
        let levels: Vec<f64> = nine.iter().copied().map(level).collect();
        let before = trits.clone();
        lost = 0.0;
        for (w, own) in weights.iter().zip(&mut trits) {
            let mut least = f64::INFINITY;
            for (&code, level) in nine.iter().zip(&levels) {
                let error = (w - level) * (w - level);
                if error < least {
                    (least, *own) = (error, code);
                }
            }
            lost += least;
        }
        if trits == before {
            break;
        }
    }
    lost / energy(weights)
}

/// Signal to error in dB, over some groups: of the planes, and of PTQTP with either order of the nine.
fn decibels(len: usize, laplace: bool, method: PlaneMethod, groups: usize) -> [f64; 3] {
    let mut random = ChaCha8Rng::seed_from_u64(5);
    let mut errors = [0.0; 3];
    for _ in 0..groups {
        let mut weight = || -> f64 {
            if laplace {
                let magnitude: f64 = Exp1.sample(&mut random);
                if random.random() {
                    magnitude
                } else {
                    -magnitude
                }
            } else {
                StandardNormal.sample(&mut random)
            }
        };
        let weights: Vec<f64> = (0..len).map(|_| weight()).collect();
        errors[0] += error_of_two(method, &weights);
        errors[1] += ptqtp(&weights, [0, 1, -1]);
        errors[2] += ptqtp(&weights, [-1, 0, 1]);
    }
    errors.map(|error| -10.0 * (error / groups as f64).log10())
}

#[test]
fn refinement_beats_the_alternation_of_ptqtp() {
    // How much better than PTQTP with zeros first, where positive and negative weights are treated alike, and with ties broken by
    // the order of numbers, where they are not, which helps it.
    let least = [
        (128, false, [0.3, 0.3]),
        (128, true, [0.3, 0.2]),
        (32, false, [1.0, 1.0]),
        (32, true, [1.0, 0.8]),
    ];
    for (len, laplace, least) in least {
        let [ours, zeros_first, in_order] = decibels(len, laplace, Refined, 200);
        let better = [ours - zeros_first, ours - in_order];
        assert!(
            better[0] >= least[0] && better[1] >= least[1],
            "{len} {laplace}: {better:?}"
        );
    }
}

#[test]
fn refinement_comes_close_to_the_best_pair() {
    for laplace in [false, true] {
        let [refined, ..] = decibels(24, laplace, Refined, 60);
        let [optimal, ..] = decibels(24, laplace, Optimal, 60);
        assert!(
            (0.0..0.05).contains(&(optimal - refined)),
            "{refined} {optimal}"
        );
    }
}
