//! Folders of Hugging Face and of MLX.

use serde_json::{Value, json};
use ternarize::model::ModelReader;

use crate::converted::weights;
use crate::inputs::{bf16s, f32s, model};
use crate::tool::Folder;

/// A checkpoint with a tokenizer.
fn folder() -> Folder {
    let folder = Folder::new();
    folder.put(
        "in/model.safetensors",
        &model([
            ("lm_head.weight", bf16s(&[8, 128], 1)),
            ("model.layers.0.mlp.weight", bf16s(&[8, 128], 2)),
            ("model.layers.0.norm.weight", bf16s(&[128], 3)),
            ("model.layers.0.up.weight", bf16s(&[8, 192], 4)),
        ]),
    );
    folder.write(
        "in/config.json",
        r#"{"model_type":"llama","hidden_size":128,"rope":{"theta":1.5}}"#,
    );
    folder.write("in/tokenizer.json", "{\"a\":1}");
    folder.write("in/tokenizer.model", [0, 1, 255]);
    folder.write("in/special_tokens_map.json", "{}");
    folder.write("in/notes.md", "not copied");
    folder
}

fn config(folder: &Folder, path: &str) -> Value {
    serde_json::from_slice(&folder.read(&format!("{path}/config.json"))).unwrap()
}

/// The config has the keys of the input, and files beside it are copied.
fn is_checkpoint(folder: &Folder, path: &str) {
    let found = config(folder, path);
    for key in ["model_type", "hidden_size", "rope"] {
        assert_eq!(found[key], config(folder, "in")[key], "{path} {key}");
    }
    for name in [
        "tokenizer.json",
        "tokenizer.model",
        "special_tokens_map.json",
    ] {
        assert_eq!(
            folder.read(&format!("{path}/{name}")),
            folder.read(&format!("in/{name}"))
        );
    }
    assert!(!folder.path(&format!("{path}/notes.md")).exists());
}

/// The types of the tensors of a model.
fn types(folder: &Folder, path: &str) -> Vec<String> {
    let reader = ModelReader::open(folder.path(path)).unwrap();
    reader
        .tensors()
        .map(|info| format!("{} {}", info.name(), info.stored_type()))
        .collect()
}

const NAMES: [&str; 2] = ["model.layers.0.mlp.weight", "model.layers.0.up.weight"];

#[test]
fn a_checkpoint_of_hugging_face_is_written_and_read() {
    let folder = folder();
    folder.done("quantize in -o bitnet --to hf-bitnet");
    is_checkpoint(&folder, "bitnet");
    let found = &config(&folder, "bitnet")["quantization_config"];
    assert_eq!(
        (&found["quant_method"], &found["linear_class"]),
        (&json!("bitnet"), &json!("autobitlinear"))
    );
    assert_eq!(found["modules_to_not_convert"], json!(["lm_head"]));
    let found = types(&folder, "bitnet");
    for name in NAMES {
        assert!(found.contains(&format!("{name} hf-bitnet")), "{found:?}");
    }
    folder.done("verify bitnet --against in");
}

#[test]
fn a_checkpoint_of_mlx_is_written_and_read() {
    let folder = folder();
    folder.done("quantize in -o mlx --to mlx --per block:64");
    is_checkpoint(&folder, "mlx");
    assert_eq!(
        config(&folder, "mlx")["quantization"],
        json!({"group_size": 64, "bits": 2})
    );
    let found = types(&folder, "mlx");
    for name in NAMES {
        assert!(found.contains(&format!("{name} mlx")), "{found:?}");
    }
    folder.done("verify mlx --against in");
    // Divided into files.
    folder.done("quantize in -o parts --to mlx --shard-size 1k");
    is_checkpoint(&folder, "parts");
    for name in NAMES {
        assert!(weights(&folder, "parts", name) == weights(&folder, "mlx", name));
    }
}

#[test]
fn checkpoints_become_each_other_and_come_back() {
    let folder = folder();
    folder.done("quantize in -o bitnet --to hf-bitnet");
    folder.done("convert bitnet -o mlx --to mlx");
    folder.done("convert mlx -o bitnet2 --to hf-bitnet");
    folder.done("convert bitnet -o t.safetensors --to safetensors");
    for (path, key) in [("mlx", "quantization"), ("bitnet2", "quantization_config")] {
        is_checkpoint(&folder, path);
        let other = if key == "quantization" {
            "quantization_config"
        } else {
            "quantization"
        };
        let config = config(&folder, path);
        assert!(
            config[key].is_object() && config.get(other).is_none(),
            "{path}"
        );
    }
    for name in NAMES {
        for path in ["mlx", "bitnet2", "t.safetensors"] {
            assert!(
                weights(&folder, path, name) == weights(&folder, "bitnet", name),
                "{path}"
            );
        }
    }
    // Rows of 192 take groups of 64 where those of 128 take 128: the config says so of each layer.
    let mlx = config(&folder, "mlx");
    let groups = [
        &mlx["quantization"],
        &mlx["quantization"]["model.layers.0.up"],
    ];
    let groups: Vec<_> = groups
        .iter()
        .filter_map(|found| found["group_size"].as_u64())
        .collect();
    assert!(groups == [128, 64], "{mlx}");
}

#[test]
fn a_config_that_is_no_object_is_refused() {
    let folder = folder();
    folder.write("in/config.json", "[1]");
    folder.refused(1, "quantize in -o out --to mlx", &["config.json"]);
    folder.write("in/config.json", "{");
    folder.refused(1, "inspect in", &["config.json"]);
}

#[test]
fn without_a_config_there_is_one_of_the_layers_alone() {
    let folder = Folder::new();
    folder.put("m.safetensors", &model([("a.weight", f32s(&[8, 64], 1))]));
    folder.write("notes.txt", "not copied");
    folder.done("quantize m.safetensors -o mlx --to mlx");
    assert_eq!(
        folder.names(),
        [
            "m.safetensors",
            "mlx/config.json",
            "mlx/model.safetensors",
            "notes.txt"
        ]
    );
    folder.done("verify mlx --against m.safetensors");
}
