//! The products against an obvious twin that adds one element at a time in the documented order, and against wide sums.

#![allow(
    clippy::std_instead_of_alloc,
    reason = "the tests run without the feature alloc, too"
)]

extern crate std;

use super::{self as kernels, Apart, Together, portable};
use crate::{Backend, Code, Error, PackedTrits};
use proptest::prelude::*;
use std::vec::Vec;
use std::{format, vec};

const CODES: [Code; 2] = [Code::TwoBit, Code::Base3];

/// Lengths around every unit of the walk: groups of 8, bytes of 4 and 5, blocks of 40.
const LENGTHS: [usize; 22] = [
    0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 39, 40, 41, 70, 79, 81, 327,
];

/// The documented order, one element at a time, with a branch for each trit.
fn twin(trits: &[i8], x: &[f32]) -> f32 {
    let mut lane = [0.0; 8];
    for (i, (&trit, &x)) in trits.iter().zip(x).enumerate() {
        match trit {
            1 => lane[i % 8] += x,
            -1 => lane[i % 8] -= x,
            _ => {}
        }
    }
    ((lane[0] + lane[4]) + (lane[2] + lane[6])) + ((lane[1] + lane[5]) + (lane[3] + lane[7]))
}

fn only(trits: &[i8], kept: i8) -> Vec<i8> {
    trits.iter().map(|&trit| i8::from(trit == kept)).collect()
}

fn twin_signed(trits: &[i8], x: &[f32]) -> (f32, f32) {
    (twin(&only(trits, 1), x), twin(&only(trits, -1), x))
}

fn wide_i8(trits: &[i8], x: &[i8]) -> i64 {
    let products = trits
        .iter()
        .zip(x)
        .map(|(&t, &x)| i64::from(t) * i64::from(x));
    products.sum()
}

fn wide_signed_i8(trits: &[i8], x: &[i8]) -> (i64, i64) {
    (wide_i8(&only(trits, 1), x), wide_i8(&only(trits, -1), x))
}

fn bits((plus, minus): (f32, f32)) -> (u32, u32) {
    (plus.to_bits(), minus.to_bits())
}

/// A small generator, so that a test has the same numbers everywhere.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }

    fn trits(&mut self, len: usize) -> Vec<i8> {
        let trit = |_| i8::try_from(self.next() % 3).unwrap() - 1;
        (0..len).map(trit).collect()
    }

    fn bytes(&mut self, len: usize) -> Vec<i8> {
        let byte = |_| self.next().to_le_bytes()[1].cast_signed();
        (0..len).map(byte).collect()
    }

    /// Numbers of either sign over many orders of magnitude, so that another order of additions shows.
    fn floats(&mut self, len: usize) -> Vec<f32> {
        let float = |_| {
            let magnitude = f32::from(u16::try_from(self.next() % 60_000 + 1).unwrap());
            let scale =
                num_traits::Float::powi(2_f32, i32::try_from(self.next() % 30).unwrap() - 15);
            if self.next().is_multiple_of(2) {
                magnitude * scale
            } else {
                -magnitude * scale
            }
        };
        (0..len).map(float).collect()
    }
}

fn pack(code: Code, trits: &[i8]) -> Vec<u8> {
    let mut bytes = vec![0; code.packed_len(trits.len())];
    code.encode_into(trits, &mut bytes).unwrap();
    bytes
}

#[test]
fn every_offset_and_length_adds_in_the_defined_order() {
    let mut numbers = Numbers(1);
    let trits = numbers.trits(400);
    let floats = numbers.floats(400);
    let integers = numbers.bytes(400);
    for code in CODES {
        let bytes = pack(code, &trits);
        let packed = PackedTrits::new(code, &bytes, trits.len()).unwrap();
        for offset in 0..=40 {
            for len in LENGTHS.into_iter().chain(0..=72) {
                let expected = &trits[offset..offset + len];
                let (x, n) = (&floats[..len], &integers[..len]);
                let view = packed.slice(offset..offset + len).unwrap();
                let at = format!("{code:?} {offset} {len}");
                let sum = view.dot(x).unwrap().to_bits();
                assert_eq!(sum, twin(expected, x).to_bits(), "{at}");
                let signed = bits(view.dot_signed(x).unwrap());
                assert_eq!(signed, bits(twin_signed(expected, x)), "{at}");
                assert_eq!(view.dot_i8(n), Ok(wide_i8(expected, n)), "{at}");
                assert_eq!(
                    view.dot_signed_i8(n),
                    Ok(wide_signed_i8(expected, n)),
                    "{at}"
                );
                // The kernels themselves take any offset into longer bytes.
                let direct = portable::dot(code, &bytes, offset, x).unwrap();
                assert_eq!(direct.to_bits(), sum, "{at}");
                let direct = portable::dot_signed_i8(code, &bytes, offset, n);
                assert_eq!(direct, view.dot_signed_i8(n), "{at}");
            }
        }
    }
}

