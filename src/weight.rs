//! [`FloatBits`]: the bit layout of the types of weights, and their magnitudes as integers.
//!
//! Every finite magnitude of a binary floating-point type is a whole multiple of its smallest subnormal number. So the
//! searches of this crate never compare or add floats: they order magnitudes by their **key** (the bits without the
//! sign, which sort as the magnitudes do) and add them as integers.
//!
//! ```text
//! key        = exponent field . fraction field           (the bits of |w|)
//! |w|        = mantissa << shift                          in units of the smallest subnormal
//! mantissa   = fraction + 2^(p-1) if the exponent field is not 0         (p = precision in bits)
//! shift      = max(exponent field, 1) - 1
//! key        = mantissa + (shift << (p-1))                (the way back)
//! ```
//!
//! Source: IEEE 754-2019, section 3.4 (the interchange formats are ordered like their bits).

use core::cmp::Reverse;
use core::convert::identity;
use core::fmt::{Debug, Display};

use num_traits::Float;

/// The bit layout of a weight type: what this crate knows of a [`Weight`](crate::Weight).
#[cfg_attr(
    not(feature = "alloc"),
    allow(
        unreachable_pub,
        reason = "a bound of implementations for public types that need an allocator"
    )
)]
pub trait FloatBits: Float + Debug + Display + Send + Sync + 'static {
    /// Significant bits, the hidden one included.
    const PRECISION: u32;
    /// The smallest subnormal is `2^LEAST_EXPONENT`.
    const LEAST_EXPONENT: i32;
    /// Integer wide enough for `sum h_i |w_i|` with any `f32` importance and any number of weights.
    type Wide: Limbs;
    /// Integer wide enough for the square of such a sum times a sum of importances.
    type Cube: Limbs;
    /// Whether every value of the type is an `f32`, too: `f32`, `f16`, `bf16`.
    const FITS_SINGLE: bool;
    /// The bytes of a weight, in memory that is lent for a while: those of an `f32` if it is one.
    type Slot: Copy + Send;

    /// The bytes of an `f32` that is such a weight.
    fn single_to_slot(single: f32) -> Self::Slot;
    /// The `f32` of these bytes, of a type that fits `f32`.
    fn slot_to_single(slot: Self::Slot) -> f32;
    /// Sorts slots by magnitude, the largest first.
    fn sort_slots(slots: &mut [Self::Slot]);
    /// The weight's bytes.
    fn to_slot(self) -> Self::Slot;
    /// The weight of these bytes.
    fn from_slot(slot: Self::Slot) -> Self;
    /// As many slots as fit into some bytes.
    fn slots(bytes: &mut [i8]) -> &mut [Self::Slot];
    /// The slots of a type that fits `f32`, which hold one each.
    fn single_slots(slots: &mut [Self::Slot]) -> &mut [[i8; 4]];

    /// The bits of the magnitude: they order as the magnitudes do.
    fn key(self) -> u64;
    /// The magnitude with these bits.
    fn from_key(key: u64) -> Self;
    /// The same value; every weight type fits.
    fn widen(self) -> f64;
    /// The bits of weights that are `f16`, which processors can convert.
    #[inline(always)]
    fn half_bits(_: &[Self; 16]) -> Option<[u16; 16]> {
        None
    }
    /// The nearest `f32`: the same value if [`FITS_SINGLE`](Self::FITS_SINGLE).
    fn single(self) -> f32;

    /// The nearest value of this type, the even one of two; infinite if beyond the largest.
    fn narrow(x: f64) -> Self;
}

/// A fixed-width unsigned integer: an array of limbs, the least significant first.
#[cfg_attr(
    not(feature = "alloc"),
    allow(
        unreachable_pub,
        reason = "a bound of implementations for public types that need an allocator"
    )
)]
pub trait Limbs: Copy {
    /// The number zero.
    const ZERO: Self;
    /// The limbs, least significant first.
    fn limbs(&self) -> &[u64];
    /// The limbs for writing.
    fn limbs_mut(&mut self) -> &mut [u64];
}

impl<const N: usize> Limbs for [u64; N] {
    const ZERO: Self = [0; N];

