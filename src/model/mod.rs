//! Model files: models in, ternary models out.
//!
//! | type | holds | files |
//! |---|---|---|
//! | [`Model`] | all tensors in memory | safetensors |
//! | [`ModelReader`], [`ModelWriter`] | one tensor at a time | safetensors, GGUF, Hugging Face BitNet and MLX checkpoints |
//!
//! A tensor is dense and kept byte for byte, or it is ternary. How a file holds it is its [`Encoding`]. This library's own layout stores a
//! ternary tensor `X` as plain tensors, which every safetensors reader can open, and describes it in the metadata:
//!
//! ```text
//! X.trits     U8           [planes, bytes]     packed trits in row-major order
//! X.lambda_p  scale type   [planes, groups]    scale of +1, or of both signs
//! X.lambda_n  scale type   [planes, groups]    scale of -1, only if it differs
//! X.bias      F32          [rows]              what products add to the output channels, if there is a bias
//!
//! __metadata__["ternarize"] = {"version":2, "tensors":{"X":{
//!     "shape":[16,1,3,3], "grouping":"axis:0", "code":"2bit", "scales":"f16", "rule":"tnt", "bias":true}}}
//! ```
//!
//! The weight at flat index `i` is the sum over the planes of `lambda_p[plane][g]`, 0 or `-lambda_n[plane][g]`, where `g` is the group of
//! `i`. `code` is a name of a [`Code`](crate::Code), `scales` one of a [`ScaleType`](crate::ScaleType), `grouping` and `rule` are spelled
//! as the `Display` of [`Grouping`](crate::tensor::Grouping) and [`Rule`](crate::Rule) writes them; `rule` is missing if the trits were chosen by none, `bias` if there is
//! none. Groups
//! are numbered in row-major order of the tensor. Scales that are powers of two are stored as exponents, type `I8`, with -128 for 0.
//! A tensor that is stored for rotated inputs ([`rotate`](crate::matmul::rotate)) has
//! `"transform":{"kind":"hadamard","width":64,"seed":7}` too, for any number of columns. Unknown entries are an error, so no transform is overlooked.
//! Version 1 had one plane, no bias, one-dimensional parts, and `"dtype"`, the type of `X` and its scales, for `"scales"`.
//!
//! - Reading checks everything before it returns anything.
//! - The same model is always written as the same bytes.
//! - A failed write leaves the old file as it was.
//!
//! Sources: the safetensors format, <https://huggingface.co/docs/safetensors>; GGUF, ggml's `docs/gguf.md`; see [`format`](crate::format) for
//! the blocks of other programs.

mod container;
mod dense;
mod error;
mod files;
mod info;
mod layout;
mod metadata;
mod parts;
mod reader;
mod ternarize;
mod write;
mod writer;

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use std::fs;
use std::io::{Cursor, Write as _};
use std::path::Path;

pub use dense::DenseTensor;
pub use error::ModelError;
pub use info::{Encoding, TensorInfo};
pub use metadata::Metadata;
pub use reader::ModelReader;
pub use write::replace_file;
pub use writer::ModelWriter;

use crate::tensor::TernaryTensor;

/// A tensor of a model.
///
/// # Examples
///
/// ```
/// use ternarize::model::{DenseTensor, Tensor};
///
/// let tensor = Tensor::Dense(DenseTensor::new(&[2], &[0.5_f32, 0.25])?);
/// if let Tensor::Dense(dense) = &tensor {
///     assert_eq!(dense.values::<f32>(), Some(vec![0.5, 0.25]));
/// }
/// # Ok::<(), ternarize::model::ModelError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[expect(
    clippy::large_enum_variant,
    reason = "a model has few tensors, and large ones"
)]
pub enum Tensor {
    /// Numbers of any type, kept as they were read.
    Dense(DenseTensor),
    /// Trits and scales.
    Ternary(TernaryTensor),
}

/// The content of a safetensors file: named tensors and metadata.
///
/// # Examples
///
/// ```
/// use ternarize::Ternarizer;
/// use ternarize::model::{DenseTensor, Model, Tensor};
/// use ternarize::tensor::Grouping;
///
/// let mut model = Model::new();
/// let weights = DenseTensor::new(&[2, 2], &[1.0_f32, -0.5, 0.1, 0.9])?;
/// model.insert("fc.weight", Tensor::Dense(weights));
///
/// let metrics = model.ternarize("fc.weight", Grouping::Tensor, &Ternarizer::new())?;
/// assert!(metrics.cosine > 0.99);
///
/// let file = model.to_bytes()?;
/// assert_eq!(Model::from_bytes(&file)?, model);
/// # Ok::<(), ternarize::model::ModelError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Model {
    tensors: BTreeMap<String, Tensor>,
    metadata: BTreeMap<String, String>,
}

