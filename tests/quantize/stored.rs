//! Stored scales: rounding against all values of a type, and the search against all trits with all scales nearby.

#![expect(
    clippy::float_cmp,
    reason = "where nothing rounds, the same number is what is promised"
)]

use crate::common::strategy;
use proptest::collection::vec;
use proptest::prelude::*;
use ternarize::Operand;
use ternarize::ScaleType;
use ternarize::{Error, Fit, Rule, Weight};

/// The types whose values are all numbers of `f32`.
const NARROW: [ScaleType; 4] = [
    ScaleType::F32,
    ScaleType::F16,
    ScaleType::Bf16,
    ScaleType::PowerOfTwo,
];

/// The value of the bits of a float with so many bits of fraction, and this exponent bias.
fn decoded(bits: u32, fraction: i32, bias: i32) -> f64 {
    let field = i32::try_from(bits >> fraction).unwrap();
    let rest = f64::from(bits & ((1 << fraction) - 1)) * 2.0_f64.powi(-fraction);
    match field {
        0 => rest * 2.0_f64.powi(1 - bias),
        _ => (1.0 + rest) * 2.0_f64.powi(field - bias),
    }
}

#[cfg(feature = "half")]
#[test]
fn values_of_16_bits_are_those_of_the_crate_half() {
    let f16: Vec<f64> = (0..0x7c00)
        .map(|b| half::f16::from_bits(b).to_f64())
        .collect();
    assert_eq!(values(ScaleType::F16), f16);
    let bf16: Vec<f64> = (0..0x7f80)
        .map(|b| half::bf16::from_bits(b).to_f64())
        .collect();
    assert_eq!(values(ScaleType::Bf16), bf16);
}

/// All values of a type, in increasing order; for `f32` those about some.
fn values(scale_type: ScaleType) -> Vec<f64> {
    let powers = (-127..=127).map(|e| 2.0_f64.powi(e));
    match scale_type {
        ScaleType::PowerOfTwo => core::iter::once(0.0).chain(powers).collect(),
        ScaleType::F16 => (0..0x7c00).map(|bits| decoded(bits, 10, 15)).collect(),
        ScaleType::Bf16 => (0..0x7f80).map(|bits| decoded(bits, 7, 127)).collect(),
        _ => {
            let bits = [0, 0x0080_0000, 0x3f80_0000, f32::MAX.to_bits() - 63];
            let bits = bits.into_iter().flat_map(|first| first..first + 64);
            bits.map(|bits| f64::from(f32::from_bits(bits))).collect()
        }
    }
}

#[test]
fn rounding_goes_to_the_nearest_value() {
    for scale_type in NARROW {
        let values = values(scale_type);
        for (number, pair) in values.windows(2).enumerate() {
            let (low, high) = (pair[0], pair[1]);
            if scale_type == ScaleType::F32 && number % 64 == 63 {
                continue;
            }
            let middle = f64::midpoint(low, high);
            assert_eq!(scale_type.round(low), low);
            assert_eq!(scale_type.round(middle.next_down()), low);
            assert_eq!(scale_type.round(middle.next_up()), high);
            let even = if number % 2 == 0 { low } else { high };
            assert_eq!(
                scale_type.round(middle),
                even,
                "{scale_type} between {low} and {high}"
            );
            assert_eq!(scale_type.neighbours(middle), [low, high]);
            assert_eq!(scale_type.neighbours(low.next_up()), [low, high]);
            assert_eq!(scale_type.neighbours(high.next_down()), [low, high]);
            assert_eq!(scale_type.neighbours(low), [low, low]);
        }
        let largest = scale_type.largest();
        assert_eq!(values.last(), Some(&largest));
        for beyond in [largest.next_up(), 1e300, f64::INFINITY] {
            assert_eq!(scale_type.round(beyond), largest);
            assert_eq!(scale_type.neighbours(beyond), [largest; 2]);
        }
        for nothing in [0.0, -1.0, f64::NEG_INFINITY, f64::NAN, f64::MIN_POSITIVE] {
            assert_eq!(scale_type.round(nothing), 0.0);
        }
        assert_eq!(ScaleType::from_name(scale_type.name()), Some(scale_type));
        assert_eq!(scale_type.to_string(), scale_type.name());
    }
}

#[test]
fn rounding_to_f32_is_that_of_the_processor() {
    for i in 0..20_000 {
        let x = (f64::from(i) * 0.7).sin().abs() * 2.0_f64.powi(i % 300 - 160);
        #[expect(clippy::cast_possible_truncation, reason = "the twin")]
        let expected = f64::from(x as f32).min(f64::from(f32::MAX));
        assert_eq!(ScaleType::F32.round(x), expected);
    }
}

