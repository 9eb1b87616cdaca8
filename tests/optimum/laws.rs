//! Laws, on 200 vectors each that are hard on a search (`common/strategy.rs`): 1 to 300 weights with ties, near-ties, every
//! exponent, subnormals and outliers.

use crate::common::{Sample, bits, strategy, widen};
use proptest::prelude::*;
use ternarize::{Fit, Rule, Scales, Search, Ternarizer, curve};

const PAPER: Ternarizer<'_> = Ternarizer::new();
const EXACT: [Rule; 2] = [Rule::Tnt, Rule::TwoScale];

fn run<W: Sample>(options: Ternarizer<'_>, weights: &[W]) -> (Vec<i8>, Fit<W>) {
    options.ternarize(weights).unwrap()
}

/// The other sign everywhere: the other trits, the two scales exchanged, all else the same bits.
fn sign_symmetry<W: Sample>(weights: &[W]) {
    let opposite: Vec<W> = weights.iter().map(|&w| -w).collect();
    for rule in EXACT {
        let (trits, fit) = run(PAPER.rule(rule), weights);
        let (mirrored, mut mirror) = run(PAPER.rule(rule), &opposite);
        assert!(trits.iter().zip(&mirrored).all(|(a, b)| *a == -b));
        assert_eq!(fit.positives, mirror.negatives());
        mirror.positives = fit.positives;
        (mirror.lambda_p, mirror.lambda_n) = (mirror.lambda_n, mirror.lambda_p);
        (mirror.threshold_p, mirror.threshold_n) = (mirror.threshold_n, mirror.threshold_p);
        assert_eq!(bits(&fit)[..6], bits(&mirror)[..6]);
        assert!((fit.cosine - mirror.cosine).abs() < 1e-15);
        assert!((fit.relative_error - mirror.relative_error).abs() < 1e-14);
    }
}

/// Another order: the trits follow, scales and thresholds are the same bits, sums of `f64` move by rounding.
fn permutation_equivariance<W: Sample>(weights: &[W], masses: &[f32], order: &[u32]) {
    let mut places: Vec<usize> = (0..weights.len()).collect();
    places.sort_by_key(|&i| order[i]);
    let moved: Vec<W> = places.iter().map(|&i| weights[i]).collect();
    let moved_masses: Vec<f32> = places.iter().map(|&i| masses[i]).collect();
    for rule in EXACT {
        let pairs = [
            (PAPER, PAPER),
            (PAPER.importance(masses), PAPER.importance(&moved_masses)),
        ];
        for (before, after) in pairs {
            let (trits, fit) = run(before.rule(rule), weights);
            let (other, new) = run(after.rule(rule), &moved);
            assert!(places.iter().zip(&other).all(|(&i, t)| trits[i] == *t));
            assert_eq!(bits(&fit)[..6], bits(&new)[..6]);
            assert!((fit.cosine - new.cosine).abs() < 1e-15);
        }
    }
}

/// Twice as large, or half: the same trits and figures to the bit, scales and thresholds twice as large, or half.
fn scale_equivariance<W: Sample>(weights: &[W], exponent: i32) {
    // Where no half of a scale is subnormal, nothing rounds anew.
    let least = W::min_positive_value() * W::from(4).unwrap();
    let normal = |w: W| if w.abs() < least { W::zero() } else { w };
    let weights: Vec<W> = weights.iter().copied().map(normal).collect();
    let factor = (W::one() + W::one()).powi(exponent);
    let scaled: Vec<W> = weights.iter().map(|&w| w * factor).collect();
    let fits = |(&w, &v): (&W, &W)| w.is_zero() || (v.is_finite() && v.abs() >= least);
    if !weights.iter().zip(&scaled).all(fits) {
        return;
    }
    for rule in EXACT {
        let (trits, fit) = run(PAPER.rule(rule), &weights);
        let (same, new) = run(PAPER.rule(rule), &scaled);
        assert_eq!(trits, same);
        assert_eq!(bits(&fit)[6..], bits(&new)[6..]);
        assert_eq!(new.lambda_p, fit.lambda_p * factor);
        assert_eq!(new.lambda_n, fit.lambda_n * factor);
        assert_eq!(new.threshold_p, fit.threshold_p * factor);
        assert_eq!(new.threshold_n, fit.threshold_n * factor);
        if rule == Rule::Tnt {
            assert_eq!(new.lambda, fit.lambda * factor);
        }
    }
}

/// What was restored from the trits comes back as it is, without error: trits and scale.
fn idempotence<W: Sample>(weights: &[W]) {
    let (trits, fit) = run(PAPER.scales(Scales::One), weights);
    let restored: Vec<W> = trits.iter().map(|&t| fit.value(t)).collect();
    // AbsMean is left out: its scale is the mean of all, the zeros included.
    for rule in [Rule::Tnt, Rule::TwoScale, Rule::Twn, Rule::AbsMax] {
        let (same, again) = run(PAPER.rule(rule), &restored);
        assert_eq!(same, trits, "{rule}");
        assert_eq!(again.relative_error.to_bits(), 0, "{rule}");
        assert!((again.cosine - fit.cosine.ceil()).abs() < 1e-15);
        if rule != Rule::TwoScale {
            assert_eq!(again.lambda, fit.lambda, "{rule}");
        }
    }
}

