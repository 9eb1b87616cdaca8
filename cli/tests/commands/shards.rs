//! Models of several files.

use serde_json::Value;
use ternarize::model::{ModelReader, Tensor, TensorInfo};

use crate::inputs::{f32s, language_model, model};
use crate::tool::Folder;

/// All tensors of a model, whatever files it has.
fn tensors(folder: &Folder, path: &str) -> Vec<(String, Tensor)> {
    let reader = ModelReader::open(folder.path(path)).unwrap();
    let read = |(index, name): (usize, &str)| (name.to_string(), reader.read(index).unwrap());
    let names = reader.tensors().map(TensorInfo::name);
    let mut tensors: Vec<_> = names.enumerate().map(read).collect();
    tensors.sort_by(|a, b| a.0.cmp(&b.0));
    tensors
}

#[test]
fn a_divided_output_has_the_tensors_of_a_whole_one() {
    let folder = Folder::new();
    folder.put("m.safetensors", &language_model());
    folder.done("quantize m.safetensors -o t.safetensors");
    folder.done("quantize m.safetensors -o parts --shard-size 2k");
    let count = folder
        .names()
        .iter()
        .filter(|name| name.starts_with("parts/model-0"))
        .count();
    assert!(count > 1, "{:?}", folder.names());
    assert!(tensors(&folder, "parts") == tensors(&folder, "t.safetensors"));
    assert!(
        tensors(&folder, "parts/model.safetensors.index.json") == tensors(&folder, "t.safetensors")
    );
    let index: Value =
        serde_json::from_slice(&folder.read("parts/model.safetensors.index.json")).unwrap();
    let map = index["weight_map"].as_object().unwrap();
    assert!(map.contains_key("layers.0.up.weight.trits") && map.contains_key("embed.weight"));
    for file in map.values() {
        assert!(folder.path("parts").join(file.as_str().unwrap()).is_file());
    }
    let bytes: u64 = ModelReader::open(folder.path("parts"))
        .unwrap()
        .tensors()
        .map(TensorInfo::bytes)
        .sum();
    assert_eq!(index["metadata"]["total_size"], bytes);
    // A model that needs no division is one file.
    folder.done("quantize m.safetensors -o one --shard-size 1G");
    assert!(folder.path("one/model.safetensors").is_file());
}

#[test]
fn a_divided_input_gives_the_bytes_of_a_whole_one() {
    let folder = Folder::new();
    folder.put("m.safetensors", &language_model());
    folder.done("quantize m.safetensors -o t.safetensors");
    // A checkpoint as others write it: tensors in files of any names, and an index.
    let whole = language_model();
    let mut map = serde_json::Map::new();
    for (number, (name, tensor)) in whole.tensors().enumerate() {
        let file = format!("part-{}.safetensors", number % 3);
        let mut part = if folder.path(&format!("in/{file}")).is_file() {
            folder.get(&format!("in/{file}"))
        } else {
            model([])
        };
        part.insert(name, tensor.clone());
        part.metadata_mut().insert("format".into(), "pt".into());
        folder.put(&format!("in/{file}"), &part);
        map.insert(name.into(), file.into());
    }
    folder.write(
        "in/model.safetensors.index.json",
        serde_json::json!({"weight_map": map}).to_string(),
    );
    for input in ["in", "in/model.safetensors.index.json"] {
        folder.done(&format!("quantize {input} -o u.safetensors --force"));
        assert!(folder.read("u.safetensors") == folder.read("t.safetensors"));
    }
    assert_eq!(
        folder.json("compare in u.safetensors")["missing"],
        serde_json::json!([])
    );
    folder.done("verify u.safetensors --against in");
    // No part of the input is an output.
    folder.refused(
        1,
        "quantize in -o in/part-1.safetensors --force",
        &["is the input"],
    );
    folder.refused(
        1,
        "quantize in -o in --force --shard-size 1k",
        &["is the input"],
    );
}

#[test]
fn a_wrong_index_is_refused() {
    let folder = Folder::new();
    folder.put(
        "in/a.safetensors",
        &model([("a.weight", f32s(&[4, 64], 1))]),
    );
    folder.write("secret.safetensors", "secret");
    for (map, word) in [
        (r#"{"a.weight":"b.safetensors"}"#, "b.safetensors"),
        (r#"{"a.weight":"../secret.safetensors"}"#, "secret"),
        (r#"{"a.weight":"/etc/passwd"}"#, "passwd"),
        (
            r#"{"a.weight":"a.safetensors","x\n":"a.safetensors"}"#,
            "`x\\n`",
        ),
        (
            r#"{"a.weight":"a.safetensors","a.weight":"a.safetensors"}"#,
            "twice",
        ),
        ("[1]", "index"),
    ] {
        folder.write(
            "in/m.safetensors.index.json",
            format!("{{\"weight_map\":{map}}}"),
        );
        folder.refused(1, "inspect in", &[word]);
        folder.refused(1, "quantize in -o t.safetensors", &[word]);
    }
}
