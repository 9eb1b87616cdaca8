//! `quantize`: the matrices of a model as ternary ones.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Write as _, stderr};
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use ternarize::Rule;
use ternarize::model::{TensorInfo, replace_file};

use super::convert::dropped;
use super::table::{extents, table};
use super::{open, print, print_json};
use crate::arguments::Quantize;
use crate::budget::{Budget, check_bits, spend};
use crate::conversion::{destination, ends_in_gguf, metadata, set_file_type, target_of};
use crate::disk::{Disk, Reader};
use crate::failure::{DONE, LEFT, Usage};
use crate::hash::Hash;
use crate::importance::Importances;
use crate::method::{Choices, Method};
use crate::names::{Named as _, Target};
use crate::output::Destination;
use crate::plan::{Action, Plan};
use crate::progress::Progress;
use crate::quantize::{self, Job, Outcome};
use crate::report::{FileSummary, Report, TensorReport, Totals, html, printable};
use crate::selection::Patterns;

/// The rows of the table at the end.
const ROWS: usize = 20;

pub(super) fn run(arguments: &Quantize, disk: &dyn Disk) -> Result<u8> {
    let start = Instant::now();
    let reader = open(disk, &arguments.model)?;
    let tensors: Vec<&TensorInfo> = reader.tensors().collect();
    let plan = plan(arguments, &reader, &tensors)?;
    if let Some(path) = &arguments.dry_run {
        return dry_run(path, &plan.to_toml(&tensors)?, arguments, &reader);
    }
    let importances = match &arguments.importance {
        Some(path) => {
            let loaded = Importances::load(disk, path);
            Some(loaded.with_context(|| path.display().to_string())?)
        }
        None => None,
    };
    if let Some(importances) = &importances {
        check_importances(importances, &plan, &tensors)?;
    }
    let target = plan.target;
    let to = destination(
        &arguments.output,
        &reader,
        Some(target),
        &plan.outputs(&tensors)?,
    )?;
    to.check(&arguments.model, &reader)?;
    for read in [&arguments.plan, &arguments.importance] {
        to.check_not(read.as_deref())?;
    }
    if let Some(report) = &arguments.report {
        check_beside(report, "report", arguments, &reader)?;
    }
    // The work.
    let (mut metadata, dropped_metadata) = metadata(&reader, target.is_gguf());
    if let Target::Gguf(format) = target {
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
    if let Some(path) = &arguments.report {
        let page = html(&report);
        replace_file(path, |file| {
            std::io::Write::write_all(file, page.as_bytes())
        })
        .with_context(|| path.display().to_string())?;
    }
    if arguments.output.json {
        print_json(&report)?;
    } else if !arguments.output.quiet {
        print(&text(&report, &outcome, &dropped_metadata))?;
    }
    for (index, reason) in &outcome.failed {
        let name = printable(tensors[*index].name());
        let _ = writeln!(
            stderr(),
            "the tensor `{name}` was left as it was: {}",
            printable(reason)
        );
    }
    Ok(if outcome.failed.is_empty() {
        DONE
    } else {
        LEFT
    })
}

/// The plan of the command line or of a file.
fn plan(arguments: &Quantize, reader: &Reader, tensors: &[&TensorInfo]) -> Result<Plan> {
    if let Some(path) = &arguments.plan {
        let shown = || path.display().to_string();
        let text = fs::read_to_string(path).with_context(shown)?;
        return Plan::parse(&text, tensors).with_context(shown);
    }
    let target = match arguments.to {
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
    let patterns = Patterns {
        include: arguments.include.clone(),
        exclude: arguments.exclude.clone(),
    };
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
    let mut plan = Plan::new(tensors, target, &choices, &patterns)?;
    if let Some(budget) = budget {
        let quiet = arguments.output.quiet || arguments.output.json;
        spend(budget, reader, &mut plan, quiet)?;
    }
    Ok(plan)
}

fn dry_run(path: &Path, plan: &str, arguments: &Quantize, reader: &Reader) -> Result<u8> {
    if path == Path::new("-") {
        print(plan)?;
        return Ok(DONE);
    }
    check_beside(path, "plan", arguments, reader)?;
    replace_file(path, |file| {
        std::io::Write::write_all(file, plan.as_bytes())
    })
    .with_context(|| path.display().to_string())?;
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

/// A report or plan must not overwrite what is read, nor be in the way of the output.
fn check_beside(path: &Path, what: &str, arguments: &Quantize, reader: &Reader) -> Result<()> {
    let same =
        |other: &Path| other == path || same_file::is_same_file(other, path).unwrap_or(false);
    let read = [&arguments.plan, &arguments.importance];
    let read = read.into_iter().filter_map(Option::as_deref);
    let shown = path.display();
    if reader.files().chain(read).any(same) || same(&arguments.output.path) {
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

/// The numbers of what was done.
fn report(
    arguments: &Quantize,
    reader: &Reader,
    to: &Destination,
    outcome: &Outcome,
    options: Vec<(String, String)>,
) -> Result<Report> {
    let mut totals = Totals::default();
    let mut tensors = Vec::new();
    let mut ternary_bytes = 0_u64;
    for (index, (info, output)) in reader.tensors().zip(&outcome.outputs).enumerate() {
        let made = outcome.made.get(index).and_then(Option::as_ref);
        let failed = outcome.failed.iter().find(|(failed, _)| *failed == index);
        totals.tensors += 1;
        totals.weights += info.weights();
        totals.failed += usize::from(failed.is_some());
        if made.is_some() {
            totals.ternary += 1;
            totals.ternary_weights += info.weights();
            ternary_bytes += output.bytes();
        }
        tensors.push(TensorReport {
            name: info.name().into(),
            shape: info.shape().to_vec(),
            from: info.stored_type(),
            to: output.stored_type(),
            bytes_before: info.bytes(),
            bytes_after: output.bytes(),
            kept: outcome.kept.get(index).cloned().flatten(),
            failed: failed.is_some(),
            metrics: made.map(|made| made.metrics),
            drawing: made.and_then(|made| made.drawing.clone()),
        });
    }
    let hashed = arguments.report.is_some() || arguments.output.json;
    let input = summary(
        &arguments.model,
        reader.files().map(Path::to_path_buf).collect(),
        hashed,
    )?;
    let output = summary(&to.path, written_files(&to.path)?, hashed)?;
    let bits = |bytes: u64, weights: u64| bytes as f64 * 8.0 / weights.max(1) as f64;
    totals.bits_per_weight = bits(output.bytes, totals.weights);
    totals.ternary_bits_per_weight =
        (totals.ternary_weights > 0).then(|| bits(ternary_bytes, totals.ternary_weights));
    Ok(Report {
        program: format!("ternarize {}", env!("CARGO_PKG_VERSION")),
        input,
        output,
        options,
        totals,
        tensors,
    })
}

/// The options that were in force: those of the plan, where tensors differ all of them, and the others that were given.
fn options(arguments: &Quantize, plan: &Plan) -> Vec<(String, String)> {
    let methods: Vec<Method> = plan.actions.iter().filter_map(Action::method).collect();
    let used = |name: &dyn Fn(&Method) -> String| {
        let names: BTreeSet<String> = methods.iter().map(name).collect();
        Some(names.into_iter().collect::<Vec<_>>().join(", "))
    };
    let patterns = |patterns: &[glob::Pattern]| {
        let texts: Vec<&str> = patterns.iter().map(glob::Pattern::as_str).collect();
        (!texts.is_empty()).then(|| texts.join(" "))
    };
    let path = |path: &Option<PathBuf>| path.as_ref().map(|p| p.display().to_string());
    let code = || used(&|method| method.code.name().into());
    let all = [
        ("to", Some(plan.target.name())),
        ("per", used(&|method| method.per.to_string())),
        ("rule", used(&|method| method.rule.name().into())),
        ("scales", used(&|method| method.scales.name())),
        ("planes", used(&|method| method.planes.to_string())),
        (
            "scale type",
            used(&|method| method.scale_type.name().into()),
        ),
        (
            "code",
            (plan.target == Target::Safetensors).then(code).flatten(),
        ),
        ("include", patterns(&arguments.include)),
        ("exclude", patterns(&arguments.exclude)),
        ("bits", arguments.bits.map(|bits| bits.to_string())),
        ("bytes", arguments.bytes.map(|bytes| bytes.to_string())),
        ("importance", path(&arguments.importance)),
        ("plan", path(&arguments.plan)),
    ];
    let given = all.into_iter();
    given
        .filter_map(|(name, value)| Some((name.into(), value?)))
        .collect()
}

/// The files of an output, in alphabetical order.
fn written_files(path: &Path) -> Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.into()]);
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(path)? {
        files.push(entry?.path());
    }
    files.sort();
    Ok(files)
}

fn summary(path: &Path, files: Vec<PathBuf>, hashed: bool) -> Result<FileSummary> {
    let (mut bytes, mut sha256) = (0, Vec::new());
    for file in files {
        let shown = || file.display().to_string();
        bytes += fs::metadata(&file).with_context(shown)?.len();
        if hashed {
            let mut hash = Hash::default();
            std::io::copy(&mut fs::File::open(&file).with_context(shown)?, &mut hash)?;
            let name = file.file_name().unwrap_or_default();
            sha256.push((name.to_string_lossy().into_owned(), hash.digits()));
        }
    }
    Ok(FileSummary {
        path: path.display().to_string(),
        bytes,
        sha256,
    })
}

/// The table at the end: the tensors that lost most, and the sums.
fn text(report: &Report, outcome: &Outcome, dropped_metadata: &[String]) -> String {
    let made = report.tensors.iter().filter_map(|t| Some((t, t.metrics?)));
    let mut made: Vec<_> = made.collect();
    made.sort_by(|a, b| b.1.relative_error.total_cmp(&a.1.relative_error));
    let rows = made.iter().take(ROWS).map(|(tensor, metrics)| {
        vec![
            tensor.name.clone(),
            extents(&tensor.shape),
            tensor.from.clone(),
            tensor.to.clone(),
            format!("{:.3}", metrics.bits_per_weight),
            format!("{:.4}", metrics.cosine),
            metrics
                .sqnr_db
                .map_or("exact".into(), |db| format!("{db:.2}")),
            format!("{:.1} %", metrics.sparsity * 100.0),
        ]
    });
    let columns = [
        ("tensor", false),
        ("shape", false),
        ("from", false),
        ("to", false),
        ("bits", true),
        ("cosine", true),
        ("SQNR dB", true),
        ("zeros", true),
    ];
    let mut lines = vec![table(&columns, &rows.collect::<Vec<_>>())];
    if made.len() > ROWS {
        let more = made.len() - ROWS;
        lines.push(format!("... and {more} more, with smaller errors\n"));
    }
    let totals = &report.totals;
    let bits = totals.ternary_bits_per_weight.unwrap_or(0.0);
    lines.push(format!(
        "{} of {} tensors ternary, {bits:.3} bits per weight of these; file {} -> {} bytes, {:.3} bits per weight; {:.1} s\n",
        totals.ternary,
        totals.tensors,
        report.input.bytes,
        report.output.bytes,
        totals.bits_per_weight,
        totals.seconds,
    ));
    lines.push(dropped(dropped_metadata));
    if !outcome.without_importances.is_empty() {
        let names = printable(&outcome.without_importances.join(", "));
        lines.push(format!(
            "without importances, so all weights count alike: {names}\n"
        ));
    }
    lines.concat()
}
