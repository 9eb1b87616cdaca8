//! `evaluate`, and inputs that do not fit a network.

use crate::arrays::{of_floats, of_integers, smooth, smooth_floats};
use crate::networks::folder_of;
use crate::tool::Folder;

const EVALUATE: &str = "evaluate n.onnx --inputs i.npz";

#[test]
fn a_network_is_itself() {
    let folder = folder_of("images");
    let found = folder.json(&format!("{EVALUATE} --against n.onnx"));
    assert_eq!(found["samples"], 200);
    assert_eq!(found["bytes"], found["other_bytes"]);
    let (other, output) = (&found["other"], &found["other"]["outputs"]["y"]);
    assert_eq!(
        (
            other["agreement"].as_f64(),
            output["relative_error"].as_f64()
        ),
        (Some(1.0), Some(0.0))
    );
    assert!((output["cosine"].as_f64().unwrap() - 1.0).abs() < 1e-12);
    assert!(
        other["layers"]
            .as_array()
            .unwrap()
            .iter()
            .all(|layer| layer[1].is_null())
    );
    let alone = folder.json(EVALUATE);
    assert!(alone["accuracy"].is_null() && alone["other"].is_null());
}

/// Labels that the network itself gives are right; others are wrong.
#[test]
fn accuracies_are_counted() {
    let folder = folder_of("dense");
    let x = vec![0.0; 4 * 6];
    folder.write("x.npy", of_floats(&[4, 6], &x));
    let class = (0..7).find(|class| {
        folder.write("l.npy", of_integers(&[4], &[*class; 4]));
        let found = folder.json("evaluate n.onnx --inputs x.npy --labels l.npy");
        found["accuracy"] == 1.0
    });
    let class = class.unwrap();
    for (labels, right) in [
        ([class, class, class, -1], 0.75),
        ([-1, class + 1, 99, class], 0.25),
    ] {
        folder.write("l.npy", of_integers(&[4], &labels));
        let found = folder.json("evaluate n.onnx --against n.onnx --inputs x.npy --labels l.npy");
        assert_eq!(found["accuracy"], right);
        assert_eq!(
            (&found["other"]["accuracy"], &found["other"]["mcnemar_p"]),
            (&right.into(), &1.0.into())
        );
    }
    let ran = folder.done("evaluate n.onnx --against n.onnx --inputs x.npy --labels l.npy");
    for words in [
        "4 samples",
        "accuracy 25.00 %",
        "McNemar's p 1.000",
        "agreement 100.00 %",
        "equal",
    ] {
        assert!(ran.out.contains(words), "{words}: {}", ran.out);
    }
}

#[test]
fn wrong_inputs_are_refused_by_name() {
    let folder = folder_of("dense");
    let x = || ("x", smooth_floats(&[20, 6], 1));
    let word = |folder: &Folder, arrays: &[(&str, Vec<u8>)], words: &[&str]| {
        folder.put_arrays("i.npz", arrays);
        let words = [words, &["i.npz"]].concat();
        for arguments in [
            EVALUATE,
            "quantize n.onnx -o t.onnx --bits 15 --calibrate i.npz",
        ] {
            folder.refused(1, arguments, &words);
        }
    };
    word(&folder, &[], &["no array for the input `x`"]);
    word(
        &folder,
        &[("y", smooth_floats(&[20, 6], 1))],
        &["`x`", "`y`"],
    );
    word(
        &folder,
        &[x(), ("y", smooth_floats(&[20, 6], 1))],
        &["no input `y`"],
    );
    word(
        &folder,
        &[("x", smooth_floats(&[20, 5], 1))],
        &["`x`", "axis 1", "6", "5"],
    );
    word(
        &folder,
        &[("x", smooth_floats(&[20, 1, 6], 1))],
        &["`x`", "2 axes", "3"],
    );
    word(
        &folder,
        &[("x", smooth_floats(&[], 1))],
        &["`x`", "2 axes", "0"],
    );
    word(
        &folder,
        &[("x", smooth_floats(&[0, 6], 1))],
        &["no samples"],
    );
    word(&folder, &[("x", b"no array".to_vec())], &["x", ".npy"]);
    let mut cut = smooth_floats(&[20, 6], 1);
    cut.pop();
    word(&folder, &[("x", cut)], &["x", "480 bytes", "479"]);
    let folder = folder_of("shared");
    let tokens = |values: &[i64]| ("tokens", of_integers(&[3], values));
    let x = || ("x", smooth_floats(&[2, 4], 1));
    word(
        &folder,
        &[x(), ("tokens", of_floats(&[3], &smooth(&[3], 1)))],
        &["`tokens`", "whole numbers"],
    );
    word(
        &folder,
        &[x(), tokens(&[0, 1 << 40, 0])],
        &["`tokens`", "out of range"],
    );
    folder.put_arrays("i.npz", &[x(), tokens(&[0, 7, 0])]);
    folder.refused(1, EVALUATE, &["the engine stopped"]);
    folder.write("x.npy", smooth_floats(&[2, 4], 1));
    folder.refused(
        1,
        "evaluate n.onnx --inputs x.npy",
        &["x.npy", "no array for the input"],
    );
}

#[test]
fn files_that_are_no_arrays_are_refused() {
    let folder = folder_of("dense");
    let whole = folder.read("i.npz");
    for bytes in [
        &b""[..],
        b"PK",
        b"no archive",
        &whole[..whole.len() / 2],
        &whole[..whole.len() - 1],
    ] {
        folder.write("i.npz", bytes);
        folder.refused(1, EVALUATE, &["i.npz"]);
        folder.refused(
            1,
            "quantize n.onnx -o t.onnx --bits 15 --calibrate i.npz",
            &["i.npz"],
        );
    }
    folder.refused(
        1,
        "evaluate n.onnx --inputs nowhere.npz",
        &["nowhere.npz", "No such file"],
    );
}

#[test]
fn wrong_labels_and_other_networks_are_refused() {
    let folder = folder_of("dense");
    let labels = format!("{EVALUATE} --labels l.npy");
    folder.write("l.npy", of_integers(&[199], &[0; 199]));
    folder.refused(1, &labels, &["199 labels", "200 samples"]);
    folder.write("l.npy", of_floats(&[200], &[0.0; 200]));
    folder.refused(1, &labels, &["l.npy", "whole numbers"]);
    folder.write("l.npy", "no labels");
    folder.refused(1, &labels, &["l.npy"]);
    folder.write("o.onnx", folder_of("images").read("n.onnx"));
    folder.refused(1, &format!("{EVALUATE} --against o.onnx"), &[]);
    folder.refused(
        1,
        &format!("{EVALUATE} --against none.safetensors"),
        &["none.safetensors"],
    );
    // Ternary layers of another network.
    folder.done("quantize o.onnx -o o.safetensors --bits 15");
    folder.refused(
        1,
        &format!("{EVALUATE} --against o.safetensors"),
        &["no ternary layer"],
    );
}