/// A trit is the sign of its weight where the magnitude is above the threshold and something depends on it, and 0 elsewhere.
fn threshold_set<W: Sample>(weights: &[W], masses: &[f32]) {
    let check = |options: Ternarizer<'_>, masses: Option<&[f32]>| {
        let (trits, fit) = run(options, weights);
        for (i, (&w, &trit)) in weights.iter().zip(&trits).enumerate() {
            let threshold = if w < W::zero() {
                fit.threshold_n
            } else {
                fit.threshold_p
            };
            let counts = masses.is_none_or(|h| h[i] > 0.0);
            let expected = match () {
                () if !counts || w.abs() <= threshold => 0,
                () if w > W::zero() => 1,
                () => -1,
            };
            assert_eq!(trit, expected, "{w} beside {threshold}");
        }
        let count = |sign: fn(i8) -> bool| trits.iter().filter(|&&t| sign(t)).count();
        assert_eq!(fit.nonzeros, count(|t| t != 0));
        assert_eq!(
            (fit.positives, fit.negatives()),
            (count(|t| t > 0), count(|t| t < 0))
        );
    };
    for rule in Rule::ALL {
        check(PAPER.rule(rule), None);
    }
    for rule in EXACT {
        check(PAPER.rule(rule).importance(masses), Some(masses));
    }
}

/// What rounding a scale to the type may add to the relative error: `(ulp/2)^2` for each non-zero.
fn rounding<W: Sample>(weights: &[W], fit: &Fit<W>) -> f64 {
    let top = widen(weights).into_iter().map(f64::abs).fold(0.0, f64::max);
    if top == 0.0 {
        return 0.0;
    }
    let ulp = |x: W| {
        let next = (x.bits() + 1).min(W::INFINITY_BITS - 1);
        (W::magnitude(next).wide() - W::magnitude(next - 1).wide()) / top
    };
    let half = ulp(fit.lambda)
        .max(ulp(fit.lambda_p))
        .max(ulp(fit.lambda_n))
        / 2.0;
    let energy: f64 = widen(weights).iter().map(|w| (w / top).powi(2)).sum();
    half * half * fit.nonzeros as f64 / energy + 1e-13
}

/// No baseline has a larger cosine or a smaller error, and two supports are never worse than one.
fn never_worse<W: Sample>(weights: &[W]) {
    let (_, one) = run(PAPER.scales(Scales::One), weights);
    let slack = rounding(weights, &one);
    for rule in [Rule::Twn, Rule::AbsMean, Rule::AbsMax] {
        let (_, baseline) = run(PAPER.rule(rule).scales(Scales::One), weights);
        assert!(one.cosine >= baseline.cosine - 1e-15, "{rule}");
        assert!(
            one.relative_error <= baseline.relative_error + slack,
            "{rule}"
        );
    }
    let (_, two) = run(PAPER, weights);
    let (_, best) = run(PAPER.rule(Rule::TwoScale), weights);
    assert!(two.relative_error <= one.relative_error + rounding(weights, &two));
    assert!(best.relative_error <= two.relative_error + rounding(weights, &best));
}

/// With one scale the squared error is what the projection leaves, but for the rounding of the scale.
fn error_is_sine_squared<W: Sample>(weights: &[W]) {
    let (_, fit) = run(PAPER.scales(Scales::One), weights);
    if fit.nonzeros > 0 {
        let sine_squared = 1.0 - fit.cosine * fit.cosine;
        let off = (fit.relative_error - sine_squared).abs();
        assert!(off <= rounding(weights, &fit), "{off:e}");
    }
}

/// Both searches give the same bits, whatever is asked.
fn searches_agree<W: Sample>(weights: &[W], masses: &[f32], (a, b): (usize, usize), target: f64) {
    let (min, max) = (a.min(b), a.max(b));
    let asked = [
        PAPER,
        PAPER.rule(Rule::TwoScale),
        PAPER.importance(masses),
        PAPER.rule(Rule::TwoScale).importance(masses),
        PAPER.nonzeros(min),
        PAPER.min_nonzeros(min).max_nonzeros(max),
        PAPER.target_cosine(target),
        PAPER
            .target_cosine(target)
            .min_nonzeros(min)
            .max_nonzeros(max),
    ];
    for options in asked {
        let answer = |search| match options.search(search).ternarize(weights) {
            Ok((trits, fit)) => Ok((trits, bits(&fit))),
            Err(error) => Err(error),
        };
        assert_eq!(answer(Search::Auto), answer(Search::Sort), "{options:?}");
    }
}

