//! [`Metric`]: the damped Gram matrix in which all methods measure, `H + delta I`.
//!
//! `delta` is a fraction of the mean of the diagonal. It makes a matrix of fewer rows than inputs definite, keeps weights near
//! their values along directions that the calibration has not seen, and gives weights of inputs that were always 0 the level
//! nearest to them. A matrix of zeros says nothing, and the identity takes its place.

use alloc::vec;
use alloc::vec::Vec;

use super::accumulate::Gram;
use super::loops::{AddFour, AddMultiple, Change};
use crate::backend::Backend;
use crate::weight::Format;

/// A symmetric matrix, in full, row after row.
pub(super) struct Metric {
    inputs: usize,
    entries: Vec<f64>,
    /// What was added to the diagonal.
    damping: f64,
    backend: Backend,
}

impl Metric {
    /// The Gram matrix, and `fraction` of the mean of its diagonal added to the diagonal.
    pub(super) fn new(gram: &Gram, fraction: f64) -> Self {
        let inputs = gram.inputs();
        let trace: f64 = (0..inputs).map(|i| gram.entry(i, i)).sum();
        let damping = if trace > 0.0 {
            fraction * (trace / inputs as f64)
        } else {
            1.0
        };
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
            backend: Backend::detect(),
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

    /// The diagonal relative to its largest entry.
    pub(super) fn importance(&self) -> Vec<f32> {
        let diagonal = (0..self.inputs).map(|i| self.diagonal(i));
        let largest = diagonal.clone().fold(0.0, f64::max);
        diagonal.map(|entry| f32::narrow(entry / largest)).collect()
    }

    /// `sum += factor values`.
    pub(super) fn add_multiple(&self, sum: &mut [f64], factor: f64, values: &[f64]) {
        self.backend.run(AddMultiple {
            sum,
            factor,
            values,
        });
    }

    /// See [`Change`].
    pub(super) fn change(&self, change: Change<'_>) {
        self.backend.run(change);
    }

    /// The product with each vector. The matrix is read once for all of them.
    pub(super) fn multiply<'v>(&self, vectors: impl Iterator<Item = &'v [f64]>) -> Vec<Vec<f64>> {
        let vectors: Vec<_> = vectors.collect();
        let mut products = vec![vec![0.0; self.inputs]; vectors.len()];
        let whole = self.inputs - self.inputs % 4;
        for i in (0..whole).step_by(4) {
            let rows = [i, i + 1, i + 2, i + 3].map(|i| self.row(i));
            for (sum, vector) in products.iter_mut().zip(&vectors) {
                let factors = [vector[i], vector[i + 1], vector[i + 2], vector[i + 3]];
                self.backend.run(AddFour { sum, factors, rows });
            }
        }
        for i in whole..self.inputs {
            for (sum, vector) in products.iter_mut().zip(&vectors) {
                self.add_multiple(sum, vector[i], self.row(i));
            }
        }
        products
    }
}
