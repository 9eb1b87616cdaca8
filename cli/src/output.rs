//! The output: one file, or a folder of files, whole or not there at all.
//!
//! ```text
//! one file     a temporary file in the same folder, synced, renamed
//! a folder     a temporary folder beside it, all its files synced, renamed
//! ```

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Seek};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use ternarize::model::{
    Metadata, ModelError, ModelReader, ModelWriter, Tensor, TensorInfo, replace_file,
};

use crate::disk::{Disk, Reader, WriteSeek};
use crate::pool::locked;

/// The name of the only model file of a folder.
const MODEL: &str = "model.safetensors";

/// The name of a checkpoint's description.
pub const CONFIG: &str = "config.json";

/// Where a model is written.
#[derive(Clone, Debug)]
pub struct Destination {
    /// The file or the folder.
    pub path: PathBuf,
    /// Whether what is there may be replaced.
    pub force: bool,
    /// In a folder: the most bytes of a file, if the model is to be divided.
    pub shard_size: Option<u64>,
    /// The files of a folder beside the model: their names and contents.
    pub beside: Option<Vec<(String, Vec<u8>)>>,
}

type Writer<'a> = ModelWriter<Box<dyn WriteSeek + 'a>>;

/// The open files of an output.
pub struct Sink<'a> {
    files: Vec<Mutex<Writer<'a>>>,
    /// The file of each tensor.
    places: BTreeMap<String, usize>,
}

impl<'a> Sink<'a> {
    fn file(&self, name: &str) -> Result<&Mutex<Writer<'a>>> {
        let place = self
            .places
            .get(name)
            .and_then(|&place| self.files.get(place));
        place.with_context(|| format!("the output has no tensor `{}`", name.escape_debug()))
    }

    /// Writes a tensor.
    ///
    /// # Errors
    ///
    /// Those of [`ModelWriter::put`].
    pub fn put(&self, name: &str, tensor: &Tensor) -> Result<()> {
        Ok(locked(self.file(name)?).put(name, tensor)?)
    }

    /// Copies a tensor as it is. `advance` is told how many bytes were copied.
    ///
    /// # Errors
    ///
    /// Those of [`ModelWriter::copy`], and the error of `advance`.
    pub fn copy<E: Into<anyhow::Error>>(
        &self,
        reader: &Reader,
        index: usize,
        advance: impl Fn(u64) -> Result<(), E>,
    ) -> Result<()> {
        let name = reader.info(index).map_or("", TensorInfo::name);
        let mut stopped = None;
        let copied = locked(self.file(name)?).copy(reader, index, |bytes| {
            advance(bytes).map_err(|error| {
                stopped = Some(error.into());
                ModelError::Output(io::ErrorKind::Interrupted.into())
            })
        });
        match stopped {
            Some(error) => Err(error),
            None => Ok(copied?),
        }
    }

    fn finish(self) -> Result<()> {
        for file in self.files {
            let file = file.into_inner().unwrap_or_else(PoisonError::into_inner);
            file.finish()?;
        }
        Ok(())
    }
}

impl Destination {
    /// Checks that nothing is overwritten that should not be.
    ///
    /// # Errors
    ///
    /// If the output is the input, also through links, or there already and not to be replaced.
    pub fn check<R: Read + Seek>(&self, input: &Path, reader: &ModelReader<R>) -> Result<()> {
        let path = self.path.display();
        let same = |a: &Path| same_file::is_same_file(a, &self.path).unwrap_or(false);
        let inside = reader.files().any(|file| file.parent().is_some_and(same));
        if same(input) || inside || reader.files().any(same) {
            bail!("the output `{path}` is the input");
        }
        if !self.force && fs::symlink_metadata(&self.path).is_ok() {
            bail!("`{path}` is there already: use --force to replace it");
        }
        let is_folder = self.beside.is_some();
        if self.path.exists() && self.path.is_dir() != is_folder {
            let kind = if is_folder { "no folder" } else { "a folder" };
            bail!("`{path}` is {kind}");
        }
        if self.path.is_dir() {
            self.check_replaced_folder()?;
        }
        Ok(())
    }

