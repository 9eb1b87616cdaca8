//! The 2-bit code: four trits a byte, low bits first.
//!
//! Trit `t` has the digit `t + 1` in two bits of its own, so a shift and a mask take it out. The low bit alone says
//! "zero", the high bit alone says "plus", which is what makes this the quickest code to compute with.
//!
//! ```text
//! element j  ->  byte j / 4, bits 2 (j % 4) and 2 (j % 4) + 1
//! byte       =   d0 + 4 d1 + 16 d2 + 64 d3,   d = t + 1 in {0, 1, 2};   the pattern 3 is forbidden
//! ```
//!
//! Cost: 2 bits a trit. Checking takes one `and` of a word with itself shifted, eight bytes a step.

use super::{check_encode, split_group};
use crate::error::{Error, Operand};

/// Trits in a full byte.
pub(crate) const TRITS_PER_BYTE: usize = 4;

/// The byte of four zero trits, from which the filling of a last byte comes.
const ZEROS: u8 = 0b01_01_01_01;

/// The low bit of each of the 32 digits in eight bytes.
const LOW_BITS: u64 = u64::from_ne_bytes([ZEROS; 8]);

/// The trits of each byte. A forbidden digit reads as 0, for code that has been promised there is none.
pub(crate) static DECODE: [[i8; TRITS_PER_BYTE]; 256] = decoding_table();

/// See [`Code::encode_into`](super::Code::encode_into).
pub(super) const fn encode_into(trits: &[i8], bytes: &mut [u8]) -> Result<(), Error> {
    if let Err(error) = check_encode(trits, bytes, trits.len().div_ceil(TRITS_PER_BYTE)) {
        return Err(error);
    }
    let (mut trits, mut bytes) = (trits, bytes);
    while let Some((byte, more_bytes)) = bytes.split_first_mut() {
        let (group, more_trits) = split_group(trits);
        *byte = pack(group);
        (trits, bytes) = (more_trits, more_bytes);
    }
    Ok(())
}

/// See [`Code::validate`](super::Code::validate).
pub(crate) const fn validate(bytes: &[u8], trits: usize) -> Result<(), Error> {
    let expected = trits.div_ceil(TRITS_PER_BYTE);
    if bytes.len() != expected {
        return Err(Error::LengthMismatch {
            expected,
            actual: bytes.len(),
        });
    }
    if let Some((byte, value)) = find_invalid(bytes) {
        return Err(Error::code(Operand::Byte, byte, value as i16));
    }
    let used = trits % TRITS_PER_BYTE;
    if used != 0
        && let Some(&value) = bytes.last()
        && value >> (2 * used) != ZEROS >> (2 * used)
    {
        let byte = bytes.len() - 1;
        return Err(Error::code(Operand::Padding, byte, value as i16));
    }
    Ok(())
}

/// The trit at `index`, or `None` beyond the end of `bytes` or on a forbidden digit.
pub(super) const fn get(bytes: &[u8], index: usize) -> Option<i8> {
    let at = index / TRITS_PER_BYTE;
    if at >= bytes.len() {
        return None;
    }
    match trit(bytes[at], index % TRITS_PER_BYTE) {
        2 => None,
        trit => Some(trit),
    }
}

/// The byte of four trits, each of which is -1, 0 or +1.
pub(crate) const fn pack(trits: [i8; TRITS_PER_BYTE]) -> u8 {
    // As d = t + 1, the sum of the weighted digits is that of the weighted trits, within -85..=85, plus the byte of zeros.
    let [t0, t1, t2, t3] = trits;
    ZEROS.wrapping_add_signed(t0 + 4 * (t1 + 4 * (t2 + 4 * t3)))
}

/// The non-zeros among the four digits of a valid byte: those whose low bit is not set.
pub(crate) const fn nonzeros(byte: u8) -> usize {
    TRITS_PER_BYTE - (byte & ZEROS).count_ones() as usize
}

/// The trit at a place in 0..4; 2 for the forbidden digit.
const fn trit(byte: u8, place: usize) -> i8 {
    ((byte >> (2 * place)) & 3).cast_signed() - 1
}

const fn has_forbidden_digit(byte: u8) -> bool {
    byte & (byte >> 1) & ZEROS != 0
}

/// Position and value of the first byte with a digit 3.
const fn find_invalid(bytes: &[u8]) -> Option<(usize, u8)> {
    let (words, tail) = bytes.as_chunks::<8>();
    // The compiler allows itself a number of calls and turns for a constant: two a step here, so that it checks megabytes.
    let count = words.len();
    let mut at = 0;
    while at < count {
        // A digit is 3 where both of its bits are set. The shift carries a bit over the border of two bytes, but only
        // into a high bit, which the mask takes away; so the order of the bytes in the word does not matter.
        let word = u64::from_ne_bytes(words[at]);
        if word & (word >> 1) & LOW_BITS != 0 {
            return find_invalid_byte(&words[at], at * 8);
        }
        at += 1;
    }
    find_invalid_byte(tail, count * 8)
}

const fn find_invalid_byte(bytes: &[u8], start: usize) -> Option<(usize, u8)> {
    let mut at = 0;
    while at < bytes.len() {
        if has_forbidden_digit(bytes[at]) {
            return Some((start + at, bytes[at]));
        }
        at += 1;
    }
    None
}

const fn decoding_table() -> [[i8; TRITS_PER_BYTE]; 256] {
    let mut table = [[0; TRITS_PER_BYTE]; 256];
    let mut byte = 0_u8;
    loop {
        let mut place = 0;
        while place < TRITS_PER_BYTE {
            let trit = trit(byte, place);
            table[byte as usize][place] = if trit == 2 { 0 } else { trit };
            place += 1;
        }
        if byte == u8::MAX {
            return table;
        }
        byte += 1;
    }
}
