//! `demo`: a small network that is part of this program, from file to report.

use std::fs;
use std::io::Write as _;

use anyhow::{Context, Result, bail};
use clap::Parser as _;
use ternarize::model::replace_file;

use super::{print, run as run_command};
use crate::arguments::{Arguments, Demo};
use crate::disk::Disk;

/// A network that reads handwritten digits: two convolutions and two matrices, trained on the data set of the example `digits`.
const DIGITS: &[u8] = include_bytes!("../../../examples/digits/data/digits.safetensors");

/// The files that are written: the model, the ternary model and the report.
const FILES: [&str; 3] = [
    "digits.safetensors",
    "digits-ternary.safetensors",
    "report.html",
];

pub(super) fn run(arguments: &Demo, disk: &dyn Disk) -> Result<u8> {
    let folder = &arguments.folder;
    fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    let [model, ternary, page] = FILES.map(|name| folder.join(name).display().to_string());
    let old = FILES.into_iter().find(|name| folder.join(name).exists());
    if let (Some(name), false) = (old, arguments.force) {
        let path = folder.join(name);
        bail!(
            "`{}` is there already: use --force to replace it",
            path.display()
        );
    }
    replace_file(&model, |file| file.write_all(DIGITS)).with_context(|| model.clone())?;
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
    let code = run_steps(&steps, arguments.json, disk)?;
    if !arguments.json {
        print(&format!("The report is {page}: open it in a browser.\n"))?;
    }
    Ok(code)
}

/// Runs command lines. With JSON, standard output has the value of each and nothing else.
fn run_steps(steps: &[&[&str]], json: bool, disk: &dyn Disk) -> Result<u8> {
    let option: &[&str] = if json { &["--json"] } else { &[] };
    let mut code = 0;
    for step in steps {
        if !json {
            print(&format!("$ ternarize {}\n", step.join(" ")))?;
        }
        let line = ["ternarize"].iter().chain(*step).chain(option);
        let line = Arguments::try_parse_from(line)?;
        code = code.max(run_command(&line.command, disk)?);
        if !json {
            print("\n")?;
        }
    }
    Ok(code)
}
