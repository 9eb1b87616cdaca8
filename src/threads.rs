//! Independent jobs, side by side with the feature `rayon` and one after the other without. The results come in order.

#[cfg(feature = "alloc")]
use alloc::vec::Vec;

#[cfg(feature = "rayon")]
use rayon::iter::{IntoParallelRefMutIterator, ParallelIterator};

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
    let (mut a, mut b) = (Task::new(a), Task::new(b));
    run_all(&mut [&mut a, &mut b]);
    (a.result(), b.result())
}

/// A job whose type the code of the thread pool need not know: so that code is compiled once, not for each kind of job.
trait Run: Send {
    fn run(&mut self);
}

/// A job until it is done, and then its result.
struct Task<F, R>(Option<F>, Option<R>);

impl<F: FnOnce() -> R, R> Task<F, R> {
    const fn new(job: F) -> Self {
        Self(Some(job), None)
    }

    /// The result. Panics if the job has not been run.
    fn result(self) -> R {
        self.1.unwrap_or_else(|| unreachable!("a job was not run"))
    }
}

impl<F: FnOnce() -> R + Send, R: Send> Run for Task<F, R> {
    fn run(&mut self) {
        self.1 = self.0.take().map(|job| job());
    }
}

/// Runs all jobs, with the feature `rayon` on several threads.
fn run_all(jobs: &mut [&mut dyn Run]) {
    #[cfg(feature = "rayon")]
    match jobs {
        [first, second] => _ = rayon::join(|| first.run(), || second.run()),
        jobs => jobs.par_iter_mut().for_each(|job| job.run()),
    }
    #[cfg(not(feature = "rayon"))]
    for job in jobs {
        job.run();
    }
}

/// All that `work` appends, job by job, `count` results; or the error of the first job that has one. [`Error::TooMany`] if there is no
/// memory for the results.
#[cfg(feature = "alloc")]
pub(crate) fn collect<J: Send, T: Send>(
    count: usize,
    jobs: impl Iterator<Item = J>,
    work: impl Fn(J, &mut Vec<T>) -> Result<(), Error> + Send + Sync,
) -> Result<Vec<T>, Error> {
    let mut all = Vec::new();
    reserve(&mut all, count)?;
    if !pays() {
        for job in jobs {
            work(job, &mut all)?;
        }
        return Ok(all);
    }
    let alone = &|job| {
        let mut results = Vec::new();
        work(job, &mut results).map(|()| results)
    };
    let mut tasks: Vec<_> = jobs.map(|job| Task::new(move || alone(job))).collect();
    let mut runs: Vec<_> = tasks.iter_mut().map(|task| task as &mut dyn Run).collect();
    run_all(&mut runs);
    for task in tasks {
        all.append(&mut task.result()?);
    }
    Ok(all)
}
