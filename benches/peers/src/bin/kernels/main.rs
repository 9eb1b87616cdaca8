//! How long products with packed ternary weights take beside other ways, in one run: tables in Markdown, ratios first.
//!
//! ```sh
//! cargo run --release --manifest-path benches/peers/Cargo.toml --bin kernels
//! ```
//!
//! With the feature `ggml`, and `CFLAGS=-march=native CXXFLAGS=-march=native` so that ggml is compiled for this processor, beside
//! ggml's own products.

mod matrices;
mod questions;

use anyhow::{Context, Result};
use clap::Parser;
use serde::Serialize;
use std::fs::File;
use std::io;
use std::path::PathBuf;
use ternarize::Backend;
use ternarize_peers::measure::Budget;
use ternarize_peers::table::Table;
use ternarize_peers::{data, machine};

/// Times products with ternary weights beside their peers, and prints one table for each question.
#[derive(Parser)]
struct Args {
    /// Few rounds: under a minute, for a look.
    #[arg(long)]
    quick: bool,
    /// Also writes all numbers to this file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
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

fn main() -> Result<()> {
    let args = Args::parse();
    // First of all, or all the measuring might be for nothing.
    let create = |path: &PathBuf| {
        File::create(path).with_context(|| format!("cannot create {}", path.display()))
    };
    let json = args.json.as_ref().map(create).transpose()?;
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
    println!("On {}; backend {}.", report.machine, report.backend);
    println!(
        "Medians of interleaved runs in one process on one thread; \"ns\" are nanoseconds per weight; rounding the activations is \
         counted on all sides.\n"
    );
    #[cfg(feature = "ggml")]
    if !ternarize_peers::ggml::is_native() {
        println!(
            "ggml was compiled without AVX2: set CFLAGS=-march=native and CXXFLAGS=-march=native and build anew.\n"
        );
    }
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build()?;
    let questions = [
        questions::hot as fn(Budget) -> Table,
        questions::outer_cache,
        questions::memory,
        questions::batch,
    ];
    for question in questions {
        let table = pool.install(|| question(budget));
        println!("{table}");
        report.tables.push(table);
    }
    if let Some(file) = json {
        serde_json::to_writer_pretty(io::BufWriter::new(file), &report)?;
    }
    Ok(())
}
