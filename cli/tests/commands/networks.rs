//! `quantize` for ONNX networks.

use std::fs;
use std::path::Path;

use serde_json::Value;
use ternarize::model::Model;
use ternarize_cli::disk::RealDisk;
use ternarize_cli::onnx::Network;

use crate::arrays::{of_integers, smooth_floats};
use crate::tool::Folder;

/// Puts a network of the tests of ONNX files into a folder, with inputs.
pub(crate) fn folder_of(name: &str) -> Folder {
    let folder = Folder::new();
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/onnx");
    let file = |name: &str| fs::read(from.join(name)).unwrap();
    folder.write("n.onnx", file(&format!("{name}.onnx")));
    if name == "external" {
        folder.write("external.data", file("external.data"));
    }
    folder.put_arrays("i.npz", &inputs_of(name));
    folder
}

/// Inputs of these networks: 200 samples, unless the first axis counts something else.
fn inputs_of(name: &str) -> Vec<(&'static str, Vec<u8>)> {
    let floats = |name, shape: &[usize]| (name, smooth_floats(shape, shape.len() as u64));
    match name {
        "external" => vec![floats("x", &[200, 16])],
        "images" => vec![floats("x", &[200, 2, 6, 6])],
        "sums" => vec![floats("x", &[200, 2, 4, 4])],
        "sequences" => vec![floats("x", &[5, 40, 3])],
        "shared" => vec![
            floats("x", &[2, 4]),
            ("tokens", of_integers(&[3], &[1, 0, 6])),
        ],
        "bodies" => vec![floats("x", &[2, 4]), ("condition", of_integers(&[], &[1]))],
        "convolutions_13" => vec![
            floats("one_x", &[20, 4, 11]),
            floats("two_x", &[20, 3, 5, 6]),
            floats("depthwise_x", &[20, 3, 5, 6]),
            floats("three_x", &[20, 2, 3, 4, 5]),
        ],
        "recurrent" => vec![floats("x", &[80, 1, 3])],
        "types" => ["x_f16", "x_bf16", "x_f64"]
            .map(|name| floats(name, &[20, 5]))
            .to_vec(),
        _ => vec![floats("x", &[200, 6])],
    }
}

/// The networks that the engine can run, with their ternary layers and the others.
const RUN: [(&str, usize, usize); 10] = [
    ("bodies", 1, 0),
    ("dense", 4, 0),
    ("external", 2, 0),
    ("images", 3, 1),
    ("paths_12", 7, 0),
    ("paths_13", 7, 0),
    ("paths_9", 6, 0),
    ("sequences", 6, 0),
    ("shared", 1, 0),
    ("sums", 6, 0),
];

/// Those that it cannot run.
pub(crate) const NOT_RUN: [(&str, usize, usize); 4] = [
    ("convolutions_13", 3, 1),
    ("convolutions_9", 3, 1),
    ("recurrent", 6, 0),
    ("types", 6, 0),
];

/// The bits with which each layer has one plane, and with which each has four.
fn range_of_bits(folder: &Folder) -> [f64; 2] {
    let ran = folder
        .run("quantize n.onnx -o never.onnx --bits 0.01")
        .ended(2);
    let (_, range) = ran.err.trim_end().split_once("--bits from ").unwrap();
    let (low, high) = range.split_once(" to ").unwrap();
    [low, high].map(|bits| bits.parse().unwrap())
}

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

/// Numbers that are equal up to the rounding of 16 bits.
fn assert_near(found: &[f32], expected: &[f32]) {
    let near = |(a, b): (&f32, &f32)| (a - b).abs() <= 4e-3 * b.abs();
    assert!(
        found.iter().zip(expected).all(near),
        "{found:?} {expected:?}"
    );
}

/// The sum of the relative errors of the outputs.
fn output_error(evaluation: &Value) -> f64 {
    let outputs = evaluation["other"]["outputs"].as_object().unwrap();
    let errors = outputs
        .values()
        .map(|output| output["relative_error"].as_f64().unwrap());
    errors.sum()
}

