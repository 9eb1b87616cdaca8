//! Scales as they are stored: [`ScaleType`], the type of a scale, and [`ScaleSlice`], scales of one type.
//!
//! What a file or a microcontroller stores is an `f64`, an `f32`, an `f16`, a `bf16`, or the exponent of a power of two (a processor
//! without a multiplier shifts by it).
//!
//! Every scale type is a binary floating-point format, described by three numbers: the significant bits `p`, the exponent of the
//! smallest value, and the number of the largest value. Its values are numbered from 0 upward. For a float the number is its bit
//! pattern; for a power of two `2^e` it is `e + 128`. The power of two is the format with `p = 1`.
//!
//! ```text
//! floor(x)      the largest value not above x
//! round(x)      the nearer of floor(x) and the next value; of two equally near, the one with the even number
//! round(x)      the largest value for all x above it: no scale becomes infinite
//! ```
//!
//! Rounding does so without a word. Where the scales of a group are chosen, a scale that would become infinite, and a group that would
//! lose all its scales to 0, are errors.
//!
//! The arithmetic is integer arithmetic on bit patterns, so all types exist without the feature `half`. Rounding takes constant
//! time and no heap.
//!
//! Source of the order of the bit patterns: IEEE 754-2019, section 3.4.

#[cfg(feature = "alloc")]
mod owned;
mod slice;

use core::fmt;

#[cfg(feature = "alloc")]
pub(crate) use owned::ScaleBuf;
#[cfg(feature = "safetensors")]
pub(crate) use owned::read_all;
pub use slice::ScaleSlice;

#[cfg(feature = "alloc")]
use crate::error::{Error, Operand};
use crate::weight::{FloatBits, decode, encode, scale_by_power, unit_exponent};

/// The most planes of a ternary matrix; each has scales of its own.
pub(crate) const MAX_PLANES: usize = 4;

/// The type in which a scale is stored.
///
/// # Examples
///
/// ```
/// use ternarize::ScaleType;
///
/// assert_eq!(ScaleType::PowerOfTwo.round(0.3), 0.25);
/// assert_eq!(ScaleType::F32.round(0.1), f64::from(0.1_f32));
/// assert_eq!(ScaleType::F32.round(1e300), f64::from(f32::MAX));
/// assert_eq!(ScaleType::from_name("power-of-two"), Some(ScaleType::PowerOfTwo));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ScaleType {
    /// `f64`: 8 bytes.
    F64,
    /// `f32`: 4 bytes.
    #[default]
    F32,
    /// `f16`: 2 bytes, at most 65504, with a spacing of 2^-24 below 2^-14.
    F16,
    /// `bf16`: 2 bytes, the range of `f32` with 8 significant bits.
    Bf16,
    /// 0, or `2^e` with `e` in `-127..=127`: 1 byte, which holds `e`, or -128 for the scale 0.
    PowerOfTwo,
}

impl ScaleType {
    /// All types, the most precise first.
    pub const ALL: [Self; 5] = [
        Self::F64,
        Self::F32,
        Self::F16,
        Self::Bf16,
        Self::PowerOfTwo,
    ];

    /// The number of bytes of one scale.
    ///
    /// ```
    /// # use ternarize::ScaleType;
    /// assert_eq!(ScaleType::F32.bytes(), 4);
    /// ```
    #[must_use]
    pub const fn bytes(self) -> usize {
        self.format().1
    }

