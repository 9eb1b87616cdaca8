//! Whole tensors against a twin that ternarizes one gathered group after the other: every grouping, rule and number of
//! scales, wherever the weights lie in memory; what is stored and restored; and every way the parts can be wrong.

#![expect(
    clippy::float_cmp,
    reason = "these numbers are the same to the last bit"
)]

use crate::common::twin::{self, members, noise, weights};
use ternarize::tensor::{Grouping, Shape, TensorView, TernaryTensor};
use ternarize::{Code, Error, Fit, PackedTritsBuf, Rule, ScaleSlice, Scales, Ternarizer, Weight};
use ternarize::{Operand, ShapeError};

const SHAPES: [&[usize]; 9] = [
    &[1],
    &[7],
    &[4, 5],
    &[1, 9],
    &[2, 3, 4],
    &[3, 1, 5],
    &[2, 3, 3, 3],
    &[3, 2, 1, 7],
    &[],
];

/// Every set of axes, whole tensors, kernels, and blocks that fit, that do not and that are too long.
fn groupings(rank: usize) -> Vec<Grouping> {
    let mut all = vec![Grouping::Tensor, Grouping::Kernel];
    all.extend([1, 2, 3, 4, 64].map(Grouping::Block));
    all.extend((1..1_usize << rank).map(|set| {
        let named: Vec<_> = (0..rank).filter(|axis| set >> axis & 1 == 1).collect();
        Grouping::axes(&named).unwrap()
    }));
    all
}

fn ternarizers() -> Vec<Ternarizer<'static>> {
    let all = Rule::ALL.into_iter().flat_map(|rule| {
        [Scales::One, Scales::Two].map(|scales| Ternarizer::new().rule(rule).scales(scales))
    });
    let refused = Ternarizer::new().rule(Rule::TwoScale).scales(Scales::One);
    all.filter(|how| *how != refused).collect()
}

/// Where the values lie: strides that go through memory in another order, in another direction or with gaps.
fn strides(axes: &[usize], layout: usize) -> Vec<isize> {
    let mut order: Vec<usize> = (0..axes.len()).rev().collect();
    if layout == 1 {
        order.reverse();
    }
    let mut strides = vec![0; axes.len()];
    let mut stride: isize = if layout == 2 { -2 } else { 1 };
    for axis in order {
        strides[axis] = stride;
        stride *= axes[axis].cast_signed();
        if layout == 3 {
            stride = -stride;
        }
    }
    strides
}

/// The values laid out in memory with these strides, amid NaN, and the place of the first.
fn lay_out<W: Weight>(values: &[W], axes: &[usize], strides: &[isize]) -> (Vec<W>, usize) {
    let travel = |flat: usize| -> isize {
        let inside = |axis: usize| axes[axis + 1..].iter().product::<usize>();
        let coordinates = (0..axes.len()).map(|axis| flat / inside(axis) % axes[axis]);
        let pairs = coordinates.zip(strides);
        pairs.map(|(c, stride)| c.cast_signed() * stride).sum()
    };
    let travels: Vec<isize> = (0..values.len()).map(travel).collect();
    let lowest = travels.iter().min().copied().unwrap_or(0);
    let highest = travels.iter().max().copied().unwrap_or(0);
    let mut data = vec![W::nan(); usize::try_from(highest - lowest).unwrap() + 1];
    for (travel, &value) in travels.iter().zip(values) {
        data[usize::try_from(travel - lowest).unwrap()] = value;
    }
    (data, usize::try_from(-lowest).unwrap())
}

