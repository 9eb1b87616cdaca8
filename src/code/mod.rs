//! How trits lie in bytes: two codes, both pure functions of plain slices, almost all of them `const`.
//!
//! A *trit* is an `i8` in {-1, 0, +1}. Its *digit* is `t + 1`: 0, 1 or 2. The 2-bit code gives each digit two bits of a
//! byte; a shift and a mask extract it. The base-3 code stores five digits as one number below 3^5 = 243. It is a
//! fifth smaller, and within 1% of the entropy bound of log2(3) = 1.585 bits a trit.
//!
//! | code   | bits a trit | trits a byte | code words of a byte | a byte of zero trits |
//! |--------|-------------|--------------|----------------------|----------------------|
//! | 2-bit  | 2           | 4            | 3^4 = 81             | `0x55`               |
//! | base-3 | 1.6         | 5            | 3^5 = 243            | `0x79` = 121         |
//!
//! Both agree on three things. Element 0 is the least significant digit of byte 0. A byte that is no code word is
//! rejected, never read as something else. And the digits left over at the end of the last byte are those of zero trits,
//! so that equal vectors have equal bytes and a kernel may read whole bytes.
//!
//! Cost: time is linear in the bytes for all of it and memory is none, save one decoding table a code (1 kB for 2-bit,
//! 1.25 kB for base-3) which is linked only where it is used.
//!
//! # Examples
//!
//! Packed while the firmware is compiled; no packing code and no unpacked copy reach the device:
//!
//! ```
//! use ternarize::Code;
//!
//! static ROW: [u8; 2] = Code::TwoBit.encode(&[1, -1, 0, 1, 1]);
//! assert_eq!(ROW, [0b10_01_00_10, 0b01_01_01_10]);
//! ```

use crate::error::{Error, Operand, check_len};

pub(crate) mod base3;
pub(crate) mod two_bit;

/// A way to write trits into bytes.
///
/// # Examples
///
/// ```
/// use ternarize::Code;
///
/// assert_eq!(Code::TwoBit.packed_len(9), 3);
/// assert_eq!(Code::Base3.packed_len(9), 2);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Code {
    /// Four trits a byte, two bits each: the fastest to decode. Element `j` is in byte `j / 4`, bits `2 (j % 4)` and
    /// `2 (j % 4) + 1`, as `t + 1`. A byte with the bit pattern 3 in one of its fields is no code word.
    TwoBit,
    /// Five trits a byte, as a number in base 3: the smallest. Element `j` is digit `j % 5` of byte `j / 5`: the byte is
    /// `d0 + 3 d1 + 9 d2 + 27 d3 + 81 d4` with `d = t + 1`. The bytes 243..=255 are no code words.
    Base3,
}

impl Code {
    /// Trits in a full byte: 4 or 5.
    ///
    /// Cost: constant.
    ///
    /// # Examples
    ///
    /// ```
    /// use ternarize::Code;
    ///
    /// assert_eq!(Code::TwoBit.trits_per_byte(), 4);
    /// assert_eq!(Code::Base3.trits_per_byte(), 5);
    /// ```
    #[must_use]
    pub const fn trits_per_byte(self) -> usize {
        match self {
            Self::TwoBit => two_bit::TRITS_PER_BYTE,
            Self::Base3 => base3::TRITS_PER_BYTE,
        }
    }

    /// Bytes that `trits` trits take, the last one perhaps not full.
    ///
    /// Cost: one division.
    ///
    /// # Examples
    ///
    /// ```
    /// use ternarize::Code;
    ///
    /// assert_eq!(Code::Base3.packed_len(0), 0);
    /// assert_eq!(Code::Base3.packed_len(5), 1);
    /// assert_eq!(Code::Base3.packed_len(6), 2);
    /// ```
    #[must_use]
    pub const fn packed_len(self, trits: usize) -> usize {
        trits.div_ceil(self.trits_per_byte())
    }

