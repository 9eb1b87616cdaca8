//! Short vectors, many at a time, against the reference one by one: every field of the fits and every trit, on every
//! backend.

use crate::common::{Sample, bits, strategy, twin};
use proptest::prelude::*;
use ternarize::tensor::{Grouping, TensorView, TernaryTensor};
use ternarize::{Backend, Rule, Scales, Search, Ternarizer};

/// Vectors of `len` weights, in one piece and as the columns of a matrix.
fn check<W: Sample>(weights: &[W], len: usize) {
    let count = weights.len() / len;
    let weights = &weights[..count * len];
    let view = TensorView::new(weights, &[count, len]).unwrap();
    let columns: Vec<W> = (0..len * count)
        .map(|i| weights[i % count * len + i / count])
        .collect();
    let across = TensorView::new(&columns, &[len, count]).unwrap();
    for (rule, scales) in [
        (Rule::Tnt, Scales::One),
        (Rule::Tnt, Scales::Two),
        (Rule::TwoScale, Scales::Two),
    ] {
        let how = Ternarizer::new().rule(rule).scales(scales);
        let one = how.search(Search::Sort);
        let expected: Vec<_> = weights
            .chunks(len)
            .map(|weights| one.ternarize(weights).unwrap())
            .collect();
        for backend in Backend::available() {
            let how = how.backend(backend);
            for (view, grouping) in [
                (&view, Grouping::Block(len)),
                (&across, Grouping::axis(1).unwrap()),
            ] {
                let (tensor, fits) = TernaryTensor::ternarize(view, grouping, &how).unwrap();
                assert_eq!(fits.len(), count);
                for (fit, (_, expected)) in fits.iter().zip(&expected) {
                    assert_eq!(bits(fit), bits(expected), "{rule} {len} {}", backend.name());
                }
                let trits: Vec<i8> = tensor.trits().iter().collect();
                for (i, trit) in trits.into_iter().enumerate() {
                    let (group, place) = if grouping == Grouping::Block(len) {
                        (i / len, i % len)
                    } else {
                        (i % count, i / count)
                    };
                    assert_eq!(trit, expected[group].0[place]);
                }
            }
        }
    }
}

#[test]
fn every_length() {
    for len in 1..=256 {
        check(&twin::weights::<f32>(len * 18, 1), len);
    }
}

#[test]
fn every_count() {
    for count in 1..=34 {
        for len in [9, 25] {
            check(&twin::weights::<f32>(len * count, 1), len);
        }
    }
}

#[cfg(feature = "half")]
#[test]
fn halves() {
    for len in [1, 2, 9, 16, 25, 64, 100, 256] {
        check(&twin::weights::<half::f16>(len * 17, 1), len);
        check(&twin::weights::<half::bf16>(len * 17, 1), len);
    }
}

proptest! {
    #[test]
    fn hard_vectors(weights in strategy::weights::<f32>(), len in 1_usize..=256) {
        check(&weights, len.min(weights.len()));
        check(&weights, len.min(weights.len()).min(9));
    }
}