    /// The name used in files and on command lines: `f64`, `f32`, `f16`, `bf16` or `power-of-two`.
    ///
    /// ```
    /// # use ternarize::ScaleType;
    /// assert_eq!(ScaleType::PowerOfTwo.name(), "power-of-two");
    /// ```
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.format().0
    }

    /// The type with this [`name`](Self::name).
    ///
    /// ```
    /// # use ternarize::ScaleType;
    /// assert_eq!(ScaleType::from_name("f32"), Some(ScaleType::F32));
    /// assert_eq!(ScaleType::from_name("f31"), None);
    /// ```
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The largest value.
    ///
    /// ```
    /// # use ternarize::ScaleType;
    /// assert_eq!(ScaleType::PowerOfTwo.largest(), 2.0_f64.powi(127));
    /// ```
    #[must_use]
    pub fn largest(self) -> f64 {
        self.value(self.last())
    }

    /// The nearest value; of two equally near, the one with the even number.
    ///
    /// A scale above the largest value becomes the largest value. A scale of at most half the smallest value, a negative number and
    /// NaN become 0.
    ///
    /// ```
    /// # use ternarize::ScaleType;
    /// let power = ScaleType::PowerOfTwo;
    /// assert_eq!([1.4, 1.5, 3.0, f64::NAN].map(|x| power.round(x)), [1.0, 1.0, 4.0, 0.0]);
    /// assert_eq!(power.round(f64::INFINITY), power.largest());
    /// ```
    #[must_use]
    pub fn round(self, scale: f64) -> f64 {
        let [low, high] = self.neighbours(scale);
        let (up, down) = (high - scale, scale - low);
        let even = self.number_below(scale).is_multiple_of(2);
        let rises = up < down || (up <= down && !even);
        if rises { high } else { low }
    }

    /// The largest value not above a scale, and the smallest not below it, within the range of the type.
    ///
    /// ```
    /// # use ternarize::ScaleType;
    /// let power = ScaleType::PowerOfTwo;
    /// assert_eq!(power.neighbours(0.3), [0.25, 0.5]);
    /// assert_eq!(power.neighbours(0.5), [0.5, 0.5]);
    /// assert_eq!(power.neighbours(1e300), [power.largest(); 2]);
    /// ```
    #[must_use]
    pub fn neighbours(self, scale: f64) -> [f64; 2] {
        let number = self.number_below(scale);
        let low = self.value(number);
        let above = u64::from(scale > low);
        [low, self.value((number + above).min(self.last()))]
    }

    /// The number of the largest value not above a scale; 0 for negative numbers and NaN.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "rounds down; a mantissa has at most 53 bits"
    )]
    pub(crate) fn number_below(self, scale: f64) -> u64 {
        let (precision, least) = self.format().2;
        if !(scale > 0.0 && scale < f64::INFINITY) {
            return if scale > 0.0 { self.last() } else { 0 };
        }
        // The spacing of the values around the scale is 2^(least + shift).
        let above = unit_exponent::<f64>(scale.key());
        let shift = (above - least - precision as i32).max(0);
        let mantissa = scale_by_power(scale, -(least + shift)) as u64;
        encode(mantissa, shift as u32, precision).min(self.last())
    }

    /// The value of a number, which is at most [`last`](Self::last).
    pub(crate) fn value(self, number: u64) -> f64 {
        let (precision, least) = self.format().2;
        let (mantissa, shift) = decode(number, precision);
        scale_by_power(mantissa as f64, least + shift as i32)
    }

    /// Checks the stored scales of a group against those that were wanted.
    ///
    /// Errors: [`Error::Unstorable`] with the group, if a scale would become infinite, or if all become 0 though one is not. One of
    /// several scales may become 0: what it stands for is small beside the others.
    #[cfg(feature = "alloc")]
    pub(crate) fn check(self, group: usize, wanted: &[f64], stored: &[f64]) -> Result<(), Error> {
        let lost = wanted.iter().any(|&scale| scale != 0.0) && stored.iter().all(|&s| s == 0.0);
        if lost || wanted.iter().any(|&scale| scale >= self.infinite()) {
            return Err(Error::unstorable(Operand::Scale, group));
        }
        Ok(())
    }

    /// The smallest scale that would be rounded to infinity: halfway from the largest value to the next power of two.
    #[cfg(feature = "alloc")]
    fn infinite(self) -> f64 {
        let (precision, _) = self.format().2;
        let part = 1.0 - scale_by_power(0.5, -(precision as i32));
        scale_by_power(part, unit_exponent::<f64>(self.largest().key()))
    }

    /// The number of the largest value.
    pub(crate) const fn last(self) -> u64 {
        self.format().3
    }

    /// The name; the bytes of a scale; the number of significant bits and the exponent of the smallest value above 0; the number of
    /// the largest value.
    const fn format(self) -> (&'static str, usize, (u32, i32), u64) {
        match self {
            Self::F64 => ("f64", 8, (53, -1074), 0x7fef_ffff_ffff_ffff),
            Self::F32 => ("f32", 4, (24, -149), 0x7f7f_ffff),
            Self::F16 => ("f16", 2, (11, -24), 0x7bff),
            Self::Bf16 => ("bf16", 2, (8, -133), 0x7f7f),
            Self::PowerOfTwo => ("power-of-two", 1, (1, -127), 255),
        }
    }
}

impl fmt::Display for ScaleType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
