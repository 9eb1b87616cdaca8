//! Safetensors files, one tensor at a time: the same bytes as a model in memory gives, and models of several files.

use std::fs;
use std::io::Cursor;
use std::path::Path;

use proptest::prelude::*;
use serde_json::{Value, json};
use ternarize::model::{
    Encoding, Metadata, Model, ModelError, ModelReader, ModelWriter, Tensor, TensorInfo,
};

use crate::forged::Forged;
use crate::made::{Gguf, Stored, copied, find, open, put_again, safetensors, ternary};
use crate::safetensors_round_trip::model;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// Read and written tensor by tensor, by copies and by values, in any order.
    #[test]
    fn a_model_is_streamed_as_the_same_bytes(model in model(), seed in any::<u64>()) {
        let bytes = model.to_bytes().unwrap();
        let reader = open(&bytes).unwrap();
        prop_assert_eq!(&copied(&reader).unwrap(), &bytes);
        prop_assert_eq!(&put_again(&reader).unwrap(), &bytes);
        let infos: Vec<_> = reader.tensors().cloned().collect();
        let mut order: Vec<_> = (0..infos.len()).collect();
        order.sort_by_key(|&index| seed >> (index * 13 % 50) & 15);
        let metadata = Metadata::new_safetensors(model.metadata().clone());
        prop_assert_eq!(reader.metadata(), &metadata);
        let described: Vec<_> = order.iter().map(|&index| infos[index].clone()).collect();
        let mut writer = ModelWriter::new(Cursor::new(vec![]), &metadata, &described).unwrap();
        for index in order {
            let tensor = reader.read(index).unwrap();
            prop_assert_eq!(Some(&tensor), model.get(infos[index].name()));
            writer.put(infos[index].name(), &tensor).unwrap();
        }
        prop_assert_eq!(&writer.finish().unwrap().into_inner(), &bytes);
    }
}

/// Numbers of less than a byte: any number of them that fills whole bytes is a tensor.
#[test]
fn types_of_less_than_a_byte_are_carried() {
    for (dtype, count, bytes) in [
        ("F4", 2, 1),
        ("F4", 6, 3),
        ("F6_E2M3", 4, 3),
        ("F8_E8M0", 3, 3),
    ] {
        let file = safetensors(&[("x", dtype, &[count], &vec![7; bytes])]);
        let model = Model::from_bytes(&file).unwrap();
        let written = Model::from_bytes(&model.to_bytes().unwrap()).unwrap();
        assert_eq!(written, model);
        assert!(copied(&open(&file).unwrap()).is_ok());
    }
    let odd = TensorInfo::new("x", &[3], Encoding::Dense("F4".into()));
    assert!(matches!(odd, Err(ModelError::Unfit { .. })));
}

/// A model of two files: the tensors of an index, and the files by name.
fn shards(folder: &Path) -> (Vec<u8>, Vec<u8>) {
    let first = safetensors(&[
        ("a", "U8", &[2], &[1, 2]),
        ("b", "F32", &[1], &0.5_f32.to_le_bytes()),
    ]);
    let second = Forged::of_planes().bytes();
    fs::write(folder.join("model-1.safetensors"), &first).unwrap();
    fs::write(folder.join("model-2.safetensors"), &second).unwrap();
    (first, second)
}

fn weight_map() -> Value {
    json!({
        "a": "model-1.safetensors",
        "b": "model-1.safetensors",
        "x.trits": "model-2.safetensors",
        "x.lambda_p": "model-2.safetensors",
        "x.bias": "model-2.safetensors",
    })
}

fn write_index(folder: &Path, index: &str) {
    fs::write(folder.join("model.safetensors.index.json"), index).unwrap();
}

/// Opens a folder of two files with this index.
fn with_index(index: &str) -> Result<ModelReader, ModelError> {
    let folder = tempfile::tempdir().unwrap();
    shards(folder.path());
    write_index(folder.path(), index);
    ModelReader::open(folder.path())
}

#[test]
fn a_model_of_several_files_is_one_model() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = shards(folder.path());
    let index = json!({"metadata": {"total_size": 99}, "weight_map": weight_map()});
    write_index(folder.path(), &index.to_string());
    let by_name = folder.path().join("model.safetensors.index.json");
    for path in [folder.path(), &by_name] {
        let reader = ModelReader::open(path).unwrap();
        assert_eq!(reader.files().len(), 2);
        let names = reader.tensors().map(TensorInfo::name);
        assert_eq!(names.collect::<Vec<_>>(), ["a", "b", "x"]);
        let mut models = [first.clone(), second.clone()].map(|b| Model::from_bytes(&b).unwrap());
        for (index, info) in reader.tensors().enumerate() {
            let tensor = models
                .iter_mut()
                .find_map(|model| model.remove(info.name()));
            assert_eq!(Some(reader.read(index).unwrap()), tensor);
        }
        // Written as one file.
        let one = Model::from_bytes(&copied(&reader).unwrap()).unwrap();
        assert_eq!(one.tensors().count(), 3);
        assert!(matches!(one.get("x"), Some(Tensor::Ternary(_))));
    }
}

