//! How ternary tensors lie in a file: their parts and the directory that describes them. See the [module](super) for both.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::container::Parts;
use super::{AnyTernary, DenseTensor, Element, ModelError, Tensor, names};
use crate::tensor::{Grouping, Shape, TernaryTensor};
use crate::{Code, PackedTritsBuf, Rule};

/// The metadata key of the directory.
pub(super) const KEY: &str = "ternarize";

/// The version of the layout that is written, and the only one that is read.
const VERSION: u64 = 1;

const TRITS: &str = "trits";
const LAMBDA_P: &str = "lambda_p";
const LAMBDA_N: &str = "lambda_n";

/// What is read first, for a later version may look different.
#[derive(Deserialize)]
struct Version {
    version: u64,
}

#[derive(Serialize, Deserialize)]
struct Directory {
    version: u64,
    tensors: BTreeMap<String, Entry>,
}

#[derive(Serialize, Deserialize)]
struct Entry {
    shape: Vec<usize>,
    dtype: String,
    grouping: String,
    code: String,
    rule: String,
}

fn part_name(tensor: &str, part: &str) -> String {
    alloc::format!("{tensor}.{part}")
}

/// The directory, if any tensor is ternary, and all tensors as the file stores them.
pub(super) fn take_apart(
    tensors: &BTreeMap<String, Tensor>,
) -> Result<(Option<String>, Parts), ModelError> {
    let mut parts = Parts::new();
    let mut directory = Directory {
        version: VERSION,
        tensors: BTreeMap::new(),
    };
    let mut put = |name: String, part: DenseTensor| match parts.insert(name.clone(), part) {
        Some(_) => Err(ModelError::NameTaken { name }),
        None => Ok(()),
    };
    for (name, tensor) in tensors {
        let ternary = match tensor {
            Tensor::Dense(dense) => {
                put(name.clone(), dense.clone())?;
                continue;
            }
            Tensor::Ternary(ternary) => ternary,
        };
        let (lambda_p, lambda_n) = ternary.scale_tensors();
        put(part_name(name, TRITS), codes(ternary))?;
        put(part_name(name, LAMBDA_P), lambda_p)?;
        let second = part_name(name, LAMBDA_N);
        match lambda_n {
            Some(lambda_n) => put(second, lambda_n)?,
            // When read again, it would pass for the second scales.
            None if matches!(tensors.get(&second), Some(Tensor::Dense(_))) => {
                return Err(ModelError::NameTaken { name: second });
            }
            None => {}
        }
        directory.tensors.insert(name.clone(), describe(ternary));
    }
    if directory.tensors.is_empty() {
        return Ok((None, parts));
    }
    let directory = serde_json::to_string(&directory).map_err(|error| ModelError::Directory {
        reason: error.to_string(),
    })?;
    Ok((Some(directory), parts))
}

/// The packed trits as a tensor of bytes.
fn codes(ternary: &AnyTernary) -> DenseTensor {
    let bytes = ternary.trits().as_bytes().to_vec();
    DenseTensor {
        dtype: safetensors::Dtype::U8,
        dtype_name: "U8".to_string(),
        shape: alloc::vec![bytes.len()],
        bytes,
    }
}

fn describe(ternary: &AnyTernary) -> Entry {
    Entry {
        shape: ternary.shape().axes().to_vec(),
        dtype: ternary.dtype().to_string(),
        grouping: ternary.grouping().to_string(),
        code: ternary.trits().code().name().to_string(),
        rule: ternary.rule().name().to_string(),
    }
}

/// The tensors of a file whose directory, if it has one, is this.
pub(super) fn assemble(
    directory: Option<&str>,
    mut parts: Parts,
) -> Result<BTreeMap<String, Tensor>, ModelError> {
    let mut tensors = BTreeMap::new();
    for (name, entry) in directory
        .map(read_directory)
        .transpose()?
        .unwrap_or_default()
    {
        let ternary = match entry.dtype.as_str() {
            "F16" => put_together::<half::f16>(&name, &entry, &mut parts),
            "BF16" => put_together::<half::bf16>(&name, &entry, &mut parts),
            "F32" => put_together::<f32>(&name, &entry, &mut parts),
            "F64" => put_together::<f64>(&name, &entry, &mut parts),
            other => Err(ModelError::not_float(&name, other)),
        }?;
        tensors.insert(name, Tensor::Ternary(ternary));
    }
    for (name, dense) in parts {
        if tensors.insert(name.clone(), Tensor::Dense(dense)).is_some() {
            return Err(ModelError::NameTaken { name });
        }
    }
    Ok(tensors)
}

fn read_directory(text: &str) -> Result<BTreeMap<String, Entry>, ModelError> {
    let unreadable = |error: serde_json::Error| ModelError::Directory {
        reason: error.to_string(),
    };
    let Version { version } = serde_json::from_str(text).map_err(unreadable)?;
    if version != VERSION {
        return Err(ModelError::UnknownVersion { found: version });
    }
    let directory: Directory = serde_json::from_str(text).map_err(unreadable)?;
    match names::duplicate(text, "tensors").map_err(unreadable)? {
        Some(name) => Err(ModelError::DuplicateName { name }),
        None => Ok(directory.tensors),
    }
}

/// Takes a ternary tensor's parts out of the file's tensors, and checks them against its description.
fn put_together<W: Element>(
    name: &str,
    entry: &Entry,
    parts: &mut Parts,
) -> Result<AnyTernary, ModelError>
where
    AnyTernary: From<TernaryTensor<W>>,
{
    let bad = |part, reason: &dyn ToString| ModelError::bad_part(name, part, reason);
    let shape = Shape::new(&entry.shape).map_err(|error| bad("shape", &error))?;
    let grouping: Grouping = entry
        .grouping
        .parse()
        .map_err(|error| bad("grouping", &error))?;
    let fits = grouping.resolve(&shape);
    fits.map_err(|error| bad("grouping", &error))?;
    let code = Code::from_name(&entry.code).ok_or_else(|| bad("code", &entry.code))?;
    let rule = Rule::from_name(&entry.rule).ok_or_else(|| bad("rule", &entry.rule))?;

    let codes = parts
        .remove(&part_name(name, TRITS))
        .ok_or_else(|| bad(TRITS, &"missing"))?;
    if codes.dtype() != "U8" {
        return Err(bad(TRITS, &"not U8"));
    }
    let trits = PackedTritsBuf::from_bytes(code, codes.bytes, shape.len())
        .map_err(|error| bad(TRITS, &error))?;
    let mut scales = |part| match parts.remove(&part_name(name, part)) {
        Some(dense) => {
            let values = dense
                .values::<W>()
                .ok_or_else(|| bad(part, &"not of the tensor's type"));
            values.map(Some)
        }
        None => Ok(None),
    };
    let lambda_p = scales(LAMBDA_P)?.ok_or_else(|| bad(LAMBDA_P, &"missing"))?;
    let lambda_n = scales(LAMBDA_N)?;
    let tensor = TernaryTensor::from_parts(shape, grouping, rule, trits, lambda_p, lambda_n)
        .map_err(|error| bad("set of scales", &error))?;
    Ok(tensor.into())
}
