//! Tensors of an ONNX file: numbers of every type, wherever they are stored.
//!
//! ```text
//! raw_data      little-endian numbers
//! float_data    f32                     double_data   f64
//! int32_data    f16, bf16 (their bits) and integers of up to 32 bits, one in a varint
//! int64_data    i64                     uint64_data   u32, u64
//! external      little-endian numbers in a file beside the model, at an offset
//! attribute     the floats or integers of a `Constant` node
//! ```
//!
//! All are read as little-endian numbers of the tensor's type first. New values are stored where the old ones were, except for external
//! ones, which become `raw_data`: the file beside the model may belong to other models too. Names, comments and unknown fields stay.

use core::ops::Range;
use std::borrow::Cow;
use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};
use half::{bf16, f16};

use super::DataType;
use super::external::External;
use super::protobuf::{LARGEST, fields, put_bytes, put_integer, put_varint};

/// The number of the field `raw_data`.
const RAW: u64 = 9;

/// The numbers of the fields of an attribute with one float and with several.
const ATTRIBUTE_FLOAT: u64 = 2;
const ATTRIBUTE_FLOATS: u64 = 7;

/// A constant of a network.
#[derive(Clone, Debug)]
pub struct Tensor<'a> {
    /// The extents.
    pub dims: Vec<usize>,
    /// The type.
    pub data_type: DataType,
    file: &'a [u8],
    message: Range<usize>,
    /// The field that holds the numbers.
    number: u64,
    external: Option<External>,
    folder: Option<&'a Path>,
}

impl<'a> Tensor<'a> {
    /// Reads the description of a tensor. `file` may also be an edited field.
    pub(super) fn parse(
        file: &'a [u8],
        message: Range<usize>,
        folder: Option<&'a Path>,
    ) -> Result<Self> {
        let mut dims = Vec::new();
        let mut data_type = DataType::Other(0);
        let mut raw = false;
        let mut external = None;
        let mut entries = External::default();
        for field in fields(file, message.clone()) {
            let field = field?;
            match field.number {
                1 => field.integers(file, &mut dims)?,
                2 => data_type = DataType::new(field.varint()?),
                3 => bail!("tensors in segments are not supported"),
                RAW => raw = true,
                13 => entries.read(file, &field)?,
                14 => external = (field.varint()? == 1).then_some(()),
                _ => {}
            }
        }
        let dims: Result<Vec<usize>, _> = dims.into_iter().map(TryInto::try_into).collect();
        Ok(Self {
            dims: dims.context("a tensor has a negative extent")?,
            data_type,
            file,
            message,
            number: if raw { RAW } else { data_type.field() },
            external: external.map(|()| entries),
            folder,
        })
    }

    /// The numbers in an attribute of a `Constant` node other than a tensor.
    pub(super) fn of_attribute(file: &'a [u8], message: Range<usize>, name: &str) -> Result<Self> {
        let (number, data_type) = match name {
            "value_float" => (ATTRIBUTE_FLOAT, DataType::F32),
            "value_int" => (3, DataType::I64),
            "value_floats" => (ATTRIBUTE_FLOATS, DataType::F32),
            "value_ints" => (8, DataType::I64),
            _ => bail!("attribute `{}` is not supported", name.escape_debug()),
        };
        let mut tensor = Self {
            dims: Vec::new(),
            data_type,
            file,
            message,
            number,
            external: None,
            folder: None,
        };
        if number > 3 {
            let count = tensor.numbers()?.len() / data_type.size()?;
            tensor.dims.push(count);
        }
        Ok(tensor)
    }

    /// How many numbers there are.
    ///
    /// # Errors
    ///
    /// If there are more than a file can have.
    pub fn count(&self) -> Result<usize> {
        count(&self.dims).context("a tensor is too large")
    }