#[test]
fn an_index_that_is_wrong_is_refused() {
    let index = |change: &dyn Fn(&mut Value)| {
        let mut map = weight_map();
        change(&mut map);
        let index = json!({"weight_map": map}).to_string();
        with_index(&index).unwrap_err()
    };
    for path in [
        "../model-1.safetensors",
        "/etc/passwd",
        "./model-1.safetensors",
        "sub/x",
        "..",
        ".",
        "",
        "model-1.safetensors/",
        "\u{1b}[2J",
    ] {
        let error = index(&|map| map["a"] = json!(path)).to_string();
        let start = "not a safetensors index file: `";
        assert!(
            error.starts_with(start) && error.ends_with("` is no file name"),
            "{error}"
        );
        assert!(!error.contains('\u{1b}'));
    }
    let error = index(&|map| map["gone\n"] = json!("model-2.safetensors"));
    assert_eq!(error.to_string(), "there is no tensor `gone\\n`");
    let error = index(&|map| map["a"] = json!("model-3.safetensors"));
    assert!(
        matches!(error, ModelError::Read { path, .. } if path.ends_with("model-3.safetensors"))
    );
    let error = index(&|map| map["a"] = json!("model-2.safetensors"));
    let message = "not a safetensors index file: the tensor `a` is in another file than it says";
    assert_eq!(error.to_string(), message);
    let nested = format!(
        r#"{{"weight_map":{}1{}}}"#,
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    for text in [
        "",
        "{",
        "[]",
        "{}",
        r#"{"weight_map":[]}"#,
        r#"{"weight_map":{"a":1}}"#,
        &nested,
    ] {
        let error = with_index(text).unwrap_err();
        assert!(matches!(
            error,
            ModelError::Container {
                container: "safetensors index",
                ..
            }
        ));
    }
    let twice = r#"{"weight_map":{"a":"model-1.safetensors","a":"model-2.safetensors"}}"#;
    let error = with_index(twice).unwrap_err();
    assert!(matches!(error, ModelError::DuplicateName { name } if name == "a"));
    // A model without tensors.
    assert_eq!(
        with_index(r#"{"weight_map":{}}"#).unwrap().tensors().len(),
        0
    );
}

#[test]
fn files_of_a_model_that_do_not_fit_together_are_refused() {
    let one = json!({"weight_map": {"a": "1", "x.trits": "2"}}).to_string();
    let opened = |first: &[u8], second: &[u8]| {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("1"), first).unwrap();
        fs::write(folder.path().join("2"), second).unwrap();
        write_index(folder.path(), &one);
        ModelReader::open(folder.path()).map(|reader| reader.tensors().len())
    };
    let (a, planes) = (("a", "U8", &[1][..], &[7][..]), Forged::of_planes());
    assert_eq!(opened(&safetensors(&[a]), &planes.bytes()).unwrap(), 2);
    let both = opened(
        &safetensors(&[a, ("x.trits", "U8", &[0], &[])]),
        &planes.bytes(),
    );
    assert!(matches!(both, Err(ModelError::DuplicateName { name }) if name == "x.trits"));
    // The name of a ternary tensor, in the other file; and ternary tensors of one name.
    let dense = opened(&safetensors(&[a, ("x", "U8", &[0], &[])]), &planes.bytes());
    assert!(matches!(dense, Err(ModelError::NameTaken { name }) if name == "x"));
    let mut other = Forged::of_planes();
    other.parts = vec![("a", "U8", vec![7])];
    other.planes = 0;
    let twice = opened(&other.bytes(), &planes.bytes());
    assert!(matches!(twice, Err(ModelError::NameTaken { name }) if name == "x"));
    let gguf = opened(&safetensors(&[a]), &Gguf::small().bytes()).unwrap_err();
    assert_eq!(
        gguf.to_string(),
        "not a safetensors file: it is a GGUF file"
    );
}

#[test]
fn a_folder_stands_for_the_only_model_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let message = || ModelReader::open(folder.path()).unwrap_err();
    let source = |error: ModelError| match error {
        ModelError::Read { source, .. } => source.to_string(),
        other => panic!("{other:?}"),
    };
    assert!(source(message()).contains("holds no"));
    let put = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
    put("config.json", b"{}");
    put("model.gguf", &Gguf::small().bytes());
    let names = || {
        let reader = ModelReader::open(folder.path()).unwrap();
        reader
            .files()
            .next()
            .unwrap()
            .file_name()
            .unwrap()
            .to_owned()
    };
    assert_eq!(names(), "model.gguf");
    // The config is not about a GGUF file.
    put("config.json", b"?");
    assert_eq!(names(), "model.gguf");
    let bytes = safetensors(&[("a", "U8", &[1], &[7])]);
    put("model-1.safetensors", &bytes);
    let error = message().to_string();
    assert!(error.starts_with("not a config.json file: "), "{error}");
    put("config.json", b"{}");
    assert_eq!(names(), "model-1.safetensors");
    put("model-2.safetensors", &bytes);
    let two = "the folder holds 2 files `*.safetensors`: name one";
    assert_eq!(source(message()), two);
    write_index(
        folder.path(),
        r#"{"weight_map":{"a":"model-2.safetensors"}}"#,
    );
    assert_eq!(names(), "model-2.safetensors");
}

