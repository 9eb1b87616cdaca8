//! How long ternarizing takes beside other ways, in one run: tables in Markdown, ratios first.
//!
//! ```sh
//! cargo run --release --manifest-path benches/peers/Cargo.toml --bin search
//! ```

mod beyond;
mod tensors;
mod variants;
mod vectors;

use anyhow::Result;
use clap::Parser;
use clap::builder::PossibleValuesParser;
use ternarize_peers::measure::Budget;
use ternarize_peers::report::{Options, Report};
use ternarize_peers::table::Table;

/// A question, answered by measuring.
type Question = fn(Budget) -> Table;

/// What can be asked, on one thread.
const QUESTIONS: [(&str, Question); 12] = [
    ("long", vectors::long),
    ("kinds", vectors::kinds),
    ("adversarial", vectors::adversarial),
    ("types", vectors::types),
    ("rows", tensors::rows),
    ("short", tensors::short),
    ("quantizers", tensors::quantizers),
    ("rules", variants::rules),
    ("backends", variants::backends),
    ("calls", beyond::calls),
    ("planes", beyond::planes),
    ("gram", beyond::gram),
];

/// The one question about threads.
const THREADS: &str = "threads";

fn names() -> PossibleValuesParser {
    let names = QUESTIONS.iter().map(|(name, _)| *name);
    names.chain([THREADS]).collect::<Vec<_>>().into()
}

/// Times ternarize beside its peers, and prints one table for each question.
#[derive(Parser)]
struct Args {
    #[command(flatten)]
    options: Options,
    /// Asks this question only; may be given several times.
    #[arg(long, value_name = "GROUP", value_parser = names())]
    only: Vec<String>,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let mut report = Report::begin(&args.options)?;
    let budget = args.options.budget();
    let asked = |name: &str| args.only.is_empty() || args.only.iter().any(|only| only == name);
    for (_, question) in QUESTIONS.iter().filter(|(name, _)| asked(name)) {
        // In a pool of one thread, or tensors would use all there are.
        report.keep(variants::pool(1).install(|| question(budget)));
    }
    if asked(THREADS) {
        report.keep(variants::threads(budget));
    }
    report.end()
}
