//! Scales of another type and multiplied by gains, against the arithmetic done here scale by scale; and what is refused.

use crate::common::twin::weights;
use ternarize::quantize::calibrate::Affine;
use ternarize::quantize::planes::Planes;
use ternarize::tensor::{Grouping, TensorView, TernaryTensor};
use ternarize::{Error, Operand, ScaleType, Scales, Ternarizer};

/// Tensors of one scale, two scales and several planes.
fn tensors(grouping: Grouping) -> Vec<TernaryTensor> {
    let values: Vec<f32> = weights(60, 3);
    let view = TensorView::new(&values, &[3, 4, 5]).unwrap();
    let one_plane = [Scales::One, Scales::Two].map(|scales| {
        let how = Ternarizer::new().scales(scales);
        TernaryTensor::ternarize(&view, grouping, &how).unwrap().0
    });
    let planes = TernaryTensor::ternarize_planes(&view, grouping, &Planes::new(2)).unwrap();
    one_plane.into_iter().chain([planes]).collect()
}

const GROUPINGS: [Grouping; 4] = [
    Grouping::Tensor,
    Grouping::OUTPUT_CHANNEL,
    Grouping::Axes(0b100),
    Grouping::Block(4),
];

#[test]
fn each_scale_is_rounded_and_nothing_else_changes() {
    for tensor in GROUPINGS.into_iter().flat_map(tensors) {
        for scale_type in ScaleType::ALL {
            let round = |scales: Vec<f64>| -> Vec<f64> {
                scales.into_iter().map(|s| scale_type.round(s)).collect()
            };
            let rounded = tensor.clone().with_scale_type(scale_type).unwrap();
            assert_eq!(rounded.scale_type(), scale_type);
            assert_eq!(rounded.lambda_p(), round(tensor.lambda_p()));
            assert_eq!(rounded.lambda_n(), round(tensor.lambda_n()));
            assert!(rounded.planes().eq(tensor.planes()));
            assert_eq!(rounded.rule(), tensor.rule());
        }
        let wide = tensor.clone().with_scale_type(ScaleType::F64).unwrap();
        assert_eq!(wide.with_scale_type(ScaleType::F32), Ok(tensor));
    }
}

#[test]
fn gains_are_those_of_the_groups_in_every_plane() {
    for tensor in GROUPINGS.into_iter().flat_map(tensors) {
        let groups = tensor.lambda_p().len() / tensor.planes().len();
        let gains: Vec<f64> = (0..groups).map(|group| 0.7 * group as f64).collect();
        let scaled = |scales: Vec<f64>| -> Vec<f64> {
            let scales = scales.iter().enumerate();
            let scaled = scales.map(|(i, scale)| scale * gains[i % groups]);
            scaled.map(|scale| ScaleType::F32.round(scale)).collect()
        };
        let found = tensor.clone().with_gains(&gains).unwrap();
        assert_eq!(found.lambda_p(), scaled(tensor.lambda_p()));
        assert_eq!(found.lambda_n(), scaled(tensor.lambda_n()));
        assert_eq!(found.scales(), tensor.scales());
        assert_eq!(tensor.clone().with_gains(&vec![1.0; groups]), Ok(tensor));
    }
}

#[test]
fn scales_that_cannot_be_stored_and_bad_gains_are_errors() {
    let values = [1.0_f32, 1.0, 1e6, 1e6, 1e-9, 0.0];
    let view = TensorView::new(&values, &[3, 2]).unwrap();
    let how = Ternarizer::new();
    let (tensor, _) = TernaryTensor::ternarize(&view, Grouping::OUTPUT_CHANNEL, &how).unwrap();
    let unstorable = |index| Error::Unstorable {
        what: Operand::Scale,
        index,
    };
    let half = |gains: &[f64]| {
        let tensor = tensor.clone().with_gains(gains).unwrap();
        tensor.with_scale_type(ScaleType::F16)
    };
    assert_eq!(half(&[1.0; 3]), Err(unstorable(1)));
    assert_eq!(half(&[1.0, 1e-3, 1.0]), Err(unstorable(2)));
    assert!(half(&[1.0, 1e-3, 0.0]).is_ok());

    let gained = |gains: &[f64]| tensor.clone().with_gains(gains);
    assert_eq!(gained(&[1.0, 1e35, 1.0]), Err(unstorable(1)));
    assert_eq!(
        gained(&[1.0; 2]),
        Err(Error::LengthMismatch {
            expected: 3,
            actual: 2
        })
    );
    for bad in [-1.0, f64::NAN, f64::INFINITY] {
        let (what, index) = (Operand::Scale, 2);
        let expected = Err(Error::InvalidValue { what, index });
        assert_eq!(gained(&[1.0, 1.0, bad]), expected);
    }
}

#[test]
fn a_correction_without_shifts_makes_no_bias() {
    for tensor in tensors(Grouping::OUTPUT_CHANNEL) {
        let maps = |shift| [2.0, 0.5, 1.0].map(|scale| Affine { scale, shift });
        assert!(tensor.corrected(&maps(0.0)).unwrap().bias().is_empty());
        assert_eq!(tensor.corrected(&maps(0.5)).unwrap().bias(), [0.5; 3]);
        let biased = tensor.with_bias(vec![0.0; 3]).unwrap();
        assert_eq!(biased.corrected(&maps(0.0)).unwrap().bias(), [0.0; 3]);
    }
}
