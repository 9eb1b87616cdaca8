//! [`ScaleBuf`]: owned scales of one type.

use alloc::vec::Vec;

use super::{ScaleSlice, ScaleType};
use crate::error::{Error, Operand};

/// Scales of one [`ScaleType`], held as [`ScaleSlice`] borrows them.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ScaleBuf {
    F64(Vec<f64>),
    F32(Vec<f32>),
    F16(Vec<u16>),
    Bf16(Vec<u16>),
    PowerOfTwo(Vec<i8>),
}

impl ScaleBuf {
    /// Each scale rounded to the nearest value of a type.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidValue`] with the index of a scale that is negative, NaN or infinite; [`Error::Unstorable`] with that of a scale
    /// beyond the largest value, or of one that is not 0 and would be rounded to 0.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the numbers of a type have as many bits as the type"
    )]
    pub(crate) fn rounded(scale_type: ScaleType, scales: &[f64]) -> Result<Self, Error> {
        for (index, &scale) in scales.iter().enumerate() {
            if !(0.0..f64::INFINITY).contains(&scale) {
                return Err(Error::invalid(Operand::Scale, index));
            }
            scale_type.check(index, &[scale], &[scale_type.round(scale)])?;
        }
        let number = |scale: &f64| scale_type.number_below(scale_type.round(*scale));
        let numbers = scales.iter().map(number);
        Ok(match scale_type {
            ScaleType::F64 => Self::F64(scales.to_vec()),
            ScaleType::F32 => Self::F32(numbers.map(|n| f32::from_bits(n as u32)).collect()),
            ScaleType::F16 => Self::F16(numbers.map(|n| n as u16).collect()),
            ScaleType::Bf16 => Self::Bf16(numbers.map(|n| n as u16).collect()),
            ScaleType::PowerOfTwo => {
                let exponent = |n: u64| (n as u8).wrapping_sub(128).cast_signed();
                Self::PowerOfTwo(numbers.map(exponent).collect())
            }
        })
    }

    /// The scales, borrowed.
    pub(crate) fn as_slice(&self) -> ScaleSlice<'_> {
        match self {
            Self::F64(scales) => ScaleSlice::F64(scales),
            Self::F32(scales) => ScaleSlice::F32(scales),
            Self::F16(scales) => ScaleSlice::F16(scales),
            Self::Bf16(scales) => ScaleSlice::Bf16(scales),
            Self::PowerOfTwo(scales) => ScaleSlice::PowerOfTwo(scales),
        }
    }
}

impl ScaleSlice<'_> {
    /// All values, exactly.
    pub(crate) fn to_f64(self) -> Vec<f64> {
        (0..self.len()).filter_map(|i| self.get(i)).collect()
    }

    /// The same scales, owned.
    pub(crate) fn to_owned(self) -> ScaleBuf {
        match self {
            Self::F64(scales) => ScaleBuf::F64(scales.to_vec()),
            Self::F32(scales) => ScaleBuf::F32(scales.to_vec()),
            Self::F16(scales) => ScaleBuf::F16(scales.to_vec()),
            Self::Bf16(scales) => ScaleBuf::Bf16(scales.to_vec()),
            Self::PowerOfTwo(scales) => ScaleBuf::PowerOfTwo(scales.to_vec()),
        }
    }

    /// The bytes that the scales take.
    pub(crate) const fn stored_bytes(&self) -> usize {
        self.len() * self.scale_type().bytes()
    }
}

#[cfg(feature = "safetensors")]
impl ScaleBuf {
    /// The scales of little-endian bytes; `None` if the last one is incomplete.
    pub(crate) fn from_le_bytes(scale_type: ScaleType, bytes: &[u8]) -> Option<Self> {
        Some(match scale_type {
            ScaleType::F64 => Self::F64(read_all(bytes, f64::from_le_bytes)?),
            ScaleType::F32 => Self::F32(read_all(bytes, f32::from_le_bytes)?),
            ScaleType::F16 => Self::F16(read_all(bytes, u16::from_le_bytes)?),
            ScaleType::Bf16 => Self::Bf16(read_all(bytes, u16::from_le_bytes)?),
            ScaleType::PowerOfTwo => Self::PowerOfTwo(read_all(bytes, i8::from_le_bytes)?),
        })
    }
}

/// All numbers of little-endian bytes; `None` if the last one is incomplete.
#[cfg(feature = "safetensors")]
pub(crate) fn read_all<T, const N: usize>(bytes: &[u8], read: fn([u8; N]) -> T) -> Option<Vec<T>> {
    let (numbers, rest) = bytes.as_chunks();
    let numbers = numbers.iter().map(|bytes| read(*bytes));
    rest.is_empty().then(|| numbers.collect())
}
