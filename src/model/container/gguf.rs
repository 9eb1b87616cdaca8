//! The GGUF container, versions 2 and 3, little-endian: what llama.cpp and other programs built on ggml open.
//!
//! ```text
//! "GGUF"  version u32  tensors u64  pairs u64
//! each pair:     key string  type u32  value                        string = length u64, bytes
//! each tensor:   name string  axes u32  extents u64 each  type u32  offset u64
//! zeros up to a multiple of the alignment, then the data: each tensor, and zeros up to a multiple of the alignment
//! ```
//!
//! The extents are written innermost axis first. Offsets are relative to the start of the data. ggml takes a file only if each tensor
//! begins where the one before it ends; the same is asked for here, in the order of the offsets, so that no byte of a file is lost
//! when it is written again.
//!
//! Two programs gave the type number 42 to different blocks: 64 weights in 18 bytes are ggml's `Q2_0`, 128 weights in 34 bytes are
//! `PQ2_0` in older files of `PrismML`. The space up to the next tensor tells which it is; of a small tensor, whose padding leaves room
//! for both, the other tensors of the file.
//!
//! Source: ggml's `docs/gguf.md` and `gguf.cpp`.

use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;

use super::gguf_fields::{Fields, damaged};
use super::{Contents, Source, Stored, number_type};
use crate::Format;
use crate::model::metadata::{Metadata, Pair};
use crate::model::{ModelError, TensorInfo};

/// The first bytes of a file.
pub(super) const MAGIC: &[u8; 4] = b"GGUF";

/// The version that is written. Version 2 differs in nothing that is read here.
const VERSION: u32 = 3;

/// The key of the alignment, and the alignment without it.
pub(in crate::model) const ALIGNMENT_KEY: &str = "general.alignment";
const DEFAULT_ALIGNMENT: u64 = 32;

/// The most axes of a tensor, and the most bytes of its name, that ggml takes.
const MAX_AXES: usize = 4;
const MAX_NAME: usize = 63;

/// A tensor as the header describes it.
struct Described {
    name: String,
    shape: Vec<usize>,
    id: u32,
    offset: u64,
}

/// Reads the header of a file of `len` bytes.
pub(super) fn read_header(source: &mut Source<'_>, len: u64) -> Result<Contents, ModelError> {
    let mut fields = Fields::new(source, len)?;
    fields.bytes(4)?;
    let version = fields.u32()?;
    if !(2..=VERSION).contains(&version) {
        let reason = if (2..=VERSION).contains(&version.swap_bytes()) {
            "it is big-endian".into()
        } else {
            alloc::format!("version {version} of GGUF is unknown: versions 2 and 3 are read")
        };
        return Err(damaged(&reason));
    }
    let (tensors, pairs) = (fields.u64()?, fields.u64()?);
    let metadata = Metadata::gguf(read_pairs(&mut fields, pairs)?);
    let alignment = alignment(&metadata)?;
    let mut described = read_tensors(&mut fields, tensors)?;
    let start = fields.position().next_multiple_of(alignment);
    described.sort_by_key(|tensor| tensor.offset);
    let space = len.saturating_sub(start);
    let tensors = place(described, start, space, alignment)?;
    Ok(Contents {
        metadata,
        directories: Vec::new(),
        tensors,
    })
}

fn read_pairs(fields: &mut Fields<'_, '_>, count: u64) -> Result<Vec<Pair>, ModelError> {
    let (mut pairs, mut keys) = (Vec::new(), BTreeSet::new());
    for _ in 0..count {
        let key = fields.string()?;
        let value_type = fields.u32()?;
        let value = fields.value(value_type)?;
        if !keys.insert(key.clone()) {
            return Err(ModelError::DuplicateName { name: key });
        }
        pairs.push(Pair {
            key,
            value_type,
            value,
        });
    }
    Ok(pairs)
}

/// The alignment of a file with these pairs.
fn alignment(metadata: &Metadata) -> Result<u64, ModelError> {
    let mut pairs = metadata.pairs().iter();
    let Some(pair) = pairs.find(|pair| pair.key == ALIGNMENT_KEY) else {
        return Ok(DEFAULT_ALIGNMENT);
    };
    match pair.number() {
        Some(alignment) if alignment.is_power_of_two() => Ok(alignment.into()),
        Some(alignment) => {
            let reason = alloc::format!("the alignment {alignment} is not a power of two");
            Err(damaged(&reason))
        }
        None => Err(damaged(&"the alignment is not of the type u32")),
    }
}

