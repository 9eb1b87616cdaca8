//! How ternary tensors are stored in a file: as plain tensors, and a directory in the metadata that describes them.
//!
//! ```text
//! write   for each ternary tensor X:
//!             store X.trits, X.lambda_p and, if there are two scales, X.lambda_n
//!             add shape, dtype, grouping, code and rule to the directory
//! read    the version of the directory, then the directory
//!         for each tensor X in it:
//!             take its parts out of the tensors of the file, and check them against the directory
//!         what is left is dense
//! ```
//!
//! The [module](super) shows the parts and the directory. A name that the layout needs for a part cannot be that of a dense tensor;
//! so a model that is written can be read again.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::container::StoredTensors;
use super::dense::is_float;
use super::{DenseTensor, ModelError, Tensor, names};
use crate::tensor::{Floats, Grouping, Shape, TernaryTensor};
use crate::{Code, PackedTritsBuf, Rule, Scales};

/// The metadata key of the directory.
pub(super) const KEY: &str = "ternarize";

/// The version of the layout that is written, and the only one that is read.
const VERSION: u64 = 1;

const TRITS: &str = "trits";
const LAMBDA_P: &str = "lambda_p";
const LAMBDA_N: &str = "lambda_n";

/// Read before the rest, because a later version may look different.
#[derive(Deserialize)]
struct LayoutVersion {
    version: u64,
}

#[derive(Serialize, Deserialize)]
struct Directory {
    version: u64,
    tensors: BTreeMap<String, TensorEntry>,
}

#[derive(Serialize, Deserialize)]
struct TensorEntry {
    shape: Vec<usize>,
    dtype: String,
    grouping: String,
    code: String,
    rule: String,
}

fn part_name(tensor: &str, part: &str) -> String {
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
        // A ternary one is stored as packed trits and scales.
        let (lambda_p, lambda_n) = ternary.stored_scales();
        let scales = |values: &Floats| DenseTensor::of(&[values.len()], values);
        put(part_name(name, TRITS), codes(ternary))?;
        put(part_name(name, LAMBDA_P), scales(lambda_p))?;
        let second = part_name(name, LAMBDA_N);
        match ternary.scales() {
            Scales::Two => put(second, scales(lambda_n))?,
            // A dense tensor of this name would be read as the second scales.
            Scales::One if matches!(tensors.get(&second), Some(Tensor::Dense(_))) => {
                return Err(ModelError::NameTaken { name: second });
            }
            Scales::One => {}
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

/// The packed trits as a tensor of bytes.
fn codes(ternary: &TernaryTensor) -> DenseTensor {
    let bytes = ternary.trits().as_bytes().to_vec();
    DenseTensor {
        dtype: safetensors::Dtype::U8,
        dtype_name: "U8".to_string(),
        shape: alloc::vec![bytes.len()],
        bytes,
    }
}

fn describe(ternary: &TernaryTensor) -> TensorEntry {
    TensorEntry {
        shape: ternary.shape().axes().to_vec(),
        dtype: ternary.dtype().to_string(),
        grouping: ternary.grouping().to_string(),
        code: ternary.trits().code().name().to_string(),
        rule: ternary.rule().name().to_string(),
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
    if version != VERSION {
        return Err(ModelError::UnknownVersion { found: version });
    }
    let directory: Directory = serde_json::from_str(text).map_err(|error| unreadable(&error))?;
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
    if !is_float(&entry.dtype) {
        return Err(ModelError::not_float(name, &entry.dtype));
    }
    let shape = Shape::new(&entry.shape).map_err(|error| bad("shape", &error))?;
    let grouping: Result<Grouping, _> = entry.grouping.parse();
    let grouping = grouping.map_err(|error| bad("grouping", &error))?;
    let groups = grouping.count(&shape);
    groups.map_err(|error| bad("grouping", &error))?;
    let code = Code::from_name(&entry.code).ok_or_else(|| bad("code", &entry.code))?;
    let rule = Rule::from_name(&entry.rule).ok_or_else(|| bad("rule", &entry.rule))?;

    // The packed trits.
    let codes = parts.remove(&part_name(name, TRITS));
    let codes = codes.ok_or_else(|| bad(TRITS, &"missing"))?;
    if codes.dtype() != "U8" {
        return Err(bad(TRITS, &"not U8"));
    }
    let trits = PackedTritsBuf::from_bytes(code, codes.bytes, shape.len());
    let trits = trits.map_err(|error| bad(TRITS, &error))?;

    // The scales of the one or two signs.
    let mut scales = |part| {
        let dense = parts.remove(&part_name(name, part));
        let floats = dense.map(|dense| {
            let own_type = dense.dtype() == entry.dtype;
            let floats = dense.floats().filter(|_| own_type);
            floats.ok_or_else(|| bad(part, &"not of the tensor's type"))
        });
        floats.transpose()
    };
    let lambda_p = scales(LAMBDA_P)?.ok_or_else(|| bad(LAMBDA_P, &"missing"))?;
    let lambda_n = scales(LAMBDA_N)?;
    TernaryTensor::from_floats(shape, grouping, rule, trits, lambda_p, lambda_n)
        .map_err(|error| bad("set of scales", &error))
}
