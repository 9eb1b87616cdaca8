//! The fields of a GGUF header, read one after the other.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use std::io::{BufReader, ErrorKind, Read};

use super::{ReadSeek, Source, not_a};
use crate::model::ModelError;

/// The number of the type of a string, and of an array.
pub(super) const STRING: u32 = 8;
pub(super) const ARRAY: u32 = 9;

/// The longest header that is read. Chosen: those of the largest vocabularies have some 50 MB.
const MAX_HEADER: u64 = 1 << 28;

/// A [`ModelError::Container`] of GGUF.
pub(super) fn damaged(reason: &dyn ToString) -> ModelError {
    not_a("GGUF", reason)
}

/// The bytes of a value of each type that has a fixed number of them.
pub(super) const fn scalar_len(value_type: u32) -> Option<u64> {
    match value_type {
        // u8, i8, bool
        0 | 1 | 7 => Some(1),
        // u16, i16
        2 | 3 => Some(2),
        // u32, i32, f32
        4..=6 => Some(4),
        // u64, i64, f64
        10..=12 => Some(8),
        _ => None,
    }
}

/// The rest of a header.
pub(super) struct Fields<'a, 'b> {
    source: &'b std::path::Path,
    reader: BufReader<&'b mut (dyn ReadSeek + 'a)>,
    /// The bytes of the file that are not read yet.
    left: u64,
    len: u64,
}

impl<'a, 'b> Fields<'a, 'b> {
    /// The fields from the beginning of a file of `len` bytes on.
    pub(super) fn new(source: &'b mut Source<'a>, len: u64) -> Result<Self, ModelError> {
        source.seek(0)?;
        let len = len.min(MAX_HEADER);
        Ok(Self {
            source: source.path,
            reader: BufReader::new(&mut *source.file),
            left: len,
            len,
        })
    }

    /// The number of bytes that were read.
    pub(super) const fn position(&self) -> u64 {
        self.len - self.left
    }

    /// The next bytes. There are never more than the file has.
    pub(super) fn bytes(&mut self, len: u64) -> Result<Vec<u8>, ModelError> {
        self.left = match self.left.checked_sub(len) {
            Some(left) => left,
            None if self.len == MAX_HEADER => {
                return Err(damaged(&"the header is longer than 2^28 bytes"));
            }
            None => return Err(damaged(&"the header is incomplete")),
        };
        let mut bytes = Vec::new();
        let read = (&mut self.reader).take(len).read_to_end(&mut bytes);
        let source = match read {
            Ok(read) if read as u64 == len => return Ok(bytes),
            Ok(_) => ErrorKind::UnexpectedEof.into(),
            Err(error) => error,
        };
        Err(ModelError::read(self.source, source))
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], ModelError> {
        let bytes = self.bytes(N as u64)?;
        Ok(bytes.first_chunk().copied().unwrap_or([0; N]))
    }

    pub(super) fn u32(&mut self) -> Result<u32, ModelError> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64, ModelError> {
        self.array().map(u64::from_le_bytes)
    }

    /// A string: its length and its bytes.
    pub(super) fn string(&mut self) -> Result<String, ModelError> {
        let len = self.u64()?;
        let bytes = self.bytes(len)?;
        String::from_utf8(bytes).map_err(|_| damaged(&"a string is not UTF-8"))
    }

    /// The bytes of a value as they are in the file: of an array with the type of its elements and their number.
    pub(super) fn value(&mut self, value_type: u32) -> Result<Vec<u8>, ModelError> {
        match value_type {
            STRING => self.prefixed_string(),
            ARRAY => {
                let (element, count) = (self.u32()?, self.u64()?);
                let mut bytes = element.to_le_bytes().to_vec();
                bytes.extend(count.to_le_bytes());
                if let Some(len) = scalar_len(element) {
                    let len = len.saturating_mul(count);
                    bytes.extend(self.bytes(len)?);
                } else if element == STRING {
                    for _ in 0..count {
                        bytes.extend(self.prefixed_string()?);
                    }
                } else {
                    let reason = alloc::format!("an array has elements of type {element}");
                    return Err(damaged(&reason));
                }
                Ok(bytes)
            }
            _ => {
                let reason = alloc::format!("a value has the unknown type {value_type}");
                let len = scalar_len(value_type).ok_or_else(|| damaged(&reason))?;
                self.bytes(len)
            }
        }
    }

    /// A string with its length in front. It is only kept, so it may be anything.
    fn prefixed_string(&mut self) -> Result<Vec<u8>, ModelError> {
        let len = self.u64()?;
        let mut bytes = len.to_le_bytes().to_vec();
        bytes.extend(self.bytes(len)?);
        Ok(bytes)
    }
}
