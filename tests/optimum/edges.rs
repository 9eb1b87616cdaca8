//! The ends of every range: each error with its index, one weight, zeros, subnormals, the largest numbers, outliers, the
//! poster's example.

#![expect(clippy::float_cmp, reason = "exact results are compared exactly")]

use num_traits::ToPrimitive;
use ternarize::Operand;
use ternarize::{Error, Fit, Rule, Scales, Ternarizer, Weight, ternarize_into};

fn run<W: Weight>(options: Ternarizer<'_>, weights: &[W]) -> Result<(Vec<i8>, Fit<W>), Error> {
    let mut trits = vec![9; weights.len()];
    let result = options.ternarize_into(weights, &mut trits);
    if result.is_err() {
        assert!(trits.iter().all(|&t| t == 9), "an error left {trits:?}");
    }
    Ok((trits, result?))
}

/// The error, whose text names the numbers given.
fn error(options: Ternarizer<'_>, weights: &[f32], named: &[&str]) -> Error {
    let error = run(options, weights).unwrap_err();
    for name in named {
        assert!(error.to_string().contains(name), "{error} lacks {name}");
    }
    error
}

const PAPER: Ternarizer<'_> = Ternarizer::new();

#[test]
fn no_weights() {
    assert_eq!(error(PAPER, &[], &["empty"]), Error::Empty);
}

#[test]
fn the_first_weight_that_is_not_finite() {
    for bad in [f32::NAN, -f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        for index in [0, 1, 31, 32, 99] {
            let mut weights = [1.0; 100];
            weights[index] = bad;
            weights[99] = bad;
            let expected = Error::InvalidValue {
                what: Operand::Weight,
                index,
            };
            assert_eq!(error(PAPER, &weights, &[&index.to_string()]), expected);
            let into = ternarize::curve_into(&weights, &mut [0.0; 100]);
            assert_eq!(into, Err(expected));
        }
    }
}

#[test]
fn lengths_that_differ() {
    let (weights, mismatch) = ([1.0_f32; 5], |actual| Error::LengthMismatch {
        expected: 5,
        actual,
    });
    for actual in [0, 4, 6] {
        let trits = &mut [9; 6][..actual];
        let error = ternarize_into(&weights, trits).unwrap_err();
        assert_eq!(error, mismatch(actual));
        assert!(error.to_string().contains(&actual.to_string()));
        assert!(trits.iter().all(|&t| t == 9));
        let curve = ternarize::curve_into(&weights, &mut [0.0; 6][..actual]);
        assert_eq!(curve, Err(mismatch(actual)));
        let importance = PAPER.importance(&[1.0; 6][..actual]);
        assert_eq!(self::error(importance, &weights, &["5"]), mismatch(actual));
    }
}

#[test]
fn importances_that_are_none() {
    for bad in [-1.0, -f32::MIN_POSITIVE, f32::NAN, f32::INFINITY] {
        for index in [0, 3] {
            let mut importance = [1.0; 4];
            importance[index] = bad;
            importance[3] = bad;
            let error = error(
                PAPER.importance(&importance),
                &[1.0; 4],
                &[&index.to_string()],
            );
            assert_eq!(
                error,
                Error::InvalidValue {
                    what: Operand::Importance,
                    index
                }
            );
        }
    }
    assert!(run(PAPER.importance(&[-0.0, 1.0]), &[1.0_f32; 2]).is_ok());
}

#[test]
fn counts_and_targets_out_of_range() {
    let empty = PAPER.min_nonzeros(5).max_nonzeros(3);
    let expected = Error::TooMany {
        what: Operand::Nonzero,
        given: 5,
        max: 3,
    };
    assert_eq!(error(empty, &[1.0; 9], &["5", "3"]), expected);
    for target in [0.0, -0.5, 1.0 + f64::EPSILON, f64::INFINITY] {
        let error = error(PAPER.target_cosine(target), &[1.0], &[&target.to_string()]);
        assert_eq!(
            error,
            Error::InvalidOption {
                name: "target_cosine",
                value: target
            }
        );
    }
    let nan = error(PAPER.target_cosine(f64::NAN), &[1.0], &["NaN"]);
    assert!(
        matches!(nan, Error::InvalidOption { name: "target_cosine", value: target } if target.is_nan())
    );
}

#[test]
fn targets_out_of_reach() {
    let best = 7.0 / 50.0_f64.sqrt();
    let result = error(PAPER.target_cosine(0.995), &[3.0, -4.0], &["0.995", "0.98"]);
    let Error::TargetUnreachable {
        target,
        best: found,
    } = result
    else {
        panic!("{result}")
    };
    assert!(target == 0.995 && (found - best).abs() < 1e-15);
    assert!(run(PAPER.target_cosine(found), &[3.0_f32, -4.0]).is_ok());
    let nothing = error(PAPER.target_cosine(0.1), &[0.0, -0.0], &["0.1"]);
    let expected = Error::TargetUnreachable {
        target: 0.1,
        best: 0.0,
    };
    assert_eq!(nothing, expected);
    assert_eq!(
        error(PAPER.nonzeros(0).target_cosine(0.1), &[1.0], &[]),
        expected
    );
}

