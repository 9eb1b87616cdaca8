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
//! The [module](super) shows the parts and the directory. A name that the layout needs for a part cannot be that of a dense tensor;
//! so a model that is written can be read again. Files of version 1 have one plane, no bias, and scales of the tensor's type; they are
//! read, and written again as version 2.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use safetensors::Dtype;
use serde::{Deserialize, Serialize};

use super::container::StoredTensors;
use super::{DenseTensor, ModelError, Tensor, names};
use crate::scale::{MAX_PLANES, ScaleBuf};
use crate::tensor::{Floats, Grouping, Shape, TernaryTensor};
use crate::{Code, PackedTritsBuf, Rule, ScaleSlice, ScaleType, Scales};

/// The metadata key of the directory.
pub(super) const KEY: &str = "ternarize";

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

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Directory {
    version: u64,
    tensors: BTreeMap<String, TensorEntry>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TensorEntry {
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
    #[serde(default, skip_serializing_if = "is_false")]
    bias: bool,
    /// If the tensor is stored for inputs that were transformed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    transform: Option<Transform>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde calls it with a reference"
)]
const fn is_false(value: &bool) -> bool {
    !*value
}

/// A transform of the inputs.
#[derive(Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
enum Transform {
    /// A rotation: see [`rotate`](crate::matmul::rotate).
    Hadamard { width: usize, seed: u64 },
}

pub(super) fn part_name(tensor: &str, part: &str) -> String {
    alloc::format!("{tensor}.{part}")
}

/// The directory, if any tensor is ternary, and all tensors as a file stores them.
pub(super) fn take_apart(
    tensors: &BTreeMap<String, Tensor>,
) -> Result<(Option<String>, StoredTensors), ModelError> {
    let mut parts = StoredTensors::new();
    let mut directory = Directory {
        version: VERSION,
        tensors: BTreeMap::new(),
    };
    let mut put = |name: String, part: DenseTensor| match parts.insert(name.clone(), part) {
        Some(_) => Err(ModelError::NameTaken { name }),
        None => Ok(()),
    };
    for (name, tensor) in tensors {
        // A dense tensor is stored as it is.
        let ternary = match tensor {
            Tensor::Dense(dense) => {
                put(name.clone(), dense.clone())?;
                continue;
            }
            Tensor::Ternary(ternary) => ternary,
        };
        // A ternary one is stored as its parts.
        let [lambda_p, lambda_n] = ternary.stored_scales();
        put(part_name(name, TRITS), codes(ternary))?;
        put(part_name(name, LAMBDA_P), scales(ternary, lambda_p))?;
        let two = (ternary.scales() == Scales::Two).then(|| scales(ternary, lambda_n));
        let second = part_name(name, LAMBDA_N);
        match two {
            Some(two) => put(second, two)?,
            // A dense tensor of this name would be read as the second scales.
            None if matches!(tensors.get(&second), Some(Tensor::Dense(_))) => {
                return Err(ModelError::NameTaken { name: second });
            }
            None => {}
        }
        if let Some(bias) = bias(ternary) {
            put(part_name(name, BIAS), bias)?;
        }
        directory.tensors.insert(name.clone(), describe(ternary));
    }
    // A file without ternary tensors is a plain one.
    if directory.tensors.is_empty() {
        return Ok((None, parts));
    }
    let directory = serde_json::to_string(&directory).map_err(|error| unreadable(&error))?;
    Ok((Some(directory), parts))
}

/// The packed trits of all planes.
fn codes(ternary: &TernaryTensor) -> DenseTensor {
    let bytes: Vec<u8> = ternary
        .planes()
        .flat_map(|plane| plane.as_bytes().iter().copied())
        .collect();
    let planes = ternary.planes().len();
    DenseTensor {
        dtype: Dtype::U8,
        dtype_name: "U8".to_string(),
        shape: alloc::vec![planes, bytes.len() / planes],
        bytes,
    }
}

/// The scales of all planes and groups.
fn scales(ternary: &TernaryTensor, scales: ScaleSlice<'_>) -> DenseTensor {
    let (dtype, name) = dtype(scales.scale_type());
    let planes = ternary.planes().len();
    DenseTensor {
        dtype,
        dtype_name: name.to_string(),
        shape: alloc::vec![planes, scales.len() / planes],
        bytes: scales.to_le_bytes(),
    }
}

/// The bias, if there is one.
pub(super) fn bias(ternary: &TernaryTensor) -> Option<DenseTensor> {
    let bias = ternary.bias();
    (!bias.is_empty()).then(|| DenseTensor::of(&[bias.len()], &Floats::copy_of(bias)))
}

/// The type of a safetensors file that holds scales of a type, and its name. Exponents of powers of two are whole numbers.
const fn dtype(scale_type: ScaleType) -> (Dtype, &'static str) {
    match scale_type {
        ScaleType::F64 => (Dtype::F64, "F64"),
        ScaleType::F32 => (Dtype::F32, "F32"),
        ScaleType::F16 => (Dtype::F16, "F16"),
        ScaleType::Bf16 => (Dtype::BF16, "BF16"),
        ScaleType::PowerOfTwo => (Dtype::I8, "I8"),
    }
}

fn describe(ternary: &TernaryTensor) -> TensorEntry {
    TensorEntry {
        shape: ternary.shape().axes().to_vec(),
        grouping: ternary.grouping().to_string(),
        code: ternary.trits().code().name().to_string(),
        scales: Some(ternary.scale_type().name().to_string()),
        dtype: None,
        rule: ternary.rule().map(|rule| rule.name().to_string()),
        transform: ternary
            .rotation()
            .map(|(width, seed)| Transform::Hadamard { width, seed }),
        bias: !ternary.bias().is_empty(),
    }
}

