//! The safetensors container: the header of named tensors and metadata, read and written.
//!
//! The crate `safetensors` reads and writes the header. This module differs from what that crate does alone in four ways:
//!
//! - A name that occurs twice in the header is an error. The crate takes the last one, and a tensor would be lost.
//! - Metadata are written in alphabetical order. The crate writes them in the order of a hash map, so the same model would give
//!   different bytes.
//! - Of tensors that overlap the one that begins or ends later is named, or else the later name. The crate names another one each time.
//! - The length of the file is compared with that of its tensors without an addition that could overflow.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use safetensors::tensor::{Metadata as Header, TensorInfo};
use serde::Deserialize;

use super::{Contents, Source, Stored, duplicate, gguf, not_a, number_type};
use crate::model::error::printable;
use crate::model::parts::StoredPart;
use crate::model::{Metadata, ModelError};

/// The bytes before the header, which give its length. The header is filled up to a multiple of it, so that the data are aligned.
const PREFIX: usize = 8;

/// The longest header that the format allows.
const MAX_HEADER: u64 = 100_000_000;

/// What is wrong with a header.
const INCOMPLETE: &str = "the header is incomplete";
const TOO_LONG: &str = "the header is longer than 100,000,000 bytes";

/// The name of the metadata in the header.
const METADATA: &str = "__metadata__";

/// The header as JSON.
#[derive(Deserialize)]
struct Entries {
    #[serde(rename = "__metadata__")]
    metadata: Option<BTreeMap<String, String>>,
    #[serde(flatten)]
    tensors: BTreeMap<String, TensorInfo>,
}

/// Reads the header of a file of `len` bytes.
pub(super) fn read_header(source: &mut Source<'_>, len: u64) -> Result<Contents, ModelError> {
    let after_prefix = len.checked_sub(PREFIX as u64);
    let after_prefix = after_prefix.ok_or_else(|| damaged(&INCOMPLETE))?;
    let prefix = source.bytes(0, PREFIX as u64)?;
    let prefix = prefix.first_chunk().copied();
    let header_len = prefix.map_or(0, u64::from_le_bytes);
    if header_len > MAX_HEADER {
        return Err(damaged(&TOO_LONG));
    }
    let data_len = after_prefix.checked_sub(header_len);
    let data_len = data_len.ok_or_else(|| damaged(&INCOMPLETE))?;
    let header = source.bytes(PREFIX as u64, header_len)?;
    let header = core::str::from_utf8(&header).map_err(|error| damaged(&error))?;
    parse(header, data_len)
}

/// What a header says of `data_len` bytes of data.
fn parse(header: &str, data_len: u64) -> Result<Contents, ModelError> {
    // The header is JSON, in which no name occurs twice.
    if let Some(name) = duplicate(header, METADATA).map_err(|error| damaged(&error))? {
        return Err(ModelError::DuplicateName { name });
    }
    // In the order of their data, tensors must follow each other without gaps, from the first byte on.
    let Entries { metadata, tensors } =
        serde_json::from_str(header).map_err(|error| damaged(&error))?;
    let mut tensors: Vec<_> = tensors.into_iter().collect();
    tensors.sort_by_key(|(_, info)| info.data_offsets);
    let start = (PREFIX + header.len()) as u64;
    let stored = |(name, info): &(String, TensorInfo)| Stored {
        name: name.clone(),
        dtype: alloc::format!("{:?}", info.dtype),
        shape: info.shape.clone(),
        file: 0,
        start: start.saturating_add(info.data_offsets.0 as u64),
        len: info.data_offsets.1.saturating_sub(info.data_offsets.0) as u64,
    };
    let placed: Vec<Stored> = tensors.iter().map(stored).collect();
    // The crate does not say which tensor has another size than its shape.
    for (tensor, (_, info)) in placed.iter().zip(&tensors) {
        let numbers = gguf::elements(&tensor.shape);
        let len = numbers.and_then(|numbers| number_type::byte_len(&tensor.dtype, numbers));
        let ordered = info.data_offsets.0 <= info.data_offsets.1;
        if ordered && len != Some(tensor.len) {
            let (name, dtype, bytes) = (tensor.name.escape_debug(), &tensor.dtype, tensor.len);
            let reason = alloc::format!(
                "the tensor `{name}` is {dtype} of the shape {:?} in {bytes} bytes",
                tensor.shape
            );
            return Err(damaged(&reason));
        }
    }
    let header = Header::new(None, tensors).map_err(|error| damaged(&error))?;
    if header.data_len() as u64 != data_len {
        let reason = "the data are not as long as the header says";
        return Err(damaged(&reason));
    }
    Ok(Contents {
        metadata: Metadata::new_safetensors(metadata.unwrap_or_default()),
        directories: Vec::new(),
        tensors: placed,
    })
}