#[test]
fn every_backend_adds_in_the_defined_order() {
    let mut numbers = Numbers(3);
    let trits = numbers.trits(400);
    let floats = numbers.floats(400);
    for code in CODES {
        let bytes = pack(code, &trits);
        for offset in 0..=40 {
            for len in LENGTHS.into_iter().chain([72, 120, 160, 359]) {
                let (expected, x) = (&trits[offset..offset + len], &floats[..len]);
                let sum = twin(expected, x).to_bits();
                let signed = bits(twin_signed(expected, x));
                // With what lies behind the vector, and without.
                let end = code.packed_len(offset + len);
                for bytes in [&bytes, &bytes[..end]] {
                    for backend in Backend::available() {
                        let at = format!("{} {code:?} {offset} {len}", backend.name());
                        let own =
                            kernels::dot::<Together>(backend, code, bytes, offset, x).unwrap();
                        assert_eq!(own.to_bits(), sum, "{at}");
                        let own = kernels::dot::<Apart>(backend, code, bytes, offset, x);
                        assert_eq!(bits(own.unwrap()), signed, "{at}");
                    }
                }
            }
        }
    }
}

#[test]
fn integers_are_exact_at_the_extremes() {
    const LEN: usize = 100_003;
    for code in CODES {
        for trit in [1, -1, 0] {
            let trits = vec![trit; LEN + 3];
            let bytes = pack(code, &trits);
            let packed = PackedTrits::new(code, &bytes, LEN + 3).unwrap();
            for value in [-128, 127, -1, 0] {
                let x = vec![value; LEN];
                let sum = 100_003 * i64::from(value);
                let signed = if trit == 1 { (sum, 0) } else { (0, sum) };
                let signed = if trit == 0 { (0, 0) } else { signed };
                for offset in 0..=3 {
                    let view = packed.slice(offset..offset + LEN).unwrap();
                    assert_eq!(view.dot_i8(&x), Ok(sum * i64::from(trit)));
                    assert_eq!(view.dot_signed_i8(&x), Ok(signed));
                }
            }
        }
    }
}

/// One run of 1,920 elements is summed in `i16`; here are many, with lengths around the borders.
#[test]
fn integers_are_exact_across_runs() {
    let mut numbers = Numbers(2);
    let trits = numbers.trits(61_500);
    let x = numbers.bytes(61_500);
    for code in CODES {
        let bytes = pack(code, &trits);
        for len in [
            1_919, 1_920, 1_921, 3_839, 3_840, 3_841, 7_680, 61_440, 61_441,
        ] {
            for offset in 0..6 {
                let (t, x) = (&trits[offset..offset + len], &x[..len]);
                assert_eq!(portable::dot_i8(code, &bytes, offset, x), Ok(wide_i8(t, x)));
                let signed = portable::dot_signed_i8(code, &bytes, offset, x);
                assert_eq!(signed, Ok(wide_signed_i8(t, x)));
            }
        }
    }
}

/// Activations under a zero trit do not count, whatever they are; and no sum is -0.0.
#[test]
fn zero_trits_drop_infinities_and_nan() {
    for code in CODES {
        let trits: Vec<i8> = (0..50).map(|i| [0, 1, 0, -1, 0][i % 5]).collect();
        let bytes = pack(code, &trits);
        for special in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, -0.0] {
            let value = |&trit: &i8| if trit == 0 { special } else { 2.0 };
            let x: Vec<f32> = trits.iter().map(value).collect();
            assert_eq!(portable::dot(code, &bytes, 0, &x), Ok(0.0));
            assert_eq!(portable::dot_signed(code, &bytes, 0, &x), Ok((20.0, 20.0)));
            for backend in Backend::available() {
                assert_eq!(
                    kernels::dot::<Together>(backend, code, &bytes, 0, &x),
                    Ok(0.0)
                );
                let signed = kernels::dot::<Apart>(backend, code, &bytes, 0, &x);
                assert_eq!(signed, Ok((20.0, 20.0)));
            }
        }
        for backend in Backend::available() {
            for zero in [0.0, -0.0] {
                let sum = kernels::dot::<Together>(backend, code, &bytes, 0, &[zero; 50]).unwrap();
                assert_eq!(sum.to_bits(), 0);
                let (plus, minus) =
                    kernels::dot::<Apart>(backend, code, &bytes, 0, &[zero; 50]).unwrap();
                assert_eq!(bits((plus, minus)), (0, 0));
            }
            let sum = kernels::dot::<Together>(backend, code, &bytes, 0, &[f32::INFINITY; 2]);
            assert_eq!(sum, Ok(f32::INFINITY));
            let sum =
                kernels::dot::<Together>(backend, code, &bytes, 0, &[f32::INFINITY; 5]).unwrap();
            assert!(sum.is_nan());
        }
        for zero in [0.0, -0.0] {
            let sum = portable::dot(code, &bytes, 0, &[zero; 50]).unwrap();
            assert_eq!(sum.to_bits(), 0);
        }
        assert_eq!(portable::dot(code, &bytes, 0, &[]).unwrap().to_bits(), 0);
        let sum = portable::dot(code, &bytes, 0, &[f32::INFINITY; 2]);
        assert_eq!(sum, Ok(f32::INFINITY));
        // +inf under a +1 and a -1 in different lanes meet in the tree.
        let sum = portable::dot(code, &bytes, 0, &[f32::INFINITY; 5]).unwrap();
        assert!(sum.is_nan());
    }
}

