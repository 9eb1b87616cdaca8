//! How packed trits meet their activations: eight at a time, wherever in a byte they begin.
//!
//! Bytes are read in *blocks* of eight, which are whole groups of eight trits in either code: four groups in the 2-bit code,
//! five in base 3. A vector that begins at trit `skip` of a byte is treated as if `skip` activations of zero stood before it,
//! and one that ends within a block as if zeros followed. So the first and the last block go through a padded copy, all
//! others through whole arrays, and the step only ever sees eight and eight.
//!
//! The zeros in front move element `i` from place `i % 8` of its group to place `(i + skip) % 8`. The caller puts that right
//! once, at the end, when it adds up its eight sums.
//!
//! Cost: a table look-up a byte, and one padded block, or two if the vector begins within a byte.

use super::LANES;
use crate::code::{Code, base3, two_bit};
use crate::error::Error;

/// Whether `bytes` reach from trit `offset` over `len` more.
pub(super) fn check_end(code: Code, bytes: &[u8], offset: usize, len: usize) -> Result<(), Error> {
    let held = bytes.len().saturating_mul(code.trits_per_byte());
    match offset.checked_add(len) {
        Some(end) if end <= held => Ok(()),
        end => Err(Error::OutOfBounds {
            index: end.unwrap_or(usize::MAX),
            len: held,
        }),
    }
}

/// Folds `step` over the trits of `bytes` from `offset` on and the activations `x`, eight and eight.
///
/// Returns the result and the number of places by which the elements were moved up. A trit that belongs to no element of
/// `x` meets a zero. The bytes must [reach](check_end) far enough; those beyond the last block needed are not read.
pub(super) fn fold<X: Copy + Default, A>(
    code: Code,
    bytes: &[u8],
    offset: usize,
    x: &[X],
    start: A,
    step: impl Fn(A, [i8; LANES], [X; LANES]) -> A,
) -> (A, usize) {
    let per_byte = code.trits_per_byte();
    let skip = offset % per_byte;
    let bytes = bytes.get(offset / per_byte..).unwrap_or_default();
    let sums = match code {
        Code::TwoBit => fold_blocks(bytes, skip, x, start, &two_bit::DECODE, step),
        Code::Base3 => fold_blocks(bytes, skip, x, start, &base3::DECODE, step),
    };
    (sums, skip)
}

/// Bytes in a block.
const BLOCK: usize = 8;

/// The fold in the code of a table, whose bytes have as many trits as a block has groups: a padded block if the vector begins within a
/// byte, whole blocks, a padded block for the rest.
fn fold_blocks<const GROUPS: usize, X: Copy + Default, A>(
    mut bytes: &[u8],
    skip: usize,
    mut x: &[X],
    start: A,
    table: &[[i8; GROUPS]; 256],
    step: impl Fn(A, [i8; LANES], [X; LANES]) -> A,
) -> A {
    let mut sums = start;
    if skip > 0 {
        let (head, rest) = x
            .split_at_checked(GROUPS * LANES - skip)
            .unwrap_or((x, &[]));
        sums = fold_padded(bytes, skip, head, sums, table, &step);
        bytes = bytes.get(BLOCK..).unwrap_or_default();
        x = rest;
    }
    let x_blocks = x.as_chunks::<LANES>().0.as_chunks::<GROUPS>().0;
    for (&block, groups) in bytes.as_chunks::<BLOCK>().0.iter().zip(x_blocks) {
        for (trits, &x) in decode(table, block).into_iter().zip(groups) {
            sums = step(sums, trits, x);
        }
    }
    let bytes = bytes.get(x_blocks.len() * BLOCK..).unwrap_or_default();
    let x = x.get(x_blocks.as_flattened().as_flattened().len()..);
    fold_padded(bytes, 0, x.unwrap_or_default(), sums, table, &step)
}

/// The fold over a block of which only the trits from `skip` on are in use, `x.len()` of them.
fn fold_padded<const GROUPS: usize, X: Copy + Default, A>(
    bytes: &[u8],
    skip: usize,
    x: &[X],
    start: A,
    table: &[[i8; GROUPS]; 256],
    step: &impl Fn(A, [i8; LANES], [X; LANES]) -> A,
) -> A {
    if x.is_empty() {
        return start;
    }
    let mut block = [0; BLOCK];
    for (slot, &byte) in block.iter_mut().zip(bytes) {
        *slot = byte;
    }
    let mut padded = [[X::default(); LANES]; GROUPS];
    let places = padded.as_flattened_mut().iter_mut();
    for (place, &x) in places.skip(skip).zip(x) {
        *place = x;
    }
    let needed = (skip + x.len()).div_ceil(LANES);
    let groups = decode(table, block);
    let pairs = groups.into_iter().zip(padded).take(needed);
    pairs.fold(start, |sums, (trits, x)| step(sums, trits, x))
}

/// The trits of a block.
fn decode<const N: usize>(table: &[[i8; N]; 256], bytes: [u8; BLOCK]) -> [[i8; LANES]; N] {
    let mut trits = [[0; LANES]; N];
    let (places, _) = trits.as_flattened_mut().as_chunks_mut();
    for (place, byte) in places.iter_mut().zip(bytes) {
        *place = table[usize::from(byte)];
    }
    trits
}