#[test]
fn four_planes_restore_small_multiples_and_one_plane_does_not() {
    for (name, ternary, others) in RUN.into_iter().chain(NOT_RUN) {
        let folder = folder_of(name);
        let [low, high] = range_of_bits(&folder);
        let mut errors = Vec::new();
        for bits in [low, high + 0.01] {
            let made = folder.json(&format!("quantize n.onnx -o t.onnx --force --bits {bits}"));
            let totals = &made["totals"];
            assert_eq!(totals["ternary"], ternary, "{name}");
            assert_eq!(totals["tensors"], ternary + others, "{name}");
            let spent = totals["ternary_bits_per_weight"].as_f64().unwrap();
            assert!(spent <= bits && spent > 0.0, "{name}: {spent} {bits}");
            let metrics = list(&made["tensors"])
                .iter()
                .map(|tensor| &tensor["metrics"]);
            let metrics = metrics.filter(|metrics| metrics.is_object());
            errors.push(
                metrics
                    .map(|one| one["relative_error"].as_f64().unwrap())
                    .sum::<f64>(),
            );
        }
        // Weights are multiples of 1/8 up to 3, of which four planes hold all.
        assert!(errors[0] > 0.01 && errors[1] < 1e-6, "{name}: {errors:?}");
        let [before, after] = ["n.onnx", "t.onnx"].map(|name| folder.path(name));
        let [before, after] = [before, after].map(|path| Network::open(&path).unwrap());
        for layer in before.layers().found {
            let [one, other] = [&before, &after].map(|network| network.weights(&layer).unwrap());
            assert_near(&one, &other);
        }
    }
}

/// What ONNX holds are the weights that the ternary layers are restored to, and both put out the same.
#[test]
fn restored_weights_are_those_of_the_planes() {
    for (name, ..) in RUN {
        for calibrate in ["", "--calibrate i.npz"] {
            let folder = folder_of(name);
            let [low, high] = range_of_bits(&folder);
            let quantize = format!(
                "quantize n.onnx {calibrate} --bits {}",
                0.7 * low + 0.3 * high
            );
            folder.done(&format!("{quantize} -o t.onnx"));
            folder.done(&format!("{quantize} -o t.safetensors"));
            let evaluate = |other: &str| {
                let mut found =
                    folder.json(&format!("evaluate n.onnx --against {other} --inputs i.npz"));
                let bits = found["ternary_bits_per_weight"].take();
                (found["other"].take(), bits)
            };
            let (restored, none) = evaluate("t.onnx");
            let (planes, bits) = evaluate("t.safetensors");
            assert_eq!(restored, planes, "{name} {calibrate}");
            assert!(none.is_null() && bits.as_f64().unwrap() <= 0.7 * low + 0.3 * high);
            if calibrate.is_empty() {
                folder.done("dequantize t.safetensors -o d.safetensors");
                let (dense, network) = (folder.get("d.safetensors"), folder.path("t.onnx"));
                let network = Network::open(&network).unwrap();
                for layer in network.layers().found {
                    let Some(tensor) = dense.get(&layer.name) else {
                        continue;
                    };
                    let ternarize::model::Tensor::Dense(tensor) = tensor else {
                        panic!()
                    };
                    let expected: Vec<f32> = tensor.values().unwrap();
                    assert_near(&network.weights(&layer).unwrap(), &expected);
                }
            }
        }
    }
}

#[test]
fn calibration_brings_outputs_nearer_and_more_bits_too() {
    for name in ["dense", "external", "images", "sequences", "sums"] {
        let folder = folder_of(name);
        let [low, high] = range_of_bits(&folder);
        let error = |calibrate: &str, bits: f64| {
            folder.done(&format!(
                "quantize n.onnx {calibrate} -o t.onnx --force --bits {bits}"
            ));
            output_error(&folder.json("evaluate n.onnx --against t.onnx --inputs i.npz"))
        };
        let few = 0.8 * low + 0.2 * high;
        let by_weights = error("", few);
        let by_outputs = error("--calibrate i.npz", few);
        let with_more = error("--calibrate i.npz", high + 0.01);
        assert!(by_outputs < by_weights, "{name}: {by_outputs} {by_weights}");
        assert!(
            with_more < 0.01 * by_outputs,
            "{name}: {with_more} {by_outputs}"
        );
    }
}

