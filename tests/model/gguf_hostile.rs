//! GGUF files that are damaged, or made to deceive: each is refused with one clear message; none panics.

use std::fs;
use std::path::Path;

use ternarize::model::ModelError;

use crate::made::{Gguf, bytes_of, copied, open, refused, string};

/// The reason of a file that is not a GGUF file.
fn reason(file: &Gguf) -> String {
    let message = refused(&file.bytes());
    let reason = message.strip_prefix("not a GGUF file: ");
    reason.unwrap_or_else(|| panic!("{message}")).to_string()
}

#[test]
fn a_file_cut_short_is_refused_at_every_length() {
    let bytes = Gguf::small().bytes();
    // The padding of the last tensor is not needed.
    let needed = bytes.len() - 28;
    for len in 0..bytes.len() {
        let opened = open(&bytes[..len]);
        match opened {
            Err(ModelError::Container { container, reason }) => {
                let kind = if len < 4 { "safetensors" } else { "GGUF" };
                assert!(
                    container == kind && !reason.is_empty() && len < needed,
                    "{len}"
                );
            }
            Ok(_) => assert!(len >= needed, "{len}"),
            Err(error) => panic!("{error}"),
        }
    }
    for more in [1, 31, 32, 1000] {
        let mut file = Gguf::small();
        file.more = vec![0; more];
        assert_eq!(
            reason(&file),
            format!("{more} bytes follow the last tensor")
        );
    }
}

#[test]
fn a_damaged_file_is_refused_or_can_be_copied() {
    let prism = Gguf::small().pair("prism.hadamard.seed", 10, &[0; 8]);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let types = fs::read(folder.join("types.gguf")).unwrap();
    let all = &[1, 2, 4, 8, 16, 32, 64, 128, 255][..];
    let (mut refused, mut sound) = (0, 0);
    // Of the larger file the header, which ends before 1300 bytes.
    for (bytes, end, changes) in [
        (&Gguf::small().aligned(4).bytes(), usize::MAX, all),
        (&prism.bytes(), usize::MAX, all),
        (&types, 1300, &[1, 255]),
    ] {
        for place in 0..bytes.len().min(end) {
            for change in changes {
                let mut damaged = bytes.clone();
                damaged[place] ^= change;
                let Ok(reader) = open(&damaged) else {
                    refused += 1;
                    continue;
                };
                sound += 1;
                for index in 0..reader.tensors().len() {
                    let _ = reader.read(index).map_err(|error| error.to_string());
                }
                // It may have a name that is too long.
                let Ok(again) = copied(&reader) else { continue };
                let again = open(&again).unwrap();
                for (index, (new, old)) in again.tensors().zip(reader.tensors()).enumerate() {
                    assert_eq!((new.name(), new.encoding()), (old.name(), old.encoding()));
                    assert_eq!(bytes_of(&again, index), bytes_of(&reader, index));
                }
            }
        }
    }
    assert!(refused > 1000 && sound > 1000, "{refused}, {sound}");
}

#[test]
fn numbers_that_no_file_can_have_are_refused() {
    let incomplete = "the header is incomplete";
    let small = Gguf::small();
    for count in [u64::MAX, 1 << 63, 1 << 60, 1 << 40, 5] {
        for place in [0, 1] {
            let mut file = small.clone();
            file.counts[place] = Some(count);
            assert!(reason(&file).len() > 10);
        }
        let mut file = Gguf::new();
        file.counts = [Some(count); 2];
        assert_eq!(reason(&file), incomplete);
    }
    for len in [u64::MAX, 1 << 63, 1 << 60, 1 << 33] {
        let value = [&len.to_le_bytes()[..], b"text"].concat();
        assert_eq!(reason(&Gguf::new().pair("k", 8, &value)), incomplete);
        for element in [0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12] {
            let value = [&u32::to_le_bytes(element)[..], &len.to_le_bytes()].concat();
            let value = [value, vec![0; 16]].concat();
            assert_eq!(reason(&Gguf::new().pair("k", 9, &value)), incomplete);
        }
    }
    for element in [9, 13, u32::MAX] {
        let value = [&element.to_le_bytes()[..], &[0; 8]].concat();
        let message = format!("an array has elements of type {element}");
        assert_eq!(reason(&Gguf::new().pair("k", 9, &value)), message);
    }
    for kind in [13, u32::MAX] {
        let message = format!("a value has the unknown type {kind}");
        assert_eq!(reason(&Gguf::new().pair("k", kind, &[0; 8])), message);
    }
}

#[test]
fn shapes_that_no_file_can_have_are_refused() {
    let with = |extents: &[u64], id| Gguf::new().tensor("t", extents, id, &[0; 32]);
    let top = u64::MAX;
    for (extents, id, reason_of_it) in [
        (&[top][..], 0, "has too many elements"),
        (&[top, top, top, top], 0, "has too many elements"),
        (&[1 << 32, 1 << 32], 35, "has too many elements"),
        (&[1 << 62], 0, "has too many elements"),
        (&[1 << 60], 0, "ends beyond the end of the file"),
        (&[1 << 62], 35, "ends beyond the end of the file"),
        (&[256, 1 << 50], 34, "ends beyond the end of the file"),
        (&[top - 255, 1], 35, "ends beyond the end of the file"),
        (&[9], 0, "ends beyond the end of the file"),
        (
            &[300],
            35,
            "is TQ2_0 with rows of 300, which is not a multiple of 256",
        ),
        (
            &[300],
            42,
            "is Q2_0 with rows of 300, which is not a multiple of 64",
        ),
        (
            &[16, 2],
            8,
            "is Q8_0 with rows of 16, which is not a multiple of 32",
        ),
        (&[1; 5], 0, "has 5 axes"),
    ] {
        let message = format!("the tensor `t` {reason_of_it}");
        assert_eq!(reason(&with(extents, id)), message, "{extents:?}");
    }
    let mut many = with(&[1], 0);
    many.tensors[0].extents = vec![1; 1000];
    assert_eq!(reason(&many), "the tensor `t` has 1000 axes");
}

