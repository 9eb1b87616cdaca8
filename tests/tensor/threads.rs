//! The same bits for any number of threads, and the same as one group after the other: tensors, fits and errors.

use crate::common::twin::{self, members, weights};
use rayon::ThreadPoolBuilder;
use ternarize::Operand;
use ternarize::tensor::{Grouping, TensorView, TernaryTensor};
use ternarize::{Error, Fit, Rule, Search, Ternarizer};

type Made = Result<(TernaryTensor, Vec<Fit<f32>>), Error>;

/// What 1, 2, 3 and 7 threads make of it; it is the same.
fn on_threads(view: &TensorView<'_, f32>, grouping: Grouping, how: &Ternarizer<'_>) -> Made {
    let make = |threads| {
        let pool = ThreadPoolBuilder::new().num_threads(threads).build();
        pool.unwrap()
            .install(|| TernaryTensor::ternarize(view, grouping, how))
    };
    let first = make(1);
    for threads in [2, 3, 7] {
        // The text of a float tells its bits.
        let (made, first) = (format!("{:?}", make(threads)), format!("{first:?}"));
        assert!(made == first, "{threads} threads under {grouping}");
    }
    first
}

fn check(axes: &[usize], grouping: Grouping, importance: bool) {
    let count = axes.iter().product();
    let values: Vec<f32> = weights(count, 1);
    let h: Vec<f32> = weights(count, 2).into_iter().map(f32::abs).collect();
    let h = importance.then_some(&h[..]);
    let how = Ternarizer::new();
    let (trits, expected) = twin::ternarize(&values, &members(axes, grouping), &how, h).unwrap();
    let how = h.map_or(how, |h| how.importance(h));
    let view = TensorView::new(&values, axes).unwrap();
    let (tensor, fits) = on_threads(&view, grouping, &how).unwrap();
    assert!(tensor.trits().iter().eq(trits), "{axes:?} under {grouping}");
    assert!(format!("{fits:?}") == format!("{expected:?}"));
    let lambdas = |lambda: fn(&Fit<f32>) -> f32| -> Vec<f64> {
        fits.iter().map(lambda).map(f64::from).collect()
    };
    assert!(tensor.lambda_p() == lambdas(|fit| fit.lambda_p));
    assert!(tensor.lambda_n() == lambdas(|fit| fit.lambda_n));
}

/// Two batches or three, the last of them not full.
#[test]
fn many_small_groups() {
    check(&[740, 10, 3, 3], Grouping::Kernel, false);
    check(&[35, 1000], Grouping::Block(7), false);
    check(&[35, 10, 100], Grouping::axes(&[0, 2]).unwrap(), true);
}

#[test]
fn a_few_big_groups() {
    check(&[3, 17_000], Grouping::OUTPUT_CHANNEL, false);
    check(&[17_000, 3], Grouping::axis(1).unwrap(), false);
    check(&[1, 1], Grouping::Tensor, false);
}

/// Long slices are divided, too: ordinary weights; those of which most lie in the last part, so that a part overflows; those that
/// all score alike; and ternary ones, whose error is added up weight by weight.
#[test]
fn one_long_slice() {
    let len = 140_001;
    let level = |i: usize| (i as f32 + 1.0).sqrt() - (i as f32).sqrt();
    let kinds: [Vec<f32>; 4] = [
        weights(len, 1),
        (0..len)
            .map(|i| {
                if i < len - 40_000 {
                    0.0
                } else {
                    level(i % 997)
                }
            })
            .collect(),
        (0..len).map(level).collect(),
        (0..len).map(|i| [0.25, 0.0, -0.25][i % 3]).collect(),
    ];
    for values in &kinds {
        for rule in [Rule::Tnt, Rule::TwoScale] {
            let how = Ternarizer::new().rule(rule);
            let expected = how.search(Search::Sort).ternarize(values);
            for threads in [1, 2, 3, 7] {
                let pool = ThreadPoolBuilder::new().num_threads(threads).build();
                let made = pool.unwrap().install(|| how.ternarize(values));
                assert!(made == expected, "{threads} threads, {rule}");
            }
        }
    }
    let mut bad = kinds[0].clone();
    bad[len - 1] = f32::INFINITY;
    let error = Ternarizer::new().ternarize(&bad).unwrap_err();
    assert_eq!(
        error,
        Error::InvalidValue {
            what: Operand::Weight,
            index: len - 1
        }
    );
}

/// Both the second and the third batch fail, each in its own way; it is the second that is told.
#[test]
fn the_first_error_is_told_whichever_thread_is_first() {
    let (rows, columns) = (100, 1000);
    let mut values = vec![1.0_f32; rows * columns];
    values[40 * columns..][..2].copy_from_slice(&[0.0, 0.5]);
    values[70 * columns..].fill(0.0);
    let view = TensorView::new(&values, &[rows, columns]).unwrap();
    let how = Ternarizer::new().target_cosine(0.999_99);
    let error = on_threads(&view, Grouping::OUTPUT_CHANNEL, &how).unwrap_err();
    let alone = how.ternarize(&values[40 * columns..][..columns]);
    assert_eq!(error, alone.unwrap_err());
    assert!(matches!(error, Error::TargetUnreachable { best, .. } if best > 0.9));
    let error = how.ternarize(&values[70 * columns..][..columns]);
    assert!(matches!(error, Err(Error::TargetUnreachable { best, .. }) if best < 0.9));
}

/// An all too late element of the last batch.
#[test]
fn a_bad_weight_is_told_by_its_index() {
    let mut values = vec![1.0_f32; 100_000];
    values[99_998] = f32::NAN;
    let view = TensorView::new(&values, &[100, 1000]).unwrap();
    let error = on_threads(&view, Grouping::Block(10), &Ternarizer::new()).unwrap_err();
    assert_eq!(
        error,
        Error::InvalidValue {
            what: Operand::Weight,
            index: 99_998
        }
    );
}

/// Rows for four parts, of which the last has fewer; and a few very long ones.
#[test]
fn products_have_the_same_bits() {
    for (rows, inner, columns) in [(403, 240, 7), (5, 60_000, 1)] {
        let values: Vec<f32> = weights(rows * inner, 3);
        let x: Vec<f32> = weights(inner * columns, 4);
        let view = TensorView::new(&values, &[rows, inner]).unwrap();
        let how = Ternarizer::new();
        let (tensor, fits) =
            TernaryTensor::ternarize(&view, Grouping::OUTPUT_CHANNEL, &how).unwrap();
        let product = |threads| {
            let pool = ThreadPoolBuilder::new().num_threads(threads).build();
            let mut y = vec![0.0; rows * columns];
            let work = || tensor.matmul(&x, columns, &mut y);
            pool.unwrap().install(work).unwrap();
            y
        };
        let expected = product(1);
        let one = tensor.trits().slice(..inner).unwrap();
        let (plus, minus) = one.dot_signed(&x[..inner]).unwrap();
        let first = fits[0].lambda_p * plus - fits[0].lambda_n * minus;
        assert_eq!(expected[0].to_bits(), first.to_bits());
        for threads in [2, 3, 7] {
            assert!(product(threads) == expected, "{threads} threads");
        }
    }
}