/// All tensors of a file, from those that it stores and its directory, if it has one.
pub(super) fn assemble(
    directory: Option<&str>,
    mut parts: StoredTensors,
) -> Result<BTreeMap<String, Tensor>, ModelError> {
    let mut tensors = BTreeMap::new();
    let directory = directory.map(read_directory).transpose()?;
    for (name, entry) in directory.unwrap_or_default() {
        let ternary = put_together(&name, &entry, &mut parts)?;
        tensors.insert(name, Tensor::Ternary(ternary));
    }
    // What is left is dense.
    for (name, dense) in parts {
        if tensors.insert(name.clone(), Tensor::Dense(dense)).is_some() {
            return Err(ModelError::NameTaken { name });
        }
    }
    Ok(tensors)
}

fn unreadable(error: &serde_json::Error) -> ModelError {
    let reason = error.to_string();
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
    match names::duplicate(text, "tensors").map_err(|error| unreadable(&error))? {
        Some(name) => Err(ModelError::DuplicateName { name }),
        None => Ok(directory.tensors),
    }
}

/// Removes the parts of a ternary tensor from those of the file, and checks them against its description.
fn put_together(
    name: &str,
    entry: &TensorEntry,
    parts: &mut StoredTensors,
) -> Result<TernaryTensor, ModelError> {
    let bad = |part, reason: &dyn ToString| ModelError::bad_part(name, part, reason);
    // The description, word by word.
    let scale_type = scale_type(name, entry)?;
    let shape = Shape::new(&entry.shape).map_err(|error| bad("shape", &error))?;
    let grouping: Result<Grouping, _> = entry.grouping.parse();
    let grouping = grouping.map_err(|error| bad("grouping", &error))?;
    let groups = grouping.count(&shape);
    let groups = groups.map_err(|error| bad("grouping", &error))?;
    let rule = entry.rule.as_ref();
    let rule = rule.map(|rule| Rule::from_name(rule).ok_or_else(|| bad("rule", rule)));

    // The trits of all planes, the scales of the one or two signs, and the bias.
    let mut part = |part| parts.remove(&part_name(name, part));
    let (codes, lambda_p, lambda_n) = (part(TRITS), part(LAMBDA_P), part(LAMBDA_N));
    let bias = entry.bias.then(|| part(BIAS));
    let planes = planes(name, entry, &shape, codes)?;
    let axes = match entry.scales {
        Some(_) => alloc::vec![planes.len(), groups],
        None => alloc::vec![groups],
    };
    let scales = |part, dense: Option<DenseTensor>| {
        let scales = dense.map(|dense| {
            let as_described = dense.dtype() == dtype(scale_type).1 && dense.shape == axes;
            let scales = ScaleBuf::from_le_bytes(scale_type, &dense.bytes);
            let scales = scales.filter(|_| as_described);
            scales.ok_or_else(|| {
                bad(
                    part,
                    &"not of the scale type and one for each plane and group",
                )
            })
        });
        scales.transpose()
    };
    let lambda_p = scales(LAMBDA_P, lambda_p)?.ok_or_else(|| bad(LAMBDA_P, &"missing"))?;
    let lambda_n = scales(LAMBDA_N, lambda_n)?;
    let tensor = TernaryTensor::assemble(shape, grouping, planes, lambda_p, lambda_n)
        .map_err(|error| bad("set of scales", &error))?
        .with_rule(rule.transpose()?);
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
        (None, Some(named)) => {
            let types = ScaleType::ALL.into_iter();
            let mut floats = types.filter(|scale_type| *scale_type != ScaleType::PowerOfTwo);
            let found = floats.find(|scale_type| dtype(*scale_type).1 == named);
            found.ok_or_else(|| ModelError::not_float(name, named))
        }
        (None, None) => Err(ModelError::bad_part(name, "scale type", &"missing")),
    }
}

/// The packed trits of each plane; in version 1 there was one, without an axis of planes.
fn planes(
    name: &str,
    entry: &TensorEntry,
    shape: &Shape,
    codes: Option<DenseTensor>,
) -> Result<Vec<PackedTritsBuf>, ModelError> {
    let bad = |part, reason: &dyn ToString| ModelError::bad_part(name, part, reason);
    let code = Code::from_name(&entry.code).ok_or_else(|| bad("code", &entry.code))?;
    let codes = codes.ok_or_else(|| bad(TRITS, &"missing"))?;
    if codes.dtype() != "U8" {
        return Err(bad(TRITS, &"not U8"));
    }
    let count = match codes.shape[..] {
        [planes, _] if entry.scales.is_some() => planes,
        [_] if entry.scales.is_none() => 1,
        _ => {
            return Err(bad(
                TRITS,
                &"of another number of axes than this version has",
            ));
        }
    };
    if !(1..=MAX_PLANES).contains(&count) {
        return Err(bad(TRITS, &"not those of 1 to 4 planes"));
    }
    let len = codes.bytes.len() / count;
    let planes = (0..count).map(|plane| {
        let bytes = codes.bytes.get(plane * len..(plane + 1) * len);
        PackedTritsBuf::from_bytes(code, bytes.unwrap_or_default().to_vec(), shape.len())
    });
    let planes: Result<_, _> = planes.collect();
    planes.map_err(|error| bad(TRITS, &error))
}
