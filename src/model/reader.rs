//! [`ModelReader`]: the tensors of a model file, one at a time.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use std::fs::File;
use std::io::{self, Cursor, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use super::container::{Source, Stored, contents, not_a};
use super::files::{self, Index, Opened};
use super::layout::config::{self, Config};
use super::layout::{self, Recognized};
use super::{Encoding, Metadata, ModelError, Tensor, TensorInfo};
use crate::Weight;
use crate::tensor::Floats;

/// The beginning of the keys of a GGUF file whose blocks are for inputs that are transformed.
const TRANSFORMED: &str = "prism.hadamard.";

/// The most bytes that are copied at once. Chosen: they stay in the second-level cache, and freeing so few gives no pages back.
const COPIED: usize = 1 << 16;

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
    files: Vec<Opened<R>>,
    tensors: Vec<Recognized>,
    metadata: Metadata,
    /// Whether blocks are stored for inputs that are transformed.
    transformed: bool,
}

impl<R> fmt::Debug for ModelReader<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let files = self.files.iter().map(|(path, _)| path);
        f.debug_list().entries(files).finish()
    }
}

impl ModelReader {
    /// Opens a model: a safetensors or GGUF file, an index (`*.safetensors.index.json`) of several safetensors files, or a folder that holds one of
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
        let path = files::find(path.as_ref())?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let opened = |path: PathBuf| match open(&path) {
            Ok(file) => Ok((path, Mutex::new(file))),
            Err(source) => Err(ModelError::Read { path, source }),
        };
        let (paths, index) = if path.to_string_lossy().ends_with(".json") {
            let index = Index::parse(&files::read_text(&path, &opened)?)?;
            let paths = index.files().into_iter().map(|name| folder.join(name));
            (paths.collect(), Some(index))
        } else {
            (alloc::vec![path.clone()], None)
        };
        let files: Vec<_> = paths.into_iter().map(&opened).collect::<Result<_, _>>()?;
        let contents = files::contents(&files, index.as_ref())?;
        let config_path = folder.join(config::FILE);
        // A GGUF file describes itself.
        let config = if config_path.is_file() && !contents.metadata.is_gguf() {
            let config = Config::parse(&files::read_text(&config_path, &opened)?);
            config.map_err(|error| not_a(config::FILE, &error))?
        } else {
            Config::default()
        };
        let (tensors, metadata) = layout::recognize(contents, &config)?;
        let transformed = metadata.keys().any(|key| key.starts_with(TRANSFORMED));
        Ok(Self {
            files,
            tensors,
            metadata,
            transformed,
        })
    }

    /// The tensors, in the order of their data.
    #[must_use]
    pub fn tensors(&self) -> impl ExactSizeIterator<Item = &TensorInfo> + Clone {
        self.tensors.iter().map(|tensor| &tensor.info)
    }

    /// The tensor of this number, if there is one.
    #[must_use]
    pub fn info(&self, index: usize) -> Option<&TensorInfo> {
        self.tensors.get(index).map(|tensor| &tensor.info)
    }

    /// The metadata, without the entry that describes ternary tensors. Of a model of several files those of all; where a key has several
    /// values, that of the first file.
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
        if matches!(tensor.info.encoding(), Encoding::Blocks(_)) && self.transformed {
            let reason = "for inputs that were transformed, by the keys `prism.hadamard.*`";
            let name = tensor.info.name();
            return Err(ModelError::bad_part(name, "set of blocks", &reason));
        }
        let read = |part: &Stored| self.at(part, |source| source.bytes(part.start, part.len));
        let bytes = tensor.parts.iter().map(read).collect::<Result<_, _>>()?;
        layout::decode(tensor, bytes)
    }

    /// Reads the values of a tensor of floats into memory of a type that holds them, so that one copy of them is held: their own type, `f64`,
    /// or `f32` for types of 16 bits.
    ///
    /// # Errors
    ///
    /// [`ModelError::NotFloat`] for a tensor of a wider type or of other numbers; [`ModelError::Read`] with the path; [`ModelError::NoSuchTensor`].
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
        // As many as the file has bytes for.
        let weights = self.tensor(index)?.info.weights();
        let weights = usize::try_from(weights).unwrap_or(usize::MAX);
        let mut append = |piece: Floats| match piece.widened::<W>() {
            Some(mut piece) => {
                if values.capacity() == 0 && !piece.is_empty() {
                    values.reserve_exact(weights);
                }
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

    /// Gives the bytes of a tensor as they are to a function, piece by piece: the number of the part, how much of it came before, and the
    /// bytes. The error that the function returns ends the copy.
    pub(super) fn copy(
        &self,
        index: usize,
        mut write: impl FnMut(usize, u64, &[u8]) -> Result<(), ModelError>,
    ) -> Result<(), ModelError> {
        let (tensor, mut buffer) = (self.tensor(index)?, alloc::vec![0; COPIED]);
        for (place, part) in tensor.parts.iter().enumerate() {
            for done in (0..part.len).step_by(COPIED) {
                let left = usize::try_from(part.len - done).unwrap_or(COPIED);
                let bytes = &mut buffer[..left.min(COPIED)];
                self.at(part, |source| source.read(part.start + done, bytes))?;
                write(place, done, bytes)?;
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
        let write = |_, _, bytes: &[u8]| to.write_all(bytes).map_err(ModelError::Output);
        self.copy(index, write)
    }

    pub(super) fn tensor(&self, index: usize) -> Result<&Recognized, ModelError> {
        let tensor = self.tensors.get(index);
        tensor.ok_or_else(|| ModelError::no_such(&alloc::format!("number {index}")))
    }

    /// Does something with the file of a part.
    fn at<T>(
        &self,
        part: &Stored,
        act: impl FnOnce(&mut Source<'_>) -> Result<T, ModelError>,
    ) -> Result<T, ModelError> {
        files::with_source(&self.files[part.file], act)
    }
}

/// Reads all tensors of a file that is in memory.
pub(super) fn from_bytes(bytes: &[u8]) -> Result<(BTreeMap<String, Tensor>, Metadata), ModelError> {
    let mut file = Cursor::new(bytes);
    let mut source = Source {
        path: Path::new(""),
        file: &mut file,
    };
    let contents = contents(&mut source)?;
    if contents.metadata.is_gguf() {
        let reason = "it is a GGUF file, which ModelReader reads";
        return Err(not_a("safetensors", &reason));
    }
    let (recognized, metadata) = layout::recognize(contents, &Config::default())?;
    let mut tensors = BTreeMap::new();
    for tensor in &recognized {
        let read = |part: &Stored| source.bytes(part.start, part.len);
        let parts = tensor.parts.iter().map(read).collect::<Result<_, _>>()?;
        let name = tensor.info.name().to_owned();
        tensors.insert(name, layout::decode(tensor, parts)?);
    }
    Ok((tensors, metadata))
}