/// A tensor has the trits and the scales of its twin, and restores the values they stand for.
fn check<W: Weight>(
    tensor: &TernaryTensor,
    (trits, fits): &twin::Twin<W>,
    members: &[Vec<usize>],
    what: &str,
) {
    assert!(tensor.trits().iter().eq(trits.iter().copied()), "{what}");
    let lambdas = |lambda: fn(&Fit<W>) -> W| -> Vec<f64> {
        let exact = fits.iter().map(lambda).map(|scale| scale.to_f64());
        exact.map(Option::unwrap).collect()
    };
    assert_eq!(tensor.lambda_p(), lambdas(|fit| fit.lambda_p), "{what}");
    assert_eq!(tensor.lambda_n(), lambdas(|fit| fit.lambda_n), "{what}");
    let mut values = vec![W::nan(); trits.len()];
    for (fit, members) in fits.iter().zip(members) {
        for &flat in members {
            values[flat] = fit.value(trits[flat]);
        }
    }
    assert_eq!(tensor.dequantize::<W>(), values, "{what}");
    let wide: Vec<f64> = values.iter().map(|value| value.to_f64().unwrap()).collect();
    let mut restored = vec![f64::NAN; trits.len()];
    tensor.dequantize_into(&mut restored).unwrap();
    assert_eq!(restored, wide, "{what}");
    let restored = tensor.dequantize::<f32>();
    for (restored, wide) in restored.into_iter().zip(wide) {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "rounding is what is tested"
        )]
        let narrow = wide as f32;
        assert_eq!(restored.to_bits(), narrow.to_bits(), "{what}");
    }
}

fn check_everywhere<W: Weight>(axes: &[usize], seed: u64) {
    let values: Vec<W> = weights(axes.iter().product(), seed);
    for grouping in groupings(axes.len()) {
        let members = members(axes, grouping);
        for (number, how) in ternarizers().iter().enumerate() {
            let twin = twin::ternarize(&values, &members, how, None).unwrap();
            let strides = strides(axes, number % 4);
            let what = format!("{axes:?} under {grouping}, {strides:?}, {how:?}");
            let (data, first) = lay_out(&values, axes, &strides);
            let view = TensorView::with_strides(&data, axes, &strides, first).unwrap();
            let (tensor, fits) = TernaryTensor::ternarize(&view, grouping, how).unwrap();
            assert_eq!(format!("{fits:?}"), format!("{:?}", twin.1), "{what}");
            check(&tensor, &twin, &members, &what);
            check(&tensor.transcode(Code::Base3), &twin, &members, &what);
        }
    }
}

#[test]
fn every_grouping_rule_and_layout_of_f32() {
    for (seed, axes) in (0..).zip(SHAPES) {
        check_everywhere::<f32>(axes, seed);
    }
}

#[test]
fn every_grouping_rule_and_layout_of_f64() {
    check_everywhere::<f64>(&[3, 2, 5], 1);
    check_everywhere::<f64>(&[4, 6], 2);
}

#[cfg(feature = "half")]
#[test]
fn every_grouping_rule_and_layout_of_the_half_types() {
    check_everywhere::<half::f16>(&[3, 2, 5], 3);
    check_everywhere::<half::bf16>(&[3, 2, 5], 4);
}

/// One layout must not stand in for another: whichever it is, the answer is that of the row-major copy.
#[test]
fn every_layout_gives_the_same_tensor() {
    let axes = [3, 4, 2, 3];
    let values: Vec<f32> = weights(72, 9);
    for grouping in groupings(4) {
        let tensors = [0, 1, 2, 3].map(|layout| {
            let strides = strides(&axes, layout);
            let (data, first) = lay_out(&values, &axes, &strides);
            let view = TensorView::with_strides(&data, &axes, &strides, first).unwrap();
            assert_eq!(view.as_row_major_slice().is_some(), layout == 0);
            TernaryTensor::ternarize(&view, grouping, &Ternarizer::new()).unwrap()
        });
        assert!(tensors.iter().all(|tensor| *tensor == tensors[0]));
    }
}

