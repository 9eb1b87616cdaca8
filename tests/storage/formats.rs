//! Other programs' formats: golden bytes of independent implementations, a slow twin from the formulas, laws, and every refusal.

use half::f16;
use proptest::prelude::*;
use serde_json::Value;
use ternarize::Operand;
use ternarize::format::{self, Format, storable};
use ternarize::{Code, Error, PackedTritsBuf};

fn vectors(json: &str) -> Vec<Value> {
    let file: Value = serde_json::from_str(json).unwrap();
    file["vectors"].as_array().unwrap().clone()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key]
        .as_str()
        .unwrap_or_else(|| panic!("{key} in {value}"))
}

fn number(value: &Value, key: &str) -> usize {
    usize::try_from(value[key].as_u64().unwrap()).unwrap()
}

fn bytes_of(hex: &str) -> Vec<u8> {
    let digits: Vec<char> = hex.chars().collect();
    let byte = |pair: &[char]| u8::from_str_radix(&String::from_iter(pair), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}

fn trits_of(signs: &str) -> Vec<i8> {
    let trit = |sign| i8::try_from("-0+".find(sign).unwrap()).unwrap() - 1;
    signs.chars().map(trit).collect()
}

fn halves(values: &Value) -> Vec<f16> {
    let numbers = values.as_array().unwrap().iter();
    numbers
        .map(|x| f16::from_f64(x.as_f64().unwrap()))
        .collect()
}

/// A format's bytes of trits and scales.
fn encode(format: Format, columns: usize, trits: &[i8], scales: &[f32]) -> Vec<u8> {
    let len = format.encoded_len(trits.len() / columns, columns).unwrap();
    let mut bytes = vec![0xEE; len];
    format
        .encode_into(columns, trits, scales, &mut bytes)
        .unwrap();
    bytes
}

fn decode(format: Format, columns: usize, rows: usize, bytes: &[u8]) -> (Vec<i8>, Vec<f32>) {
    let mut trits = vec![9; rows * columns];
    let mut scales = vec![f32::NAN; format.scales_len(rows, columns).unwrap()];
    format
        .decode_into(columns, bytes, &mut trits, &mut scales)
        .unwrap();
    (trits, scales)
}

#[test]
fn ggml_s_blocks_have_the_golden_bytes_and_values() {
    let vectors = vectors(include_str!("../golden/formats/tq.json"));
    assert_eq!(vectors.len(), 14);
    for vector in &vectors {
        let what = text(vector, "name");
        let format = Format::from_name(&text(vector, "type").to_lowercase()).unwrap();
        let id = format.ggml_id().and_then(|id| usize::try_from(id).ok());
        assert_eq!(id, Some(number(vector, "ggml_id")));
        let bits = u16::from_str_radix(text(vector, "scale_f16_bits"), 16).unwrap();
        let (scale, trits) = (f16::from_bits(bits), trits_of(text(vector, "trits")));
        let block = bytes_of(text(vector, "block"));

        let mut bytes = vec![0xEE; block.len()];
        format
            .encode_into(256, &trits, &[scale], &mut bytes)
            .unwrap();
        assert_eq!(bytes, block, "{what} {format:?}");
        let (read, scales) = decode(format, 256, 1, &block);
        assert_eq!(
            (&read, &scales[..]),
            (&trits, &[scale.to_f32()][..]),
            "{what}"
        );
        let values = read.iter().map(|&trit| f32::from(trit) * scales[0]);
        let golden = text(vector, "values_f32_bits").split(' ');
        let golden = golden.map(|hex| f32::from_bits(u32::from_str_radix(hex, 16).unwrap()));
        assert!(values.eq(golden), "{what} {format:?}");
    }
}

#[test]
fn the_other_formats_have_the_golden_bytes() {
    let mut seen = 0;
    for vector in vectors(include_str!("../golden/formats/others.json")) {
        let Some(format) = Format::from_name(text(&vector, "format")) else {
            continue;
        };
        seen += 1;
        let (trits, golden) = (
            trits_of(text(&vector, "trits")),
            bytes_of(text(&vector, "bytes")),
        );
        let scale = storable(vector["scale"].as_f64().unwrap())
            .unwrap()
            .to_f32();
        assert_eq!(
            encode(format, trits.len(), &trits, &[scale]),
            golden,
            "{format:?}"
        );
        assert_eq!(
            decode(format, trits.len(), 1, &golden),
            (trits, vec![scale])
        );
    }
    assert_eq!(seen, 4);
}

/// The same id and size, the same trits, and other bytes: what an Arm build of bitnet.cpp wrote is not what is read here.
#[test]
fn the_arm_layout_of_i2_s_is_another() {
    let vectors = vectors(include_str!("../golden/formats/others.json"));
    let arm = vectors
        .iter()
        .find(|v| text(v, "format") == "i2_s for Arm")
        .unwrap();
    let bytes = bytes_of(text(arm, "bytes"));
    let (trits, scales) = decode(Format::I2S, 256, 1, &bytes);
    assert_eq!(scales, [0.3125]);
    assert_ne!(trits, trits_of(text(arm, "trits")));
}

#[test]
fn hugging_face_s_and_mlx_s_tensors_are_the_golden_ones() {
    for vector in vectors(include_str!("../golden/formats/others.json")) {
        let (trits, golden) = (
            trits_of(text(&vector, "trits")),
            bytes_of(text(&vector, "bytes")),
        );
        let (mut bytes, mut read) = (vec![0xEE; golden.len()], vec![9; trits.len()]);
        match text(&vector, "format") {
            "huggingface" => {
                let columns = number(&vector, "columns");
                assert_eq!(format::huggingface_len(8, columns), Ok(golden.len()));
                format::encode_huggingface_into(columns, &trits, &mut bytes).unwrap();
                format::decode_huggingface_into(columns, &golden, &mut read).unwrap();
            }
            "mlx" => {
                let group = number(&vector, "group");
                let (scales, expected) =
                    (halves(&vector["scales_f16"]), halves(&vector["biases_f16"]));
                let mut biases = vec![f16::NAN; scales.len()];
                format::encode_mlx_into(group, 128, &trits, &scales, &mut bytes, &mut biases)
                    .unwrap();
                assert_eq!(biases, expected);
                format::decode_mlx_into(group, 128, &golden, &scales, &biases, &mut read).unwrap();
            }
            _ => continue,
        }
        assert_eq!(bytes, golden);
        assert_eq!(read, trits);
    }
}

/// The byte of a block and the digit in it, by the formulas of the formats' own sources.
fn written_out(format: Format, e: usize) -> (usize, usize) {
    match format {
        Format::Tq1_0 if e < 160 => (e % 32, e / 32),
        Format::Tq1_0 if e < 240 => (32 + (e - 160) % 16, (e - 160) / 16),
        Format::Tq1_0 => (48 + (e - 240) % 4, (e - 240) / 4),
        Format::Tq2_0 => (32 * (e / 128) + e % 32, e % 128 / 32),
        Format::Q2_0 | Format::Pq2_0 => (2 + e / 4, e % 4),
        Format::Ptq1_0 if e < 80 => (e % 16, e / 16),
        Format::Ptq1_0 if e < 120 => (16 + (e - 80) % 8, (e - 80) / 8),
        Format::Ptq1_0 => (24 + (e - 120) % 2, (e - 120) / 2),
        _ => (e % 32, 3 - e / 32),
    }
}

fn is_base3(format: Format) -> bool {
    matches!(format, Format::Tq1_0 | Format::Ptq1_0)
}

/// The digit of an element of a block, read alone.
fn slow_digit(format: Format, block: &[u8], element: usize) -> u32 {
    let (byte, digit) = written_out(format, element);
    let value = u32::from(block[byte]);
    if is_base3(format) {
        return (value * 3_u32.pow(u32::try_from(digit).unwrap()) % 256 * 3) >> 8;
    }
    value >> (2 * digit) & 3
}

#[test]
fn places_are_those_of_the_formulas() {
    for format in Format::ALL {
        for element in 0..format.block_len() {
            let (byte, digit) = written_out(format, element);
            let digit = u32::try_from(digit).unwrap();
            assert_eq!(format.place(element), Some((byte, digit)));
        }
        assert_eq!(format.place(format.block_len()), None);
        assert_eq!(format.place(usize::MAX), None);
    }
}

/// All 256 values in every byte: base 3 reads each as ggml does, aliases too; two bits refuse the values with a 3, and name them.
#[test]
fn every_byte_value_reads_as_the_formula_says_or_is_refused() {
    for format in Format::ALL {
        let (len, columns) = (format.block_bytes(), format.block_len());
        let scale = |byte| (0..columns).all(|e| format.place(e).unwrap().0 != byte);
        for value in 0..=u8::MAX {
            let mut bytes = vec![0; format.encoded_len(1, columns).unwrap()];
            let codes = (0..len).filter(|&byte| !scale(byte));
            codes.clone().for_each(|byte| bytes[byte] = value);
            let digits: Vec<_> = (0..columns)
                .map(|e| slow_digit(format, &bytes, e))
                .collect();
            if digits.contains(&3) {
                for byte in codes {
                    let mut bytes = encode(format, columns, &vec![1; columns], &[1.0]);
                    bytes[byte] = value;
                    let error = Err(Error::InvalidCode {
                        what: Operand::Byte,
                        index: byte,
                        value: i16::from(value),
                    });
                    assert_eq!(format.validate(1, columns, &bytes), error);
                }
                continue;
            }
            let (trits, _) = decode(format, columns, 1, &bytes);
            let digits = digits.iter().map(|&digit| i8::try_from(digit).unwrap() - 1);
            assert!(trits.iter().copied().eq(digits), "{format:?} {value}");
        }
    }
}

/// Names, ids and sizes, once more, from the formats' own sources.
#[test]
fn formats_are_what_their_makers_say() {
    let expected = [
        ("tq1_0", 34, Some(256), 54),
        ("tq2_0", 35, Some(256), 66),
        ("q2_0", 42, Some(64), 18),
        ("pq2_0", 142, Some(128), 34),
        ("ptq1_0", 143, Some(128), 28),
        ("i2_s", 36, None, 32),
    ];
    for (format, (name, id, group, bytes)) in Format::ALL.into_iter().zip(expected) {
        let found = (
            format.name(),
            format.ggml_id(),
            format.group(),
            format.block_bytes(),
        );
        assert_eq!(found, (name, Some(id), group, bytes));
        assert_eq!(Format::from_name(name), Some(format));
    }
    assert_eq!(Format::from_name("q1_0"), None);
    assert_eq!(Format::I2S.encoded_len(0, 128), Ok(32));
    assert_eq!(Format::I2S.encoded_len(3, 256), Ok(3 * 64 + 32));
}

/// Scales that an `f16` has.
fn half_scale() -> impl Strategy<Value = f32> {
    (0..0x7c00_u16).prop_map(|bits| f16::from_bits(bits).to_f32())
}

/// A format, a number of rows of 256 columns, trits and scales for it.
fn matrix() -> impl Strategy<Value = (Format, usize, Vec<i8>, Vec<f32>)> {
    (prop::sample::select(&Format::ALL[..]), 1..4_usize).prop_flat_map(|(format, rows)| {
        let scales = format.scales_len(rows, 256).unwrap();
        let trits = prop::collection::vec(-1..=1_i8, rows * 256);
        (
            Just(format),
            Just(rows),
            trits,
            prop::collection::vec(half_scale(), scales),
        )
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// What was encoded is decoded; and the slow twin reads the same.
    #[test]
    fn decoding_undoes_encoding((format, rows, trits, scales) in matrix()) {
        let bytes = encode(format, 256, &trits, &scales);
        let blocks = bytes.chunks(format.block_bytes()).zip(trits.chunks(format.block_len()));
        for (block, trits) in blocks {
            for (element, &trit) in trits.iter().enumerate() {
                prop_assert_eq!(slow_digit(format, block, element), u32::try_from(trit + 1).unwrap());
            }
        }
        prop_assert_eq!(decode(format, 256, rows, &bytes), (trits, scales));
    }

    /// Both of our codes give the bytes of the plain trits, and come back from them.
    #[test]
    fn packed_trits_are_the_same_trits((format, rows, trits, scales) in matrix()) {
        let bytes = encode(format, 256, &trits, &scales);
        for code in [Code::TwoBit, Code::Base3] {
            let packed = PackedTritsBuf::from_trits(code, &trits).unwrap();
            prop_assert_eq!(&format.encode_packed(256, packed.as_packed(), &scales).unwrap(), &bytes);
            let (back, read) = format.decode_packed::<f32>(rows, 256, &bytes, code).unwrap();
            prop_assert_eq!((back.code(), &back, &read), (code, &packed, &scales));
        }
    }

    /// Through any format of shorter blocks and back: the same bytes; and on the way just those of encoding with repeated scales.
    #[test]
    fn formats_of_shorter_blocks_lose_nothing((format, rows, trits, scales) in matrix(), to in 0..6_usize) {
        let to = Format::ALL[to];
        let groups = (trits.len() / scales.len(), to.group().unwrap_or(trits.len()));
        prop_assume!(groups.1 <= groups.0);
        let bytes = encode(format, 256, &trits, &scales);
        let there = format.transcode(rows, 256, &bytes, to).unwrap();
        let repeated = (0..trits.len()).step_by(groups.1).map(|start| scales[start / groups.0]);
        prop_assert_eq!(&there, &encode(to, 256, &trits, &repeated.collect::<Vec<_>>()));
        prop_assert_eq!(to.transcode(rows, 256, &there, format).unwrap(), bytes);
    }

    /// One scale goes round all formats, in any order.
    #[test]
    fn one_scale_goes_round_all_formats(
        trits in prop::collection::vec(-1..=1_i8, 512),
        scale in half_scale(),
        order in Just(Format::ALL.to_vec()).prop_shuffle(),
    ) {
        let one = |format: Format| encode(format, 256, &trits, &vec![scale; format.scales_len(2, 256).unwrap()]);
        for pair in order.windows(2) {
            prop_assert_eq!(pair[0].transcode(2, 256, &one(pair[0]), pair[1]).unwrap(), one(pair[1]));
        }
    }

    /// Four rows at a time, and groups of each length, in every type of weights.
    #[test]
    fn hugging_face_and_mlx_keep_trits(
        trits in prop::collection::vec(-1..=1_i8, 1024),
        columns in prop::sample::select(vec![1, 2, 8, 128, 256]),
        scale in half_scale(),
    ) {
        let (mut bytes, mut read) = ([0xEE; 256], vec![9; 1024]);
        format::encode_huggingface_into(columns, &trits, &mut bytes).unwrap();
        let quarter = 256 / columns;
        for (index, &trit) in trits.iter().enumerate() {
            let (row, column) = (index / columns, index % columns);
            let digit = bytes[row % quarter * columns + column] >> (2 * (row / quarter)) & 3;
            prop_assert_eq!(i32::from(digit), i32::from(trit) + 1);
        }
        format::decode_huggingface_into(columns, &bytes, &mut read).unwrap();
        prop_assert_eq!(&read, &trits);

        for group in [32, 64, 128] {
            let scales = vec![scale; 1024 / group];
            let mut biases = vec![f32::NAN; scales.len()];
            format::encode_mlx_into(group, 128, &trits, &scales, &mut bytes, &mut biases).unwrap();
            for (k, &trit) in trits.iter().enumerate() {
                let word = u32::from_le_bytes(*bytes.as_chunks().0.get(k / 16).unwrap());
                let code = u16::try_from(word >> (2 * (k % 16)) & 3).unwrap();
                let at = k / group;
                let weight = f32::from(code).mul_add(scales[at], biases[at]);
                // Zeros of either sign are the same weight.
                let plain = |weight: f32| (weight + 0.0).to_bits();
                prop_assert_eq!(plain(weight), plain(f32::from(trit) * scale));
            }
            format::decode_mlx_into(group, 128, &bytes, &scales, &biases, &mut read).unwrap();
            prop_assert_eq!(&read, &trits);
        }
    }
}
