//! The types of numbers, and rounding to those of floats.

use anyhow::{Result, bail, ensure};
use half::{bf16, f16};

/// The type of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataType {
    /// `FLOAT`
    F32,
    /// `FLOAT16`
    F16,
    /// `BFLOAT16`
    Bf16,
    /// `DOUBLE`
    F64,
    /// `INT32`
    I32,
    /// `INT64`
    I64,
    /// Any other type of the standard, by its number: 2 is `UINT8`, 9 is `BOOL`.
    Other(u64),
}

impl DataType {
    /// The type with this number in the standard.
    pub(super) fn new(number: u64) -> Self {
        match number {
            1 => Self::F32,
            6 => Self::I32,
            7 => Self::I64,
            10 => Self::F16,
            11 => Self::F64,
            16 => Self::Bf16,
            other => Self::Other(other),
        }
    }

    /// Its number in the standard.
    pub(super) fn number(self) -> u64 {
        match self {
            Self::F32 => 1,
            Self::I32 => 6,
            Self::I64 => 7,
            Self::F16 => 10,
            Self::F64 => 11,
            Self::Bf16 => 16,
            Self::Other(number) => number,
        }
    }

    /// Whether its numbers are f32, f16, bf16 or f64.
    #[must_use]
    pub fn is_float(self) -> bool {
        matches!(self, Self::F32 | Self::F16 | Self::Bf16 | Self::F64)
    }

    /// Its name in safetensors files, if they have it.
    pub(super) fn name(self) -> Option<&'static str> {
        Some(match self {
            Self::F32 => "F32",
            Self::F16 => "F16",
            Self::Bf16 => "BF16",
            Self::F64 => "F64",
            Self::I32 => "I32",
            Self::I64 => "I64",
            Self::Other(2) => "U8",
            Self::Other(3) => "I8",
            Self::Other(4) => "U16",
            Self::Other(5) => "I16",
            Self::Other(9) => "BOOL",
            Self::Other(12) => "U32",
            Self::Other(13) => "U64",
            Self::Other(_) => return None,
        })
    }

    /// The bytes of a number.
    ///
    /// # Errors
    ///
    /// For types that no weights have.
    pub fn size(self) -> Result<usize> {
        Ok(match self {
            Self::Other(2 | 3 | 9) => 1,
            Self::F16 | Self::Bf16 | Self::Other(4 | 5) => 2,
            Self::F32 | Self::I32 | Self::Other(12) => 4,
            Self::F64 | Self::I64 | Self::Other(13) => 8,
            Self::Other(number) => bail!("numbers of type {number} are not supported"),
        })
    }

    /// The field in which numbers are stored if not in `raw_data`.
    pub(super) fn field(self) -> u64 {
        match self {
            Self::F32 => 4,
            Self::F64 => 10,
            Self::I64 => 7,
            Self::Other(12 | 13) => 11,
            _ => 5,
        }
    }

    /// Rounds an f32 to a number of this type, little-endian.
    pub(super) fn round(self, value: f32) -> Result<[u8; 8]> {
        let mut bytes = [0; 8];
        let finite = match self {
            Self::F32 => {
                bytes[..4].copy_from_slice(&value.to_le_bytes());
                true
            }
            Self::F16 => {
                let rounded = f16::from_f32(value);
                bytes[..2].copy_from_slice(&rounded.to_le_bytes());
                rounded.is_finite()
            }
            Self::Bf16 => {
                let rounded = bf16::from_f32(value);
                bytes[..2].copy_from_slice(&rounded.to_le_bytes());
                rounded.is_finite()
            }
            Self::F64 => {
                bytes = f64::from(value).to_le_bytes();
                true
            }
            _ => bail!("{self:?} is no type of floats"),
        };
        ensure!(
            finite || !value.is_finite(),
            "{value:e} is too large for {self:?}"
        );
        Ok(bytes)
    }
}
