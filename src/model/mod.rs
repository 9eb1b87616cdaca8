//! Whole models: safetensors files in, ternary safetensors files out.
//!
//! A [`Model`] is what a safetensors file holds: named tensors and a little metadata. Tensors are dense (kept byte for byte) or
//! ternary. A ternary tensor `X` is stored as plain tensors that any safetensors reader opens, and described in the metadata:
//!
//! ```text
//! X.trits     U8  [bytes]     packed trits, row-major
//! X.lambda_p  dtype of X [groups]
//! X.lambda_n  dtype of X [groups]      only where the signs have scales of their own
//!
//! __metadata__["ternarize"] = {"version":1, "tensors":{"X":{
//!     "shape":[16,1,3,3], "dtype":"F32", "grouping":"axis:0", "code":"2bit", "rule":"tnt"}}}
//! ```
//!
//! The codes are those of [`crate::code`], groupings and rules are spelled as their `Display` does, and groups are numbered as
//! [`crate::tensor::Groups`] does. Reading checks everything before it hands anything out; the same model is always written as
//! the same bytes; a failed write leaves the old file as it was.
//!
//! Source: the safetensors format, <https://huggingface.co/docs/safetensors>.

mod any;
mod container;
mod dense;
mod error;
mod layout;
mod names;

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use std::fs;
use std::io::Write as _;
use std::path::Path;

pub use any::AnyTernary;
pub use dense::{DenseTensor, Element};
pub use error::ModelError;

use crate::tensor::{Agreement, Grouping, TensorView, TernaryTensor};
use crate::{Error, Ternarizer};

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
    /// Any type of number, kept as it was read.
    Dense(DenseTensor),
    /// Trits and scales.
    Ternary(AnyTernary),
}

