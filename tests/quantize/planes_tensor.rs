//! Tensors of planes against their groups, made one by one, and against plain sums.

#![expect(
    clippy::float_cmp,
    reason = "where nothing rounds, the same number is what is promised"
)]

use crate::common::twin::{members, weights};
use ternarize::ScaleType;
use ternarize::quantize::planes::{PlaneMethod, Planes};
use ternarize::tensor::{Grouping, TensorView, TernaryTensor};
use ternarize::{Code, Error, Weight};
use ternarize::{Operand, ShapeError};

const PLANES: Planes = Planes::new(2);

fn check<W: Weight>(axes: &[usize], grouping: Grouping, how: &Planes, seed: u64) {
    let values: Vec<W> = weights(axes.iter().product(), seed);
    let view = TensorView::new(&values, axes).unwrap();
    let tensor = TernaryTensor::ternarize_planes(&view, grouping, how).unwrap();
    let mut restored = vec![0.0_f64; values.len()];
    let (mut lost, mut energy) = (0.0, 0.0);
    let (members, lambda_p) = (members(axes, grouping), tensor.lambda_p());
    let groups = members.len();
    for (group, members) in members.iter().enumerate() {
        let own: Vec<W> = members.iter().map(|&i| values[i]).collect();
        let planes = how.ternarize(&own).unwrap();
        for (k, plane) in tensor.planes().enumerate() {
            assert_eq!(lambda_p[k * groups + group], planes.scales[k]);
            let trits = members.iter().map(|&i| plane.get(i).unwrap());
            assert!(trits.eq(planes.plane(k).iter().copied()));
        }
        let mut sums = vec![0.0_f64; own.len()];
        planes.dequantize_into(&mut sums).unwrap();
        for (&i, sum) in members.iter().zip(sums) {
            restored[i] = sum;
            energy += values[i].to_f64().unwrap().powi(2);
            lost += (values[i].to_f64().unwrap() - sum).powi(2);
        }
    }
    assert_eq!(tensor.dequantize::<f64>(), restored);
    let narrow: Vec<W> = restored.iter().map(|&x| W::from(x).unwrap()).collect();
    assert_eq!(tensor.dequantize::<W>(), narrow);
    let metrics = tensor.error_metrics(&view).unwrap();
    // Restored weights are rounded to W.
    let tolerance = W::epsilon().to_f64().unwrap() * lost.sqrt() / energy.sqrt();
    assert!((metrics.relative_error - lost / energy).abs() <= 4.0 * tolerance);
}

#[test]
fn a_tensor_is_its_groups() {
    let columns = Grouping::axis(1).unwrap();
    for grouping in [
        Grouping::Tensor,
        Grouping::Kernel,
        Grouping::Block(5),
        columns,
    ] {
        for scale_type in [ScaleType::F32, ScaleType::PowerOfTwo] {
            let how = Planes::new(3).scale_type(scale_type);
            check::<f32>(&[4, 3, 13], grouping, &how, 1);
            check::<f64>(&[9, 17], grouping, &PLANES.scale_type(scale_type), 2);
        }
        #[cfg(feature = "half")]
        check::<half::bf16>(&[3, 3, 8], grouping, &PLANES.scale_type(ScaleType::F16), 3);
    }
    let optimal = PLANES.method(PlaneMethod::Optimal);
    check::<f32>(&[3, 40], Grouping::axis(0).unwrap(), &optimal, 4);
}

#[test]
fn a_permuted_view_is_taken_in_its_own_order() {
    let data: Vec<f32> = weights(24, 5);
    let view = TensorView::new(&data, &[2, 3, 4])
        .unwrap()
        .permuted(&[2, 0, 1])
        .unwrap();
    let copy: Vec<f32> = view.iter().collect();
    let copy = TensorView::new(&copy, &[4, 2, 3]).unwrap();
    let make =
        |view| TernaryTensor::ternarize_planes(view, Grouping::OUTPUT_CHANNEL, &PLANES).unwrap();
    assert_eq!(make(&view), make(&copy));
}

/// Scales that are `f32` values.
#[expect(clippy::cast_possible_truncation, reason = "they are `f32` values")]
fn singles(scales: &[f64]) -> Vec<f32> {
    scales.iter().map(|&scale| scale as f32).collect()
}

