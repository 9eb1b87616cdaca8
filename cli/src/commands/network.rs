//! `quantize` for ONNX networks.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Write as _, stderr};
use std::iter::once;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use ternarize::model::{Model, Tensor};

use super::network_summary::{report, text};
use super::quantize::{check_beside, patterns, put_plan, say};
use super::summary::summary;
use crate::arguments::Quantize;
use crate::budget::check_bits;
use crate::calibrate::{self, Cache, Options, Outcome, Treatment, weights_only};
use crate::disk::Disk;
use crate::engine::read_arrays;
use crate::failure::{DONE, Interrupted, LEFT, Usage};
use crate::hash::Hash;
use crate::names::{Named as _, Target};
use crate::network_plan::NetworkPlan;
use crate::onnx::Network;
use crate::progress::Progress;
use crate::report::printable;

/// The bits for each weight without `--bits`.
const BITS: f64 = 2.0;

pub(super) fn quantize(arguments: &Quantize, disk: &dyn Disk, start: Instant) -> Result<u8> {
    let target = check(arguments)?;
    let path = &arguments.model;
    let network = Network::open(path)?;
    let plan = arguments
        .plan
        .as_deref()
        .map(NetworkPlan::read)
        .transpose()?;
    let options = Options {
        bits: arguments.bits.unwrap_or(BITS),
        chosen: plan.map(|plan| plan.chosen()).unwrap_or_default(),
        patterns: patterns(arguments),
        // The operator multiplies with inputs as they are.
        rotation: target != Target::OnnxInt2,
        most_inputs: arguments.gram_inputs,
    };
    let quiet = arguments.output.quiet || arguments.output.json;
    let progress = Progress::of_steps(quiet);
    let step = |what: &str, done: usize, all: usize| progress.step(what, done, all);
    let (outcome, samples, cache) = made(arguments, network, &options, &step)?;
    drop(progress);
    if outcome.treated.is_empty() {
        cache.remove()?;
        bail!("nothing would become ternary: {}", reasons(&outcome));
    }
    if let Some(path) = &arguments.dry_run {
        let plan = NetworkPlan::of(&outcome).to_toml()?;
        put_plan(path, &plan)?;
        cache.remove()?;
        return Ok(ended(&outcome));
    }
    write(arguments, &outcome, target, disk)?;
    cache.remove()?;
    let mut report = report(arguments, target, options.bits, &outcome, samples)?;
    report.totals.seconds = start.elapsed().as_secs_f64();
    say(arguments, &report, || text(&report))?;
    Ok(ended(&outcome))
}

/// Why each layer was left.
fn reasons(outcome: &Outcome) -> String {
    let left = outcome.left.iter().chain(&outcome.failed);
    let reasons = left.map(|(name, reason)| format!("`{}`: {reason}", name.escape_debug()));
    match reasons.collect::<Vec<_>>().join("; ") {
        none if none.is_empty() => "the network has no weights".into(),
        reasons => reasons,
    }
}

/// The ternary network, how many samples it was fitted to and how many were kept out of that, and the cache, for which there is no more use
/// once the network is written.
type Made = (Outcome, [usize; 2], Cache);

/// Makes a network ternary, by the calibration inputs if there are some.
fn made(
    arguments: &Quantize,
    network: Network,
    options: &Options,
    step: &dyn Fn(&str, usize, usize),
) -> Result<Made> {
    if let Some(path) = &arguments.calibrate {
        return calibrated(arguments, path, network, options, step);
    }
    let mut chosen = options.chosen.iter();
    if let Some((name, ..)) = chosen.find(|(.., treatment)| *treatment != Treatment::WEIGHTS) {
        let name = printable(name);
        bail!(Usage(format!(
            "by the plan the outputs of `{name}` decide, which needs --calibrate"
        )));
    }
    Ok((
        weights_only::run(network, options, step)?,
        [0, 0],
        Cache::default(),
    ))
}

/// Makes a network ternary by the calibration inputs in a file.
fn calibrated(
    arguments: &Quantize,
    path: &Path,
    network: Network,
    options: &Options,
    step: &dyn Fn(&str, usize, usize),
) -> Result<Made> {
    let arrays = read_arrays(path)?;
    let batches = calibrate::by_input(&network, arrays)
        .and_then(|arrays| calibrate::batches(&arrays, true))
        .with_context(|| path.display().to_string())?;
    let samples = [false, true].map(|held_out| {
        let alike = batches.iter().filter(|batch| batch.held_out == held_out);
        alike.map(|batch| batch.samples.len()).sum()
    });
    // What is done is kept beside what will be written.
    let beside = match arguments.dry_run.as_deref() {
        None => Some(arguments.output.path.as_path()),
        Some(plan) => Some(plan).filter(|plan| *plan != Path::new("-")),
    };
    let mut cache = match beside {
        None => Cache::default(),
        Some(beside) => {
            let mut unfinished = beside.to_owned().into_os_string();
            unfinished.push(".unfinished");
            let fingerprint = fingerprint(&arguments.model, path, &network, options)?;
            Cache::open(Path::new(&unfinished), &fingerprint)?
        }
    };
    match calibrate::run(network, &batches, options, &mut cache, step) {
        Ok(made) => Ok((made, samples, cache)),
        Err(error) if error.is::<Interrupted>() => Err(match cache.file() {
            Some(file) => error.context(format!(
                "what is done is in `{}`, and the same command goes on with it",
                file.display()
            )),
            None => error,
        }),
        Err(error) => {
            cache.remove()?;
            Err(error)
        }
    }
}