/// Slices along H, along C and along W, each ternarized on its own.
#[test]
fn the_three_decompositions_of_the_paper() {
    let (h, c, w) = (3, 4, 5);
    let values: Vec<f32> = weights(h * c * w, 5);
    let view = TensorView::new(&values, &[h, c, w]).unwrap();
    let at = |y: usize, z: usize, x: usize| (y * c + z) * w + x;
    for axis in 0..3 {
        let grouping = Grouping::axis(axis).unwrap();
        let (tensor, _) = TernaryTensor::ternarize(&view, grouping, &Ternarizer::new()).unwrap();
        assert_eq!(tensor.lambda_p().len(), [h, c, w][axis]);
        for slice in 0..[h, c, w][axis] {
            let mut flats = vec![];
            for y in 0..h {
                for z in 0..c {
                    flats.extend((0..w).map(|x| ([y, z, x], at(y, z, x))));
                }
            }
            flats.retain(|(place, _)| place[axis] == slice);
            let vector: Vec<f32> = flats.iter().map(|&(_, flat)| values[flat]).collect();
            let (trits, lambda_p, lambda_n) = ternarize::ternarize(&vector).unwrap();
            let found = flats
                .iter()
                .map(|&(_, flat)| tensor.trits().get(flat).unwrap());
            assert!(found.eq(trits));
            assert_eq!(tensor.lambda_p()[slice], f64::from(lambda_p));
            assert_eq!(tensor.lambda_n()[slice], f64::from(lambda_n));
        }
    }
}

#[test]
fn importance_is_that_of_each_weight() {
    for axes in [&[4, 5][..], &[2, 3, 4], &[3, 2, 2, 3]] {
        let count = axes.iter().product();
        let values: Vec<f32> = weights(count, 6);
        let importance: Vec<f32> = weights(count, 7).into_iter().map(f32::abs).collect();
        let strides = strides(axes, 1);
        let (data, first) = lay_out(&values, axes, &strides);
        let view = TensorView::with_strides(&data, axes, &strides, first).unwrap();
        for rule in [Rule::Tnt, Rule::TwoScale] {
            let how = Ternarizer::new().rule(rule);
            for grouping in groupings(axes.len()) {
                let members = members(axes, grouping);
                let twin = twin::ternarize(&values, &members, &how, Some(&importance)).unwrap();
                let how = how.importance(&importance);
                let (tensor, fits) = TernaryTensor::ternarize(&view, grouping, &how).unwrap();
                assert_eq!(format!("{fits:?}"), format!("{:?}", twin.1));
                check(&tensor, &twin, &members, &format!("{axes:?} {grouping}"));
            }
        }
    }
}

#[test]
fn sizes_are_those_of_the_arithmetic() {
    // 21 trits in 3 rows: 6 bytes of 4, or 5 of 5. Blocks of 3: 3 a row.
    let mut values: Vec<f64> = noise(21, 8).collect();
    values[..7].fill(0.0);
    let view = TensorView::new(&values, &[3, 7]).unwrap();
    for (grouping, groups) in [
        (Grouping::Tensor, 1),
        (Grouping::OUTPUT_CHANNEL, 3),
        (Grouping::Block(3), 9),
    ] {
        for (scales, each) in [(Scales::One, 1), (Scales::Two, 2)] {
            let how = Ternarizer::new().scales(scales);
            let (tensor, fits) = TernaryTensor::ternarize(&view, grouping, &how).unwrap();
            assert_eq!(tensor.scales(), scales);
            let nonzeros: usize = fits.iter().map(|fit| fit.nonzeros).sum();
            assert!(nonzeros < 15);
            for (code, bytes) in [(Code::TwoBit, 6), (Code::Base3, 5)] {
                let tensor = tensor.clone().transcode(code);
                let stored = bytes + groups * each * 8;
                assert_eq!(tensor.stored_bytes(), stored);
                assert_eq!(tensor.bits_per_weight(), 8.0 * stored as f64 / 21.0);
                assert_eq!(tensor.sparsity(), (21 - nonzeros) as f64 / 21.0);
            }
        }
    }
}

