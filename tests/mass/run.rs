//! How much is run, on which threads, and what is counted.

extern crate alloc;

use alloc::collections::BTreeMap;
use core::any::Any;
use core::panic::AssertUnwindSafe;
use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use std::panic::catch_unwind;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use ternarize::{Backend, Fit};

use crate::common::{Sample, bits};
use crate::random::mix;

/// How many cases are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effort {
    Debug,
    Release,
    Full,
}

impl Effort {
    /// `TERNARIZE_MASS=full`, or what the profile can do in a moment.
    pub(crate) fn wanted() -> Self {
        match std::env::var("TERNARIZE_MASS").as_deref() {
            Ok("full") => Self::Full,
            Ok(other) => panic!("TERNARIZE_MASS is `full` or nothing, not `{other}`"),
            Err(_) if cfg!(debug_assertions) => Self::Debug,
            Err(_) => Self::Release,
        }
    }

    pub(crate) fn choose(self, [debug, release, full]: [u64; 3]) -> u64 {
        match self {
            Self::Debug => debug,
            Self::Release => release,
            Self::Full => full,
        }
    }
}

/// `TERNARIZE_MASS_SEED`, or the seed that is always used.
pub(crate) fn seed() -> u64 {
    std::env::var("TERNARIZE_MASS_SEED").map_or(0x1912_0923_6000_0001, |text| {
        let digits = text.trim_start_matches("0x");
        u64::from_str_radix(digits, 16).expect("TERNARIZE_MASS_SEED is a hexadecimal number")
    })
}

/// What blocks have counted: sums, so that their order does not matter.
#[derive(Default)]
pub(crate) struct Tally {
    counts: BTreeMap<(&'static str, String), u64>,
    digest: u64,
}

impl Tally {
    pub(crate) fn count(&mut self, what: &'static str, which: &str, cases: u64) {
        *self.counts.entry((what, which.to_string())).or_default() += cases;
    }

    /// Mixes an answer into the digest of all answers: the same on every machine.
    pub(crate) fn digest<W: Sample>(&mut self, place: u64, trits: &[i8], fit: &Fit<W>) {
        let start = mix(place);
        let fields = bits(fit)
            .into_iter()
            .fold(start, |hash, field| mix(hash ^ field));
        let fold = |hash: u64, trit: &i8| {
            (hash ^ (u64::from(trit.cast_unsigned()))).wrapping_mul(0x0100_0000_01B3)
        };
        self.digest = self
            .digest
            .wrapping_add(mix(trits.iter().fold(fields, fold)));
    }

    fn add(&mut self, other: Self) {
        for ((what, which), cases) in other.counts {
            *self.counts.entry((what, which)).or_default() += cases;
        }
        self.digest = self.digest.wrapping_add(other.digest);
    }

    fn report(&self, name: &str, total: &str, seed: u64, time: Duration) {
        let backends: Vec<&str> = Backend::available().map(Backend::name).collect();
        println!(
            "\n{name}: seed {seed:#x}, {total}, in {:.1} s",
            time.as_secs_f64()
        );
        println!("  backends: {}", backends.join(", "));
        let mut topic = "";
        for ((what, which), cases) in &self.counts {
            if *what != topic {
                print!("{}  {what}:", if topic.is_empty() { "" } else { "\n" });
                topic = what;
            }
            print!(" {which} {cases},");
        }
        println!("\n  digest of all answers: {:#018x}", self.digest);
    }
}

/// The words of a panic.
fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    let owned = || panic.downcast_ref::<String>().cloned();
    text.or_else(owned).unwrap_or_default()
}

/// Runs blocks on all processors and reports; panics with the words of the first that fails.
pub(crate) fn run(
    name: &str,
    total: &str,
    blocks: u64,
    block: impl Fn(u64, &mut Tally) -> Result<(), String> + Sync,
) {
    // One run at a time has all processors and a time to be stated.
    static ALONE: Mutex<()> = Mutex::new(());
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let (start, next) = (Instant::now(), AtomicU64::new(0));
    // What ends the process or never ends says nothing else of itself.
    let trace = std::env::var_os("TERNARIZE_MASS_TRACE").is_some();
    let work = || -> Result<Tally, String> {
        let mut tally = Tally::default();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= blocks {
                return Ok(tally);
            }
            if trace {
                eprintln!("{name}: block {index}");
            }
            let caught = catch_unwind(AssertUnwindSafe(|| block(index, &mut tally)));
            let result = caught.unwrap_or_else(|panic| Err(words(panic.as_ref())));
            if let Err(error) = result {
                // No further blocks.
                next.store(blocks, Ordering::Relaxed);
                return Err(format!(
                    "{name}: seed {:#x}, block {index}: {error}",
                    seed()
                ));
            }
        }
    };
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let results: Vec<_> = thread::scope(|scope| {
        let spawned: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        spawned
            .into_iter()
            .map(|thread| thread.join().expect("panics are caught"))
            .collect()
    });
    let mut tally = Tally::default();
    for result in results {
        match result {
            Ok(part) => tally.add(part),
            Err(error) => panic!("{error}"),
        }
    }
    tally.report(name, total, seed(), start.elapsed());
}
