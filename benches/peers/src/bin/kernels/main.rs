//! How long products with packed ternary weights take beside other ways, in one run: tables in Markdown, ratios first.
//!
//! ```sh
//! cargo run --release --manifest-path benches/peers/Cargo.toml --bin kernels
//! ```
//!
//! With the feature `candle` beside candle's products, too; and beside ggml's with the feature `ggml`, and with
//! `CFLAGS=-march=native CXXFLAGS=-march=native`, so that ggml is compiled for this processor.

mod crates;
mod matrices;
mod questions;

use anyhow::Result;
use clap::Parser;
use ternarize_peers::measure::Budget;
use ternarize_peers::report::{Options, Report};
use ternarize_peers::table::Table;

/// Times products with ternary weights beside their peers, on one thread, and prints one table for each question. The time to round
/// activations to 8 bits is counted on all sides.
#[derive(Parser)]
struct Args {
    #[command(flatten)]
    options: Options,
}

fn main() -> Result<()> {
    let options = Args::parse().options;
    let mut report = Report::begin(&options)?;
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
        crates::other_crates,
    ];
    for question in questions {
        report.keep(pool.install(|| question(options.budget())));
    }
    report.end()
}
