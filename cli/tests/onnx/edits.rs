//! What an edit changes, and what it leaves.

use std::fs;

use ternarize_cli::disk::RealDisk;
use ternarize_cli::onnx::{Network, ValueInfo};

use crate::networks::{NETWORKS, file, folder, layer, names, network, path};
use crate::wire::{Field, changed, fields, graph, text};

#[test]
fn a_network_without_edits_is_the_file() {
    for name in NETWORKS {
        assert_eq!(network(name).bytes().unwrap(), file(name), "{name}");
    }
}

#[test]
fn the_same_weights_keep_the_file() {
    for name in NETWORKS {
        let mut network = network(name);
        for layer in network.layers().found {
            let weights = network.weights(&layer).unwrap();
            network.set_weights(&layer, &weights).unwrap();
            if let Some(bias) = network
                .bias(&layer)
                .unwrap()
                .filter(|_| layer.also.is_empty())
            {
                network.set_bias(&layer, &bias).unwrap();
            }
        }
        assert_eq!(network.bytes().unwrap(), file(name), "{name}");
    }
}

/// Each weight is edited on its own: it is read back as it was set, and nothing else changes.
#[test]
fn an_edit_changes_one_constant() {
    for name in NETWORKS {
        let layers = network(name).layers().found;
        for layer in layers {
            let mut network = network(name);
            let weights = network.weights(&layer).unwrap();
            let new: Vec<f32> = weights.iter().map(|weight| 0.5 - weight).collect();
            network.set_weights(&layer, &new).unwrap();
            assert_eq!(
                network.weights(&layer).unwrap(),
                new,
                "{name} {}",
                layer.name
            );
            let bytes = network.bytes().unwrap();
            let [old_graph, new_graph] = [file(name), bytes.clone()].map(|model| graph(&model));
            assert_eq!(old_graph.1, new_graph.1, "{name}");
            assert_eq!(old_graph.0.len(), new_graph.0.len(), "{name}");
            assert_eq!(
                changed(&new_graph.0, &old_graph.0).len(),
                1,
                "{name} {}",
                layer.name
            );
            // Read again as a file, all other layers are as they were.
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("new.onnx");
            network.write(&RealDisk, &path).unwrap();
            assert_eq!(fs::read(&path).unwrap(), bytes);
            let [old, written] = [self::network(name), Network::open(&path).unwrap()];
            for other in written.layers().found {
                let [before, after] =
                    [&old, &written].map(|network| network.weights(&other).unwrap());
                assert_eq!(
                    after,
                    if other.name == layer.name {
                        new.clone()
                    } else {
                        before
                    }
                );
            }
        }
    }
}

#[test]
fn a_tensor_keeps_all_but_its_numbers() {
    let mut network = network("types");
    for (name, numbers) in [("bf16", 5), ("bf16_raw", 9), ("f64", 10), ("f64_raw", 9)] {
        let layer = layer(&network, name);
        network.set_weights(&layer, &[0.75; 15]).unwrap();
        let [old, new] =
            [file("types"), network.bytes().unwrap()].map(|model| tensor(&model, name));
        let different: Vec<_> = changed(&new, &old)
            .into_iter()
            .map(|field| field.0)
            .collect();
        assert_eq!(different, [numbers], "{name}");
        let order = |fields: &[Field]| fields.iter().map(|field| field.0).collect::<Vec<_>>();
        assert_eq!(order(&new), order(&old), "{name}");
    }
}

/// The fields of an initializer.
fn tensor(model: &[u8], name: &str) -> Vec<Field> {
    let mut initializers = graph(model).0.into_iter().filter(|field| field.0 == 5);
    fields(
        &initializers
            .find(|tensor| text(&tensor.1, 8) == name)
            .unwrap()
            .1,
    )
}

#[test]
fn weights_that_do_not_fit_are_errors() {
    let mut network = network("types");
    let half = layer(&network, "f16");
    let mut weights = network.weights(&half).unwrap();
    weights[3] = 1e6;
    let error = network.set_weights(&half, &weights).unwrap_err();
    assert_eq!(format!("{error:#}"), "`f16`: 1e6 is too large for F16");
    assert!(network.set_weights(&half, &[0.0; 3]).is_err());
    assert_eq!(network.bytes().unwrap(), file("types"));
}

#[test]
fn numbers_round_to_nearest() {
    let mut network = network("types");
    let step = |bits: i32| 2.0_f32.powi(-bits);
    let cases = [
        ("f16_raw", 1.0 + 0.75 * step(10), 1.0 + step(10)),
        ("bf16_raw", 1.0 + 0.25 * step(7), 1.0),
        ("f64_raw", 1.0 + step(23), 1.0 + step(23)),
    ];
    for (name, value, rounded) in cases {
        let layer = layer(&network, name);
        network.set_weights(&layer, &[value; 15]).unwrap();
        assert_eq!(network.weights(&layer).unwrap(), [rounded; 15], "{name}");
    }
}

/// Every layer gets a bias, whether it had one or not, and keeps it in the file.
#[test]
fn a_bias_is_read_back() {
    for name in NETWORKS {
        for layer in network(name).layers().found {
            let mut network = network(name);
            let others = network
                .layers()
                .found
                .into_iter()
                .filter(|other| other.name != layer.name);
            let others: Vec<_> = others
                .map(|other| (network.bias(&other).unwrap(), other))
                .collect();
            let count = u16::try_from(layer.rows).unwrap();
            for shift in [0.5, 2.0] {
                let bias: Vec<f32> = (0..count).map(|row| f32::from(row) + shift).collect();
                network.set_bias(&layer, &bias).unwrap();
                assert_eq!(
                    network.bias(&layer).unwrap(),
                    Some(bias.clone()),
                    "{name} {}",
                    layer.name
                );
                let folder = tempfile::tempdir().unwrap();
                let path = folder.path().join("new.onnx");
                network.write(&RealDisk, &path).unwrap();
                let written = Network::open(&path).unwrap();
                let again = self::layer(&written, &layer.name);
                assert_eq!(
                    written.bias(&again).unwrap(),
                    Some(bias),
                    "{name} {}",
                    layer.name
                );
            }
            for (bias, other) in &others {
                // The other half of a bias that had not been there is zero.
                let bias = bias
                    .clone()
                    .or_else(|| (other.node == layer.node).then(|| vec![0.0; other.rows]));
                assert_eq!(network.bias(other).unwrap(), bias, "{name} {}", other.name);
            }
        }
    }
}

