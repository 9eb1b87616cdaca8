//! How long ternarizing takes beside other ways, in one run: tables in Markdown, ratios first.
//!
//! ```sh
//! cargo run --release --manifest-path benches/peers/Cargo.toml --bin search
//! ```

mod knobs;
mod tensors;
mod vectors;

use anyhow::{Context, Result};
use clap::Parser;
use clap::builder::PossibleValuesParser;
use serde::Serialize;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use ternarize::Backend;
use ternarize_peers::measure::Budget;
use ternarize_peers::table::Table;
use ternarize_peers::{data, machine};

/// A question, answered by measuring.
type Question = fn(Budget) -> Table;

/// What can be asked, on one thread.
const QUESTIONS: [(&str, Question); 9] = [
    ("long", vectors::long),
    ("kinds", vectors::kinds),
    ("adversarial", vectors::adversarial),
    ("types", vectors::types),
    ("rows", tensors::rows),
    ("short", tensors::short),
    ("quantizers", tensors::quantizers),
    ("rules", knobs::rules),
    ("backends", knobs::backends),
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
    /// Few rounds: under a minute, for a look.
    #[arg(long)]
    quick: bool,
    /// Also writes all numbers to this file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Asks this question only; may be given several times.
    #[arg(long, value_name = "GROUP", value_parser = names())]
    only: Vec<String>,
}

/// All that one run found.
#[derive(Serialize)]
struct Report {
    machine: String,
    backend: &'static str,
    quick: bool,
    seed: u64,
    tables: Vec<Table>,
}

impl Report {
    fn print_head(&self) {
        println!("On {}; backend {}.", self.machine, self.backend);
        println!(
            "Medians of interleaved runs in one process{}; data of seed {}; \"ns\" are nanoseconds per weight.\n",
            if self.quick { " (few of them)" } else { "" },
            self.seed
        );
    }

    fn print_goals(&self) {
        let rows = self.tables.iter().flat_map(|table| &table.rows);
        let verdicts = rows.flat_map(|row| &row.figures).filter_map(|f| f.met);
        let (mut met, mut all) = (0, 0);
        for verdict in verdicts {
            met += u32::from(verdict);
            all += 1;
        }
        println!("{met} of {all} goals are met.");
    }
}

fn create(path: &Path) -> Result<File> {
    File::create(path).with_context(|| format!("cannot create {}", path.display()))
}

fn main() -> Result<()> {
    let args = Args::parse();
    // First of all, or all the measuring might be for nothing.
    let json = args.json.as_deref().map(create).transpose()?;
    let budget = if args.quick {
        Budget::QUICK
    } else {
        Budget::FULL
    };
    let mut report = Report {
        machine: machine::describe(),
        backend: Backend::detect().name(),
        quick: args.quick,
        seed: data::SEED,
        tables: Vec::new(),
    };
    report.print_head();
    let asked = |name: &str| args.only.is_empty() || args.only.iter().any(|only| only == name);
    let mut keep = |table: Table| {
        println!("{table}");
        report.tables.push(table);
    };
    for (_, question) in QUESTIONS.iter().filter(|(name, _)| asked(name)) {
        // In a pool of one thread, or tensors would use all there are.
        keep(knobs::pool(1).install(|| question(budget)));
    }
    if asked(THREADS) {
        keep(knobs::threads(budget));
    }
    report.print_goals();
    if let Some(file) = json {
        serde_json::to_writer_pretty(io::BufWriter::new(file), &report)?;
    }
    Ok(())
}