/// Named tensors and metadata: the content of a safetensors file.
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
/// let agreement = model.ternarize("fc.weight", Grouping::Tensor, &Ternarizer::new())?;
/// assert!(agreement.cosine > 0.99);
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

    /// Reads the bytes of a safetensors file, ternary or not.
    ///
    /// # Errors
    ///
    /// Whatever is wrong with the bytes: see [`ModelError`].
    ///
    /// # Examples
    ///
    /// ```
    /// use ternarize::model::{Model, ModelError};
    /// assert!(matches!(Model::from_bytes(b"no"), Err(ModelError::Container { .. })));
    /// ```
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ModelError> {
        let (mut metadata, parts) = container::parse(bytes)?;
        let directory = metadata.remove(layout::KEY);
        let tensors = layout::assemble(directory.as_deref(), parts)?;
        Ok(Self { tensors, metadata })
    }

    /// The bytes of a safetensors file. The same model gives the same bytes.
    ///
    /// # Errors
    ///
    /// [`ModelError::NameTaken`] if a dense tensor bears the name of a part of a ternary one (also of the second scales where
    /// there is one only) or the name `__metadata__`, or if the metadata has the key `ternarize`;
    /// [`ModelError::Container`] if the header would be longer than the format allows.
    ///
    /// # Examples
    ///
    /// ```
    /// let bytes = ternarize::model::Model::new().to_bytes()?;
    /// assert_eq!(bytes, b"\x08\0\0\0\0\0\0\0{}      ");
    /// # Ok::<(), ternarize::model::ModelError>(())
    /// ```
    pub fn to_bytes(&self) -> Result<Vec<u8>, ModelError> {
        let (directory, parts) = layout::take_apart(&self.tensors)?;
        let (mut metadata, key) = (self.metadata.clone(), layout::KEY.to_string());
        if metadata.contains_key(&key) {
            return Err(ModelError::NameTaken { name: key });
        }
        metadata.extend(directory.map(|directory| (key, directory)));
        container::serialize(&metadata, parts)
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
        let bytes = fs::read(path).map_err(|source| ModelError::Read {
            path: path.into(),
            source,
        })?;
        Self::from_bytes(&bytes)
    }

    /// Writes a safetensors file: to a temporary file beside it, which then takes its name. Returns its size in bytes.
    ///
    /// # Errors
    ///
    /// [`ModelError::Write`] with the path, and as [`to_bytes`](Self::to_bytes); then the old file is as it was.
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
        let folder = path.parent().filter(|folder| *folder != Path::new(""));
        let written = temporary_file(folder.unwrap_or(Path::new(".")))
            .and_then(|mut file| file.write_all(&bytes).map(|()| file))
            .and_then(|file| file.persist(path).map_err(std::io::Error::from));
        match written {
            Ok(_) => Ok(bytes.len() as u64),
            Err(source) => Err(ModelError::Write {
                path: path.into(),
                source,
            }),
        }
    }

    /// The tensors, by name.
    ///
    /// ```
    /// # use ternarize::model::{DenseTensor, Model, Tensor};
    /// let mut model = Model::new();
    /// model.insert("bias", Tensor::Dense(DenseTensor::new(&[1], &[0.5_f32])?));
    /// assert_eq!(model.tensors().map(|(name, _)| name).collect::<Vec<_>>(), ["bias"]);
    /// # Ok::<(), ternarize::model::ModelError>(())
    /// ```
    pub fn tensors(&self) -> impl Iterator<Item = (&str, &Tensor)> {
        self.tensors
            .iter()
            .map(|(name, tensor)| (name.as_str(), tensor))
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

    /// Adds a tensor; returns the one that bore the name before.
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

    /// The metadata of the file, but for the entry that describes ternary tensors.
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

    /// The metadata for changing.
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

    /// Ternarizes a dense tensor of floats in place; says how close the stored tensor comes.
    ///
    /// # Errors
    ///
    /// [`ModelError::NoSuchTensor`]; [`ModelError::NotFloat`] for integers and for tensors that are ternary already;
    /// [`ModelError::Tensor`] with whatever [`TernaryTensor::ternarize`] has to say. Then the model is as it was.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ternarize::{Ternarizer, model::{DenseTensor, Model, Tensor}, tensor::Grouping};
    /// let mut model = Model::new();
    /// model.insert("w", Tensor::Dense(DenseTensor::new(&[2], &[3.0_f64, 4.0])?));
    /// let agreement = model.ternarize("w", Grouping::Tensor, &Ternarizer::new())?;
    /// assert_eq!(agreement.relative_error, 0.02);
    /// # Ok::<(), ternarize::model::ModelError>(())
    /// ```
    pub fn ternarize(
        &mut self,
        name: &str,
        grouping: Grouping,
        how: &Ternarizer<'_>,
    ) -> Result<Agreement, ModelError> {
        let missing = || ModelError::NoSuchTensor {
            tensor: name.to_string(),
        };
        let (ternary, agreement) = match self.tensors.get(name).ok_or_else(missing)? {
            Tensor::Dense(dense) => match dense.dtype() {
                "F16" => ternary::<half::f16>(name, dense, grouping, how),
                "BF16" => ternary::<half::bf16>(name, dense, grouping, how),
                "F32" => ternary::<f32>(name, dense, grouping, how),
                "F64" => ternary::<f64>(name, dense, grouping, how),
                other => Err(ModelError::not_float(name, other)),
            },
            Tensor::Ternary(_) => Err(ModelError::not_float(name, "ternary")),
        }?;
        self.insert(name, Tensor::Ternary(ternary));
        Ok(agreement)
    }

    /// The same model with every ternary tensor restored to a dense one of its original type.
    ///
    /// ```
    /// # use ternarize::{Ternarizer, model::{DenseTensor, Model, Tensor}, tensor::Grouping};
    /// let mut model = Model::new();
    /// model.insert("w", Tensor::Dense(DenseTensor::new(&[2], &[3.0_f32, 4.0])?));
    /// model.ternarize("w", Grouping::Tensor, &Ternarizer::new())?;
    /// let restored = DenseTensor::new(&[2], &[3.5_f32, 3.5])?;
    /// assert_eq!(model.to_dense().get("w"), Some(&Tensor::Dense(restored)));
    /// # Ok::<(), ternarize::model::ModelError>(())
    /// ```
    #[must_use]
    pub fn to_dense(&self) -> Self {
        let dense = |tensor: &Tensor| match tensor {
            Tensor::Dense(dense) => dense.clone(),
            Tensor::Ternary(ternary) => ternary.to_dense(),
        };
        let tensors = self.tensors.iter();
        let tensors = tensors.map(|(name, tensor)| (name.clone(), Tensor::Dense(dense(tensor))));
        Self {
            tensors: tensors.collect(),
            metadata: self.metadata.clone(),
        }
    }
}

/// A file that will be readable for whom new files are, not for the user alone.
fn temporary_file(folder: &Path) -> std::io::Result<tempfile::NamedTempFile> {
    let mut file = tempfile::Builder::new();
    #[cfg(unix)]
    file.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    file.tempfile_in(folder)
}

/// Ternarizes a tensor of a known type.
fn ternary<W: Element>(
    name: &str,
    dense: &DenseTensor,
    grouping: Grouping,
    how: &Ternarizer<'_>,
) -> Result<(AnyTernary, Agreement), ModelError>
where
    AnyTernary: From<TernaryTensor<W>>,
{
    let place = |source: Error| ModelError::Tensor {
        tensor: name.to_string(),
        source,
    };
    let weights: Vec<W> = dense
        .values()
        .ok_or_else(|| ModelError::not_float(name, dense.dtype()))?;
    let view = TensorView::new(&weights, dense.shape()).map_err(place)?;
    let (tensor, _) = TernaryTensor::ternarize(&view, grouping, how).map_err(place)?;
    let agreement = tensor.agreement(&view).map_err(place)?;
    Ok((tensor.into(), agreement))
}
