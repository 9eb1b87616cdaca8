//! What every program of this crate is told, and what it keeps: its tables, printed as they come and written as JSON in the end.

use crate::measure::Budget;
use crate::table::Table;
use crate::{backend, data, machine};
use anyhow::{Context, Result};
use clap::Args;
use serde::Serialize;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use ternarize::Backend;

/// What every program can be told.
#[derive(Args, Debug)]
pub struct Options {
    /// Few rounds: under a minute, for a look.
    #[arg(long)]
    quick: bool,
    /// The instructions of our contestants: `portable`, `avx2`, ... [default: the fastest]. Activations are rounded with the fastest.
    #[arg(long, value_name = "NAME", value_parser = backend::parse)]
    backend: Option<Backend>,
    /// Also writes all numbers to this file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

impl Options {
    /// How long to measure.
    #[must_use]
    pub const fn budget(&self) -> Budget {
        if self.quick {
            Budget::QUICK
        } else {
            Budget::FULL
        }
    }
}

/// All that one run found.
#[derive(Debug, Serialize)]
pub struct Report {
    machine: String,
    backend: &'static str,
    quick: bool,
    seed: u64,
    tables: Vec<Table>,
    #[serde(skip)]
    json: Option<File>,
}

impl Report {
    /// Begins, and prints on what machine.
    ///
    /// # Errors
    ///
    /// If the file for the numbers cannot be made: before all else, or all the measuring might be for nothing.
    pub fn begin(options: &Options) -> Result<Self> {
        let create = |path: &Path| {
            File::create(path).with_context(|| format!("cannot create {}", path.display()))
        };
        if let Some(backend) = options.backend {
            backend::choose(backend);
        }
        let report = Self {
            json: options.json.as_deref().map(create).transpose()?,
            machine: machine::describe(),
            backend: backend::chosen().name(),
            quick: options.quick,
            seed: data::SEED,
            tables: Vec::new(),
        };
        println!("On {}; backend {}.", report.machine, report.backend);
        println!(
            "Medians of interleaved runs in one process{}; data of seed {}; \"ns\" are nanoseconds per weight.\n",
            if report.quick { " (few of them)" } else { "" },
            report.seed
        );
        Ok(report)
    }

    /// Prints a table, and keeps it.
    pub fn keep(&mut self, table: Table) {
        println!("{table}");
        println!(
            "{}, backend {}; half of the times lie within {:.0} % of their median.\n",
            self.machine,
            self.backend,
            table.spread() * 100.0
        );
        self.tables.push(table);
    }

    /// Says how many goals are met, and writes the numbers.
    ///
    /// # Errors
    ///
    /// If they cannot be written.
    pub fn end(mut self) -> Result<()> {
        let rows = self.tables.iter().flat_map(|table| &table.rows);
        let verdicts = rows.flat_map(|row| &row.figures).filter_map(|f| f.met);
        let (mut met, mut all) = (0, 0);
        for verdict in verdicts {
            met += u32::from(verdict);
            all += 1;
        }
        println!("{met} of {all} goals are met.");
        if let Some(file) = self.json.take() {
            let mut writer = BufWriter::new(file);
            serde_json::to_writer_pretty(&mut writer, &self)?;
            writer.flush()?;
        }
        Ok(())
    }
}
