//! `convert` and `dequantize`.

use half::{bf16, f16};
use ternarize::model::{DenseTensor, Encoding, ModelReader, Tensor};
use ternarize::{Format, Weight};

use crate::inputs::{f32s, language_model, model, numbers, of_values};
use crate::tool::Folder;

/// The weights of a tensor of a model in any container.
pub(crate) fn weights(folder: &Folder, model: &str, name: &str) -> Vec<f64> {
    let reader = ModelReader::open(folder.path(model)).unwrap();
    let place = reader
        .tensors()
        .position(|info| info.name() == name)
        .unwrap();
    match reader.read(place).unwrap() {
        Tensor::Ternary(tensor) => tensor.dequantize(),
        Tensor::Dense(dense) => {
            let wide = |values: Vec<f32>| values.into_iter().map(f64::from).collect();
            dense.values::<f32>().map(wide).unwrap()
        }
    }
}

const FORMATS: [&str; 5] = ["tq1_0", "tq2_0", "q2_0", "pq2_0", "ptq1_0"];

#[test]
fn blocks_become_each_other_without_a_change_of_any_value() {
    let folder = Folder::new();
    folder.put_gguf(
        "m.gguf",
        &model([
            ("blk.0.norm.weight", f32s(&[256], 2)),
            ("blk.0.up.weight", f32s(&[8, 256], 1)),
        ]),
    );
    folder.done("quantize m.gguf -o t.gguf --to tq2_0");
    let before = weights(&folder, "t.gguf", "blk.0.up.weight");
    for to in FORMATS {
        folder.done(&format!("convert t.gguf -o {to}.gguf --to {to}"));
        folder.done(&format!(
            "convert {to}.gguf -o back.gguf --force --to tq2_0"
        ));
        assert!(
            weights(&folder, &format!("{to}.gguf"), "blk.0.up.weight") == before,
            "{to}"
        );
        let back = folder.read("back.gguf");
        let end = back.len() - (1024 + 8 * 66);
        assert!(back[end..] == folder.read("t.gguf")[end..], "{to}");
        // Through the layout of safetensors, too; a GGUF file keeps its keys as texts there.
        folder.done(&format!(
            "convert {to}.gguf -o {to}.safetensors --to safetensors"
        ));
        assert!(
            weights(&folder, &format!("{to}.safetensors"), "blk.0.up.weight") == before,
            "{to}"
        );
    }
}

#[test]
fn i2_s_holds_one_scale_per_tensor() {
    let folder = Folder::new();
    folder.put("m.safetensors", &model([("w.weight", f32s(&[4, 256], 1))]));
    folder.done("quantize m.safetensors -o t.gguf --to i2_s");
    folder.done("convert t.gguf -o t.safetensors --to safetensors");
    folder.done("convert t.safetensors -o u.gguf --to i2_s");
    assert!(weights(&folder, "u.gguf", "w.weight") == weights(&folder, "t.gguf", "w.weight"));
    // Scales of f32 that are no f16.
    folder.refused(
        1,
        "convert t.gguf -o v.gguf --to tq2_0",
        &["v.gguf", "w.weight", "f16"],
    );
}

#[test]
fn what_a_format_cannot_hold_is_refused_by_name() {
    let folder = Folder::new();
    folder.put(
        "m.safetensors",
        &model([
            ("a.weight", f32s(&[4, 256], 1)),
            ("b.weight", f32s(&[4, 320], 2)),
        ]),
    );
    folder.done("quantize m.safetensors -o one.safetensors --scales one --scale-type f16");
    // Rows of 320 are no multiple of 256, and of 64.
    folder.refused(
        1,
        "convert one.safetensors -o t.gguf --to tq2_0",
        &["`b.weight`", "rows of 320", "256", "q2_0 would fit"],
    );
    folder.refused(
        1,
        "convert one.safetensors -o t.gguf --to i2_s",
        &["`b.weight`"],
    );
    folder.refused(
        1,
        "convert one.safetensors -o t --to hf-bitnet",
        &["`a.weight`"],
    );
    folder.done("convert one.safetensors -o t.gguf --to q2_0");
    folder.done("quantize m.safetensors -o two.safetensors");
    folder.refused(
        1,
        "convert two.safetensors -o u.gguf --to q2_0",
        &[".weight`", "scale"],
    );
    folder.done("quantize m.safetensors -o planes.safetensors --planes 2");
    folder.refused(
        1,
        "convert planes.safetensors -o u.gguf --to q2_0",
        &[".weight`", "plane"],
    );
    folder.done(
        "quantize m.safetensors -o small.safetensors --per block:32 --scales one --scale-type f16",
    );
    folder.refused(
        1,
        "convert small.safetensors -o u.gguf --to q2_0",
        &[".weight`", "block"],
    );
}

