//! The products of packed trits in plain Rust: the definition that every other implementation must equal, bit for bit.
//!
//! The trits of a few bytes come out of a table, eight and eight meet their activations, and each activation is masked: with
//! all ones to keep it, with all zeros to drop it, and its sign flipped for a -1. There is no multiplication and no branch
//! in the loop. A multiplication would be right as well, but it is what ternary weights are there to save: small
//! processors have no fast one, or none, and it would turn a dropped infinity into NaN.
//!
//! All four functions take the trits as `code`, `bytes` and `offset`: the vector begins at trit `offset` of the bytes, at any
//! place in a byte, and is as long as the activations. So a row of a packed matrix needs no byte border of its own. The
//! bytes must be [valid](Code::validate); others give a number without meaning, but no panic.
//!
//! Cost: as said for [`kernels`](super): one pass, no memory. A vector that begins within a byte costs one more padded block.

use super::{LANES, walk};
use crate::code::Code;
use crate::error::Error;

/// Elements whose i8 sum is taken in `i32`. A whole number of blocks in every code, so that only the first run of a
/// vector can begin within a byte; and below 2^24, so that even -128 times it fits.
const I8_RUN: usize = 20_480;

/// The sum `t_0 x_0 + t_1 x_1 + ...` in the [defined order](super#the-order-of-a-floating-point-sum), in units of `x`.
///
/// Cost: a selection and an addition an element.
///
/// # Errors
///
/// [`Error::OutOfBounds`] if `bytes` end before trit `offset + x.len()`.
///
/// # Examples
///
/// ```
/// use ternarize::{Code, code::two_bit, kernels::portable};
///
/// const BYTES: [u8; 2] = two_bit::encode(&[1, 0, -1, 1, 1]);
/// assert_eq!(portable::dot(Code::TwoBit, &BYTES, 0, &[0.5, 9.0, 2.0, 1.0, 4.0])?, 3.5);
/// assert_eq!(portable::dot(Code::TwoBit, &BYTES, 2, &[2.0, 1.0])?, -1.0);
/// # Ok::<(), ternarize::Error>(())
/// ```
pub fn dot(code: Code, bytes: &[u8], offset: usize, x: &[f32]) -> Result<f32, Error> {
    let start = [0.0; LANES];
    let (mut lanes, moved) = walk::fold(code, bytes, offset, x, start, add_f32)?;
    lanes.rotate_left(moved);
    Ok(sum_lanes(lanes))
}

/// The sums of `x` over the +1 trits and over the -1 trits, `(plus, minus)`, in units of `x`.
///
/// Each is in the [defined order](super#the-order-of-a-floating-point-sum). `plus - minus` need not have the bits of
/// [`dot`], which rounds at other points.
///
/// Cost: two selections and two additions an element.
///
/// # Errors
///
/// [`Error::OutOfBounds`] if `bytes` end before trit `offset + x.len()`.
///
/// # Examples
///
/// With two scales, here 0.5 and 0.25:
///
/// ```
/// use ternarize::{Code, code::two_bit, kernels::portable};
///
/// const BYTES: [u8; 2] = two_bit::encode(&[1, 0, -1, 1, 1]);
/// let x = [0.5, 9.0, 2.0, 1.0, 4.0];
/// let (plus, minus) = portable::dot_signed(Code::TwoBit, &BYTES, 0, &x)?;
/// assert_eq!((plus, minus), (5.5, 2.0));
/// assert_eq!(0.5 * plus - 0.25 * minus, 2.25);
/// # Ok::<(), ternarize::Error>(())
/// ```
pub fn dot_signed(code: Code, bytes: &[u8], offset: usize, x: &[f32]) -> Result<(f32, f32), Error> {
    let start = ([0.0; LANES], [0.0; LANES]);
    let (lanes, moved) = walk::fold(code, bytes, offset, x, start, add_signed_f32)?;
    let (mut plus, mut minus) = lanes;
    plus.rotate_left(moved);
    minus.rotate_left(moved);
    Ok((sum_lanes(plus), sum_lanes(minus)))
}

/// The sum `t_0 x_0 + t_1 x_1 + ...` of integers, exact for every length, in units of `x`.
///
/// Cost: a selection and an addition an element, in `i32`; one addition in `i64` every few thousand.
///
/// # Errors
///
/// [`Error::OutOfBounds`] if `bytes` end before trit `offset + x.len()`.
///
/// # Examples
///
/// ```
/// use ternarize::{Code, code::base3, kernels::portable};
///
/// const BYTES: [u8; 1] = base3::encode(&[-1, 0, 1, -1]);
/// assert_eq!(portable::dot_i8(Code::Base3, &BYTES, 0, &[-128, 1, 127, -128])?, 383);
/// # Ok::<(), ternarize::Error>(())
/// ```
pub fn dot_i8(code: Code, bytes: &[u8], offset: usize, x: &[i8]) -> Result<i64, Error> {
    let mut sum = 0;
    for (at, run) in runs(offset, x) {
        let (lanes, _) = walk::fold(code, bytes, at, run, [0; LANES], add_i8)?;
        sum += i64::from(lanes.iter().sum::<i32>());
    }
    Ok(sum)
}

