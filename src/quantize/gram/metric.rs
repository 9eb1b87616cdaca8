//! [`Metric`]: the damped Gram matrix `M = H + delta I` in which all methods measure.
//!
//! `delta` is a fraction of the mean of the diagonal. The damping makes a matrix of fewer rows than inputs positive definite, keeps
//! weights near their values along directions that the calibration data has not seen, and gives weights of inputs that were always 0
//! the nearest level. A Gram matrix of zeros carries no information, so the identity takes its place.

use alloc::vec;
use alloc::vec::Vec;

use nalgebra::DMatrix;

use super::accumulate::Gram;
use super::loops::AddRows;
use crate::simd::Backend;
use crate::weight::FloatBits;

/// A symmetric matrix, stored in full, row after row.
pub(super) struct Metric {
    inputs: usize,
    entries: Vec<f64>,
    /// What was added to the diagonal.
    damping: f64,
}

impl Metric {
    /// The Gram matrix with `fraction` of the mean of its diagonal added to the diagonal.
    pub(super) fn new(gram: &Gram, fraction: f64) -> Self {
        let inputs = gram.inputs();
        let trace = gram.trace();
        let mean = trace / inputs as f64;
        let damping = if trace > 0.0 { fraction * mean } else { 1.0 };
        let mut entries = vec![0.0; inputs * inputs];
        for (i, row) in entries.chunks_exact_mut(inputs).enumerate() {
            for (j, entry) in row.iter_mut().enumerate() {
                *entry = gram.entry(i, j);
            }
            row[i] += damping;
        }
        Self {
            inputs,
            entries,
            damping,
        }
    }

    pub(super) const fn inputs(&self) -> usize {
        self.inputs
    }

    /// What was added to the diagonal.
    pub(super) const fn damping(&self) -> f64 {
        self.damping
    }

    pub(super) fn row(&self, i: usize) -> &[f64] {
        &self.entries[i * self.inputs..][..self.inputs]
    }

    pub(super) fn diagonal(&self, i: usize) -> f64 {
        self.entries[i * self.inputs + i]
    }

    /// The sum of the diagonal.
    pub(super) fn trace(&self) -> f64 {
        (0..self.inputs).map(|i| self.diagonal(i)).sum()
    }

    /// The matrix with its inputs in another order, for factorisations.
    pub(super) fn matrix(&self, order: impl Fn(usize) -> usize) -> DMatrix<f64> {
        let entry = |i, j| self.row(order(i))[order(j)];
        DMatrix::from_fn(self.inputs, self.inputs, entry)
    }

    /// The diagonal relative to its largest entry.
    pub(super) fn importance(&self) -> Vec<f32> {
        let diagonal = (0..self.inputs).map(|i| self.diagonal(i));
        let largest = diagonal.clone().fold(0.0, f64::max);
        diagonal.map(|entry| f32::narrow(entry / largest)).collect()
    }

    /// The product with each vector.
    pub(super) fn multiply(&self, vectors: &[Vec<f64>]) -> Vec<Vec<f64>> {
        let rows: Vec<&[f64]> = self.entries.chunks_exact(self.inputs).collect();
        combine(&rows, vectors)
    }
}

/// The rows of a matrix in `f64`.
pub(super) fn wide_rows(matrix: &[f32], columns: usize) -> Vec<Vec<f64>> {
    let rows = matrix.chunks_exact(columns);
    let rows = rows.map(|row| row.iter().copied().map(f64::from).collect());
    rows.collect()
}

/// For each vector the sum of the rows of a matrix, each multiplied by its number of the vector, in order.
pub(super) fn combine(rows: &[&[f64]], vectors: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let mut sums = vec![vec![0.0; rows.len()]; vectors.len()];
    let mut places: Vec<&mut [f64]> = sums.iter_mut().map(Vec::as_mut_slice).collect();
    add_rows(&mut places, rows, |sum, row| vectors[sum][row]);
    sums
}

/// The rows that are read together. Chosen: 16 rows of 2,048 numbers fit the second cache.
pub(super) const DEPTH: usize = 16;

/// The sums that are added to together. Chosen: a tile of 4 x 8 sums fits the 16 registers of AVX2.
const SUMS: usize = 4;

/// Adds to each sum the rows of a matrix, each times its `factor(sum, row)`, in order. The matrix is read once for all sums.
pub(super) fn add_rows(
    sums: &mut [&mut [f64]],
    rows: &[&[f64]],
    factor: impl Fn(usize, usize) -> f64,
) {
    for (block, rows) in rows.chunks(DEPTH).enumerate() {
        let (fours, rest) = sums.as_chunks_mut::<SUMS>();
        let alone = fours.len() * SUMS;
        for (number, sums) in fours.iter_mut().enumerate() {
            let sums = sums.each_mut().map(|sum| &mut **sum);
            let factor = |s, k| factor(number * SUMS + s, block * DEPTH + k);
            add_block(sums, rows, factor);
        }
        for (number, sum) in rest.iter_mut().enumerate() {
            let factor = |_, k| factor(alone + number, block * DEPTH + k);
            add_block([sum], rows, factor);
        }
    }
}

/// Adds at most [`DEPTH`] rows to some sums.
fn add_block<const N: usize>(
    sums: [&mut [f64]; N],
    rows: &[&[f64]],
    factor: impl Fn(usize, usize) -> f64,
) {
    let mut factors = [[0.0; N]; DEPTH];
    for (row, factors) in factors.iter_mut().take(rows.len()).enumerate() {
        *factors = core::array::from_fn(|sum| factor(sum, row));
    }
    Backend::detect().run(AddRows {
        sums,
        factors: &factors,
        rows,
    });
}