fn read_tensors(fields: &mut Fields<'_, '_>, count: u64) -> Result<Vec<Described>, ModelError> {
    let (mut tensors, mut names) = (Vec::new(), BTreeSet::new());
    for _ in 0..count {
        let name = fields.string()?;
        let axes = fields.u32()?;
        if axes as usize > MAX_AXES {
            let name = name.escape_debug();
            let reason = alloc::format!("the tensor `{name}` has {axes} axes");
            return Err(damaged(&reason));
        }
        let mut shape = Vec::new();
        for _ in 0..axes {
            let extent = usize::try_from(fields.u64()?);
            shape.push(extent.map_err(|_| damaged(&"an extent is too large"))?);
        }
        shape.reverse();
        let (id, offset) = (fields.u32()?, fields.u64()?);
        if !names.insert(name.clone()) {
            return Err(ModelError::DuplicateName { name });
        }
        tensors.push(Described {
            name,
            shape,
            id,
            offset,
        });
    }
    Ok(tensors)
}

/// The places of tensors that are sorted by their offsets: from `start` on, in `space` bytes.
fn place(
    described: Vec<Described>,
    start: u64,
    space: u64,
    alignment: u64,
) -> Result<Vec<Stored>, ModelError> {
    let ends = described.iter().skip(1).map(|next| next.offset);
    let ends = ends.chain([space]).zip(&described);
    let spans: Vec<u64> = ends.map(|(end, t)| end.saturating_sub(t.offset)).collect();
    let mut with_spans = described.iter().zip(&spans);
    let of_prism = with_spans.any(|(tensor, span)| tensor.is_pq2_0(*span, alignment));
    let (mut expected, mut placed) = (0, Vec::new());
    for (tensor, span) in described.into_iter().zip(spans) {
        let bad = |reason: String| {
            let name = tensor.name.escape_debug();
            damaged(&alloc::format!("the tensor `{name}` {reason}"))
        };
        let offset = tensor.offset;
        if offset != expected {
            return Err(bad(alloc::format!(
                "is at offset {offset}, and the one before it ends at {expected}"
            )));
        }
        let found = tensor.dtype_and_len(span, alignment, of_prism);
        let (dtype, len) = found.map_err(bad)?;
        if len > space.saturating_sub(offset) {
            return Err(bad("ends beyond the end of the file".into()));
        }
        let end = offset.checked_add(len);
        let end = end.and_then(|end| end.checked_next_multiple_of(alignment));
        expected = end.unwrap_or(u64::MAX);
        placed.push(Stored {
            name: tensor.name,
            dtype,
            shape: tensor.shape,
            file: 0,
            start: start.saturating_add(offset),
            len,
        });
    }
    match space.checked_sub(expected) {
        None | Some(0) => Ok(placed),
        Some(more) => {
            let reason = alloc::format!("{more} bytes follow the last tensor");
            Err(damaged(&reason))
        }
    }
}

impl Described {
    /// The type and the bytes of a tensor that has `span` bytes up to the next one. The reason is for a message.
    fn dtype_and_len(
        &self,
        span: u64,
        alignment: u64,
        of_prism: bool,
    ) -> Result<(String, u64), String> {
        let dtype = number_type::ggml_name(self.id);
        let Some(elements) = elements(&self.shape) else {
            return Err("has too many elements".into());
        };
        let Some(format) = number_type::ternary(&dtype) else {
            return match number_type::ggml_block(&dtype) {
                // Nothing is known of the type but the space it has.
                None => Ok((dtype, span)),
                Some((block, _)) if !(self.columns() as u64).is_multiple_of(block) => {
                    Err(ragged(&dtype, self.columns(), block))
                }
                Some(_) => match number_type::byte_len(&dtype, elements) {
                    Some(len) => Ok((dtype, len)),
                    None => Err("has too many elements".into()),
                },
            };
        };
        // Of the two formats of one number, the one that fills the space. In a span that neither fills, the first one is wrong.
        let formats = match format {
            Format::Q2_0 if of_prism => &[Format::Pq2_0, Format::Q2_0][..],
            Format::Q2_0 => &[Format::Q2_0, Format::Pq2_0],
            _ => &[format],
        };
        let lens = formats.iter().filter_map(|&format| {
            let len = self.encoded_len(format)?;
            Some((number_type::block_name(format), len))
        });
        let found = lens.clone().find(|&(_, len)| fills(len, span, alignment));
        let found = found.or_else(|| lens.clone().next());
        found.ok_or_else(|| ragged(&dtype, self.columns(), format.block_len() as u64))
    }

