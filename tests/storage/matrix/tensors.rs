//! Tensors that are no matrices of blocks: their products agree with those of the restored weights, and none is lent.

use super::twin::{single, trits};
use crate::common::stored::Stored;
use crate::common::twin::{noise, weights};
use proptest::prelude::*;
use proptest::sample::select;
use ternarize::matmul::Activations;
use ternarize::tensor::{Grouping, Shape, TernaryTensor};
use ternarize::{Backend, Code, Error, PackedTritsBuf, ScaleType, ShapeError};

fn tensor(
    axes: &[usize],
    grouping: Grouping,
    planes: usize,
    code: Code,
    kind: (ScaleType, bool),
    seed: u64,
) -> TernaryTensor {
    let shape = Shape::new(axes).unwrap();
    let planes = (0..planes).map(|k| {
        let trits = trits(shape.len(), seed ^ k as u64);
        PackedTritsBuf::from_trits(code, &trits).unwrap()
    });
    let planes: Vec<_> = planes.collect();
    let scales = planes.len() * grouping.count(&shape).unwrap();
    let p = Stored::moderate(kind.0, scales, seed ^ 4);
    let n = kind.1.then(|| Stored::moderate(kind.0, scales, seed ^ 5));
    let bias = noise(axes[0], seed ^ 6).map(single).collect();
    let made = TernaryTensor::from_parts(
        shape,
        grouping,
        planes,
        p.slice(),
        n.as_ref().map(Stored::slice),
    );
    made.unwrap().with_bias(bias).unwrap()
}

/// The sum of the magnitudes of the levels of each weight.
fn magnitudes(tensor: &TernaryTensor) -> Vec<f64> {
    let (p, n, planes) = (tensor.lambda_p(), tensor.lambda_n(), tensor.planes().len());
    let of = |flat: usize| {
        let (_, group) = tensor.runs(flat..flat + 1).unwrap().next().unwrap();
        let level = |(k, plane): (usize, ternarize::PackedTrits<'_>)| {
            let index = k * (p.len() / planes) + group;
            match plane.get(flat) {
                Some(1) => p[index],
                Some(-1) => n[index],
                _ => 0.0,
            }
        };
        tensor.planes().enumerate().map(level).sum()
    };
    (0..tensor.shape().len()).map(of).collect()
}

/// Compares with the product of the restored weights. Planes may cancel each other, so the magnitudes are those of the levels.
fn check(tensor: &TernaryTensor, seed: u64) {
    let rows = tensor.shape().axes()[0];
    let columns = tensor.shape().len() / rows;
    let (restored, planes) = (tensor.dequantize::<f64>(), tensor.planes().len());
    let sizes = magnitudes(tensor);
    let x: Vec<f32> = weights(2 * columns, seed);
    let quantized: Vec<_> = x
        .chunks(columns)
        .map(|x| Activations::quantize_blocks(x).unwrap())
        .collect();
    for backend in Backend::available() {
        let (mut y, mut y_i8) = (vec![f32::NAN; 2 * rows], vec![f32::NAN; 2 * rows]);
        tensor.matmul_on(backend, &x, 2, &mut y).unwrap();
        tensor.matmul_i8_on(backend, &quantized, &mut y_i8).unwrap();
        for (place, (y, y_i8)) in y.into_iter().zip(y_i8).enumerate() {
            let (vector, row) = (place / rows, place % rows);
            let product = |x: &dyn Fn(usize) -> f64| {
                let bias = f64::from(tensor.bias()[row]);
                let terms = |column| restored[row * columns + column] * x(column);
                let size = |column| sizes[row * columns + column] * x(column).abs();
                let sum = (0..columns).map(terms).sum::<f64>() + bias;
                (sum, (0..columns).map(size).sum::<f64>() + bias.abs())
            };
            let bound = ((planes + 1) * (columns + 3)) as f64 * 2.0_f64.powi(-24);
            let (exact, size) = product(&|column| x[vector * columns + column].into());
            assert!(
                (f64::from(y) - exact).abs() <= bound * size,
                "{y} for {exact}"
            );
            let x = &quantized[vector];
            let value = |column: usize| {
                let d = if x.scales().len() == 1 {
                    x.scales()[0]
                } else {
                    x.scales()[column / 256]
                };
                f64::from(x.values()[column]) * f64::from(d)
            };
            let (exact, size) = product(&value);
            assert!(
                (f64::from(y_i8) - exact).abs() <= bound * size,
                "{y_i8} for {exact}"
            );
        }
    }
}

