//! The networks, and what is expected of them.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use ternarize_cli::onnx::{Layer, Network};

/// All networks.
pub(crate) const NETWORKS: [&str; 15] = [
    "bodies",
    "convolutions_13",
    "convolutions_9",
    "dense",
    "external",
    "images",
    "odd",
    "paths_12",
    "paths_13",
    "paths_9",
    "recurrent",
    "sequences",
    "shared",
    "sums",
    "types",
];

pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/onnx")
}

pub(crate) fn path(name: &str) -> PathBuf {
    folder().join(format!("{name}.onnx"))
}

pub(crate) fn file(name: &str) -> Vec<u8> {
    fs::read(path(name)).unwrap()
}

pub(crate) fn network(name: &str) -> Network {
    Network::open(&path(name)).unwrap()
}

pub(crate) fn layer(network: &Network, name: &str) -> Layer {
    let mut found = network.layers().found.into_iter();
    found.find(|layer| layer.name == name).unwrap()
}

/// What NumPy says of a network.
pub(crate) fn expected(name: &str) -> Value {
    let json = fs::read_to_string(folder().join("expected.json")).unwrap();
    serde_json::from_str::<Value>(&json).unwrap()[name].take()
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "multiples of 1/8, which f32 holds"
)]
pub(crate) fn floats(value: &Value) -> Vec<f32> {
    let values = value.as_array().unwrap().iter();
    values.map(|value| value.as_f64().unwrap() as f32).collect()
}

pub(crate) fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}
