//! Scales of every type, held as their bits.

use super::twin::noise;
use ternarize::{ScaleSlice, ScaleType};

/// Scales of one type, owned.
#[derive(Clone, Debug)]
pub(crate) enum Stored {
    F64(Vec<f64>),
    F32(Vec<f32>),
    F16(Vec<u16>),
    Bf16(Vec<u16>),
    PowerOfTwo(Vec<i8>),
}

impl Stored {
    /// Scales made of any bits: without the sign, and 0 in place of what is not finite.
    pub(crate) fn from_bits(scale_type: ScaleType, bits: &[u64]) -> Self {
        let bytes = bits.iter().map(|bits| bits.to_le_bytes());
        let half = |infinity: u16| {
            move |[low, high, ..]: [u8; 8]| {
                let bits = u16::from_le_bytes([low, high]) & 0x7fff;
                if bits < infinity { bits } else { 0 }
            }
        };
        match scale_type {
            ScaleType::F64 => {
                let values = bits.iter().map(|&bits| f64::from_bits(bits).abs());
                Self::F64(
                    values
                        .map(|x| if x.is_finite() { x } else { 0.0 })
                        .collect(),
                )
            }
            ScaleType::F32 => {
                let values = bytes.map(|[a, b, c, d, ..]| f32::from_le_bytes([a, b, c, d]).abs());
                Self::F32(
                    values
                        .map(|x| if x.is_finite() { x } else { 0.0 })
                        .collect(),
                )
            }
            ScaleType::F16 => Self::F16(bytes.map(half(0x7c00)).collect()),
            ScaleType::Bf16 => Self::Bf16(bytes.map(half(0x7f80)).collect()),
            ScaleType::PowerOfTwo => {
                Self::PowerOfTwo(bytes.map(|[a, ..]| a.cast_signed()).collect())
            }
            other => panic!("a new type of scales: {other}"),
        }
    }

    /// Scales between 2^-8 and 2^8, and some that are 0; those in `f64` are no `f32` numbers.
    pub(crate) fn moderate(scale_type: ScaleType, count: usize, seed: u64) -> Self {
        let values: Vec<f64> = noise(count, seed)
            .map(|x| if x > 0.9 { 0.0 } else { (8.0 * x).exp2() })
            .collect();
        Self::rounded(scale_type, &values)
    }

    /// Each scale as the largest value of the type that is not above it, found by its bits.
    pub(crate) fn rounded(scale_type: ScaleType, values: &[f64]) -> Self {
        let values = values.iter();
        #[expect(clippy::cast_possible_truncation, reason = "rounding is meant")]
        let single = |&value: &f64| scale_type.neighbours(value)[0] as f32;
        match scale_type {
            ScaleType::F64 => Self::F64(values.copied().collect()),
            ScaleType::F32 => Self::F32(values.map(single).collect()),
            // The exponents of an f16 are 112 less; below 2^-14 it has no leading bit.
            ScaleType::F16 => {
                let half = |value: &f64| {
                    let bits = single(value).to_bits() >> 13;
                    u16::try_from(bits.saturating_sub(112 << 10)).expect("moderate")
                };
                Self::F16(values.map(half).collect())
            }
            ScaleType::Bf16 => {
                let half = |value: &f64| u16::try_from(single(value).to_bits() >> 16);
                Self::Bf16(values.map(|value| half(value).expect("16 bits")).collect())
            }
            ScaleType::PowerOfTwo => {
                let exponent = |value: &f64| match single(value).to_bits() >> 23 {
                    0 => i8::MIN,
                    biased => i8::try_from(biased.cast_signed() - 127).expect("8 bits"),
                };
                Self::PowerOfTwo(values.map(exponent).collect())
            }
            other => panic!("a new type of scales: {other}"),
        }
    }

    pub(crate) fn slice(&self) -> ScaleSlice<'_> {
        match self {
            Self::F64(scales) => ScaleSlice::F64(scales),
            Self::F32(scales) => ScaleSlice::F32(scales),
            Self::F16(scales) => ScaleSlice::F16(scales),
            Self::Bf16(scales) => ScaleSlice::Bf16(scales),
            Self::PowerOfTwo(scales) => ScaleSlice::PowerOfTwo(scales),
        }
    }
}