#[test]
fn lengths_are_checked() {
    let index = 11;
    for code in CODES {
        let bytes = pack(code, &[0; 8]);
        let len = bytes.len() * code.trits_per_byte();
        let beyond = Error::OutOfBounds { index, len };
        assert_eq!(portable::dot(code, &bytes, 3, &[0.0; 8]), Err(beyond));
        assert_eq!(
            portable::dot_signed(code, &bytes, 3, &[0.0; 8]),
            Err(beyond)
        );
        assert_eq!(portable::dot_i8(code, &bytes, 3, &[0; 8]), Err(beyond));
        assert_eq!(
            portable::dot_signed_i8(code, &bytes, 3, &[0; 8]),
            Err(beyond)
        );
        let (index, long) = (5_003, [0; 5_000]);
        let beyond = Error::OutOfBounds { index, len };
        assert_eq!(portable::dot_i8(code, &bytes, 3, &long), Err(beyond));
        let index = usize::MAX;
        let beyond = Error::OutOfBounds { index, len };
        assert_eq!(portable::dot(code, &bytes, index, &[0.0]), Err(beyond));
        for backend in Backend::available() {
            let sum = kernels::dot::<Together>(backend, code, &bytes, index, &[0.0]);
            assert_eq!(sum, Err(beyond));
            let sums = kernels::dot::<Apart>(backend, code, &bytes, index, &[0.0]);
            assert_eq!(sums, Err(beyond));
        }
        assert_eq!(portable::dot_i8(code, &bytes, index, &[0]), Err(beyond));

        let (expected, actual) = (8, 7);
        let mismatch = Error::LengthMismatch { expected, actual };
        let packed = PackedTrits::new(code, &bytes, 8).unwrap();
        assert_eq!(packed.dot(&[0.0; 7]), Err(mismatch));
        assert_eq!(packed.dot_signed(&[0.0; 7]), Err(mismatch));
        assert_eq!(packed.dot_i8(&[0; 7]), Err(mismatch));
        assert_eq!(packed.dot_signed_i8(&[0; 7]), Err(mismatch));
        assert_eq!(packed.unpack_into(&mut [0; 7]), Err(mismatch));
    }
}

/// Bytes that nobody has checked give some number, not a panic.
#[test]
fn forbidden_bytes_do_not_panic() {
    let bytes: Vec<u8> = (0..=u8::MAX).collect();
    for code in CODES {
        assert!(portable::dot(code, &bytes, 1, &[1.0; 900]).is_ok());
        for backend in Backend::available() {
            assert!(kernels::dot::<Together>(backend, code, &bytes, 1, &[1.0; 900]).is_ok());
            assert!(kernels::dot::<Apart>(backend, code, &bytes, 1, &[1.0; 900]).is_ok());
        }
        assert!(portable::dot_signed_i8(code, &bytes, 1, &[1; 900]).is_ok());
    }
}

proptest! {
    #[test]
    fn sums_are_near_the_wide_ones(
        pairs in prop::collection::vec((-1..=1_i8, -1e6..1e6_f32, any::<i8>()), 0..400),
        cut in 0..400_usize,
    ) {
        let trits: Vec<i8> = pairs.iter().map(|pair| pair.0).collect();
        let start = cut.min(trits.len());
        let floats: Vec<f32> = pairs[start..].iter().map(|pair| pair.1).collect();
        let integers: Vec<i8> = pairs[start..].iter().map(|pair| pair.2).collect();
        let expected = &trits[start..];
        let wide = expected.iter().zip(&floats).map(|(&t, &x)| f64::from(t) * f64::from(x));
        let magnitude = wide.clone().map(f64::abs).sum::<f64>();
        let wide = wide.sum::<f64>();
        // An element goes through at most len / 8 additions in its lane and three in the tree.
        let bound = f64::from(f32::EPSILON) * magnitude * 60.0;
        for code in CODES {
            let bytes = pack(code, &trits);
            let view = PackedTrits::new(code, &bytes, trits.len()).unwrap().slice(start..).unwrap();
            let (plus, minus) = view.dot_signed(&floats).unwrap();
            prop_assert!((f64::from(view.dot(&floats).unwrap()) - wide).abs() <= bound);
            for backend in Backend::available() {
                let sum = kernels::dot::<Together>(backend, code, &bytes, start, &floats).unwrap();
                prop_assert!((f64::from(sum) - wide).abs() <= bound);
                prop_assert_eq!(sum.to_bits(), twin(expected, &floats).to_bits());
            }
            prop_assert!((f64::from(plus) - f64::from(minus) - wide).abs() <= bound);
            prop_assert_eq!(view.dot_i8(&integers).unwrap(), wide_i8(expected, &integers));
            let (plus, minus) = view.dot_signed_i8(&integers).unwrap();
            prop_assert_eq!(plus - minus, wide_i8(expected, &integers));
        }
    }
}