#[test]
fn options_that_exclude_each_other() {
    let (count, importance) = ("a number of non-zeros", &[1.0; 2]);
    let weighted = PAPER.importance(importance);
    let rule = |rule| PAPER.rule(rule);
    let (two, one) = ("the rule two-scale", "one scale");
    let conflicts = [
        (rule(Rule::TwoScale).scales(Scales::One), two, one),
        (weighted.nonzeros(1), count, "importance"),
        (weighted.min_nonzeros(1), count, "importance"),
        (weighted.target_cosine(0.5), "a target cosine", "importance"),
        (rule(Rule::TwoScale).max_nonzeros(3), count, "two-scale"),
        (rule(Rule::Twn).nonzeros(1), count, "twn"),
        (
            rule(Rule::AbsMax).target_cosine(0.5),
            "a target cosine",
            "absmax",
        ),
        (weighted.rule(Rule::AbsMean), "importance", "absmean"),
        (weighted.rule(Rule::Twn), "importance", "twn"),
    ];
    for (options, this, that) in conflicts {
        let error = error(options, &[1.0, 2.0], &[this, that]);
        assert_eq!(error, Error::Conflict { this, that });
    }
}

#[cfg(feature = "heapless")]
#[test]
fn a_fixed_capacity() {
    let weights = [0.5_f32, -0.25, 0.0];
    let error = ternarize::ternarize_heapless::<f32, 2>(&weights).unwrap_err();
    assert_eq!(
        error,
        Error::TooMany {
            what: Operand::Element,
            given: 3,
            max: 2
        }
    );
    assert!(error.to_string().contains('3') && error.to_string().contains('2'));
    let (trits, lambda_p, lambda_n) = ternarize::ternarize_heapless::<f32, 3>(&weights).unwrap();
    assert_eq!(
        (&trits[..], lambda_p, lambda_n),
        (&[1, -1, 0][..], 0.5, 0.25)
    );
}

#[test]
fn one_weight() {
    for w in [1.0, -1.0, f64::MAX, -f64::MIN_POSITIVE, 5e-324, -5e-324] {
        let (trits, fit) = run(PAPER, &[w]).unwrap();
        assert_eq!(trits, [if w > 0.0 { 1 } else { -1 }]);
        assert_eq!(
            (fit.lambda, fit.cosine, fit.relative_error),
            (w.abs(), 1.0, 0.0)
        );
        assert_eq!((fit.nonzeros, fit.positives), (1, usize::from(w > 0.0)));
    }
}

#[test]
fn all_zeros() {
    let weights = [0.0_f32, -0.0, 0.0, -0.0];
    let options = Rule::ALL.map(|rule| PAPER.rule(rule));
    let more = [
        PAPER.importance(&[1.0; 4]),
        PAPER.nonzeros(2),
        PAPER.min_nonzeros(4),
    ];
    for options in options.into_iter().chain(more) {
        let (trits, fit) = run(options, &weights).unwrap();
        assert_eq!(trits, [0; 4]);
        assert_eq!((fit.lambda, fit.lambda_p, fit.lambda_n), (0.0, 0.0, 0.0));
        assert_eq!(
            (fit.nonzeros, fit.cosine, fit.relative_error),
            (0, 0.0, 0.0)
        );
    }
    let mut cosines = [1.0; 4];
    ternarize::curve_into(&weights, &mut cosines).unwrap();
    assert_eq!(cosines, [0.0; 4]);
}

#[test]
fn all_importances_zero() {
    for rule in [Rule::Tnt, Rule::TwoScale] {
        let options = PAPER.rule(rule).importance(&[0.0; 3]);
        let (trits, fit) = run(options, &[1e300_f64, -2.0, 1e-300]).unwrap();
        assert_eq!((&trits[..], fit.nonzeros), (&[0; 3][..], 0));
        assert_eq!((fit.lambda, fit.lambda_p, fit.lambda_n), (0.0, 0.0, 0.0));
        assert_eq!((fit.cosine, fit.relative_error), (0.0, 0.0));
    }
}

