//! How close restored tensors come to the original, against plain sums in `f64` and against what the search itself reports;
//! at the ends of the range of `f64` too, where a plain sum would overflow or vanish.

use crate::common::twin::{members, weights};
use ternarize::tensor::{ErrorMetrics, Grouping, Shape, TensorView, TernaryTensor};
use ternarize::{Code, Error, PackedTritsBuf, Rule, ScaleSlice, Scales, Ternarizer, Weight};
use ternarize::{Operand, ShapeError};

#[expect(clippy::float_cmp, reason = "infinities have no difference")]
fn close(actual: f64, expected: f64) {
    let tolerance = 1e-12 * expected.abs();
    assert!(
        actual == expected || (actual - expected).abs() <= tolerance,
        "{actual} is not {expected}"
    );
}

fn same(actual: ErrorMetrics, (cosine, relative_error): (f64, f64)) {
    close(actual.cosine, cosine);
    close(actual.relative_error, relative_error);
}

/// Cosine and relative error by plain sums.
fn naive<W: Weight>(weights: &[W], restored: &[W]) -> (f64, f64) {
    let (mut ww, mut wr, mut rr, mut lost) = (0.0, 0.0, 0.0, 0.0);
    for (w, r) in weights.iter().zip(restored) {
        let (w, r) = (w.to_f64().unwrap(), r.to_f64().unwrap());
        ww += w * w;
        wr += w * r;
        rr += r * r;
        lost += (w - r) * (w - r);
    }
    (wr / (ww * rr).sqrt(), lost / ww)
}

fn check<W: Weight>(axes: &[usize], grouping: Grouping, how: &Ternarizer<'_>, seed: u64) {
    let values: Vec<W> = weights(axes.iter().product(), seed);
    let view = TensorView::new(&values, axes).unwrap();
    let (tensor, fits) = TernaryTensor::ternarize(&view, grouping, how).unwrap();
    let restored = tensor.dequantize::<W>();
    let whole = tensor.error_metrics(&view).unwrap();
    same(whole, naive(&values, &restored));
    let groups = tensor.group_error_metrics(&view).unwrap();
    let members = members(axes, grouping);
    assert_eq!(groups.len(), members.len());
    for ((group, members), fit) in groups.into_iter().zip(&members).zip(&fits) {
        let pick = |all: &[W]| members.iter().map(|&i| all[i]).collect::<Vec<W>>();
        same(group, naive(&pick(&values), &pick(&restored)));
        close(group.relative_error, fit.relative_error);
        if tensor.scales() == Scales::One {
            close(group.cosine, fit.cosine);
        }
        if fits.len() == 1 {
            assert_eq!(group, whole);
        }
    }
}

#[test]
fn sums_and_fits_agree() {
    let block = Grouping::Block(5);
    let columns = Grouping::axis(1).unwrap();
    for grouping in [Grouping::Tensor, Grouping::Kernel, block, columns] {
        for rule in [Rule::Tnt, Rule::Twn, Rule::AbsMean, Rule::AbsMax] {
            for scales in [Scales::One, Scales::Two] {
                let how = Ternarizer::new().rule(rule).scales(scales);
                check::<f32>(&[4, 3, 13], grouping, &how, 1);
                check::<f64>(&[9, 17], grouping, &how, 2);
                #[cfg(feature = "half")]
                check::<half::bf16>(&[3, 3, 8], grouping, &how, 3);
            }
        }
        let two_scale = Ternarizer::new().rule(Rule::TwoScale);
        check::<f32>(&[4, 3, 13], grouping, &two_scale, 4);
    }
}

#[test]
fn a_permuted_original_is_compared_in_its_own_order() {
    let data: Vec<f32> = weights(24, 5);
    let view = TensorView::new(&data, &[2, 3, 4]).unwrap();
    let view = view.permuted(&[2, 0, 1]).unwrap();
    let copy: Vec<f32> = view.iter().collect();
    let copy = TensorView::new(&copy, &[4, 2, 3]).unwrap();
    let how = Ternarizer::new();
    let (tensor, _) = TernaryTensor::ternarize(&view, Grouping::OUTPUT_CHANNEL, &how).unwrap();
    assert_eq!(tensor.error_metrics(&view), tensor.error_metrics(&copy));
    let groups = tensor.group_error_metrics(&view).unwrap();
    assert_eq!(Ok(groups), tensor.group_error_metrics(&copy));
}

#[test]
fn the_original_must_have_the_shape_and_be_finite() {
    let data: Vec<f32> = weights(12, 6);
    let view = TensorView::new(&data, &[3, 4]).unwrap();
    let how = Ternarizer::new();
    let (tensor, _) = TernaryTensor::ternarize(&view, Grouping::OUTPUT_CHANNEL, &how).unwrap();
    let error = |data: &[f32], axes: &[usize]| {
        let view = TensorView::new(data, axes).unwrap();
        let error = tensor.error_metrics(&view).unwrap_err();
        assert_eq!(tensor.group_error_metrics(&view), Err(error));
        error
    };
    let (expected, actual) = (12, 8);
    let length = Error::LengthMismatch { expected, actual };
    assert_eq!(error(&data[..8], &[2, 4]), length);
    for axes in [&[4, 3][..], &[12], &[3, 2, 2], &[3, 4, 1]] {
        assert_eq!(
            error(&data, axes),
            Error::Shape(ShapeError::Mismatch),
            "{axes:?}"
        );
    }
    for bad in [f32::NAN, f32::INFINITY] {
        let mut data = data.clone();
        data[9] = bad;
        assert_eq!(
            error(&data, &[3, 4]),
            Error::InvalidValue {
                what: Operand::Weight,
                index: 9
            }
        );
    }
}

