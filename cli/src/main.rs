//! The program `ternarize`.

use std::io::{Write as _, stderr};
use std::process::ExitCode;

use clap::Parser as _;
use ternarize_cli::arguments::Arguments;
use ternarize_cli::disk::RealDisk;
use ternarize_cli::failure::{exit_code, one_line};

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = ternarize_cli::progress::notice_interrupts()
        .and_then(|()| ternarize_cli::run(&arguments.command, &RealDisk));
    match done {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            // `eprintln` would panic if nobody reads standard error.
            let _ = writeln!(stderr(), "error: {}", one_line(&error));
            ExitCode::from(exit_code(&error))
        }
    }
}
