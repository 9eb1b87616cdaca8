//! The safetensors container: named tensors and metadata to bytes and back.
//!
//! The crate `safetensors` reads and writes the header. This module differs from what that crate does alone in four ways:
//!
//! - A name that occurs twice in the header is an error. The crate takes the last one, and a tensor would be lost.
//! - Metadata are written in alphabetical order. The crate writes them in the order of a hash map, so the same model would give
//!   different bytes.
//! - Of tensors that overlap the one that begins or ends later is named, or else the later name. The crate names another one each time.
//! - The length of the file is compared with that of its tensors without an addition that could overflow.

use alloc::borrow::Cow;
use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use safetensors::tensor::{
    Dtype, Metadata as Header, TensorInfo, View, serialize as serialize_tensors,
};
use serde::Deserialize;

use super::{DenseTensor, ModelError, names};

/// The metadata of a file.
pub(super) type Metadata = BTreeMap<String, String>;

/// The tensors as a file stores them.
pub(super) type StoredTensors = BTreeMap<String, DenseTensor>;

/// The bytes before the header, which give its length.
const PREFIX: usize = 8;

/// The longest header that the format allows.
const MAX_HEADER: usize = 100_000_000;

/// What is wrong with a header.
const INCOMPLETE: &str = "the header is incomplete";
const TOO_LONG: &str = "the header is longer than 100,000,000 bytes";

/// The name of the metadata in the header.
const METADATA: &str = "__metadata__";

/// The header as JSON.
#[derive(Deserialize)]
struct Entries {
    #[serde(rename = "__metadata__")]
    metadata: Option<Metadata>,
    #[serde(flatten)]
    tensors: BTreeMap<String, TensorInfo>,
}

fn container(reason: &dyn ToString) -> ModelError {
    ModelError::Container {
        reason: reason.to_string(),
    }
}

/// The metadata and the tensors of a file.
pub(super) fn parse(bytes: &[u8]) -> Result<(Metadata, StoredTensors), ModelError> {
    // The header is JSON, in which no name occurs twice.
    let (header, data) = split(bytes).map_err(|reason| container(&reason))?;
    let header = core::str::from_utf8(header).map_err(|error| container(&error))?;
    let duplicate = names::duplicate(header, METADATA).map_err(|error| container(&error))?;
    if let Some(name) = duplicate {
        return Err(ModelError::DuplicateName { name });
    }
    // In the order of their data, tensors must follow each other without gaps, from the first byte on.
    let Entries { metadata, tensors } =
        serde_json::from_str(header).map_err(|error| container(&error))?;
    let mut tensors: Vec<_> = tensors.into_iter().collect();
    tensors.sort_by_key(|(_, info)| info.data_offsets);
    let header = Header::new(None, tensors).map_err(|error| container(&error))?;
    if header.data_len() != data.len() {
        let reason = "the data are not as long as the header says";
        return Err(container(&reason));
    }
    // Copy each tensor's bytes.
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
    Ok((metadata.unwrap_or_default(), tensors.collect()))
}

/// The header and the data of a file.
fn split(bytes: &[u8]) -> Result<(&[u8], &[u8]), &'static str> {
    let (len, rest) = bytes.split_first_chunk::<PREFIX>().ok_or(INCOMPLETE)?;
    let len = usize::try_from(u64::from_le_bytes(*len)).unwrap_or(usize::MAX);
    if len > MAX_HEADER {
        return Err(TOO_LONG);
    }
    rest.split_at_checked(len).ok_or(INCOMPLETE)
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
    let unwritable = |reason: &dyn ToString| ModelError::Unwritable {
        reason: reason.to_string(),
    };
    let bytes = serialize_tensors(tensors, None).map_err(|error| unwritable(&error))?;
    if metadata.is_empty() {
        return Ok(bytes);
    }
    with_metadata(&bytes, metadata).ok_or_else(|| unwritable(&TOO_LONG))
}

/// The file with metadata added at the start of its header.
fn with_metadata(bytes: &[u8], metadata: &Metadata) -> Option<Vec<u8>> {
    let (header, data) = split(bytes).ok()?;
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