/// The bytes of a file of these tensors up to the first byte of the data, and the offset of each tensor in the file, in the order
/// of `parts`; then the length of the file. As the crate does, tensors are ordered by their types, those of most bits first, and by name.
pub(in crate::model) fn header(
    metadata: &BTreeMap<String, String>,
    parts: &[&StoredPart],
) -> Result<(Vec<u8>, Vec<u64>, u64), ModelError> {
    let mut order = Vec::new();
    for (place, part) in parts.iter().enumerate() {
        if part.name == METADATA {
            let name = METADATA.to_string();
            return Err(ModelError::NameTaken { name });
        }
        let dtype = number_type::safetensors(&part.dtype).ok_or_else(|| {
            let reason = alloc::format!("it is {}, which safetensors does not have", part.dtype);
            ModelError::unfit(&part.name, "safetensors", &reason)
        })?;
        order.push((core::cmp::Reverse(dtype), &part.name, place));
    }
    order.sort();
    let (mut end, mut offsets, mut tensors) = (0_usize, alloc::vec![0; parts.len()], Vec::new());
    for (dtype, name, place) in order {
        let (part, start) = (parts[place], end);
        let len = usize::try_from(part.len).ok();
        let behind = len.and_then(|len| start.checked_add(len));
        end = behind.ok_or_else(|| unwritable(&"the data are too long"))?;
        let info = TensorInfo {
            dtype: dtype.0,
            shape: part.shape.clone(),
            data_offsets: (start, end),
        };
        offsets[place] = start as u64;
        tensors.push((name.clone(), info));
    }
    let entries = Header::new(None, tensors).map_err(|error| unwritable(&error))?;
    let entries = serde_json::to_vec(&entries).map_err(|error| unwritable(&error))?;
    let bytes = with_metadata(metadata, &entries)?;
    let start = bytes.len() as u64;
    let offsets = offsets.into_iter().map(|offset| start + offset).collect();
    Ok((bytes, offsets, start + end as u64))
}

/// The length of a header, and the header with metadata at its start.
fn with_metadata(
    metadata: &BTreeMap<String, String>,
    entries: &[u8],
) -> Result<Vec<u8>, ModelError> {
    let mut header = entries.to_vec();
    if let (false, Some(entries)) = (metadata.is_empty(), entries.strip_prefix(b"{")) {
        let comma: &[u8] = if entries == b"}" { b"" } else { b"," };
        let metadata = serde_json::to_vec(metadata).map_err(|error| unwritable(&error))?;
        header = [b"{\"__metadata__\":", &*metadata, comma, entries].concat();
    }
    header.resize(header.len().next_multiple_of(PREFIX), b' ');
    let len = header.len() as u64;
    if len > MAX_HEADER {
        return Err(unwritable(&TOO_LONG));
    }
    Ok([&len.to_le_bytes()[..], &*header].concat())
}

fn damaged(reason: &dyn ToString) -> ModelError {
    not_a("safetensors", reason)
}

fn unwritable(reason: &dyn ToString) -> ModelError {
    let reason = printable(&reason.to_string());
    ModelError::Unwritable { reason }
}
