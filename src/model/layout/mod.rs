//! From what a container stores to tensors, and back: a ternary tensor may be stored as several tensors.
//!
//! ```text
//! recognize   the tensors of a header    ->  TensorInfo, and for each the stored tensors that are its parts
//! decode      the bytes of the parts     ->  Tensor
//! encode      Tensor, as its TensorInfo says  ->  the bytes of the parts
//! ```
//!
//! | encoding | recognized by | parts |
//! |---|---|---|
//! | planes | the directory in the metadata | `X.trits`, `X.lambda_p`, `X.lambda_n`, `X.bias` |
//! | blocks | the type of a GGUF tensor | `X` |
//! | Hugging Face | `quantization_config` in config.json | `X`, `X_scale` |
//! | MLX | `quantization` in config.json | `X.weight`, `X.scales`, `X.biases` |

mod blocks;
pub(super) mod config;
mod huggingface;
mod mlx;
mod planes;

use alloc::borrow::Cow;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;

use config::Config;
pub(super) use planes::{KEY, directory};

use super::container::{Contents, Stored, number_type};
use super::info::TensorInfo;
use super::{DenseTensor, Encoding, Metadata, ModelError, Tensor};
use crate::tensor::{Floats, TernaryTensor};

/// A tensor and the stored tensors that it is made of.
#[derive(Clone, Debug)]
pub(super) struct Recognized {
    pub(super) info: TensorInfo,
    pub(super) parts: Vec<Stored>,
    /// If it is described by the directory.
    entry: Option<planes::TensorEntry>,
}

/// Stored tensors by name, from which those that are parts are taken.
pub(super) type StoredByName = BTreeMap<String, Stored>;

/// The tensors that the header of a file describes, in the order of their data, and its metadata without the directory.
pub(super) fn recognize(
    contents: Contents,
    config: &Config,
) -> Result<(Vec<Recognized>, Metadata), ModelError> {
    let (mut metadata, mut directories) = (contents.metadata, contents.directories);
    let named = contents.tensors.into_iter().map(|t| (t.name.clone(), t));
    let mut stored: StoredByName = named.collect();
    // First what is made of several tensors; what is left stands for itself.
    directories.extend(metadata.take_text(KEY));
    let mut found = Vec::new();
    for directory in directories {
        found.extend(planes::recognize(&directory, &mut stored)?);
    }
    found.extend(config.recognize(&mut stored));
    found.extend(stored.into_values().map(alone));
    let mut names = BTreeSet::new();
    if let Some(twice) = found.iter().find(|t| !names.insert(t.info.name())) {
        let name = twice.info.name().into();
        return Err(ModelError::NameTaken { name });
    }
    found.sort_by_cached_key(|tensor| {
        let first = tensor.parts.first();
        first.map(|part| (part.file, part.start, part.len, part.name.clone()))
    });
    Ok((found, metadata))
}

/// A stored tensor that is no part of another one.
fn alone(stored: Stored) -> Recognized {
    let blocks = number_type::ternary(&stored.dtype).map(Encoding::Blocks);
    let encoding = blocks.unwrap_or_else(|| Encoding::Dense(stored.dtype.clone()));
    Recognized {
        info: TensorInfo::of_bytes(&stored.name, &stored.shape, encoding, stored.len),
        parts: [stored].into(),
        entry: None,
    }
}

/// The names of stored tensors that end like this.
fn names_ending(stored: &StoredByName, ending: &str) -> Vec<String> {
    let names = stored.keys().filter(|name| name.ends_with(ending));
    names.cloned().collect()
}

/// A tensor of these parts. Its size is the sum of theirs.
fn of_parts(name: &str, shape: &[usize], encoding: Encoding, parts: Vec<Stored>) -> Recognized {
    let bytes = parts.iter().map(|p| p.len).fold(0, u64::saturating_add);
    Recognized {
        info: TensorInfo::of_bytes(name, shape, encoding, bytes),
        parts,
        entry: None,
    }
}

