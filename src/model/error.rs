//! [`ModelError`]: everything that can be wrong with a model file.

use alloc::string::{String, ToString};
use std::path::PathBuf;

use thiserror::Error as ThisError;

use crate::Error;

/// What was wrong with a model file, or with a tensor in it, by name.
///
/// The message of an error does not repeat the message of its [`source`](core::error::Error::source).
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
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// The file cannot be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// The bytes are not a complete safetensors file.
    #[error("not a safetensors file: {reason}")]
    Container {
        /// The message of the safetensors reader.
        reason: String,
    },
    /// The model is too much for a safetensors file.
    #[error("cannot be a safetensors file: {reason}")]
    Unwritable {
        /// The message of the safetensors writer.
        reason: String,
    },
    /// The header names a tensor twice, or the metadata a key.
    #[error("the name `{name}` occurs twice in the header")]
    DuplicateName {
        /// The name.
        name: String,
    },
    /// The file uses an unknown version of the layout of ternary tensors, perhaps a newer one.
    #[error(
        "version {found} of the ternary layout is unknown: this library reads versions 1 and 2"
    )]
    UnknownVersion {
        /// The version that the file states.
        found: u64,
    },
    /// The description of the ternary tensors cannot be understood.
    #[error("the description of the ternary tensors cannot be understood: {reason}")]
    Directory {
        /// The message of the JSON reader.
        reason: String,
    },
    /// A part of a ternary tensor is missing, or does not fit the description.
    #[error("the ternary tensor `{tensor}` has a bad {part}: {reason}")]
    BadPart {
        /// The tensor.
        tensor: String,
        /// The part of it.
        part: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// Two tensors would have the same name.
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
    /// The values of the tensor are not F16, BF16, F32 or F64.
    #[error("the tensor `{tensor}` is {dtype}, not F16, BF16, F32 or F64")]
    NotFloat {
        /// The tensor.
        tensor: String,
        /// Its type.
        dtype: String,
    },
    /// The tensor cannot be ternarized.
    #[error("the tensor `{tensor}` cannot be ternarized")]
    Tensor {
        /// The tensor.
        tensor: String,
        /// The reason.
        source: Error,
    },
    /// The ternary tensor would not take fewer bytes than the dense one.
    #[error(
        "the tensor `{tensor}` would take {ternary} bytes as trits and scales, and takes {dense}"
    )]
    NotSmaller {
        /// The tensor.
        tensor: String,
        /// The bytes of its values.
        dense: usize,
        /// The bytes of the trits and scales.
        ternary: usize,
    },
    /// The model has nothing to ternarize.
    #[error("there is no tensor of two axes or more with F16, BF16, F32 or F64 values")]
    NoMatrix,
    /// Values and shape of a tensor do not fit together.
    #[error("values and shape do not fit together")]
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