impl Model {
    /// A model without tensors.
    ///
    /// ```
    /// assert_eq!(ternarize::model::Model::new().tensors().count(), 0);
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads the bytes of a safetensors file, with ternary tensors or without.
    ///
    /// # Errors
    ///
    /// [`ModelError::Container`] if the bytes are not a complete safetensors file, [`ModelError::DuplicateName`] for a name that
    /// occurs twice, and [`ModelError::UnknownVersion`], [`ModelError::Directory`], [`ModelError::BadPart`],
    /// [`ModelError::NotFloat`] and [`ModelError::NameTaken`] for ternary tensors that are not stored as described above.
    ///
    /// # Examples
    ///
    /// ```
    /// use ternarize::model::{Model, ModelError};
    /// assert!(matches!(Model::from_bytes(b"no"), Err(ModelError::Container { .. })));
    /// ```
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ModelError> {
        let (tensors, metadata) = reader::from_bytes(bytes)?;
        let metadata = metadata.into_texts();
        Ok(Self { tensors, metadata })
    }

    /// The bytes of a safetensors file. The same model gives the same bytes.
    ///
    /// # Errors
    ///
    /// - [`ModelError::NameTaken`] if a dense tensor has the name of a part of a ternary one (that of the second scales is reserved
    ///   even if there is one scale) or the name `__metadata__`, or if the metadata have the key `ternarize`;
    /// - [`ModelError::Unwritable`] if the header would be longer than the format allows.
    ///
    /// # Examples
    ///
    /// ```
    /// let bytes = ternarize::model::Model::new().to_bytes()?;
    /// assert_eq!(bytes, b"\x08\0\0\0\0\0\0\0{}      ");
    /// # Ok::<(), ternarize::model::ModelError>(())
    /// ```
    pub fn to_bytes(&self) -> Result<Vec<u8>, ModelError> {
        let infos = self.tensors.iter().map(|(name, tensor)| match tensor {
            Tensor::Dense(dense) => dense.info(name),
            Tensor::Ternary(ternary) => TensorInfo::of_ternary(name, ternary),
        });
        let infos: Vec<_> = infos.collect::<Result<_, _>>()?;
        let metadata = Metadata::new_safetensors(self.metadata.clone());
        let mut writer = ModelWriter::new(Cursor::new(Vec::new()), &metadata, &infos)?;
        for (name, tensor) in &self.tensors {
            writer.put(name, tensor)?;
        }
        Ok(writer.finish()?.into_inner())
    }

    /// Reads a safetensors file.
    ///
    /// # Errors
    ///
    /// [`ModelError::Read`] with the path, and as [`from_bytes`](Self::from_bytes).
    ///
    /// # Examples
    ///
    /// ```
    /// use ternarize::model::Model;
    /// let error = Model::read("no-such.safetensors").unwrap_err();
    /// assert!(error.to_string().contains("no-such.safetensors"));
    /// ```
    pub fn read(path: impl AsRef<Path>) -> Result<Self, ModelError> {
        let path = path.as_ref();
        let bytes = fs::read(path).map_err(|source| ModelError::read(path, source))?;
        Self::from_bytes(&bytes)
    }

    /// Writes a safetensors file and returns its size in bytes. The bytes go to a temporary file in the same folder, which is then
    /// renamed. An old file's permissions are kept, and symbolic links are followed to the file itself.
    ///
    /// # Errors
    ///
    /// [`ModelError::Write`] with the path, and as [`to_bytes`](Self::to_bytes). Then the old file is as it was.
    ///
    /// # Examples
    ///
    /// ```
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let path = dir.path().join("model.safetensors");
    /// use ternarize::model::Model;
    /// assert_eq!(Model::new().write(&path)?, 16);
    /// assert_eq!(Model::read(&path)?, Model::new());
    /// # Ok::<(), ternarize::model::ModelError>(())
    /// ```
    pub fn write(&self, path: impl AsRef<Path>) -> Result<u64, ModelError> {
        let path = path.as_ref();
        let bytes = self.to_bytes()?;
        let written = replace_file(path, |file| file.write_all(&bytes));
        written.map_err(|source| ModelError::Write {
            path: path.into(),
            source,
        })?;
        Ok(bytes.len() as u64)
    }

    /// The tensors in alphabetical order of their names.
    ///
    /// ```
    /// # use ternarize::model::{DenseTensor, Model, Tensor};
    /// let mut model = Model::new();
    /// model.insert("bias", Tensor::Dense(DenseTensor::new(&[1], &[0.5_f32])?));
    /// assert_eq!(model.tensors().map(|(name, _)| name).collect::<Vec<_>>(), ["bias"]);
    /// # Ok::<(), ternarize::model::ModelError>(())
    /// ```
    pub fn tensors(&self) -> impl Iterator<Item = (&str, &Tensor)> {
        let tensors = self.tensors.iter();
        tensors.map(|(name, tensor)| (name.as_str(), tensor))
    }