    fn limbs(&self) -> &[u64] {
        self
    }

    fn limbs_mut(&mut self) -> &mut [u64] {
        self
    }
}

/// Splits a key into `(mantissa, shift)`: the magnitude is `mantissa << shift` smallest subnormals.
#[expect(
    clippy::cast_possible_truncation,
    reason = "an exponent field has at most 11 bits"
)]
#[inline]
pub(crate) fn decode(key: u64, precision: u32) -> (u64, u32) {
    let fraction_bits = precision - 1;
    let field = (key >> fraction_bits) as u32;
    let fraction = key & ((1 << fraction_bits) - 1);
    // Without a branch: weights come in no order that a processor could predict.
    let normal = u32::from(field != 0);
    let mantissa = fraction | u64::from(normal) << fraction_bits;
    (mantissa, field - normal)
}

/// The key of `mantissa << shift`, for a mantissa that is normalised (or a shift of 0).
pub(crate) fn encode(mantissa: u64, shift: u32, precision: u32) -> u64 {
    mantissa + (u64::from(shift) << (precision - 1))
}

/// The index of the first weight that is NaN or infinite.
pub(crate) fn first_not_finite<W: FloatBits>(weights: &[W]) -> Option<usize> {
    // A loop without an exit becomes one of vectors.
    let finite = |chunk: &&[W]| chunk.iter().fold(true, |all, w| all & w.is_finite());
    let start = weights
        .chunks(1 << 10)
        .take_while(finite)
        .map(<[W]>::len)
        .sum();
    let mut rest = weights.iter().skip(start);
    rest.position(|weight| !weight.is_finite())
        .map(|index| start + index)
}

/// The exponent of the power of two at or below a positive normal number.
pub(crate) const fn exponent(x: f64) -> i32 {
    (x.to_bits() >> 52) as i32 - 1023
}

/// The exponent of a power of two just above the magnitude with this key: sums in units of it cannot overflow.
pub(crate) fn unit_exponent<W: FloatBits>(top: u64) -> i32 {
    let (mantissa, shift) = decode(top, W::PRECISION);
    W::LEAST_EXPONENT + shift as i32 + (u64::BITS - mantissa.leading_zeros()) as i32
}

/// `2^exponent`, for the exponents of normal `f64` numbers.
#[inline]
fn power_of_two(exponent: i32) -> f64 {
    f64::from_bits(((exponent + 1023) as u64) << 52)
}

/// `x * 2^exponent`, exact unless it leaves the range of normal numbers; `|exponent| > 2044` counts as 2044.
#[inline]
pub(crate) fn scale_by_power(x: f64, exponent: i32) -> f64 {
    if (-1022..=1023).contains(&exponent) {
        return x * power_of_two(exponent);
    }
    // One factor would not reach from the largest number to the smallest; two do.
    let exponent = exponent.clamp(-2044, 2044);
    let half = exponent / 2;
    x * power_of_two(half) * power_of_two(exponent - half)
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "to the nearest is what is wanted"
)]
fn to_f32(x: f64) -> f32 {
    x as f32
}

/// The `f64` of the same value.
#[inline(always)]
pub(crate) fn double(single: f32) -> f64 {
    let double = f64::from(single);
    // The product of two of them is one instruction there (MDEB), and emulators get it wrong: QEMU 7.2 does. Hidden from the
    // compiler, they are multiplied as `f64`.
    if cfg!(target_arch = "s390x") {
        core::hint::black_box(double)
    } else {
        double
    }
}

/// The largest weight not above a number that is not negative.
#[inline(always)]
pub(crate) fn floor<W: FloatBits>(x: f64) -> W {
    let near = W::narrow(x);
    // Without a branch, as this is done in lanes.
    W::from_key(near.key() - u64::from(near.widen() > x))
}