#[test]
fn an_f64_scale_is_not_rounded() {
    for scale in [0.1, 5e-324, 1e300, f64::MAX] {
        assert_eq!(ScaleType::F64.round(scale), scale);
        assert_eq!(ScaleType::F64.neighbours(scale), [scale; 2]);
    }
    assert_eq!(ScaleType::F64.round(f64::INFINITY), f64::MAX);
    let (trits, fit) = ScaleType::F64
        .ternarize(Rule::Tnt, &[0.1, -0.3, 0.3])
        .unwrap();
    assert_eq!((trits, fit.lambda_p), (vec![0, -1, 1], 0.3));
}

/// The best error and number of non-zeros of one sign, or of all with the signs of the weights, of all `3^N` trits and the
/// stored scales about the mean.
fn best(weights: &[f64], scale_type: ScaleType) -> (f64, usize, f64) {
    let mut best = (weights.iter().map(|w| w * w).sum(), 0, 0.0);
    for code in 0..weights.iter().fold(1, |codes, _| codes * 3) {
        let mut digits = code;
        let trit = || {
            let digit = digits % 3;
            digits /= 3;
            f64::from(digit) - 1.0
        };
        let trits: Vec<f64> = core::iter::repeat_with(trit).take(weights.len()).collect();
        let count = trits.iter().filter(|trit| **trit != 0.0).count();
        let sum: f64 = trits.iter().zip(weights).map(|(t, w)| t * w).sum();
        if count == 0 || sum <= 0.0 {
            continue;
        }
        let [low, high] = scale_type.neighbours(sum / count as f64);
        let below = scale_type.neighbours(low * (1.0 - 1e-12))[0];
        let above = scale_type.neighbours(high * (1.0 + 1e-12))[1];
        for scale in [below, low, high, above] {
            let lost = trits
                .iter()
                .zip(weights)
                .map(|(t, w)| (w - scale * t) * (w - scale * t));
            let candidate = (lost.sum(), count, scale);
            if candidate < best {
                best = candidate;
            }
        }
    }
    best
}

