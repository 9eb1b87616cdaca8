//! Corrections from outputs: statistics beside their definitions, what each correction promises, and which make each other worse
//! (`together.rs`).

#![expect(
    clippy::cast_possible_truncation,
    clippy::float_cmp,
    reason = "weights are rounded as a caller would, and exact results compared exactly"
)]

mod together;

use proptest::prelude::*;
use ternarize::quantize::calibrate::{
    Affine, BatchNorm, Correction, Moments, Pairs, least_squares_gain, norm_gain, unit_gain,
};
use ternarize::{Error, Scales, Ternarizer};
use ternarize::{Operand, ShapeError};

const CHANNELS: usize = 3;

/// The definition, in two passes.
fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn covariance(a: &[f64], b: &[f64]) -> f64 {
    let (m, n) = (mean(a), mean(b));
    let products: Vec<f64> = a.iter().zip(b).map(|(a, b)| (a - m) * (b - n)).collect();
    mean(&products)
}

/// One channel of rows.
fn channel(rows: &[f32], number: usize) -> Vec<f64> {
    let values = rows.iter().skip(number).step_by(CHANNELS);
    values.copied().map(f64::from).collect()
}

fn near(found: f64, expected: f64, unit: f64) {
    assert!(
        (found - expected).abs() <= 1e-9 * unit,
        "{found} {expected}"
    );
}

fn pairs(reference: &[f32], quantized: &[f32]) -> Pairs {
    let mut pairs = Pairs::new(CHANNELS).unwrap();
    pairs.add(reference, quantized).unwrap();
    pairs
}

/// The squared error of corrected outputs.
fn error(affine: Affine, reference: &[f64], quantized: &[f64]) -> f64 {
    let pairs = reference.iter().zip(quantized);
    pairs.map(|(y, q)| (y - affine.apply(*q)).powi(2)).sum()
}

/// Rows of three channels, none of them dead.
fn rows() -> impl Strategy<Value = (Vec<f32>, Vec<f32>)> {
    let both = proptest::collection::vec((-100.0_f32..100.0, -100.0_f32..100.0), 4..40);
    both.prop_filter_map("an unequal pair in each channel", |both| {
        let whole = both.len() / CHANNELS * CHANNELS;
        let (a, b): (Vec<f32>, Vec<f32>) = both[..whole].iter().copied().unzip();
        let varied = |rows: &[f32]| {
            (0..CHANNELS).all(|c| {
                let one = channel(rows, c);
                covariance(&one, &one) > 1e-2
            })
        };
        (varied(&a) && varied(&b)).then_some((a, b))
    })
}

proptest! {
    #[test]
    fn statistics_are_their_definitions((a, b) in rows()) {
        let mut moments = Moments::new(CHANNELS).unwrap();
        moments.add(&a).unwrap();
        let pairs = pairs(&a, &b);
        let (reference, quantized) = (pairs.reference(), pairs.quantized());
        for number in 0..CHANNELS {
            let (y, q) = (channel(&a, number), channel(&b, number));
            near(reference.means()[number], mean(&y), 100.0);
            near(quantized.means()[number], mean(&q), 100.0);
            near(reference.variances()[number], covariance(&y, &y), 1e4);
            near(quantized.variances()[number], covariance(&q, &q), 1e4);
            near(pairs.covariances()[number], covariance(&y, &q), 1e4);
            prop_assert_eq!(moments.means()[number], reference.means()[number]);
            prop_assert_eq!(moments.variances()[number], reference.variances()[number]);
            prop_assert_eq!(moments.standard_deviations()[number], reference.variances()[number].sqrt());
        }
    }

    #[test]
    fn batches_do_not_matter((a, b) in rows(), cut in 0_usize..14) {
        let cut = (cut * CHANNELS).min(a.len());
        let mut parts = pairs(&a[..cut], &b[..cut]);
        parts.add(&a[cut..], &b[cut..]).unwrap();
        prop_assert_eq!(parts, pairs(&a, &b));
        let (mut parts, mut whole) = (Moments::new(CHANNELS).unwrap(), Moments::new(CHANNELS).unwrap());
        parts.add(&a[..cut]).unwrap();
        parts.add(&a[cut..]).unwrap();
        whole.add(&a).unwrap();
        prop_assert_eq!(parts, whole);
    }

    #[test]
    fn corrections_keep_their_promises((a, b) in rows()) {
        let pairs = pairs(&a, &b);
        for number in 0..CHANNELS {
            let (y, q) = (channel(&a, number), channel(&b, number));
            let affine = |correction| pairs.correct(correction)[number];
            let corrected = |correction| -> Vec<f64> {
                q.iter().map(|q| affine(correction).apply(*q)).collect()
            };
            prop_assert_eq!(affine(Correction::None), Affine::IDENTITY);
            for centred in [Correction::Bias, Correction::MatchMoments, Correction::OutputFit] {
                near(mean(&corrected(centred)), mean(&y), 1e4);
            }
            let matched = corrected(Correction::MatchMoments);
            near(covariance(&matched, &matched), covariance(&y, &y), 1e6);
            // No scale and no shift beside those of least squares is better.
            let (fit, only) = (affine(Correction::OutputFit), affine(Correction::OutputScale));
            prop_assert_eq!(only.shift, 0.0);
            for step in [1e-3, -1e-3] {
                let (scaled, scale) = (fit.scale + step, only.scale + step);
                let beside = [Affine { scale: scaled, ..fit }, Affine { shift: fit.shift + step, ..fit }];
                for other in beside {
                    prop_assert!(error(fit, &y, &q) <= error(other, &y, &q));
                }
                let other = Affine { scale, ..only };
                prop_assert!(error(only, &y, &q) <= error(other, &y, &q));
            }
        }
    }

    #[test]
    fn factors_of_the_projection_are_powers_of_the_cosine(
        weights in proptest::collection::vec(-1.0_f64..1.0, 2..60),
        exponent in -290_i32..290,
    ) {
        let weights: Vec<f64> = weights.iter().map(|w| w * 10_f64.powi(exponent)).collect();
        let how = Ternarizer::new().scales(Scales::One);
        let (trits, fit) = how.ternarize(&weights).unwrap();
        let restored: Vec<f64> = trits.iter().map(|&t| f64::from(t) * fit.lambda).collect();
        near(least_squares_gain(&weights, &restored).unwrap(), 1.0, 1.0);
        near(norm_gain(&weights, &restored).unwrap() * fit.cosine, 1.0, 1.0);
        near(unit_gain(&weights, &restored).unwrap() * fit.cosine * fit.cosine, 1.0, 1.0);
    }
}