/// Two scales of which one is never used, and rows of zeros with scales of their own, are held by one scale.
#[test]
fn scales_that_are_not_used_are_no_obstacle() {
    let folder = Folder::new();
    let positive: Vec<f32> = (0..256).map(|i| [0.0, 0.5][i % 2]).collect();
    let pruned: Vec<f32> = (0..512)
        .map(|i| if i < 256 { 0.0 } else { [0.5, -0.5][i % 2] })
        .collect();
    folder.put(
        "m.safetensors",
        &model([
            ("positive.weight", of_values(&[1, 256], &positive)),
            ("pruned.weight", of_values(&[2, 256], &pruned)),
        ]),
    );
    folder.done("quantize m.safetensors -o t.safetensors");
    folder.done("convert t.safetensors -o t.gguf --to i2_s");
    for (name, values) in [("positive.weight", positive), ("pruned.weight", pruned)] {
        let values: Vec<f64> = values.into_iter().map(f64::from).collect();
        assert!(weights(&folder, "t.gguf", name) == values, "{name}");
    }
}

/// Checks that the tensor `w` is dequantized to the nearest numbers of a type.
fn restores<W: Weight>(folder: &Folder, option: &str, dtype: &str) {
    folder.done(&format!(
        "dequantize t.safetensors -o d.safetensors --force {option}"
    ));
    let exact: Vec<f64> = weights(folder, "t.safetensors", "w");
    let found = folder.get("d.safetensors");
    let Some(Tensor::Dense(dense)) = found.get("w") else {
        panic!()
    };
    assert_eq!(dense.dtype(), dtype);
    let nearest: Vec<W> = exact.into_iter().map(|w| W::from(w).unwrap()).collect();
    assert!(*dense == DenseTensor::new(&[8, 256], &nearest).unwrap());
    assert_eq!(found.get("norm"), folder.get("m.safetensors").get("norm"));
}

#[test]
fn ternary_tensors_become_floats_of_a_type() {
    let folder = Folder::new();
    folder.put(
        "m.safetensors",
        &model([("norm", f32s(&[256], 2)), ("w", f32s(&[8, 256], 1))]),
    );
    for options in ["", "--planes 2", "--per block:100"] {
        folder.done(&format!(
            "quantize m.safetensors -o t.safetensors --force {options}"
        ));
        restores::<f32>(&folder, "", "F32");
        restores::<f16>(&folder, "--type f16", "F16");
        restores::<bf16>(&folder, "--type bf16", "BF16");
    }
    // To and from GGUF.
    folder.done("dequantize t.safetensors -o d.gguf");
    assert!(weights(&folder, "d.gguf", "w") == weights(&folder, "t.safetensors", "w"));
}

#[test]
fn scales_beyond_the_range_of_f16_are_refused() {
    let folder = Folder::new();
    let large: Vec<f32> = numbers(512, 1).into_iter().map(|x| x * 1e6).collect();
    folder.put(
        "m.safetensors",
        &model([("w", of_values(&[2, 256], &large))]),
    );
    folder.done("quantize m.safetensors -o t.safetensors");
    folder.refused(
        1,
        "dequantize t.safetensors -o d.safetensors --type f16",
        &["`w`", "F16"],
    );
    folder.done("dequantize t.safetensors -o d.safetensors --type bf16");
}

#[test]
fn metadata_are_carried_and_what_is_dropped_is_said() {
    let folder = Folder::new();
    folder.put("m.safetensors", &language_model());
    folder.done("quantize m.safetensors -o t.gguf");
    let reader = ModelReader::open(folder.path("t.gguf")).unwrap();
    assert_eq!(reader.metadata().get("format").as_deref(), Some("pt"));
    assert_eq!(
        reader.metadata().get("general.file_type").as_deref(),
        Some("37")
    );
    let is =
        |info: &ternarize::model::TensorInfo| *info.encoding() == Encoding::Blocks(Format::Tq2_0);
    assert_eq!(reader.tensors().filter(|info| is(info)).count(), 2);
    folder.done("convert t.gguf -o t.safetensors --to safetensors");
    assert_eq!(folder.get("t.safetensors").metadata()["format"], "pt");
}