#[test]
fn a_huge_weight_of_no_importance_leaves_the_figures_alone() {
    for rule in [Rule::Tnt, Rule::TwoScale] {
        let options = PAPER.rule(rule).importance(&[0.0, 1.0, 1.0]);
        let (trits, fit) = run(options, &[f64::MAX, 1e-300, -1e-300]).unwrap();
        assert_eq!(trits, [0, 1, -1]);
        assert!((fit.cosine - 1.0).abs() < 1e-15, "{rule}: {}", fit.cosine);
        assert_eq!(fit.relative_error, 0.0);
    }
    let options = PAPER.importance(&[0.0, 1.0, 1.0]);
    let (_, fit) = run(options, &[f64::MAX, 3e-300, -4e-300]).unwrap();
    assert!((fit.cosine - 7.0 / 50.0_f64.sqrt()).abs() < 1e-15);
    let (_, fit) = run(options.scales(Scales::One), &[f64::MAX, 3e-300, -4e-300]).unwrap();
    assert!((fit.relative_error - 0.02).abs() < 1e-15);
}

#[test]
fn the_smallest_and_the_largest_numbers() {
    let shape = [3.0, -4.0, 0.5, 4.0, 0.0];
    // Half of the smallest subnormal is none: twice that keeps the shape.
    for exponent in [-1073, -1060, -1022, -700, 700, 1021] {
        let half = 2.0_f64.powi(exponent / 2);
        let weights = shape.map(|w| w * half * 2.0_f64.powi(exponent - exponent / 2));
        let (trits, fit) = run(PAPER, &weights).unwrap();
        assert_eq!(trits, [1, -1, 0, 1, 0], "2^{exponent}");
        assert_eq!(fit.lambda_n, -weights[1]);
        let (_, same) = run(PAPER, &shape).unwrap();
        assert_eq!(fit.cosine.to_bits(), same.cosine.to_bits());
    }
    let (trits, fit) = run(PAPER, &[1e38_f32, -3e38, 3.4e38, 1e-38]).unwrap();
    assert_eq!(trits, [0, -1, 1, 0]);
    assert_eq!((fit.lambda_p, fit.lambda_n), (3.4e38, 3e38));
    let (trits, fit) = run(PAPER, &[1e308_f64, -1.7e308, 1.7e308]).unwrap();
    assert_eq!((&trits[..], fit.lambda_n), (&[1, -1, 1][..], 1.7e308));
    let maxima = vec![f64::MAX; 1000];
    let (trits, fit) = run(PAPER, &maxima).unwrap();
    assert_eq!((trits, fit.lambda), (vec![1; 1000], f64::MAX));
    assert_eq!(fit.relative_error, 0.0);
}

#[test]
fn an_outlier_stands_alone_unless_more_is_asked() {
    let mut weights = vec![1.0_f32; 200];
    weights[77] = -1e6;
    let (trits, fit) = run(PAPER, &weights).unwrap();
    assert_eq!((trits[77], fit.nonzeros, fit.lambda), (-1, 1, 1e6));
    let (trits, fit) = run(PAPER.min_nonzeros(50), &weights).unwrap();
    assert_eq!((trits[77], fit.nonzeros), (-1, 50));
    let (_, fit) = run(PAPER.min_nonzeros(1000), &weights).unwrap();
    assert_eq!(fit.nonzeros, 200);
}

/// `w.t / |w| |t|`.
fn cosine(weights: &[f64], trits: &[i8]) -> f64 {
    let dot: f64 = weights
        .iter()
        .zip(trits)
        .map(|(w, &t)| w * f64::from(t))
        .sum();
    let energy: f64 = weights.iter().map(|w| w * w).sum();
    let nonzeros = trits.iter().filter(|&&t| t != 0).count();
    dot / (energy * nonzeros as f64).sqrt()
}

#[test]
fn the_example_of_the_poster() {
    let weights = [0.5, -0.6, 0.1, 0.05, -0.2, 0.2, 0.0];
    let (trits, fit) = run(PAPER, &weights).unwrap();
    assert_eq!(trits, [1, -1, 0, 0, 0, 0, 0]);
    assert_eq!((fit.lambda_p, fit.lambda_n), (0.5, 0.6));
    assert!((fit.cosine - cosine(&weights, &trits)).abs() < 1e-15);
    for count in 1..=6 {
        let (other, _) = run(PAPER.nonzeros(count), &weights).unwrap();
        assert!(fit.cosine >= cosine(&weights, &other) - 1e-15, "{count}");
    }
    let signs = weights.map(|w: f64| {
        if w == 0.0 {
            0
        } else {
            w.signum().to_i8().unwrap()
        }
    });
    let rounded = weights.map(|w: f64| w.round().to_i8().unwrap());
    assert_eq!(rounded, [1, -1, 0, 0, 0, 0, 0]);
    assert!(fit.cosine > cosine(&weights, &signs) + 0.1);
    assert!(fit.cosine >= cosine(&weights, &rounded) - 1e-15);
}