/// A fingerprint of all that decides how a network becomes ternary.
fn fingerprint(
    model: &Path,
    inputs: &Path,
    network: &Network,
    options: &Options,
) -> Result<String> {
    let external = network.external_files()?;
    let external = external.iter().map(|(path, _)| path.as_path());
    let mut all = Hash::default();
    for path in once(model).chain(external).chain(once(inputs)) {
        let mut hash = Hash::default();
        File::open(path)
            .and_then(|mut file| io::copy(&mut file, &mut hash))
            .with_context(|| path.display().to_string())?;
        writeln!(all, "{}", hash.digits())?;
    }
    write!(all, "{} {options:?}", program())?;
    Ok(all.digits())
}

/// Says which layers could not become ternary. Returns the exit code.
fn ended(outcome: &Outcome) -> u8 {
    for (name, reason) in &outcome.failed {
        let (name, reason) = (printable(name), printable(reason));
        let line = format!("the layer `{name}` was left as it was: {reason}");
        let _ = writeln!(stderr(), "{line}");
    }
    if outcome.failed.is_empty() {
        DONE
    } else {
        LEFT
    }
}

/// What an ONNX network can become; refuses options that have no meaning for one.
fn check(arguments: &Quantize) -> Result<Target> {
    let without_effect = [
        (arguments.per.is_some(), "--per"),
        (arguments.rule.is_some(), "--rule"),
        (arguments.scales.is_some(), "--scales"),
        (arguments.planes.is_some(), "--planes"),
        (arguments.scale_type.is_some(), "--scale-type"),
        (arguments.code.is_some(), "--code"),
        (arguments.bytes.is_some(), "--bytes"),
        (arguments.importance.is_some(), "--importance"),
        (arguments.output.shard_size.is_some(), "--shard-size"),
    ];
    if let Some((_, option)) = without_effect.iter().find(|(given, _)| *given) {
        bail!(Usage(format!("{option} has no effect on an ONNX network")));
    }
    arguments.bits.map(check_bits).transpose()?;
    let path = &arguments.output.path;
    let target = match arguments.to {
        Some(target) => target,
        None if path
            .extension()
            .is_some_and(|ending| ending == "safetensors") =>
        {
            Target::Safetensors
        }
        None => Target::Onnx,
    };
    if !target.is_network() && target != Target::Safetensors {
        let name = target.name();
        bail!(Usage(format!(
            "an ONNX network cannot become {name}: use onnx, onnx-int2 or safetensors"
        )));
    }
    let read = [&arguments.plan, &arguments.calibrate];
    let read = read.into_iter().filter_map(Option::as_deref);
    let mut read = once(arguments.model.as_path()).chain(read);
    let shown = path.display();
    if read.any(|read| same_file::is_same_file(path, read).unwrap_or(false)) {
        bail!("the output `{shown}` is the input");
    }
    let beside = [(&arguments.report, "report"), (&arguments.dry_run, "plan")];
    for (beside, what) in beside {
        if let Some(beside) = beside.as_deref().filter(|path| *path != Path::new("-")) {
            check_beside(beside, what, arguments, once(arguments.model.as_path()))?;
        }
    }
    let written = arguments.dry_run.is_none();
    if written && fs::symlink_metadata(path).is_ok() && !arguments.output.force {
        bail!("`{shown}` is there already: use --force to replace it");
    }
    Ok(target)
}

fn write(arguments: &Quantize, outcome: &Outcome, target: Target, disk: &dyn Disk) -> Result<()> {
    let path = &arguments.output.path;
    let layers = outcome.treated.iter();
    let tensors = layers.map(|treated| (treated.layer.name.as_str(), &treated.tensor));
    match target {
        Target::OnnxInt2 => outcome.network.with_int2(tensors)?.write(disk, path),
        Target::Safetensors => {
            model(&arguments.model, outcome)?.write(path)?;
            Ok(())
        }
        _ => outcome.network.write(disk, path),
    }
}

/// The ternary layers and all other constants of a network. Its metadata say which file the network is.
fn model(network: &Path, outcome: &Outcome) -> Result<Model> {
    let mut model = Model::new();
    for treated in &outcome.treated {
        let tensor = Tensor::Ternary(treated.tensor.clone());
        model.insert(treated.layer.name.clone(), tensor);
    }
    let layers = outcome.treated.iter();
    let ternary: HashSet<&str> = layers
        .clone()
        .map(|treated| treated.layer.constant())
        .collect();
    let parts = layers.clone().flat_map(|treated| {
        let suffixes = ["trits", "lambda_p", "lambda_n", "bias"];
        suffixes.map(|suffix| format!("{}.{suffix}", treated.layer.name))
    });
    let parts: HashSet<String> = parts.collect();
    let mut left = Vec::new();
    for name in outcome.network.constant_names() {
        if ternary.contains(name) {
            continue;
        }
        match outcome.network.dense_constant(name)? {
            // A part of a layer may have its name; mostly it is the bias of this layer.
            Some(tensor) if !parts.contains(name) => _ = model.insert(name, Tensor::Dense(tensor)),
            _ => left.push(name),
        }
    }
    let file = summary(network, vec![network.to_owned()], true)?.sha256;
    let metadata = model.metadata_mut();
    metadata.insert("program".into(), program());
    for (name, sha256) in file {
        metadata.insert("network".into(), name);
        metadata.insert("network_sha256".into(), sha256);
    }
    if !left.is_empty() {
        metadata.insert("left_out".into(), serde_json::to_string(&left)?);
    }
    Ok(model)
}

/// The program and its version.
fn program() -> String {
    format!("ternarize {}", env!("CARGO_PKG_VERSION"))
}