    /// The tensor of this name.
    ///
    /// ```
    /// assert!(ternarize::model::Model::new().get("bias").is_none());
    /// ```
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Tensor> {
        self.tensors.get(name)
    }

    /// Adds a tensor. Returns the tensor that had the name before.
    ///
    /// ```
    /// # use ternarize::model::{DenseTensor, Model, Tensor};
    /// let mut model = Model::new();
    /// let bias = Tensor::Dense(DenseTensor::new(&[1], &[0.5_f32])?);
    /// assert_eq!(model.insert("bias", bias.clone()), None);
    /// assert_eq!(model.insert("bias", bias.clone()), Some(bias));
    /// # Ok::<(), ternarize::model::ModelError>(())
    /// ```
    pub fn insert(&mut self, name: impl Into<String>, tensor: Tensor) -> Option<Tensor> {
        self.tensors.insert(name.into(), tensor)
    }

    /// Takes a tensor out of the model.
    ///
    /// ```
    /// # use ternarize::model::Model;
    /// assert_eq!(Model::new().remove("x"), None);
    /// ```
    pub fn remove(&mut self, name: &str) -> Option<Tensor> {
        self.tensors.remove(name)
    }

    /// The metadata of the file, without the entry that describes ternary tensors.
    ///
    /// ```
    /// # use ternarize::model::Model;
    /// let mut model = Model::new();
    /// model.metadata_mut().insert("format".into(), "pt".into());
    /// assert_eq!(model.metadata().get("format").map(String::as_str), Some("pt"));
    /// ```
    #[must_use]
    pub fn metadata(&self) -> &BTreeMap<String, String> {
        &self.metadata
    }

    /// The metadata, to be changed.
    ///
    /// ```
    /// # use ternarize::model::Model;
    /// let mut model = Model::new();
    /// model.metadata_mut().insert("format".into(), "pt".into());
    /// assert_eq!(Model::from_bytes(&model.to_bytes()?)?, model);
    /// # Ok::<(), ternarize::model::ModelError>(())
    /// ```
    pub fn metadata_mut(&mut self) -> &mut BTreeMap<String, String> {
        &mut self.metadata
    }

    /// The same model with every ternary tensor dequantized to a dense one: of the type of its scales, or `f32` where that does not hold
    /// all weights. The weights are for inputs that are not rotated; rotating them back makes them `f32`. A bias becomes the tensor
    /// `X.bias`.
    ///
    /// # Errors
    ///
    /// [`ModelError::NameTaken`] if there is another tensor of that name.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ternarize::{Ternarizer, model::{DenseTensor, Model, Tensor}, tensor::Grouping};
    /// let mut model = Model::new();
    /// model.insert("w", Tensor::Dense(DenseTensor::new(&[2], &[3.0_f32, 4.0])?));
    /// model.ternarize("w", Grouping::Tensor, &Ternarizer::new())?;
    /// let restored = DenseTensor::new(&[2], &[3.5_f32, 3.5])?;
    /// assert_eq!(model.to_dense()?.get("w"), Some(&Tensor::Dense(restored)));
    /// # Ok::<(), ternarize::model::ModelError>(())
    /// ```
    pub fn to_dense(&self) -> Result<Self, ModelError> {
        let mut tensors = BTreeMap::new();
        let mut put = |name: String, dense| match tensors.insert(name.clone(), Tensor::Dense(dense))
        {
            Some(_) => Err(ModelError::NameTaken { name }),
            None => Ok(()),
        };
        for (name, tensor) in &self.tensors {
            match tensor {
                Tensor::Dense(dense) => put(name.clone(), dense.clone())?,
                Tensor::Ternary(ternary) => {
                    let weights = ternary.dequantize_floats().to_le_bytes();
                    let dense = DenseTensor::of(ternary.shape().axes(), weights);
                    put(name.clone(), dense)?;
                    if let Some((name, bias)) = layout::bias(name, ternary) {
                        put(name, bias)?;
                    }
                }
            }
        }
        let metadata = self.metadata.clone();
        Ok(Self { tensors, metadata })
    }
}

/// A model of these tensors, without metadata. Of tensors of one name the last one stays.
impl<S: Into<String>> FromIterator<(S, Tensor)> for Model {
    fn from_iter<T: IntoIterator<Item = (S, Tensor)>>(tensors: T) -> Self {
        let tensors = tensors.into_iter().map(|(name, t)| (name.into(), t));
        let (tensors, metadata) = (tensors.collect(), BTreeMap::new());
        Self { tensors, metadata }
    }
}