    /// The values, rounded to f32 if they are f64.
    ///
    /// # Errors
    ///
    /// If they are no floats or cannot be read.
    pub fn floats(&self) -> Result<Vec<f32>> {
        #[expect(clippy::cast_possible_truncation, reason = "rounds to nearest")]
        let narrow = |bytes| f64::from_le_bytes(bytes) as f32;
        let raw = self.raw()?;
        Ok(match self.data_type {
            DataType::F32 => convert(&raw, f32::from_le_bytes),
            DataType::F16 => convert(&raw, |bytes| f16::from_le_bytes(bytes).to_f32()),
            DataType::Bf16 => convert(&raw, |bytes| bf16::from_le_bytes(bytes).to_f32()),
            DataType::F64 => convert(&raw, narrow),
            other => bail!("{other:?} is no type of floats"),
        })
    }

    /// The values of floats and integers, rounded to f64 if they are large integers.
    ///
    /// # Errors
    ///
    /// If they are no numbers or cannot be read.
    pub fn doubles(&self) -> Result<Vec<f64>> {
        if self.data_type == DataType::F64 {
            return Ok(convert(&self.raw()?, f64::from_le_bytes));
        }
        if self.data_type.is_float() {
            return Ok(self.floats()?.into_iter().map(f64::from).collect());
        }
        Ok(self
            .integers()?
            .into_iter()
            .map(|value| value as f64)
            .collect())
    }

    /// The values of integers; of `BOOL`, 0 and 1.
    ///
    /// # Errors
    ///
    /// If they are no integers, if they may have more than 63 bits and no sign, or if they cannot be read.
    pub fn integers(&self) -> Result<Vec<i64>> {
        let raw = self.raw()?;
        Ok(match self.data_type {
            DataType::I32 => convert(&raw, |bytes| i32::from_le_bytes(bytes).into()),
            DataType::I64 => convert(&raw, i64::from_le_bytes),
            DataType::Other(2 | 9) => convert(&raw, |bytes| u8::from_le_bytes(bytes).into()),
            DataType::Other(3) => convert(&raw, |bytes| i8::from_le_bytes(bytes).into()),
            DataType::Other(4) => convert(&raw, |bytes| u16::from_le_bytes(bytes).into()),
            DataType::Other(5) => convert(&raw, |bytes| i16::from_le_bytes(bytes).into()),
            DataType::Other(12) => convert(&raw, |bytes| u32::from_le_bytes(bytes).into()),
            other => bail!("{other:?} is no type of integers"),
        })
    }

    pub(super) fn external(&self) -> Option<&External> {
        self.external.as_ref()
    }

