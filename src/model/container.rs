//! The safetensors container: named tensors and metadata to bytes and back.
//!
//! The crate `safetensors` reads and writes the header. This module differs from what that crate does alone in three ways:
//!
//! - A name that occurs twice in the header is an error. The crate takes the last one, and a tensor would be lost.
//! - Metadata are written in alphabetical order. The crate writes them in the order of a hash map, so the same model would give
//!   different bytes.
//! - The length of the file is compared with that of its tensors without an addition that could overflow.

use alloc::borrow::Cow;
use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use safetensors::tensor::{Dtype, Metadata as Header, View, serialize as serialize_tensors};

use super::{DenseTensor, ModelError, names};

/// The metadata of a file.
pub(super) type Metadata = BTreeMap<String, String>;

/// The tensors as a file stores them.
pub(super) type StoredTensors = BTreeMap<String, DenseTensor>;

/// The bytes before the header, which give its length.
const PREFIX: usize = 8;

/// The longest header that the format allows.
const MAX_HEADER: usize = 100_000_000;

/// The name of the metadata in the header.
const METADATA: &str = "__metadata__";

fn container(reason: &dyn ToString) -> ModelError {
    ModelError::Container {
        reason: reason.to_string(),
    }
}

/// The metadata and the tensors of a file.
pub(super) fn parse(bytes: &[u8]) -> Result<(Metadata, StoredTensors), ModelError> {
    // The header is JSON, in which no name occurs twice.
    let (header, data) = split(bytes).ok_or_else(|| container(&"the header is incomplete"))?;
    let header = core::str::from_utf8(header).map_err(|error| container(&error))?;
    let duplicate = names::duplicate(header, METADATA).map_err(|error| container(&error))?;
    if let Some(name) = duplicate {
        return Err(ModelError::DuplicateName { name });
    }
    // Reading the header checks that the tensors follow each other without gaps, from the first byte on.
    let header: Header = serde_json::from_str(header).map_err(|error| container(&error))?;
    if header.data_len() != data.len() {
        let reason = "the data are not as long as the header says";
        return Err(container(&reason));
    }
    // Copy each tensor's bytes.
    let metadata = header.metadata().clone().unwrap_or_default();
    let tensors = header.tensors().into_iter().map(|(name, info)| {
        let (start, end) = info.data_offsets;
        let tensor = DenseTensor {
            dtype: info.dtype,
            dtype_name: alloc::format!("{:?}", info.dtype),
            shape: info.shape.clone(),
            bytes: data.get(start..end).unwrap_or_default().to_vec(),
        };
        (name, tensor)
    });
    Ok((metadata.into_iter().collect(), tensors.collect()))
}

/// The header and the data of a file.
fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = bytes.split_first_chunk::<PREFIX>()?;
    let len = usize::try_from(u64::from_le_bytes(*len)).ok()?;
    rest.split_at_checked(len).filter(|_| len <= MAX_HEADER)
}

/// The bytes of a file with this content.
pub(super) fn serialize(
    metadata: &Metadata,
    tensors: StoredTensors,
) -> Result<Vec<u8>, ModelError> {
    if tensors.contains_key(METADATA) {
        let name = METADATA.to_string();
        return Err(ModelError::NameTaken { name });
    }
    let bytes = serialize_tensors(tensors, None).map_err(|error| container(&error))?;
    if metadata.is_empty() {
        return Ok(bytes);
    }
    with_metadata(&bytes, metadata).ok_or_else(|| container(&"the header would be too long"))
}

/// The file with metadata added at the start of its header.
fn with_metadata(bytes: &[u8], metadata: &Metadata) -> Option<Vec<u8>> {
    let (header, data) = split(bytes)?;
    let entries = header.trim_ascii_end().strip_prefix(b"{")?;
    let comma: &[u8] = if entries == b"}" { b"" } else { b"," };
    let metadata = serde_json::to_vec(metadata).ok()?;
    let mut header = [b"{\"__metadata__\":", &*metadata, comma, entries].concat();
    // Fill up with spaces, so that the data stay aligned.
    header.resize(header.len().next_multiple_of(PREFIX), b' ');
    if header.len() > MAX_HEADER {
        return None;
    }
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
