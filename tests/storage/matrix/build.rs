//! Matrices made by the compiler, and what no matrix can be made of.

#![expect(clippy::float_cmp, reason = "sums of few powers of two are exact")]

use ternarize::matmul::{Activations, TernaryMatrix};
use ternarize::{Code, Error, Operand, PackedTrits, ScaleSlice, ShapeError};

/// `+1 -1 0 +1 -1 0 ...`, and the same from the second trit on.
const FIRST: &[u8] = &[0b10_01_00_10, 0b00_10_01_00, 0b01_00_10_01];
const SECOND: &[u8] = &[0b00_10_01_00, 0b01_00_10_01, 0b10_01_00_10];
static PLANES: [PackedTrits<'_>; 2] = [
    PackedTrits::must(Code::TwoBit, FIRST, 12),
    PackedTrits::must(Code::TwoBit, SECOND, 12),
];
/// 1, 0.5, 2, 0.25, and half of them.
static SCALES: [u16; 8] = [
    0x3c00, 0x3800, 0x4000, 0x3400, 0x3800, 0x3400, 0x3c00, 0x3000,
];
static BIAS: [f32; 2] = [10.0, -20.0];

/// Two rows of six, in blocks of four: everything that a matrix can have.
static LAYER: TernaryMatrix<'_> = {
    let made = TernaryMatrix::with_blocks([2, 6], 4, &PLANES, ScaleSlice::F16(&SCALES));
    let Ok(matrix) = made else {
        panic!("not as many trits or scales as the shape needs");
    };
    let Ok(matrix) = matrix.with_bias(&BIAS) else {
        panic!("not one number for each row");
    };
    matrix
};

/// The weights, worked out by hand: trit times scale of the first plane, and of the second.
const WEIGHTS: [[f32; 6]; 2] = [
    [
        1.0 - 0.5,
        -1.0 + 0.0,
        0.0 + 0.5,
        1.0 - 0.5,
        -0.5 + 0.0,
        0.0 + 0.25,
    ],
    [
        2.0 - 1.0,
        -2.0 + 0.0,
        0.0 + 1.0,
        2.0 - 1.0,
        -0.25 + 0.0,
        0.0 + 0.125,
    ],
];

#[test]
fn a_matrix_of_the_compiler_multiplies() {
    for (row, weights) in WEIGHTS.iter().enumerate() {
        for (column, &weight) in weights.iter().enumerate() {
            assert_eq!(LAYER.get(row, column), Some(weight), "{row}, {column}");
        }
    }
    let q = [3, -1, 4, 1, -5, 9];
    let x = q.map(f32::from);
    let product =
        |row: usize| WEIGHTS[row].iter().zip(x).map(|(w, x)| w * x).sum::<f32>() + BIAS[row];
    let (mut y, mut y_i8) = ([0.0; 2], [0.0; 2]);
    LAYER.matvec(&x, &mut y).unwrap();
    LAYER
        .matvec_i8(&Activations::from_slices(&q, &[1.0]).unwrap(), &mut y_i8)
        .unwrap();
    assert_eq!((y, y_i8), ([product(0), product(1)], y));
}

/// A sum of a scale and one of the other sign: which trit takes which.
#[test]
fn the_other_scales_are_those_of_the_minus_trits() {
    let two = LAYER
        .with_lambda_n(ScaleSlice::PowerOfTwo(&[
            3, 4, 5, 6, -128, -128, -128, -128,
        ]))
        .unwrap();
    let row = |row| [0, 1, 4].map(|column| two.get(row, column).unwrap());
    assert_eq!(row(0), [1.0, -8.0, -16.0]);
    assert_eq!(row(1), [2.0, -32.0, -64.0]);
}

#[expect(
    clippy::large_types_passed_by_value,
    reason = "it is made for this call"
)]
fn refused(made: Result<TernaryMatrix<'_>, Error>) -> Error {
    made.map(|_| ()).unwrap_err()
}

const fn length(expected: usize, actual: usize) -> Error {
    Error::LengthMismatch { expected, actual }
}

