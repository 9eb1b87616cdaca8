//! Products with 8-bit activations: the formulas of the documentation, done the plain way, on every backend.

use crate::common::twin::weights;
use proptest::prelude::*;
use ternarize::matmul::Activations;
use ternarize::tensor::{Grouping, Shape, TensorView, TernaryTensor};
use ternarize::{Backend, Code, Error, PackedTritsBuf, ScaleSlice, Scales, Ternarizer};
use ternarize::{Operand, ShapeError};

/// Activations of either sign, one of them the largest.
fn activations(len: usize, seed: u64, blocks: bool) -> Activations<'static> {
    quantize(&weights::<f32>(len, seed), blocks).unwrap()
}

/// With one scale, or one for each block.
pub(crate) fn quantize(x: &[f32], blocks: bool) -> Result<Activations<'static>, Error> {
    if blocks {
        Activations::quantize_blocks(x)
    } else {
        Activations::quantize(x)
    }
}

/// The exact product with the restored weights and activations, and the sum of the magnitudes of its terms.
fn exact(tensor: &TernaryTensor, row: usize, x: &Activations<'_>) -> (f64, f64) {
    let weights = tensor.dequantize::<f64>();
    let weights = &weights[row * x.len()..][..x.len()];
    let value = |(i, &q): (usize, &i8)| {
        let scale = match x.scales() {
            &[scale] => scale,
            scales => scales[i / Activations::BLOCK],
        };
        f64::from(q) * f64::from(scale)
    };
    let values = x.values().iter().enumerate().map(value);
    let terms: Vec<f64> = weights.iter().zip(values).map(|(w, x)| w * x).collect();
    (
        terms.iter().sum(),
        terms.iter().map(|term| term.abs()).sum(),
    )
}

