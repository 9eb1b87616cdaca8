//! Tensors worked on side by side, with a limit for the memory of all that are in work.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use anyhow::Result;

/// The bytes that may be in work together although no tensor is so large.
const LEAST_LIMIT: u64 = 24 << 20;

/// Bytes in work, of at most so many together. A job of more than the limit is done alone.
struct Gate {
    limit: u64,
    used: Mutex<u64>,
    freed: Condvar,
}

impl Gate {
    fn enter(&self, bytes: u64) {
        let mut used = locked(&self.used);
        while *used > 0 && used.saturating_add(bytes) > self.limit {
            used = self
                .freed
                .wait(used)
                .unwrap_or_else(PoisonError::into_inner);
        }
        *used = used.saturating_add(bytes);
    }

    fn leave(&self, bytes: u64) {
        let mut used = locked(&self.used);
        *used = used.saturating_sub(bytes);
        self.freed.notify_all();
    }
}

/// Locks, also after a thread has stopped with the lock held: what it holds is a number or a file that is given up then.
pub fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The results of jobs in their order. Job `i` needs the memory `bytes[i]`; those in work together need at most as much as the largest
/// one, or some megabytes.
///
/// # Errors
///
/// That of the first job, in their order, that fails. After an error no further job begins.
pub fn in_order<T: Send>(
    bytes: &[u64],
    threads: usize,
    work: impl Fn(usize) -> Result<T> + Sync,
) -> Result<Vec<T>> {
    let largest = bytes.iter().copied().max().unwrap_or(0);
    let gate = Gate {
        limit: largest.max(LEAST_LIMIT),
        used: Mutex::new(0),
        freed: Condvar::new(),
    };
    let (next, stopped) = (AtomicUsize::new(0), AtomicBool::new(false));
    let mut results = Vec::new();
    results.resize_with(bytes.len(), || None);
    let (results, error) = (Mutex::new(results), Mutex::new(None));
    let worker = || {
        while !stopped.load(Ordering::SeqCst) {
            let job = next.fetch_add(1, Ordering::SeqCst);
            let Some(&bytes) = bytes.get(job) else {
                return;
            };
            gate.enter(bytes);
            let result = work(job);
            gate.leave(bytes);
            match result {
                Ok(result) => locked(&results)[job] = Some(result),
                Err(found) => {
                    stopped.store(true, Ordering::SeqCst);
                    // Jobs before this one have begun, and may still fail.
                    let mut error = locked(&error);
                    if error.as_ref().is_none_or(|(first, _)| job < *first) {
                        *error = Some((job, found));
                    }
                }
            }
        }
    };
    thread::scope(|scope| {
        for _ in 1..threads.clamp(1, bytes.len().max(1)) {
            scope.spawn(worker);
        }
        worker();
    });
    if let Some((_, error)) = error.into_inner().unwrap_or_else(PoisonError::into_inner) {
        return Err(error);
    }
    let results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok(results.into_iter().flatten().collect())
}

/// As many threads as the machine has processors.
#[must_use]
pub fn threads() -> usize {
    thread::available_parallelism().map_or(1, Into::into)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_in_order_and_memory_is_limited() {
        let bytes: Vec<u64> = (0..100).map(|i| (i % 7) * (8 << 20)).collect();
        let used = Mutex::new((0_u64, 0_u64));
        let found = in_order(&bytes, 4, |job| {
            let mut now = locked(&used);
            now.0 += bytes[job];
            now.1 = now.1.max(now.0);
            drop(now);
            thread::yield_now();
            locked(&used).0 -= bytes[job];
            Ok(job)
        });
        assert_eq!(found.unwrap(), (0..100).collect::<Vec<_>>());
        assert!(locked(&used).1 <= 48 << 20);
    }

    #[test]
    fn the_first_error_stops_the_work() {
        for threads in [1, 2] {
            let done = AtomicUsize::new(0);
            let found: Result<Vec<()>> = in_order(&[1; 1000], threads, |job| {
                done.fetch_add(1, Ordering::SeqCst);
                anyhow::ensure!(job != 3, "three");
                Ok(())
            });
            assert_eq!(found.unwrap_err().to_string(), "three");
            // How far another thread comes meanwhile, nobody knows.
            assert!(threads > 1 || done.load(Ordering::SeqCst) == 4);
        }
    }
}
