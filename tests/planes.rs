//! Planes against slow twins: the pair against all `9^N` pairs of ternary vectors, refinement against what no single change may
//! improve, and against the alternation of PTQTP.

mod common;

use common::strategy;
use proptest::collection::vec;
use proptest::prelude::*;
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};
use rand_distr::{Distribution, Exp1, StandardNormal};
use ternarize::planes::{MAX_PLANES, PlaneMethod, Planes, Residual};
use ternarize::stored::ScaleType;
use ternarize::{Error, Weight};

use PlaneMethod::{Greedy, Optimal, Refined};

fn make<W: Weight>(planes: usize, method: PlaneMethod, weights: &[W]) -> Planes {
    let how = Residual::new(planes).method(method);
    how.ternarize(weights).unwrap()
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
        let ([a, b, c], [u, v]) = (self.gram, self.sums);
        let determinant = a * b - c * c;
        match () {
            () if determinant > 0.5 => (u * u * b - 2.0 * u * v * c + v * v * a) / determinant,
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
    let found = make(2, Optimal, weights).relative_error();
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

/// Every value that the scales can make.
fn all_levels(scales: &[f64]) -> Vec<f64> {
    scales.iter().fold(vec![0.0], |levels, scale| {
        let with = |trit: f64| levels.iter().map(move |level| level + trit * scale);
        with(-1.0).chain(with(0.0)).chain(with(1.0)).collect()
    })
}

fn nearest_error(weights: &[f64], scales: &[f64]) -> f64 {
    let levels = all_levels(scales);
    let least = |w: &f64| {
        let squares = levels.iter().map(|level| (w - level) * (w - level));
        squares.fold(f64::INFINITY, f64::min)
    };
    weights.iter().map(least).sum()
}

/// What is said of the planes is true of their trits and scales.
fn checked<W: Weight>(planes: &Planes, weights: &[W]) {
    let mut restored = vec![0.0_f64; weights.len()];
    planes.reconstruct_into(&mut restored).unwrap();
    let (mut lost, mut energy) = (0.0, 0.0);
    let top = weights.iter().fold(W::zero(), |top, w| top.max(w.abs()));
    let unit = top.to_f64().unwrap().max(f64::MIN_POSITIVE);
    for (i, (w, &restored)) in weights.iter().zip(&restored).enumerate() {
        let terms = planes.scales().iter().enumerate();
        let sum: f64 = terms
            .map(|(k, scale)| scale * f64::from(planes.trits(k)[i]))
            .sum();
        assert_eq!(sum.to_bits() << 1, restored.to_bits() << 1);
        let w = w.to_f64().unwrap();
        lost += ((w - sum) / unit).powi(2);
        energy += (w / unit).powi(2);
    }
    let expected = if energy > 0.0 { lost / energy } else { 0.0 };
    let found = planes.relative_error();
    assert!(
        (found - expected).abs() <= 1e-12 * expected + 1e-25,
        "{found} is not {expected}"
    );
    for (k, &scale) in planes.scales().iter().enumerate() {
        assert_eq!(planes.scale_type().round(scale), scale);
        assert!(planes.trits(k).iter().all(|trit| (-1..=1).contains(trit)));
        assert!(scale > 0.0 || planes.trits(k).iter().all(|trit| *trit == 0));
    }
    assert_eq!(planes.trits(planes.planes()), [0_i8; 0]);
}

/// Better methods and more planes have smaller errors, for all scale types.
fn methods_in_order<W: Weight>(weights: &[W]) {
    for &scale_type in ScaleType::ALL {
        let mut one_less = 1.0;
        for count in 1..=MAX_PLANES {
            let how = Residual::new(count).scale_type(scale_type);
            let run = |method| {
                let planes = how.method(method).ternarize(weights).unwrap();
                checked(&planes, weights);
                planes.relative_error()
            };
            let (greedy, refined) = (run(Greedy), run(Refined));
            assert!(
                refined <= greedy && greedy <= one_less,
                "{refined} {greedy} {one_less}"
            );
            if count <= 2 && weights.len() <= 256 {
                assert!(run(Optimal) <= refined);
            }
            one_less = greedy;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn methods_are_in_order_f32(mut weights in strategy::weights::<f32>()) {
        weights.truncate(40);
        methods_in_order(&weights);
    }

    #[test]
    fn methods_are_in_order_f64(mut weights in strategy::weights::<f64>()) {
        weights.truncate(40);
        methods_in_order(&weights);
    }

    /// Each weight takes the nearest of all levels, and no scale alone can be moved to a neighbour with profit.
    #[test]
    fn no_single_change_improves_what_is_refined(weights in vec(-2.0_f32..2.0, 1..60)) {
        let wide: Vec<f64> = weights.iter().copied().map(f64::from).collect();
        let energy = energy(&wide);
        for &scale_type in ScaleType::ALL {
            for count in 2..=MAX_PLANES {
                let planes = Residual::new(count).scale_type(scale_type).ternarize(&weights).unwrap();
                let now = nearest_error(&wide, planes.scales()) / energy;
                prop_assert!((planes.relative_error() - now).abs() < 1e-13);
                for k in 0..count {
                    let scale = planes.scales()[k];
                    let step = scale * 2.0_f64.powi(-25) + f64::MIN_POSITIVE;
                    let below = scale_type.neighbours(scale - step)[0];
                    for other in [below, scale_type.neighbours(scale + step)[1]] {
                        let mut scales = planes.scales().to_vec();
                        scales[k] = other;
                        let other = nearest_error(&wide, &scales) / energy;
prop_assert!(other > now - 1e-13, "{scale_type} {:?} {now} {scales:?} {other}", planes.scales());
                    }
                }
            }
        }
    }

    /// The other signs everywhere; all twice as large or half: the same planes.
    #[test]
    fn signs_and_powers_of_two_pass_through(weights in vec(-2.0_f32..2.0, 1..60), exponent in -20..20) {
        let factor = 2.0_f32.powi(exponent);
        for &scale_type in &[ScaleType::F32, ScaleType::PowerOfTwo] {
            for method in [Greedy, Refined] {
                let how = Residual::new(3).method(method).scale_type(scale_type);
                let run = |factor: f32| {
                    let weights: Vec<f32> = weights.iter().map(|w| w * factor).collect();
                    how.ternarize(&weights).unwrap()
                };
                let (one, scaled, turned) = (run(1.0), run(factor), run(-1.0));
                for k in 0..3 {
                    prop_assert_eq!(one.trits(k), scaled.trits(k));
                    prop_assert_eq!(one.scales()[k] * f64::from(factor), scaled.scales()[k]);
                    prop_assert_eq!(one.scales()[k], turned.scales()[k]);
                    prop_assert!(one.trits(k).iter().zip(turned.trits(k)).all(|(a, b)| *a == -b));
                }
                prop_assert_eq!(one.relative_error(), scaled.relative_error());
            }
        }
    }

    /// What two planes made comes back without error.
    #[test]
    fn a_pair_comes_back(a in 1..200_u8, b in 1..200_u8, codes in vec((-1_i8..=1, -1_i8..=1), 1..100)) {
        let value = |(s, t): &(i8, i8)| f32::from(a) * f32::from(*s) + f32::from(b) * f32::from(*t);
        let weights: Vec<f32> = codes.iter().map(value).collect();
        prop_assert_eq!(make(2, Optimal, &weights).relative_error(), 0.0);
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
        let ([a, b, c], [u, v]) = (pair.gram, pair.sums);
        let (a, b) = (a + 1e-6, b + 1e-6);
        let determinant = a * b - c * c;
        let scales = [(b * u - c * v) / determinant, (a * v - c * u) / determinant];
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
        errors[0] += make(2, method, &weights).relative_error();
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

#[test]
fn edges() {
    for method in [Greedy, Refined, Optimal] {
        let zeros = make(2, method, &[0.0_f32, -0.0, 0.0]);
        assert_eq!(
            (zeros.scales(), zeros.relative_error()),
            (&[0.0, 0.0][..], 0.0)
        );
        assert_eq!(zeros.trits(1), [0, 0, 0]);
        let one = make(2, method, &[-3e38_f32]);
        assert_eq!(
            (one.scales()[0], one.trits(0)),
            (f64::from(3e38_f32), &[-1][..])
        );
        let least = f32::from_bits(1);
        let small = make(2, method, &[least, 2.0 * least, -3.0 * least]);
        assert_eq!(small.relative_error(), 0.0);
        let large = make(2, method, &[3e38_f32, 1e38, -2e38, f32::MAX]);
        assert!(large.relative_error() < 0.1);
        // Beyond the range of the scales: the largest there is, or nothing.
        let beyond = make(2, method, &[1e300_f64, -1e300]);
        assert_eq!(beyond.scales()[0], f64::from(f32::MAX));
        let below = make(2, method, &[1e-300_f64, -1e-310]);
        assert_eq!(
            (below.scales(), below.relative_error()),
            (&[0.0, 0.0][..], 1.0)
        );
    }
}

#[test]
fn bad_input_is_refused() {
    let error = |how: Residual, weights: &[f32]| how.ternarize(weights).unwrap_err();
    let two = Residual::new(2);
    assert_eq!(error(two, &[]), Error::Empty);
    assert_eq!(error(two, &[1.0, f32::NAN]), Error::NonFinite { index: 1 });
    for planes in [0, 5, usize::MAX] {
        let expected = Error::InvalidPlanes { planes, max: 4 };
        for method in [Greedy, Refined, Optimal] {
            assert_eq!(
                error(Residual::new(planes).method(method), &[1.0]),
                expected
            );
        }
    }
    let optimal = two.method(Optimal);
    assert_eq!(
        error(optimal, &[1.0; 257]),
        Error::TooLong { len: 257, max: 256 }
    );
    assert!(matches!(
        error(Residual::new(3).method(Optimal), &[1.0]),
        Error::Conflict { .. }
    ));
    assert!(
        Residual::new(1)
            .method(Optimal)
            .ternarize(&[1.0_f32; 257])
            .is_ok()
    );
    let planes = optimal.ternarize(&[1.0_f32; 256]).unwrap();
    let mismatch = Error::LengthMismatch {
        expected: 256,
        actual: 2,
    };
    assert_eq!(planes.reconstruct_into(&mut [0.0_f32; 2]), Err(mismatch));
}