#[test]
fn a_new_bias_of_a_product_is_added_behind_it() {
    let mut dense = network("dense");
    let c = layer(&dense, "c");
    dense.set_bias(&c, &[1.0, 2.0, 3.0]).unwrap();
    let written = Network::parse(dense.bytes().unwrap()).unwrap();
    let add = &written.nodes()[c.node + 1];
    assert_eq!(
        (add.op_type.as_str(), add.inputs.as_slice()),
        ("Add", names(&["x5_product", "c_bias"]).as_slice())
    );
    assert_eq!(
        (
            add.outputs[0].as_str(),
            written.nodes()[c.node].outputs[0].as_str()
        ),
        ("x5", "x5_product")
    );
    assert_eq!(written.nodes().len(), dense.nodes().len() + 1);
}

#[test]
fn a_shared_bias_stays_for_its_other_readers() {
    let mut shared = network("shared");
    let first = layer(&shared, "twice");
    let mut second = first.clone();
    second.node = first.also[0];
    second
        .output
        .clone_from(&shared.nodes()[second.node].outputs[0]);
    let old = shared.bias(&second).unwrap();
    shared.set_bias(&first, &[9.0; 4]).unwrap();
    assert_eq!(shared.bias(&first).unwrap().unwrap(), [9.0; 4]);
    assert_eq!(shared.bias(&second).unwrap(), old);
}

#[test]
fn external_data_is_copied_unless_it_was_edited() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new.onnx");
    let data = folder.path().join("external.data");
    let mut network = network("external");
    assert_eq!(network.data_files(&self::path("other")).unwrap(), []);
    assert_eq!(
        network.data_files(&path).unwrap(),
        [(self::folder().join("external.data"), data.clone())]
    );
    network.write(&RealDisk, &path).unwrap();
    assert_eq!(
        fs::read(&data).unwrap(),
        fs::read(self::folder().join("external.data")).unwrap()
    );
    fs::remove_file(&data).unwrap();
    let a = layer(&network, "a");
    network.set_weights(&a, &[1.0; 256]).unwrap();
    network.write(&RealDisk, &path).unwrap();
    assert!(!data.exists());
    assert_eq!(
        Network::open(&path).unwrap().weights(&a).unwrap(),
        [1.0; 256]
    );
}

#[test]
fn a_part_is_a_network_with_what_it_needs() {
    let mut dense = network("dense");
    let c = layer(&dense, "c");
    dense.set_weights(&c, &[0.5; 12]).unwrap();
    dense.set_bias(&c, &[1.0; 3]).unwrap();
    let part = dense.part(&names(&["x3"]), &names(&["x5", "x4"])).unwrap();
    let part = Network::parse(part).unwrap();
    let operations: Vec<_> = part
        .nodes()
        .iter()
        .map(|node| node.op_type.as_str())
        .collect();
    assert_eq!(operations, ["Gemm", "MatMul", "Add"]);
    let input = &part.inputs().unwrap()[0];
    assert_eq!(
        (input.name.as_str(), &input.dims),
        ("x3", &Some(vec![None, Some(5)]))
    );
    let outputs: Vec<_> = part
        .outputs()
        .unwrap()
        .into_iter()
        .map(|output| output.name)
        .collect();
    assert_eq!(outputs, ["x5", "x4"]);
    assert_eq!(part.opset(), 17);
    let c = layer(&part, "c");
    assert_eq!(part.weights(&c).unwrap(), [0.5; 12]);
    assert_eq!(part.bias(&c).unwrap().unwrap(), [1.0; 3]);
    let missing = dense.part(&names(&["x5"]), &names(&["x4"])).unwrap_err();
    assert_eq!(
        missing.to_string(),
        "`x` is needed, and not among the inputs"
    );
}

#[test]
fn cuts_divide_every_network_into_parts() {
    for name in NETWORKS {
        let network = network(name);
        let inputs: Vec<_> = network
            .inputs()
            .unwrap()
            .into_iter()
            .map(|input| input.name)
            .collect();
        let outputs: Vec<_> = network
            .outputs()
            .unwrap()
            .into_iter()
            .map(|output| output.name)
            .collect();
        for node in 0..network.nodes().len() {
            let cut = network.live_after(node);
            for (inputs, outputs) in [(&inputs, &cut), (&cut, &outputs)] {
                let part = Network::parse(network.part(inputs, outputs).unwrap()).unwrap();
                let same = |info: Vec<ValueInfo>| {
                    info.into_iter().map(|info| info.name).collect::<Vec<_>>()
                };
                assert_eq!(same(part.inputs().unwrap()), *inputs, "{name}");
                assert_eq!(same(part.outputs().unwrap()), *outputs, "{name}");
            }
        }
    }
}

#[test]
fn a_part_has_external_data_inside() {
    let external = network("external");
    let part = Network::parse(external.part(&names(&["x"]), &names(&["h"])).unwrap()).unwrap();
    let weights = [&external, &part].map(|network| network.weights(&layer(network, "a")).unwrap());
    assert_eq!(weights[0], weights[1]);
}