/// Shapes with groupings that are scattered over a row, or whose blocks are cut short within it.
fn scattered() -> impl Strategy<Value = (Vec<usize>, Grouping)> {
    let axes = |axes: &[usize]| Grouping::axes(axes).unwrap();
    let cases = vec![
        (vec![5, 37], axes(&[1])),
        (vec![23, 12], axes(&[1])),
        (vec![4, 6, 9], axes(&[1])),
        (vec![4, 6, 9], axes(&[2])),
        (vec![4, 6, 9], axes(&[0, 2])),
        (vec![3, 5, 7, 4], axes(&[0, 3])),
        (vec![21, 5, 40], Grouping::Block(16)),
        (vec![4, 3, 70], Grouping::Block(32)),
        (vec![4, 3, 9], Grouping::Block(5)),
        (vec![2, 3, 300], Grouping::Block(256)),
        (vec![9], Grouping::Block(2)),
    ];
    select(cases)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn scattered_groups_are_multiplied(
        (axes, grouping) in scattered(),
        planes in 1..=4_usize,
        base3: bool,
        scale_type in select(&ScaleType::ALL[..]),
        two: bool,
        seed: u64,
    ) {
        let code = if base3 { Code::Base3 } else { Code::TwoBit };
        let tensor = tensor(&axes, grouping, planes, code, (scale_type, two), seed);
        let lent = tensor.as_matrix().map(|_| ());
        if matches!(grouping, Grouping::Block(_)) && axes.len() > 1 {
            prop_assert_eq!(lent, Ok(()));
        } else {
            let refused = matches!(lent, Err(Error::Shape(ShapeError::Grouping { .. })));
            prop_assert!(refused, "{axes:?} {grouping}");
        }
        check(&tensor, seed ^ 7);
    }
}

/// Whole kernels, and rows of any rank, lie one after the other.
#[test]
fn groups_in_one_piece_are_lent() {
    let pairs = Grouping::axes(&[0, 1]).unwrap();
    for (axes, grouping) in [
        (&[4, 3, 5, 5][..], Grouping::Kernel),
        (&[4, 3, 9], Grouping::Kernel),
        (&[4, 3, 9], pairs),
        (&[4, 3, 9], Grouping::OUTPUT_CHANNEL),
        (&[4, 3, 64], Grouping::Block(32)),
        (&[4, 70], Grouping::Block(32)),
        (&[4, 5, 6], Grouping::Block(5)),
        (&[3, 2, 2, 7], Grouping::Block(3)),
        (&[1, 12], Grouping::axis(1).unwrap()),
        (&[6], Grouping::OUTPUT_CHANNEL),
        (&[6], Grouping::Block(8)),
    ] {
        let tensor = tensor(axes, grouping, 2, Code::TwoBit, (ScaleType::F32, true), 3);
        let matrix = tensor.as_matrix().unwrap();
        assert_eq!((matrix.rows(), matrix.planes()), (axes[0], 2));
        assert_eq!(matrix.columns(), axes[1..].iter().product::<usize>());
        let restored = tensor.dequantize::<f32>();
        for (row, weights) in restored.chunks(matrix.columns()).enumerate() {
            for (column, &weight) in weights.iter().enumerate() {
                assert_eq!(matrix.get(row, column), Some(weight), "{axes:?} {grouping}");
            }
        }
        check(&tensor, 8);
    }
    let scalar = Shape::new(&[]).unwrap();
    let one = PackedTritsBuf::from_trits(Code::TwoBit, &[1]).unwrap();
    let scale = Stored::moderate(ScaleType::F32, 1, 0);
    let scalar =
        TernaryTensor::from_parts(scalar, Grouping::Tensor, vec![one], scale.slice(), None)
            .unwrap();
    let axis = Error::Shape(ShapeError::Axis { axis: 0, rank: 0 });
    assert_eq!(scalar.as_matrix().map(|_| ()), Err(axis));
}