#[test]
fn a_channel_that_never_changes_is_dead() {
    for value in [0.0, 0.1, -3.3e38, 1e-45] {
        let mut moments = Moments::new(1).unwrap();
        moments.add(&[value; 1000]).unwrap();
        assert_eq!(moments.variances(), [0.0]);
        assert_eq!(moments.means(), [f64::from(value)]);
    }
    let mut reference_dead = Pairs::new(1).unwrap();
    reference_dead.add(&[5.0, 5.0], &[1.0, 2.0]).unwrap();
    let mut quantized_dead = Pairs::new(1).unwrap();
    quantized_dead.add(&[1.0, 2.0], &[5.0, 5.0]).unwrap();
    for (pairs, shift) in [(reference_dead, 3.5), (quantized_dead, -3.5)] {
        for correction in [
            Correction::Bias,
            Correction::MatchMoments,
            Correction::OutputFit,
        ] {
            assert_eq!(pairs.correct(correction), [Affine { scale: 1.0, shift }]);
        }
    }
    let mut nothing = Pairs::new(1).unwrap();
    nothing.add(&[1.0, 2.0], &[0.0, 0.0]).unwrap();
    assert_eq!(nothing.correct(Correction::OutputScale), [Affine::IDENTITY]);
    // Without any rows, nothing is known and nothing changes.
    for correction in Correction::ALL {
        assert_eq!(
            Pairs::new(1).unwrap().correct(correction),
            [Affine::IDENTITY]
        );
    }
}

#[test]
fn no_overflow_at_the_ends_of_the_range() {
    let mut pairs = Pairs::new(1).unwrap();
    pairs
        .add(&[f32::MAX, f32::MIN], &[f32::MIN, f32::MAX])
        .unwrap();
    let covariance = pairs.covariances()[0];
    assert!(covariance.is_finite() && covariance < 0.0);
    assert_eq!(pairs.correct(Correction::OutputFit)[0].scale, -1.0);
    let tiny = unit_gain(&[1e-45_f32, 0.0], &[f32::MAX, 0.0]).unwrap();
    assert!(tiny > 0.0 && tiny < 1e-80);
}

#[test]
fn refused_and_nothing_added() {
    let mut moments = Moments::new(2).unwrap();
    moments.add(&[1.0, 2.0]).unwrap();
    let before = moments.clone();
    let index = 3;
    assert_eq!(
        moments.add(&[1.0, 2.0, 3.0, f32::NAN]),
        Err(Error::InvalidValue {
            what: Operand::Activation,
            index
        })
    );
    assert_eq!(
        moments.add(&[1.0]),
        Err(Error::Shape(ShapeError::Ragged { len: 1, group: 2 }))
    );
    assert_eq!(moments, before);
    assert_eq!(
        Moments::new(0).unwrap().add(&[1.0]),
        Err(Error::Shape(ShapeError::Ragged { len: 1, group: 0 }))
    );

    let mut pairs = Pairs::new(1).unwrap();
    let (expected, actual) = (2, 1);
    assert_eq!(
        pairs.add(&[1.0, 2.0], &[1.0]),
        Err(Error::LengthMismatch { expected, actual })
    );
    let infinite = pairs.add(&[1.0, 2.0], &[1.0, f32::INFINITY]);
    assert_eq!(
        infinite,
        Err(Error::InvalidValue {
            what: Operand::Activation,
            index: 1
        })
    );
    assert_eq!(pairs, Pairs::new(1).unwrap());

    let factor = |w: &[f32], q: &[f32]| unit_gain(w, q);
    assert_eq!(
        factor(&[1.0, 2.0], &[1.0]),
        Err(Error::LengthMismatch { expected, actual })
    );
    assert_eq!(
        factor(&[1.0], &[f32::NAN]),
        Err(Error::InvalidValue {
            what: Operand::Weight,
            index: 0
        })
    );
    assert_eq!(factor(&[], &[]), Ok(1.0));
    assert_eq!(factor(&[1.0, 0.0], &[0.0, 1.0]), Ok(1.0));
}

