//! [`ModelError`]: everything that can be wrong with a model file.

use alloc::string::{String, ToString};
use std::path::{Path, PathBuf};

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
    /// An output that is not a file of this library cannot be written.
    #[error("cannot write")]
    Output(#[source] std::io::Error),
    /// The bytes are not a complete file of the kind that they begin like.
    #[error("not a {container} file: {reason}")]
    Container {
        /// `safetensors`, `GGUF`, `safetensors index` or `config.json`.
        container: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The model is too much for a safetensors file.
    #[error("cannot be a safetensors file: {reason}")]
    Unwritable {
        /// The message of the safetensors writer.
        reason: String,
    },
    /// An encoding or a container cannot hold a tensor.
    #[error("the tensor `{}` cannot be stored as {encoding}: {reason}", tensor.escape_debug())]
    Unfit {
        /// The tensor.
        tensor: String,
        /// The encoding or the container.
        encoding: String,
        /// The reason, and what would fit.
        reason: String,
    },
    /// The header names a tensor twice, or the metadata a key.
    #[error("the name `{}` occurs twice in the header", name.escape_debug())]
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
    #[error("the ternary tensor `{}` has a bad {part}: {reason}", tensor.escape_debug())]
    BadPart {
        /// The tensor.
        tensor: String,
        /// The part of it.
        part: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// Two tensors would have the same name.
    #[error("the name `{}` is needed for a part of a ternary tensor, but is taken", name.escape_debug())]
    NameTaken {
        /// The name.
        name: String,
    },
    /// There is no such tensor.
    #[error("there is no tensor `{}`", tensor.escape_debug())]
    NoSuchTensor {
        /// The name asked for.
        tensor: String,
    },
    /// The values of the tensor are not F16, BF16, F32 or F64.
    #[error("the tensor `{}` is {}, not F16, BF16, F32 or F64", tensor.escape_debug(), dtype.escape_debug())]
    NotFloat {
        /// The tensor.
        tensor: String,
        /// Its type.
        dtype: String,
    },
    /// The tensor cannot be ternarized.
    #[error("the tensor `{}` cannot be ternarized", tensor.escape_debug())]
    Tensor {
        /// The tensor.
        tensor: String,
        /// The reason.
        source: Error,
    },
    /// The ternary tensor would not take fewer bytes than the dense one.
    #[error(
        "the tensor `{}` would take {ternary} bytes as trits and scales, and takes {dense}",
        tensor.escape_debug()
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
    pub(super) fn read(path: &Path, source: std::io::Error) -> Self {
        let path = path.into();
        Self::Read { path, source }
    }

    pub(super) fn no_such(tensor: &str) -> Self {
        let tensor = tensor.to_string();
        Self::NoSuchTensor { tensor }
    }

    pub(super) fn not_float(tensor: &str, dtype: &str) -> Self {
        Self::NotFloat {
            tensor: tensor.to_string(),
            dtype: dtype.to_string(),
        }
    }

    pub(super) fn unfit(tensor: &str, encoding: &str, reason: &dyn ToString) -> Self {
        Self::Unfit {
            tensor: tensor.to_string(),
            encoding: printable(encoding),
            reason: printable(&reason.to_string()),
        }
    }

    pub(super) fn bad_part(tensor: &str, part: &'static str, reason: &dyn ToString) -> Self {
        Self::BadPart {
            tensor: tensor.to_string(),
            part,
            reason: printable(&reason.to_string()),
        }
    }
}

/// A text that may hold words of a file, with escapes for what a terminal would not print.
pub(super) fn printable(text: &str) -> String {
    let mut printed = String::new();
    for c in text.chars() {
        match c {
            '"' | '\'' | '\\' => printed.push(c),
            _ => printed.extend(c.escape_debug()),
        }
    }
    printed
}
