//! How the trits of a block lie in its bytes, told as data.
//!
//! All these formats are made of one figure: a *round* of `width` bytes takes `width` consecutive elements as the first digit of
//! its bytes, the next `width` as the second digit, and so on. A layout is a list of such rounds, so that one encoder and one
//! decoder serve every format, and a kernel can lay out its activations by the same list.
//!
//! ```text
//! one round, width 4, 3 digits            byte 0   byte 1   byte 2   byte 3
//!                               digit 0   e0       e1       e2       e3
//!                               digit 1   e4       e5       e6       e7
//!                               digit 2   e8       e9       e10      e11
//! ```
//!
//! A row of this picture is a [`Plane`]. With a width of 1 the elements of a byte follow each other; with 32, a vector of 32 bytes
//! gives 32 consecutive elements for each shift.
//!
//! Cost: a layout is some constants; a place takes two divisions a stage, at most three.

use crate::code::{Code, two_bit};
use crate::error::{Error, Operand};

/// The most trits of a block in any format.
pub(crate) const MAX_TRITS: usize = 256;

/// How a byte holds its digits `d = t + 1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DigitCode {
    /// Four fields of two bits, digit 0 the lowest. The value 3 is no trit.
    TwoBit,
    /// Five digits in base 3, digit 0 the most significant, as a fraction of 256: see [`DigitCode::finish`].
    Base3,
}

impl DigitCode {
    /// What a digit of 1 at this place adds to the number of a byte.
    const fn weight(self, digit: u32) -> u8 {
        match self {
            Self::TwoBit => 1 << (2 * digit),
            Self::Base3 => power(4 - digit),
        }
    }

    /// The byte of a number. That of base 3, `v` of 0..243, becomes the fraction `v / 243` in units of 1 / 256, rounded up: to
    /// multiply it by 3 then moves its first digit before the point, without a division.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "242 * 256 / 243, rounded up, is 255"
    )]
    const fn finish(self, number: u8) -> u8 {
        match self {
            Self::TwoBit => number,
            Self::Base3 => (number as u16 * 256).div_ceil(243) as u8,
        }
    }

    /// The digit at a place: 0, 1, 2, or the 3 that is no trit. Every byte of base 3 has five digits.
    const fn read(self, byte: u8, digit: u32) -> u8 {
        match self {
            Self::TwoBit => byte >> (2 * digit) & 3,
            Self::Base3 => (byte.wrapping_mul(power(digit)) as u16 * 3).to_be_bytes()[0],
        }
    }
}

/// `3^exponent`, below 3^5.
const fn power(exponent: u32) -> u8 {
    [1, 3, 9, 27, 81][exponent as usize]
}

/// Rounds of the same figure, one after the other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stage {
    /// Bytes of a round, and elements between two digits of a byte.
    pub(crate) width: usize,
    /// Digits in use of each byte.
    pub(crate) digits: usize,
    /// Number of rounds.
    pub(crate) rounds: usize,
}

/// Consecutive elements which are the same digit of consecutive bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Plane {
    /// The byte of the first element, counted from the first byte of codes.
    pub(crate) byte: usize,
    /// The number of bytes, which is that of elements.
    pub(crate) width: usize,
    /// The digit in each of these bytes.
    pub(crate) digit: u32,
}

/// A block of a format: some trits, and most often their scale.
#[derive(Debug)]
pub(crate) struct BlockLayout {
    /// Trits in a block.
    pub(crate) trits: usize,
    /// Bytes of a block.
    pub(crate) bytes: usize,
    /// Offset of the first byte of codes.
    pub(crate) codes: usize,
    /// Offset of the `f16` scale, little-endian; `None` if one `f32` follows the blocks of the whole tensor.
    pub(crate) scale: Option<usize>,
    /// How a byte of codes is read.
    pub(crate) digits: DigitCode,
    /// Whether the first elements lie in the highest digit.
    pub(crate) reversed: bool,
    /// The figures, in the order of both elements and bytes.
    pub(crate) stages: &'static [Stage],
}

const fn stage(width: usize, digits: usize, rounds: usize) -> Stage {
    Stage {
        width,
        digits,
        rounds,
    }
}

impl BlockLayout {
    /// ggml's `TQ1_0`.
    pub(crate) const TQ1_0: Self = Self {
        trits: 256,
        bytes: 54,
        codes: 0,
        scale: Some(52),
        digits: DigitCode::Base3,
        reversed: false,
        stages: &[stage(32, 5, 1), stage(16, 5, 1), stage(4, 4, 1)],
    };

    /// ggml's `TQ2_0`.
    pub(crate) const TQ2_0: Self = Self {
        trits: 256,
        bytes: 66,
        codes: 0,
        scale: Some(64),
        digits: DigitCode::TwoBit,
        reversed: false,
        stages: &[stage(32, 4, 2)],
    };

