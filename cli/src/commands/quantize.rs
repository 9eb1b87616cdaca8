//! `quantize`: the matrices of a model as ternary ones.

use std::fs;
use std::io::{Write as _, stderr};
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use ternarize::Rule;
use ternarize::model::{TensorInfo, replace_file};

use super::summary::{options, report, text};
use super::{open, print, print_json};
use crate::arguments::Quantize;
use crate::budget::{Budget, check_bits, spend};
use crate::conversion::{destination, ends_in_gguf, metadata, set_file_type, target_of};
use crate::disk::{Disk, Reader};
use crate::failure::{DONE, LEFT, Usage};
use crate::importance::Importances;
use crate::method::Choices;
use crate::names::{Named as _, Target};
use crate::output::Destination;
use crate::plan::{Action, Plan};
use crate::progress::Progress;
use crate::quantize::{self, Job};
use crate::report::{Report, html, printable};
use crate::selection::Patterns;

pub(super) fn run(arguments: &Quantize, disk: &dyn Disk) -> Result<u8> {
    let start = Instant::now();
    if is_network(&arguments.model) {
        #[cfg(feature = "onnx")]
        return super::network::quantize(arguments, disk, start);
        #[cfg(not(feature = "onnx"))]
        bail!(super::WITHOUT_ONNX);
    }
    if arguments.calibrate.is_some() {
        bail!(Usage("--calibrate needs an ONNX network".into()));
    }
    let reader = open(disk, &arguments.model)?;
    let tensors: Vec<&TensorInfo> = reader.tensors().collect();
    let plan = plan(arguments, &reader, &tensors)?;
    if let Some(path) = &arguments.dry_run {
        return dry_run(path, &plan.to_toml(&tensors)?, arguments, &reader);
    }
    let importances = importances(arguments, disk, &plan, &tensors)?;
    let to = checked_destination(arguments, &reader, &plan, &tensors)?;
    // The work.
    let (mut metadata, dropped_metadata) = metadata(&reader, plan.target.is_gguf());
    if let Target::Gguf(format) = plan.target {
        set_file_type(&mut metadata, format);
    }
    let bytes = tensors.iter().map(|info| info.bytes()).sum();
    let quiet = arguments.output.quiet || arguments.output.json;
    let progress = Progress::of_bytes("quantizing", bytes, quiet);
    let options = options(arguments, &plan);
    let job = Job {
        reader: &reader,
        plan,
        importances: importances.as_ref(),
        metadata: &metadata,
        drawings: arguments.report.is_some(),
    };
    let outcome = quantize::run(job, disk, &to, &progress)?;
    drop(progress);
    // What was done.
    let mut report = report(arguments, &reader, &to, &outcome, options)?;
    report.totals.seconds = start.elapsed().as_secs_f64();
    say(arguments, &report, || {
        text(&report, &outcome, &dropped_metadata)
    })?;
    for (index, reason) in &outcome.failed {
        let (name, reason) = (printable(tensors[*index].name()), printable(reason));
        let line = format!("the tensor `{name}` was left as it was: {reason}");
        let _ = writeln!(stderr(), "{line}");
    }
    Ok(if outcome.failed.is_empty() {
        DONE
    } else {
        LEFT
    })
}

/// Writes the page of a report, and prints its numbers or its text, as the options say.
pub(super) fn say(
    arguments: &Quantize,
    report: &Report,
    text: impl FnOnce() -> String,
) -> Result<()> {
    if let Some(path) = &arguments.report {
        write_text(path, &html(report))?;
    }
    if arguments.output.json {
        print_json(report)
    } else if !arguments.output.quiet {
        print(&text())
    } else {
        Ok(())
    }
}

/// Whether a path is that of an ONNX network.
pub(super) fn is_network(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "onnx")
}

/// The importances that were given, if they have an effect.
fn importances(
    arguments: &Quantize,
    disk: &dyn Disk,
    plan: &Plan,
    tensors: &[&TensorInfo],
) -> Result<Option<Importances>> {
    let Some(path) = &arguments.importance else {
        return Ok(None);
    };
    let loaded = Importances::load(disk, path);
    let loaded = loaded.with_context(|| path.display().to_string())?;
    check_importances(&loaded, plan, tensors)?;
    Ok(Some(loaded))
}

/// Where the output goes, if nothing is overwritten by it or by the report that should not be.
fn checked_destination(
    arguments: &Quantize,
    reader: &Reader,
    plan: &Plan,
    tensors: &[&TensorInfo],
) -> Result<Destination> {
    let outputs = plan.outputs(tensors)?;
    let to = destination(&arguments.output, reader, Some(plan.target), &outputs)?;
    to.check(&arguments.model, reader)?;
    for read in [&arguments.plan, &arguments.importance] {
        to.check_not(read.as_deref())?;
    }
    if let Some(report) = &arguments.report {
        check_beside(report, "report", arguments, reader.files())?;
    }
    Ok(to)
}

fn write_text(path: &Path, text: &str) -> Result<()> {
    replace_file(path, |file| file.write_all(text.as_bytes()))
        .with_context(|| path.display().to_string())
}

/// Writes a plan to a file, or to standard output for `-`.
pub(super) fn put_plan(path: &Path, plan: &str) -> Result<()> {
    if path == Path::new("-") {
        print(plan)
    } else {
        write_text(path, plan)
    }
}

