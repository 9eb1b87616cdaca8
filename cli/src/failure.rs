//! How a command ends: the exit codes, and the errors that have one of their own.

use std::fmt;

/// Done.
pub const DONE: u8 = 0;
/// A file or a tensor is wrong. Nothing was written.
pub const WRONG: u8 = 1;
/// The command line is wrong. Nothing was read or written.
pub const USAGE: u8 = 2;
/// Done, but a tensor that was planned as ternary was left as it was.
pub const LEFT: u8 = 3;
/// Interrupted. Nothing was written but, of a calibration, what is done.
pub const INTERRUPTED: u8 = 130;

/// What a user of the program reads about the codes.
pub const EXIT_CODES: &str = "\
Exit codes:
  0    done
  1    a file or a tensor is wrong, and nothing was written
  2    the command line is wrong
  3    done, but a tensor that was planned as ternary was left as it was
  130  interrupted: nothing was written but, of a calibration, what is done";

/// An error of the command line.
#[derive(Debug)]
pub struct Usage(pub String);

/// The user has interrupted the program.
#[derive(Debug)]
pub struct Interrupted;

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("interrupted")
    }
}

impl std::error::Error for Usage {}
impl std::error::Error for Interrupted {}

/// The exit code of an error.
#[must_use]
pub fn exit_code(error: &anyhow::Error) -> u8 {
    if error.is::<Usage>() {
        USAGE
    } else if error.is::<Interrupted>() {
        INTERRUPTED
    } else {
        WRONG
    }
}

/// An error with all its causes, in one line.
#[must_use]
pub fn one_line(error: &anyhow::Error) -> String {
    let causes: Vec<String> = error.chain().map(ToString::to_string).collect();
    crate::report::printable(&causes.join(": "))
}
