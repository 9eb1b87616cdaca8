//! What is carried from the input: descriptions of other layers, metadata of all files, weights of inputs that were never seen.

use serde_json::{Value, json};
use ternarize::model::{DenseTensor, Metadata, ModelReader, Tensor};

use crate::inputs::{f16s, f32s, model, of_values, safetensors};
use crate::tool::Folder;

fn json(folder: &Folder, name: &str) -> Value {
    serde_json::from_slice(&folder.read(name)).unwrap()
}

/// Experts and blocks without a single input that counts keep their weights.
#[test]
fn weights_of_inputs_that_were_never_seen_are_not_lost() {
    let folder = Folder::new();
    folder.put(
        "m.safetensors",
        &model([("w.weight", f32s(&[2, 4, 256], 1))]),
    );
    let mut importance = vec![1.0_f32; 2 * 256];
    importance[256..].fill(0.0);
    importance[64..128].fill(0.0);
    folder.put(
        "i.safetensors",
        &model([("w.weight", of_values(&[2, 256], &importance))]),
    );
    let ran = folder.done("quantize m.safetensors -o t.gguf --to q2_0 --importance i.safetensors");
    assert!(
        ran.out
            .contains("all or some weights, which count alike: w.weight")
    );
    folder.done("dequantize t.gguf -o d.safetensors");
    let Some(Tensor::Dense(dense)) = folder.get("d.safetensors").get("w.weight").cloned() else {
        panic!("no tensor");
    };
    let values = dense.values::<f32>().unwrap();
    assert!(
        values
            .chunks(64)
            .all(|block| block.iter().any(|w| *w != 0.0))
    );
}

/// A checkpoint of MLX with a layer of 4 bits, which `config.json` describes.
fn mixed_bits() -> Folder {
    let folder = Folder::new();
    let header = json!({
        "a.weight": {"dtype": "U32", "shape": [4, 4], "data_offsets": [0, 64]},
        "a.scales": {"dtype": "F16", "shape": [4, 1], "data_offsets": [64, 72]},
        "a.biases": {"dtype": "F16", "shape": [4, 1], "data_offsets": [72, 80]},
        "e.weight": {"dtype": "U32", "shape": [1, 8], "data_offsets": [80, 112]},
        "e.scales": {"dtype": "F16", "shape": [1, 1], "data_offsets": [112, 114]},
        "e.biases": {"dtype": "F16", "shape": [1, 1], "data_offsets": [114, 116]},
    });
    let (one, minus_one) = ([0x00, 0x3c], [0x00, 0xbc]);
    let data = [
        &[0b01_00_10_01; 64][..],
        &one.repeat(4),
        &minus_one.repeat(4),
        &[0x37; 32],
        &one,
        &minus_one,
    ];
    let data = data.concat();
    folder.write(
        "in/model.safetensors",
        safetensors(&header.to_string(), &data),
    );
    let quantization = json!({"bits": 4, "group_size": 64, "a": {"bits": 2, "group_size": 64}});
    folder.write(
        "in/config.json",
        json!({"quantization": quantization}).to_string(),
    );
    folder
}

#[test]
fn layers_of_other_bits_stay_described() {
    let folder = mixed_bits();
    folder.done("convert in -o out --to mlx");
    let found = json(&folder, "out/config.json");
    assert_eq!(found, json(&folder, "in/config.json"));
    folder.done("compare in out");
    // Hugging Face has no words for them.
    folder.refused(1, "convert in -o hf --to hf-bitnet", &["`e`", "MLX"]);
}

