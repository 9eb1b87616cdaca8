//! Ternary matrices times vectors, against the product with the restored weights in `f64`: within the bound that the
//! documentation gives, for groups in one piece and scattered ones.

#![expect(clippy::float_cmp, reason = "small whole numbers are exact")]

use crate::common::twin::weights;
use proptest::prelude::*;
use ternarize::ShapeError;
use ternarize::matmul::Activations;
use ternarize::tensor::{Grouping, Shape, TensorView, TernaryTensor};
use ternarize::{
    Backend, Code, Error, PackedTrits, PackedTritsBuf, ScaleSlice, Scales, Ternarizer, Weight,
};

/// Every grouping that there is for this rank, but for the longest blocks.
fn groupings(rank: usize) -> Vec<Grouping> {
    let mut all = vec![Grouping::Tensor, Grouping::Kernel];
    all.extend([1, 2, 3, 5, 8, 64].map(Grouping::Block));
    all.extend((1..1_usize << rank).map(|set| {
        let named: Vec<_> = (0..rank).filter(|axis| set >> axis & 1 == 1).collect();
        Grouping::axes(&named).unwrap()
    }));
    all
}

/// Scales that are `f32` values.
#[expect(clippy::cast_possible_truncation, reason = "they are `f32` values")]
fn singles(scales: &[f64]) -> Vec<f32> {
    scales.iter().map(|&scale| scale as f32).collect()
}

/// The activations under the +1 trits, and minus those under the -1 trits, added in the defined order, one at a time; of the trits
/// that are not `kept`, none.
fn ordered_sum(trits: PackedTrits<'_>, x: &[f32], kept: [i8; 2]) -> f32 {
    let mut lane = [0.0; 8];
    for (i, (trit, &x)) in trits.iter().zip(x).enumerate() {
        match trit {
            1 if kept.contains(&1) => lane[i % 8] += x,
            -1 if kept.contains(&-1) => lane[i % 8] -= x,
            _ => {}
        }
    }
    ((lane[0] + lane[4]) + (lane[2] + lane[6])) + ((lane[1] + lane[5]) + (lane[3] + lane[7]))
}

/// The product run by run, as it is defined.
fn twin_product(tensor: &TernaryTensor, x: &[f32]) -> Vec<f32> {
    let (all_p, all_n) = (singles(&tensor.lambda_p()), singles(&tensor.lambda_n()));
    let row = |row: usize| {
        let start = row * x.len();
        let runs = tensor.runs(start..start + x.len()).unwrap();
        runs.fold(0.0, |y, (run, group)| {
            let x = &x[run.start - start..run.end - start];
            let trits = tensor.trits().slice(run).unwrap();
            let (plus, minus) = (
                ordered_sum(trits, x, [1, 1]),
                -ordered_sum(trits, x, [-1, -1]),
            );
            let (lambda_p, lambda_n) = (all_p[group], all_n[group]);
            y + match tensor.scales() {
                Scales::One => lambda_p * ordered_sum(trits, x, [1, -1]),
                Scales::Two => lambda_p * plus - lambda_n * minus,
            }
        })
    };
    (0..tensor.shape().axes()[0]).map(row).collect()
}

/// The bits, but that a NaN is a NaN.
fn bits(y: &[f32]) -> Vec<u32> {
    let one = |y: &f32| if y.is_nan() { !0 } else { y.to_bits() };
    y.iter().map(one).collect()
}

/// Products of several columns, on each backend, have the bits of the definition.
fn check_bits(axes: &[usize], grouping: Grouping, columns: usize, spoilt: bool) {
    let values: Vec<f32> = weights(axes.iter().product(), 7);
    let view = TensorView::new(&values, axes).unwrap();
    let (rows, inner) = (axes[0], axes[1..].iter().product::<usize>());
    let mut x: Vec<f32> = weights(inner * columns, 8);
    if spoilt {
        // Zeros in the matrix do not see these, others do.
        for (i, x) in x.iter_mut().enumerate().skip(3).step_by(29) {
            *x = [f32::INFINITY, f32::NAN, f32::NEG_INFINITY, -0.0][i % 4];
        }
    }
    for scales in [Scales::One, Scales::Two] {
        let how = Ternarizer::new().scales(scales);
        let (tensor, _) = TernaryTensor::ternarize(&view, grouping, &how).unwrap();
        for tensor in [tensor.clone(), tensor.transcode(Code::Base3)] {
            let column = |c: usize| twin_product(&tensor, &x[c * inner..][..inner]);
            let expected: Vec<f32> = (0..columns).flat_map(column).collect();
            for backend in Backend::available() {
                let mut y = vec![f32::NAN; rows * columns];
                tensor.matmul_on(backend, &x, columns, &mut y).unwrap();
                let name = backend.name();
                assert!(
                    bits(&y) == bits(&expected),
                    "{axes:?} under {grouping} on {name}"
                );
            }
        }
    }
}

