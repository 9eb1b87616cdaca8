//! How close ternary vectors come to random ones: the mean cosine of each rule, for each law and N.
//!
//! ```text
//! cos(w, t) = w.t / (|w| |t|)           error = |w - w'|^2 / |w|^2
//! ```
//!
//! With one scale, `w' = lambda t` is a projection, so its error is `1 - cos^2`. With two, the positive and the negative
//! weights are projected apart; the rule two-scale also gives each sign its own support.

use core::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use anyhow::anyhow;
use indicatif::{ProgressBar, ProgressStyle};
use ternarize::{Rule, Ternarizer};

use crate::draw::Source;
use crate::law::Law;
use crate::statistics::Mean;
use crate::table::{Table, thousands};

/// The rules that are compared by cosine: the exact one first.
pub(crate) const RULES: [Rule; 4] = [Rule::Tnt, Rule::Twn, Rule::AbsMean, Rule::AbsMax];

/// From a 3x3 kernel to a large layer.
const SIZES: [usize; 7] = [9, 25, 100, 1_000, 10_000, 100_000, 1_000_000];

/// How much to draw.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort {
    /// The largest N.
    pub(crate) largest: usize,
    /// Weights to draw for each law and N, as far as the next two limits allow.
    pub(crate) weights: usize,
    /// The fewest vectors.
    pub(crate) at_least: usize,
    /// The most vectors.
    pub(crate) at_most: usize,
}

impl Effort {
    fn repetitions(self, n: usize) -> usize {
        (self.weights / n).clamp(self.at_least, self.at_most)
    }
}

/// What was measured for one law and one N.
#[derive(Clone, Debug)]
pub(crate) struct Cell {
    pub(crate) law: Law,
    pub(crate) n: usize,
    repetitions: usize,
    /// The cosine of each of [`RULES`].
    pub(crate) cosines: [Mean; RULES.len()],
    /// `M / N` of the optimum.
    share: Mean,
    /// The errors with one scale, with two, and with two supports.
    errors: [Mean; 3],
}

impl Cell {
    /// The cosine of the optimum.
    pub(crate) fn optimum(&self) -> Mean {
        self.cosines[0]
    }
}

/// Measures every law at every N, on all cores.
pub(crate) fn measure(effort: Effort, seed: u64) -> anyhow::Result<Vec<Cell>> {
    let jobs: Vec<(Law, usize)> = Law::ALL
        .into_iter()
        .flat_map(|law| SIZES.map(|n| (law, n)))
        .filter(|&(_, n)| n <= effort.largest)
        .collect();
    let weights: usize = jobs.iter().map(|&(_, n)| n * effort.repetitions(n)).sum();
    let bar = progress_bar(weights as u64)?;
    let next = AtomicUsize::new(0);
    let mut cells = on_all_cores(|| {
        let mut cells = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(&(law, n)) = jobs.get(index) else {
                return Ok(cells);
            };
            let source = Source::new(law, seed, index as u64)?;
            cells.push((index, cell(source, law, n, effort.repetitions(n), &bar)?));
        }
    })?;
    bar.finish_and_clear();
    cells.sort_by_key(|&(index, _)| index);
    Ok(cells.into_iter().map(|(_, cell)| cell).collect())
}

/// What a worker on each core returns, one after the other.
fn on_all_cores<T: Send>(
    worker: impl Fn() -> anyhow::Result<Vec<T>> + Sync,
) -> anyhow::Result<Vec<T>> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(&worker)).collect();
        let mut results = Vec::new();
        for worker in workers {
            results.extend(worker.join().map_err(|_| anyhow!("a worker panicked"))??);
        }
        Ok(results)
    })
}

fn progress_bar(weights: u64) -> anyhow::Result<ProgressBar> {
    let style = ProgressStyle::with_template(
        "{msg} {wide_bar} {human_pos} of {human_len} weights, {eta} left",
    )?;
    Ok(ProgressBar::new(weights)
        .with_style(style)
        .with_message("random vectors"))
}

/// Measures one law at one N.
fn cell(
    mut source: Source,
    law: Law,
    n: usize,
    repetitions: usize,
    bar: &ProgressBar,
) -> anyhow::Result<Cell> {
    let mut cell = Cell {
        law,
        n,
        repetitions,
        cosines: Default::default(),
        share: Mean::default(),
        errors: Default::default(),
    };
    let mut weights = vec![0.0_f32; n];
    let mut trits = vec![0_i8; n];
    for _ in 0..repetitions {
        source.fill(&mut weights);
        for (rule, mean) in RULES.into_iter().zip(&mut cell.cosines) {
            let fit = Ternarizer::new()
                .rule(rule)
                .ternarize_into(&weights, &mut trits)?;
            mean.add(fit.cosine);
            if rule == Rule::Tnt {
                cell.share.add(1.0 - fit.sparsity());
                cell.errors[0].add(1.0 - fit.cosine * fit.cosine);
                cell.errors[1].add(fit.relative_error);
            }
        }
        let two_scale = Ternarizer::new().rule(Rule::TwoScale);
        cell.errors[2].add(
            two_scale
                .ternarize_into(&weights, &mut trits)?
                .relative_error,
        );
        bar.inc(n as u64);
    }
    Ok(cell)
}

/// The mean cosines.
pub(crate) fn table(cells: &[Cell]) -> Table {
    let mut table = Table::new(
        "Cosine of weights and trits, mean ± standard error",
        &[
            "weights",
            "N",
            "vectors",
            "tnt (optimum)",
            "twn",
            "absmean",
            "absmax",
            "optimal M/N",
        ],
    );
    for cell in cells {
        let [tnt, twn, abs_mean, abs_max] = cell.cosines.map(|mean| mean.to_string());
        table.row([
            cell.law.to_string(),
            thousands(cell.n),
            thousands(cell.repetitions),
            tnt,
            twn,
            abs_mean,
            abs_max,
            format!("{:.4}", cell.share.value()),
        ]);
    }
    table
}

/// What the second scale is worth: much in small groups, nothing in large ones of a symmetric law.
pub(crate) fn error_table(cells: &[Cell]) -> Table {
    let mut table = Table::new(
        "Relative squared error of the restored weights, mean ± standard error",
        &[
            "weights",
            "N",
            "tnt, one scale",
            "tnt, two scales",
            "two-scale",
            "saved by two-scale",
        ],
    );
    for cell in cells.iter().filter(|cell| cell.n <= 1_000) {
        let [one, two, apart] = cell.errors;
        table.row([
            cell.law.to_string(),
            thousands(cell.n),
            one.to_string(),
            two.to_string(),
            apart.to_string(),
            format!("{:.1} %", 100.0 * (1.0 - apart.value() / one.value())),
        ]);
    }
    table
}