/// A tensor from the bytes of its parts, which are in the order of [`Recognized::parts`].
pub(super) fn decode(tensor: &Recognized, bytes: Vec<Vec<u8>>) -> Result<Tensor, ModelError> {
    let name = tensor.info.name();
    let parts = tensor.parts.iter().zip(bytes);
    let mut parts = parts.map(|(part, bytes)| DenseTensor {
        dtype: part.dtype.clone(),
        shape: part.shape.clone(),
        bytes,
    });
    let ternary = match tensor.info.encoding() {
        Encoding::Planes { .. } => {
            let named = tensor.parts.iter().map(|part| part.name.clone());
            let mut parts = named.zip(parts).collect();
            let Some(entry) = &tensor.entry else {
                return Err(ModelError::bad_part(name, "description", &"missing"));
            };
            planes::put_together(name, entry, &mut parts)?
        }
        encoding => {
            let Some(first) = parts.next() else {
                return Err(ModelError::bad_part(name, "tensor", &"missing"));
            };
            let others: Vec<_> = parts.collect();
            match (encoding, &others[..]) {
                (Encoding::Blocks(format), []) => blocks::decode(&tensor.info, *format, &first)?,
                (Encoding::HuggingFace { divided, .. }, [scale]) => {
                    huggingface::decode(&tensor.info, *divided, &first, scale)?
                }
                (Encoding::Mlx { group, .. }, [scales, biases]) => {
                    mlx::decode(&tensor.info, *group, &first, scales, biases)?
                }
                _ => return Ok(Tensor::Dense(first)),
            }
        }
    };
    Ok(Tensor::Ternary(ternary))
}

/// The bytes of the parts of a tensor that is to be stored as described.
pub(super) fn encode<'a>(
    info: &TensorInfo,
    tensor: &'a Tensor,
) -> Result<Vec<Cow<'a, [u8]>>, ModelError> {
    let shape = match tensor {
        Tensor::Dense(dense) => dense.shape(),
        Tensor::Ternary(ternary) => ternary.shape().axes(),
    };
    if shape != info.shape() {
        return Err(info.unfit(&alloc::format!("its shape is {shape:?}")));
    }
    let ternary = match (info.encoding(), tensor) {
        (Encoding::Dense(dtype), Tensor::Dense(dense)) if dense.dtype() == dtype => {
            return Ok([Cow::Borrowed(&dense.bytes[..])].into());
        }
        (Encoding::Dense(_), _) | (_, Tensor::Dense(_)) => {
            return Err(info.unfit(&"it is of another type"));
        }
        (_, Tensor::Ternary(ternary)) => ternary,
    };
    let parts = match *info.encoding() {
        Encoding::Blocks(format) => blocks::encode(info, format, ternary),
        Encoding::HuggingFace {
            scale_type,
            divided: false,
        } => huggingface::encode(info, scale_type, ternary),
        Encoding::HuggingFace { divided: true, .. } => {
            Err(info.unfit(&"scales are written to be multiplied by, not divided"))
        }
        Encoding::Mlx { group, scale_type } => mlx::encode(info, group, scale_type, ternary),
        _ if *info.encoding() == *TensorInfo::of_ternary(info.name(), ternary)?.encoding() => {
            Ok(planes::encode(ternary))
        }
        _ => Err(info.unfit(&"it is of another kind")),
    };
    Ok(parts?.into_iter().map(Cow::Owned).collect())
}

/// The bias of a tensor, if there is one, and its name.
pub(super) fn bias(name: &str, ternary: &TernaryTensor) -> Option<(String, DenseTensor)> {
    let bias = ternary.bias();
    let dense = || DenseTensor::of(&[bias.len()], Floats::copy_of(bias).to_le_bytes());
    (!bias.is_empty()).then(|| (planes::part_name(name, planes::BIAS), dense()))
}
