//! Tensors put together from the fits of rows: their weights are those of the fits, and so are their products.

use super::gram::data::{CODEBOOKS, gram, weights};
use ternarize::quantize::RowFit;
use ternarize::quantize::gram::{Method, OutputAware};
use ternarize::quantize::planes::Planes;
use ternarize::tensor::{Grouping, Shape, TensorView, TernaryTensor};
use ternarize::{Error, ScaleType, Scales, ShapeError};

const ROWS: usize = 5;
const INPUTS: usize = 20;

fn check(fits: &[RowFit], group: Option<usize>) {
    let shape = Shape::new(&[ROWS, INPUTS]).unwrap();
    let tensor = TernaryTensor::from_fits(shape, fits).unwrap();
    let grouping = group.map_or(Grouping::OUTPUT_CHANNEL, Grouping::Block);
    assert_eq!((tensor.grouping(), tensor.rule()), (grouping, None));
    assert_eq!(tensor.planes().len(), fits[0].codebook.planes());
    let two = fits[0].codebook.scales() > fits[0].codebook.planes();
    assert_eq!(tensor.scales(), if two { Scales::Two } else { Scales::One });
    assert_eq!(tensor.scale_type(), fits[0].scale_type);
    let expected: Vec<f64> = fits.iter().flat_map(RowFit::dequantize::<f64>).collect();
    assert_eq!(tensor.dequantize::<f64>(), expected);
    let expected: Vec<f32> = fits.iter().flat_map(RowFit::dequantize::<f32>).collect();
    assert_eq!(tensor.dequantize::<f32>(), expected);
    let x: Vec<f32> = weights(INPUTS, 77);
    let mut y = [f32::NAN; ROWS];
    tensor.matvec(&x, &mut y).unwrap();
    for (y, row) in y.into_iter().zip(expected.chunks(INPUTS)) {
        let exact: f64 = row.iter().zip(&x).map(|(w, x)| f64::from(w * x)).sum();
        assert!((f64::from(y) - exact).abs() < 1e-4, "{y} for {exact}");
    }
}

#[test]
fn fits_of_all_codebooks_are_stored_as_they_are() {
    let gram = gram(60, INPUTS, 3, false);
    let rows = weights(ROWS * INPUTS, 4);
    for codebook in CODEBOOKS {
        for group in [None, Some(7), Some(10), Some(1)] {
            for scale_type in ScaleType::ALL {
                let aware = OutputAware::new(&gram).codebook(codebook).group(group);
                let aware = aware.scale_type(scale_type).method(Method::Descent);
                check(&aware.ternarize(&rows).unwrap(), group);
            }
        }
    }
}

/// Rows of several axes, and fits of planes without inputs.
#[test]
fn fits_of_planes_are_the_tensor_of_planes() {
    let values = weights(4 * 30, 9);
    let how = Planes::new(3).scale_type(ScaleType::F16);
    let fits: Vec<_> = values
        .chunks(30)
        .map(|row| how.ternarize(row).unwrap())
        .collect();
    for axes in [&[4, 30][..], &[4, 2, 15], &[4, 5, 3, 2]] {
        let view = TensorView::new(&values, axes).unwrap();
        let whole = TernaryTensor::ternarize_planes(&view, Grouping::OUTPUT_CHANNEL, &how);
        assert_eq!(TernaryTensor::from_fits(*view.shape(), &fits), whole);
    }
}

#[test]
fn fits_that_are_no_tensor_are_refused() {
    let gram = gram(30, 6, 1, false);
    let aware = OutputAware::new(&gram);
    let fits = aware.ternarize(&weights(12, 2)).unwrap();
    let make = |axes: &[usize], fits: &[RowFit]| {
        let made = TernaryTensor::from_fits(Shape::new(axes).unwrap(), fits);
        made.map(|_| ()).unwrap_err()
    };
    let length = |expected, actual| Error::LengthMismatch { expected, actual };
    assert_eq!(make(&[2, 6], &[]), Error::Empty);
    assert_eq!(make(&[], &fits), Error::Empty);
    assert_eq!(make(&[3, 6], &fits), length(3, 2));
    assert_eq!(make(&[2, 5], &fits), length(5, 6));
    let groups = aware.group(Some(2)).ternarize(&weights(12, 2)).unwrap();
    let mixed = [fits[0].clone(), groups[1].clone()];
    assert!(matches!(make(&[2, 6], &mixed), Error::Conflict { .. }));
    let several_axes = make(&[2, 3, 2], &groups);
    let grouping = matches!(several_axes, Error::Shape(ShapeError::Grouping { .. }));
    assert!(grouping, "{several_axes}");
}