/// Rows that begin at a byte border and rows that don't, rests of a block of rows, runs shorter than a byte.
#[test]
fn every_backend_multiplies_in_the_defined_order() {
    for rows in 1..=9 {
        for inner in [1, 7, 8, 31, 32, 40, 80, 129] {
            for grouping in [
                Grouping::Tensor,
                Grouping::OUTPUT_CHANNEL,
                Grouping::Block(8),
                Grouping::Block(3),
            ] {
                check_bits(&[rows, inner], grouping, 1 + rows % 3, rows % 2 == 0);
            }
        }
    }
    for grouping in groupings(4) {
        check_bits(&[5, 4, 3, 8], grouping, 2, false);
        check_bits(&[6, 3, 5, 2], grouping, 3, true);
    }
    check_bits(&[3, 40], Grouping::Block(16), 0, false);
}

/// That each row is within the bound.
fn check(tensor: &TernaryTensor, x: &[f32]) {
    let rows = tensor.shape().axes()[0];
    let mut y = vec![f32::NAN; rows];
    tensor.matvec(x, &mut y).unwrap();
    let restored = tensor.dequantize::<f64>();
    for (row, y) in restored.chunks(x.len()).zip(y) {
        let terms = || row.iter().zip(x).map(|(w, &x)| w * f64::from(x));
        let exact: f64 = terms().sum();
        let size: f64 = terms().map(f64::abs).sum();
        let bound = (x.len() + 3) as f64 * 2.0_f64.powi(-24) * size;
        let error = (f64::from(y) - exact).abs();
        assert!(
            error <= bound,
            "{y} is {error} from {exact}, beyond {bound}"
        );
    }
}

