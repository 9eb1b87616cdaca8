//! How long the optimum takes, and how little the search has to look at.
//!
//! ```text
//! time = c N^p        log time = log c + p log N, by least squares
//! ```
//!
//! Timed is the whole call: the check of the input, the search, the scales, the trits, and what is lost. Run it on an idle
//! machine. The paper's search looks at N candidates where there are `3^N` ternary vectors.

use core::hint::black_box;
use std::time::Instant;

use ternarize::{Search, Ternarizer};

use crate::draw::Source;
use crate::law::Law;
use crate::statistics::{Line, median, real};
use crate::table::{Table, thousands};

/// The searches, with their names.
pub(crate) const SEARCHES: [(Search, &str); 2] = [(Search::Auto, "auto"), (Search::Sort, "sort")];

/// Three to a decade, nearly: evenly spaced in the logarithm.
const SIZES: [usize; 11] = [
    9, 32, 100, 316, 1_000, 3_162, 10_000, 31_623, 100_000, 316_228, 1_000_000,
];
/// The line is fitted from here: below, the cost of a call shows.
pub(crate) const FIT_FROM: usize = 100;
/// Short vectors are timed many at a time, all different, as a branch predictor would learn one by heart.
const POOL: usize = 1 << 16;
/// Far from the other streams.
const STREAM: u64 = 2_000;

/// What one N took.
pub(crate) struct Timing {
    pub(crate) n: usize,
    /// Nanoseconds per weight, for each of [`SEARCHES`].
    pub(crate) per_weight: [f64; SEARCHES.len()],
}

impl Timing {
    /// Nanoseconds for one vector.
    pub(crate) fn total(&self, search: usize) -> f64 {
        self.per_weight[search] * real(self.n)
    }
}

/// Times both searches on normal weights up to `largest`, each the median of `runs`.
///
/// A run times everything once, so that a busy minute of the machine spoils one run of each and not all runs of one. The
/// first run warms caches and clocks, and is not counted.
pub(crate) fn measure(largest: usize, runs: usize, seed: u64) -> anyhow::Result<Vec<Timing>> {
    let mut pool = vec![0.0; largest.max(POOL)];
    Source::new(Law::Normal, seed, STREAM)?.fill(&mut pool);
    let sizes: Vec<usize> = SIZES.into_iter().filter(|&n| n <= largest).collect();
    let mut samples = vec![[const { Vec::new() }; SEARCHES.len()]; sizes.len()];
    for run in 0..=runs {
        for (&n, samples) in sizes.iter().zip(&mut samples) {
            for ((search, _), samples) in SEARCHES.into_iter().zip(samples) {
                let nanoseconds = time(&pool, n, search)?;
                if run > 0 {
                    samples.push(nanoseconds);
                }
            }
        }
    }
    Ok(sizes
        .into_iter()
        .zip(samples)
        .map(|(n, samples)| Timing {
            n,
            per_weight: samples.map(median),
        })
        .collect())
}

/// Nanoseconds per weight: one long vector of the pool, or many short ones.
fn time(pool: &[f32], n: usize, search: Search) -> anyhow::Result<f64> {
    let vectors = (POOL / n).max(1);
    let ternarizer = Ternarizer::new().search(search);
    let mut trits = vec![0; n];
    let start = Instant::now();
    for weights in pool.chunks_exact(n).take(vectors) {
        black_box(ternarizer.ternarize_into(black_box(weights), &mut trits)?);
    }
    Ok(start.elapsed().as_secs_f64() * 1e9 / real(n * vectors))
}

/// The line through `(log10 N, log10 nanoseconds)`.
pub(crate) fn fit(timings: &[Timing], search: usize) -> Line {
    let points: Vec<(f64, f64)> = timings
        .iter()
        .filter(|timing| timing.n >= FIT_FROM)
        .map(|timing| (real(timing.n).log10(), timing.total(search).log10()))
        .collect();
    Line::through(&points)
}

/// The times, and the candidates.
pub(crate) fn table(timings: &[Timing]) -> Table {
    let mut table = Table::new(
        "Time to ternarize normal weights (median), and the paper's candidates",
        &[
            "N = candidates",
            "of 3^N vectors",
            "bracket, ns/weight",
            "sort, ns/weight",
            "sort / bracket",
        ],
    );
    for timing in timings {
        let [bracket, sort] = timing.per_weight;
        table.row([
            thousands(timing.n),
            format!("10^{:.1}", real(timing.n) * 3.0_f64.log10()),
            format!("{bracket:.1}"),
            format!("{sort:.1}"),
            format!("{:.2}", sort / bracket),
        ]);
    }
    table
}

/// The exponents.
pub(crate) fn exponent_table(timings: &[Timing]) -> Table {
    let mut table = Table::new(
        "time = c N^p, fitted from N = 100",
        &["search", "p", "standard error of p", "c, ns"],
    );
    for (index, (_, name)) in SEARCHES.into_iter().enumerate() {
        let line = fit(timings, index);
        table.row([
            name.to_owned(),
            format!("{:.3}", line.slope),
            format!("{:.3}", line.slope_error),
            format!("{:.1}", 10.0_f64.powf(line.intercept)),
        ]);
    }
    table
}