/// The curve passes through the fit's cosine at its number of non-zeros to the bit, and above it nowhere but by rounding.
fn curve_peaks_at_the_optimum<W: Sample>(weights: &[W]) {
    let (_, fit) = run(PAPER, weights);
    let cosines = curve(weights).unwrap();
    assert_eq!(cosines.len(), weights.len());
    if fit.nonzeros > 0 {
        assert_eq!(cosines[fit.nonzeros - 1].to_bits(), fit.cosine.to_bits());
    }
    let highest = cosines.into_iter().fold(0.0, f64::max);
    assert!(highest <= fit.cosine * (1.0 + 4.0 * f64::EPSILON));
}

/// The same values in a wider type: the same trits and cosine.
fn same_in<W: Sample, V: Sample>(weights: &[W], masses: &[f32]) {
    let wider: Vec<V> = weights
        .iter()
        .map(|w| num_traits::cast(*w).unwrap())
        .collect();
    assert_eq!(widen(weights), widen(&wider));
    for options in EXACT
        .map(|rule| [PAPER.rule(rule), PAPER.rule(rule).importance(masses)])
        .concat()
    {
        let ((trits, fit), (same, wide)) = (run(options, weights), run(options, &wider));
        assert_eq!(trits, same);
        assert_eq!(fit.cosine.to_bits(), wide.cosine.to_bits());
    }
}

/// An error leaves the trits alone, wherever in the work it is found.
fn errors_leave_the_trits<W: Sample>(weights: &[W], masses: &[f32], place: usize) {
    let place = place % weights.len();
    let (mut bad, mut worse) = (weights.to_vec(), masses.to_vec());
    (bad[place], worse[place]) = (W::nan(), -1.0);
    let failing = [
        (PAPER, &bad[..]),
        (PAPER.importance(&worse), weights),
        (PAPER.importance(&masses[1..]), weights),
        (PAPER.min_nonzeros(2).max_nonzeros(1), weights),
        (PAPER.target_cosine(-1.0), weights),
        (PAPER.nonzeros(0).target_cosine(0.5), weights),
        (PAPER.rule(Rule::Twn).nonzeros(1), weights),
    ];
    for (options, weights) in failing {
        let mut trits = vec![7; weights.len()];
        assert!(
            options.ternarize_into(weights, &mut trits).is_err(),
            "{options:?}"
        );
        assert!(trits.iter().all(|&t| t == 7), "{options:?}");
    }
}

fn count() -> impl Strategy<Value = usize> {
    prop_oneof![0..=300_usize, 1..=5_usize, 30..=36_usize]
}

macro_rules! laws {
    ($name:ident, $type:ty) => {
        mod $name {
            use super::*;

            proptest! {
                #![proptest_config(ProptestConfig::with_cases(200))]

                #[test]
                fn searches_agree(
                    (weights, masses) in strategy::weighted::<$type>(),
                    counts in (count(), count()),
                    target in 0.05..=1.0,
                ) {
                    super::searches_agree(&weights, &masses, counts, target);
                }

                #[test]
                fn threshold_set((weights, masses) in strategy::weighted::<$type>()) {
                    super::threshold_set(&weights, &masses);
                }

                #[test]
                fn symmetry(
                    (weights, masses) in strategy::weighted::<$type>(),
                    order in prop::collection::vec(any::<u32>(), 300),
                    exponent in -12..=12,
                ) {
                    sign_symmetry(&weights);
                    permutation_equivariance(&weights, &masses, &order);
                    scale_equivariance(&weights, exponent);
                }

                #[test]
                fn optimality(weights in strategy::weights::<$type>()) {
                    idempotence(&weights);
                    never_worse(&weights);
                    error_is_sine_squared(&weights);
                    curve_peaks_at_the_optimum(&weights);
                }

                #[test]
                fn errors_leave_the_trits(
                    (weights, masses) in strategy::weighted::<$type>(),
                    place in any::<usize>(),
                ) {
                    super::errors_leave_the_trits(&weights, &masses, place);
                }
            }
        }
    };
}
laws!(of_f32, f32);
laws!(of_f64, f64);
#[cfg(feature = "half")]
laws!(of_f16, half::f16);
#[cfg(feature = "half")]
laws!(of_bf16, half::bf16);

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn f32_in_f64((weights, masses) in strategy::weighted::<f32>()) {
        same_in::<f32, f64>(&weights, &masses);
    }
}

#[cfg(feature = "half")]
proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn f16_in_f32((weights, masses) in strategy::weighted::<half::f16>()) {
        same_in::<half::f16, f32>(&weights, &masses);
    }

    #[test]
    fn bf16_in_f32((weights, masses) in strategy::weighted::<half::bf16>()) {
        same_in::<half::bf16, f32>(&weights, &masses);
    }
}
