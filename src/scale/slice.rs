//! [`ScaleSlice`]: borrowed scales of one type.

use super::ScaleType;
use crate::weight::half_to_single;

/// Scales of one [`ScaleType`], borrowed. 16-bit floats are given as their bits and powers of two as their exponents, so that no
/// feature and no other crate is needed to hold them.
///
/// # Examples
///
/// ```
/// use ternarize::{ScaleSlice, ScaleType};
///
/// static SCALES: ScaleSlice<'_> = ScaleSlice::F16(&[0x3c00, 0x3800]);
/// assert_eq!((SCALES.get(0), SCALES.get(1), SCALES.get(2)), (Some(1.0), Some(0.5), None));
/// assert_eq!(SCALES.scale_type(), ScaleType::F16);
/// assert_eq!(ScaleSlice::PowerOfTwo(&[-128, 3]).get(1), Some(8.0));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum ScaleSlice<'a> {
    /// `f64` numbers. Products round each to the nearest `f32`, which is infinite above the largest one.
    F64(&'a [f64]),
    /// `f32` numbers.
    F32(&'a [f32]),
    /// The bits of `f16` numbers.
    F16(&'a [u16]),
    /// The bits of `bf16` numbers.
    Bf16(&'a [u16]),
    /// The exponents `e` of powers `2^e`; -128 is the scale 0.
    PowerOfTwo(&'a [i8]),
}

/// Calls a method of the slices that a [`ScaleSlice`] may hold.
macro_rules! each {
    ($scales:expr, $slice:ident => $result:expr) => {
        match $scales {
            ScaleSlice::F64($slice) => $result,
            ScaleSlice::F32($slice) => $result,
            ScaleSlice::F16($slice) | ScaleSlice::Bf16($slice) => $result,
            ScaleSlice::PowerOfTwo($slice) => $result,
        }
    };
}

impl ScaleSlice<'_> {
    /// The number of scales.
    ///
    /// ```
    /// assert_eq!(ternarize::ScaleSlice::F32(&[0.5; 3]).len(), 3);
    /// ```
    #[must_use]
    pub const fn len(&self) -> usize {
        each!(self, slice => slice.len())
    }

    /// Whether there are none.
    ///
    /// ```
    /// assert!(ternarize::ScaleSlice::F32(&[]).is_empty());
    /// ```
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Their type.
    ///
    /// ```
    /// # use ternarize::{ScaleSlice, ScaleType};
    /// assert_eq!(ScaleSlice::Bf16(&[]).scale_type(), ScaleType::Bf16);
    /// ```
    #[must_use]
    pub const fn scale_type(&self) -> ScaleType {
        match self {
            Self::F64(_) => ScaleType::F64,
            Self::F32(_) => ScaleType::F32,
            Self::F16(_) => ScaleType::F16,
            Self::Bf16(_) => ScaleType::Bf16,
            Self::PowerOfTwo(_) => ScaleType::PowerOfTwo,
        }
    }

    /// The exact value of a scale; `None` beyond the last one.
    ///
    /// ```
    /// # use ternarize::ScaleSlice;
    /// assert_eq!(ScaleSlice::Bf16(&[0x3fc0]).get(0), Some(1.5));
    /// ```
    #[must_use]
    pub const fn get(&self, index: usize) -> Option<f64> {
        match self {
            _ if index >= self.len() => None,
            Self::F64(scales) => Some(scales[index]),
            _ => Some(self.single(index) as f64),
        }
    }

    /// The value of a scale as the nearest `f32`; 0 beyond the last one.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "rounds to the nearest, which a constant can have only this way"
    )]
    #[inline(always)]
    pub(crate) const fn single(&self, index: usize) -> f32 {
        if index >= self.len() {
            return 0.0;
        }
        match self {
            Self::F64(scales) => scales[index] as f32,
            Self::F32(scales) => scales[index],
            Self::F16(scales) => half_to_single(scales[index]),
            Self::Bf16(scales) => f32::from_bits((scales[index] as u32) << 16),
            Self::PowerOfTwo(scales) => power_of_two(scales[index]),
        }
    }

    /// The index of the first value that is no scale: negative, NaN or infinite.
    pub(crate) const fn first_invalid(&self) -> Option<usize> {
        // By bits, as comparisons of floats take several times as many instructions: below infinity, or those of -0.
        macro_rules! first_not {
            ($s:ident, $x:ident => $bits:expr, $infinity:expr, $zero:expr) => {{
                let (mut index, mut valid) = (0, true);
                // All are looked at, as an end in the middle would keep the loop from becoming vectors.
                while index < $s.len() {
                    let $x = $s[index];
                    valid &= ($bits < $infinity) | ($bits == $zero);
                    index += 1;
                }
                if valid {
                    return None;
                }
                index = 0;
                while {
                    let $x = $s[index];
                    $bits < $infinity || $bits == $zero
                } {
                    index += 1;
                }
                Some(index)
            }};
        }
        match self {
            Self::F64(s) => first_not!(s, x => x.to_bits(), 0x7ff << 52, 1 << 63),
            Self::F32(s) => first_not!(s, x => x.to_bits(), 0xff << 23, 1 << 31),
            Self::F16(s) => first_not!(s, x => x, 0x7c00, 0x8000),
            Self::Bf16(s) => first_not!(s, x => x, 0x7f80, 0x8000),
            // All are powers of two, or zero.
            Self::PowerOfTwo(_) => None,
        }
    }

    /// The little-endian bytes of the scales.
    #[cfg(feature = "safetensors")]
    pub(crate) fn to_le_bytes(self) -> alloc::vec::Vec<u8> {
        each!(self, scales => scales.iter().flat_map(|s| s.to_le_bytes()).collect())
    }
}

/// `2^exponent`, or 0 for -128.
const fn power_of_two(exponent: i8) -> f32 {
    match exponent {
        i8::MIN => 0.0,
        // The only one that is subnormal.
        -127 => f32::from_bits(1 << 22),
        _ => f32::from_bits(((exponent as i32 + 127) as u32) << 23),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_those_of_the_numbers() {
        for scale_type in ScaleType::ALL {
            for number in 0..=0x7bff_u16 {
                let expected = scale_type.value(u64::from(number));
                let actual = match scale_type {
                    ScaleType::F64 => ScaleSlice::F64(&[f64::from_bits(u64::from(number))]).get(0),
                    ScaleType::F32 => ScaleSlice::F32(&[f32::from_bits(u32::from(number))]).get(0),
                    ScaleType::F16 => ScaleSlice::F16(&[number]).get(0),
                    ScaleType::Bf16 => ScaleSlice::Bf16(&[number]).get(0),
                    ScaleType::PowerOfTwo => match u8::try_from(number) {
                        Ok(number) => {
                            let exponent = number.wrapping_sub(128).cast_signed();
                            ScaleSlice::PowerOfTwo(&[exponent]).get(0)
                        }
                        Err(_) => continue,
                    },
                };
                assert_eq!(actual, Some(expected), "{scale_type} {number}");
            }
        }
    }

    #[test]
    fn the_first_that_is_no_scale() {
        assert_eq!(ScaleSlice::F64(&[0.0, 1e300]).first_invalid(), None);
        assert_eq!(
            ScaleSlice::F32(&[1.0, -0.0, f32::NAN]).first_invalid(),
            Some(2)
        );
        assert_eq!(ScaleSlice::F16(&[0x7bff, 0x7c00]).first_invalid(), Some(1));
        assert_eq!(ScaleSlice::Bf16(&[0x8001]).first_invalid(), Some(0));
        assert_eq!(
            ScaleSlice::PowerOfTwo(&[-128, -127, 127]).first_invalid(),
            None
        );
    }
}