    /// ggml's `Q2_0`.
    pub(crate) const Q2_0: Self = Self {
        trits: 64,
        bytes: 18,
        codes: 2,
        scale: Some(0),
        digits: DigitCode::TwoBit,
        reversed: false,
        stages: &[stage(1, 4, 16)],
    };

    /// `PrismML`'s `PQ2_0`.
    pub(crate) const PQ2_0: Self = Self {
        trits: 128,
        bytes: 34,
        codes: 2,
        scale: Some(0),
        digits: DigitCode::TwoBit,
        reversed: false,
        stages: &[stage(1, 4, 32)],
    };

    /// `PrismML`'s `PTQ1_0`.
    pub(crate) const PTQ1_0: Self = Self {
        trits: 128,
        bytes: 28,
        codes: 0,
        scale: Some(26),
        digits: DigitCode::Base3,
        reversed: false,
        stages: &[stage(16, 5, 1), stage(8, 5, 1), stage(2, 4, 1)],
    };

    /// bitnet.cpp's `I2_S`, as x86 and the converters have it.
    pub(crate) const I2_S: Self = Self {
        trits: 128,
        bytes: 32,
        codes: 0,
        scale: None,
        digits: DigitCode::TwoBit,
        reversed: true,
        stages: &[stage(32, 4, 1)],
    };

    /// The number of bytes of codes in a block.
    pub(crate) const fn code_bytes(&self) -> usize {
        let scale = size_of::<u16>();
        self.bytes - if self.scale.is_some() { scale } else { 0 }
    }

    /// The byte of an element, counted from the first byte of codes, and its digit in this byte: a 2-bit field, 0 the lowest, or a
    /// digit in base 3, 0 the most significant. `None` beyond the block.
    pub(crate) const fn place(&self, element: usize) -> Option<(usize, u32)> {
        let (mut rest, mut byte, mut at) = (element, 0, 0);
        while at < self.stages.len() {
            let stage = &self.stages[at];
            let round = stage.width * stage.digits;
            if rest < round * stage.rounds {
                let byte = byte + rest / round * stage.width + rest % stage.width;
                return Some((byte, self.field(rest % round / stage.width)));
            }
            rest -= round * stage.rounds;
            byte += stage.width * stage.rounds;
            at += 1;
        }
        None
    }

    /// The planes, in the order of the elements.
    pub(crate) fn planes(&self) -> impl Iterator<Item = Plane> {
        let mut next = 0;
        self.stages.iter().flat_map(move |stage| {
            let first = next;
            next += stage.width * stage.rounds;
            (0..stage.rounds * stage.digits).map(move |at| Plane {
                byte: first + at / stage.digits * stage.width,
                width: stage.width,
                digit: self.field(at % stage.digits),
            })
        })
    }

    /// The digit that the elements of a round lie in, so many planes after its first.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a byte has at most five digits"
    )]
    pub(crate) const fn field(&self, plane: usize) -> u32 {
        let plane = plane as u32;
        if self.reversed { 3 - plane } else { plane }
    }

    /// Writes the codes of whole blocks; their scales are left as they are. All are trits.
    pub(crate) fn encode(&self, trits: &[i8], blocks: &mut [u8]) {
        let trits = trits.chunks_exact(self.trits);
        for (trits, block) in trits.zip(blocks.chunks_exact_mut(self.bytes)) {
            let codes = block.get_mut(self.codes..).unwrap_or_default();
            let codes = codes.get_mut(..self.code_bytes()).unwrap_or_default();
            codes.fill(0);
            let mut rest = trits;
            for Plane { byte, width, digit } in self.planes() {
                let weight = self.digits.weight(digit);
                let (plane, after) = rest.split_at_checked(width).unwrap_or_default();
                let bytes = codes.get_mut(byte..).unwrap_or_default();
                for (byte, trit) in bytes.iter_mut().zip(plane) {
                    *byte += trit.wrapping_add(1).cast_unsigned() * weight;
                }
                rest = after;
            }
            for byte in codes {
                *byte = self.digits.finish(*byte);
            }
        }
    }

    /// Reads the trits of whole blocks, all of which are valid.
    pub(crate) fn decode(&self, blocks: &[u8], trits: &mut [i8]) {
        let trits = trits.chunks_exact_mut(self.trits);
        for (trits, block) in trits.zip(blocks.chunks_exact(self.bytes)) {
            let codes = block.get(self.codes..).unwrap_or_default();
            let mut rest = trits;
            for Plane { byte, width, digit } in self.planes() {
                let (plane, after) = rest.split_at_mut_checked(width).unwrap_or_default();
                let bytes = codes.get(byte..).unwrap_or_default();
                for (trit, &byte) in plane.iter_mut().zip(bytes) {
                    *trit = self.digits.read(byte, digit).cast_signed() - 1;
                }
                rest = after;
            }
        }
    }

    /// Checks that the codes of whole blocks are trits.
    pub(crate) fn validate(&self, blocks: &[u8]) -> Result<(), Error> {
        if self.digits == DigitCode::Base3 {
            return Ok(());
        }
        for (number, block) in blocks.chunks_exact(self.bytes).enumerate() {
            let codes = block.get(self.codes..).unwrap_or_default();
            let codes = codes.get(..self.code_bytes()).unwrap_or_default();
            let found = Code::TwoBit.validate(codes, codes.len() * two_bit::TRITS_PER_BYTE);
            if let Err(Error::InvalidCode { index, value, .. }) = found {
                let byte = number * self.bytes + self.codes + index;
                return Err(Error::code(Operand::Byte, byte, value));
            }
        }
        Ok(())
    }
}

