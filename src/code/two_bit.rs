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

/// Trits in a full byte.
pub(crate) const TRITS_PER_BYTE: usize = 4;

/// The byte of four zero trits, from which the filling of a last byte comes.
const ZEROS: u8 = 0b01_01_01_01;

/// The low bit of each of the 32 digits in eight bytes.
const LOW_BITS: u64 = u64::from_ne_bytes([ZEROS; 8]);

/// The trits of each byte. A forbidden digit reads as 0, for code that has been promised there is none.
pub(crate) static DECODE: [[i8; TRITS_PER_BYTE]; 256] = decoding_table();

/// Whether the digits of the last byte from the first `used` on are those of zeros.
pub(super) const fn is_filled(byte: u8, used: usize) -> bool {
    byte >> (2 * used) == ZEROS >> (2 * used)
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

/// The non-zeros among all digits of valid bytes: those whose low bit is not set.
pub(super) fn nonzeros(bytes: &[u8]) -> usize {
    let (words, rest) = bytes.as_chunks::<8>();
    let zeros =
        |word: &[u8; 8]| (u64::from_le_bytes(*word) & u64::from_le_bytes([ZEROS; 8])).count_ones();
    let words = words.iter().map(|word| zeros(word) as usize);
    let rest = rest.iter().map(|byte| (byte & ZEROS).count_ones() as usize);
    TRITS_PER_BYTE * bytes.len() - words.sum::<usize>() - rest.sum::<usize>()
}

/// The trit at a place in 0..4; 2 for the forbidden digit.
const fn trit(byte: u8, place: usize) -> i8 {
    ((byte >> (2 * place)) & 3).cast_signed() - 1
}

/// Whether a byte has a digit 3.
pub(super) const fn is_invalid(byte: u8) -> bool {
    byte & (byte >> 1) & ZEROS != 0
}

/// Whether one of eight bytes has a digit 3.
pub(super) const fn are_invalid(bytes: [u8; 8]) -> bool {
    // A digit is 3 where both of its bits are set. The shift carries a bit over the border of two bytes, but only into a high bit,
    // which the mask takes away; so the order of the bytes in the word does not matter.
    let word = u64::from_ne_bytes(bytes);
    word & (word >> 1) & LOW_BITS != 0
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
