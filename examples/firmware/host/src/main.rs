//! Prints what the firmware prints, computed on this machine: `run.sh` compares the two line by line.

use std::fmt;

fn main() -> fmt::Result {
    let mut lines = String::new();
    firmware::report(&mut lines)?;
    print!("{lines}");
    Ok(())
}
