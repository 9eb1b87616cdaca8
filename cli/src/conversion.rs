//! What all commands that write a model share: metadata for another container, config.json, the destination.

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
    let checkpoint = target.is_some_and(Target::is_checkpoint);
    if gguf && output.shard_size.is_some() {
        bail!(Usage("--shard-size has no effect on a GGUF file".into()));
    }
    let is_file = !checkpoint && output.shard_size.is_none();
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
    if checkpoint {
        let mut files = files_beside(reader)?;
        let config = config(reader, tensors).context(CONFIG)?;
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
fn config(reader: &Reader, tensors: &[TensorInfo]) -> Result<Vec<u8>> {
    let mut config = input_config(reader)?;
    for key in ["quantization", "quantization_config"] {
        config.remove(key);
    }
    let plain = |info: &&TensorInfo| !info.is_ternary() && info.shape().len() > 1;
    let layers = tensors.iter().filter(plain);
    let layers: Vec<&str> = layers
        .map(|info| info.name().strip_suffix(".weight").unwrap_or(info.name()))
        .collect();
    let found = tensors.iter().find_map(|info| match info.encoding() {
        Encoding::HuggingFace { .. } => Some((
            "quantization_config",
            json!({
                "quant_method": "bitnet",
                "linear_class": "autobitlinear",
                "quantization_mode": "offline",
                "modules_to_not_convert": layers,
            }),
        )),
        Encoding::Mlx { group, .. } => Some(("quantization", mlx_config(*group, tensors))),
        _ => None,
    });
    if let Some((key, value)) = found {
        config.insert(key.into(), value);
    }
    Ok(format!("{:#}\n", Value::Object(config)).into_bytes())
}

/// MLX's description of layers with groups of this length. Layers with other groups have entries of their own.
fn mlx_config(group: usize, tensors: &[TensorInfo]) -> Value {
    let mut config = Map::new();
    config.insert("group_size".into(), group.into());
    config.insert("bits".into(), 2.into());
    for info in tensors {
        match info.encoding() {
            Encoding::Mlx { group: own, .. } if *own != group => {
                let layer = info.name().strip_suffix(".weight").unwrap_or(info.name());
                let own = json!({"group_size": own, "bits": 2});
                config.insert(layer.into(), own);
            }
            _ => {}
        }
    }
    Value::Object(config)
}

fn input_config(reader: &Reader) -> Result<Map<String, Value>> {
    let folder = reader.files().next().and_then(Path::parent);
    let path = folder.map(|folder| folder.join(CONFIG));
    match path.filter(|path| path.is_file()) {
        Some(path) => Ok(serde_json::from_slice(&std::fs::read(path)?)?),
        None => Ok(Map::new()),
    }
}
