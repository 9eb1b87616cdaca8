//! The loops that need no heap, and the tiled ones, return the same bits in each of the three ways.

use super::{Activations, RowSum, TernaryMatrix};
use crate::{Backend, Code, PackedTritsBuf, ScaleSlice};
use alloc::vec;
use alloc::vec::Vec;

/// Numbers without a pattern.
fn noise(count: usize, mut state: u32) -> impl Iterator<Item = u32> {
    (0..count).map(move |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state >> 16
    })
}

fn trits(count: usize, seed: u32) -> Vec<i8> {
    noise(count, seed)
        .map(|x| [-1, 0, 1][x as usize % 3])
        .collect()
}

/// Scales of 2^-3 to 2^4 with some bits below.
fn scales(count: usize, seed: u32) -> Vec<f32> {
    let scale = |x: u32| f32::from_bits((124 + (x & 7)) << 23 | x << 5);
    noise(count, seed).map(scale).collect()
}

fn activations(columns: usize, blocks: bool, seed: u32) -> Activations<'static> {
    let x: Vec<f32> = noise(columns, seed).map(|x| x as f32 - 32_768.0).collect();
    if blocks {
        Activations::quantize_blocks(&x).unwrap()
    } else {
        Activations::quantize(&x).unwrap()
    }
}

/// Both loops on every backend; returns the way.
fn compare(matrix: &TernaryMatrix<'_>, x: &Activations<'_>) -> RowSum {
    let mut plain = vec![f32::NAN; matrix.rows()];
    matrix.plain_i8(x, &mut plain).unwrap();
    let bits = |y: &[f32]| y.iter().map(|y| y.to_bits()).collect::<Vec<_>>();
    for backend in Backend::available() {
        let mut tiled = vec![f32::NAN; matrix.rows()];
        // A copy, which this backend arranges.
        let copy = x.clone();
        matrix
            .matmul_i8_on(backend, core::slice::from_ref(&copy), &mut tiled)
            .unwrap();
        assert_eq!(bits(&plain), bits(&tiled), "{matrix:?} on {backend:?}");
    }
    matrix.way(x.only_scale().is_some())
}

#[test]
fn plain_loops_return_the_bits_of_the_tiled_ones() {
    let mut seen = [0; 3];
    for columns in [1, 5, 48, 64, 128, 240, 255, 260, 512, 1100] {
        for (rows, planes) in [(1, 4), (6, 1), (9, 3), (65, 2)] {
            for (block, two, code) in [
                (columns, false, Code::Base3),
                (columns, true, Code::TwoBit),
                (32, true, Code::TwoBit),
                (96, false, Code::TwoBit),
                (256, false, Code::TwoBit),
                (512, true, Code::TwoBit),
                (7, false, Code::Base3),
            ] {
                let packed = (0..planes).map(|seed| {
                    let trits = trits(rows * columns, seed + 1);
                    PackedTritsBuf::from_trits(code, &trits).unwrap()
                });
                let packed: Vec<_> = packed.collect();
                let borrowed: Vec<_> = packed.iter().map(PackedTritsBuf::as_packed).collect();
                let count = planes as usize * rows * columns.div_ceil(block.min(columns));
                let (p, n, bias) = (scales(count, 5), scales(count, 6), scales(rows, 7));
                let shape = [rows, columns];
                let made = TernaryMatrix::with_blocks(shape, block, &borrowed, ScaleSlice::F32(&p));
                let mut matrix = made.unwrap().with_bias(&bias).unwrap();
                if two {
                    matrix = matrix.with_lambda_n(ScaleSlice::F32(&n)).unwrap();
                }
                for blocks in [false, true] {
                    let way = compare(&matrix, &activations(columns, blocks, 9));
                    seen[way as usize] += 1;
                }
            }
        }
    }
    assert!(seen.iter().all(|&count| count >= 20), "{seen:?}");
}

/// Planes that begin within a byte have no tiles, and the same bits.
#[test]
fn planes_that_begin_within_a_byte_are_multiplied_alike() {
    let (rows, columns) = (5, 320);
    let all = trits(rows * columns + 3, 1);
    let packed = PackedTritsBuf::from_trits(Code::TwoBit, &all).unwrap();
    let own = PackedTritsBuf::from_trits(Code::TwoBit, &all[3..]).unwrap();
    let scales = scales(50, 2);
    let make = |trits| {
        let scales = ScaleSlice::F32(&scales);
        TernaryMatrix::with_blocks([rows, columns], 32, &[trits], scales).unwrap()
    };
    let within = make(packed.as_packed().slice(3..all.len()).unwrap());
    let at_border = make(own.as_packed());
    let x = activations(columns, true, 3);
    assert_eq!(compare(&within, &x), RowSum::Tiles);
    assert_eq!(compare(&at_border, &x), RowSum::Tiles);
    let (mut y, mut expected) = ([0.0; 5], [1.0; 5]);
    within.matvec_i8(&x, &mut y).unwrap();
    at_border.matvec_i8(&x, &mut expected).unwrap();
    assert_eq!(y.map(f32::to_bits), expected.map(f32::to_bits));
}

/// Without columns nothing but the bias is left, whatever the sign of the scale.
#[test]
fn rows_without_columns_are_their_bias() {
    let x = Activations::from_slices(&[], &[-1.0]).unwrap();
    let trits = PackedTritsBuf::from_trits(Code::TwoBit, &[]).unwrap();
    for (bias, expected) in [(&[][..], 0.0_f32), (&[1.5; 2], 1.5)] {
        let (trits, scales) = ([trits.as_packed()], ScaleSlice::F32(&[f32::MAX; 2]));
        let mut matrix = TernaryMatrix::new([2, 0], &trits, scales).unwrap();
        if !bias.is_empty() {
            matrix = matrix.with_bias(bias).unwrap();
        }
        let mut y = [f32::NAN; 2];
        compare(&matrix, &x);
        matrix.matvec_i8(&x, &mut y).unwrap();
        assert_eq!(y.map(f32::to_bits), [expected.to_bits(); 2]);
    }
}

/// So many short rows that threads share them.
#[test]
fn many_short_rows_are_multiplied_alike() {
    let shape @ [rows, columns] = [20_011, 16];
    let trits = trits(rows * columns, 1);
    let packed = PackedTritsBuf::from_trits(Code::TwoBit, &trits).unwrap();
    let (scales, bias) = (scales(rows, 2), scales(rows, 3));
    let matrix = TernaryMatrix::new(shape, &[packed.as_packed()], ScaleSlice::F32(&scales));
    let matrix = matrix.unwrap().with_bias(&bias).unwrap();
    assert_eq!(
        compare(&matrix, &activations(columns, false, 4)),
        RowSum::Exact
    );
}