    /// Whether it has the number of two types of blocks, and only those of `PrismML` fill its span. Then they are those of the whole
    /// file: a small tensor, with its padding, may have room for either.
    fn is_pq2_0(&self, span: u64, alignment: u64) -> bool {
        let fills = |format| {
            let len = self.encoded_len(format);
            len.is_some_and(|len| fills(len, span, alignment))
        };
        Some(self.id) == Format::Q2_0.ggml_id() && !fills(Format::Q2_0) && fills(Format::Pq2_0)
    }

    fn columns(&self) -> usize {
        self.shape.last().copied().unwrap_or(1)
    }

    /// The bytes of the tensor in a ternary format, if its rows are whole blocks.
    fn encoded_len(&self, format: Format) -> Option<u64> {
        let columns = self.columns();
        let rows = elements(&self.shape)?.checked_div(columns as u64);
        let rows = usize::try_from(rows.unwrap_or(0)).ok()?;
        Some(format.encoded_len(rows, columns).ok()? as u64)
    }
}

/// Whether a tensor of so many bytes, with its padding, takes so much space.
fn fills(len: u64, span: u64, alignment: u64) -> bool {
    (len..len.saturating_add(alignment)).contains(&span)
}

fn ragged(dtype: &str, columns: usize, block: u64) -> String {
    alloc::format!("is {dtype} with rows of {columns}, which is not a multiple of {block}")
}

/// The product of the extents.
pub(in crate::model) fn elements(shape: &[usize]) -> Option<u64> {
    let mut factors = shape.iter().map(|&extent| extent as u64);
    factors.try_fold(1_u64, u64::checked_mul)
}

/// The header of a file of these tensors, without the zeros that follow it; the offset of each tensor in the file, in the order of
/// `tensors`; then the length of the file.
pub(in crate::model) fn header(
    metadata: &Metadata,
    tensors: &[TensorInfo],
) -> Result<(Vec<u8>, Vec<u64>, u64), ModelError> {
    let alignment = alignment(metadata)?;
    let mut bytes = MAGIC.to_vec();
    bytes.extend(VERSION.to_le_bytes());
    bytes.extend((tensors.len() as u64).to_le_bytes());
    let pairs = metadata.pairs();
    bytes.extend((pairs.len() as u64).to_le_bytes());
    for pair in pairs {
        string(&mut bytes, &pair.key);
        bytes.extend(pair.value_type.to_le_bytes());
        bytes.extend(&pair.value);
    }
    let (mut offset, mut offsets) = (0_u64, Vec::new());
    for tensor in tensors {
        describe(&mut bytes, tensor, offset)?;
        offsets.push(offset);
        let end = offset.checked_add(tensor.bytes());
        let end = end.and_then(|end| end.checked_next_multiple_of(alignment));
        offset = end.ok_or_else(|| unwritable(tensor, "has too many bytes"))?;
    }
    let start = (bytes.len() as u64).next_multiple_of(alignment);
    let offsets = offsets.into_iter();
    let offsets = offsets.map(|offset| start.saturating_add(offset));
    Ok((bytes, offsets.collect(), start.saturating_add(offset)))
}

/// Adds the description of a tensor.
fn describe(bytes: &mut Vec<u8>, tensor: &TensorInfo, offset: u64) -> Result<(), ModelError> {
    let dtype = tensor.stored_type();
    let id = number_type::ggml_id(&dtype);
    let id = id.ok_or_else(|| unwritable(tensor, "is of a type that GGUF does not have"))?;
    let axes = tensor.shape();
    if axes.len() > MAX_AXES {
        return Err(unwritable(tensor, "has more than the 4 axes of GGUF"));
    }
    if tensor.name().len() > MAX_NAME {
        return Err(unwritable(tensor, "has a name of more than 63 bytes"));
    }
    string(bytes, tensor.name());
    // A scalar is a vector of one number: ggml writes it so.
    let axes = if axes.is_empty() { &[1] } else { axes };
    bytes.extend(u32::try_from(axes.len()).unwrap_or(u32::MAX).to_le_bytes());
    for &extent in axes.iter().rev() {
        bytes.extend((extent as u64).to_le_bytes());
    }
    bytes.extend(id.to_le_bytes());
    bytes.extend(offset.to_le_bytes());
    Ok(())
}

pub(in crate::model) fn unwritable(tensor: &TensorInfo, reason: &str) -> ModelError {
    ModelError::unfit(tensor.name(), "GGUF", &alloc::format!("it {reason}"))
}

fn string(bytes: &mut Vec<u8>, text: &str) {
    bytes.extend((text.len() as u64).to_le_bytes());
    bytes.extend(text.as_bytes());
}
