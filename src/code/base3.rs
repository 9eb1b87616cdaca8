//! The base-3 code: five trits a byte, as one number.
//!
//! 3^5 = 243 fits a byte with 13 values to spare, so five digits `d = t + 1` are read as a number in base 3, the first
//! element least significant. A byte costs 8 / 5 = 1.6 bits a trit, where no code can do better than log2(3) = 1.585.
//!
//! ```text
//! element j  ->  byte j / 5, digit j % 5
//! byte       =   d0 + 3 d1 + 9 d2 + 27 d3 + 81 d4,   d = t + 1 in {0, 1, 2};   the values 243..=255 are forbidden
//! ```
//!
//! Cost: 1.6 bits a trit. Taking a byte apart is a look-up in a table of 1.25 kB which the compiler computes; checking
//! takes one addition and a mask, eight bytes a step.

/// Trits in a full byte.
pub(crate) const TRITS_PER_BYTE: usize = 5;

/// The byte of five zero trits, from which the filling of a last byte comes.
const ZEROS: u8 = 1 + 3 + 9 + 27 + 81;

/// The weight of each digit.
const POWERS: [u8; TRITS_PER_BYTE] = [1, 3, 9, 27, 81];

/// The number of code words: 3^5.
const CODE_WORDS: u8 = 243;

/// The trits of each byte. A byte that is no code word reads as zeros, for code that has been promised there is none.
pub(crate) static DECODE: [[i8; TRITS_PER_BYTE]; 256] = decoding_table();

/// The digits of each byte in two bits each, the first lowest: what the 2-bit code has for the same trits.
pub(crate) static DIGITS: [u16; 256] = digit_table();

/// Whether the digits of the last byte from the first `used` on are those of zeros.
pub(super) const fn is_filled(byte: u8, used: usize) -> bool {
    byte / POWERS[used] == ZEROS / POWERS[used]
}

/// See [`Code::get`](super::Code::get).
pub(super) const fn get(bytes: &[u8], index: usize) -> Option<i8> {
    let at = index / TRITS_PER_BYTE;
    if at >= bytes.len() || bytes[at] >= CODE_WORDS {
        return None;
    }
    Some(DECODE[bytes[at] as usize][index % TRITS_PER_BYTE])
}

/// The byte of five trits, each of which is -1, 0 or +1.
pub(crate) const fn pack(trits: [i8; TRITS_PER_BYTE]) -> u8 {
    // As d = t + 1, the sum of the weighted digits is that of the weighted trits, within -121..=121, plus the byte of zeros.
    let [t0, t1, t2, t3, t4] = trits;
    ZEROS.wrapping_add_signed(t0 + 3 * (t1 + 3 * (t2 + 3 * (t3 + 3 * t4))))
}

/// The non-zeros among all digits of valid bytes.
pub(super) fn nonzeros(bytes: &[u8]) -> usize {
    let trits = bytes.iter().flat_map(|&byte| DECODE[usize::from(byte)]);
    trits.filter(|&trit| trit != 0).count()
}

/// Whether a byte is above 242.
pub(super) const fn is_invalid(byte: u8) -> bool {
    byte >= CODE_WORDS
}

/// Whether one of eight bytes is above 242.
pub(super) const fn are_invalid(bytes: [u8; 8]) -> bool {
    /// What the low seven bits need to reach bit 7 when the byte is 243 or more: 243 = 128 + 115, and 115 + 13 = 128.
    const LIFT: u64 = u64::from_ne_bytes([CODE_WORDS.wrapping_neg(); 8]);
    const HIGH_BITS: u64 = u64::from_ne_bytes([0x80; 8]);

    // A byte is too large if it has its high bit set and its low bits, lifted, carry into the high bit. No sum goes over the border of
    // a byte: 127 + 13 < 256.
    let word = u64::from_ne_bytes(bytes);
    ((word & !HIGH_BITS) + LIFT) & word & HIGH_BITS != 0
}

const fn digit_table() -> [u16; 256] {
    let trits = decoding_table();
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < table.len() {
        let mut place = 0;
        while place < TRITS_PER_BYTE {
            let digit = (trits[byte][place] + 1).cast_unsigned();
            table[byte] |= (digit as u16) << (2 * place);
            place += 1;
        }
        byte += 1;
    }
    table
}

const fn decoding_table() -> [[i8; TRITS_PER_BYTE]; 256] {
    let mut table = [[0; TRITS_PER_BYTE]; 256];
    let mut byte = 0;
    while byte < CODE_WORDS {
        let mut place = 0;
        while place < TRITS_PER_BYTE {
            table[byte as usize][place] = (byte / POWERS[place] % 3).cast_signed() - 1;
            place += 1;
        }
        byte += 1;
    }
    table
}
