//! What all commands that write a model share: metadata for another container, config.json, the destination.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value, json};
use ternarize::Format;
use ternarize::model::{Encoding, Metadata, TensorInfo};

use crate::arguments::Output;
use crate::disk::Reader;
use crate::failure::Usage;
use crate::names::Target;
use crate::output::{CONFIG, Destination, files_beside};

/// The architecture of a GGUF file that was none before.
const ARCHITECTURE: &str = "ternarize";

/// The target of an output file by its name.
///
/// # Errors
///
/// [`Usage`] for a name that tells none.
pub fn target_of(path: &Path) -> Result<Target> {
    match path.extension().and_then(|ending| ending.to_str()) {
        Some("gguf") => Ok(Target::Gguf(Format::Tq2_0)),
        Some("safetensors") => Ok(Target::Safetensors),
        _ => bail!(Usage(
            "the name of the output does not tell its kind: name it *.safetensors or *.gguf".into()
        )),
    }
}

/// The metadata for an output container, and the keys that have no place there.
#[must_use]
pub fn metadata(reader: &Reader, gguf: bool) -> (Metadata, Vec<String>) {
    let metadata = reader.metadata();
    match (metadata.is_gguf(), gguf) {
        (false, true) => (metadata.to_gguf(ARCHITECTURE), Vec::new()),
        (true, false) => metadata.to_safetensors(),
        _ => (metadata.clone(), Vec::new()),
    }
}

/// Says in GGUF's metadata which type most tensors have.
pub fn set_file_type(metadata: &mut Metadata, format: Format) {
    if !metadata.is_gguf() {
        return;
    }
    // Source: `LlamaFileType` of llama.cpp's gguf-py. The others have no number there.
    match format {
        Format::Tq1_0 => metadata.set_number("general.file_type", 36),
        Format::Tq2_0 => metadata.set_number("general.file_type", 37),
        Format::Q2_0 => metadata.set_number("general.file_type", 41),
        _ => metadata.remove("general.file_type"),
    }
    metadata.set_number("general.quantization_version", 2);
}

/// Where an output goes, and what lies beside it.
///
/// # Errors
///
/// [`Usage`] for options that do not fit the target; an error if config.json cannot be read.
pub fn destination(
    output: &Output,
    reader: &Reader,
    target: Option<Target>,
    tensors: &[TensorInfo],
) -> Result<Destination> {
    let gguf = target.map_or_else(|| ends_in_gguf(&output.path), Target::is_gguf);
    let checkpoint = target.filter(|target| target.is_checkpoint());
    if gguf && output.shard_size.is_some() {
        bail!(Usage("--shard-size has no effect on a GGUF file".into()));
    }
    let is_file = checkpoint.is_none() && output.shard_size.is_none();
    if let (true, Some(ending)) = (is_file, output.path.extension())
        && ((ending == "gguf" && !gguf) || (ending == "safetensors" && gguf))
    {
        let container = if gguf { "a GGUF" } else { "a safetensors" };
        let path = output.path.display();
        bail!(Usage(format!(
            "the output is {container} file, and `{path}` is the name of another kind"
        )));
    }
    let mut beside = None;
    if let Some(target) = checkpoint {
        let mut files = files_beside(reader)?;
        let config = config(reader, target, tensors).context(CONFIG)?;
        files.push((CONFIG.into(), config));
        beside = Some(files);
    } else if output.shard_size.is_some() {
        beside = Some(Vec::new());
    }
    Ok(Destination {
        path: output.path.clone(),
        force: output.force,
        shard_size: output.shard_size,
        beside,
    })
}

/// Whether a path is that of a GGUF file.
#[must_use]
pub fn ends_in_gguf(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "gguf")
}