    /// The whole message.
    pub(super) fn message(&self) -> Cow<'a, [u8]> {
        Cow::Borrowed(&self.file[self.message.clone()])
    }

    /// The little-endian numbers.
    pub(super) fn raw(&self) -> Result<Cow<'a, [u8]>> {
        let size = self.count()?.checked_mul(self.data_type.size()?);
        let size = size.filter(|&size| size <= LARGEST);
        let size = size.context("a tensor is too large")?;
        if let Some(external) = &self.external {
            return Ok(external.read_data(self.folder, size)?.into());
        }
        let raw = self.numbers()?;
        let found = raw.len();
        ensure!(
            found == size,
            "a tensor has {found} bytes of numbers, not {size}"
        );
        Ok(raw)
    }

    /// The numbers in the file, as many as there are.
    fn numbers(&self) -> Result<Cow<'a, [u8]>> {
        let size = self.data_type.size()?;
        let fixed = self.is_fixed();
        let mut raw = Cow::default();
        for field in fields(self.file, self.message.clone()) {
            let field = field?;
            if field.number != self.number {
                continue;
            }
            if self.number == RAW {
                raw = Cow::Borrowed(&self.file[field.bytes()?]);
            } else if fixed {
                let bytes = &self.file[field.fixed(size)?];
                if raw.is_empty() {
                    raw = Cow::Borrowed(bytes);
                } else {
                    raw.to_mut().extend_from_slice(bytes);
                }
            } else {
                let mut integers = Vec::new();
                field.integers(self.file, &mut integers)?;
                let bytes = integers.iter().map(|integer| integer.to_le_bytes());
                let raw = raw.to_mut();
                bytes.for_each(|bytes| raw.extend_from_slice(&bytes[..size]));
            }
        }
        Ok(raw)
    }

    /// Whether numbers outside `raw_data` are stored with a fixed size, not as varints.
    fn is_fixed(&self) -> bool {
        matches!(self.data_type, DataType::F32 | DataType::F64)
    }

    /// The message with other values, in the same order. A value that would be the same f32 keeps its bits.
    pub(super) fn with(&self, values: &[f32]) -> Result<Option<Vec<u8>>> {
        let old = self.floats()?;
        ensure!(
            values.len() == old.len(),
            "{} values, not {}",
            values.len(),
            old.len()
        );
        let size = self.data_type.size()?;
        let mut raw = self.raw()?;
        let mut changed = false;
        for (place, (value, old)) in values.iter().zip(&old).enumerate() {
            if value.to_bits() != old.to_bits() {
                let bytes = self.data_type.round(*value)?;
                raw.to_mut()[place * size..][..size].copy_from_slice(&bytes[..size]);
                changed = true;
            }
        }
        changed.then(|| self.with_raw(&raw)).transpose()
    }

    /// The message with other little-endian numbers.
    pub(super) fn with_raw(&self, raw: &[u8]) -> Result<Vec<u8>> {
        let number = if self.external.is_some() {
            RAW
        } else {
            self.number
        };
        let mut numbers = Vec::new();
        if number == ATTRIBUTE_FLOAT || number == ATTRIBUTE_FLOATS {
            // One by one: not every reader takes those of an attribute packed.
            for float in raw.chunks_exact(4) {
                put_varint(&mut numbers, number << 3 | 5);
                numbers.extend_from_slice(float);
            }
        } else if number == RAW || self.is_fixed() {
            put_bytes(&mut numbers, number, raw);
        } else {
            let mut packed = Vec::new();
            for bits in convert(raw, u16::from_le_bytes) {
                put_varint(&mut packed, bits.into());
            }
            put_bytes(&mut numbers, number, &packed);
        }
        let mut out = Vec::new();
        for field in fields(self.file, self.message.clone()) {
            let field = field?;
            let external = self.external.is_some() && matches!(field.number, 13 | 14);
            if field.number == number {
                // The first field of the numbers is replaced, and further ones go.
                out.append(&mut numbers);
            } else if !external {
                out.extend_from_slice(&self.file[field.whole]);
            }
        }
        out.append(&mut numbers);
        Ok(out)
    }
}

/// A new tensor of floats, as a field of a graph.
pub(super) fn new_tensor(
    name: &str,
    dims: &[usize],
    data_type: DataType,
    values: &[f32],
) -> Result<Vec<u8>> {
    let size = data_type.size()?;
    let mut raw = Vec::with_capacity(values.len() * size);
    for value in values {
        raw.extend_from_slice(&data_type.round(*value)?[..size]);
    }
    Ok(tensor_field(name, dims, data_type, &raw))
}

/// A new tensor of little-endian numbers, as a field of a graph.
pub(super) fn tensor_field(name: &str, dims: &[usize], data_type: DataType, raw: &[u8]) -> Vec<u8> {
    let mut message = Vec::new();
    for &extent in dims {
        put_integer(&mut message, 1, extent as u64);
    }
    put_integer(&mut message, 2, data_type.number());
    put_bytes(&mut message, 8, name.as_bytes());
    put_bytes(&mut message, RAW, raw);
    let mut field = Vec::new();
    put_bytes(&mut field, 5, &message);
    field
}

/// The product of extents.
pub(super) fn count(dims: &[usize]) -> Option<usize> {
    dims.iter()
        .try_fold(1_usize, |count, &extent| count.checked_mul(extent))
}

fn convert<T, const N: usize>(raw: &[u8], number: impl Fn([u8; N]) -> T) -> Vec<T> {
    raw.as_chunks()
        .0
        .iter()
        .map(|&bytes| number(bytes))
        .collect()
}
