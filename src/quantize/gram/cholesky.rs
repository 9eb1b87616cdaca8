//! [`cholesky`]: the factorisation `M = L L^T` of a large matrix, block after block, so that it is bound by arithmetic and not by memory.
//!
//! With `U = L^T`, row `i` of `U` is what the rows before it leave of row `i` of `M`, divided by the root of its first number:
//!
//! ```text
//! U_i = (M_i - sum_{p < i} U_pi U_p) / sqrt(...)
//! ```
//!
//! All rows of a block subtract the rows before the block together, side by side on threads; then each those of its own block. The sums
//! are added in the order of `p`, so they have the same bits with any number of threads and on each backend. Cost: `N^3/6`.

use alloc::vec::Vec;

use nalgebra::{Cholesky, DMatrix, Dyn};

use super::metric::{DEPTH, add_rows};
use crate::threads;

/// The rows of a block. Chosen: within a block, rows are subtracted four times as slowly, so it is small; a larger one would leave
/// less for the threads to do at once.
const BLOCK: usize = 4 * DEPTH;

/// The factorisation of a symmetric matrix of which the lower triangle is read; `None` if it is not positive definite.
pub(super) fn cholesky(mut matrix: DMatrix<f64>) -> Option<Cholesky<f64, Dyn>> {
    let count = matrix.nrows();
    // Columns of the lower triangle are rows of the upper one.
    let entries = matrix.as_mut_slice();
    for first in (0..count).step_by(BLOCK) {
        let (before, rest) = entries.split_at_mut(first * count);
        let block = &mut rest[..BLOCK.min(count - first) * count];
        subtract(before, block, count, first);
        for row in 0..block.len() / count {
            let (before, own) = block.split_at_mut(row * count);
            let own = &mut own[..count];
            subtract(before, own, count, first + row);
            let pivot = own[first + row];
            (pivot > 0.0).then_some(())?;
            let root = num_traits::Float::sqrt(pivot);
            for entry in &mut own[first + row..] {
                *entry /= root;
            }
        }
    }
    Some(Cholesky::pack_dirty(matrix))
}

/// Subtracts rows of the factor from the rows of a block, the first of which has this number.
fn subtract(before: &[f64], block: &mut [f64], count: usize, first: usize) {
    let before = before.chunks_exact(count).map(|row| &row[first..]);
    let before: Vec<&[f64]> = before.collect();
    let jobs = block.chunks_mut(DEPTH * count).enumerate();
    let done = threads::collect(0, jobs, |(job, rows), _: &mut Vec<()>| {
        let sums = rows.chunks_mut(count).map(|row| &mut row[first..]);
        let factor = |sum: usize, row: usize| -before[row][job * DEPTH + sum];
        add_rows(&mut sums.collect::<Vec<_>>(), &before, factor);
        Ok(())
    });
    debug_assert!(done.is_ok(), "no job fails");
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A product `A A^T` with a number added to its diagonal.
    fn definite(count: usize, added: f64) -> DMatrix<f64> {
        let number = |i: usize, j: usize| ((i * 7919 + j * 104_729 + 13) % 101) as f64 / 50.0 - 1.0;
        let matrix = DMatrix::from_fn(count, count, number);
        matrix.clone() * matrix.transpose() + DMatrix::identity(count, count) * added
    }

    #[test]
    fn factors_are_those_of_a_plain_factorisation() {
        for count in [1, 2, 15, 63, 64, 65, 130] {
            let matrix = definite(count, 0.5);
            let expected = Cholesky::new(matrix.clone()).unwrap().unpack();
            let found = cholesky(matrix.clone()).unwrap().unpack();
            let distance = (found.clone() - expected).abs().max();
            assert!(distance < 1e-9, "{count}: {distance}");
            let product = &found * found.transpose();
            assert!((product - &matrix).abs().max() < 1e-12 * matrix.abs().max());
        }
    }

    #[test]
    fn a_matrix_that_is_not_definite_has_none() {
        let mut matrix = definite(100, 0.5);
        matrix[(80, 80)] = -1.0;
        assert!(cholesky(matrix.clone()).is_none());
        matrix[(80, 80)] = f64::NAN;
        assert!(cholesky(matrix).is_none());
        assert!(cholesky(DMatrix::zeros(3, 3)).is_none());
    }
}