#[test]
fn tensors_that_overlap_or_leave_gaps_are_refused() {
    let small = Gguf::small();
    for (place, offset) in [
        (0, 1),
        (0, 32),
        (1, 0),
        (1, 16),
        (1, 31),
        (1, 64),
        (1, u64::MAX),
    ] {
        let mut file = small.clone();
        file.tensors[place].offset = Some(offset);
        let message = reason(&file);
        assert!(message.contains("is at offset"), "{message}");
    }
    let mut file = small;
    file.tensors[1].offset = Some(64);
    let message = "the tensor `weight` is at offset 64, and the one before it ends at 32";
    assert_eq!(reason(&file), message);
}

#[test]
fn names_that_occur_twice_are_refused() {
    let small = Gguf::small();
    let twice = small.clone().pair("layers", 7, &[1]);
    let error = open(&twice.bytes()).unwrap_err();
    assert!(matches!(error, ModelError::DuplicateName { name } if name == "layers"));
    let twice = small.tensor("bias", &[1], 24, &[1]);
    let error = open(&twice.bytes()).unwrap_err();
    let message = "the name `bias` occurs twice in the header";
    assert_eq!(error.to_string(), message);
}

/// A message goes to a terminal.
#[test]
fn control_characters_are_printed_as_escapes() {
    let name = "\u{1b}[2J\u{7}";
    let escaped = "\\u{1b}[2J\\u{7}";
    let twice = Gguf::new()
        .tensor(name, &[0], 0, &[])
        .tensor(name, &[0], 0, &[]);
    let message = format!("the name `{escaped}` occurs twice in the header");
    assert_eq!(refused(&twice.bytes()), message);
    let ragged = Gguf::new().tensor(name, &[5], 35, &[0; 32]);
    assert!(reason(&ragged).starts_with(&format!("the tensor `{escaped}` is TQ2_0")));
    let mut bad = Gguf::small();
    bad.tensors[1].name = name.into();
    bad.tensors[1].data[2] = 0xff;
    let message = open(&bad.bytes()).unwrap().read(1).unwrap_err().to_string();
    assert!(message.starts_with(&format!("the ternary tensor `{escaped}` has a bad")));
    let mut not_text = Gguf::small();
    not_text.tensors[0].name = vec![0xff];
    assert_eq!(reason(&not_text), "a string is not UTF-8");
    not_text = Gguf::small();
    not_text.pairs[0].0 = vec![0xff];
    assert_eq!(reason(&not_text), "a string is not UTF-8");
}

#[test]
fn alignments_that_are_none_are_refused() {
    for alignment in [0, 3, 48, u32::MAX] {
        let file = Gguf::small().pair("general.alignment", 4, &alignment.to_le_bytes());
        let message = format!("the alignment {alignment} is not a power of two");
        assert_eq!(reason(&file), message);
    }
    let words = [&8_u32.to_le_bytes()[..], &[0; 8]].concat();
    for (kind, value) in [
        (8, string(b"\x1b[2J")),
        (8, string(b"32")),
        (9, words),
        (5, 32_i32.to_le_bytes().to_vec()),
        (10, 32_u64.to_le_bytes().to_vec()),
    ] {
        let file = Gguf::small().pair("general.alignment", kind, &value);
        assert_eq!(reason(&file), "the alignment is not of the type u32");
    }
    // The largest: nothing of the file is left for data.
    let large = 1_u32 << 31;
    let file = Gguf::small().pair("general.alignment", 4, &large.to_le_bytes());
    assert_eq!(
        reason(&file),
        "the tensor `bias` ends beyond the end of the file"
    );
    let other = Gguf::small().pair("general.alignment", 4, &64_u32.to_le_bytes());
    assert!(reason(&other).contains("`weight` is at offset 32"));
}

#[test]
fn other_versions_and_byte_orders_are_refused() {
    for version in [0, 1, 4, u32::MAX] {
        let mut file = Gguf::small();
        file.version = version;
        let message = format!("version {version} of GGUF is unknown: versions 2 and 3 are read");
        assert_eq!(reason(&file), message);
    }
    for version in [2_u32, 3] {
        let mut file = Gguf::small();
        file.version = version.swap_bytes();
        assert_eq!(reason(&file), "it is big-endian");
    }
    let error = ternarize::model::Model::from_bytes(&Gguf::small().bytes()).unwrap_err();
    assert!(error.to_string().contains("it is a GGUF file"));
}

/// Trits that are none: to ggml the value 3 is twice the scale.
#[test]
fn blocks_that_are_not_ternary_are_carried_and_not_decoded() {
    let mut file = Gguf::small();
    file.tensors[1].data[5] = 0b11_01_01_01;
    let mut infinite = Gguf::small();
    infinite.tensors[1].data[..2].copy_from_slice(&0x7c00_u16.to_le_bytes());
    for file in [file, infinite] {
        let reader = open(&file.bytes()).unwrap();
        let error = reader.read(1).unwrap_err();
        assert!(matches!(error, ModelError::BadPart { tensor, .. } if tensor == "weight"));
        assert_eq!(copied(&reader).unwrap(), file.bytes());
    }
}