fn check_all<W: Weight>(axes: &[usize], seed: u64, x: &[f32]) {
    let values: Vec<W> = weights(axes.iter().product(), seed);
    let view = TensorView::new(&values, axes).unwrap();
    for grouping in groupings(axes.len()) {
        for scales in [Scales::One, Scales::Two] {
            let how = Ternarizer::new().scales(scales);
            let (tensor, _) = TernaryTensor::ternarize(&view, grouping, &how).unwrap();
            check(&tensor, x);
            check(&tensor.transcode(Code::Base3), x);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn products_are_within_the_bound(
        axes in prop::collection::vec(1_usize..9, 1..=4),
        seed: u64,
        sizes in prop::collection::vec(-1e4_f32..1e4, 512),
    ) {
        let columns = axes[1..].iter().product();
        check_all::<f32>(&axes, seed, &sizes[..columns]);
        check_all::<f64>(&axes, seed, &sizes[..columns]);
    }

    #[test]
    fn long_rows_are_within_the_bound(
        seed: u64,
        x in prop::collection::vec(prop::num::f32::NORMAL, 700)
            .prop_map(|x| x.into_iter().map(|x| x % 3e3).collect::<Vec<_>>()),
    ) {
        check_all::<f32>(&[1, 700], seed, &x);
    }

    /// Small whole numbers are added without rounding, so that every trit, scale and place counts.
    #[test]
    fn whole_numbers_are_multiplied_exactly(
        rows in 1_usize..5,
        columns in 1_usize..40,
        choice: prop::sample::Index,
        two: bool,
        digits in prop::collection::vec((-1_i8..=1, -20_i16..=20, 1_u8..9), 160),
    ) {
        let all = groupings(2);
        let (grouping, count) = (all[choice.index(all.len())], rows * columns);
        let shape = Shape::new(&[rows, columns]).unwrap();
        let groups = grouping.count(&shape).unwrap();
        let trits: Vec<i8> = digits.iter().take(count).map(|digit| digit.0).collect();
        let x: Vec<f32> = digits.iter().take(columns).map(|digit| digit.1.into()).collect();
        let lambdas: Vec<f32> = digits.iter().map(|digit| digit.2.into()).collect();
        let (lambda_p, rest) = lambdas.split_at(groups.min(80));
        prop_assume!(lambda_p.len() == groups && rest.len() >= groups);
        let lambda_n = two.then(|| &rest[..groups]);
        let packed = PackedTritsBuf::from_trits(Code::TwoBit, &trits).unwrap();
        let (p, n) = (ScaleSlice::F32(lambda_p), lambda_n.map(ScaleSlice::F32));
        let tensor = TernaryTensor::from_parts(shape, grouping, vec![packed], p, n);
        let tensor = tensor.unwrap();
        let (all_p, all_n) = (singles(&tensor.lambda_p()), singles(&tensor.lambda_n()));
        let mut y = vec![0.0; rows];
        tensor.matvec(&x, &mut y).unwrap();
        for (row, y) in y.into_iter().enumerate() {
            let value = |flat: usize| {
                let (_, group) = tensor.runs(flat..flat + 1).unwrap().next().unwrap();
                match trits[flat] {
                    1 => all_p[group],
                    -1 => -all_n[group],
                    _ => 0.0,
                }
            };
            let terms = (0..columns).map(|column| value(row * columns + column) * x[column]);
            prop_assert_eq!(y, terms.sum::<f32>());
        }
    }
}

#[cfg(feature = "half")]
#[test]
fn half_types_are_within_the_bound() {
    let x: Vec<f32> = weights(30, 1);
    check_all::<half::f16>(&[4, 5, 6], 2, &x);
    check_all::<half::bf16>(&[4, 5, 6], 3, &x);
}

/// The worst a row can do: every weight in a group of its own, and every addition rounding the same way.
#[test]
fn the_bound_holds_where_every_step_rounds() {
    let n = 4096;
    let mut x = vec![1.0 - 2.0_f32.powi(-24); n];
    x[0] = 1.0;
    let lambda = 1.0 + 2.0_f64.powi(-24) - 2.0_f64.powi(-40);
    for grouping in [Grouping::Block(1), Grouping::Block(3), Grouping::Tensor] {
        let shape = Shape::new(&[1, n]).unwrap();
        let groups = grouping.count(&shape).unwrap();
        let trits = PackedTritsBuf::from_trits(Code::Base3, &vec![1; n]).unwrap();
        let scales = vec![lambda; groups];
        let scales = ScaleSlice::F64(&scales);
        let tensor = TernaryTensor::from_parts(shape, grouping, vec![trits], scales, None);
        check(&tensor.unwrap(), &x);
    }
}

#[test]
fn an_empty_product_is_zero() {
    for axes in [&[3][..], &[3, 0], &[2, 0, 4], &[0, 4], &[0, 64]] {
        let shape = Shape::new(axes).unwrap();
        let groups = Grouping::Tensor.count(&shape).unwrap();
        let trits = PackedTritsBuf::from_trits(Code::TwoBit, &vec![1; shape.len()]).unwrap();
        let scales = vec![2.0; groups];
        let (grouping, scales) = (Grouping::Tensor, ScaleSlice::F32(&scales));
        let tensor = TernaryTensor::from_parts(shape, grouping, vec![trits], scales, None).unwrap();
        let columns = axes[1..].iter().product();
        let mut y = vec![f32::NAN; axes[0]];
        tensor.matvec(&vec![5.0; columns], &mut y).unwrap();
        // A vector is a matrix of one column.
        let expected = if columns == 1 { 10.0 } else { 0.0 };
        assert!(y.iter().all(|&y| y == expected), "{axes:?}");
        let x = Activations::from_values(vec![5; columns], 1.0).unwrap();
        y.fill(f32::NAN);
        tensor.matvec_i8(&x, &mut y).unwrap();
        assert!(y.iter().all(|&y| y == expected), "{axes:?}");
    }
}

#[test]
fn lengths_must_fit() {
    let values = [1.0_f32; 12];
    let how = Ternarizer::new();
    let make = |axes: &[usize]| {
        let view = TensorView::new(&values[..axes.iter().product()], axes).unwrap();
        let (tensor, _) = TernaryTensor::ternarize(&view, Grouping::Tensor, &how).unwrap();
        tensor
    };
    let length = |expected, actual| Err(Error::LengthMismatch { expected, actual });
    let tensor = make(&[3, 2, 2]);
    assert_eq!(tensor.matvec(&[1.0; 4], &mut [0.0; 3]), Ok(()));
    assert_eq!(tensor.matvec(&[1.0; 5], &mut [0.0; 3]), length(4, 5));
    assert_eq!(tensor.matvec(&[1.0; 4], &mut [0.0; 2]), length(3, 2));
    let mut y = [7.0; 6];
    assert_eq!(tensor.matmul(&[1.0; 7], 2, &mut y), length(8, 7));
    assert_eq!(tensor.matmul(&[1.0; 8], 2, &mut y[1..]), length(6, 5));
    let most = usize::MAX;
    assert_eq!(tensor.matmul(&[1.0; 8], most, &mut y), length(most, 8));
    assert_eq!(y, [7.0; 6]);
    assert_eq!(tensor.matmul(&[1.0; 8], 2, &mut y), Ok(()));
    let error = make(&[]).matvec(&[1.0], &mut [0.0]);
    assert_eq!(
        error,
        Err(Error::Shape(ShapeError::Axis { axis: 0, rank: 0 }))
    );
}
