//! [`ModelReader`]: the tensors of a model file, one at a time.

use alloc::borrow::ToOwned;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use std::fs::{self, File};
use std::io::{self, Cursor, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::Deserialize;

use super::container::{Contents, Source, Stored, contents as read_contents, duplicate, not_a};
use super::layout::config::{self, Config};
use super::layout::{self, KEY, Recognized};
use super::{Metadata, ModelError, Tensor, TensorInfo};
use crate::Weight;
use crate::tensor::Floats;

/// The end of the name of a file that lists the files of a model.
const INDEX: &str = ".index.json";

/// The most bytes that are copied at once.
const COPIED: usize = 1 << 20;

/// An open model: one file or several, of which only the headers were read. Tensors are read by position, one at a time.
///
/// # Examples
///
/// ```
/// # let dir = tempfile::tempdir().unwrap();
/// # let path = dir.path().join("model.safetensors");
/// use ternarize::model::{DenseTensor, Model, ModelReader, Tensor};
///
/// let bias = Tensor::Dense(DenseTensor::new(&[2], &[0.5_f32, 1.0])?);
/// Model::from_iter([("bias", bias.clone())]).write(&path)?;
/// let reader = ModelReader::open(&path)?;
/// assert_eq!(reader.tensors().map(|info| info.name()).collect::<Vec<_>>(), ["bias"]);
/// assert_eq!(reader.read(0)?, bias);
/// # Ok::<(), ternarize::model::ModelError>(())
/// ```
pub struct ModelReader<R = File> {
    files: Vec<(PathBuf, Mutex<R>)>,
    tensors: Vec<Recognized>,
    metadata: Metadata,
}

impl<R> fmt::Debug for ModelReader<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let files = self.files.iter().map(|(path, _)| path);
        f.debug_list().entries(files).finish()
    }
}

impl ModelReader {
    /// Opens a model: a safetensors or GGUF file, an index (`*.index.json`) of several safetensors files, or a folder that holds one of
    /// these. The `config.json` beside them tells whether layers are packed as Hugging Face's `BitNet` or MLX pack them.
    ///
    /// # Errors
    ///
    /// - [`ModelError::Read`] with the path;
    /// - [`ModelError::Container`] and [`ModelError::DuplicateName`] for a file that is neither, or is damaged;
    /// - [`ModelError::UnknownVersion`], [`ModelError::Directory`], [`ModelError::BadPart`], [`ModelError::NotFloat`] and
    ///   [`ModelError::NameTaken`] for a description of ternary tensors that is wrong.
    ///
    /// # Examples
    ///
    /// ```
    /// use ternarize::model::ModelReader;
    /// let error = ModelReader::open("no-such.gguf").unwrap_err();
    /// assert!(error.to_string().contains("no-such.gguf"));
    /// ```
    pub fn open(path: impl AsRef<Path>) -> Result<Self, ModelError> {
        Self::open_with(path, |path| File::open(path))
    }
}

impl<R: Read + Seek> ModelReader<R> {
    /// As [`open`](ModelReader::open), with each file opened by a function.
    ///
    /// # Errors
    ///
    /// As [`open`](ModelReader::open).
    pub fn open_with(
        path: impl AsRef<Path>,
        open: impl Fn(&Path) -> io::Result<R>,
    ) -> Result<Self, ModelError> {
        let path = find(path.as_ref())?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let opened = |path: PathBuf| match open(&path) {
            Ok(file) => Ok((path, Mutex::new(file))),
            Err(source) => Err(ModelError::Read { path, source }),
        };
        let is_index = path.to_string_lossy().ends_with(".json");
        let (names, index) = if is_index {
            let index = Index::parse(&read_text(&path, &opened)?)?;
            (index.files(), Some(index))
        } else {
            (Vec::new(), None)
        };
        let mut paths: Vec<_> = names.iter().map(|name| folder.join(name)).collect();
        if index.is_none() {
            paths.push(path.clone());
        }
        let files = paths
            .into_iter()
            .map(&opened)
            .collect::<Result<Vec<_>, _>>()?;
        let config_path = folder.join(config::FILE);
        let config = if config_path.is_file() {
            let config = Config::parse(&read_text(&config_path, &opened)?);
            config.map_err(|error| not_a(config::FILE, &error))?
        } else {
            Config::default()
        };
        let contents = contents(&files, index.as_ref())?;
        let (tensors, metadata) = layout::recognize(contents, &config)?;
        Ok(Self {
            files,
            tensors,
            metadata,
        })
    }

    /// The tensors, in the order of their data.
    #[must_use]
    pub fn tensors(&self) -> impl ExactSizeIterator<Item = &TensorInfo> + Clone {
        self.tensors.iter().map(|tensor| &tensor.info)
    }

    /// The metadata, without the entry that describes ternary tensors. Of a model of several files those of the first one.
    #[must_use]
    pub const fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// The paths of the files.
    #[must_use]
    pub fn files(&self) -> impl ExactSizeIterator<Item = &Path> {
        self.files.iter().map(|(path, _)| path.as_path())
    }