    /// Checks that the output is not another file that is read.
    ///
    /// # Errors
    ///
    /// If it is.
    pub fn check_not(&self, read: Option<&Path>) -> Result<()> {
        let same = |read| same_file::is_same_file(read, &self.path).unwrap_or(false);
        if read.is_some_and(same) {
            bail!("the output `{}` is the input", self.path.display());
        }
        Ok(())
    }

    /// A folder is replaced as a whole, so it must hold a model and nothing else.
    fn check_replaced_folder(&self) -> Result<()> {
        let mut weights = false;
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let own = name.ends_with(".safetensors");
            weights |= own;
            let part = own || describes(&name);
            if !(part && entry.file_type()?.is_file()) {
                let path = self.path.display();
                bail!("`{path}` is not replaced: it holds `{name}`, which is no part of a model");
            }
        }
        let empty = fs::read_dir(&self.path)?.next().is_none();
        if !weights && !empty {
            bail!(
                "`{}` is not replaced: it holds no model",
                self.path.display()
            );
        }
        Ok(())
    }

    /// Writes a model of these tensors: `work` writes each to the sink.
    ///
    /// # Errors
    ///
    /// That of `work`, and those of the operating system. Then nothing has been written.
    pub fn write<T>(
        &self,
        disk: &dyn Disk,
        metadata: &Metadata,
        tensors: &[TensorInfo],
        work: impl FnOnce(&Sink<'_>) -> Result<T>,
    ) -> Result<T> {
        let written = match &self.beside {
            None => replace_file(&self.path, |file| {
                let writer = ModelWriter::new(disk.output(file), metadata, tensors)?;
                let sink = Sink {
                    files: vec![Mutex::new(writer)],
                    places: tensors.iter().map(|info| (info.name().into(), 0)).collect(),
                };
                let done = work(&sink)?;
                sink.finish()?;
                Ok(done)
            }),
            Some(beside) => self.write_folder(disk, metadata, tensors, beside, work),
        };
        written.with_context(|| format!("`{}` was not written", self.path.display()))
    }

    fn write_folder<T>(
        &self,
        disk: &dyn Disk,
        metadata: &Metadata,
        tensors: &[TensorInfo],
        beside: &[(String, Vec<u8>)],
        work: impl FnOnce(&Sink<'_>) -> Result<T>,
    ) -> Result<T> {
        // What a symbolic link leads to is replaced, not the link.
        let path = fs::canonicalize(&self.path).unwrap_or_else(|_| self.path.clone());
        let parent = path.parent().filter(|parent| *parent != Path::new(""));
        let folder = tempfile::Builder::new()
            .prefix(".ternarize-")
            .tempdir_in(parent.unwrap_or(Path::new(".")))?;
        let shards = shards(tensors, self.shard_size);
        let names = shard_names(shards.len());
        // The model files.
        let mut files = Vec::new();
        for name in &names {
            files.push(File::create_new(folder.path().join(name))?);
        }
        let mut sink = Sink {
            files: Vec::new(),
            places: BTreeMap::new(),
        };
        for (place, (file, shard)) in files.iter_mut().zip(&shards).enumerate() {
            let writer = ModelWriter::new(disk.output(file), metadata, shard)?;
            sink.files.push(Mutex::new(writer));
            let own = shard.iter().map(|info| (info.name().to_string(), place));
            sink.places.extend(own);
        }
        let done = work(&sink)?;
        sink.finish()?;
        // What lies beside them.
        let index = (shards.len() > 1).then(|| index(&shards, &names));
        let index = index.map(|index| (format!("{MODEL}.index.json"), index));
        for (name, bytes) in index.iter().chain(beside) {
            let mut file = File::create_new(folder.path().join(name))?;
            io::Write::write_all(&mut disk.output(&mut file), bytes)?;
            files.push(file);
        }
        for file in &files {
            file.sync_all()?;
        }
        replace_folder(folder, &path)?;
        Ok(done)
    }
}

/// Gives a temporary folder its name. An old folder goes only when the new one is in its place.
fn replace_folder(folder: tempfile::TempDir, path: &Path) -> Result<()> {
    let new = folder.path();
    fs::set_permissions(new, permissions(new, path)?)?;
    if !path.exists() {
        fs::rename(new, path)?;
        let _ = folder.keep();
        return Ok(());
    }
    let old = tempfile::Builder::new()
        .prefix(".ternarize-")
        .tempdir_in(new.parent().unwrap_or(Path::new(".")))?;
    let aside = old.path().join("old");
    fs::rename(path, &aside)?;
    if let Err(error) = fs::rename(new, path) {
        if fs::rename(&aside, path).is_err() {
            let aside = old.keep().join("old");
            let aside = aside.display();
            return Err(error).with_context(|| format!("the old folder is `{aside}` now"));
        }
        return Err(error.into());
    }
    let _ = folder.keep();
    Ok(())
}

/// The permissions of the old folder, or those that the user's mask gives to a new one: a temporary folder is for its user alone.
fn permissions(new: &Path, path: &Path) -> io::Result<fs::Permissions> {
    if let Ok(old) = fs::metadata(path) {
        return Ok(old.permissions());
    }
    let probe = new.join(".ternarize-mode");
    fs::create_dir(&probe)?;
    let permissions = fs::metadata(&probe)?.permissions();
    fs::remove_dir(&probe)?;
    Ok(permissions)
}

/// Divides tensors into files of at most so many bytes, in their order; a larger tensor has a file of its own.
fn shards(tensors: &[TensorInfo], size: Option<u64>) -> Vec<Vec<TensorInfo>> {
    let Some(size) = size else {
        return vec![tensors.to_vec()];
    };
    let mut shards: Vec<Vec<TensorInfo>> = vec![Vec::new()];
    let mut used = 0_u64;
    for info in tensors {
        if used > 0 && used.saturating_add(info.bytes()) > size {
            shards.push(Vec::new());
            used = 0;
        }
        used = used.saturating_add(info.bytes());
        if let Some(last) = shards.last_mut() {
            last.push(info.clone());
        }
    }
    shards
}

/// The names of the files of a model.
fn shard_names(count: usize) -> Vec<String> {
    match count {
        1 => vec![MODEL.into()],
        _ => (1..=count)
            .map(|number| format!("model-{number:05}-of-{count:05}.safetensors"))
            .collect(),
    }
}

/// The list of the files of a model.
fn index(shards: &[Vec<TensorInfo>], names: &[String]) -> Vec<u8> {
    let mut map = BTreeMap::new();
    let mut total = 0_u64;
    for (shard, name) in shards.iter().zip(names) {
        for info in shard {
            total = total.saturating_add(info.bytes());
            let stored = info.stored_names();
            map.extend(
                stored
                    .into_iter()
                    .map(|stored| (stored, Value::from(name.clone()))),
            );
        }
    }
    let index = json!({"metadata": {"total_size": total}, "weight_map": map});
    format!("{index:#}\n").into_bytes()
}

/// Whether a file of this name is known to describe a model or its tokenizer.
fn describes(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default();
    let known = [
        "config",
        "generation_config",
        "preprocessor_config",
        "special_tokens_map",
        "added_tokens",
        "vocab",
        "merges",
        "chat_template",
    ];
    let named = known.contains(&stem) || stem.starts_with("tokenizer");
    belongs(name) && (named || name.ends_with(".index.json") || name.ends_with(".tiktoken"))
}

/// Whether a file of this name may describe a model or its tokenizer.
fn belongs(name: &str) -> bool {
    let ending = Path::new(name).extension();
    let ending = ending.and_then(|ending| ending.to_str());
    matches!(
        ending,
        Some("json" | "txt" | "model" | "jinja" | "tiktoken")
    )
}

/// The files that lie beside a model and belong to it: its config, and what tokenizers need. Weights are not among them.
///
/// # Errors
///
/// Those of the operating system.
pub fn files_beside<R: Read + Seek>(reader: &ModelReader<R>) -> io::Result<Vec<(String, Vec<u8>)>> {
    let Some(folder) = reader.files().next().and_then(Path::parent) else {
        return Ok(Vec::new());
    };
    let folder = if folder == Path::new("") {
        Path::new(".")
    } else {
        folder
    };
    // A file alone in a folder of other things has none.
    if !folder.join(CONFIG).is_file() {
        return Ok(Vec::new());
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else {
            continue;
        };
        let describes = name.ends_with(".index.json") || name == CONFIG;
        if belongs(&name) && !describes && entry.path().is_file() {
            files.push((name, fs::read(entry.path())?));
        }
    }
    files.sort();
    Ok(files)
}
