//! Headers that are unusual and yet good, and what is said of those that are not.

use crate::forged::file;
use ternarize::model::{DenseTensor, Model, ModelError, Tensor};

fn refused(bytes: &[u8]) -> String {
    Model::from_bytes(bytes).unwrap_err().to_string()
}

/// Python's reader takes it as well.
#[test]
fn metadata_may_be_null() {
    let header = r#"{"__metadata__":null,"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}"#;
    let model = Model::from_bytes(&file(header, &[1])).unwrap();
    assert!(model.metadata().is_empty() && model.get("w").is_some());
    for header in ["null", r#"{"w":null}"#, r#"{"__metadata__":{"k":null}}"#] {
        assert!(refused(&file(header, &[])).starts_with("not a safetensors file: "));
    }
}

/// The reader of the crate `safetensors` keeps tensors in a hash map, so it names another one at each run.
#[test]
fn overlapping_tensors_are_always_named_the_same() {
    let part = |name: &str, start: u8, end: u8| {
        let len = end - start;
        format!(r#""{name}":{{"dtype":"U8","shape":[{len}],"data_offsets":[{start},{end}]}}"#)
    };
    for (parts, expected) in [
        ([part("a", 0, 2), part("b", 0, 2), part("c", 0, 2)], "b"),
        ([part("c", 0, 2), part("b", 0, 2), part("a", 0, 2)], "b"),
        ([part("a", 1, 2), part("b", 1, 2), part("c", 0, 2)], "a"),
        ([part("a", 2, 3), part("b", 0, 1), part("c", 1, 1)], "a"),
    ] {
        let bytes = file(&format!("{{{}}}", parts.join(",")), &[0; 2]);
        for _ in 0..20 {
            let message = format!("not a safetensors file: invalid offset for tensor `{expected}`");
            assert_eq!(refused(&bytes), message);
        }
    }
    // Empty ones are at the same place, and do not overlap.
    let parts = [part("a", 0, 0), part("b", 0, 2), part("c", 0, 0)];
    assert!(Model::from_bytes(&file(&format!("{{{}}}", parts.join(",")), &[0; 2])).is_ok());
}

#[test]
fn a_header_over_the_limit_is_said_to_be() {
    let mut bytes = file("{}", &[]);
    let too_long = "the header is longer than 100,000,000 bytes";
    for (len, reason) in [
        (3, "the header is incomplete"),
        (100_000_000, "the header is incomplete"),
        (100_000_001, too_long),
        (u64::MAX, too_long),
    ] {
        bytes[..8].copy_from_slice(&len.to_le_bytes());
        assert_eq!(refused(&bytes), format!("not a safetensors file: {reason}"));
    }
    // The same when it is written, with six bytes for each of these characters.
    let name = "\u{1}".repeat(100_000_000 / 6);
    let (mut tensors, mut metadata) = (Model::new(), Model::new());
    let tensor = DenseTensor::new(&[1], &[1.0_f32]).unwrap();
    metadata.metadata_mut().insert("k".into(), name.clone());
    tensors.insert(name, Tensor::Dense(tensor));
    for model in [tensors, metadata] {
        let error = model.to_bytes().unwrap_err();
        let message = format!("cannot be a safetensors file: {too_long}");
        assert_eq!(error.to_string(), message);
        assert!(matches!(error, ModelError::Unwritable { .. }));
    }
}
