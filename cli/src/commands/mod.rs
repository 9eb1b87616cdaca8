//! What each command does.

mod compare;
mod convert;
#[cfg(feature = "onnx")]
mod demo;
mod dequantize;
#[cfg(feature = "onnx")]
mod evaluate;
mod groups;
mod inspect;
#[cfg(feature = "onnx")]
mod network;
#[cfg(feature = "onnx")]
mod network_summary;
mod quantize;
mod summary;
mod table;
mod tensors;
mod verify;

use std::io::{self, Write as _};
use std::path::Path;

use anyhow::{Context, Result};
use serde::Serialize;
use ternarize::model::ModelError;

use crate::arguments::{Command, command};
use crate::disk::{Disk, Reader, open_model};
use crate::failure::DONE;

/// What a program without the feature says.
#[cfg(not(feature = "onnx"))]
const WITHOUT_ONNX: &str = "this program was built without the feature `onnx`";

/// Runs a command. Returns the exit code.
///
/// # Errors
///
/// What went wrong; [`exit_code`](crate::failure::exit_code) tells the code.
pub fn run(command_line: &Command, disk: &dyn Disk) -> Result<u8> {
    match command_line {
        Command::Inspect(arguments) => inspect::run(arguments, disk),
        Command::Quantize(arguments) => quantize::run(arguments, disk),
        Command::Convert(arguments) => convert::run(arguments, disk),
        Command::Dequantize(arguments) => dequantize::run(arguments, disk),
        Command::Compare(arguments) => compare::run(arguments, disk),
        #[cfg(feature = "onnx")]
        Command::Evaluate(arguments) => evaluate::run(arguments),
        Command::Verify(arguments) => verify::run(arguments, disk),
        #[cfg(feature = "onnx")]
        Command::Demo(arguments) => demo::run(arguments, disk),
        #[cfg(not(feature = "onnx"))]
        Command::Evaluate(_) | Command::Demo(_) => anyhow::bail!(WITHOUT_ONNX),
        Command::Completions { shell } => {
            // Straight to standard output it would panic when nobody reads on.
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut command(), "ternarize", &mut script);
            print(&String::from_utf8_lossy(&script))?;
            Ok(DONE)
        }
        Command::Manual { folder } => {
            clap_mangen::generate_to(command(), folder)
                .with_context(|| folder.display().to_string())?;
            Ok(DONE)
        }
    }
}

/// Opens a model, with its path in the error.
fn open(disk: &dyn Disk, path: &Path) -> Result<Reader> {
    of_file(path, open_model(disk, path))
}

/// The result of reading a model, with its path in the error.
fn of_file<T>(path: &Path, found: Result<T, ModelError>) -> Result<T> {
    match found {
        // It has a path.
        Err(error @ ModelError::Read { .. }) => Err(error.into()),
        found => found.with_context(|| path.display().to_string()),
    }
}

/// Prints a value as JSON.
fn print_json(value: &impl Serialize) -> Result<()> {
    let text = serde_json::to_string_pretty(value)?;
    print(&format!("{text}\n"))
}

/// Prints to standard output. That nobody reads on is no error.
fn print(text: &str) -> Result<()> {
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written?),
    }
}
