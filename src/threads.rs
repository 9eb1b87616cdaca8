//! Independent jobs, side by side with the feature `rayon` and one after the other without. The results come in order.

#[cfg(feature = "alloc")]
use alloc::vec::Vec;

#[cfg(feature = "alloc")]
use crate::error::{Error, reserve};

/// Whether two jobs would be done side by side.
pub(crate) fn pays() -> bool {
    #[cfg(feature = "rayon")]
    let pays = rayon::current_num_threads() > 1;
    #[cfg(not(feature = "rayon"))]
    let pays = false;
    pays
}

/// The results of two jobs.
pub(crate) fn join<A: Send, B: Send>(
    a: impl FnOnce() -> A + Send,
    b: impl FnOnce() -> B + Send,
) -> (A, B) {
    #[cfg(feature = "rayon")]
    let both = rayon::join(a, b);
    #[cfg(not(feature = "rayon"))]
    let both = (a(), b());
    both
}

/// All that `work` appends, job by job, `count` results; or the error of the first job that has one. There are no more jobs than
/// results. [`Error::TooMany`] if there is no memory for the results.
#[cfg(feature = "rayon")]
pub(crate) fn collect<J: Send, T: Send>(
    count: usize,
    jobs: impl Iterator<Item = J>,
    work: impl Fn(J, &mut Vec<T>) -> Result<(), Error> + Send + Sync,
) -> Result<Vec<T>, Error> {
    use rayon::iter::{IntoParallelIterator, ParallelIterator};

    let alone = |job| {
        let mut results = Vec::new();
        work(job, &mut results).map(|()| results)
    };
    let mut all = Vec::new();
    reserve(&mut all, count)?;
    let jobs: Vec<J> = jobs.collect();
    let parts: Vec<_> = jobs.into_par_iter().map(alone).collect();
    for part in parts {
        all.append(&mut part?);
    }
    Ok(all)
}

/// All that `work` appends, job by job, `count` results; or the error of the first job that has one. [`Error::TooMany`] if there is no
/// memory for the results.
#[cfg(all(feature = "alloc", not(feature = "rayon")))]
pub(crate) fn collect<J, T>(
    count: usize,
    jobs: impl Iterator<Item = J>,
    work: impl Fn(J, &mut Vec<T>) -> Result<(), Error>,
) -> Result<Vec<T>, Error> {
    let mut all = Vec::new();
    reserve(&mut all, count)?;
    for job in jobs {
        work(job, &mut all)?;
    }
    Ok(all)
}