#[test]
fn a_saved_plan_gives_the_same_bytes_on_any_number_of_threads() {
    for name in ["dense", "images"] {
        for calibrate in ["", "--calibrate i.npz"] {
            let folder = folder_of(name);
            let [low, high] = range_of_bits(&folder);
            let quantize = format!("quantize n.onnx {calibrate}");
            let bits = format!("--bits {}", f64::midpoint(low, high));
            folder.done(&format!("{quantize} {bits} -o t.onnx --dry-run=plan.toml"));
            assert!(!folder.path("t.onnx").exists());
            let printed = folder
                .done(&format!("{quantize} {bits} -o t.onnx --dry-run"))
                .out;
            assert_eq!(printed, folder.text("plan.toml"));
            for threads in ["1", "2"] {
                let mut command =
                    folder.command(&format!("{quantize} {bits} -o {threads}.onnx -q"));
                let ended = command.env("RAYON_NUM_THREADS", threads).status().unwrap();
                assert_eq!(ended.code(), Some(0));
            }
            folder.done(&format!("{quantize} --plan plan.toml -o p.onnx"));
            assert!(
                folder.read("1.onnx") == folder.read("2.onnx"),
                "{name} {calibrate}"
            );
            assert!(
                folder.read("1.onnx") == folder.read("p.onnx"),
                "{name} {calibrate}"
            );
        }
    }
}

/// A network with a weight of a layer that is no number.
fn without_a_number(name: &str, layer: &str) -> Folder {
    let folder = folder_of(name);
    let mut network = Network::open(&folder.path("n.onnx")).unwrap();
    let mut layers = network.layers().found.into_iter();
    let layer = layers.find(|found| found.name == layer).unwrap();
    let mut weights = network.weights(&layer).unwrap();
    weights[3] = f32::NAN;
    network.set_weights(&layer, &weights).unwrap();
    network.write(&RealDisk, &folder.path("n.onnx")).unwrap();
    folder
}

#[test]
fn a_layer_that_cannot_become_ternary_is_left_and_the_others_are_not() {
    for calibrate in ["", "--calibrate i.npz"] {
        let folder = without_a_number("paths_13", "turned");
        let quantize = format!("quantize n.onnx {calibrate} -o t.onnx --bits 20");
        let ran = folder.run(&format!("{quantize} --json")).ended(3);
        let made = ran.json();
        let ran = ran.one_line(&["the layer `turned` was left as it was", "3", "not finite"]);
        assert_eq!(
            (&made["totals"]["ternary"], &made["totals"]["failed"]),
            (&6.into(), &1.into())
        );
        let tensors = list(&made["tensors"]);
        let failed: Vec<_> = tensors
            .iter()
            .filter(|tensor| tensor["failed"] == true)
            .collect();
        assert_eq!((failed.len(), &failed[0]["name"]), (1, &"turned".into()));
        assert!(ran.err.contains(failed[0]["kept"].as_str().unwrap()));
        let networks = ["n.onnx", "t.onnx"].map(|name| Network::open(&folder.path(name)).unwrap());
        for layer in networks[0].layers().found {
            let [before, after] = networks.each_ref().map(|one| one.weights(&layer).unwrap());
            let bits = |weights: &[f32]| weights.iter().map(|w| w.to_bits()).collect::<Vec<_>>();
            assert!(layer.name != "turned" || bits(&before) == bits(&after));
        }
        // So does a plan, which does not name it.
        folder
            .run(&format!("{quantize} --dry-run=plan.toml"))
            .ended(3);
        folder.done(&format!(
            "quantize n.onnx {calibrate} -o p.onnx --plan plan.toml"
        ));
        assert!(folder.read("p.onnx") == folder.read("t.onnx"));
    }
}

