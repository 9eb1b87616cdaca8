//! `quantize`: which tensors, how, and what is left.

use half::f16;
use ternarize::model::{Encoding, Model, ModelReader, Tensor};
use ternarize::quantize::planes::Planes;
use ternarize::tensor::{Grouping, TensorView, TernaryTensor};
use ternarize::{Code, Format, Rule, ScaleType, Scales, Ternarizer};

use crate::inputs::{bf16s, f16s, f32s, language_model, model, numbers, of_values};
use crate::tool::Folder;

/// A model that becomes ternary as a whole.
fn matrices() -> Model {
    model([
        ("a.weight", f32s(&[6, 256], 1)),
        ("b.weight", bf16s(&[8, 256], 2)),
        ("c.weight", f16s(&[4, 512], 3)),
        (
            "d.weight",
            of_values(
                &[2, 256],
                &numbers(512, 4)
                    .into_iter()
                    .map(f64::from)
                    .collect::<Vec<_>>(),
            ),
        ),
    ])
}

/// A tensor of a model that is ternary.
pub(crate) fn ternary(model: &Model, name: &str) -> TernaryTensor {
    match model.get(name) {
        Some(Tensor::Ternary(tensor)) => tensor.clone(),
        _ => panic!("{name} is not ternary"),
    }
}

/// The values of the matrix `w` of a test, and what the library makes of them.
fn expected(
    values: &[f32],
    shape: &[usize],
    grouping: Grouping,
    options: &Ternarizer<'_>,
) -> TernaryTensor {
    let view = TensorView::new(values, shape).unwrap();
    TernaryTensor::ternarize(&view, grouping, options)
        .unwrap()
        .0
}

#[test]
fn the_default_is_that_of_the_library() {
    let folder = Folder::new();
    let mut model = matrices();
    folder.put("m.safetensors", &model);
    folder.done("quantize m.safetensors -o t.safetensors");
    model
        .ternarize_all(Grouping::OUTPUT_CHANNEL, &Ternarizer::new())
        .unwrap();
    assert_eq!(folder.get("t.safetensors"), model);
    let a = ternary(&model, "a.weight");
    assert_eq!(
        (a.scales(), a.rule(), a.scale_type()),
        (Scales::Two, Some(Rule::Tnt), ScaleType::F32)
    );
}

#[test]
fn matrices_become_ternary_and_the_rest_stays_byte_for_byte() {
    let folder = Folder::new();
    let before = language_model();
    folder.put("m.safetensors", &before);
    folder.done("quantize m.safetensors -o t.safetensors");
    let after = folder.get("t.safetensors");
    assert_eq!(after.metadata(), before.metadata());
    for (name, tensor) in before.tensors() {
        let is_ternary = matches!(after.get(name), Some(Tensor::Ternary(_)));
        assert_eq!(
            is_ternary,
            name.contains("up") || name.contains("down"),
            "{name}"
        );
        assert!(is_ternary || after.get(name) == Some(tensor));
    }
}

#[test]
fn names_are_included_and_excluded() {
    let folder = Folder::new();
    folder.put("m.safetensors", &language_model());
    folder.done("quantize m.safetensors -o t.safetensors --include embed* --exclude *.up.*");
    let after = folder.get("t.safetensors");
    let is_ternary = |name: &str| matches!(after.get(name), Some(Tensor::Ternary(_)));
    assert!(is_ternary("embed.weight") && is_ternary("layers.0.down.weight"));
    assert!(!is_ternary("layers.0.up.weight") && !is_ternary("layers.0.norm.weight"));
}

#[test]
fn a_convolutional_network_keeps_its_ends_unless_asked() {
    let folder = Folder::new();
    folder.put(
        "m.safetensors",
        &model([
            ("conv1.weight", f32s(&[8, 1, 3, 3], 1)),
            ("conv2.weight", f32s(&[8, 8, 3, 3], 2)),
            ("fc1.weight", f32s(&[20, 72], 3)),
            ("fc2.weight", f32s(&[10, 20], 4)),
        ]),
    );
    let made = folder.json("quantize m.safetensors -o t.safetensors");
    let kept = |made: &serde_json::Value| -> Vec<bool> {
        let all = made["tensors"].as_array().unwrap();
        all.iter()
            .map(|tensor| tensor["kept"].is_string())
            .collect()
    };
    assert_eq!(kept(&made), [true, false, false, true]);
    let made = folder.json("quantize m.safetensors -o all.safetensors --include *");
    assert_eq!(kept(&made), [false; 4]);
}