    /// The name in files and on command lines: `"2bit"` or `"base3"`.
    ///
    /// Cost: constant.
    ///
    /// # Examples
    ///
    /// ```
    /// use ternarize::Code;
    ///
    /// assert_eq!(Code::TwoBit.name(), "2bit");
    /// ```
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::TwoBit => "2bit",
            Self::Base3 => "base3",
        }
    }

    /// The code of this [`name`](Self::name), or `None` if no code has it.
    ///
    /// Cost: a few string comparisons.
    ///
    /// # Examples
    ///
    /// ```
    /// use ternarize::Code;
    ///
    /// assert_eq!(Code::from_name("base3"), Some(Code::Base3));
    /// assert_eq!(Code::from_name("Base3"), None);
    /// ```
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        let mut codes = [Self::TwoBit, Self::Base3].into_iter();
        codes.find(|code| code.name() == name)
    }

    /// Packs `trits` into `bytes`, filling up the last byte with zero trits.
    ///
    /// Cost: one pass to check and one to write.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] if `bytes` is not [`packed_len`](Self::packed_len) long, [`Error::InvalidCode`] for a
    /// value other than -1, 0, +1. Then nothing has been written.
    ///
    /// # Examples
    ///
    /// ```
    /// use ternarize::{Operand, Code, Error};
    ///
    /// let mut bytes = [0; 1];
    /// Code::Base3.encode_into(&[1, -1], &mut bytes)?;
    /// assert_eq!(bytes, [2 + 3 * 0 + 9 + 27 + 81]);
    ///
    /// let error = Code::Base3.encode_into(&[1, 2], &mut bytes).unwrap_err();
    /// assert_eq!(error, Error::InvalidCode { what: Operand::Trit, index: 1, value: 2 });
    /// # Ok::<(), Error>(())
    /// ```
    pub const fn encode_into(self, trits: &[i8], bytes: &mut [u8]) -> Result<(), Error> {
        if let Err(error) = check_len(self.packed_len(trits.len()), bytes.len()) {
            return Err(error);
        }
        if let Err(error) = check_trits(trits) {
            return Err(error);
        }
        let (mut trits, mut bytes) = (trits, bytes);
        while let Some((byte, more_bytes)) = bytes.split_first_mut() {
            (*byte, trits) = match self {
                Self::TwoBit => {
                    let (group, more) = split_group(trits);
                    (two_bit::pack(group), more)
                }
                Self::Base3 => {
                    let (group, more) = split_group(trits);
                    (base3::pack(group), more)
                }
            };
            bytes = more_bytes;
        }
        Ok(())
    }

    /// Packs `trits` into an array, in a `const` or a `static`.
    ///
    /// Cost: nothing at run time when called in a constant. From some hundred thousand trits on, the compiler's lint
    /// `long_running_const_eval` asks to confirm the work. For such vectors store the packed bytes: checking is much faster.
    ///
    /// # Panics
    ///
    /// If `BYTES` is not [`packed_len`](Self::packed_len), or a value is not -1, 0 or +1. In a `const` or `static` that is a
    /// compile error. For data known at run time use [`encode_into`](Self::encode_into).
    ///
    /// # Examples
    ///
    /// ```
    /// use ternarize::Code;
    ///
    /// static WEIGHTS: [u8; 2] = Code::Base3.encode(&[-1, -1, -1, -1, -1, 0]);
    /// assert_eq!(WEIGHTS, [0, 121]);
    /// ```
    ///
    /// ```compile_fail
    /// use ternarize::Code;
    ///
    /// const NOT_A_TRIT: [u8; 1] = Code::TwoBit.encode(&[0, 1, 2]);
    /// ```
    #[must_use]
    pub const fn encode<const BYTES: usize>(self, trits: &[i8]) -> [u8; BYTES] {
        let mut bytes = [0; BYTES];
        match self.encode_into(trits, &mut bytes) {
            Ok(()) => bytes,
            Err(Error::LengthMismatch { .. }) => {
                panic!("the array has another length than the packed trits need")
            }
            Err(_) => panic!("a value to be packed is not -1, 0 or +1"),
        }
    }

    /// Checks that `bytes` are exactly `trits` trits in this code.
    ///
    /// Cost: one pass, eight bytes a step.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] if `bytes` is not [`packed_len`](Self::packed_len) long, [`Error::InvalidCode`] for the
    /// first byte that is no code word, and then [`Error::InvalidCode`] if the last byte is not filled up with zero
    /// trits.
    ///
    /// # Examples
    ///
    /// ```
    /// use ternarize::{Operand, Code, Error};
    ///
    /// assert_eq!(Code::Base3.validate(&[242, 121], 6), Ok(()));
    /// assert_eq!(Code::Base3.validate(&[242, 255], 6), Err(Error::InvalidCode { what: Operand::Byte, index: 1, value: 255 }));
    /// assert_eq!(Code::Base3.validate(&[242, 0], 6), Err(Error::InvalidCode { what: Operand::Padding, index: 1, value: 0 }));
    /// ```
    pub const fn validate(self, bytes: &[u8], trits: usize) -> Result<(), Error> {
        let expected = self.packed_len(trits);
        if let Err(error) = check_len(expected, bytes.len()) {
            return Err(error);
        }
        if let Some(byte) = self.find_invalid(bytes) {
            return Err(Error::code(Operand::Byte, byte, bytes[byte] as i16));
        }
        let used = trits % self.trits_per_byte();
        if used != 0 {
            let (byte, value) = (expected - 1, bytes[expected - 1]);
            let filled = match self {
                Self::TwoBit => two_bit::is_filled(value, used),
                Self::Base3 => base3::is_filled(value, used),
            };
            if !filled {
                return Err(Error::code(Operand::Padding, byte, value as i16));
            }
        }
        Ok(())
    }

    /// The position of the first byte that is no code word.
    const fn find_invalid(self, bytes: &[u8]) -> Option<usize> {
        let (words, _) = bytes.as_chunks::<8>();
        // The compiler allows itself a number of calls and turns for a constant: two a step here, so that it checks megabytes.
        let (mut word, count) = (0, words.len());
        while word < count {
            let invalid = match self {
                Self::TwoBit => two_bit::are_invalid(words[word]),
                Self::Base3 => base3::are_invalid(words[word]),
            };
            if invalid {
                break;
            }
            word += 1;
        }
        // In this word, or behind all of them.
        let mut at = word * 8;
        while at < bytes.len() {
            let invalid = match self {
                Self::TwoBit => two_bit::is_invalid(bytes[at]),
                Self::Base3 => base3::is_invalid(bytes[at]),
            };
            if invalid {
                return Some(at);
            }
            at += 1;
        }
        None
    }

    /// Unpacks `bytes` into `trits`, whose length says how many there are.
    ///
    /// Cost: one pass to check and one to write, a table look-up a byte.
    ///
    /// # Errors
    ///
    /// Those of [`validate`](Self::validate). Then nothing has been written.
    ///
    /// # Examples
    ///
    /// ```
    /// use ternarize::{Code, Error};
    ///
    /// let mut trits = [0; 3];
    /// Code::TwoBit.decode_into(&[0b01_10_00_01], &mut trits)?;
    /// assert_eq!(trits, [0, -1, 1]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn decode_into(self, bytes: &[u8], trits: &mut [i8]) -> Result<(), Error> {
        self.validate(bytes, trits.len())?;
        self.unpack(bytes, trits);
        Ok(())
    }

    /// The trit at `index`, or `None` beyond the end of `bytes` or on a byte that is no code word.
    ///
    /// The digits that fill up the last byte count as trits here: only the caller knows how many are in use.
    ///
    /// Cost: constant.
    ///
    /// # Examples
    ///
    /// ```
    /// use ternarize::Code;
    ///
    /// assert_eq!(Code::Base3.get(&[121, 122], 5), Some(1));
    /// assert_eq!(Code::Base3.get(&[121, 122], 10), None);
    /// ```
    #[must_use]
    pub const fn get(self, bytes: &[u8], index: usize) -> Option<i8> {
        match self {
            Self::TwoBit => two_bit::get(bytes, index),
            Self::Base3 => base3::get(bytes, index),
        }
    }

    /// Writes the trits of valid `bytes` until either slice ends.
    pub(crate) fn unpack(self, bytes: &[u8], trits: &mut [i8]) {
        match self {
            Self::TwoBit => unpack_by(&two_bit::DECODE, bytes, trits),
            Self::Base3 => unpack_by(&base3::DECODE, bytes, trits),
        }
    }

    /// The non-zeros in all digits of `bytes`, which are valid.
    pub(crate) fn count_nonzeros(self, bytes: &[u8]) -> usize {
        match self {
            Self::TwoBit => two_bit::nonzeros(bytes),
            Self::Base3 => base3::nonzeros(bytes),
        }
    }

    /// The next byte of a stream of valid trits; zero trits follow its end.
    #[cfg(feature = "alloc")]
    pub(crate) fn pack_next(self, trits: &mut impl Iterator<Item = i8>) -> u8 {
        match self {
            Self::TwoBit => two_bit::pack(core::array::from_fn(|_| trits.next().unwrap_or(0))),
            Self::Base3 => base3::pack(core::array::from_fn(|_| trits.next().unwrap_or(0))),
        }
    }
}

