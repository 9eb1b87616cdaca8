//! How ternary tensors are stored in a file: as plain tensors, and a directory in the metadata that describes them.
//!
//! ```text
//! write   for each ternary tensor X:
//!             store X.trits, X.lambda_p and, if it has them, X.lambda_n and X.bias
//!             add shape, grouping, code, type of the scales and rule to the directory
//! read    the version of the directory, then the directory
//!         for each tensor X in it:
//!             take its parts out of the tensors of the file, and check them against the directory
//!         what is left is dense
//! ```
//!
//! The [module](crate::model) shows the parts and the directory. A name that the layout needs for a part cannot be that of a dense tensor;
//! so a model that is written can be read again. Files of version 1 have one plane, no bias, and scales of the tensor's type; they are
//! read, and written again as version 2.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::{Recognized, StoredByName, of_parts};
use crate::model::container::duplicate;
use crate::model::error::printable;
use crate::model::info::{float_type, scale_dtype};
use crate::model::{DenseTensor, Encoding, ModelError, TensorInfo};
use crate::scale::{MAX_PLANES, ScaleBuf};
use crate::tensor::{Floats, Grouping, Shape, TernaryTensor};
use crate::{Code, PackedTritsBuf, Rule, ScaleType, Scales};

/// The metadata key of the directory.
pub(in crate::model) const KEY: &str = "ternarize";

/// The version of the layout that is written. All from 1 to this one are read.
const VERSION: u64 = 2;

const TRITS: &str = "trits";
const LAMBDA_P: &str = "lambda_p";
const LAMBDA_N: &str = "lambda_n";
pub(super) const BIAS: &str = "bias";