#[test]
fn every_option_is_that_of_the_library() {
    let folder = Folder::new();
    let values = numbers(8 * 256, 5);
    let shape = [8, 256];
    folder.put("m.safetensors", &model([("w", of_values(&shape, &values))]));
    let new = Ternarizer::new;
    let axis = Grouping::OUTPUT_CHANNEL;
    let of = |grouping, options: Ternarizer<'_>| expected(&values, &shape, grouping, &options);
    let view = TensorView::new(&values, &shape).unwrap();
    let planes = |planes: Planes| TernaryTensor::ternarize_planes(&view, axis, &planes).unwrap();
    for (options, tensor) in [
        ("--per tensor", of(Grouping::Tensor, new())),
        (
            "--per block:64 --scales one",
            of(Grouping::Block(64), new().scales(Scales::One)),
        ),
        ("--per axis:1", of(Grouping::Axes(2), new())),
        ("--rule two-scale", of(axis, new().rule(Rule::TwoScale))),
        (
            "--rule absmean",
            of(axis, new().rule(Rule::AbsMean).scales(Scales::One)),
        ),
        (
            "--rule absmax --per tensor",
            of(
                Grouping::Tensor,
                new().rule(Rule::AbsMax).scales(Scales::One),
            ),
        ),
        ("--rule twn", of(axis, new().rule(Rule::Twn))),
        ("--code base3", of(axis, new()).transcode(Code::Base3)),
        (
            "--scale-type bf16",
            of(axis, new()).with_scale_type(ScaleType::Bf16).unwrap(),
        ),
        (
            "--planes 2",
            planes(Planes::new(2).scale_type(ScaleType::F32)),
        ),
        (
            "--planes 3 --scale-type f16",
            planes(Planes::new(3).scale_type(ScaleType::F16)),
        ),
        (
            "--scales one --scale-type power-of-two",
            planes(Planes::new(1).scale_type(ScaleType::PowerOfTwo)),
        ),
    ] {
        folder.done(&format!(
            "quantize m.safetensors -o t.safetensors --force {options}"
        ));
        let found = ternary(&folder.get("t.safetensors"), "w");
        let equal = found.dequantize::<f64>() == tensor.dequantize::<f64>();
        assert!(equal, "{options}");
        assert_eq!(found.grouping(), tensor.grouping(), "{options}");
        assert_eq!(found.trits().code(), tensor.trits().code(), "{options}");
        assert_eq!(found.scale_type(), tensor.scale_type(), "{options}");
        assert_eq!(found.scales(), tensor.scales(), "{options}");
    }
}

#[test]
fn the_name_of_the_output_or_an_option_tells_the_format() {
    let folder = Folder::new();
    folder.put_gguf(
        "m.gguf",
        &model([
            ("blk.0.up.weight", f32s(&[8, 256], 1)),
            ("blk.0.norm.weight", f32s(&[256], 2)),
        ]),
    );
    for (format, option) in [
        (Format::Tq2_0, ""),
        (Format::Tq1_0, "--to tq1_0"),
        (Format::Q2_0, "--to q2_0"),
        (Format::Pq2_0, "--to pq2_0"),
        (Format::Ptq1_0, "--to ptq1_0"),
        (Format::I2S, "--to i2_s"),
    ] {
        let made = folder.json(&format!("quantize m.gguf -o t.gguf --force {option}"));
        assert_eq!(made["totals"]["ternary"], 1, "{format:?}");
        let reader = ModelReader::open(folder.path("t.gguf")).unwrap();
        let infos: Vec<_> = reader.tensors().collect();
        let place = infos
            .iter()
            .position(|info| info.name() == "blk.0.up.weight")
            .unwrap();
        assert_eq!(*infos[place].encoding(), Encoding::Blocks(format));
        assert_eq!(
            reader.metadata().get("llama.block_count").as_deref(),
            Some("1")
        );
        // The trits and scales are those that were chosen for scales of the format.
        let Tensor::Ternary(found) = reader.read(place).unwrap() else {
            panic!()
        };
        let values = numbers(8 * 256, 1);
        let view = TensorView::new(&values, &[8, 256]).unwrap();
        let per = format.group().map_or(Grouping::Tensor, Grouping::Block);
        let planes = Planes::new(1).scale_type(format.scale_type());
        let tensor = TernaryTensor::ternarize_planes(&view, per, &planes).unwrap();
        let equal = found.dequantize::<f64>() == tensor.dequantize::<f64>();
        assert!(equal, "{format:?}");
    }
    folder.done("quantize m.gguf -o t.safetensors");
    assert!(matches!(
        folder.get("t.safetensors").get("blk.0.up.weight"),
        Some(Tensor::Ternary(_))
    ));
}