    /// Reads a tensor. The weights of blocks that the file says are stored for transformed inputs, by keys `prism.hadamard.*`, are not
    /// understood.
    ///
    /// # Errors
    ///
    /// - [`ModelError::Read`] with the path;
    /// - [`ModelError::BadPart`] for a ternary tensor that is damaged or is not ternary;
    /// - [`ModelError::NoSuchTensor`] if there is none of this number.
    pub fn read(&self, index: usize) -> Result<Tensor, ModelError> {
        let tensor = self.tensor(index)?;
        let transformed = || {
            self.metadata
                .keys()
                .any(|key| key.starts_with("prism.hadamard."))
        };
        if matches!(tensor.info.encoding(), super::Encoding::Blocks(_)) && transformed() {
            let reason = "for inputs that were transformed, by the keys `prism.hadamard.*`";
            return Err(ModelError::bad_part(
                tensor.info.name(),
                "set of blocks",
                &reason,
            ));
        }
        let mut bytes = Vec::new();
        for part in &tensor.parts {
            bytes.push(self.at(part, |source| source.bytes(part.start, part.len))?);
        }
        layout::decode(tensor, bytes)
    }

    /// Reads the values of a tensor of floats into memory of their type at once, so that one copy of them is held.
    ///
    /// # Errors
    ///
    /// [`ModelError::NotFloat`] for a tensor of another type; [`ModelError::Read`] with the path; [`ModelError::NoSuchTensor`].
    ///
    /// # Examples
    ///
    /// ```
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let path = dir.path().join("model.safetensors");
    /// # use ternarize::model::{DenseTensor, Model, ModelReader, Tensor};
    /// # let bias = Tensor::Dense(DenseTensor::new(&[2], &[0.5_f32, 1.0])?);
    /// # Model::from_iter([("bias", bias.clone())]).write(&path)?;
    /// assert_eq!(ModelReader::open(&path)?.read_values::<f32>(0)?, [0.5, 1.0]);
    /// # Ok::<(), ternarize::model::ModelError>(())
    /// ```
    pub fn read_values<W: Weight>(&self, index: usize) -> Result<Vec<W>, ModelError> {
        let mut values = Vec::new();
        let mut append = |piece: Floats| match piece.into_vec::<W>() {
            Some(mut piece) => {
                values.append(&mut piece);
                true
            }
            None => false,
        };
        self.read_pieces(index, &mut append)?;
        Ok(values)
    }

    /// Gives the values of a tensor to a function, piece by piece, until it returns `false`: that they are of another type.
    fn read_pieces(
        &self,
        index: usize,
        append: &mut dyn FnMut(Floats) -> bool,
    ) -> Result<(), ModelError> {
        let tensor = self.tensor(index)?;
        let (name, dtype) = (tensor.info.name(), tensor.info.stored_type());
        // An empty tensor has a type, too.
        let pieces = Floats::from_le_bytes(&dtype, &[]).filter(|_| !tensor.info.is_ternary());
        if !pieces.is_some_and(&mut *append) {
            return Err(ModelError::not_float(name, &dtype));
        }
        // A piece is a whole number of values of any of the types.
        self.copy(index, |_, _, bytes| {
            let piece = Floats::from_le_bytes(&dtype, bytes);
            let appended = piece.is_some_and(&mut *append);
            let bad = || ModelError::bad_part(name, "tensor", &"its bytes are no values");
            appended.then_some(()).ok_or_else(bad)
        })
    }

    /// Copies the bytes of a tensor as they are, part by part, to what `part` returns for each. After some of them `copied` is told how
    /// many; the error that it returns ends the copy.
    pub(super) fn copy(
        &self,
        index: usize,
        mut write: impl FnMut(usize, u64, &[u8]) -> Result<(), ModelError>,
    ) -> Result<(), ModelError> {
        let tensor = self.tensor(index)?;
        for (place, part) in tensor.parts.iter().enumerate() {
            let mut done = 0;
            while done < part.len {
                let len = (part.len - done).min(COPIED as u64);
                let bytes = self.at(part, |source| source.bytes(part.start + done, len))?;
                write(place, done, &bytes)?;
                done += len;
            }
        }
        Ok(())
    }

    /// Copies the bytes of a tensor as the file has them, all parts one after the other.
    ///
    /// # Errors
    ///
    /// [`ModelError::Read`] with the path; [`ModelError::Output`] if they cannot be written; [`ModelError::NoSuchTensor`].
    pub fn copy_to(&self, index: usize, to: &mut dyn Write) -> Result<(), ModelError> {
        self.copy(index, |_, _, bytes| {
            to.write_all(bytes).map_err(ModelError::Output)
        })
    }

    fn tensor(&self, index: usize) -> Result<&Recognized, ModelError> {
        self.tensors
            .get(index)
            .ok_or_else(|| ModelError::NoSuchTensor {
                tensor: alloc::format!("number {index}"),
            })
    }