#[test]
fn planes_that_do_not_fit_are_refused() {
    let [plane, _] = PLANES;
    let scales = [1.0; 12];
    let make = |shape, planes: &[PackedTrits<'static>], count: usize| {
        refused(TernaryMatrix::new(
            shape,
            planes,
            ScaleSlice::F32(&scales[..count]),
        ))
    };
    for given in [0, 5] {
        let (what, max) = (Operand::Plane, 4);
        let planes = vec![plane; given];
        assert_eq!(
            make([3, 4], &planes, 3),
            Error::TooMany { what, given, max }
        );
    }
    assert_eq!(make([3, 5], &[plane], 3), length(15, 12));
    let shorter = plane.slice(0..11).unwrap();
    assert_eq!(make([3, 4], &[plane, shorter], 6), length(12, 11));
    let base3 = PackedTrits::must(Code::Base3, &[121, 121, 121], 12);
    assert!(matches!(
        make([3, 4], &[plane, base3], 6),
        Error::Conflict { .. }
    ));
    let huge = Error::Shape(ShapeError::Overflow);
    assert_eq!(make([usize::MAX, 2], &[plane], 1), huge);
    let blocks = TernaryMatrix::with_blocks([3, 4], 0, &[plane], ScaleSlice::F32(&scales));
    assert_eq!(refused(blocks), Error::Shape(ShapeError::EmptyBlock));
}

#[test]
fn scales_and_biases_that_do_not_fit_are_refused() {
    let scales = [1.0; 12];
    let make = |block, count: usize| {
        refused(TernaryMatrix::with_blocks(
            [3, 4],
            block,
            &PLANES,
            ScaleSlice::F32(&scales[..count]),
        ))
    };
    // One for each plane, for each row or for each block.
    assert_eq!(make(4, 3), length(6, 3));
    assert_eq!(make(9, 12), length(6, 12));
    assert_eq!(make(3, 6), length(12, 6));
    assert_eq!(make(2, 2), length(12, 2));
    let what = Operand::Scale;
    for (scales, index) in [
        (ScaleSlice::F64(&[1.0, f64::INFINITY]), 1),
        (ScaleSlice::F32(&[f32::NAN, 1.0]), 0),
        (ScaleSlice::F16(&[0x3c00, 0x7c00]), 1),
        (ScaleSlice::Bf16(&[0xbf80, 0x3f80]), 0),
    ] {
        let invalid = Error::InvalidValue { what, index };
        assert_eq!(
            refused(TernaryMatrix::new([3, 4], &PLANES, scales)),
            invalid
        );
        let matrix = TernaryMatrix::new([3, 4], &PLANES, ScaleSlice::F32(&[1.0; 2])).unwrap();
        assert_eq!(refused(matrix.with_lambda_n(scales)), invalid);
    }
    let matrix = TernaryMatrix::new([3, 4], &PLANES, ScaleSlice::F32(&scales[..6])).unwrap();
    assert_eq!(
        refused(matrix.with_lambda_n(ScaleSlice::F32(&[1.0; 2]))),
        length(6, 2)
    );
    assert_eq!(refused(matrix.with_bias(&[1.0; 2])), length(3, 2));
    let (what, index) = (Operand::Bias, 2);
    let invalid = Error::InvalidValue { what, index };
    assert_eq!(
        refused(matrix.with_bias(&[0.0, 1.0, f32::NEG_INFINITY])),
        invalid
    );
}

#[test]
fn vectors_that_do_not_fit_are_refused_and_nothing_is_written() {
    let mut y = [7.0; 4];
    assert_eq!(LAYER.matvec(&[1.0; 5], &mut y[..2]), Err(length(6, 5)));
    assert_eq!(LAYER.matvec(&[1.0; 6], &mut y[..3]), Err(length(2, 3)));
    assert_eq!(LAYER.matmul(&[1.0; 11], 2, &mut y), Err(length(12, 11)));
    assert_eq!(LAYER.matmul(&[1.0; 12], 2, &mut y[..3]), Err(length(4, 3)));
    let x = |len| Activations::from_values(vec![1; len], 1.0).unwrap();
    assert_eq!(LAYER.matvec_i8(&x(5), &mut y[..2]), Err(length(6, 5)));
    assert_eq!(LAYER.matvec_i8(&x(6), &mut y[..3]), Err(length(2, 3)));
    assert_eq!(LAYER.matmul_i8(&[x(6), x(7)], &mut y), Err(length(6, 7)));
    assert_eq!(y, [7.0; 4]);
    let scales = [1.0; 3];
    let borrowed = Activations::from_slices(&[1; 513], &scales).unwrap();
    assert_eq!(borrowed.scales(), scales);
    let of = |len, count: usize| {
        Activations::from_slices(&[1; 513][..len], &scales[..count]).map(|_| ())
    };
    assert_eq!(of(513, 2), Err(length(3, 2)));
    assert_eq!(of(0, 2), Err(length(0, 2)));
    for (len, count) in [(513, 1), (0, 0), (0, 1), (256, 1)] {
        assert_eq!(of(len, count), Ok(()));
    }
}