#[test]
fn importances_change_the_trits_and_are_used_by_name() {
    let folder = Folder::new();
    let (values, shape) = (numbers(4 * 64, 6), [4, 64]);
    folder.put(
        "m.safetensors",
        &model([("u", f32s(&shape, 9)), ("w", of_values(&shape, &values))]),
    );
    let columns: Vec<f32> = (0..64)
        .map(|i| if i % 4 == 0 { 50.0 } else { 1.0 })
        .collect();
    folder.put("i.safetensors", &model([("w", of_values(&[64], &columns))]));
    let ran = folder.done("quantize m.safetensors -o t.safetensors --importance i.safetensors");
    assert!(
        ran.out.contains("without importances") && ran.out.contains(": u\n"),
        "{}",
        ran.out
    );
    let importance = columns.repeat(4);
    let options = Ternarizer::new();
    let tensor = expected(
        &values,
        &shape,
        Grouping::OUTPUT_CHANNEL,
        &options.importance(&importance),
    );
    let found = ternary(&folder.get("t.safetensors"), "w");
    assert_eq!(found, tensor);
    assert_ne!(
        found,
        expected(&values, &shape, Grouping::OUTPUT_CHANNEL, &options)
    );
    // Importances of nothing, of another length, and of a rule that has none.
    let quantize = "quantize m.safetensors -o o.safetensors --importance";
    folder.put("other.safetensors", &model([("x", f32s(&[64], 1))]));
    folder.refused(
        2,
        &format!("{quantize} other.safetensors"),
        &["--importance", "no effect"],
    );
    folder.refused(
        2,
        &format!("{quantize} i.safetensors --rule absmean"),
        &["--importance", "absmean"],
    );
    folder.refused(
        1,
        &format!("{quantize} nowhere"),
        &["nowhere", "No such file"],
    );
    folder.write("text", "no importances");
    folder.refused(1, &format!("{quantize} text"), &["text", "imatrix"]);
    folder.put(
        "short.safetensors",
        &model([("w", of_values(&[63], &[1.0_f32; 63]))]),
    );
    let ran = folder
        .run(&format!("{quantize} short.safetensors"))
        .ended(3);
    ran.one_line(&["`w`", "63 importances"]);
}

/// The tensors that cannot become ternary are left as they are, and everything else is written.
#[test]
fn a_tensor_that_cannot_be_ternary_is_left_and_reported() {
    let folder = Folder::new();
    let mut mask = [0.0_f32; 256];
    mask[17] = f32::NEG_INFINITY;
    let before = model([
        ("attn.mask", of_values(&[16, 16], &mask)),
        ("empty.weight", of_values::<f32>(&[0, 8], &[])),
        ("fc.bias", f32s(&[10], 1)),
        ("fc.weight", f32s(&[10, 8], 2)),
    ]);
    folder.put("m.safetensors", &before);
    let ran = folder
        .run("quantize m.safetensors -o t.safetensors")
        .ended(3);
    assert_eq!(ran.err.lines().count(), 1, "{}", ran.err);
    assert!(
        ran.err.contains("`attn.mask`") && ran.err.contains("17"),
        "{}",
        ran.err
    );
    let after = folder.get("t.safetensors");
    for name in ["attn.mask", "empty.weight", "fc.bias"] {
        assert_eq!(after.get(name), before.get(name), "{name}");
    }
    assert!(matches!(after.get("fc.weight"), Some(Tensor::Ternary(_))));
    // Once it is excluded, nothing is left over.
    folder.done("quantize m.safetensors -o u.safetensors --exclude *mask");
    assert_eq!(folder.get("u.safetensors"), after);
    let report = folder
        .run("quantize m.safetensors -o v.safetensors --json")
        .ended(3)
        .json();
    assert_eq!(report["totals"]["failed"], 1);
    assert_eq!(report["tensors"][0]["failed"], true);
}

