//! Edges: what is refused, and inputs that say little or nothing.

use super::data::{CODEBOOKS, batch, gram, objective, weights};
use ternarize::quantize::Codebook;
use ternarize::quantize::gram::{Gram, Method, OutputAware};
use ternarize::{Error, Scales, Ternarizer};
use ternarize::{Operand, ShapeError};

#[test]
fn what_is_wrong_is_named() {
    assert_eq!(Gram::new(0).unwrap_err(), Error::Empty);
    assert!(matches!(
        Gram::new(1 << 20),
        Err(Error::TooMany {
            what: Operand::Weight,
            ..
        })
    ));
    let mut gram = Gram::new(3).unwrap();
    let mismatch = |expected, actual| Error::LengthMismatch { expected, actual };
    assert_eq!(gram.add(&[1.0; 4]), Err(mismatch(6, 4)));
    assert_eq!(
        gram.add(&[1.0, 2.0, f32::NAN]),
        Err(Error::InvalidValue {
            what: Operand::Weight,
            index: 2
        })
    );
    assert_eq!(gram.rows(), 0);
    assert_eq!(gram.add(&[]), Ok(()));
    assert_eq!(gram.error(&[1.0]), Err(mismatch(3, 1)));

    gram.add(&[1.0, 2.0, -1.0, 0.5, 0.25, 1.0]).unwrap();
    let aware = OutputAware::new(&gram);
    let refused = |aware: OutputAware<'_>, weights: &[f32]| aware.ternarize(weights).unwrap_err();
    assert_eq!(refused(aware, &[]), Error::Empty);
    assert_eq!(refused(aware, &[1.0; 4]), mismatch(6, 4));
    assert_eq!(
        refused(aware, &[1.0, f32::INFINITY, 0.0]),
        Error::InvalidValue {
            what: Operand::Weight,
            index: 1
        }
    );
    assert_eq!(
        refused(aware.group(Some(0)), &[1.0; 3]),
        Error::Shape(ShapeError::EmptyBlock)
    );
    for planes in [0, 5] {
        let error = Error::TooMany {
            what: Operand::Plane,
            given: planes.into(),
            max: 4,
        };
        assert_eq!(
            refused(aware.codebook(Codebook::Planes(planes)), &[1.0; 3]),
            error
        );
    }
    assert_eq!(
        refused(aware.damping(-0.5), &[1.0; 3]),
        Error::InvalidOption {
            name: "damping",
            value: -0.5
        }
    );
    assert!(matches!(
        refused(aware.damping(f64::NAN), &[1.0; 3]),
        Error::InvalidOption {
            name: "damping",
            ..
        }
    ));
    // Two rows, three inputs.
    let feedback = aware.method(Method::Feedback).damping(0.0);
    assert_eq!(refused(feedback, &[1.0; 3]), Error::NotDefinite);
    let mut cross = Gram::new(2).unwrap();
    assert_eq!(cross.add_pairs(&[1.0; 4], &[1.0; 2]), Err(mismatch(4, 2)));
    assert_eq!(
        cross.add_pairs(&[1.0; 2], &[1.0, f32::NAN]),
        Err(Error::InvalidValue {
            what: Operand::Weight,
            index: 1
        })
    );
    assert_eq!(cross.rows(), 0);
    cross.add_pairs(&[1.0, 1.0], &[1.0, 0.0]).unwrap();
    assert_eq!(
        cross.effective_weights(&[1.0; 2], 0.0),
        Err(Error::NotDefinite)
    );
}

/// Where branch and bound does not apply, the result is that of descent, and nothing is said to be proved.
#[test]
fn the_optimum_of_other_rows_is_the_descent() {
    let (short, wide) = (gram(40, 12, 1, false), gram(40, 65, 2, false));
    let grouped = OutputAware::new(&short).group(Some(6));
    let two_scales = OutputAware::new(&short).codebook(Codebook::TwoScales);
    let planes = OutputAware::new(&short).codebook(Codebook::Planes(2));
    let long = OutputAware::new(&wide);
    for (aware, inputs) in [(grouped, 12), (two_scales, 12), (planes, 12), (long, 65)] {
        let row = weights(inputs, 3);
        let optimal = aware.method(Method::Optimal).nodes(u64::MAX);
        let fit = &optimal.ternarize(&row).unwrap()[0];
        assert_eq!(fit, &aware.ternarize(&row).unwrap()[0]);
        assert_eq!((fit.proved, fit.nodes), (false, 0));
        assert_eq!(fit.lower_bound.to_bits(), 0);
    }
}

/// Without rows all that counts are the weights: the optimum of the crate, with its scale.
#[test]
fn without_inputs_the_nearest_vector_is_taken() {
    let gram = Gram::new(9).unwrap();
    let row = weights(9, 4);
    let (trits, fit) = Ternarizer::new()
        .scales(Scales::One)
        .ternarize(&row)
        .unwrap();
    for method in Method::ALL {
        let aware = &OutputAware::new(&gram)
            .method(method)
            .ternarize(&row)
            .unwrap()[0];
        assert_eq!(aware.trits, trits, "{method:?}");
        assert!((aware.scales[0] - f64::from(fit.lambda)).abs() < 1e-6);
        assert_eq!(
            (aware.error, aware.energy, aware.relative_error()),
            (0.0, 0.0, 0.0)
        );
    }
    let mut cross = Gram::new(9).unwrap();
    assert_eq!(cross.effective_weights(&row, 0.01).unwrap(), row);
    cross.add_pairs(&[], &[]).unwrap();
    assert_eq!(cross.effective_weights(&row, 0.01).unwrap(), row);
}

