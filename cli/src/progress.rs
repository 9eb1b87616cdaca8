//! Progress on a terminal, and the wish to stop.

use std::io::{IsTerminal, stderr};
use std::sync::atomic::{AtomicBool, Ordering};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::failure::Interrupted;

/// Whether the user has asked to stop.
static STOP: AtomicBool = AtomicBool::new(false);

/// Has an interrupt, or a request to end the program, be noticed by [`Progress::advance`], so that nothing is left behind.
///
/// # Errors
///
/// If the system does not allow it.
pub fn notice_interrupts() -> anyhow::Result<()> {
    ctrlc::set_handler(|| STOP.store(true, Ordering::SeqCst))?;
    Ok(())
}

/// Whether the user has asked to stop.
///
/// # Errors
///
/// [`Interrupted`] if so.
pub fn go_on() -> Result<(), Interrupted> {
    if STOP.load(Ordering::SeqCst) {
        return Err(Interrupted);
    }
    Ok(())
}

/// How far a command has come.
#[derive(Debug)]
pub struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// Shows the progress of so many bytes on standard error, if that is a terminal.
    #[must_use]
    pub fn of_bytes(what: &'static str, bytes: u64, quiet: bool) -> Self {
        let shown = !quiet && stderr().is_terminal();
        let target = if shown {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(Some(bytes), target).with_message(what);
        let template = "{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec}, {eta} left";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        Self { bar }
    }

    /// Shows the progress of steps that have names.
    #[must_use]
    pub fn of_steps(quiet: bool) -> Self {
        let progress = Self::of_bytes("", 0, quiet);
        let template = "{msg:30} {wide_bar} {pos}/{len}, {eta} left";
        if let Ok(style) = ProgressStyle::with_template(template) {
            progress.bar.set_style(style);
        }
        progress
    }

    /// The step that begins now, and how many of all are done.
    pub fn step(&self, what: &str, done: usize, all: usize) {
        self.bar.set_length(all as u64);
        self.bar.set_position(done as u64);
        self.bar.set_message(
            what.chars()
                .rev()
                .take(30)
                .collect::<Vec<_>>()
                .into_iter()
                .rev()
                .collect::<String>(),
        );
    }

    /// Some more bytes are done.
    ///
    /// # Errors
    ///
    /// [`Interrupted`] if the user has asked to stop.
    pub fn advance(&self, bytes: u64) -> Result<(), Interrupted> {
        self.bar.inc(bytes);
        go_on()
    }

    /// Begins once more.
    pub fn restart(&self) {
        self.bar.reset();
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
