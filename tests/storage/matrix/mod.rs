//! Matrices of planes, of every layout: each backend, the lent matrix and its tensor return the bits of the definition.

mod build;
mod tensors;
mod twin;

use crate::common::twin::weights;
use proptest::prelude::*;
use proptest::sample::select;
use ternarize::matmul::{Activations, TernaryMatrix};
use ternarize::{Backend, Code, PackedTrits, ScaleSlice, ScaleType};
use twin::{Plain, Recipe, Shared, single};

/// Around bytes, lanes, blocks and tiles.
const EDGES: [usize; 21] = [
    0, 1, 3, 4, 5, 8, 31, 32, 33, 64, 96, 128, 252, 256, 257, 260, 320, 512, 640, 699, 700,
];

/// Any length, and lengths around bytes, lanes, blocks and tiles.
fn columns() -> impl Strategy<Value = usize> {
    prop_oneof![0..=700_usize, select(&EDGES[..])]
}

fn recipe() -> impl Strategy<Value = Recipe> {
    let shared = prop_oneof![
        Just(Shared::All),
        Just(Shared::Rows),
        select(&[1, 7, 31, 32, 64, 96, 128, 160, 256, 512, 800][..]).prop_map(Shared::Blocks),
    ];
    let code = select(&[Code::TwoBit, Code::Base3][..]);
    let sizes = (1..40_usize, columns(), 1..=4_usize);
    let kinds = (code, shared, select(&ScaleType::ALL[..]));
    (sizes, kinds, any::<[bool; 2]>(), any::<u64>()).prop_map(
        |((rows, columns, planes), (code, shared, scale_type), [two, bias], seed)| Recipe {
            rows,
            columns,
            planes,
            code,
            shared,
            scale_type,
            two,
            bias,
            seed,
        },
    )
}

fn bits(y: &[f32]) -> Vec<u32> {
    y.iter().map(|y| y.to_bits()).collect()
}

/// That a sum of `steps` roundings is near the exact product.
fn check_bound(y: f32, [exact, size]: [f64; 2], steps: usize) {
    let bound = steps as f64 * 2.0_f64.powi(-24) * size;
    let error = (f64::from(y) - exact).abs();
    assert!(
        error <= bound,
        "{y} is {error} from {exact}, beyond {bound}"
    );
}

fn check_floats(plain: &Plain, vectors: usize) {
    let Recipe {
        rows,
        columns,
        planes,
        seed,
        ..
    } = plain.recipe;
    let x: Vec<f32> = weights(columns * vectors, seed ^ 0x20);
    let x_of = |vector: usize| &x[columns * vector..][..columns];
    let each = (0..vectors).flat_map(|vector| (0..rows).map(move |row| (vector, row)));
    let expected: Vec<f32> = each
        .map(|(vector, row)| plain.product(row, x_of(vector)))
        .collect();
    let (matrix, tensor) = (plain.matrix(), plain.tensor());
    for backend in Backend::available() {
        for matrix in [matrix, tensor.as_matrix().unwrap()] {
            let mut y = vec![f32::NAN; rows * vectors];
            matrix.matmul_on(backend, &x, vectors, &mut y).unwrap();
            assert_eq!(bits(&y), bits(&expected), "{}", backend.name());
        }
        let mut y = vec![f32::NAN; rows * vectors];
        tensor.matmul_on(backend, &x, vectors, &mut y).unwrap();
        assert_eq!(bits(&y), bits(&expected), "a tensor on {}", backend.name());
    }
    for (vector, expected) in expected.chunks(rows).enumerate() {
        let mut y = vec![f32::NAN; rows];
        matrix.matvec(x_of(vector), &mut y).unwrap();
        assert_eq!(bits(&y), bits(expected));
        for (row, &y) in y.iter().enumerate() {
            let exact = plain.exact(row, &x_of(vector).iter().map(|&x| x.into()));
            check_bound(y, exact, planes * columns + planes + 3);
        }
    }
}

/// Vectors of whole numbers; those with a bit of `blocks` have a scale for each block.
fn activations(columns: usize, vectors: usize, blocks: u8, seed: u64) -> Vec<Activations<'static>> {
    let vector = |vector: usize| {
        let x: Vec<f32> = weights(columns, seed ^ (0x30 + vector as u64));
        if blocks >> vector & 1 == 1 {
            Activations::quantize_blocks(&x).unwrap()
        } else {
            Activations::quantize(&x).unwrap()
        }
    };
    (0..vectors).map(vector).collect()
}

/// The real numbers that 8-bit activations stand for.
fn values<'a>(x: &'a Activations<'_>) -> impl Iterator<Item = f64> + Clone + 'a {
    x.values().iter().enumerate().map(|(i, &q)| {
        let d = match x.scales() {
            &[d] => d,
            scales => scales[i / Activations::BLOCK],
        };
        f64::from(q) * f64::from(d)
    })
}