#[test]
fn the_largest_and_smallest_weights_neither_overflow_nor_vanish() {
    let plain = [1.0, -1.5, 0.25, 0.75, -0.125, 1.25];
    let all_metrics = |unit: f64| {
        let values = plain.map(|w| w * unit);
        let view = TensorView::new(&values, &[2, 3]).unwrap();
        let (how, rows) = (
            Ternarizer::new().scales(Scales::One),
            Grouping::OUTPUT_CHANNEL,
        );
        let (tensor, fits) = TernaryTensor::ternarize(&view, rows, &how).unwrap();
        let groups = tensor.group_error_metrics(&view).unwrap();
        for (group, fit) in groups.iter().zip(&fits) {
            close(group.relative_error, fit.relative_error);
        }
        (tensor.error_metrics(&view).unwrap(), groups)
    };
    let expected = all_metrics(1.0);
    assert!(expected.0.relative_error > 0.01);
    for exponent in [1023, 1000, 600, -600, -1000] {
        assert_eq!(all_metrics(2.0_f64.powi(exponent)), expected, "{exponent}");
    }
}

/// A group is judged by itself, however small beside the others.
#[test]
fn a_tiny_group_beside_a_huge_one_has_its_own_metrics() {
    let plain = [1.0, -1.5, 0.25];
    let mut values = [0.0; 9];
    for (i, w) in plain.into_iter().enumerate() {
        values[i] = w * 2.0_f64.powi(1000);
        values[6 + i] = w * 2.0_f64.powi(-1000);
    }
    let view = TensorView::new(&values, &[3, 3]).unwrap();
    let how = Ternarizer::new();
    let (tensor, fits) = TernaryTensor::ternarize(&view, Grouping::OUTPUT_CHANNEL, &how).unwrap();
    let groups = tensor.group_error_metrics(&view).unwrap();
    assert!(groups[0].relative_error > 0.01);
    assert_eq!(groups[2], groups[0]);
    close(groups[2].relative_error, fits[2].relative_error);
    assert_eq!((groups[1].cosine, groups[1].relative_error), (0.0, 0.0));
    assert_eq!(tensor.error_metrics(&view).unwrap(), groups[0]);
}

/// Scales of any size: the cosine does not depend on them, the error is as large as it is.
#[test]
fn scales_far_from_the_weights() {
    let values = [1.0, -1.0, 1.0, 0.0];
    let with = |unit: f64, lambda: f64| {
        let values = values.map(|w: f64| w * unit);
        let view = TensorView::new(&values, &[4]).unwrap();
        let trits = PackedTritsBuf::from_trits(Code::TwoBit, &[1, -1, 0, 0]).unwrap();
        let (shape, lambda) = (Shape::new(&[4]).unwrap(), [lambda]);
        TernaryTensor::from_parts(
            shape,
            Grouping::Tensor,
            vec![trits],
            ScaleSlice::F64(&lambda),
            None,
        )
        .unwrap()
        .error_metrics(&view)
        .unwrap()
    };
    let cosine = (2.0_f64 / 3.0).sqrt();
    same(with(1.0, 1.0), (cosine, 1.0 / 3.0));
    same(with(1.0, 4.0), (cosine, 19.0 / 3.0));
    same(with(1e-100, 1e40), (cosine, 2.0 / 3.0 * 1e280));
    same(with(1e-300, 1e300), (cosine, f64::INFINITY));
    same(with(1e300, 1e-300), (cosine, 1.0));
    same(with(1e300, 0.0), (0.0, 1.0));
    same(with(0.0, 1e300), (0.0, 0.0));
}

/// A large group is compared in parts, and scattered weights are compared at once: the sums are the same bits.
#[test]
fn parts_of_a_group_add_up_to_the_whole() {
    for len in [1 << 15, (1 << 15) + 1, (1 << 16) - 1, 70_001] {
        let values: Vec<f32> = weights(len, 5);
        let spread: Vec<f32> = values.iter().flat_map(|&w| [w, f32::NAN]).collect();
        let view = TensorView::new(&values, &[len]).unwrap();
        let scattered = TensorView::with_strides(&spread, &[len], &[2], 0).unwrap();
        let how = Ternarizer::new();
        let (tensor, _) = TernaryTensor::ternarize(&view, Grouping::Tensor, &how).unwrap();
        assert_eq!(
            tensor.error_metrics(&view).unwrap(),
            tensor.error_metrics(&scattered).unwrap()
        );
    }
}
