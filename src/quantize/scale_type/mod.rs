//! Scales as a file or a microcontroller keeps them, and the optimum among ternary vectors with such scales.
//!
//! A best scale is a mean and has any number of bits; what is stored is an `f32`, an `f16`, a `bf16`, or the exponent of a power of
//! two, by which a processor without a multiplier shifts. A scale that is rounded after the search leaves trits behind that were
//! chosen for another one. Here the scale is rounded *within* the search.
//!
//! The values of a [`ScaleType`] are numbered from 0 upward: the number of a float is its bits, that of `2^e` is `e + 128`.
//!
//! ```text
//! floor(x)      the last value not above x
//! round(x)      the nearer of floor(x) and the next value; of two as near, the one with an even number
//! round(x)      the largest value, for all x above it: nothing becomes infinite
//! ```
//!
//! Cost of rounding: constant, no heap. Source of the order of floats: IEEE 754-2019, section 3.4.

#[cfg(feature = "alloc")]
mod double;
#[cfg(feature = "alloc")]
mod single;

use core::fmt;

#[cfg(feature = "alloc")]
pub(crate) use single::Single;
#[cfg(feature = "alloc")]
pub use single::{Stored, ternarize_stored};

use crate::weight::{Format, floor};

/// The type in which a scale is stored.
///
/// # Examples
///
/// ```
/// use ternarize::stored::ScaleType;
///
/// assert_eq!(ScaleType::PowerOfTwo.round(0.3), 0.25);
/// assert_eq!(ScaleType::F32.round(0.1), f64::from(0.1_f32));
/// assert_eq!(ScaleType::F32.round(1e300), f64::from(f32::MAX));
/// assert_eq!(ScaleType::from_name("power-of-two"), Some(ScaleType::PowerOfTwo));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ScaleType {
    /// `f32`, of 4 bytes.
    #[default]
    F32,
    /// `f16`, of 2 bytes: at most 65504, and 2^-24 apart below 2^-14.
    #[cfg(feature = "half")]
    F16,
    /// `bf16`, of 2 bytes: the range of `f32` with 8 significant bits.
    #[cfg(feature = "half")]
    Bf16,
    /// 0, or `2^e` with `e` in `-127..=127`, of 1 byte: the exponent, and -128 for the scale 0.
    PowerOfTwo,
}

impl ScaleType {
    /// All types, the most precise first.
    #[cfg(feature = "half")]
    pub const ALL: &'static [Self] = &[Self::F32, Self::F16, Self::Bf16, Self::PowerOfTwo];
    /// All types, the most precise first.
    #[cfg(not(feature = "half"))]
    pub const ALL: &'static [Self] = &[Self::F32, Self::PowerOfTwo];

    /// The bytes of a scale.
    ///
    /// ```
    /// # use ternarize::stored::ScaleType;
    /// assert_eq!(ScaleType::F32.bytes(), 4);
    /// ```
    #[must_use]
    pub const fn bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            #[cfg(feature = "half")]
            Self::F16 | Self::Bf16 => 2,
            Self::PowerOfTwo => 1,
        }
    }

    /// The name as written in files and on command lines.
    ///
    /// ```
    /// # use ternarize::stored::ScaleType;
    /// assert_eq!(ScaleType::PowerOfTwo.name(), "power-of-two");
    /// ```
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            #[cfg(feature = "half")]
            Self::F16 => "f16",
            #[cfg(feature = "half")]
            Self::Bf16 => "bf16",
            Self::PowerOfTwo => "power-of-two",
        }
    }

    /// The type of this name.
    ///
    /// ```
    /// # use ternarize::stored::ScaleType;
    /// assert_eq!(ScaleType::from_name("f32"), Some(ScaleType::F32));
    /// assert_eq!(ScaleType::from_name("f31"), None);
    /// ```
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }

    /// The largest value.
    ///
    /// ```
    /// # use ternarize::stored::ScaleType;
    /// assert_eq!(ScaleType::PowerOfTwo.largest(), 2.0_f64.powi(127));
    /// ```
    #[must_use]
    pub fn largest(self) -> f64 {
        self.value(self.last())
    }

    /// The nearest value, that with the even number of two as near.
    ///
    /// What is above the largest value becomes that; what is below half of the smallest, or just that, becomes 0, and so do
    /// negative numbers and NaN.
    ///
    /// ```
    /// # use ternarize::stored::ScaleType;
    /// let power = ScaleType::PowerOfTwo;
    /// assert_eq!([1.4, 1.5, 3.0, f64::NAN].map(|x| power.round(x)), [1.0, 1.0, 4.0, 0.0]);
    /// assert_eq!(power.round(f64::INFINITY), power.largest());
    /// ```
    #[must_use]
    pub fn round(self, scale: f64) -> f64 {
        let [low, high] = self.neighbours(scale);
        let (up, down) = (high - scale, scale - low);
        let even = self.number_below(scale).is_multiple_of(2);
        if up < down || (up <= down && !even) {
            high
        } else {
            low
        }
    }

    /// The last value not above a scale, and the first not below it, within the range of the type.
    ///
    /// ```
    /// # use ternarize::stored::ScaleType;
    /// let power = ScaleType::PowerOfTwo;
    /// assert_eq!(power.neighbours(0.3), [0.25, 0.5]);
    /// assert_eq!(power.neighbours(0.5), [0.5, 0.5]);
    /// assert_eq!(power.neighbours(1e300), [power.largest(); 2]);
    /// ```
    #[must_use]
    pub fn neighbours(self, scale: f64) -> [f64; 2] {
        let number = self.number_below(scale);
        let low = self.value(number);
        let high = if scale > low {
            self.value((number + 1).min(self.last()))
        } else {
            low
        };
        [low, high]
    }

    /// The number of the last value not above a scale; 0 for what is negative or NaN.
    pub(crate) fn number_below(self, scale: f64) -> u64 {
        if !(scale > 0.0 && scale < f64::INFINITY) {
            return if scale > 0.0 { self.last() } else { 0 };
        }
        let number = match self {
            Self::F32 => floor::<f32>(scale).key(),
            #[cfg(feature = "half")]
            Self::F16 => floor::<half::f16>(scale).key(),
            #[cfg(feature = "half")]
            Self::Bf16 => floor::<half::bf16>(scale).key(),
            // The exponent field of a double is e + 1023.
            Self::PowerOfTwo => (scale.key() >> 52).saturating_sub(1023 - 128),
        };
        number.min(self.last())
    }

    /// The value of a number, at most [`last`](Self::last).
    pub(crate) fn value(self, number: u64) -> f64 {
        match self {
            Self::F32 => f32::from_key(number).widen(),
            #[cfg(feature = "half")]
            Self::F16 => half::f16::from_key(number).widen(),
            #[cfg(feature = "half")]
            Self::Bf16 => half::bf16::from_key(number).widen(),
            Self::PowerOfTwo if number == 0 => 0.0,
            Self::PowerOfTwo => f64::from_key((number + 1023 - 128) << 52),
        }
    }

    /// The number of the largest value.
    pub(crate) fn last(self) -> u64 {
        match self {
            Self::F32 => f32::MAX.key(),
            #[cfg(feature = "half")]
            Self::F16 => half::f16::MAX.key(),
            #[cfg(feature = "half")]
            Self::Bf16 => half::bf16::MAX.key(),
            Self::PowerOfTwo => 255,
        }
    }
}

impl fmt::Display for ScaleType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