/// Nothing is as sparse as the quotient of two counts says, not one unit in the last place beside it.
#[test]
fn sparsity_is_a_quotient_of_counts() {
    let view = TensorView::new(&[1.0_f32, 1.0, 0.0], &[3]).unwrap();
    let (tensor, fits) =
        TernaryTensor::ternarize(&view, Grouping::Tensor, &Ternarizer::new()).unwrap();
    assert_eq!(tensor.sparsity(), 1.0 / 3.0);
    assert_eq!(fits[0].sparsity(), 1.0 / 3.0);
}

#[test]
fn the_first_bad_weight_is_named_by_its_row_major_index() {
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        // In memory 3x4; transposed, the one at [1][2] is at [2][1] of 4x3.
        let mut data = [0.5; 12];
        (data[6], data[11]) = (bad, bad);
        let view = TensorView::new(&data, &[3, 4]).unwrap();
        let transposed = view.permuted(&[1, 0]).unwrap();
        for (view, index) in [(view, 6), (transposed, 7)] {
            for grouping in groupings(2) {
                let result = TernaryTensor::ternarize(&view, grouping, &Ternarizer::new());
                assert_eq!(
                    result.unwrap_err(),
                    Error::InvalidValue {
                        what: Operand::Weight,
                        index
                    }
                );
            }
        }
    }
}

#[test]
fn bad_importance_is_named_by_its_row_major_index() {
    let data = [0.5_f32; 12];
    let view = TensorView::new(&data, &[3, 4]).unwrap();
    let transposed = view.permuted(&[1, 0]).unwrap();
    for bad in [f32::NAN, f32::INFINITY, -1.0] {
        let mut importance = [1.0; 12];
        (importance[7], importance[10]) = (bad, bad);
        let how = Ternarizer::new().importance(&importance);
        for grouping in groupings(2) {
            for view in [view, transposed] {
                let result = TernaryTensor::ternarize(&view, grouping, &how);
                assert_eq!(
                    result.unwrap_err(),
                    Error::InvalidValue {
                        what: Operand::Importance,
                        index: 7
                    }
                );
            }
        }
    }
    let how = Ternarizer::new().importance(&[1.0; 11]);
    let error = TernaryTensor::ternarize(&view, Grouping::Block(2), &how).unwrap_err();
    let (expected, actual) = (12, 11);
    assert_eq!(error, Error::LengthMismatch { expected, actual });
}

#[test]
fn bad_options_and_groupings_are_errors() {
    let view = TensorView::new(&[0.5_f32, 1.0], &[1, 2]).unwrap();
    let make = |grouping, how: &Ternarizer| TernaryTensor::ternarize(&view, grouping, how);
    let how = Ternarizer::new();
    let error = make(Grouping::axis(2).unwrap(), &how).unwrap_err();
    assert_eq!(error, Error::Shape(ShapeError::Axis { axis: 2, rank: 2 }));
    let error = make(Grouping::Block(0), &how).unwrap_err();
    assert_eq!(error, Error::Shape(ShapeError::EmptyBlock));
    let one = how.rule(Rule::TwoScale).scales(Scales::One);
    let error = make(Grouping::Tensor, &one).unwrap_err();
    assert!(matches!(error, Error::Conflict { .. }));
}

#[test]
fn empty_tensors_cannot_be_made_but_can_be_put_together() {
    for axes in [&[0][..], &[0, 3], &[3, 0], &[2, 0, 2]] {
        let view = TensorView::<f32>::new(&[], axes).unwrap();
        for grouping in groupings(axes.len()) {
            let error = TernaryTensor::ternarize(&view, grouping, &Ternarizer::new()).unwrap_err();
            assert_eq!(error, Error::Empty);
            let trits = PackedTritsBuf::from_trits(Code::Base3, &[]).unwrap();
            let shape = *view.shape();
            let none = ScaleSlice::F32(&[]);
            let tensor =
                TernaryTensor::from_parts(shape, grouping, vec![trits], none, Some(none)).unwrap();
            assert!(tensor.dequantize::<f32>().is_empty());
            assert_eq!((tensor.sparsity(), tensor.bits_per_weight()), (0.0, 0.0));
            assert_eq!(tensor.stored_bytes(), 0);
            let metrics = tensor.error_metrics(&view).unwrap();
            assert_eq!((metrics.cosine, metrics.relative_error), (0.0, 0.0));
            assert_eq!(tensor.group_error_metrics(&view).unwrap(), []);
        }
    }
}