#[test]
fn other_keys_of_bitnet_are_kept() {
    let folder = Folder::new();
    folder.put(
        "in/model.safetensors",
        &model([
            ("up.weight", f32s(&[4, 64], 1)),
            ("lm_head.weight", f32s(&[4, 64], 2)),
        ]),
    );
    let bitnet = json!({"quant_method": "bitnet", "use_rms_norm": true, "rms_norm_eps": 1e-6});
    folder.write(
        "in/config.json",
        json!({"quantization_config": bitnet}).to_string(),
    );
    folder.done("quantize in -o out --to hf-bitnet");
    let found = &json(&folder, "out/config.json")["quantization_config"];
    assert_eq!(
        (&found["use_rms_norm"], &found["rms_norm_eps"]),
        (&json!(true), &json!(1e-6))
    );
    assert_eq!(found["modules_to_not_convert"], json!(["lm_head"]));
    // A layer that is left must not have a name that leaves others, too.
    folder.put(
        "in/model.safetensors",
        &model([
            ("mlp.gate.weight", f32s(&[4, 64], 1)),
            ("mlp.gate_proj.weight", f32s(&[4, 64], 2)),
        ]),
    );
    folder.refused(
        1,
        "quantize in -o no --to hf-bitnet",
        &["`mlp.gate`", "`mlp.gate_proj`"],
    );
}

#[test]
fn a_gguf_file_survives_the_way_through_safetensors() {
    let folder = Folder::new();
    let mut metadata = Metadata::new_gguf("llama");
    metadata.set_number("general.alignment", 64);
    metadata.set("general.name", "name");
    folder.put_gguf_with(
        "m.gguf",
        &model([("w.weight", f16s(&[4, 256], 1))]),
        &metadata,
    );
    folder.done("quantize m.gguf -o t.gguf");
    folder.done("convert t.gguf -o t.safetensors --to safetensors");
    folder.done("convert t.safetensors -o again.gguf --to tq2_0");
    folder.done("verify again.gguf --against m.gguf");
    let reader = ModelReader::open(folder.path("again.gguf")).unwrap();
    assert_eq!(
        reader.metadata().get("general.name").as_deref(),
        Some("name")
    );
}

#[test]
fn metadata_of_all_files_are_carried() {
    let folder = Folder::new();
    for (number, key) in [(1, "first"), (2, "second")] {
        let mut model = model([]);
        let name = format!("w{number}.weight");
        model.insert(
            &*name,
            Tensor::Dense(DenseTensor::new(&[4, 8], &[0.5_f32; 32]).unwrap()),
        );
        model.metadata_mut().insert(key.into(), "x".into());
        model.metadata_mut().insert("both".into(), key.into());
        folder.put(&format!("in/{number}.safetensors"), &model);
    }
    let map = json!({"w1.weight": "1.safetensors", "w2.weight": "2.safetensors"});
    folder.write(
        "in/model.safetensors.index.json",
        json!({"weight_map": map}).to_string(),
    );
    // The index of other files beside it is none of a model that can be read.
    folder.write("in/pytorch_model.bin.index.json", "{\"weight_map\":{}}");
    folder.done("quantize in -o t.safetensors");
    let metadata = folder.get("t.safetensors").metadata().clone();
    assert_eq!(metadata["both"], "first");
    assert!(metadata.contains_key("first") && metadata.contains_key("second"));
}

#[test]
fn a_folder_of_texts_is_no_model() {
    let folder = Folder::new();
    folder.put("m.safetensors", &model([("up.weight", f32s(&[4, 64], 1))]));
    folder.write("docs/diary.txt", "mine");
    folder.refused(
        1,
        "quantize m.safetensors -o docs --to mlx --force",
        &["diary.txt"],
    );
    folder.write("other/config.json", "{}");
    folder.refused(
        1,
        "quantize m.safetensors -o other --to mlx --force",
        &["no model"],
    );
}

#[test]
fn the_report_is_not_the_model() {
    let folder = Folder::new();
    folder.put("m.safetensors", &model([("up.weight", f32s(&[4, 256], 1))]));
    folder.refused(
        1,
        "quantize m.safetensors -o q.bin --to safetensors --report ./q.bin",
        &["the report"],
    );
}
