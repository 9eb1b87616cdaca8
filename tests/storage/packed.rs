//! Packed trits against the layout formula, written out here a second time in the plainest way.

use proptest::prelude::*;
use ternarize::Operand;
use ternarize::{Code, Error, PackedTrits};

const CODES: [Code; 2] = [Code::TwoBit, Code::Base3];

/// The formula of the documentation, for code words and others alike: `None` is a byte that must be rejected.
fn digits(code: Code, byte: u8) -> Option<Vec<i8>> {
    let (radix, places) = match code {
        Code::TwoBit => (4, 4),
        _ => (3, 5),
    };
    let mut rest = i32::from(byte);
    let mut trits = Vec::new();
    for _ in 0..places {
        trits.push(i8::try_from(rest % radix).unwrap() - 1);
        rest /= radix;
    }
    (rest == 0 && !trits.contains(&2)).then_some(trits)
}

/// Packing by the formula: a sum of digit times weight, with zero trits to fill up.
fn pack(code: Code, trits: &[i8]) -> Vec<u8> {
    let weights: &[u32] = match code {
        Code::TwoBit => &[1, 4, 16, 64],
        _ => &[1, 3, 9, 27, 81],
    };
    let pack_byte = |group: &[i8]| {
        let digit = |place| u32::try_from(group.get(place).unwrap_or(&0) + 1).unwrap();
        let byte = weights
            .iter()
            .enumerate()
            .map(|(place, w)| w * digit(place));
        u8::try_from(byte.sum::<u32>()).unwrap()
    };
    trits.chunks(weights.len()).map(pack_byte).collect()
}

/// Trits with a period of 251 elements and no symmetry, so that exchanged or shifted groups cannot agree by chance.
fn painted(len: usize) -> Vec<i8> {
    let paint = |i: usize| i8::try_from((i % 251 * 7 + i % 251 / 5) % 3).unwrap() - 1;
    (0..len).map(paint).collect()
}

fn unpacked(trits: PackedTrits<'_>) -> Vec<i8> {
    let mut out = vec![9; trits.len()];
    trits.unpack_into(&mut out).unwrap();
    out
}

/// Bytes worked out by hand from the formula, digits d = t + 1.
#[test]
fn golden_bytes() {
    let trits = [1, 0, -1, 1, 1, -1, -1, 0, 1, 0, 0, -1];
    // 2-bit: 10 01 00 10 reversed in a byte: 2+4+0+128; 2 0 0 1: 2+0+0+64; 2 1 1 0: 2+4+16+0.
    let two_bit_bytes = [134, 66, 22];
    // Base 3: 2 1 0 2 2: 2+3+0+54+162; 0 0 1 2 1: 0+0+9+54+81; 1 0, then three zero trits: 1+0+9+27+81.
    let base3_bytes = [221, 144, 118];
    assert_eq!(Code::TwoBit.encode::<3>(&trits), two_bit_bytes);
    assert_eq!(Code::Base3.encode::<3>(&trits), base3_bytes);
    let two_bit = PackedTrits::new(Code::TwoBit, &two_bit_bytes, 12).unwrap();
    let base3 = PackedTrits::new(Code::Base3, &base3_bytes, 12).unwrap();
    assert_eq!(unpacked(two_bit), trits);
    assert_eq!(unpacked(base3), trits);
    assert_eq!(two_bit, base3);
}

