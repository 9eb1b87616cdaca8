//! The files of a model: one, or those that an index lists, which is a JSON file.
//!
//! ```text
//! model.safetensors.index.json   {"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}
//! ```
//!
//! All files are in the folder of the index. Each tensor is in one of them, in the one that the index names.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, Read, Seek};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::Deserialize;

use super::container::{Contents, Source, contents as read_contents, duplicate, not_a};
use super::layout::KEY;
use super::{Metadata, ModelError};

/// The end of the name of an index, and what it is called in messages.
const INDEX: &str = ".safetensors.index.json";
const KIND: &str = "safetensors index";

/// The longest text that is read, as the longest header of a safetensors file.
const MAX_TEXT: u64 = 100_000_000;

/// An open file, with its path for messages.
pub(super) type Opened<R> = (PathBuf, Mutex<R>);

/// Does something with a file.
pub(super) fn with_source<R: Read + Seek, T>(
    (path, file): &Opened<R>,
    act: impl FnOnce(&mut Source<'_>) -> Result<T, ModelError>,
) -> Result<T, ModelError> {
    // A thread that stopped in the middle of a read leaves the position anywhere: each read begins with a seek.
    let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
    act(&mut Source {
        path,
        file: &mut *file,
    })
}

/// The tensors of all files.
pub(super) fn contents<R: Read + Seek>(
    files: &[Opened<R>],
    index: Option<&Index>,
) -> Result<Contents, ModelError> {
    let mut all: Option<Contents> = None;
    for (number, file) in files.iter().enumerate() {
        let mut found = with_source(file, read_contents)?;
        if index.is_some() && found.metadata.is_gguf() {
            return Err(not_a("safetensors", &"it is a GGUF file"));
        }
        for tensor in &mut found.tensors {
            tensor.file = number;
        }
        match &mut all {
            Some(all) => {
                all.tensors.append(&mut found.tensors);
                all.directories.extend(found.metadata.take_text(KEY));
                all.metadata.add(found.metadata);
            }
            None => all = Some(found),
        }
    }
    let all = all.unwrap_or_else(|| Contents {
        metadata: Metadata::new_safetensors(BTreeMap::new()),
        directories: Vec::new(),
        tensors: Vec::new(),
    });
    // Each tensor is in one file.
    let mut places = BTreeMap::new();
    for tensor in &all.tensors {
        if places.insert(&*tensor.name, tensor.file).is_some() {
            let name = tensor.name.clone();
            return Err(ModelError::DuplicateName { name });
        }
    }
    if let Some(index) = index {
        index.check(|tensor| files.get(*places.get(tensor)?)?.0.file_name())?;
    }
    Ok(all)
}

/// The list of the files of a model.
#[derive(Deserialize)]
pub(super) struct Index {
    weight_map: BTreeMap<String, String>,
}

impl Index {
    pub(super) fn parse(text: &[u8]) -> Result<Self, ModelError> {
        let bad = |reason: &dyn ToString| not_a(KIND, reason);
        let text = core::str::from_utf8(text).map_err(|error| bad(&error))?;
        if let Some(name) = duplicate(text, "weight_map").map_err(|error| bad(&error))? {
            return Err(ModelError::DuplicateName { name });
        }
        let index: Self = serde_json::from_str(text).map_err(|error| bad(&error))?;
        // A file of the same folder, and no other. Paths are printed as they are.
        let plain = |name: &str| {
            Path::new(name).file_name() == Some(name.as_ref()) && !name.contains(char::is_control)
        };
        if let Some(name) = index.weight_map.values().find(|name| !plain(name)) {
            let name = name.escape_debug();
            return Err(bad(&alloc::format!("`{name}` is no file name")));
        }
        Ok(index)
    }

    /// The names of the files, each once.
    pub(super) fn files(&self) -> BTreeSet<String> {
        self.weight_map.values().cloned().collect()
    }

    /// Checks that each tensor is in the file that the index names, by a function that finds the file of a tensor.
    fn check<'a>(&self, file_of: impl Fn(&str) -> Option<&'a OsStr>) -> Result<(), ModelError> {
        for (tensor, named) in &self.weight_map {
            let found = file_of(tensor).ok_or_else(|| ModelError::no_such(tensor))?;
            if found != OsStr::new(named) {
                let tensor = tensor.escape_debug();
                let reason =
                    alloc::format!("the tensor `{tensor}` is in another file than it says");
                return Err(not_a(KIND, &reason));
            }
        }
        Ok(())
    }
}

/// A whole text, which is not long.
pub(super) fn read_text<R: Read>(
    path: &Path,
    opened: &impl Fn(PathBuf) -> Result<Opened<R>, ModelError>,
) -> Result<Vec<u8>, ModelError> {
    let (path, file) = opened(path.into())?;
    let mut bytes = Vec::new();
    let file = file.into_inner().unwrap_or_else(PoisonError::into_inner);
    let source = match file.take(MAX_TEXT + 1).read_to_end(&mut bytes) {
        Ok(_) if bytes.len() as u64 <= MAX_TEXT => return Ok(bytes),
        Ok(_) => io::ErrorKind::FileTooLarge.into(),
        Err(source) => source,
    };
    Err(ModelError::Read { path, source })
}

/// The file of a model: a folder stands for the index in it, or for the only model file in it.
pub(super) fn find(path: &Path) -> Result<PathBuf, ModelError> {
    let failed = |source| ModelError::read(path, source);
    if !path.is_dir() {
        return Ok(path.into());
    }
    let mut names = Vec::new();
    for entry in fs::read_dir(path).map_err(failed)? {
        names.push(entry.map_err(failed)?.file_name());
    }
    for ending in [INDEX, ".safetensors", ".gguf"] {
        let fits = |name: &&OsString| name.to_string_lossy().ends_with(ending);
        let found: Vec<_> = names.iter().filter(fits).collect();
        match found[..] {
            [] => {}
            [name] => return Ok(path.join(name)),
            _ => {
                let count = found.len();
                let reason = alloc::format!("the folder holds {count} files `*{ending}`: name one");
                return Err(failed(io::Error::other(reason)));
            }
        }
    }
    let reason = "the folder holds no `*.safetensors.index.json`, `*.safetensors` or `*.gguf`";
    Err(failed(io::Error::other(reason)))
}
