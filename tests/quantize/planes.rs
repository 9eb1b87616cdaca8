//! Planes against plain sums over their trits, and against what no single change may improve; laws, edges and refusals.

#![expect(
    clippy::float_cmp,
    reason = "where nothing rounds, the same number is what is promised"
)]

use crate::common::strategy;
use proptest::collection::vec;
use proptest::prelude::*;
use rand::{SeedableRng, rngs::ChaCha8Rng};
use rand_distr::{Distribution, StandardNormal};
use ternarize::Operand;
use ternarize::ScaleType;
use ternarize::quantize::RowFit;
use ternarize::quantize::planes::{MAX_PLANES, PlaneMethod, Planes};
use ternarize::{Error, Weight};

use PlaneMethod::{Greedy, Optimal, Refined};

fn make<W: Weight>(planes: usize, method: PlaneMethod, weights: &[W]) -> RowFit {
    let how = Planes::new(planes).method(method);
    how.ternarize(weights).unwrap()
}

fn energy(weights: &[f64]) -> f64 {
    weights.iter().map(|w| w * w).sum()
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
fn checked<W: Weight>(planes: &RowFit, weights: &[W]) {
    let mut restored = vec![0.0_f64; weights.len()];
    planes.dequantize_into(&mut restored).unwrap();
    let (mut lost, mut energy) = (0.0, 0.0);
    let top = weights.iter().fold(W::zero(), |top, w| top.max(w.abs()));
    let unit = top.to_f64().unwrap().max(f64::MIN_POSITIVE);
    for (i, (w, &restored)) in weights.iter().zip(&restored).enumerate() {
        let terms = planes.scales.iter().enumerate();
        let sum: f64 = terms
            .map(|(k, scale)| scale * f64::from(planes.plane(k)[i]))
            .sum();
        let largest = sum.clamp(f64::MIN, f64::MAX);
        assert_eq!(largest.to_bits() << 1, restored.to_bits() << 1);
        let w = w.to_f64().unwrap();
        // Sums of `f64` scales may be beyond the largest number, but not halves of them.
        let difference = if sum.is_finite() {
            (w - sum) / unit
        } else {
            let terms = planes.scales.iter().enumerate();
            let terms = terms.map(|(k, scale)| 0.5 * scale * f64::from(planes.plane(k)[i]));
            (0.5 * w - terms.sum::<f64>()) / (0.5 * unit)
        };
        lost += difference.powi(2);
        energy += (w / unit).powi(2);
    }
    let expected = if energy > 0.0 { lost / energy } else { 0.0 };
    let found = planes.relative_error();
    // The sum of the levels is rounded here, by some 2^-53 of a weight: a difference `d` errs by that, and its square by `2 d` times that.
    let rounding = 1e-15 * expected.sqrt();
    assert!(
        (found - expected).abs() <= 1e-12 * expected + rounding + 1e-22,
        "{found} is not {expected}"
    );
    for (k, &scale) in planes.scales.iter().enumerate() {
        assert_eq!(planes.scale_type.round(scale), scale);
        assert!(planes.plane(k).iter().all(|trit| (-1..=1).contains(trit)));
        assert!(scale > 0.0 || planes.plane(k).iter().all(|trit| *trit == 0));
    }
    assert_eq!(planes.plane(planes.codebook.planes()), [0_i8; 0]);
}

/// Whether a scale may be larger than the largest value of its type, or smaller than the smallest.
fn beyond<W: Weight>(weights: &[W], scale_type: ScaleType) -> bool {
    let most = weights.iter().fold(W::zero(), |most, w| most.max(w.abs()));
    let most = most.to_f64().unwrap();
    most > scale_type.largest() || most > 0.0 && scale_type.round(most) == 0.0
}

/// Better methods and more planes have smaller errors, for all scale types.
fn methods_in_order<W: Weight>(weights: &[W]) {
    for scale_type in ScaleType::ALL {
        if beyond(weights, scale_type) {
            continue;
        }
        let mut one_less = 1.0;
        for count in 1..=MAX_PLANES {
            let how = Planes::new(count).scale_type(scale_type);
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
        for scale_type in ScaleType::ALL {
            for count in 2..=MAX_PLANES {
                let planes = Planes::new(count).scale_type(scale_type).ternarize(&weights).unwrap();
                let now = nearest_error(&wide, &planes.scales) / energy;
                prop_assert!((planes.relative_error() - now).abs() < 1e-13);
                for k in 0..count {
                    let scale = planes.scales[k];
                    let step = scale * 2.0_f64.powi(-25) + f64::MIN_POSITIVE;
                    let below = scale_type.neighbours(scale - step)[0];
                    for other in [below, scale_type.neighbours(scale + step)[1]] {
                        let mut scales = planes.scales.clone();
                        scales[k] = other;
                        let other = nearest_error(&wide, &scales) / energy;
prop_assert!(other > now - 1e-13, "{scale_type} {:?} {now} {scales:?} {other}", planes.scales);
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
                let how = Planes::new(3).method(method).scale_type(scale_type);
                let run = |factor: f32| {
                    let weights: Vec<f32> = weights.iter().map(|w| w * factor).collect();
                    how.ternarize(&weights).unwrap()
                };
                let (one, scaled, turned) = (run(1.0), run(factor), run(-1.0));
                for k in 0..3 {
                    prop_assert_eq!(one.plane(k), scaled.plane(k));
                    prop_assert_eq!(one.scales[k] * f64::from(factor), scaled.scales[k]);
                    prop_assert_eq!(one.scales[k], turned.scales[k]);
                    prop_assert!(one.plane(k).iter().zip(turned.plane(k)).all(|(a, b)| *a == -b));
                }
                prop_assert_eq!(one.relative_error(), scaled.relative_error());
            }
        }
    }
}

#[test]
fn shifts_are_the_best_of_all_pairs() {
    let mut random = ChaCha8Rng::seed_from_u64(6);
    for _ in 0..25 {
        let weights: Vec<f64> = (0..20)
            .map(|_| StandardNormal.sample(&mut random))
            .collect();
        let shifts = Planes::new(2).scale_type(ScaleType::PowerOfTwo);
        let found = shifts.ternarize(&weights).unwrap().relative_error();
        let powers = || (-12..4).map(|exponent| 2.0_f64.powi(exponent));
        let pairs = powers().flat_map(|a| powers().map(move |b| [a, b]));
        let errors = pairs.map(|pair| nearest_error(&weights, &pair));
        let least = errors.fold(f64::INFINITY, f64::min) / energy(&weights);
        assert!((found - least).abs() < 1e-13, "{found} {least}");
    }
}

#[test]
fn edges() {
    for method in [Greedy, Refined, Optimal] {
        let zeros = make(2, method, &[0.0_f32, -0.0, 0.0]);
        assert_eq!(
            (&zeros.scales[..], zeros.relative_error()),
            (&[0.0, 0.0][..], 0.0)
        );
        assert_eq!(zeros.plane(1), [0, 0, 0]);
        let one = make(2, method, &[-3e38_f32]);
        assert_eq!(
            (one.scales[0], one.plane(0)),
            (f64::from(3e38_f32), &[-1][..])
        );
        let least = f32::from_bits(1);
        let small = make(2, method, &[least, 2.0 * least, -3.0 * least]);
        assert_eq!(small.relative_error(), 0.0);
        let large = make(2, method, &[3e38_f32, 1e38, -2e38, f32::MAX]);
        assert!(large.relative_error() < 0.1);
    }
}

/// A layer must not vanish, or be cut off, because of the type of its scales.
#[test]
fn scales_beyond_the_range_are_refused() {
    let (what, index) = (Operand::Scale, 0);
    let refused = Err(Error::Unstorable { what, index });
    let waves: Vec<f32> = (0..256_u16).map(|i| (f32::from(i) * 0.7).sin()).collect();
    let scaled = |factor: f32| -> Vec<f32> { waves.iter().map(|w| w * factor).collect() };
    for method in [Greedy, Refined, Optimal] {
        for planes in 1..=if method == Optimal { 2 } else { 3 } {
            let how = Planes::new(planes).method(method);
            for weights in [&[1e300_f64, -1e300], &[1e-300_f64, -1e-310]] {
                assert_eq!(how.ternarize(weights), refused);
            }
            let half = how.scale_type(ScaleType::F16);
            for factor in [1e6, 1e-8] {
                assert_eq!(
                    half.ternarize(&scaled(factor)),
                    refused,
                    "{method:?} {planes}"
                );
            }
            // Within the range, even where a second scale may vanish.
            for factor in [5e4, 1.0, 1e-3, 1e-6] {
                let fit = half.ternarize(&scaled(factor)).unwrap();
                assert!(fit.relative_error() < 0.3, "{method:?} {planes} {factor}");
            }
            let ternary = half.ternarize(&[0.1_f32, -0.1, 0.0, 0.1]).unwrap();
            assert!(ternary.relative_error() < 1e-6);
            assert!(half.ternarize(&[0.0_f32; 4]).is_ok());
        }
    }
}

#[test]
fn bad_input_is_refused() {
    let error = |how: Planes, weights: &[f32]| how.ternarize(weights).unwrap_err();
    let two = Planes::new(2);
    assert_eq!(error(two, &[]), Error::Empty);
    assert_eq!(
        error(two, &[1.0, f32::NAN]),
        Error::InvalidValue {
            what: Operand::Weight,
            index: 1
        }
    );
    for planes in [0, 5, usize::MAX] {
        let expected = Error::TooMany {
            what: Operand::Plane,
            given: planes,
            max: 4,
        };
        for method in [Greedy, Refined, Optimal] {
            assert_eq!(error(Planes::new(planes).method(method), &[1.0]), expected);
        }
    }
    let optimal = two.method(Optimal);
    assert_eq!(
        error(optimal, &[1.0; 257]),
        Error::TooMany {
            what: Operand::Weight,
            given: 257,
            max: 256
        }
    );
    assert!(matches!(
        error(Planes::new(3).method(Optimal), &[1.0]),
        Error::Conflict { .. }
    ));
    assert!(
        Planes::new(1)
            .method(Optimal)
            .ternarize(&[1.0_f32; 257])
            .is_ok()
    );
    let planes = optimal.ternarize(&[1.0_f32; 256]).unwrap();
    let mismatch = Error::LengthMismatch {
        expected: 256,
        actual: 2,
    };
    assert_eq!(planes.dequantize_into(&mut [0.0_f32; 2]), Err(mismatch));
}