/// The config.json of a checkpoint: that of the input, with how its layers are quantized.
fn config(reader: &Reader, target: Target, tensors: &[TensorInfo]) -> Result<Vec<u8>> {
    let mut config = input_config(reader)?;
    let mut object = |key: &str| match config.remove(key) {
        Some(Value::Object(found)) => found,
        _ => Map::new(),
    };
    let (huggingface, mlx) = (object("quantization_config"), object("quantization"));
    let (key, value) = if target == Target::Mlx {
        ("quantization", mlx_config(mlx, tensors))
    } else {
        check_no_mlx(tensors)?;
        (
            "quantization_config",
            huggingface_config(huggingface, tensors)?,
        )
    };
    config.insert(key.into(), Value::Object(value));
    Ok(format!("{:#}\n", Value::Object(config)).into_bytes())
}

/// Hugging Face's description: other keys of an input for `BitNet` are kept. Layers that are left are listed. transformers leaves a layer
/// if an entry is part of its name.
fn huggingface_config(
    input: Map<String, Value>,
    tensors: &[TensorInfo],
) -> Result<Map<String, Value>> {
    let bitnet = input.get("quant_method").and_then(Value::as_str) == Some("bitnet");
    let mut config = if bitnet { input } else { Map::new() };
    let layer = |info: &TensorInfo| {
        let name = info.name();
        name.strip_suffix(".weight").unwrap_or(name).to_string()
    };
    let (ternary, left): (Vec<_>, Vec<_>) = tensors
        .iter()
        .filter(|info| info.shape().len() > 1)
        .partition(|info| info.is_ternary());
    let ternary: Vec<String> = ternary.into_iter().map(layer).collect();
    let left: Vec<String> = left.into_iter().map(layer).collect();
    for left in &left {
        if let Some(other) = ternary.iter().find(|other| other.contains(left.as_str())) {
            let (left, other) = (left.escape_debug(), other.escape_debug());
            bail!(
                "`{left}` is left, and would be told from the ternary layer `{other}` by nothing, as its name is a part of the other"
            );
        }
    }
    for (key, value) in [
        ("quant_method", json!("bitnet")),
        ("linear_class", json!("autobitlinear")),
        ("quantization_mode", json!("offline")),
        ("modules_to_not_convert", json!(left)),
    ] {
        config.insert(key.into(), value);
    }
    Ok(config)
}

/// Layers that MLX quantized with other bits would be read as something else without its description.
fn check_no_mlx(tensors: &[TensorInfo]) -> Result<()> {
    let names: BTreeSet<&str> = tensors.iter().map(TensorInfo::name).collect();
    for info in tensors.iter().filter(|info| info.stored_type() == "U32") {
        let name = info.name();
        let layer = name.strip_suffix(".weight").unwrap_or(name);
        if names.contains(&*format!("{layer}.scales")) {
            bail!(
                "the layer `{}` is quantized by MLX and not ternary",
                layer.escape_debug()
            );
        }
    }
    Ok(())
}

/// MLX's description: that of the input, and entries for the 2-bit layers that it does not describe.
fn mlx_config(mut config: Map<String, Value>, tensors: &[TensorInfo]) -> Map<String, Value> {
    for info in tensors {
        let Encoding::Mlx { group, .. } = info.encoding() else {
            continue;
        };
        let own = json!({"group_size": group, "bits": 2});
        let layer = info.name().strip_suffix(".weight").unwrap_or(info.name());
        if !config.contains_key("bits") {
            config.insert("group_size".into(), (*group).into());
            config.insert("bits".into(), 2.into());
        }
        let described = config.get(layer).filter(|entry| entry.is_object());
        let same = |key: &str| match described {
            Some(entry) => entry.get(key) == own.get(key),
            None => config.get(key) == own.get(key),
        };
        if !(same("bits") && same("group_size")) {
            config.insert(layer.into(), own);
        }
    }
    config
}

fn input_config(reader: &Reader) -> Result<Map<String, Value>> {
    let folder = reader.files().next().and_then(Path::parent);
    let path = folder.map(|folder| folder.join(CONFIG));
    match path.filter(|path| path.is_file()) {
        Some(path) => Ok(serde_json::from_slice(&std::fs::read(path)?)?),
        None => Ok(Map::new()),
    }
}