#[test]
fn every_byte_value_reads_as_the_formula_says_or_is_rejected() {
    for (code, words) in [(Code::TwoBit, 81), (Code::Base3, 243)] {
        let per_byte = code.trits_per_byte();
        let mut accepted = 0;
        for value in 0..=u8::MAX {
            let expected = digits(code, value);
            let mut trits = vec![0; per_byte];
            let decoded = code.decode_into(&[value], &mut trits).ok().map(|()| trits);
            assert_eq!(decoded, expected, "{code:?} {value}");
            let packed = PackedTrits::new(code, &[value], per_byte).map(unpacked);
            let rejected = Error::InvalidCode {
                what: Operand::Byte,
                index: 0,
                value: i16::from(value),
            };
            assert_eq!(packed, expected.clone().ok_or(rejected), "{code:?} {value}");
            if let Some(trits) = expected {
                accepted += 1;
                assert_eq!(pack(code, &trits), [value]);
                let mut bytes = [0];
                code.encode_into(&trits, &mut bytes).unwrap();
                assert_eq!(bytes, [value]);
                for (place, &trit) in trits.iter().enumerate() {
                    assert_eq!(code.get(&[value], place), Some(trit));
                }
                assert_eq!(code.get(&[value], per_byte), None);
            }
        }
        assert_eq!(accepted, words);
    }
}

/// Checking goes eight bytes a step, so each position in and after a step has to be seen, for each forbidden value.
#[test]
fn a_forbidden_byte_is_found_wherever_it_is() {
    for code in CODES {
        let forbidden = (0..=u8::MAX).filter(|&value| digits(code, value).is_none());
        for value in forbidden {
            for byte in 0..21 {
                let words = (0..=u8::MAX).filter(|&fill| digits(code, fill).is_some());
                for fill in words {
                    let mut bytes = [fill; 21];
                    bytes[byte] = value;
                    let found = code.validate(&bytes, 21 * code.trits_per_byte());
                    assert_eq!(
                        found,
                        Err(Error::InvalidCode {
                            what: Operand::Byte,
                            index: byte,
                            value: i16::from(value)
                        })
                    );
                }
            }
        }
    }
    let two = Code::TwoBit.validate(&[0x55, 0xFF, 0x55, 0xC0], 16);
    let first = Error::InvalidCode {
        what: Operand::Byte,
        index: 1,
        value: 0xFF,
    };
    assert_eq!(two, Err(first));
}

/// Of all code words just those are a last byte whose unused digits are those of zero trits.
#[test]
fn padding_other_than_zero_trits_is_rejected() {
    for code in CODES {
        for used in 1..code.trits_per_byte() {
            for value in 0..=u8::MAX {
                let Some(trits) = digits(code, value) else {
                    continue;
                };
                let bytes = [value; 3];
                let found = code.validate(&bytes[..1], used);
                let padded = trits[used..].iter().all(|&trit| trit == 0);
                let error = Error::InvalidCode {
                    what: Operand::Padding,
                    index: 0,
                    value: i16::from(value),
                };
                assert_eq!(found, if padded { Ok(()) } else { Err(error) });
                // In any byte but the last one nothing is padding.
                let len = 2 * code.trits_per_byte() + used;
                let error = Error::InvalidCode {
                    what: Operand::Padding,
                    index: 2,
                    value: i16::from(value),
                };
                let found = PackedTrits::new(code, &bytes, len).map(|_| ());
                assert_eq!(found, if padded { Ok(()) } else { Err(error) });
            }
        }
    }
}

#[test]
fn lengths_must_fit() {
    for code in CODES {
        let per_byte = code.trits_per_byte();
        for len in 0..50 {
            let expected = len / per_byte + usize::from(len % per_byte != 0);
            assert_eq!(code.packed_len(len), expected);
            for actual in 0..20 {
                let mut bytes = vec![pack(code, &[0])[0]; actual];
                let mismatch = Error::LengthMismatch { expected, actual };
                let fits = if actual == expected {
                    Ok(())
                } else {
                    Err(mismatch)
                };
                assert_eq!(PackedTrits::new(code, &bytes, len).map(|_| ()), fits);
                assert_eq!(code.encode_into(&vec![0; len], &mut bytes), fits);
                assert_eq!(code.decode_into(&bytes, &mut vec![0; len]), fits);
            }
        }
        assert!(PackedTrits::new(code, &[], usize::MAX).is_err());
    }
}

