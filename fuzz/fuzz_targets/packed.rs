//! Any bytes as packed trits: what is accepted packs to the same bytes again, and multiplies like its trits.

#![no_main]

use libfuzzer_sys::fuzz_target;
use ternarize::{Code, PackedTrits, PackedTritsBuf};

fuzz_target!(|data: &[u8]| {
    let [code, cut, rest @ ..] = data else { return };
    let code = if code & 1 == 0 {
        Code::TwoBit
    } else {
        Code::Base3
    };
    let (bytes, x) = rest.split_at(rest.len() / 4);
    let len = (bytes.len() * code.trits_per_byte()).saturating_sub(usize::from(cut & 3));
    let Ok(packed) = PackedTrits::new(code, bytes, len) else {
        return;
    };
    let trits: Vec<i8> = packed.iter().collect();
    let again = PackedTritsBuf::from_trits(code, &trits).expect("they are trits");
    assert_eq!(again.as_bytes(), bytes);

    let from = usize::from(*cut).min(len);
    let x: Vec<i8> = x
        .iter()
        .map(|&byte| byte.cast_signed())
        .take(len - from)
        .collect();
    let slice = packed.slice(from..from + x.len()).expect("within");
    let expected: i64 = trits[from..]
        .iter()
        .zip(&x)
        .map(|(&t, &x)| i64::from(t) * i64::from(x))
        .sum();
    assert_eq!(slice.dot_i8(&x), Ok(expected));
});