fn check_i8(plain: &Plain, xs: &[Activations<'_>]) {
    let Recipe { rows, planes, .. } = plain.recipe;
    let of = |x| (0..rows).map(move |row| plain.product_i8(row, x));
    let expected: Vec<f32> = xs.iter().flat_map(of).collect();
    let (matrix, tensor) = (plain.matrix(), plain.tensor());
    let mut y = vec![f32::NAN; rows * xs.len()];
    for backend in Backend::available() {
        for matrix in [matrix, tensor.as_matrix().unwrap()] {
            y.fill(f32::NAN);
            matrix.matmul_i8_on(backend, xs, &mut y).unwrap();
            assert_eq!(bits(&y), bits(&expected), "{}", backend.name());
        }
        y.fill(f32::NAN);
        tensor.matmul_i8_on(backend, xs, &mut y).unwrap();
        assert_eq!(bits(&y), bits(&expected), "a tensor on {}", backend.name());
    }
    for (x, expected) in xs.iter().zip(expected.chunks(rows)) {
        let (x, mut y) = (borrowed(x), vec![f32::NAN; rows]);
        matrix.matvec_i8(&x, &mut y).unwrap();
        assert_eq!(bits(&y), bits(expected));
        for (row, &y) in y.iter().enumerate() {
            check_bound(
                y,
                plain.exact(row, &values(&x)),
                plain.chain(&x) + planes + 6,
            );
        }
    }
}

/// The same activations, borrowed.
fn borrowed<'a>(x: &'a Activations<'_>) -> Activations<'a> {
    Activations::from_slices(x.values(), x.scales()).unwrap()
}

/// Each weight, looked up.
fn check_weights(plain: &Plain, matrix: &TernaryMatrix<'_>) {
    let Recipe {
        rows,
        columns,
        planes,
        ..
    } = plain.recipe;
    assert_eq!(
        (matrix.rows(), matrix.columns(), matrix.planes()),
        (rows, columns, planes)
    );
    for row in [0, rows / 2, rows - 1] {
        for column in 0..columns {
            let level = |plane| {
                let [lambda_p, lambda_n] = plain.scales(plane, row, column);
                match plain.trit(plane, row, column) {
                    1 => lambda_p,
                    -1 => -lambda_n,
                    _ => 0.0,
                }
            };
            let weight = single((0..planes).map(level).sum());
            assert_eq!(matrix.get(row, column), Some(weight));
        }
    }
    assert_eq!((matrix.get(rows, 0), matrix.get(0, columns)), (None, None));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn floats_are_multiplied_as_defined(recipe in recipe(), vectors in 0..4_usize) {
        let plain = Plain::new(recipe);
        check_floats(&plain, vectors);
        check_weights(&plain, &plain.matrix());
        if recipe.columns > 0 {
            check_weights(&plain, &plain.tensor().as_matrix().unwrap());
        }
    }

    #[test]
    fn whole_numbers_are_multiplied_as_defined(
        recipe in recipe(),
        vectors in 0..7_usize,
        blocks in prop_oneof![Just(0_u8), Just(!0), any::<u8>()],
    ) {
        let xs = activations(recipe.columns, vectors, blocks, recipe.seed);
        check_i8(&Plain::new(recipe), &xs);
    }
}

/// More rows than a panel, and work for several threads.
#[test]
fn many_rows_are_multiplied_as_defined() {
    for (code, shared) in [
        (Code::TwoBit, Shared::Blocks(32)),
        (Code::TwoBit, Shared::Rows),
        (Code::Base3, Shared::All),
    ] {
        let plain = Plain::new(Recipe {
            rows: 301,
            columns: 1284,
            planes: 3,
            code,
            shared,
            scale_type: ScaleType::F16,
            two: false,
            bias: true,
            seed: 11,
        });
        check_floats(&plain, 2);
        check_i8(&plain, &activations(1284, 5, 0b10, 12));
    }
}

/// A bias of -0.0 is added, not written: the sum of 0 and -0 is 0.
#[test]
fn a_product_of_nothing_is_the_bias_added_to_zero() {
    let trits = PackedTrits::new(Code::TwoBit, &[], 0).unwrap();
    let matrix = TernaryMatrix::new([3, 0], &[trits; 2], ScaleSlice::F32(&[0.5; 2])).unwrap();
    let matrix = matrix.with_bias(&[-0.0, 1.5, 0.0]).unwrap();
    let (mut y, mut y_i8) = ([f32::NAN; 3], [f32::NAN; 3]);
    matrix.matvec(&[], &mut y).unwrap();
    matrix
        .matvec_i8(&Activations::from_slices(&[], &[]).unwrap(), &mut y_i8)
        .unwrap();
    assert_eq!(bits(&y), bits(&[0.0, 1.5, 0.0]));
    assert_eq!(bits(&y_i8), bits(&y));
}