/// That all ways give the same bits, near the exact product.
fn check(tensor: &TernaryTensor, xs: &[Activations<'_>]) {
    let rows = tensor.shape().axes()[0];
    let mut first: Option<Vec<u32>> = None;
    for backend in Backend::available() {
        let mut y = vec![f32::NAN; rows * xs.len()];
        // Copies, which this backend arranges.
        let copies = xs.to_vec();
        tensor.matmul_i8_on(backend, &copies, &mut y).unwrap();
        let bits: Vec<u32> = y.iter().map(|y| y.to_bits()).collect();
        let first = first.get_or_insert_with(|| bits.clone());
        assert_eq!(&bits, first, "{backend:?} {:?}", tensor.grouping());
        for (x, y) in xs.iter().zip(y.chunks(rows.max(1))) {
            let mut alone = vec![f32::NAN; rows];
            tensor
                .matmul_i8_on(backend, core::slice::from_ref(x), &mut alone)
                .unwrap();
            assert_eq!(alone, y, "{backend:?} {:?}", tensor.grouping());
            for (row, &y) in y.iter().enumerate() {
                let (exact, size) = exact(tensor, row, x);
                // Each tile is rounded a few times, and added once to a lane.
                let tiles = x.len().div_ceil(8) as f64;
                let bound = (tiles + 16.0) * 2.0_f64.powi(-24) * size;
                assert!(
                    (f64::from(y) - exact).abs() <= bound,
                    "{y} for {exact} in row {row}: {backend:?} {} {} {:?}",
                    tensor.trits().code().name(),
                    tensor.grouping(),
                    tensor.scales()
                );
            }
        }
    }
}

fn tensors(axes: &[usize], seed: u64) -> Vec<TernaryTensor> {
    let values: Vec<f32> = weights(axes.iter().product(), seed);
    let view = TensorView::new(&values, axes).unwrap();
    let mut groupings = vec![Grouping::Tensor, Grouping::OUTPUT_CHANNEL, Grouping::Kernel];
    groupings.extend([7, 32, 64, 96, 128, 256, 512, 1024].map(Grouping::Block));
    let make = |grouping| {
        [Scales::One, Scales::Two].map(|scales| {
            let how = Ternarizer::new().scales(scales);
            TernaryTensor::ternarize(&view, grouping, &how).unwrap().0
        })
    };
    groupings.into_iter().flat_map(make).collect()
}

#[test]
fn all_groupings_codes_and_lengths() {
    // Around bytes, lanes, blocks and tiles; in the last a row is several tiles and a piece.
    for columns in [1, 3, 4, 5, 31, 64, 252, 256, 260, 319, 320, 322, 1028] {
        for tensor in tensors(&[3, columns], columns as u64) {
            for code in [Code::TwoBit, Code::Base3] {
                let tensor = tensor.clone().transcode(code);
                check(&tensor, &[activations(columns, 7, false)]);
                let blocks = (0..5).map(|seed| activations(columns, seed, true));
                check(&tensor, &blocks.collect::<Vec<_>>());
            }
        }
    }
}

/// The scales of a tensor whose scales are `f32` values.
#[expect(clippy::cast_possible_truncation, reason = "they are `f32` values")]
fn scales(tensor: &TernaryTensor) -> (Vec<f32>, Vec<f32>) {
    let singles = |scales: Vec<f64>| scales.into_iter().map(|scale| scale as f32).collect();
    (singles(tensor.lambda_p()), singles(tensor.lambda_n()))
}

/// With one scale for a row and one for the vector, the sum is exact: for long rows, and for those that share a tile.
#[test]
fn one_scale_a_row_is_rounded_as_documented() {
    let shapes = [
        [9, 4_099],
        [1, 16],
        [17, 48],
        [33, 64],
        [64, 128],
        [65, 240],
        [66, 256],
    ];
    for (shape, seed) in shapes.into_iter().zip(3..) {
        for tensor in tensors(&shape, seed) {
            check_exact(&tensor, &activations(shape[1], 4, false));
            let ends = Activations::from_values(vec![-127; shape[1]], 0.5).unwrap();
            check_exact(&tensor, &ends);
        }
    }
}

fn check_exact(tensor: &TernaryTensor, x: &Activations<'_>) {
    let (lambda_p, lambda_n) = scales(tensor);
    let (rows, columns) = (tensor.shape().axes()[0], x.len());
    if lambda_p.len() > rows {
        return;
    }
    let mut y = vec![0.0; rows];
    tensor.matvec_i8(x, &mut y).unwrap();
    for (row, y) in y.into_iter().enumerate() {
        let group = if lambda_p.len() == 1 { 0 } else { row };
        let elements = row * columns..(row + 1) * columns;
        let trits = tensor.trits().slice(elements).unwrap();
        let (mut plus, mut minus) = (0_i64, 0_i64);
        for (trit, &q) in trits.iter().zip(x.values()) {
            match trit {
                1 => plus += i64::from(q),
                -1 => minus += i64::from(q),
                _ => {}
            }
        }
        let d = x.scales()[0];
        let expected = match tensor.scales() {
            Scales::One => (plus - minus) as f32 * (lambda_p[group] * d),
            Scales::Two => {
                plus as f32 * (lambda_p[group] * d) - minus as f32 * (lambda_n[group] * d)
            }
        };
        assert_eq!(
            y.to_bits(),
            expected.to_bits(),
            "row {row} of {columns} columns"
        );
    }
}

/// The documented order of additions, lane by lane, for blocks.
#[test]
fn blocks_are_added_in_the_documented_order() {
    let columns = 2 * 256 + 64;
    for tensor in tensors(&[2, columns], 5) {
        let Grouping::Block(block @ (32 | 64 | 96 | 128 | 256)) = tensor.grouping() else {
            continue;
        };
        let x = activations(columns, 6, true);
        let mut y = [0.0; 2];
        tensor.matvec_i8(&x, &mut y).unwrap();
        let per_row = columns.div_ceil(block);
        let (all_p, all_n) = scales(&tensor);
        for (row, y) in y.into_iter().enumerate() {
            let mut sums = [0.0_f32; 16];
            // Blocks of 256: a tile has eight sums of twice sixteen weights, and two tiles have all of them.
            let apart = if block == 256 { 8 } else { 16 };
            for (tile, first) in (0..columns).step_by(256).enumerate() {
                let d = x.scales()[tile];
                for lane in 0..apart {
                    let scaled = if block == 256 {
                        first
                    } else {
                        first + 16 * lane
                    };
                    if scaled >= columns {
                        break;
                    }
                    let (mut plus, mut minus) = (0, 0);
                    for start in (first + 16 * lane..first + 256).step_by(16 * apart) {
                        for column in start.min(columns)..columns.min(start + 16) {
                            match tensor.trits().get(row * columns + column) {
                                Some(1) => plus += i32::from(x.values()[column]),
                                Some(-1) => minus += i32::from(x.values()[column]),
                                _ => {}
                            }
                        }
                    }
                    let group = row * per_row + scaled / block;
                    let (lambda_p, lambda_n) = (all_p[group], all_n[group]);
                    let half = if block == 256 { tile % 2 * 8 } else { 0 };
                    let sum = &mut sums[half + lane];
                    match tensor.scales() {
                        Scales::One => *sum += (plus - minus) as f32 * (lambda_p * d),
                        Scales::Two => {
                            *sum += plus as f32 * (lambda_p * d);
                            *sum += minus as f32 * (-lambda_n * d);
                        }
                    }
                }
            }
            for width in [8, 4, 2, 1] {
                for lane in 0..width {
                    sums[lane] += sums[lane + width];
                }
            }
            assert_eq!(y.to_bits(), sums[0].to_bits(), "{block}");
        }
    }
}

/// All weights +1 or -1 and all activations at an end: no sum of 16 or 32 bits overflows.
#[test]
fn the_extremes_are_exact() {
    let columns = 300_000;
    for code in [Code::TwoBit, Code::Base3] {
        for trit in [1, -1] {
            let trits = PackedTritsBuf::from_trits(code, &vec![trit; 2 * columns]).unwrap();
            let shape = Shape::new(&[2, columns]).unwrap();
            let scale = ScaleSlice::F32(&[1.0]);
            let tensor =
                TernaryTensor::from_parts(shape, Grouping::Tensor, vec![trits], scale, None);
            let tensor = tensor.unwrap();
            for value in [127, -127] {
                let x = Activations::from_values(vec![value; columns], 1.0).unwrap();
                let expected = f32::from(trit) * f32::from(value) * columns as f32;
                for backend in Backend::available() {
                    let mut y = [0.0; 2];
                    tensor
                        .matmul_i8_on(backend, core::slice::from_ref(&x), &mut y)
                        .unwrap();
                    assert_eq!(y.map(f32::to_bits), [expected.to_bits(); 2], "{backend:?}");
                }
            }
        }
    }
}

#[test]
fn lengths_must_fit() {
    let view = TensorView::new(&[1.0_f32; 12], &[3, 2, 2]).unwrap();
    let how = Ternarizer::new();
    let (tensor, _) = TernaryTensor::ternarize(&view, Grouping::Tensor, &how).unwrap();
    let x = |len| activations(len, 1, false);
    let times = |lengths: &[usize], results| {
        let xs: Vec<_> = lengths.iter().map(|&len| x(len)).collect();
        tensor.matmul_i8(&xs, &mut vec![0.0; results])
    };
    let length = |expected, actual| Err(Error::LengthMismatch { expected, actual });
    assert_eq!(times(&[4, 4], 6), Ok(()));
    assert_eq!(times(&[4, 5], 6), length(4, 5));
    assert_eq!(times(&[4, 4], 3), length(6, 3));
    assert_eq!(times(&[], 0), Ok(()));
    let scalar = TensorView::new(&[1.0_f32], &[]).unwrap();
    let (scalar, _) = TernaryTensor::ternarize(&scalar, Grouping::Tensor, &how).unwrap();
    let error = scalar.matvec_i8(&x(1), &mut [0.0]);
    assert_eq!(
        error,
        Err(Error::Shape(ShapeError::Axis { axis: 0, rank: 0 }))
    );
    let trits = PackedTritsBuf::from_trits(Code::TwoBit, &[]).unwrap();
    let (shape, block) = (Shape::new(&[2, 0]).unwrap(), Grouping::Block(32));
    let empty = TernaryTensor::from_parts(shape, block, vec![trits], ScaleSlice::F32(&[]), None);
    let empty = empty.unwrap();
    let mut y = [f32::NAN; 2];
    empty.matvec_i8(&x(0), &mut y).unwrap();
    assert_eq!(y.map(f32::to_bits), [0; 2]);
}

#[test]
fn activations_that_are_no_numbers_are_refused() {
    let mut x = [1.0; 600];
    for (index, wrong) in [
        (0, f32::NAN),
        (299, f32::INFINITY),
        (599, f32::NEG_INFINITY),
    ] {
        x[index] = wrong;
        for blocks in [false, true] {
            let error = quantize(&x, blocks);
            assert_eq!(
                error,
                Err(Error::InvalidValue {
                    what: Operand::Activation,
                    index
                })
            );
        }
        x[index] = 1.0;
    }
}

proptest! {
    /// Each activation becomes the nearest of 255 numbers: within half a step, but for the rounding of a quotient.
    #[test]
    fn activations_are_rounded_to_the_nearest(
        mut x in prop::collection::vec(-1e3_f32..1e3, 1..700),
        power in -160..117_i32,
        block: bool,
    ) {
        // In two steps, for neither power overflows.
        for x in &mut x {
            *x = *x * 2.0_f32.powi(power / 2) * 2.0_f32.powi(power - power / 2);
        }
        let quantized = quantize(&x, block).unwrap();
        let length = if block { Activations::BLOCK } else { x.len() };
        for (block, x) in x.chunks(length).enumerate() {
            let largest = x.iter().fold(0.0_f32, |largest, x| largest.max(x.abs()));
            let scale = quantized.scales()[block];
            let step = f64::from(scale);
            if scale < f32::MIN_POSITIVE {
                // As large as it must be, and no larger.
                let below = f64::from(f32::from_bits(scale.to_bits().saturating_sub(1)));
                let least = f64::from(largest) / 127.0;
                prop_assert!(step >= least * (1.0 - 1e-7) && (below < least || scale == 0.0));
            } else {
                prop_assert_eq!(scale.to_bits(), (largest / 127.0).to_bits());
            }
            for (x, &q) in x.iter().zip(&quantized.values()[block * length..]) {
                prop_assert!(q != i8::MIN);
                let error = (f64::from(*x) - f64::from(q) * step).abs();
                prop_assert!(error <= step * (0.5 + 1e-4), "{x} became {q} of {step}");
            }
        }
    }

    #[test]
    fn products_are_near_the_exact_ones(
        columns in 1..400_usize,
        rows in 1..7_usize,
        seed: u64,
        choice: prop::sample::Index,
        base3: bool,
        block: bool,
    ) {
        let all = tensors(&[rows, columns], seed);
        let code = if base3 { Code::Base3 } else { Code::TwoBit };
        let tensor = all[choice.index(all.len())].clone().transcode(code);
        check(&tensor, &[activations(columns, seed ^ 1, block)]);
    }
}