#[test]
fn products_are_sums_over_the_planes_in_order() {
    let values: Vec<f32> = weights(6 * 50, 6);
    let view = TensorView::new(&values, &[6, 50]).unwrap();
    let x: Vec<f32> = weights(100, 7);
    for planes in 1..=4 {
        let how = Planes::new(planes);
        let tensor = TernaryTensor::ternarize_planes(&view, Grouping::Block(16), &how).unwrap();
        let mut expected = [0.0_f32; 12];
        let lambda_p = singles(&tensor.lambda_p());
        for (k, plane) in tensor.planes().enumerate() {
            for start in (0..50).step_by(16) {
                let end = 50.min(start + 16);
                for row in 0..6 {
                    let trits = plane.slice(50 * row + start..50 * row + end).unwrap();
                    let lambda = lambda_p[k * 24 + row * 4 + start / 16];
                    for vector in 0..2 {
                        let x = &x[50 * vector + start..50 * vector + end];
                        expected[6 * vector + row] += lambda * trits.dot(x).unwrap();
                    }
                }
            }
        }
        let mut y = [f32::NAN; 12];
        tensor.matmul(&x, 2, &mut y).unwrap();
        assert_eq!(y, expected);
        let restored = tensor.dequantize::<f64>();
        for (column, y) in y.chunks(6).enumerate() {
            let mut alone = [f32::NAN; 6];
            tensor
                .matvec(&x[50 * column..50 * (column + 1)], &mut alone)
                .unwrap();
            assert_eq!(alone, y);
            for (row, y) in y.iter().enumerate() {
                let terms = (0..50).map(|i| restored[50 * row + i] * f64::from(x[50 * column + i]));
                let (sum, size) = terms.fold((0.0, 0.0), |(s, a), t| (s + t, a + t.abs()));
                // The planes may cancel each other: twice the magnitudes are enough here.
                assert!((f64::from(*y) - sum).abs() < 60.0 * 2.0_f64.powi(-24) * 2.0 * size);
            }
        }
    }
}

#[test]
fn every_stored_byte_is_counted() {
    let values: Vec<f32> = weights(2 * 100, 8);
    let view = TensorView::new(&values, &[2, 100]).unwrap();
    for scale_type in ScaleType::ALL {
        let how = Planes::new(3).scale_type(scale_type);
        let tensor = TernaryTensor::ternarize_planes(&view, Grouping::Block(32), &how).unwrap();
        let scales = 3 * 8 * scale_type.bytes();
        assert_eq!(tensor.stored_bytes(), 3 * 50 + scales);
        assert_eq!(
            tensor.bits_per_weight(),
            (150 + scales) as f64 * 8.0 / 200.0
        );
        let restored = tensor.dequantize::<f32>();
        let dense = tensor.transcode(Code::Base3);
        assert_eq!(dense.stored_bytes(), 3 * 40 + scales);
        assert_eq!(dense.dequantize::<f32>(), restored);
        assert_eq!(
            (dense.scale_type(), dense.grouping()),
            (scale_type, Grouping::Block(32))
        );
    }
}

#[test]
fn bad_input_is_refused() {
    let error = |data: &[f32], axes: &[usize], how: &Planes| {
        let view = TensorView::new(data, axes).unwrap();
        TernaryTensor::ternarize_planes(&view, Grouping::OUTPUT_CHANNEL, how).unwrap_err()
    };
    assert_eq!(error(&[], &[0, 3], &PLANES), Error::Empty);
    let bad = [1.0, 2.0, 3.0, f32::INFINITY];
    assert_eq!(
        error(&bad, &[2, 2], &PLANES),
        Error::InvalidValue {
            what: Operand::Weight,
            index: 3
        }
    );
    let five = Planes::new(5);
    assert_eq!(
        error(&bad[..2], &[2, 1], &five),
        Error::TooMany {
            what: Operand::Plane,
            given: 5,
            max: 4
        }
    );
    let optimal = PLANES.method(PlaneMethod::Optimal);
    assert_eq!(
        error(&[1.0; 300], &[1, 300], &optimal),
        Error::TooMany {
            what: Operand::Weight,
            given: 300,
            max: 256
        }
    );
    let view = TensorView::new(&bad[..2], &[1, 2]).unwrap();
    let tensor = TernaryTensor::ternarize_planes(&view, Grouping::Tensor, &PLANES).unwrap();
    let mismatch = Error::LengthMismatch {
        expected: 2,
        actual: 3,
    };
    assert_eq!(tensor.dequantize_into(&mut [0.0_f32; 3]), Err(mismatch));
    assert_eq!(tensor.matvec(&[1.0; 3], &mut [0.0]), Err(mismatch));
    let other = TensorView::new(&bad[..2], &[2]).unwrap();
    assert_eq!(
        tensor.error_metrics(&other),
        Err(Error::Shape(ShapeError::Mismatch))
    );
}

/// Levels may be above the largest weight, and above the largest number; restored weights are numbers.
#[test]
fn the_largest_weights_are_restored_as_numbers() {
    let top = f32::MAX;
    let shifts = PLANES.scale_type(ScaleType::PowerOfTwo);
    for (weights, how) in [([top, 0.6 * top, 0.5 * top], PLANES), ([3.3e38; 3], shifts)] {
        let view = TensorView::new(&weights, &[1, 3]).unwrap();
        let tensor = TernaryTensor::ternarize_planes(&view, Grouping::Tensor, &how).unwrap();
        let restored = tensor.dequantize::<f32>();
        assert!(restored.iter().all(|w| w.is_finite()), "{restored:?}");
        let metrics = tensor.error_metrics(&view).unwrap();
        assert!(metrics.cosine > 0.99 && metrics.relative_error < 0.02);
        let mut group = [0.0_f32; 3];
        let planes = how.ternarize(&weights).unwrap();
        planes.dequantize_into(&mut group).unwrap();
        assert_eq!(
            group.map(f32::to_bits).to_vec(),
            restored.iter().map(|w| w.to_bits()).collect::<Vec<_>>()
        );
    }
}
