//! `demo`: a small network that is part of this program, made ternary by its weights alone and with calibration.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use anyhow::{Context, Result, bail};
use clap::Parser as _;
use ternarize::model::replace_file;

use super::{print, run as run_command};
use crate::arguments::{Arguments, Demo};
use crate::disk::Disk;

/// What the program holds: a network that reads handwritten digits, images to calibrate it with, others to test it with, and their digits.
const HELD: [(&str, &[u8]); 4] = [
    ("digits.onnx", include_bytes!("../../data/digits.onnx")),
    (
        "calibration.npz",
        include_bytes!("../../data/digits-calibration.npz"),
    ),
    ("test.npz", include_bytes!("../../data/digits-test.npz")),
    ("labels.npy", include_bytes!("../../data/digits-labels.npy")),
];

/// What is made of it.
const MADE: [&str; 3] = ["weights-only.onnx", "calibrated.safetensors", "report.html"];

/// What is shown, and the command lines that show it. A word that begins with `@` is a file in the folder of the demo.
const STEPS: [(&str, &str); 5] = [
    (
        "1.8 bits per weight, chosen by the weights alone; restored as floats",
        "quantize @digits.onnx -o @weights-only.onnx --bits 1.8 --force",
    ),
    (
        "what this does to the network",
        "evaluate @digits.onnx --against @weights-only.onnx --inputs @test.npz --labels @labels.npy",
    ),
    (
        "1.8 bits per weight, calibrated with images without labels; packed",
        "quantize @digits.onnx -o @calibrated.safetensors --bits 1.8 --calibrate @calibration.npz --report @report.html --force",
    ),
    (
        "what this does to the network",
        "evaluate @digits.onnx --against @calibrated.safetensors --inputs @test.npz --labels @labels.npy",
    ),
    (
        "what is in the packed file",
        "inspect @calibrated.safetensors",
    ),
];

pub(super) fn run(arguments: &Demo, disk: &dyn Disk) -> Result<u8> {
    let folder = &arguments.folder;
    fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    let mut names = HELD.iter().map(|(name, _)| *name).chain(MADE);
    if let (Some(name), false) = (
        names.find(|name| folder.join(name).exists()),
        arguments.force,
    ) {
        let path = folder.join(name);
        bail!(
            "`{}` is there already: use --force to replace it",
            path.display()
        );
    }
    for (name, bytes) in HELD {
        let path = folder.join(name);
        replace_file(&path, |file| file.write_all(bytes))
            .with_context(|| path.display().to_string())?;
    }
    let mut code = 0;
    for (what, line) in STEPS {
        code = code.max(step(what, line, folder, arguments.json, disk)?);
    }
    if !arguments.json {
        let page = folder.join("report.html");
        print(&format!(
            "The report is {}: open it in a browser.\n",
            page.display()
        ))?;
    }
    Ok(code)
}

/// Runs a command line. With JSON, standard output has its value and nothing else.
fn step(what: &str, line: &str, folder: &Path, json: bool, disk: &dyn Disk) -> Result<u8> {
    let word = |word: &str| match word.strip_prefix('@') {
        Some(name) => folder.join(name).display().to_string(),
        None => word.to_owned(),
    };
    let mut words: Vec<String> = ["ternarize"]
        .into_iter()
        .chain(line.split(' '))
        .map(word)
        .collect();
    if json {
        words.push("--json".into());
    } else {
        print(&format!("# {what}\n$ {}\n", words.join(" ")))?;
    }
    let code = run_command(&Arguments::try_parse_from(words)?.command, disk)?;
    if !json {
        print("\n")?;
    }
    Ok(code)
}
