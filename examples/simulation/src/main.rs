//! What the paper promises, checked on random weights: cosines, their limits, the whole curve, and the time.
//!
//! ```text
//! cargo run --release -p simulation
//! cargo run --release -p simulation -- --quick --out target/simulation
//! ```
//!
//! Prints tables, and writes them (`tables.md`) with three plots (SVG). Ends with an error if a limit is missed.
//!
//! Source: TNT, arXiv 1912.09236, section 3.

mod cosines;
mod curves;
mod draw;
mod law;
mod limits;
mod plot;
mod statistics;
mod table;
mod timing;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use clap::Parser;

use crate::cosines::Effort;

/// Simulates exact ternary quantization of random weights.
#[derive(Parser)]
struct Arguments {
    /// Fewer and shorter vectors: seconds in place of minutes, and a wider tolerance.
    #[arg(long)]
    quick: bool,
    /// The folder for tables and plots.
    #[arg(long, default_value = "target/simulation")]
    out: PathBuf,
    /// The seed of all random numbers.
    #[arg(long, default_value_t = 1912)]
    seed: u64,
}

/// How much is simulated.
struct Plan {
    effort: Effort,
    /// How far a mean cosine at the largest N may be from its limit.
    tolerance: f64,
    curve_length: usize,
    timing_runs: usize,
}

const FULL: Plan = Plan {
    effort: Effort {
        largest: 1_000_000,
        weights: 20_000_000,
        at_least: 20,
        at_most: 50_000,
    },
    tolerance: 0.002,
    curve_length: 100_000,
    timing_runs: 11,
};

/// At N = 100,000 and few vectors, a cosine strays by about a thousandth.
const QUICK: Plan = Plan {
    effort: Effort {
        largest: 100_000,
        weights: 1_000_000,
        at_least: 10,
        at_most: 2_000,
    },
    tolerance: 0.004,
    curve_length: 20_000,
    timing_runs: 3,
};

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let plan = if arguments.quick { QUICK } else { FULL };
    let out = &arguments.out;
    fs::create_dir_all(out).with_context(|| format!("cannot make {}", out.display()))?;

    // Alone on the machine: the random vectors below keep all cores busy.
    let timings = timing::measure(plan.effort.largest, plan.timing_runs, arguments.seed)?;
    let cells = cosines::measure(plan.effort, arguments.seed)?;
    let curves = curves::measure(plan.curve_length, arguments.seed)?;

    let (limits, met) = limits::table(&cells, plan.tolerance);
    let tables = [
        cosines::table(&cells),
        cosines::error_table(&cells),
        limits,
        limits::rule_table(),
        curves::table(&curves),
        timing::table(&timings),
        timing::exponent_table(&timings),
    ];
    let text = tables.map(|table| table.to_string()).join("\n");
    println!("{text}");
    let plots = [
        ("cosines.svg", plot::cosines::draw(&cells)?),
        ("curves.svg", plot::curves::draw(&curves)?),
        ("timing.svg", plot::timing::draw(&timings)?),
    ];
    for (name, content) in [("tables.md", text)].into_iter().chain(plots) {
        write(&out.join(name), &content)?;
    }
    let tolerance = plan.tolerance;
    ensure!(
        met,
        "a measured cosine is {tolerance} or more from its limit"
    );
    Ok(())
}

fn write(path: &Path, content: &str) -> anyhow::Result<()> {
    fs::write(path, content).with_context(|| format!("cannot write {}", path.display()))?;
    println!("wrote {}", path.display());
    Ok(())
}