/// Whether the figures fill the block: a mistake in a constant stops the compiler.
const fn is_consistent(layout: &BlockLayout) -> bool {
    let (mut trits, mut bytes, mut at) = (0, 0, 0);
    while at < layout.stages.len() {
        let stage = &layout.stages[at];
        trits += stage.width * stage.digits * stage.rounds;
        bytes += stage.width * stage.rounds;
        at += 1;
    }
    // A tile is whole blocks; codes that are read where they are begin the block.
    let begins = layout.codes == 0 || trits < MAX_TRITS && layout.scale.is_some();
    let fits = MAX_TRITS.is_multiple_of(trits) && begins;
    trits == layout.trits && bytes == layout.code_bytes() && fits
}

const _: () = assert!(
    is_consistent(&BlockLayout::TQ1_0)
        && is_consistent(&BlockLayout::TQ2_0)
        && is_consistent(&BlockLayout::Q2_0)
        && is_consistent(&BlockLayout::PQ2_0)
        && is_consistent(&BlockLayout::PTQ1_0)
        && is_consistent(&BlockLayout::I2_S)
);

#[cfg(test)]
mod tests {
    use super::*;

    /// The formulas as the formats' sources have them, one by one.
    fn written_out(name: &str, e: usize) -> (usize, u32) {
        let (byte, digit) = match name {
            "tq1_0" if e < 160 => (e % 32, e / 32),
            "tq1_0" if e < 240 => (32 + (e - 160) % 16, (e - 160) / 16),
            "tq1_0" => (48 + (e - 240) % 4, (e - 240) / 4),
            "tq2_0" => (32 * (e / 128) + e % 32, e % 128 / 32),
            "q2_0" | "pq2_0" => (e / 4, e % 4),
            "ptq1_0" if e < 80 => (e % 16, e / 16),
            "ptq1_0" if e < 120 => (16 + (e - 80) % 8, (e - 80) / 8),
            "ptq1_0" => (24 + (e - 120) % 2, (e - 120) / 2),
            _ => (e % 32, 3 - e / 32),
        };
        (byte, u32::try_from(digit).unwrap())
    }

    #[test]
    fn places_and_planes_are_those_of_the_formulas() {
        let layouts = [
            ("tq1_0", BlockLayout::TQ1_0),
            ("tq2_0", BlockLayout::TQ2_0),
            ("q2_0", BlockLayout::Q2_0),
            ("pq2_0", BlockLayout::PQ2_0),
            ("ptq1_0", BlockLayout::PTQ1_0),
            ("i2_s", BlockLayout::I2_S),
        ];
        for (name, layout) in layouts {
            let places = (0..layout.trits).map(|e| layout.place(e).unwrap());
            assert!(places.eq((0..layout.trits).map(|e| written_out(name, e))));
            assert_eq!(layout.place(layout.trits), None);
            let of_planes = layout.planes().flat_map(|Plane { byte, width, digit }| {
                (byte..byte + width).map(move |byte| (byte, digit))
            });
            assert!(of_planes.eq((0..layout.trits).map(|e| written_out(name, e))));
        }
    }

    #[test]
    fn every_byte_has_the_digits_of_the_formula() {
        for byte in 0..=u8::MAX {
            for digit in 0..5 {
                let expected = ((u32::from(byte) * 3_u32.pow(digit)) % 256 * 3) >> 8;
                assert_eq!(u32::from(DigitCode::Base3.read(byte, digit)), expected);
            }
            let digits =
                (0..4).map(|digit| DigitCode::TwoBit.read(byte, digit) * (1 << (2 * digit)));
            assert_eq!(digits.sum::<u8>(), byte);
        }
    }
}
