//! The wire format of protocol buffers: the fields of a message as ranges of the file, and writing fields.
//!
//! ```text
//! field = tag value            tag = varint(number * 8 + wire type)
//! wire type 0                  varint: 7 bits a byte, the lowest first, at most 10 bytes
//! wire type 1, 5               8 or 4 bytes, little-endian
//! wire type 2                  varint length, then as many bytes: text, a message, or packed numbers
//! ```
//!
//! All positions count from the beginning of the file, so a field that nobody edits is copied as it is, whether or not it is known here.
//! Groups (wire types 3 and 4) are refused: no ONNX file has them.

use core::ops::Range;
use core::str;

use anyhow::{Context, Result, bail, ensure};

/// The most bytes of a message: readers of protocol buffers count them in an `int`.
pub(super) const LARGEST: usize = i32::MAX as usize;

/// A field of a message.
#[derive(Clone, Debug)]
pub(super) struct Field {
    pub(super) number: u64,
    pub(super) value: Value,
    /// The whole field: tag, length and value.
    pub(super) whole: Range<usize>,
}

/// The value of a field.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Varint(u64),
    Fixed64(Range<usize>),
    Bytes(Range<usize>),
    Fixed32(Range<usize>),
}

impl Field {
    /// The bytes of text, a message, or packed numbers.
    pub(super) fn bytes(&self) -> Result<Range<usize>> {
        match &self.value {
            Value::Bytes(range) => Ok(range.clone()),
            _ => self.wrong("a length"),
        }
    }

    pub(super) fn varint(&self) -> Result<u64> {
        match self.value {
            Value::Varint(value) => Ok(value),
            _ => self.wrong("a varint"),
        }
    }

    pub(super) fn text<'a>(&self, file: &'a [u8]) -> Result<&'a str> {
        let range = self.bytes()?;
        let place = range.start;
        let text = str::from_utf8(&file[range]);
        text.with_context(|| format!("byte {place}: text is not UTF-8"))
    }

    /// Adds the integers of a repeated field, packed or not.
    pub(super) fn integers(&self, file: &[u8], integers: &mut Vec<i64>) -> Result<()> {
        if let Value::Varint(value) = self.value {
            integers.push(value.cast_signed());
            return Ok(());
        }
        let range = self.bytes()?;
        let mut at = range.start;
        while at < range.end {
            integers.push(varint(file, &mut at, range.end)?.cast_signed());
        }
        Ok(())
    }

    /// The little-endian numbers of a repeated field, packed or not.
    pub(super) fn fixed(&self, size: usize) -> Result<Range<usize>> {
        match &self.value {
            Value::Fixed32(range) if size == 4 => Ok(range.clone()),
            Value::Fixed64(range) if size == 8 => Ok(range.clone()),
            Value::Bytes(range) if range.len().is_multiple_of(size) => Ok(range.clone()),
            _ => self.wrong("numbers of a fixed size"),
        }
    }

    fn wrong<T>(&self, wanted: &str) -> Result<T> {
        let Self { number, whole, .. } = self;
        bail!("byte {}: field {number} is not {wanted}", whole.start)
    }
}

/// The fields of a message, which is a range of the file.
pub(super) fn fields(file: &[u8], message: Range<usize>) -> Fields<'_> {
    Fields {
        file,
        rest: message,
    }
}

/// The iterator that [`fields`] returns. It ends with the first error.
pub(super) struct Fields<'a> {
    file: &'a [u8],
    rest: Range<usize>,
}

impl Iterator for Fields<'_> {
    type Item = Result<Field>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let field = self.field();
        self.rest.start = field
            .as_ref()
            .map_or(self.rest.end, |field| field.whole.end);
        Some(field)
    }
}

impl Fields<'_> {
    fn field(&self) -> Result<Field> {
        let Range { start, end } = self.rest;
        let mut at = start;
        let tag = varint(self.file, &mut at, end)?;
        let number = tag >> 3;
        ensure!(number > 0, "byte {start}: a field has number 0");
        let value = match tag & 7 {
            0 => Value::Varint(varint(self.file, &mut at, end)?),
            1 => Value::Fixed64(self.take(&mut at, 8)?),
            2 => {
                let length = varint(self.file, &mut at, end)?;
                Value::Bytes(self.take(&mut at, length)?)
            }
            5 => Value::Fixed32(self.take(&mut at, 4)?),
            other => bail!("byte {start}: wire type {other} is not supported"),
        };
        let whole = start..at;
        Ok(Field {
            number,
            value,
            whole,
        })
    }

    fn take(&self, at: &mut usize, length: u64) -> Result<Range<usize>> {
        let start = *at;
        let left = self.rest.end - start;
        let length = usize::try_from(length)
            .ok()
            .filter(|length| *length <= left);
        let length = length.with_context(|| format!("byte {start}: a field ends too late"))?;
        *at = start + length;
        Ok(start..*at)
    }
}

/// Reads a varint that ends before `end`.
fn varint(file: &[u8], at: &mut usize, end: usize) -> Result<u64> {
    let start = *at;
    let mut value = 0;
    for (place, &byte) in file[start..end].iter().take(10).enumerate() {
        // Nine bytes hold 63 bits.
        ensure!(
            place < 9 || byte <= 1,
            "byte {start}: a varint has more than 64 bits"
        );
        value |= u64::from(byte & 0x7f) << (7 * place);
        if byte < 0x80 {
            *at = start + place + 1;
            return Ok(value);
        }
    }
    bail!("byte {start}: a varint does not end")
}

pub(super) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}

pub(super) fn put_integer(out: &mut Vec<u8>, number: u64, value: u64) {
    put_varint(out, number << 3);
    put_varint(out, value);
}

pub(super) fn put_bytes(out: &mut Vec<u8>, number: u64, bytes: &[u8]) {
    put_header(out, number, bytes.len());
    out.extend_from_slice(bytes);
}

/// The tag and length of a field whose bytes follow.
pub(super) fn put_header(out: &mut Vec<u8>, number: u64, length: usize) {
    put_varint(out, number << 3 | 2);
    put_varint(out, length as u64);
}
