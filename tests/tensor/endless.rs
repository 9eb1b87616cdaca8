//! Sizes that no memory holds are errors, and do not abort the program.

use ternarize::quantize::calibrate::{Moments, Pairs};
use ternarize::quantize::planes::Planes;
use ternarize::tensor::{Grouping, TensorView, TernaryTensor};
use ternarize::{Error, Operand, Rule, Scales, Ternarizer};

const ENDLESS: usize = 1 << (usize::BITS - 4);

fn no_memory<T>(result: Result<T, Error>) {
    let error = result.err().unwrap();
    let Error::TooMany { what, given, max } = error else {
        panic!("{error}");
    };
    assert_eq!((what, max), (Operand::Element, 0));
    assert!(given >= ENDLESS >> 10, "{given}");
    let message = format!("there is no memory for {given} elements");
    assert_eq!(error.to_string(), message);
}

#[test]
fn broadcast_views_without_end() {
    let (rows, columns) = (Grouping::OUTPUT_CHANNEL, Grouping::axis(1).unwrap());
    let groupings = [Grouping::Tensor, Grouping::Block(1), Grouping::Block(1000)];
    for (axes, strides) in [([ENDLESS, 1], [0, 1]), ([2, ENDLESS / 2], [1, 0])] {
        let view = TensorView::with_strides(&[1.0_f32, 0.5], &axes, &strides, 0).unwrap();
        for grouping in groupings.into_iter().chain([rows, columns]) {
            for rule in [Rule::Tnt, Rule::TwoScale, Rule::AbsMean] {
                let options = Ternarizer::new().rule(rule).scales(Scales::One);
                no_memory(TernaryTensor::ternarize(&view, grouping, &options));
            }
            no_memory(TernaryTensor::ternarize_planes(
                &view,
                grouping,
                &Planes::new(2),
            ));
        }
    }
}

#[test]
fn a_repeated_weight_that_is_not_finite_is_named_by_its_first_place() {
    let weights = [1.0_f32, f32::NAN];
    let view = TensorView::with_strides(&weights, &[3, ENDLESS / 4, 2], &[0, 0, 1], 0).unwrap();
    let refused = TernaryTensor::ternarize_planes(&view, Grouping::Tensor, &Planes::new(2));
    let (what, index) = (Operand::Weight, 1);
    assert_eq!(refused, Err(Error::InvalidValue { what, index }));
    let view = TensorView::with_strides(&weights, &[3, 2, 4], &[0, 1, 0], 0).unwrap();
    let refused = TernaryTensor::ternarize(&view, Grouping::Tensor, &Ternarizer::new());
    let index = 4;
    assert_eq!(refused.err(), Some(Error::InvalidValue { what, index }));
}

#[test]
fn channels_without_end() {
    no_memory(Moments::new(ENDLESS));
    no_memory(Pairs::new(ENDLESS));
}