#[test]
fn scales_beyond_the_type_of_a_format_are_reported() {
    let folder = Folder::new();
    let large: Vec<f32> = numbers(512, 1).into_iter().map(|x| x * 1e6).collect();
    folder.put(
        "m.safetensors",
        &model([
            ("a.weight", f32s(&[2, 256], 2)),
            ("large.weight", of_values(&[2, 256], &large)),
        ]),
    );
    let ran = folder.run("quantize m.safetensors -o t.gguf").ended(3);
    ran.one_line(&["`large.weight`"]);
    let reader = ModelReader::open(folder.path("t.gguf")).unwrap();
    let types: Vec<_> = reader
        .tensors()
        .map(|info| (info.name().to_string(), info.is_ternary()))
        .collect();
    assert_eq!(
        types,
        [
            ("a.weight".to_string(), true),
            ("large.weight".into(), false)
        ]
    );
    let ran = folder
        .run("quantize m.safetensors -o t.safetensors --scale-type f16")
        .ended(3);
    ran.one_line(&["`large.weight`"]);
}

#[test]
fn scales_below_the_type_of_a_format_are_no_zeros_in_silence() {
    let folder = Folder::new();
    let small: Vec<f32> = numbers(512, 1).into_iter().map(|x| x * 1e-9).collect();
    folder.put(
        "m.safetensors",
        &model([("w.weight", of_values(&[2, 256], &small))]),
    );
    let ran = folder.run("quantize m.safetensors -o t.gguf").ended(3);
    ran.one_line(&["`w.weight`"]);
}

/// Kernels of one weight, and convolutions whose output channels come last.
#[test]
fn tensors_that_would_grow_are_left() {
    let folder = Folder::new();
    folder.put(
        "m.safetensors",
        &model([
            ("dw", f32s(&[32, 1, 3, 3], 1)),
            ("resnet.1x1", f32s(&[64, 64, 1, 1], 2)),
            ("tail", f32s(&[4, 64], 3)),
        ]),
    );
    let made = folder.json("quantize m.safetensors -o t.safetensors --include * --per kernel");
    let kept = made["tensors"][1]["kept"].as_str().unwrap();
    assert!(kept.contains("bytes as trits and scales"), "{kept}");
    assert!(folder.get("t.safetensors").to_bytes().unwrap() == folder.read("t.safetensors"));
}

#[test]
fn metadata_that_are_null_are_none() {
    let folder = Folder::new();
    let header = r#"{"__metadata__":null,"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}"#;
    folder.write("m.safetensors", crate::inputs::safetensors(header, &[7]));
    folder.done("inspect m.safetensors");
    folder.refused(1, "quantize m.safetensors -o t.safetensors", &["`w`", "U8"]);
}

#[test]
fn the_report_is_a_page_with_the_numbers_of_the_json() {
    let folder = Folder::new();
    folder.put("m.safetensors", &language_model());
    let made = folder.json("quantize m.safetensors -o t.safetensors --report r.html");
    let page = folder.text("r.html");
    assert!(page.contains("layers.0.up.weight") && page.contains("<svg"));
    let sha = made["output"]["sha256"][0][1].as_str().unwrap();
    assert!(page.contains(sha), "{sha}");
    assert_eq!(sha.len(), 64);
    let cosine = made["tensors"][3]["metrics"]["cosine"].as_f64().unwrap();
    let values = numbers(32 * 256, 4);
    let view = TensorView::new(&values, &[32, 256]).unwrap();
    let tensor = ternary(&folder.get("t.safetensors"), "layers.0.up.weight");
    let metrics = tensor.error_metrics(&view).unwrap();
    assert!((cosine - metrics.cosine).abs() < 1e-12);
}

#[test]
fn runs_give_the_same_bytes() {
    let folder = Folder::new();
    let mut many = language_model();
    for layer in 0..40_u64 {
        many.insert(format!("layer.{layer}.weight"), f16s(&[8, 64], layer));
    }
    many.insert("half", of_values(&[1], &[f16::ONE]));
    folder.put("m.safetensors", &many);
    folder.done("quantize m.safetensors -o a.safetensors");
    folder.done("quantize m.safetensors -o b.safetensors");
    assert!(folder.read("a.safetensors") == folder.read("b.safetensors"));
}