#[test]
fn tensors_are_copied_between_models_and_containers() {
    let mut file = Forged::of_planes();
    file.parts.push(("loose", "U8", vec![1]));
    let reader = open(&file.bytes()).unwrap();
    let gguf = open(&Gguf::small().bytes()).unwrap();
    let bias = find(&gguf, "bias");
    let (x, metadata) = (find(&reader, "x"), Metadata::new_safetensors([].into()));
    let infos = [x.1.clone(), bias.1.clone()];
    let mut writer = ModelWriter::new(Cursor::new(vec![]), &metadata, &infos).unwrap();
    let mut told = 0;
    let mut advance = |bytes| {
        told += bytes;
        Ok(())
    };
    writer.copy(&reader, x.0, &mut advance).unwrap();
    let again = writer.copy(&reader, x.0, &mut advance).unwrap_err();
    assert!(matches!(again, ModelError::NoSuchTensor { tensor } if tensor == "x"));
    let error = writer.copy(&gguf, 99, &mut advance).unwrap_err();
    assert_eq!(error.to_string(), "there is no tensor `number 99`");
    writer.copy(&gguf, bias.0, &mut advance).unwrap();
    assert_eq!(told, infos.iter().map(TensorInfo::bytes).sum::<u64>());
    let written = open(&writer.finish().unwrap().into_inner()).unwrap();
    assert_eq!(ternary(&written, "x"), ternary(&reader, "x"));
    // GGUF has no place for planes.
    let gguf = Metadata::new_gguf("test");
    let error = ModelWriter::new(Cursor::new(vec![]), &gguf, &infos).unwrap_err();
    let message = "the tensor `x` cannot be stored as GGUF: it is not in blocks";
    assert_eq!(error.to_string(), message);
    // What is not written is missing.
    let writer = ModelWriter::new(Cursor::new(vec![]), &metadata, &infos).unwrap();
    assert!(
        matches!(writer.finish(), Err(ModelError::NoSuchTensor { tensor }) if tensor == "bias")
    );
}

/// Parts of other sizes than described, with the same sum, would be written over the next tensor.
#[test]
fn a_damaged_tensor_is_not_copied() {
    let good = Forged::new();
    let parts = |trits: &[u8], scales: &[u8]| {
        let bad = good
            .clone()
            .part(0, "U8", trits)
            .part(1, "U8", scales)
            .without(2);
        let reader = open(&bad.bytes()).unwrap();
        let error = copied(&reader).unwrap_err();
        assert!(matches!(error, ModelError::Unfit { tensor, .. } if tensor == "x"));
        assert!(matches!(reader.read(0), Err(ModelError::BadPart { .. })));
    };
    parts(&[0x55; 3], &[0; 7]);
    parts(&[0x55; 2], &[0; 8]);
    parts(&[0x55; 10], &[]);
    let missing = open(&good.without(0).bytes()).unwrap();
    assert!(matches!(copied(&missing), Err(ModelError::Unfit { .. })));
}

#[test]
fn a_copy_that_is_stopped_leaves_the_tensor_to_be_written() {
    let reader = open(&safetensors(&[("a", "U8", &[3 << 20], &vec![7; 3 << 20])])).unwrap();
    let infos: Vec<_> = reader.tensors().cloned().collect();
    let metadata = reader.metadata();
    let mut writer = ModelWriter::new(Cursor::new(vec![]), metadata, &infos).unwrap();
    let mut pieces = 0;
    let stopped = writer.copy(&reader, 0, |_| {
        pieces += 1;
        let stop = ModelError::Output(std::io::ErrorKind::Interrupted.into());
        if pieces < 2 { Ok(()) } else { Err(stop) }
    });
    assert!(matches!(stopped, Err(ModelError::Output(_))) && pieces == 2);
    writer.copy(&reader, 0, |_| Ok(())).unwrap();
    let bytes = writer.finish().unwrap().into_inner();
    assert_eq!(Model::from_bytes(&bytes).unwrap().tensors().count(), 1);
}

/// The header may be anything that the file has bytes for.
#[test]
fn a_damaged_file_is_refused_or_can_be_copied() {
    let planes: Stored<'_> = ("y", "F32", &[2], &[0; 8]);
    let mut sound = 0;
    for bytes in [Forged::of_planes().bytes(), safetensors(&[planes])] {
        for place in 0..bytes.len() {
            for change in [1, 2, 4, 8, 16, 32, 64, 128, 255] {
                let mut damaged = bytes.clone();
                damaged[place] ^= change;
                let Ok(reader) = open(&damaged) else { continue };
                for index in 0..reader.tensors().len() {
                    let _ = reader.read(index);
                }
                sound += usize::from(copied(&reader).is_ok_and(|bytes| open(&bytes).is_ok()));
            }
        }
        for len in 0..bytes.len() {
            assert!(matches!(
                open(&bytes[..len]),
                Err(ModelError::Container { .. })
            ));
        }
    }
    assert!(sound > 200, "{sound}");
}