/// The sums of integers over the +1 trits and over the -1 trits, `(plus, minus)`, exact, in units of `x`.
///
/// `plus - minus` is [`dot_i8`].
///
/// Cost: two selections and two additions an element, in `i32`; two additions in `i64` every few thousand.
///
/// # Errors
///
/// [`Error::OutOfBounds`] if `bytes` end before trit `offset + x.len()`.
///
/// # Examples
///
/// ```
/// use ternarize::{Code, code::base3, kernels::portable};
///
/// const BYTES: [u8; 1] = base3::encode(&[-1, 0, 1, -1]);
/// let (plus, minus) = portable::dot_signed_i8(Code::Base3, &BYTES, 0, &[-128, 1, 127, -128])?;
/// assert_eq!((plus, minus), (127, -256));
/// # Ok::<(), ternarize::Error>(())
/// ```
pub fn dot_signed_i8(
    code: Code,
    bytes: &[u8],
    offset: usize,
    x: &[i8],
) -> Result<(i64, i64), Error> {
    let (mut plus, mut minus) = (0, 0);
    for (at, run) in runs(offset, x) {
        let start = ([0; LANES], [0; LANES]);
        let (lanes, _) = walk::fold(code, bytes, at, run, start, add_signed_i8)?;
        plus += i64::from(lanes.0.iter().sum::<i32>());
        minus += i64::from(lanes.1.iter().sum::<i32>());
    }
    Ok((plus, minus))
}

/// The runs of `x` that an `i32` can sum, each with the trit at which it begins.
fn runs(offset: usize, x: &[i8]) -> impl Iterator<Item = (usize, &[i8])> {
    let starts = core::iter::successors(Some(offset), |at| at.checked_add(I8_RUN));
    starts.zip(x.chunks(I8_RUN))
}

/// The fixed tree over the lanes.
fn sum_lanes([l0, l1, l2, l3, l4, l5, l6, l7]: [f32; LANES]) -> f32 {
    ((l0 + l4) + (l2 + l6)) + ((l1 + l5) + (l3 + l7))
}

fn add_f32(mut lanes: [f32; LANES], trits: [i8; LANES], x: [f32; LANES]) -> [f32; LANES] {
    for ((lane, trit), x) in lanes.iter_mut().zip(trits).zip(x) {
        // Subtracting is adding with the other sign, to the last bit.
        let sign = i32::from(trit).cast_unsigned() & 0x8000_0000;
        *lane += f32::from_bits((x.to_bits() & keep_if_nonzero(trit)) ^ sign);
    }
    lanes
}

fn add_signed_f32(
    (mut plus, mut minus): ([f32; LANES], [f32; LANES]),
    trits: [i8; LANES],
    x: [f32; LANES],
) -> ([f32; LANES], [f32; LANES]) {
    for (((plus, minus), trit), x) in plus.iter_mut().zip(&mut minus).zip(trits).zip(x) {
        *plus += f32::from_bits(x.to_bits() & keep_if_plus(trit));
        *minus += f32::from_bits(x.to_bits() & keep_if_minus(trit));
    }
    (plus, minus)
}

fn add_i8(mut lanes: [i32; LANES], trits: [i8; LANES], x: [i8; LANES]) -> [i32; LANES] {
    for ((lane, trit), x) in lanes.iter_mut().zip(trits).zip(x) {
        // In two's complement -x is !x + 1: an exclusive or with -1, less -1.
        let negate = keep_if_minus(trit).cast_signed();
        let kept = i32::from(x) & keep_if_nonzero(trit).cast_signed();
        *lane += (kept ^ negate) - negate;
    }
    lanes
}

fn add_signed_i8(
    (mut plus, mut minus): ([i32; LANES], [i32; LANES]),
    trits: [i8; LANES],
    x: [i8; LANES],
) -> ([i32; LANES], [i32; LANES]) {
    for (((plus, minus), trit), x) in plus.iter_mut().zip(&mut minus).zip(trits).zip(x) {
        *plus += i32::from(x) & keep_if_plus(trit).cast_signed();
        *minus += i32::from(x) & keep_if_minus(trit).cast_signed();
    }
    (plus, minus)
}

/// All ones for -1 and +1, the trits whose low bit is set.
fn keep_if_nonzero(trit: i8) -> u32 {
    (i32::from(trit) & 1).cast_unsigned().wrapping_neg()
}

/// All ones for +1.
fn keep_if_plus(trit: i8) -> u32 {
    u32::from(trit > 0).wrapping_neg()
}

/// All ones for -1, which spreads its sign over the word.
fn keep_if_minus(trit: i8) -> u32 {
    (i32::from(trit) >> 31).cast_unsigned()
}