/// One of the two `f32` about `x`, the one with an odd last bit; `x` itself if that is an `f32`. It can be rounded once more,
/// to a type of two bits less, as if `x` itself were rounded, where a nearest value might have come to lie on a tie.
///
/// Source: Boldo and Melquiond, Emulation of FMA and correctly rounded sums: proved algorithms using rounding to odd (2008).
#[cfg(feature = "half")]
fn to_odd(x: f64) -> f32 {
    let near = to_f32(x);
    let missing = Float::abs(x) - f64::from(Float::abs(near));
    let bits = near.to_bits();
    match bits & 1 {
        0 if missing > 0.0 => f32::from_bits(bits + 1),
        0 if missing < 0.0 => f32::from_bits(bits - 1),
        _ => near,
    }
}

/// The `f32` of the bits of an `f16`, without a branch and without asking the processor: for loops.
#[inline(always)]
pub(crate) const fn half_to_single(bits: u16) -> f32 {
    // The sign is extended, and its copies are cut off.
    let fields = (bits.cast_signed() as i32).cast_unsigned() << 13 & 0x8fff_e000;
    // With the fields in their places only the exponent's bias is wrong, by 127 - 15; a product mends that for subnormals, too.
    let value = f32::from_bits(fields) * f32::from_bits((127 + 112) << 23);
    let beyond = ((fields & 0x0f80_0000 == 0x0f80_0000) as u32).wrapping_neg();
    f32::from_bits(value.to_bits() | beyond & f32::INFINITY.to_bits())
}

macro_rules! weight {
    ($type:ty, $precision:literal, $least:literal, $wide:literal, $cube:literal, $fits_single:literal, $slot:ty, $widen:expr, $single:expr, $narrow:expr $(; $($more:tt)*)?) => {
        impl FloatBits for $type {
            const PRECISION: u32 = $precision;
            const LEAST_EXPONENT: i32 = $least;
            type Wide = [u64; $wide];
            type Cube = [u64; $cube];
            const FITS_SINGLE: bool = $fits_single;
            type Slot = [i8; size_of::<$slot>()];

            #[inline(always)]
            fn single_to_slot(single: f32) -> Self::Slot {
                <$slot>::from(single).to_ne_bytes().map(u8::cast_signed)
            }

            #[inline(always)]
            #[allow(
                clippy::cast_possible_truncation,
                reason = "of a type that fits singles these are the bytes of one"
            )]
            fn slot_to_single(slot: Self::Slot) -> f32 {
                <$slot>::from_ne_bytes(slot.map(i8::cast_unsigned)) as f32
            }

            // A sort is so much code that all callers should share it.
            #[inline(never)]
            fn sort_slots(slots: &mut [Self::Slot]) {
                slots.sort_unstable_by_key(|slot| {
                    let float = <$slot>::from_ne_bytes(slot.map(i8::cast_unsigned));
                    Reverse(float.abs().to_bits())
                });
            }

            #[inline(always)]
            fn to_slot(self) -> Self::Slot {
                <$slot>::from(self).to_ne_bytes().map(u8::cast_signed)
            }

            #[inline(always)]
            fn from_slot(slot: Self::Slot) -> Self {
                Self::narrow(<$slot>::from_ne_bytes(slot.map(i8::cast_unsigned)).into())
            }

            fn slots(bytes: &mut [i8]) -> &mut [Self::Slot] {
                bytes.as_chunks_mut().0
            }

            #[inline(always)]
            fn single_slots(slots: &mut [Self::Slot]) -> &mut [[i8; 4]] {
                slots.as_flattened_mut().as_chunks_mut().0
            }

            #[inline(always)]
            fn key(self) -> u64 {
                u64::from(Float::abs(self).to_bits())
            }

            #[inline]
            #[allow(
                clippy::cast_possible_truncation,
                reason = "keys come from this type, so they fit its bits"
            )]
            fn from_key(key: u64) -> Self {
                <$type>::from_bits(key as _)
            }

            #[inline(always)]
            fn widen(self) -> f64 {
                $widen(self)
            }

            #[inline(always)]
            fn single(self) -> f32 {
                $single(self)
            }

            #[inline]
            fn narrow(x: f64) -> Self {
                $narrow(x)
            }

            $($($more)*)?
        }
    };
}