/// Weights of few bits, so that the twin does not round either.
fn check<W: Weight>(weights: &[W], scale_type: ScaleType) {
    let wide: Vec<f64> = weights.iter().map(|w| w.to_f64().unwrap()).collect();
    let energy: f64 = wide.iter().map(|w| w * w).sum();
    let agrees = |found: &Fit<f64>, lost: f64, nonzeros: usize| {
        if scale_type == ScaleType::F32 {
            assert!((found.relative_error * energy - lost).abs() <= 1e-13 * energy);
        } else {
            let expected = if energy > 0.0 { lost / energy } else { 0.0 };
            assert_eq!(
                (found.relative_error, found.nonzeros),
                (expected, nonzeros),
                "{wide:?}"
            );
        }
    };
    let (one_trits, one) = scale_type.ternarize(Rule::Tnt, weights).unwrap();
    let (lost, nonzeros, scale) = best(&wide, scale_type);
    agrees(&one, lost, nonzeros);
    assert_eq!(one.lambda_p, one.lambda_n);
    if scale_type != ScaleType::F32 {
        assert_eq!(one.lambda_p, scale);
    }
    let (two_trits, two) = scale_type.ternarize(Rule::TwoScale, weights).unwrap();
    let side = |sign: f64| {
        wide.iter()
            .map(|w| w * sign)
            .filter(|w| *w > 0.0)
            .collect::<Vec<_>>()
    };
    let (p, n) = (best(&side(1.0), scale_type), best(&side(-1.0), scale_type));
    agrees(&two, p.0 + n.0, p.1 + n.1);
    for (trits, stored) in [(one_trits, one), (two_trits, two)] {
        // The rest of the fit is what its documentation says.
        let signed = trits.iter().zip(&wide).map(|(&t, w)| f64::from(t) * w);
        let selected: f64 = signed.sum();
        assert_eq!(stored.len, wide.len());
        assert_eq!(stored.positives, trits.iter().filter(|t| **t == 1).count());
        assert_eq!(stored.threshold_p, stored.lambda_p / 2.0);
        assert_eq!(stored.threshold_n, stored.lambda_n / 2.0);
        assert_eq!(stored.threshold, stored.threshold_p.min(stored.threshold_n));
        if stored.nonzeros > 0 {
            let cosine = selected / (energy * stored.nonzeros as f64).sqrt();
            assert!((stored.cosine - cosine).abs() < 1e-14);
            let mean = selected / stored.nonzeros as f64;
            let near = (stored.lambda - mean).abs() < 1e-14 * mean;
            assert!(near || stored.lambda == stored.lambda_p);
        } else {
            assert_eq!((stored.cosine, stored.lambda), (0.0, 0.0));
        }
        for (i, (&w, &trit)) in wide.iter().zip(&trits).enumerate() {
            let scale = if w > 0.0 {
                stored.lambda_p
            } else {
                stored.lambda_n
            };
            let expected = if w.abs() > scale / 2.0 && scale > 0.0 {
                w.signum()
            } else {
                0.0
            };
            assert_eq!(f64::from(trit), expected, "{i}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_answer_is_the_optimum_of_all(integers in vec(-300_i16..=300, 1..6), exponent in -6..6) {
        let factor = 2.0_f32.powi(exponent);
        let weights: Vec<f32> = integers.iter().map(|&x| f32::from(x) * factor).collect();
        let wide: Vec<f64> = weights.iter().copied().map(f64::from).collect();
        for scale_type in NARROW {
            check(&weights, scale_type);
            check(&wide, scale_type);
        }
    }

    #[test]
    fn a_finer_type_is_never_worse(weights in strategy::weights::<f32>()) {
        for rule in [Rule::Tnt, Rule::TwoScale] {
            let error = |kind: ScaleType| {
                let found = kind.ternarize(rule, &weights);
                // What the type cannot hold is refused, and not the worst.
                found.map_or(1.0, |(_, fit)| fit.relative_error)
            };
            let single = error(ScaleType::F32);
            prop_assert!((0.0..=1.0).contains(&single));
            for coarse in NARROW {
                // Every other type is part of f32.
                prop_assert!(single <= error(coarse) + 1e-14);
            }
        }
    }

    /// Where the scale of the crate's own search is stored as it is, so are its trits.
    #[test]
    fn an_f32_scale_loses_nothing(weights in strategy::weights::<f32>()) {
        let how = ternarize::Ternarizer::new().scales(ternarize::Scales::One);
        let (_, fit) = how.ternarize(&weights).unwrap();
        let (_, stored) = ScaleType::F32.ternarize(Rule::Tnt, &weights).unwrap();
        prop_assert!(stored.relative_error <= fit.relative_error + 1e-15);
    }
}

#[test]
fn of_equals_the_fewest_nonzeros_win_then_the_smaller_scale() {
    let run = |weights: &[f32]| {
        let (_, found) = ScaleType::PowerOfTwo.ternarize(Rule::Tnt, weights).unwrap();
        (found.nonzeros, found.lambda_p)
    };
    // 0.5 lies between the levels 0 and 1.
    assert_eq!(run(&[1.0, 1.0, 0.5]), (2, 1.0));
    // 1.5 is as far from 1 as from 2.
    assert_eq!(run(&[1.5]), (1, 1.0));
}

#[test]
fn scales_beyond_the_range_are_refused() {
    let (what, index) = (Operand::Scale, 0);
    let refused = Err(Error::Unstorable { what, index });
    for rule in [Rule::Tnt, Rule::TwoScale] {
        for kind in NARROW {
            let run = |weights: &[f64]| kind.ternarize(rule, weights).map(|(_, fit)| fit.lambda_p);
            let values = values(kind);
            let (largest, least) = (kind.largest(), values[1]);
            // Halfway to what would be the next value.
            let next = match kind {
                ScaleType::PowerOfTwo => 2.0 * largest,
                _ => largest + (largest - values[values.len() - 2]),
            };
            let infinite = f64::midpoint(largest, next);
            assert_eq!(run(&[infinite.next_down(), 0.0]), Ok(largest));
            assert_eq!(run(&[infinite, 0.0]), refused);
            assert_eq!(run(&[1e300, 1e299, -1e300]), refused);
            // Half of the least value is as near to 0.
            assert_eq!(run(&[(least / 2.0).next_up()]), Ok(least));
            assert_eq!(run(&[least / 2.0]), refused);
            assert_eq!(run(&[1e-300, -5e-324]), refused);
        }
        // A sign of its own may vanish beside the other.
        let (trits, fit) = ScaleType::F16.ternarize(rule, &[1.0_f32, -1e-9]).unwrap();
        assert_eq!((trits, fit.lambda_p), (vec![1, 0], 1.0));
    }
}

#[test]
fn edges() {
    for rule in [Rule::Tnt, Rule::TwoScale] {
        for kind in NARROW {
            let run = |weights: &[f64]| kind.ternarize(rule, weights).unwrap().1;
            let zeros = run(&[0.0, -0.0]);
            assert_eq!(
                (zeros.nonzeros, zeros.lambda_p, zeros.relative_error),
                (0, 0.0, 0.0)
            );
        }
    }
    let run = |weights: &[f32], rule| ScaleType::F32.ternarize(rule, weights);
    let least = f32::from_bits(1);
    let (trits, found) = run(&[least, -least, 0.0], Rule::TwoScale).unwrap();
    assert_eq!((trits, found.lambda_n), (vec![1, -1, 0], f64::from(least)));
    let (trits, found) = run(&[f32::MAX, -f32::MAX], Rule::Tnt).unwrap();
    assert_eq!((trits, found.lambda_n), (vec![1, -1], f64::from(f32::MAX)));
    assert_eq!(run(&[], Rule::Tnt), Err(Error::Empty));
    assert_eq!(
        run(&[0.0, f32::NAN], Rule::Tnt),
        Err(Error::InvalidValue {
            what: Operand::Weight,
            index: 1
        })
    );
    for rule in [Rule::Twn, Rule::AbsMean, Rule::AbsMax] {
        assert!(matches!(run(&[1.0], rule), Err(Error::Conflict { .. })));
    }
}
