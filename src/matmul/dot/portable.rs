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

/// Elements whose i8 sum is taken in lanes of `i16`: 240 a lane, and 240 times 128 fits. A whole number of blocks in
/// every code, so that only the vector as a whole can begin or end within one if its offset is 0.
const I8_RUN: usize = 1_920;

/// The sum `t_0 x_0 + t_1 x_1 + ...` in the [defined order](super#the-order-of-a-floating-point-sum), in units of `x`.
///
/// Cost: a selection and an addition an element.
///
/// # Errors
///
/// [`Error::OutOfBounds`] if `bytes` end before trit `offset + x.len()`.
pub(crate) fn dot(code: Code, bytes: &[u8], offset: usize, x: &[f32]) -> Result<f32, Error> {
    walk::check_end(code, bytes, offset, x.len())?;
    let start = [0.0; LANES];
    let (lanes, moved) = walk::fold(code, bytes, offset, x, start, add_f32);
    Ok(sum_lanes(lanes, moved))
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
pub(crate) fn dot_signed(
    code: Code,
    bytes: &[u8],
    offset: usize,
    x: &[f32],
) -> Result<(f32, f32), Error> {
    walk::check_end(code, bytes, offset, x.len())?;
    let start = ([0.0; LANES], [0.0; LANES]);
    let ((plus, minus), moved) = walk::fold(code, bytes, offset, x, start, add_signed_f32);
    Ok((sum_lanes(plus, moved), sum_lanes(minus, moved)))
}

/// The sum `t_0 x_0 + t_1 x_1 + ...` of integers, exact for every length, in units of `x`.
///
/// Cost: a selection and an addition an element, in `i16`; eight additions in `i64` every 1,920.
///
/// # Errors
///
/// [`Error::OutOfBounds`] if `bytes` end before trit `offset + x.len()`.
pub(crate) fn dot_i8(code: Code, bytes: &[u8], offset: usize, x: &[i8]) -> Result<i64, Error> {
    walk::check_end(code, bytes, offset, x.len())?;
    let mut sum = 0;
    for (at, run) in runs(offset, x) {
        let (lanes, _) = walk::fold(code, bytes, at, run, [0; LANES], add_i8);
        sum += sum_i16(lanes);
    }
    Ok(sum)
}

/// The sums of integers over the +1 trits and over the -1 trits, `(plus, minus)`, exact, in units of `x`.
///
/// `plus - minus` is [`dot_i8`].
///
/// Cost: two selections and two additions an element, in `i16`; sixteen additions in `i64` every 1,920.
///
/// # Errors
///
/// [`Error::OutOfBounds`] if `bytes` end before trit `offset + x.len()`.
pub(crate) fn dot_signed_i8(
    code: Code,
    bytes: &[u8],
    offset: usize,
    x: &[i8],
) -> Result<(i64, i64), Error> {
    walk::check_end(code, bytes, offset, x.len())?;
    let (mut plus, mut minus) = (0, 0);
    for (at, run) in runs(offset, x) {
        let start = ([0; LANES], [0; LANES]);
        let (lanes, _) = walk::fold(code, bytes, at, run, start, add_signed_i8);
        plus += sum_i16(lanes.0);
        minus += sum_i16(lanes.1);
    }
    Ok((plus, minus))
}

/// The runs of `x` that lanes of `i16` can sum, each with the trit at which it begins.
fn runs(offset: usize, x: &[i8]) -> impl Iterator<Item = (usize, &[i8])> {
    let starts = core::iter::successors(Some(offset), |at| at.checked_add(I8_RUN));
    starts.zip(x.chunks(I8_RUN))
}

fn sum_i16(lanes: [i16; LANES]) -> i64 {
    lanes.into_iter().map(i64::from).sum()
}

/// The fixed tree over the lanes, of which lane `l` lies at place `l + moved`, cyclically.
pub(super) fn sum_lanes(lanes: [f32; LANES], moved: usize) -> f32 {
    let lane = |l: usize| lanes[(l + moved) % LANES];
    ((lane(0) + lane(4)) + (lane(2) + lane(6))) + ((lane(1) + lane(5)) + (lane(3) + lane(7)))
}

#[inline]
fn add_f32(mut lanes: [f32; LANES], trits: [i8; LANES], x: [f32; LANES]) -> [f32; LANES] {
    for ((lane, trit), x) in lanes.iter_mut().zip(trits).zip(x) {
        // Subtracting is adding with the other sign, to the last bit.
        let sign = i32::from(trit).cast_unsigned() & 0x8000_0000;
        *lane += f32::from_bits((x.to_bits() & keep_if_nonzero(trit)) ^ sign);
    }
    lanes
}

#[inline]
fn add_signed_f32(
    (mut plus, mut minus): ([f32; LANES], [f32; LANES]),
    trits: [i8; LANES],
    x: [f32; LANES],
) -> ([f32; LANES], [f32; LANES]) {
    for ((plus, trit), x) in plus.iter_mut().zip(trits).zip(x) {
        *plus += f32::from_bits(x.to_bits() & keep_if_plus(trit));
    }
    for ((minus, trit), x) in minus.iter_mut().zip(trits).zip(x) {
        *minus += f32::from_bits(x.to_bits() & keep_if_minus(trit));
    }
    (plus, minus)
}

#[inline]
fn add_i8(mut lanes: [i16; LANES], trits: [i8; LANES], x: [i8; LANES]) -> [i16; LANES] {
    for ((lane, trit), x) in lanes.iter_mut().zip(trits).zip(x) {
        // In two's complement -x is !x + 1: an exclusive or with -1, less -1. In 16 bits, as -128 has no negative in 8.
        let negate = i16::from(trit) >> 15;
        let kept = i16::from(x) & -(i16::from(trit) & 1);
        *lane += (kept ^ negate) - negate;
    }
    lanes
}

#[inline]
fn add_signed_i8(
    (mut plus, mut minus): ([i16; LANES], [i16; LANES]),
    trits: [i8; LANES],
    x: [i8; LANES],
) -> ([i16; LANES], [i16; LANES]) {
    for (((plus, minus), trit), x) in plus.iter_mut().zip(&mut minus).zip(trits).zip(x) {
        *plus += i16::from(x) & (-i16::from(trit) >> 15);
        *minus += i16::from(x) & (i16::from(trit) >> 15);
    }
    (plus, minus)
}

/// All ones for -1 and +1, the trits whose low bit is set.
fn keep_if_nonzero(trit: i8) -> u32 {
    (i32::from(trit) & 1).cast_unsigned().wrapping_neg()
}

/// All ones for +1.
fn keep_if_plus(trit: i8) -> u32 {
    (-i32::from(trit) >> 31).cast_unsigned()
}

/// All ones for -1, which spreads its sign over the word.
fn keep_if_minus(trit: i8) -> u32 {
    (i32::from(trit) >> 31).cast_unsigned()
}
