//! Independent jobs, side by side with the feature `rayon` and one after the other without. The results come in order.

use alloc::vec::Vec;

/// `[work(0), work(1), ..., work(jobs - 1)]`.
#[cfg(feature = "rayon")]
pub(super) fn map<T: Send>(jobs: usize, work: impl Fn(usize) -> T + Send + Sync) -> Vec<T> {
    use rayon::iter::{IntoParallelIterator, ParallelIterator};

    (0..jobs).into_par_iter().map(work).collect()
}

/// `[work(0), work(1), ..., work(jobs - 1)]`.
#[cfg(not(feature = "rayon"))]
pub(super) fn map<T>(jobs: usize, work: impl Fn(usize) -> T) -> Vec<T> {
    (0..jobs).map(work).collect()
}