/// Read before the rest, because a later version may look different.
#[derive(Deserialize)]
struct LayoutVersion {
    version: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Directory {
    version: u64,
    tensors: BTreeMap<String, TensorEntry>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TensorEntry {
    shape: Vec<usize>,
    grouping: String,
    code: String,
    /// The name of the scale type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scales: Option<String>,
    /// Version 1: the type of the tensor and of its scales.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    dtype: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rule: Option<String>,
    /// Whether there is a bias.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    bias: bool,
    /// If the tensor is stored for inputs that were transformed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    transform: Option<Transform>,
}

/// A transform of the inputs.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
enum Transform {
    /// A rotation: see [`rotate`](crate::matmul::rotate).
    Hadamard { width: usize, seed: u64 },
}

pub(super) fn part_name(tensor: &str, part: &str) -> String {
    alloc::format!("{tensor}.{part}")
}

/// The directory of the tensors that are stored as planes, if there is one.
pub(in crate::model) fn directory(tensors: &[TensorInfo]) -> Result<Option<String>, ModelError> {
    let entry = |info: &TensorInfo| Some((info.name().to_string(), describe(info)?));
    let entries = tensors.iter().filter_map(entry);
    let directory = Directory {
        version: VERSION,
        tensors: entries.collect(),
    };
    if directory.tensors.is_empty() {
        return Ok(None);
    }
    let text = serde_json::to_string(&directory).map_err(|error| unreadable(&error))?;
    Ok(Some(text))
}

/// The bytes of the parts of a tensor.
pub(super) fn encode(ternary: &TernaryTensor) -> Vec<Vec<u8>> {
    let planes = ternary.planes();
    let trits = planes.flat_map(|plane| plane.as_bytes().iter().copied());
    let mut parts = alloc::vec![trits.collect()];
    let [lambda_p, lambda_n] = ternary.stored_scales();
    parts.push(lambda_p.to_le_bytes());
    if ternary.scales() == Scales::Two {
        parts.push(lambda_n.to_le_bytes());
    }
    if !ternary.bias().is_empty() {
        parts.push(Floats::copy_of(ternary.bias()).to_le_bytes().1);
    }
    parts
}

fn describe(info: &TensorInfo) -> Option<TensorEntry> {
    let Encoding::Planes {
        grouping,
        code,
        scale_type,
        rule,
        bias,
        rotation,
        ..
    } = *info.encoding()
    else {
        return None;
    };
    Some(TensorEntry {
        shape: info.shape().to_vec(),
        grouping: grouping.to_string(),
        code: code.name().to_string(),
        scales: Some(scale_type.name().to_string()),
        dtype: None,
        rule: rule.map(|rule| rule.name().to_string()),
        transform: rotation.map(|(width, seed)| Transform::Hadamard { width, seed }),
        bias,
    })
}

/// The tensors that a directory describes, taken out of those that are stored.
pub(super) fn recognize(
    directory: &str,
    stored: &mut StoredByName,
) -> Result<Vec<Recognized>, ModelError> {
    let entries = read_directory(directory)?.into_iter();
    let found = entries.map(|(name, entry)| recognize_one(&name, entry, stored));
    found.collect()
}

fn recognize_one(
    name: &str,
    entry: TensorEntry,
    stored: &mut StoredByName,
) -> Result<Recognized, ModelError> {
    let words = words(name, &entry)?;
    let bias = entry.bias.then_some(BIAS);
    let suffixes = [TRITS, LAMBDA_P, LAMBDA_N].into_iter().chain(bias);
    let parts = suffixes.filter_map(|part| stored.remove(&part_name(name, part)));
    let parts: Vec<_> = parts.collect();
    // A part that is missing or does not fit is an error when the tensor is read.
    let second = part_name(name, LAMBDA_N);
    let two = parts.iter().any(|part| part.name == second);
    let planes = match parts.first().map(|part| &part.shape[..]) {
        Some(&[planes, _]) => planes,
        _ => 1,
    };
    let rotation = |&Transform::Hadamard { width, seed }: &Transform| (width, seed);
    let encoding = Encoding::Planes {
        grouping: words.grouping,
        code: words.code,
        planes,
        scale_type: words.scale_type,
        scales: if two { Scales::Two } else { Scales::One },
        rule: words.rule,
        bias: entry.bias,
        rotation: entry.transform.as_ref().map(rotation),
    };
    let found = of_parts(name, &entry.shape, encoding, parts);
    let entry = Some(entry);
    Ok(Recognized { entry, ..found })
}

fn unreadable(error: &serde_json::Error) -> ModelError {
    let reason = printable(&error.to_string());
    ModelError::Directory { reason }
}

fn read_directory(text: &str) -> Result<BTreeMap<String, TensorEntry>, ModelError> {
    let LayoutVersion { version } =
        serde_json::from_str(text).map_err(|error| unreadable(&error))?;
    if !(1..=VERSION).contains(&version) {
        return Err(ModelError::UnknownVersion { found: version });
    }
    let directory: Directory = serde_json::from_str(text).map_err(|error| unreadable(&error))?;
    for (name, entry) in &directory.tensors {
        // What tells the versions apart must be that of the version.
        let more = entry.scales.is_some() || entry.transform.is_some() || entry.bias;
        let first = entry.dtype.is_some() && !more;
        let second = entry.dtype.is_none() && entry.scales.is_some();
        if !(if version == 1 { first } else { second }) {
            let reason = "its entries are those of another version";
            return Err(ModelError::bad_part(name, "description", &reason));
        }
    }
    match duplicate(text, "tensors").map_err(|error| unreadable(&error))? {
        Some(name) => Err(ModelError::DuplicateName { name }),
        None => Ok(directory.tensors),
    }
}

/// What the words of a description stand for.
struct Words {
    scale_type: ScaleType,
    shape: Shape,
    grouping: Grouping,
    groups: usize,
    code: Code,
    rule: Option<Rule>,
}

/// Reads a description, word by word.
fn words(name: &str, entry: &TensorEntry) -> Result<Words, ModelError> {
    let bad = |part, reason: &dyn ToString| ModelError::bad_part(name, part, reason);
    let scale_type = scale_type(name, entry)?;
    let shape = Shape::new(&entry.shape).map_err(|error| bad("shape", &error))?;
    let grouping: Result<Grouping, _> = entry.grouping.parse();
    let grouping = grouping.map_err(|error| bad("grouping", &error))?;
    let groups = grouping.count(&shape);
    let groups = groups.map_err(|error| bad("grouping", &error))?;
    let rule = entry.rule.as_ref();
    let rule = rule.map(|rule| Rule::from_name(rule).ok_or_else(|| bad("rule", rule)));
    let code = Code::from_name(&entry.code).ok_or_else(|| bad("code", &entry.code))?;
    Ok(Words {
        scale_type,
        shape,
        grouping,
        groups,
        code,
        rule: rule.transpose()?,
    })
}

/// Removes the parts of a ternary tensor from those of the file, and checks them against its description.
pub(super) fn put_together(
    name: &str,
    entry: &TensorEntry,
    parts: &mut BTreeMap<String, DenseTensor>,
) -> Result<TernaryTensor, ModelError> {
    let bad = |part, reason: &dyn ToString| ModelError::bad_part(name, part, reason);
    let words = words(name, entry)?;

    // The trits of all planes, the scales of the one or two signs, and the bias.
    let mut part = |part| parts.remove(&part_name(name, part));
    let (codes, lambda_p, lambda_n) = (part(TRITS), part(LAMBDA_P), part(LAMBDA_N));
    let bias = entry.bias.then(|| part(BIAS));
    let planes = planes(name, entry, &words, codes)?;
    let axes = match entry.scales {
        Some(_) => alloc::vec![planes.len(), words.groups],
        None => alloc::vec![words.groups],
    };
    let scales = |part, dense: Option<DenseTensor>| {
        let scales = dense.map(|dense| {
            let kind = words.scale_type;
            let as_described = dense.dtype() == scale_dtype(kind) && dense.shape == axes;
            let scales = ScaleBuf::from_le_bytes(kind, &dense.bytes);
            let scales = scales.filter(|_| as_described);
            let reason = "not of the scale type and one for each plane and group";
            scales.ok_or_else(|| bad(part, &reason))
        });
        scales.transpose()
    };
    let lambda_p = scales(LAMBDA_P, lambda_p)?.ok_or_else(|| bad(LAMBDA_P, &"missing"))?;
    let lambda_n = scales(LAMBDA_N, lambda_n)?;
    let (shape, grouping) = (words.shape, words.grouping);
    let tensor = TernaryTensor::assemble(shape, grouping, planes, lambda_p, lambda_n);
    let tensor = tensor.map_err(|error| bad("set of scales", &error))?;
    let tensor = tensor.with_rule(words.rule);
    let tensor = match entry.transform {
        Some(Transform::Hadamard { width, seed }) => tensor.with_rotation(width, seed),
        None => Ok(tensor),
    };
    let tensor = tensor.map_err(|error| bad("transform", &error))?;
    let Some(bias) = bias else {
        return Ok(tensor);
    };
    let bias = bias.ok_or_else(|| bad(BIAS, &"missing"))?;
    let one_for_each_row = Some(&bias.shape[..]) == entry.shape.get(..1);
    let bias = bias.values().filter(|_| one_for_each_row);
    let bias = bias.ok_or_else(|| bad(BIAS, &"not F32 and one for each row"))?;
    tensor.with_bias(bias).map_err(|error| bad(BIAS, &error))
}

/// The type of the scales: in version 1 that of the tensor.
fn scale_type(name: &str, entry: &TensorEntry) -> Result<ScaleType, ModelError> {
    match (&entry.scales, &entry.dtype) {
        (Some(scales), _) => ScaleType::from_name(scales)
            .ok_or_else(|| ModelError::bad_part(name, "scale type", scales)),
        (None, Some(named)) => float_type(named).ok_or_else(|| ModelError::not_float(name, named)),
        (None, None) => Err(ModelError::bad_part(name, "scale type", &"missing")),
    }
}

/// The packed trits of each plane; in version 1 there was one, without an axis of planes.
fn planes(
    name: &str,
    entry: &TensorEntry,
    words: &Words,
    codes: Option<DenseTensor>,
) -> Result<Vec<PackedTritsBuf>, ModelError> {
    let bad = |part, reason: &dyn ToString| ModelError::bad_part(name, part, reason);
    let codes = codes.ok_or_else(|| bad(TRITS, &"missing"))?;
    if codes.dtype() != "U8" {
        return Err(bad(TRITS, &"not U8"));
    }
    let count = match codes.shape[..] {
        [planes, _] if entry.scales.is_some() => planes,
        [_] if entry.scales.is_none() => 1,
        _ => {
            let reason = "of another number of axes than this version has";
            return Err(bad(TRITS, &reason));
        }
    };
    if !(1..=MAX_PLANES).contains(&count) {
        return Err(bad(TRITS, &"not those of 1 to 4 planes"));
    }
    let len = codes.bytes.len() / count;
    let planes = (0..count).map(|plane| {
        let bytes = codes.bytes.get(plane * len..(plane + 1) * len);
        let bytes = bytes.unwrap_or_default().to_vec();
        PackedTritsBuf::from_bytes(words.code, bytes, words.shape.len())
    });
    let planes: Result<_, _> = planes.collect();
    planes.map_err(|error| bad(TRITS, &error))
}