/// The plan of the command line or of a file.
fn plan(arguments: &Quantize, reader: &Reader, tensors: &[&TensorInfo]) -> Result<Plan> {
    if let Some(path) = &arguments.plan {
        // That of a network does not.
        if arguments.to.is_some() {
            bail!(Usage(
                "--to cannot be used with --plan: a plan states it".into()
            ));
        }
        let shown = || path.display().to_string();
        let text = fs::read_to_string(path).with_context(shown)?;
        return Plan::parse(&text, tensors).with_context(shown);
    }
    let target = match arguments.to {
        Some(target) if target.is_network() => {
            bail!(Usage("--to onnx needs an ONNX network".into()))
        }
        Some(target) => target,
        // Only safetensors are divided; the name is that of a folder.
        None if arguments.output.shard_size.is_some() && !ends_in_gguf(&arguments.output.path) => {
            Target::Safetensors
        }
        None => target_of(&arguments.output.path).context(Usage("--to is missing".into()))?,
    };
    let choices = Choices {
        per: arguments.per,
        rule: arguments.rule,
        scales: arguments.scales,
        planes: arguments.planes,
        scale_type: arguments.scale_type,
        code: arguments.code,
    };
    let patterns = patterns(arguments);
    let budget = budget(arguments, target)?;
    let mut plan = Plan::new(tensors, target, &choices, &patterns)?;
    if let Some(budget) = budget {
        let quiet = arguments.output.quiet || arguments.output.json;
        spend(budget, reader, &mut plan, quiet)?;
    }
    Ok(plan)
}

/// What is asked for by name, and what is not.
pub(super) fn patterns(arguments: &Quantize) -> Patterns {
    Patterns {
        include: arguments.include.clone(),
        exclude: arguments.exclude.clone(),
    }
}

/// The budget that was given, if it has an effect.
fn budget(arguments: &Quantize, target: Target) -> Result<Option<Budget>> {
    let budget = match (arguments.bits, arguments.bytes) {
        (Some(bits), _) => Some(check_bits(bits)?),
        (None, bytes) => bytes.map(Budget::Bytes),
    };
    if budget.is_some() {
        let option = if arguments.bits.is_some() {
            "--bits"
        } else {
            "--bytes"
        };
        if target != Target::Safetensors {
            let name = target.name();
            bail!(Usage(format!(
                "{option} has no effect with --to {name}, which fixes the bits"
            )));
        }
        if arguments.rule.is_some() || arguments.scales.is_some() {
            bail!(Usage(format!("{option} chooses rule and scales itself")));
        }
    }
    Ok(budget)
}

fn dry_run(path: &Path, plan: &str, arguments: &Quantize, reader: &Reader) -> Result<u8> {
    if path != Path::new("-") {
        check_beside(path, "plan", arguments, reader.files())?;
    }
    put_plan(path, plan)?;
    Ok(DONE)
}

/// Importances must have an effect.
fn check_importances(
    importances: &Importances,
    plan: &Plan,
    tensors: &[&TensorInfo],
) -> Result<()> {
    let methods = plan.actions.iter().map(|action| match action {
        Action::Ternarize(method) => Some(method),
        Action::Keep(_) => None,
    });
    let mut any = false;
    for (info, method) in tensors.iter().zip(methods) {
        let Some(method) = method.filter(|_| importances.has(info.name())) else {
            continue;
        };
        if !matches!(method.rule, Rule::Tnt | Rule::TwoScale) || method.planes > 1 {
            let rule = method.rule.name();
            bail!(Usage(format!(
                "--importance needs the rule tnt or two-scale with one plane, and `{}` has {rule} with {}",
                printable(info.name()),
                method.planes
            )));
        }
        any = true;
    }
    if !any {
        bail!(Usage(
            "--importance has no effect: it has no tensor of those that become ternary".into()
        ));
    }
    Ok(())
}

/// A report or plan must not overwrite what is read, `files` and those of options, nor be in the way of the output.
pub(super) fn check_beside<'a>(
    path: &Path,
    what: &str,
    arguments: &'a Quantize,
    mut files: impl Iterator<Item = &'a Path>,
) -> Result<()> {
    // A file that is not there yet is known by its folder and its name.
    let place = |path: &Path| {
        let folder = path.parent().filter(|folder| *folder != Path::new(""));
        let folder = fs::canonicalize(folder.unwrap_or(Path::new("."))).ok()?;
        Some(folder.join(path.file_name()?))
    };
    let same = |other: &Path| {
        same_file::is_same_file(other, path).unwrap_or(false)
            || place(path).is_some_and(|own| place(other) == Some(own))
    };
    let read = [&arguments.plan, &arguments.importance, &arguments.calibrate];
    let mut read = read.into_iter().filter_map(Option::as_deref);
    let shown = path.display();
    if files.any(same) || read.any(same) || same(&arguments.output.path) {
        bail!("the {what} `{shown}` is the input or the output");
    }
    if path.exists() && !arguments.output.force {
        bail!("`{shown}` is there already: use --force to replace it");
    }
    let folder = path.parent().filter(|folder| *folder != Path::new(""));
    if folder.is_some_and(|folder| !folder.is_dir()) || path.is_dir() {
        bail!("the {what} cannot be written to `{shown}`");
    }
    Ok(())
}
