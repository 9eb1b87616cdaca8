//! The safetensors container: named tensors and metadata to bytes and back, through the format's own library.
//!
//! Two things are added to what the library does. Names that occur twice in the header are refused (the library lets the
//! last win, so a tensor would be lost). And the metadata are written in alphabetical order (the library writes them in the
//! order of a hash map, so the same model would give different bytes).

use alloc::borrow::Cow;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use safetensors::tensor::{Dtype, SafeTensors, View, serialize as serialize_tensors};
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};

use super::{DenseTensor, ModelError};

/// What a file says about itself.
pub(super) type Metadata = BTreeMap<String, String>;

/// The tensors of a file, as they lie there.
pub(super) type Parts = BTreeMap<String, DenseTensor>;

/// Bytes before the header: its length.
const PREFIX: usize = 8;

fn container(reason: &dyn ToString) -> ModelError {
    ModelError::Container {
        reason: reason.to_string(),
    }
}

/// The metadata and the tensors of a file.
pub(super) fn parse(bytes: &[u8]) -> Result<(Metadata, Parts), ModelError> {
    let (header_len, header) =
        SafeTensors::read_metadata(bytes).map_err(|error| container(&error))?;
    let text = bytes.get(PREFIX..PREFIX + header_len).unwrap_or_default();
    refuse_duplicates(text)?;
    let metadata = header
        .metadata()
        .clone()
        .unwrap_or_default()
        .into_iter()
        .collect();
    let file = SafeTensors::deserialize(bytes).map_err(|error| container(&error))?;
    let tensors = file.iter().map(|(name, view)| {
        let tensor = DenseTensor {
            dtype: view.dtype(),
            dtype_name: alloc::format!("{:?}", view.dtype()),
            shape: view.shape().to_vec(),
            bytes: view.data().to_vec(),
        };
        (name.to_string(), tensor)
    });
    Ok((metadata, tensors.collect()))
}

/// The bytes of a file with this content.
pub(super) fn serialize(metadata: &Metadata, tensors: Parts) -> Result<Vec<u8>, ModelError> {
    let bytes = serialize_tensors(tensors, None).map_err(|error| container(&error))?;
    if metadata.is_empty() {
        return Ok(bytes);
    }
    with_metadata(&bytes, metadata).ok_or_else(|| container(&"the header is not an object"))
}

/// The file with metadata put at the head of its header.
fn with_metadata(bytes: &[u8], metadata: &Metadata) -> Option<Vec<u8>> {
    let (len, rest) = bytes.split_first_chunk::<PREFIX>()?;
    let (header, data) = rest.split_at_checked(usize::try_from(u64::from_le_bytes(*len)).ok()?)?;
    let entries = header.trim_ascii_end().strip_prefix(b"{")?;
    let comma: &[u8] = if entries == b"}" { b"" } else { b"," };
    let metadata = serde_json::to_vec(metadata).ok()?;
    let mut header = [b"{\"__metadata__\":", &*metadata, comma, entries].concat();
    // Spaces, so that the data stay aligned.
    header.resize(header.len().next_multiple_of(PREFIX), b' ');
    let len = u64::try_from(header.len()).ok()?.to_le_bytes();
    Some([&len, &*header, data].concat())
}

impl View for DenseTensor {
    fn dtype(&self) -> Dtype {
        self.dtype
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.bytes)
    }

    fn data_len(&self) -> usize {
        self.bytes.len()
    }
}

/// Refuses a header that names a tensor twice, or a metadata key.
fn refuse_duplicates(header: &[u8]) -> Result<(), ModelError> {
    let mut duplicate = None;
    let mut json = serde_json::Deserializer::from_slice(header);
    json.deserialize_map(Keys {
        duplicate: &mut duplicate,
        depth: 0,
    })
    .map_err(|error| container(&error))?;
    match duplicate {
        Some(name) => Err(ModelError::DuplicateName { name }),
        None => Ok(()),
    }
}

/// Reads the keys of an object, and of `__metadata__` in it.
struct Keys<'a> {
    duplicate: &'a mut Option<String>,
    depth: usize,
}

impl<'de> Visitor<'de> for Keys<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut seen = BTreeSet::new();
        while let Some(key) = map.next_key::<String>()? {
            if self.depth == 0 && key == "__metadata__" {
                map.next_value_seed(Keys {
                    duplicate: self.duplicate,
                    depth: 1,
                })?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
            if !seen.insert(key.clone()) {
                *self.duplicate = Some(key);
            }
        }
        Ok(())
    }
}

impl<'de> serde::de::DeserializeSeed<'de> for Keys<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}
