//! `demo`: a small network that is part of this program, from file to report.

use std::fs;

use anyhow::{Context, Result};
use clap::Parser as _;

use super::{print, run as run_command};
use crate::arguments::{Arguments, Demo};
use crate::disk::Disk;

/// A network that reads handwritten digits: two convolutions and two matrices, trained on the data set of the example `digits`.
const DIGITS: &[u8] = include_bytes!("../../../examples/digits/data/digits.safetensors");

/// The files that are written.
const MODEL: &str = "digits.safetensors";

pub(super) fn run(arguments: &Demo, disk: &dyn Disk) -> Result<u8> {
    let folder = &arguments.folder;
    fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    let path = |name: &str| folder.join(name).display().to_string();
    fs::write(folder.join(MODEL), DIGITS).with_context(|| path(MODEL))?;
    let (model, ternary, page) = (
        path(MODEL),
        path("digits-ternary.safetensors"),
        path("report.html"),
    );
    let steps: [&[&str]; 4] = [
        &["inspect", &model],
        &[
            "quantize",
            &model,
            "-o",
            &ternary,
            "--include",
            "*.weight",
            "--report",
            &page,
            "--force",
        ],
        &["verify", &ternary, "--against", &model],
        &["compare", &model, &ternary],
    ];
    let mut code = 0;
    for step in steps {
        print(&format!("$ ternarize {}\n", step.join(" ")))?;
        let line = Arguments::try_parse_from(["ternarize"].iter().chain(step))?;
        code = code.max(run_command(&line.command, disk)?);
        print("\n")?;
    }
    print(&format!("The report is {page}: open it in a browser.\n"))?;
    Ok(code)
}