    /// Does something with the file of a part.
    fn at<T>(
        &self,
        part: &Stored,
        act: impl FnOnce(&mut Source<'_>) -> Result<T, ModelError>,
    ) -> Result<T, ModelError> {
        with_source(&self.files[part.file], act)
    }
}

/// Reads all tensors of a file that is in memory.
pub(super) fn from_bytes(bytes: &[u8]) -> Result<(BTreeMap<String, Tensor>, Metadata), ModelError> {
    let mut file = Cursor::new(bytes);
    let mut source = Source {
        path: Path::new(""),
        file: &mut file,
    };
    let contents = read_contents(&mut source)?;
    if contents.metadata.is_gguf() {
        return Err(not_a(
            "safetensors",
            &"it is a GGUF file, which ModelReader reads",
        ));
    }
    let (recognized, metadata) = layout::recognize(contents, &Config::default())?;
    let mut tensors = BTreeMap::new();
    for tensor in &recognized {
        let mut parts = Vec::new();
        for part in &tensor.parts {
            parts.push(source.bytes(part.start, part.len)?);
        }
        tensors.insert(
            tensor.info.name().to_owned(),
            layout::decode(tensor, parts)?,
        );
    }
    Ok((tensors, metadata))
}

fn with_source<R: Read + Seek, T>(
    (path, file): &(PathBuf, Mutex<R>),
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
fn contents<R: Read + Seek>(
    files: &[(PathBuf, Mutex<R>)],
    index: Option<&Index>,
) -> Result<Contents, ModelError> {
    let mut all: Option<Contents> = None;
    for (number, file) in files.iter().enumerate() {
        let mut found = with_source(file, read_contents)?;
        let tensors = core::mem::take(&mut found.tensors);
        let tensors = tensors.into_iter().map(|tensor| Stored {
            file: number,
            ..tensor
        });
        match &mut all {
            Some(all) => {
                all.tensors.extend(tensors);
                all.directories.extend(found.metadata.take_text(KEY));
            }
            None => {
                all = Some(Contents {
                    tensors: tensors.collect(),
                    ..found
                });
            }
        }
    }
    let all = all.unwrap_or_else(|| Contents {
        metadata: Metadata::new_safetensors(BTreeMap::new()),
        directories: Vec::new(),
        tensors: Vec::new(),
    });
    // Each tensor is in one file.
    let mut names = BTreeSet::new();
    if let Some(twice) = all
        .tensors
        .iter()
        .find(|tensor| !names.insert(&tensor.name))
    {
        let name = twice.name.clone();
        return Err(ModelError::DuplicateName { name });
    }
    let missing =
        index.and_then(|index| index.weight_map.keys().find(|name| !names.contains(name)));
    match missing {
        Some(tensor) => Err(ModelError::NoSuchTensor {
            tensor: tensor.clone(),
        }),
        None => Ok(all),
    }
}

/// The list of the files of a model.
#[derive(Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
}

impl Index {
    fn parse(text: &[u8]) -> Result<Self, ModelError> {
        let bad = |reason: &dyn alloc::string::ToString| not_a("safetensors index", reason);
        let text = core::str::from_utf8(text).map_err(|error| bad(&error))?;
        if let Some(name) = duplicate(text, "weight_map").map_err(|error| bad(&error))? {
            return Err(ModelError::DuplicateName { name });
        }
        let index: Self = serde_json::from_str(text).map_err(|error| bad(&error))?;
        // A file of the same folder, and no other.
        let plain = |name: &str| Path::new(name).file_name() == Some(name.as_ref());
        match index.weight_map.values().find(|name| !plain(name)) {
            Some(name) => Err(bad(&alloc::format!(
                "`{}` is no file name",
                name.escape_debug()
            ))),
            None => Ok(index),
        }
    }

    fn files(&self) -> Vec<String> {
        let files: BTreeSet<_> = self.weight_map.values().cloned().collect();
        files.into_iter().collect()
    }
}

fn read_text<R: Read>(
    path: &Path,
    opened: &impl Fn(PathBuf) -> Result<(PathBuf, Mutex<R>), ModelError>,
) -> Result<Vec<u8>, ModelError> {
    let (path, file) = opened(path.into())?;
    let mut bytes = Vec::new();
    let mut file = file.into_inner().unwrap_or_else(PoisonError::into_inner);
    match file.read_to_end(&mut bytes) {
        Ok(_) => Ok(bytes),
        Err(source) => Err(ModelError::Read { path, source }),
    }
}

/// The file of a model: a folder stands for the index in it, or for the only model file in it.
fn find(path: &Path) -> Result<PathBuf, ModelError> {
    let failed = |source| ModelError::Read {
        path: path.into(),
        source,
    };
    if !path.is_dir() {
        return Ok(path.into());
    }
    let mut names = Vec::new();
    for entry in fs::read_dir(path).map_err(failed)? {
        names.push(entry.map_err(failed)?.file_name());
    }
    for ending in [INDEX, ".safetensors", ".gguf"] {
        let fits = |name: &&std::ffi::OsString| name.to_string_lossy().ends_with(ending);
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
    let reason = "the folder holds no `*.index.json`, `*.safetensors` or `*.gguf`";
    Err(failed(io::Error::other(reason)))
}