/// A weight whose input was always 0 takes the level nearest to it; without damping, 0.
#[test]
fn dead_inputs_have_their_nearest_level() {
    let gram = gram(50, 21, 3, true);
    let row = weights(21, 5);
    for codebook in CODEBOOKS {
        let aware = OutputAware::new(&gram).codebook(codebook);
        let fit = &aware.ternarize(&row).unwrap()[0];
        let bare = &aware.damping(0.0).ternarize(&row).unwrap()[0];
        let mut levels: Vec<f32> = fit.dequantize::<f32>();
        let own = levels.clone();
        levels.push(0.0);
        for i in [3, 10, 17] {
            let nearest = levels
                .iter()
                .map(|q| (q - row[i]).abs())
                .fold(f32::MAX, f32::min);
            assert!(
                (own[i] - row[i]).abs() <= nearest * 1.000_001,
                "{codebook:?}"
            );
            assert_eq!(bare.trits[i], 0);
        }
    }
}

#[test]
fn zeros_and_single_weights() {
    let gram = gram(20, 6, 3, false);
    for codebook in CODEBOOKS {
        for method in Method::ALL {
            let aware = OutputAware::new(&gram).codebook(codebook).method(method);
            let fit = &aware.ternarize(&[0.0; 6]).unwrap()[0];
            assert!(fit.trits.iter().all(|&t| t == 0) && fit.scales.iter().all(|&s| s == 0.0));
            assert_eq!(fit.dequantize::<f32>(), [0.0; 6]);
        }
    }
    let optimal = OutputAware::new(&gram).method(Method::Optimal).nodes(100);
    let fit = &optimal.ternarize(&[0.0; 6]).unwrap()[0];
    assert!(fit.proved && fit.objective == 0.0);

    let mut single = Gram::new(1).unwrap();
    single.add(&[0.5, -2.0]).unwrap();
    let aware = OutputAware::new(&single).group(Some(100));
    let fit = &aware.ternarize(&[-0.75, 0.25]).unwrap()[0];
    assert_eq!((fit.trits[0], fit.scales[0], fit.error), (-1, 0.75, 0.0));
}

/// The largest and the smallest numbers, without overflow on the way.
#[test]
fn extreme_magnitudes() {
    let plain = batch(40, 8, 2, false);
    let row = weights(8, 3);
    for (input, weight) in [(1e37, 1e37), (1e-38, 1e38), (1e-40, 1e-40), (1.0, 1e-44)] {
        let mut gram = Gram::new(8).unwrap();
        let scaled: Vec<f32> = plain.iter().map(|x| x * input).collect();
        gram.add(&scaled).unwrap();
        let row: Vec<f32> = row.iter().map(|w| w * weight).collect();
        for codebook in CODEBOOKS {
            let aware = OutputAware::new(&gram).codebook(codebook);
            for method in Method::ALL {
                let fit = &aware.method(method).ternarize(&row).unwrap()[0];
                assert!(fit.objective.is_finite() && fit.objective <= 1.5 * fit.energy);
                assert!(fit.dequantize::<f32>().iter().all(|w| w.is_finite()));
                let levels: Vec<f64> = fit.dequantize::<f32>().iter().map(|&q| q.into()).collect();
                let expected = objective(&gram, &row, &levels, 0.01);
                assert!((fit.objective - expected).abs() < 1e-5 * (fit.energy + expected));
            }
        }
    }
}

/// What is no number is refused, and squares beyond the range of floats are not lost on the way.
#[test]
fn the_error_of_any_difference() {
    let mut gram = Gram::new(2).unwrap();
    gram.add(&[1.0, -0.9, 0.1, 0.4]).unwrap();
    for wrong in [f64::NAN, f64::INFINITY] {
        let refused = gram.error(&[1.0, wrong]);
        assert_eq!(
            refused,
            Err(Error::InvalidValue {
                what: Operand::Weight,
                index: 1
            })
        );
    }
    assert_eq!(gram.error(&[1e200, 1e200]), Ok(f64::INFINITY));
    let unit = gram.error(&[0.5, 0.25]).unwrap();
    let large = 2.0_f64.powi(500);
    let error = gram.error(&[0.5 * large, 0.25 * large]).unwrap();
    assert_eq!(error.to_bits(), (unit * large * large).to_bits());
}

/// A damping by which entries would overflow is refused.
#[test]
fn dampings_that_are_too_large() {
    let mut gram = Gram::new(2).unwrap();
    gram.add(&[2.0, 1.0, 0.5, 3.0]).unwrap();
    for damping in [f64::MAX, 1e100, f64::NAN, -1.0] {
        let refused = OutputAware::new(&gram)
            .damping(damping)
            .ternarize(&[1.0, 0.5]);
        assert!(matches!(
            refused,
            Err(Error::InvalidOption {
                name: "damping",
                ..
            })
        ));
    }
    assert!(
        OutputAware::new(&gram)
            .damping(1e90)
            .ternarize(&[1.0, 0.5])
            .is_ok()
    );
}

/// Weights of inputs that are always 0 put nothing out, however they round.
#[test]
fn an_output_of_zero_has_no_error() {
    let mut gram = Gram::new(3).unwrap();
    gram.add(&[1.1, 0.7, 0.0, -0.3, 0.2, 0.0]).unwrap();
    for i in 1..200_u8 {
        let row = [0.0, 0.0, f32::from(i) / 7.0];
        let fit = &OutputAware::new(&gram)
            .method(Method::Nearest)
            .ternarize(&row)
            .unwrap()[0];
        assert_eq!(
            (fit.energy.to_bits(), fit.relative_error().to_bits()),
            (0, 0)
        );
    }
}
