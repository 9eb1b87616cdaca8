//! The safetensors container: named tensors and metadata to bytes and back, through the format's own library.
//!
//! The library reads and writes the header; the rest differs from what it does in three ways. Names that occur twice in the
//! header are refused (the library lets the last win, so a tensor would be lost). The metadata are written in alphabetical
//! order (the library writes them in the order of a hash map, so the same model would give different bytes). And the length
//! of the file is compared with that of its tensors without adding to it, which could overflow.

use alloc::borrow::Cow;
use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use safetensors::tensor::{Dtype, Metadata as Header, View, serialize as serialize_tensors};

use super::{DenseTensor, ModelError, names};

/// What a file says about itself.
pub(super) type Metadata = BTreeMap<String, String>;

/// The tensors of a file, as they lie there.
pub(super) type Parts = BTreeMap<String, DenseTensor>;

/// Bytes before the header: its length.
const PREFIX: usize = 8;

/// The longest header that the format allows.
const MAX_HEADER: usize = 100_000_000;

/// The name in the header that is not a tensor's.
const METADATA: &str = "__metadata__";

fn container(reason: &dyn ToString) -> ModelError {
    ModelError::Container {
        reason: reason.to_string(),
    }
}

/// The metadata and the tensors of a file.
pub(super) fn parse(bytes: &[u8]) -> Result<(Metadata, Parts), ModelError> {
    let (header, data) = split(bytes).ok_or_else(|| container(&"its header is not whole"))?;
    let header = core::str::from_utf8(header).map_err(|error| container(&error))?;
    let duplicate = names::duplicate(header, METADATA).map_err(|error| container(&error))?;
    if let Some(name) = duplicate {
        return Err(ModelError::DuplicateName { name });
    }
    // The library sees to it that the tensors lie side by side, from the first byte on.
    let header: Header = serde_json::from_str(header).map_err(|error| container(&error))?;
    if header.data_len() != data.len() {
        let reason = "its data have another length than its header says";
        return Err(container(&reason));
    }
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
pub(super) fn serialize(metadata: &Metadata, tensors: Parts) -> Result<Vec<u8>, ModelError> {
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

/// The file with metadata put at the head of its header.
fn with_metadata(bytes: &[u8], metadata: &Metadata) -> Option<Vec<u8>> {
    let (header, data) = split(bytes)?;
    let entries = header.trim_ascii_end().strip_prefix(b"{")?;
    let comma: &[u8] = if entries == b"}" { b"" } else { b"," };
    let metadata = serde_json::to_vec(metadata).ok()?;
    let mut header = [b"{\"__metadata__\":", &*metadata, comma, entries].concat();
    // Spaces, so that the data stay aligned.
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