#[test]
fn names_lead_back() {
    assert!(
        Correction::ALL
            .iter()
            .all(|one| Correction::from_name(one.name()) == Some(*one))
    );
}

#[test]
fn batch_norms_fold_to_what_they_do() {
    let norm = BatchNorm {
        weight: &[2.0, -1.0],
        bias: &[0.5, 0.25],
        epsilon: 1e-5,
    };
    let (means, variances) = ([1.0, -2.0], [4.0, 0.25]);
    let affine = norm.fold(&means, &variances).unwrap();
    for (c, affine) in affine.iter().enumerate() {
        for y in [-3.0, 0.0, 1.5] {
            let root = (f64::from(variances[c]) + norm.epsilon).sqrt();
            let normal = (y - f64::from(means[c])) / root;
            let expected = f64::from(norm.weight[c]) * normal + f64::from(norm.bias[c]);
            near(affine.apply(y), expected, 10.0);
        }
    }
    let invalid = |means: &[f32], variances: &[f32]| norm.fold(means, variances).unwrap_err();
    assert_eq!(
        invalid(&means, &[4.0, -1.0]),
        Error::InvalidValue {
            what: Operand::Scale,
            index: 1
        }
    );
    assert_eq!(
        invalid(&[f32::NAN, 0.0], &variances),
        Error::InvalidValue {
            what: Operand::Scale,
            index: 0
        }
    );
    assert_eq!(
        invalid(&[1.0], &variances),
        Error::LengthMismatch {
            expected: 2,
            actual: 1
        }
    );
    for (variance, epsilon) in [(f32::INFINITY, 1e-5), (f32::NAN, 1e-5), (0.0, 0.0)] {
        let norm = BatchNorm { epsilon, ..norm };
        let (what, index) = (Operand::Scale, 1);
        let folded = norm.fold(&means, &[1.0, variance]);
        assert_eq!(folded, Err(Error::InvalidValue { what, index }));
    }
    for value in [f64::INFINITY, -1e-5] {
        let norm = BatchNorm {
            epsilon: value,
            ..norm
        };
        let name = "epsilon";
        let folded = norm.fold(&means, &variances);
        assert_eq!(folded, Err(Error::InvalidOption { name, value }));
    }
}

#[test]
fn one_row_has_no_variance_to_estimate() {
    let norm = BatchNorm {
        weight: &[1.0],
        bias: &[0.5],
        epsilon: 1e-5,
    };
    let mut moments = Moments::new(1).unwrap();
    for actual in 0..2 {
        let expected = 2;
        let refused = Err(Error::LengthMismatch { expected, actual });
        assert_eq!(norm.reestimate(&moments), refused);
        moments.add(&[2.0 * actual as f32]).unwrap();
    }
    let affine = norm.reestimate(&moments).unwrap()[0];
    near(affine.apply(2.0), 1.5, 1e4);
    near(affine.apply(0.0), -0.5, 1e4);
}

#[test]
fn a_channel_that_hardly_changes_is_not_multiplied() {
    let scales = |y: &[f32], q: &[f32]| {
        let mut pairs = Pairs::new(1).unwrap();
        pairs.add(y, q).unwrap();
        let corrections = [
            Correction::MatchMoments,
            Correction::OutputFit,
            Correction::OutputScale,
        ];
        corrections.map(|correction| pairs.correct(correction)[0].scale)
    };
    // One deviation is 1e10 of the other, in both directions; and just within and just beyond the bound.
    assert_eq!(scales(&[-1.0, 1.0], &[-1e-10, 1e-10]), [1.0; 3]);
    assert_eq!(scales(&[-1e-10, 1e-10], &[-1.0, 1.0]), [1.0; 3]);
    assert_eq!(scales(&[-1024.0, 1024.0], &[-1.0, 1.0]), [1024.0; 3]);
    assert_eq!(scales(&[-1025.0, 1025.0], &[-1.0, 1.0]), [1.0; 3]);
    assert_eq!(scales(&[-1.0, 1.0], &[-1024.0, 1024.0]), [1.0 / 1024.0; 3]);
}
