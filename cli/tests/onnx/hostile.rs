//! Damaged files: an error or another network, but no panic.

use proptest::prelude::*;
use ternarize_cli::onnx::Network;

use crate::networks::{NETWORKS, file};

/// Does all that can be done with a network.
fn use_all(bytes: Vec<u8>) {
    let Ok(mut network) = Network::parse(bytes) else {
        return;
    };
    let _ = (network.inputs(), network.outputs());
    let layers = network.layers();
    for layer in &layers.found {
        let _ = network.bias(layer);
        if let Ok(mut weights) = network.weights(layer) {
            weights.fill(1.0);
            let _ = network.set_weights(layer, &weights);
            let _ = network.set_bias(layer, &vec![1.0; layer.rows]);
        }
    }
    let outputs: Vec<_> = network
        .outputs()
        .into_iter()
        .flatten()
        .map(|output| output.name)
        .collect();
    for node in 0..network.nodes().len() {
        let cut = network.live_after(node);
        let _ = network.part(&cut, &outputs);
        let names = network.nodes()[node].inputs.clone();
        for name in names {
            let _ = network
                .constant(&name)
                .map(|constant| constant.map(|constant| constant.doubles()));
        }
    }
    // What is written can be read.
    let bytes = network.bytes().unwrap();
    assert!(Network::parse(bytes).is_ok());
}

#[test]
fn truncated_files() {
    for name in NETWORKS {
        let whole = file(name);
        for length in 0..whole.len() {
            use_all(whole[..length].to_vec());
        }
    }
}

#[test]
fn errors_are_lines_that_say_where() {
    let error = |bytes: &[u8]| format!("{:#}", Network::parse(bytes.to_vec()).unwrap_err());
    assert_eq!(error(b""), "no ONNX model: it has no graph");
    assert_eq!(
        error(b"\x3b"),
        "no ONNX model: byte 0: wire type 3 is not supported"
    );
    assert_eq!(
        error(b"\x3a\x7f"),
        "no ONNX model: byte 2: a field ends too late"
    );
    assert_eq!(
        error(&[0xff; 11]),
        "no ONNX model: byte 0: a varint has more than 64 bits"
    );
    assert_eq!(
        error(b"\x08\x80"),
        "no ONNX model: byte 1: a varint does not end"
    );
    assert_eq!(error(b"\x3a\x00\x3a\x00"), "a model with two graphs");
    // A graph in an attribute of a node in a graph, again and again.
    let wrap = |inner: &Vec<u8>, number: u8| {
        let [low, high, ..] = inner.len().to_le_bytes();
        // A varint of two bytes.
        let length = [0x80 | low, high << 1 | low >> 7];
        [&[number << 3 | 2], length.as_slice(), inner].concat()
    };
    let deep = [6, 5, 1].repeat(100);
    let model = wrap(
        &deep
            .iter()
            .fold(Vec::new(), |inner, &number| wrap(&inner, number)),
        7,
    );
    assert_eq!(error(&model), "more than 32 nested bodies");
}

#[test]
fn data_outside_the_folder_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.onnx");
    for location in ["/external.dat", "../ternal.data", "a/../../b.dat"] {
        let bytes = file("external");
        let old = b"external.data";
        let place = bytes
            .windows(old.len())
            .position(|window| window == old)
            .unwrap();
        let mut bytes = bytes;
        let new = format!("{location:_<13}");
        bytes[place..place + old.len()].copy_from_slice(&new.as_bytes()[..old.len()]);
        std::fs::write(&path, &bytes).unwrap();
        let network = Network::open(&path).unwrap();
        let layers = network.layers().found;
        let error = network.weights(&layers[0]).unwrap_err();
        assert!(
            format!("{error:#}").contains("outside the folder of the model"),
            "{error:#}"
        );
        assert!(network.data_files(&path).is_err());
    }
    std::fs::write(&path, file("external")).unwrap();
    std::fs::write(folder.path().join("external.data"), [0; 100]).unwrap();
    let network = Network::open(&path).unwrap();
    let error = network.weights(&network.layers().found[0]).unwrap_err();
    assert!(
        format!("{error:#}").ends_with("it ends before the data of a tensor does"),
        "{error:#}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn changed_bytes(
        name in prop::sample::select(&NETWORKS[..]),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = file(name);
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        use_all(bytes);
    }

    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        use_all(bytes);
    }
}