/// Copies table entries, the last one perhaps in part.
fn unpack_by<const N: usize>(table: &[[i8; N]; 256], bytes: &[u8], trits: &mut [i8]) {
    let (groups, tail) = trits.as_chunks_mut::<N>();
    let last = bytes.get(groups.len());
    for (group, &byte) in groups.iter_mut().zip(bytes) {
        *group = table[usize::from(byte)];
    }
    if let Some(&byte) = last {
        for (slot, &trit) in tail.iter_mut().zip(&table[usize::from(byte)]) {
            *slot = trit;
        }
    }
}

/// Checks that all values are trits.
pub(crate) const fn check_trits(trits: &[i8]) -> Result<(), Error> {
    let (mut index, len) = (0, trits.len());
    while index < len {
        let value = trits[index];
        if value < -1 || value > 1 {
            return Err(Error::code(Operand::Trit, index, value as i16));
        }
        index += 1;
    }
    Ok(())
}

/// The first `N` trits, with zero trits beyond the end, and the trits after them.
pub(crate) const fn split_group<const N: usize>(trits: &[i8]) -> ([i8; N], &[i8]) {
    if let Some((group, rest)) = trits.split_first_chunk() {
        return (*group, rest);
    }
    let mut group = [0; N];
    let mut place = 0;
    while place < N && place < trits.len() {
        group[place] = trits[place];
        place += 1;
    }
    (group, &[])
}