fn from_parts(
    grouping: Grouping,
    trits: &[i8],
    lambda_p: &[f32],
    lambda_n: Option<&[f32]>,
) -> Result<TernaryTensor, Error> {
    let shape = Shape::new(&[2, 3])?;
    let trits = PackedTritsBuf::from_trits(Code::TwoBit, trits)?;
    let (lambda_p, lambda_n) = (ScaleSlice::F32(lambda_p), lambda_n.map(ScaleSlice::F32));
    TernaryTensor::from_parts(shape, grouping, vec![trits], lambda_p, lambda_n)
}

#[test]
fn parts_that_fit_are_put_together() {
    let rows = Grouping::OUTPUT_CHANNEL;
    let tensor = from_parts(rows, &[1, 0, -1, -1, 1, 0], &[2.0, 0.0], Some(&[0.5, 3.0])).unwrap();
    assert_eq!(tensor.dequantize::<f32>(), [2.0, 0.0, -0.5, -3.0, 0.0, 0.0]);
    assert_eq!((tensor.rule(), tensor.grouping()), (None, rows));
    assert_eq!(tensor.shape().axes(), [2, 3]);
    let error = tensor.dequantize_into(&mut [0.0_f32; 5]).unwrap_err();
    let (expected, actual) = (6, 5);
    assert_eq!(error, Error::LengthMismatch { expected, actual });
}

/// As with several planes, no restored weight is infinite.
#[cfg(feature = "half")]
#[test]
fn scales_beyond_the_type_asked_for_become_its_largest() {
    let large = from_parts(
        Grouping::OUTPUT_CHANNEL,
        &[1, 0, -1, -1, 1, 0],
        &[1e6, 1e-9],
        None,
    );
    let restored = large.unwrap().dequantize::<half::f16>();
    let values = [65_504.0, 0.0, -65_504.0, 0.0, 0.0, 0.0];
    assert!(restored.into_iter().map(f32::from).eq(values));
}

#[test]
fn parts_that_do_not_fit_are_errors() {
    let length = |expected, actual| Error::LengthMismatch { expected, actual };
    let error = |grouping, trits: &[i8], p: &[f32], n: Option<&[f32]>| {
        from_parts(grouping, trits, p, n).unwrap_err()
    };
    let (rows, trits) = (Grouping::OUTPUT_CHANNEL, [1, 0, -1, -1, 1, 0]);
    let two = [1.0; 2];
    let missing = Error::Shape(ShapeError::Axis { axis: 3, rank: 2 });
    assert_eq!(
        error(Grouping::axis(3).unwrap(), &trits, &two, None),
        missing
    );
    assert_eq!(
        error(Grouping::Block(0), &trits, &two, None),
        Error::Shape(ShapeError::EmptyBlock)
    );
    assert_eq!(error(rows, &[1, 0, -1, 0], &two, None), length(6, 4));
    assert_eq!(error(rows, &trits, &[1.0], None), length(2, 1));
    assert_eq!(error(rows, &trits, &two, Some(&[1.0; 3])), length(2, 3));
    for bad in [-1.0, f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let bad = [1.0, bad];
        let invalid = Error::InvalidValue {
            what: Operand::Scale,
            index: 1,
        };
        assert_eq!(error(rows, &trits, &bad, None), invalid);
        assert_eq!(error(rows, &trits, &bad, Some(&two)), invalid);
        assert_eq!(error(rows, &trits, &two, Some(&bad)), invalid);
    }
    assert_eq!(
        Error::InvalidValue {
            what: Operand::Scale,
            index: 1
        }
        .to_string(),
        "the scale at index 1 is negative or not finite"
    );
}
