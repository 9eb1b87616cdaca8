//! `inspect`.

use serde_json::{Value, json};
use ternarize::model::Metadata;

use crate::inputs::{bf16s, f32s, language_model, model, of_values};
use crate::tool::Folder;

/// What `inspect` says of a tensor.
fn tensor<'a>(found: &'a Value, name: &str) -> &'a Value {
    let all = found["tensors"].as_array().unwrap();
    all.iter().find(|tensor| tensor["name"] == name).unwrap()
}

#[test]
fn types_shapes_sizes_and_what_quantize_would_do() {
    let folder = Folder::new();
    folder.put("m.safetensors", &language_model());
    let found = folder.json("inspect m.safetensors");
    assert_eq!(found["container"], "safetensors");
    assert_eq!(found["metadata"], json!({"format": "pt"}));
    let up = tensor(&found, "layers.0.up.weight");
    assert_eq!(
        (&up["shape"], &up["type"], &up["bytes"]),
        (&json!([32, 256]), &json!("F32"), &json!(32768))
    );
    for (name, left) in [
        ("layers.0.up.weight", None),
        ("layers.0.down.weight", None),
        ("layers.0.norm.weight", Some("a vector")),
        ("embed.weight", Some("an embedding")),
    ] {
        assert_eq!(tensor(&found, name)["left"].as_str(), left, "{name}");
    }
    let text = folder.done("inspect m.safetensors").out;
    assert!(
        text.contains("layers.0.up.weight") && text.contains("32 x 256") && text.contains("32768")
    );
    assert!(
        text.contains("left: an embedding") && text.contains("4 tensors, 66560 bytes, safetensors")
    );
}

#[test]
fn ternary_values_are_found_by_tensor_row_and_block() {
    let folder = Folder::new();
    let pattern = |scale: &dyn Fn(usize) -> f32| {
        let values = (0..256_usize).map(|i| [-1.0, 0.0, 1.0][i * i % 3] * scale(i));
        of_values(&[2, 128], &values.collect::<Vec<f32>>())
    };
    let mut almost = [0.5_f32; 256];
    almost[255] = 0.5_f32.next_up();
    folder.put(
        "m.safetensors",
        &model([
            ("almost", of_values(&[1, 256], &almost)),
            ("blocks", pattern(&|i| (1 + i / 32) as f32)),
            ("rows", pattern(&|i| (1 + i / 128) as f32)),
            ("whole", pattern(&|_| 0.25)),
            ("zeros", of_values(&[2, 128], &[0.0_f32; 256])),
        ]),
    );
    let found = folder.json("inspect m.safetensors");
    for (name, ternary) in [
        ("almost", None),
        ("blocks", Some("block:32")),
        ("rows", Some("row")),
        ("whole", Some("tensor")),
        ("zeros", Some("zero")),
    ] {
        assert_eq!(tensor(&found, name)["ternary"].as_str(), ternary, "{name}");
    }
    folder.done("quantize m.safetensors -o t.safetensors --per tensor --scales one");
    assert_eq!(
        tensor(&folder.json("inspect t.safetensors"), "whole")["ternary"],
        "stored"
    );
}

#[test]
fn equal_tensors_are_named() {
    let folder = Folder::new();
    folder.put(
        "m.safetensors",
        &model([
            ("a.embed.weight", f32s(&[32, 64], 7)),
            ("b.weight", f32s(&[32, 64], 8)),
            ("lm_head.weight", f32s(&[32, 64], 7)),
            ("norm.1", of_values(&[4], &[1.0_f32; 4])),
            ("norm.2", of_values(&[4], &[1.0_f32; 4])),
        ]),
    );
    let found = folder.json("inspect m.safetensors");
    assert_eq!(
        tensor(&found, "lm_head.weight")["tied_to"],
        "a.embed.weight"
    );
    for alone in ["a.embed.weight", "b.weight", "norm.2"] {
        assert_eq!(tensor(&found, alone)["tied_to"], Value::Null);
    }
    assert!(
        folder
            .done("inspect m.safetensors")
            .out
            .contains("equal to a.embed.weight")
    );
}

/// What `inspect` says is what `quantize` does, with the same reasons.
#[test]
fn what_is_said_is_what_quantize_does() {
    let folder = Folder::new();
    let mut not_finite = [0.5_f32; 64];
    not_finite[9] = f32::NAN;
    let tensors = model([
        ("a.weight", f32s(&[8, 256], 1)),
        ("b.weight", bf16s(&[8, 300], 2)),
        ("ids", of_values(&[2], &[1.0_f64, 2.0])),
        ("narrow.weight", f32s(&[64, 2], 3)),
        ("nan.weight", of_values(&[2, 32], &not_finite)),
        ("router.weight", f32s(&[8, 256], 4)),
    ]);
    folder.put("m.safetensors", &tensors);
    folder.put_gguf("m.gguf", &tensors);
    for ending in ["safetensors", "gguf"] {
        let said = folder.json(&format!("inspect m.{ending}"));
        let ran = folder.run(&format!("quantize m.{ending} -o t.{ending} --json"));
        let done = ran.json();
        for tensor in said["tensors"].as_array().unwrap() {
            let all = done["tensors"].as_array().unwrap();
            let became = all
                .iter()
                .find(|other| other["name"] == tensor["name"])
                .unwrap();
            let (said, done) = (&tensor["left"], &became["kept"]);
            let equal = said == done || tensor["name"] == "nan.weight" && done.is_string();
            assert!(equal, "{ending} {tensor} {done}");
        }
    }
    let said = folder.json("inspect m.safetensors");
    assert!(
        tensor(&said, "narrow.weight")["left"]
            .as_str()
            .unwrap()
            .contains("bytes")
    );
    assert!(
        tensor(&said, "nan.weight")["left"]
            .as_str()
            .unwrap()
            .contains('9')
    );
    let said = folder.json("inspect m.gguf");
    assert!(
        tensor(&said, "b.weight")["left"]
            .as_str()
            .unwrap()
            .contains("rows of 300")
    );
}

#[test]
fn all_keys_of_a_long_list_are_shown() {
    let folder = Folder::new();
    let texts = (0..20_000).map(|i| (format!("key.{i}"), i.to_string()));
    let metadata = Metadata::new_safetensors(texts.collect()).to_gguf("llama");
    let tensors = model([("norm", f32s(&[4], 1))]);
    folder.put_gguf_with("m.gguf", &tensors, &metadata);
    let found = folder.json("inspect m.gguf");
    let shown = found["metadata"].as_object().unwrap();
    assert_eq!(shown.len(), 20_001);
    for (key, text) in [("key.19999", "19999"), ("general.architecture", "llama")] {
        assert_eq!(shown[key], text);
    }
}