#[test]
fn a_failed_write_writes_nothing() {
    for code in CODES {
        let mut bytes = [7; 5];
        let mut trits = vec![1; 5 * code.trits_per_byte()];
        *trits.last_mut().unwrap() = -2;
        let index = trits.len() - 1;
        let error = Error::InvalidCode {
            what: Operand::Trit,
            index,
            value: -2,
        };
        assert_eq!(code.encode_into(&trits, &mut bytes), Err(error));
        assert_eq!(bytes, [7; 5]);
        let error = code.decode_into(&[0, 0, 0, 0, 255], &mut trits);
        assert!(matches!(
            error,
            Err(Error::InvalidCode {
                what: Operand::Byte,
                index: 4,
                ..
            })
        ));
        assert_eq!(trits[0], 1);
    }
    for value in (i8::MIN..=i8::MAX).filter(|value| !(-1..=1).contains(value)) {
        let error = Error::InvalidCode {
            what: Operand::Trit,
            index: 0,
            value: i16::from(value),
        };
        assert_eq!(Code::TwoBit.encode_into(&[value], &mut [0]), Err(error));
        assert_eq!(Code::Base3.encode_into(&[value], &mut [0]), Err(error));
    }
}

#[test]
fn names_go_round() {
    for code in CODES {
        assert_eq!(Code::from_name(code.name()), Some(code));
    }
    assert_eq!(Code::from_name(""), None);
}

#[test]
fn slices_at_every_offset_equal_the_plain_slice() {
    let trits = painted(120);
    for code in CODES {
        let bytes = pack(code, &trits);
        let packed = PackedTrits::new(code, &bytes, trits.len()).unwrap();
        for offset in 0..=40 {
            for len in 0..=72 {
                let slice = packed.slice(offset..offset + len).unwrap();
                let expected = &trits[offset..offset + len];
                check_view(slice, expected);
                // A slice of a slice is a slice.
                let (from, to) = (len / 3, len - len / 4);
                check_view(slice.slice(from..to).unwrap(), &expected[from..to]);
                assert_eq!(slice.slice(..).unwrap(), slice);
                assert!(slice.as_bytes().len() <= code.packed_len(len) + 1);
                assert!(slice.offset() < code.trits_per_byte());
            }
        }
    }
}

fn check_view(view: PackedTrits<'_>, expected: &[i8]) {
    assert_eq!(view.len(), expected.len());
    assert_eq!(view.is_empty(), expected.is_empty());
    assert_eq!(unpacked(view), expected);
    assert!(view.iter().eq(expected.iter().copied()));
    assert!(view.iter().rev().eq(expected.iter().rev().copied()));
    let nonzeros = expected.iter().filter(|&&trit| trit != 0).count();
    assert_eq!(view.count_nonzeros(), nonzeros);
    for index in 0..expected.len() + 12 {
        assert_eq!(view.get(index), expected.get(index).copied());
    }
    assert_eq!(view.get(usize::MAX), None);
}

#[test]
fn ranges_of_every_kind() {
    use core::ops::Bound::{Excluded, Included, Unbounded};

    let bytes = pack(Code::Base3, &painted(12));
    let packed = PackedTrits::new(Code::Base3, &bytes, 12).unwrap();
    let len_of = |range| packed.slice(range).map(|slice| slice.len());
    let beyond = |index, len| Err(Error::OutOfBounds { index, len });
    assert_eq!(len_of((Unbounded, Unbounded)), Ok(12));
    assert_eq!(len_of((Included(3), Included(11))), Ok(9));
    assert_eq!(len_of((Excluded(3), Excluded(12))), Ok(8));
    assert_eq!(len_of((Excluded(11), Unbounded)), Ok(0));
    assert_eq!(len_of((Included(12), Unbounded)), Ok(0));
    assert_eq!(len_of((Excluded(12), Unbounded)), beyond(13, 12));
    assert_eq!(len_of((Unbounded, Excluded(13))), beyond(13, 12));
    assert_eq!(len_of((Included(3), Included(12))), beyond(13, 12));
    assert_eq!(len_of((Included(5), Excluded(3))), beyond(5, 3));
    assert_eq!(
        len_of((Unbounded, Included(usize::MAX))),
        beyond(usize::MAX, 12)
    );
    assert_eq!(
        len_of((Excluded(usize::MAX), Unbounded)),
        beyond(usize::MAX, 12)
    );
}