// Widths in 64-bit limbs. Magnitudes stay below 2^277 (f32), 2^2098 (f64), 2^40 (f16) and 2^261 (bf16) units, an f32
// importance below 2^277, a count below 2^64; Wide holds their product, Cube twice that plus a sum of importances.
weight! { f32, 24, -149, 10, 26, true, f32, double, identity, to_f32 }
weight! { f64, 53, -1074, 39, 84, false, f64, identity, to_f32, identity }
#[cfg(feature = "half")]
weight! { half::f16, 11, -24, 6, 18, true, f32, f64::from, |x: Self| half_to_single(x.to_bits()), |x| Self::from_f32(to_odd(x));
    #[inline(always)]
    fn half_bits(weights: &[Self; 16]) -> Option<[u16; 16]> {
        let mut all = [0; 16];
        for (bits, weight) in all.iter_mut().zip(weights) {
            *bits = weight.to_bits();
        }
        Some(all)
    }
}
#[cfg(feature = "half")]
weight! { half::bf16, 8, -133, 10, 26, true, f32, f64::from, |x: Self| f32::from_bits(u32::from(x.to_bits()) << 16), |x| Self::from_f32(to_odd(x)) }

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trips<W: FloatBits>(keys: impl Iterator<Item = u64>) {
        for key in keys {
            let (mantissa, shift) = decode(key, W::PRECISION);
            assert_eq!(encode(mantissa, shift, W::PRECISION), key);
            assert_eq!(W::from_key(key).key(), key);
            let value = scale_by_power(mantissa as f64, shift as i32 + W::LEAST_EXPONENT);
            assert_eq!(
                value.to_bits(),
                W::from_key(key).widen().to_bits(),
                "key {key:#x}"
            );
        }
    }

    #[test]
    fn keys_decode_to_the_magnitude_they_encode() {
        let edges = [
            0,
            1,
            2,
            0x007f_ffff,
            0x0080_0000,
            0x0080_0001,
            0x3f80_0000,
            0x7f7f_ffff,
        ];
        round_trips::<f32>(edges.into_iter());
        round_trips::<f32>((0..0x7f80_0000).step_by(65_521));
        let top = f64::MAX.to_bits();
        round_trips::<f64>([0, 1, (1 << 52) - 1, 1 << 52, top].into_iter());
        round_trips::<f64>((0..=top >> 47).map(|high| high << 47));
    }

    #[cfg(feature = "half")]
    #[test]
    fn every_half_decodes_to_its_magnitude() {
        round_trips::<half::f16>(0..0x7c00);
        round_trips::<half::bf16>(0..0x7f80);
    }

    #[cfg(feature = "half")]
    #[test]
    fn every_half_is_the_same_single() {
        for bits in 0..=u16::MAX {
            let (a, b) = (half::f16::from_bits(bits), half::bf16::from_bits(bits));
            for (ours, theirs) in [(a.single(), f32::from(a)), (b.single(), f32::from(b))] {
                assert!(ours.to_bits() == theirs.to_bits() || ours.is_nan() && theirs.is_nan());
            }
        }
    }

    /// Between any two neighbours: the midpoint goes to the even one, all else to the nearer one.
    #[cfg(feature = "half")]
    fn rounds_once<W: FloatBits>(end: u64) {
        let bits = |x: f64| {
            assert_eq!(W::narrow(-x), -W::narrow(x));
            W::narrow(x).key()
        };
        for key in 0..end - 1 {
            let (low, high) = (W::from_key(key).widen(), W::from_key(key + 1).widen());
            let middle = low + (high - low) / 2.0;
            assert_eq!(bits(middle), key + (key & 1));
            assert_eq!(
                (bits(middle.next_down()), bits(middle.next_up())),
                (key, key + 1)
            );
            assert_eq!((bits(low), bits(high.next_down())), (key, key + 1));
        }
        let top = W::max_value().widen();
        assert_eq!(bits(top.next_up()), W::max_value().key());
        assert_eq!(bits(f64::MAX), W::infinity().key());
    }

    #[cfg(feature = "half")]
    #[test]
    fn numbers_are_rounded_once() {
        rounds_once::<half::f16>(0x7c00);
        rounds_once::<half::bf16>(0x7f80);
    }
}
