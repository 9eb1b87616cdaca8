//! `quantize` for ONNX networks.

use std::fs;
use std::path::Path;

use crate::arrays::{of_integers, smooth_floats};
use crate::tool::Folder;

/// Puts a network of the tests of ONNX files into a folder.
pub(crate) fn put_network(folder: &Folder, name: &str) {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/onnx");
    let file = |name: &str| fs::read(from.join(name)).unwrap();
    folder.write("n.onnx", file(&format!("{name}.onnx")));
    if name == "external" {
        folder.write("external.data", file("external.data"));
    }
}

/// Inputs of these networks: the names, extents and values.
pub(crate) fn inputs_of(name: &str) -> Vec<(&'static str, Vec<u8>)> {
    let floats = |name, shape: &[usize]| (name, smooth_floats(shape, shape.len() as u64));
    match name {
        "convolutions_9" | "convolutions_13" => vec![
            floats("one_x", &[40, 4, 11]),
            floats("two_x", &[40, 3, 5, 6]),
            floats("depthwise_x", &[40, 3, 5, 6]),
            floats("three_x", &[40, 2, 3, 4, 5]),
        ],
        "recurrent" => vec![floats("x", &[80, 1, 3])],
        "external" => vec![floats("x", &[200, 16])],
        "shared" => vec![
            floats("x", &[2, 4]),
            ("tokens", of_integers(&[3], &[1, 0, 6])),
        ],
        "bodies" => vec![floats("x", &[2, 4]), ("condition", of_integers(&[], &[1]))],
        "types" => ["x_f16", "x_bf16", "x_f64"]
            .map(|name| floats(name, &[20, 5]))
            .to_vec(),
        _ => vec![floats("x", &[200, 6])],
    }
}

#[test]
fn explore() {
    for name in [
        "dense",
        "convolutions_9",
        "convolutions_13",
        "paths_9",
        "paths_12",
        "paths_13",
        "recurrent",
        "external",
        "shared",
        "bodies",
        "types",
        "odd",
    ] {
        let folder = Folder::new();
        put_network(&folder, name);
        folder.put_arrays("i.npz", &inputs_of(name));
        for command in [
            "quantize n.onnx -o t.onnx --bits 40",
            "quantize n.onnx -o c.onnx --calibrate i.npz --bits 40",
            "evaluate n.onnx --against t.onnx --inputs i.npz",
            "evaluate n.onnx --against c.onnx --inputs i.npz",
        ] {
            let ran = folder.run(command);
            eprintln!(
                "== {name}: {command}: {:?}\n{}{}",
                ran.code, ran.out, ran.err
            );
        }
    }
}