#[test]
fn iteration_from_both_ends_meets_in_the_middle() {
    let trits = painted(23);
    for code in CODES {
        let bytes = pack(code, &trits);
        let packed = PackedTrits::new(code, &bytes, trits.len()).unwrap();
        let (mut iter, mut expected) = (packed.iter(), trits.iter().copied());
        for step in 0..30 {
            assert_eq!(iter.len(), expected.len());
            assert!(iter.clone().eq(expected.clone()));
            if step % 3 == 0 {
                assert_eq!(iter.next_back(), expected.next_back());
            } else {
                assert_eq!(iter.next(), expected.next());
            }
        }
        assert_eq!((iter.next(), iter.next_back()), (None, None));
        assert_eq!(packed.iter().nth(22), Some(trits[22]));
        assert_eq!(packed.iter().nth(usize::MAX), None);
        assert_eq!(packed.iter().step_by(5).count(), 5);
    }
}

#[test]
fn equality_compares_trits() {
    let trits = painted(40);
    let (two, three) = (pack(Code::TwoBit, &trits), pack(Code::Base3, &trits));
    let two = PackedTrits::new(Code::TwoBit, &two, 40).unwrap();
    let three = PackedTrits::new(Code::Base3, &three, 40).unwrap();
    assert_eq!(two, three);
    assert_eq!(two.slice(3..30).unwrap(), three.slice(3..30).unwrap());
    assert_ne!(two, three.slice(..39).unwrap());
    assert_ne!(two.slice(..10).unwrap(), two.slice(1..11).unwrap());
    assert_eq!(two.slice(5..5).unwrap(), three.slice(9..9).unwrap());
    assert_eq!(
        format!("{:?}", two.slice(..2).unwrap()),
        format!("PackedTrits(2bit) {:?}", &trits[..2])
    );
}

mod in_flash {
    use super::{Code, PackedTrits};

    const LEN: usize = 100_003;
    static TRITS: [i8; LEN] = {
        let mut trits = [0; LEN];
        trits[0] = 1;
        trits[LEN - 1] = -1;
        trits
    };
    static TWO_BIT: [u8; LEN.div_ceil(4)] = Code::TwoBit.encode(&TRITS);
    static BASE3: [u8; LEN.div_ceil(5)] = Code::Base3.encode(&TRITS);
    static MODELS: [PackedTrits<'_>; 2] = [
        PackedTrits::must(Code::TwoBit, &TWO_BIT, LEN),
        PackedTrits::must(Code::Base3, &BASE3, LEN),
    ];
    /// Half a megabyte, checked by the compiler: it compiles only as eight bytes are checked a step.
    static LARGE: [u8; 500_000] = [0x55; 500_000];
    static LARGE_MODELS: [PackedTrits<'_>; 2] = [
        PackedTrits::must(Code::TwoBit, &LARGE, 2_000_000),
        PackedTrits::must(Code::Base3, &LARGE, 2_500_000),
    ];
    const THIRD: Option<i8> = MODELS[0].get(2);

    #[test]
    fn views_are_made_by_the_compiler() {
        for model in MODELS {
            assert_eq!(model.count_nonzeros(), 2);
            assert_eq!((model.get(0), model.get(LEN - 1)), (Some(1), Some(-1)));
        }
        assert_eq!(THIRD, Some(0));
        assert_eq!(
            LARGE_MODELS.map(|model| model.len()),
            [2_000_000, 2_500_000]
        );
    }
}

