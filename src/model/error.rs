//! [`ModelError`]: every way a model file can be wrong.

use alloc::string::{String, ToString};
use std::path::PathBuf;

use thiserror::Error as ThisError;

use crate::Error;

/// What was wrong with a file or with a tensor in it, by name.
///
/// # Examples
///
/// ```
/// use ternarize::model::Model;
///
/// let error = Model::from_bytes(&[0; 4]).unwrap_err();
/// assert!(error.to_string().starts_with("not a safetensors file"));
/// ```
#[derive(Debug, ThisError)]
#[non_exhaustive]
pub enum ModelError {
    /// The file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The bytes are not a safetensors file, or not a whole one.
    #[error("not a safetensors file: {reason}")]
    Container {
        /// What the safetensors reader said.
        reason: String,
    },
    /// The header names a tensor twice, or the metadata a key.
    #[error("the name `{name}` occurs twice in the header")]
    DuplicateName {
        /// The name.
        name: String,
    },
    /// The ternary tensors are described in a newer version of the layout, or in an unknown one.
    #[error("version {found} of the ternary layout is unknown: this library reads version 1")]
    UnknownVersion {
        /// The version that the file states.
        found: u64,
    },
    /// The description of the ternary tensors cannot be understood.
    #[error("the description of the ternary tensors cannot be understood: {reason}")]
    Directory {
        /// What the JSON reader said.
        reason: String,
    },
    /// A ternary tensor lacks a part, or a part does not fit the description.
    #[error("the ternary tensor `{tensor}` has a bad {part}: {reason}")]
    BadPart {
        /// The tensor.
        tensor: String,
        /// The part of it.
        part: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// Two tensors would bear the same name.
    #[error("the name `{name}` is needed for a part of a ternary tensor, but is taken")]
    NameTaken {
        /// The name.
        name: String,
    },
    /// There is no such tensor.
    #[error("there is no tensor `{tensor}`")]
    NoSuchTensor {
        /// The name asked for.
        tensor: String,
    },
    /// The tensor is not made of F16, BF16, F32 or F64.
    #[error("the tensor `{tensor}` is {dtype}, not F16, BF16, F32 or F64")]
    NotFloat {
        /// The tensor.
        tensor: String,
        /// Its type.
        dtype: String,
    },
    /// The tensor cannot be ternarized.
    #[error("the tensor `{tensor}` cannot be ternarized: {source}")]
    Tensor {
        /// The tensor.
        tensor: String,
        /// Why not.
        source: Error,
    },
    /// Values and shape of a tensor do not fit together.
    #[error("values and shape do not fit together: {0}")]
    Shape(#[from] Error),
}

impl ModelError {
    pub(super) fn not_float(tensor: &str, dtype: &str) -> Self {
        Self::NotFloat {
            tensor: tensor.to_string(),
            dtype: dtype.to_string(),
        }
    }

    pub(super) fn bad_part(tensor: &str, part: &'static str, reason: &dyn ToString) -> Self {
        Self::BadPart {
            tensor: tensor.to_string(),
            part,
            reason: reason.to_string(),
        }
    }
}
