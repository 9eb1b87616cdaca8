//! What `quantize` says: the numbers of its report, and the table at the end.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::convert::dropped;
use super::table::{extents, table};
use crate::arguments::Quantize;
use crate::disk::Reader;
use crate::hash::Hash;
use crate::method::Method;
use crate::names::{Named as _, Target};
use crate::output::Destination;
use crate::plan::{Action, Plan};
use crate::quantize::Outcome;
use crate::report::{FileSummary, Report, TensorReport, Totals, printable};

/// The rows of the table.
const ROWS: usize = 20;

/// The numbers of what was done.
pub(super) fn report(
    arguments: &Quantize,
    reader: &Reader,
    to: &Destination,
    outcome: &Outcome,
    options: Vec<(String, String)>,
) -> Result<Report> {
    let (tensors, mut totals, ternary_bytes) = tensors(reader, outcome);
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
        left: Vec::new(),
        calibration: None,
    })
}

/// What became of each tensor, sums over all of them, and the bytes of the ternary ones.
fn tensors(reader: &Reader, outcome: &Outcome) -> (Vec<TensorReport>, Totals, u64) {
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
    (tensors, totals, ternary_bytes)
}

/// The options that were in force: those of the plan, where tensors differ all of them, and the others that were given.
pub(super) fn options(arguments: &Quantize, plan: &Plan) -> Vec<(String, String)> {
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

pub(super) fn summary(path: &Path, files: Vec<PathBuf>, hashed: bool) -> Result<FileSummary> {
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
pub(super) fn text(report: &Report, outcome: &Outcome, dropped_metadata: &[String]) -> String {
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
            "without importances for all or some weights, which count alike: {names}\n"
        ));
    }
    lines.concat()
}