#[cfg(feature = "alloc")]
mod owned {
    use super::{CODES, Code, Error, Operand, PackedTrits, pack, painted};
    use ternarize::PackedTritsBuf;

    #[test]
    fn owned_bytes_go_round() {
        for code in CODES {
            for len in 0..60 {
                let trits = painted(len);
                let buf = PackedTritsBuf::from_trits(code, &trits).unwrap();
                assert_eq!(buf.as_bytes(), pack(code, &trits));
                assert_eq!(
                    (buf.len(), buf.code(), buf.is_empty()),
                    (len, code, len == 0)
                );
                assert_eq!(buf.get(len), None);
                for to in CODES {
                    let other = buf.transcode(to);
                    assert_eq!(other, buf);
                    assert_eq!(other.code(), to);
                    assert_eq!(other.as_bytes(), pack(to, &trits));
                }
                let bytes = buf.clone().into_bytes();
                assert_eq!(PackedTritsBuf::from_bytes(code, bytes, len).unwrap(), buf);
            }
        }
    }

    #[test]
    fn so_many_that_threads_share_them() {
        for (code, len) in CODES.into_iter().zip([1_200_003, 600_017]) {
            let mut trits = painted(len);
            let packed = PackedTritsBuf::from_trits(code, &trits).unwrap();
            assert_eq!(packed.as_bytes(), pack(code, &trits));
            for index in [len - 1, len / 2, 3] {
                trits[index] = 2;
                let error = PackedTritsBuf::from_trits(code, &trits).unwrap_err();
                let what = Operand::Trit;
                assert_eq!(
                    error,
                    Error::InvalidCode {
                        what,
                        index,
                        value: 2
                    }
                );
            }
        }
    }

    #[test]
    fn a_slice_becomes_an_owner_with_clean_padding() {
        let trits = painted(50);
        for code in CODES {
            let bytes = pack(code, &trits);
            let packed = PackedTrits::new(code, &bytes, 50).unwrap();
            let buf = PackedTritsBuf::from(packed.slice(7..33).unwrap());
            assert_eq!(buf.as_bytes(), pack(code, &trits[7..33]));
        }
    }

    #[test]
    fn owned_bytes_are_checked() {
        let value = 243;
        let error = PackedTritsBuf::from_bytes(Code::Base3, vec![0, value], 10).unwrap_err();
        assert_eq!(
            error,
            Error::InvalidCode {
                what: Operand::Byte,
                index: 1,
                value: i16::from(value)
            }
        );
        assert!(PackedTritsBuf::from_bytes(Code::Base3, vec![0], 6).is_err());
        assert!(PackedTritsBuf::from_bytes(Code::Base3, vec![0], 4).is_err());
        assert!(PackedTritsBuf::from_trits(Code::TwoBit, &[0, 2]).is_err());
    }
}

proptest! {
    #[test]
    fn any_trits_go_round(trits in prop::collection::vec(-1..=1_i8, 0..300), start in 0..300_usize, end in 0..300_usize) {
        for code in CODES {
            let mut bytes = vec![0; code.packed_len(trits.len())];
            code.encode_into(&trits, &mut bytes).unwrap();
            prop_assert_eq!(&bytes, &pack(code, &trits));
            let packed = PackedTrits::new(code, &bytes, trits.len()).unwrap();
            let slice = packed.slice(start..end).map(unpacked).ok();
            prop_assert_eq!(slice, trits.get(start..end).map(Vec::from));
        }
    }

    #[test]
    fn any_bytes_are_read_or_rejected(bytes in prop::collection::vec(any::<u8>(), 0..12), len in 0..60_usize) {
        for code in CODES {
            if let Ok(packed) = PackedTrits::new(code, &bytes, len) {
                let trits = unpacked(packed);
                prop_assert!(trits.iter().all(|trit| (-1..=1).contains(trit)));
                prop_assert_eq!(pack(code, &trits), bytes.clone());
            }
        }
    }
}