#[test]
fn what_is_left_is_said_with_the_reason() {
    let folder = folder_of("bodies");
    let ran = folder.done("quantize n.onnx -o t.onnx --bits 30 --report r.html");
    let reason = "it is in a body of `chosen_node` (If)";
    assert!(ran.out.contains("`else_y_node`, `then_y_node`") && ran.out.contains(reason));
    assert!(
        folder
            .text("r.html")
            .contains("it is in a body of `chosen_node`")
    );
    let made = folder.json("quantize n.onnx -o t.onnx --bits 30 --force --calibrate i.npz");
    let left: Vec<_> = list(&made["left"]).iter().map(|left| &left[0]).collect();
    assert_eq!(left, ["else_y_node", "then_y_node", "captured"]);
    assert_eq!(list(&made["calibration"]["layers"]).len(), 1);
    // A depthwise convolution is a layer.
    let folder = folder_of("images");
    let made = folder.json("quantize n.onnx -o t.onnx --bits 30 --calibrate i.npz");
    let kept = made["tensors"][2]["kept"].as_str().unwrap();
    assert!(kept.contains("depthwise"), "{kept}");
    assert!(made["left"].is_null());
    let calibration = &made["calibration"];
    assert_eq!(
        (&calibration["samples"], &calibration["held_out"]),
        (&175.into(), &25.into())
    );
    let alone =
        folder_of("sequences").json("quantize n.onnx -o t.onnx --bits 30 --calibrate i.npz");
    assert_eq!(alone["calibration"]["held_out"], 0);
    assert!(alone["calibration"]["layers"][0]["held_out_error"].is_null());
    for layer in list(&calibration["layers"]) {
        let few = layer["rows"].as_u64().unwrap() < 8 * layer["inputs"].as_u64().unwrap();
        assert_eq!(layer["too_few_rows"], few);
        assert!(
            layer["error"].as_f64() < Some(0.01) && layer["held_out_error"].as_f64() < Some(0.01)
        );
        let tried = list(&layer["tried"]);
        assert!(tried.len() > 3 && tried.iter().any(|one| one[0] == layer["treatment"]));
    }
}

#[test]
fn unfinished_work_of_others_is_forgotten_and_what_is_none_is_kept() {
    let folder = folder_of("images");
    let quantize = "quantize n.onnx --calibrate i.npz -q -o t.onnx --bits 4";
    let unfinished = folder.path("t.onnx.unfinished");
    // What other work has left is forgotten.
    let mut other = Model::new();
    let metadata = other.metadata_mut();
    metadata.insert("unfinished".into(), "another fingerprint".into());
    metadata.insert("planes".into(), "[[[\"none\",1]],[]]".into());
    other.write(&unfinished).unwrap();
    folder.done(quantize);
    assert!(!unfinished.exists());
    // What is something else is not replaced.
    fs::write(&unfinished, "notes").unwrap();
    let words = ["`t.onnx.unfinished`", "is something else"];
    folder.refused(1, &format!("{quantize} --force"), &words);
    assert_eq!(folder.text("t.onnx.unfinished"), "notes");
}

#[test]
fn wide_layers_are_fitted_in_blocks_and_this_is_said() {
    let folder = folder_of("external");
    let quantize = "quantize n.onnx -o t.onnx --force --calibrate i.npz --bits 12";
    let evaluate = "evaluate n.onnx --against t.onnx --inputs i.npz";
    let mut errors = Vec::new();
    for (most, blocks) in [(16, 1), (6, 3)] {
        let made = folder.json(&format!("{quantize} --gram-inputs {most} --report r.html"));
        for layer in list(&made["calibration"]["layers"]) {
            assert_eq!(layer["blocks"], blocks, "{layer}");
        }
        assert_eq!(folder.text("r.html").contains(", 3 blocks"), blocks == 3);
        assert!(made["totals"]["ternary_bits_per_weight"].as_f64().unwrap() <= 12.0);
        errors.push(output_error(&folder.json(evaluate)));
    }
    assert!(errors.iter().all(|error| *error < 0.01), "{errors:?}");
    let alone = folder.run("quantize n.onnx -o t.onnx --gram-inputs 8");
    assert!(alone.ended(2).err.contains("--calibrate"));
}

#[test]
fn patterns_add_and_remove_layers() {
    let folder = folder_of("images");
    for calibrate in ["", "--calibrate i.npz"] {
        let quantize = format!("quantize n.onnx -o t.onnx --force --bits 20 {calibrate}");
        let made = folder.json(&format!("{quantize} --exclude class* --include depth"));
        let ternary = |name: &str| {
            let found = list(&made["tensors"])
                .iter()
                .find(|tensor| tensor["name"] == name);
            found.unwrap()["metrics"].is_object()
        };
        let found = ["whole", "groups", "depth", "classes"].map(ternary);
        assert_eq!(found, [true, true, true, false], "{calibrate}");
        let shown = folder.done(&format!("{quantize} --exclude class*")).out;
        assert!(shown.contains("`classes`: excluded"), "{shown}");
    }
}
