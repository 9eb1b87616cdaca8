//! Layers as the 2-bit operator, decoded number by number as its description says.

use std::collections::HashSet;

use proptest::prelude::*;
use ternarize::ScaleType;
use ternarize::quantize::planes::Planes;
use ternarize::tensor::{Grouping, TensorView, TernaryTensor};
use ternarize_cli::onnx::{Layer, Network, Node, int2_bytes};

use crate::networks::{NETWORKS, file, network};
use crate::wire::{changed, graph, integer, put, text};

/// A ternary layer.
fn ternary(network: &Network, layer: &Layer, planes: usize) -> TernaryTensor {
    let weights = network.weights(layer).unwrap();
    let view = TensorView::new(&weights, &[layer.rows, layer.columns]).unwrap();
    let options = Planes::new(planes).scale_type(ScaleType::F16);
    TernaryTensor::ternarize_planes(&view, Grouping::OUTPUT_CHANNEL, &options).unwrap()
}

/// The network with all its layers in so many planes as the operator.
fn int2(network: &Network, planes: usize) -> (Vec<(Layer, TernaryTensor)>, Network) {
    let layers = network.layers().found.into_iter();
    let made: Vec<_> = layers
        .map(|layer| {
            let tensor = ternary(network, &layer, planes);
            (layer, tensor)
        })
        .collect();
    let tensors = made
        .iter()
        .map(|(layer, tensor)| (layer.name.as_str(), tensor));
    let written = network.with_int2(tensors).unwrap();
    (made, written)
}

/// The bytes of an initializer.
fn raw(network: &Network, name: &str) -> Vec<u8> {
    let tensor = network.dense_constant(name).unwrap().unwrap();
    tensor.as_bytes().to_vec()
}

/// Adds the weights of an operator.
fn add_weights(network: &Network, node: &Node, weights: &mut [f64]) {
    let attribute = |name| usize::try_from(node.integer(name).unwrap()).unwrap();
    assert_eq!(attribute("bits"), 2);
    let (rows, columns, size) = (attribute("N"), attribute("K"), attribute("block_size"));
    assert_eq!(weights.len(), rows * columns);
    let blocks = columns.div_ceil(size);
    let [codes, scales, zero_points] = [1, 2, 3].map(|input| raw(network, &node.inputs[input]));
    let lens = [codes.len(), scales.len(), zero_points.len()];
    assert_eq!(
        lens,
        [
            rows * blocks * size / 4,
            rows * blocks * 4,
            rows * blocks.div_ceil(4)
        ]
    );
    let two_bits =
        |bytes: &[u8], place: usize| f64::from(bytes[place / 4] >> (2 * (place % 4)) & 3);
    for row in 0..rows {
        for place in 0..blocks * size {
            let block = row * blocks + place / size;
            let scale = f32::from_le_bytes(scales[4 * block..][..4].try_into().unwrap());
            let code = two_bits(&codes, row * blocks * size + place);
            let zero = two_bits(&zero_points[row * blocks.div_ceil(4)..], place / size);
            let weight = (code - zero) * f64::from(scale);
            if place < columns {
                weights[row * columns + place] += weight;
            } else {
                assert_eq!(code.to_bits(), zero.to_bits());
            }
        }
    }
}

/// The weights that are multiplied with an input to give an output: those of all operators whose sum it is.
#[expect(clippy::cast_possible_truncation, reason = "rounds to nearest")]
fn weights(network: &Network, layer: &Layer, node: &Node) -> Vec<f32> {
    let mut sums = vec![0.0; layer.rows * layer.columns];
    let mut values = vec![node.outputs[0].as_str()];
    while let Some(value) = values.pop() {
        let maker = network.nodes().iter().find(|node| node.outputs[0] == value);
        // A bias has none.
        match maker.filter(|maker| maker.inputs[0] == node.inputs[0] || maker.is("Add")) {
            Some(maker) if maker.is("Add") => {
                values.extend(maker.inputs.iter().map(String::as_str));
            }
            Some(maker) => {
                assert_eq!(
                    (maker.op_type.as_str(), maker.domain.as_str()),
                    ("MatMulNBits", "com.microsoft")
                );
                add_weights(network, maker, &mut sums);
            }
            None => assert_eq!(Some(value), node.inputs.get(2).map(String::as_str)),
        }
    }
    sums.into_iter().map(|weight| weight as f32).collect()
}

#[test]
fn the_operators_have_the_weights() {
    let mut held = 0;
    for name in NETWORKS {
        let network = network(name);
        for planes in 1..=3 {
            let (made, written) = int2(&network, planes);
            let made = made
                .iter()
                .filter(|(layer, tensor)| network.holds_int2(layer, tensor));
            for (layer, tensor) in made {
                for &node in core::iter::once(&layer.node).chain(&layer.also) {
                    let found = weights(&written, layer, &network.nodes()[node]);
                    assert_eq!(found, tensor.dequantize::<f32>(), "{name} {}", layer.name);
                    held += 1;
                }
            }
        }
    }
    assert!(held > 60, "{held}");
}

/// Only what held a weight goes, and whatever is read is there.
#[test]
fn the_rest_of_the_file_is_kept() {
    for name in NETWORKS {
        let network = network(name);
        let (made, written) = int2(&network, 2);
        let held: Vec<_> = made
            .iter()
            .filter(|(layer, tensor)| network.holds_int2(layer, tensor))
            .collect();
        let bytes = written.bytes().unwrap();
        let [old, new] = [file(name), bytes.clone()].map(|model| graph(&model));
        if held.is_empty() {
            assert_eq!(bytes, file(name), "{name}");
            continue;
        }
        let imports = changed(&new.1, &old.1);
        assert_eq!(imports.len(), 1, "{name}");
        assert_eq!(
            (imports[0].0, text(&imports[0].1, 1).as_str()),
            (8, "com.microsoft")
        );
        assert_eq!(changed(&old.1, &new.1), [], "{name}");
        let constants: HashSet<&str> = held.iter().map(|(layer, _)| layer.constant()).collect();
        let products: Vec<_> = held
            .iter()
            .flat_map(|(layer, _)| core::iter::once(&layer.node).chain(&layer.also))
            .collect();
        let mut replaced = 0;
        for (number, gone) in changed(&old.0, &new.0) {
            match number {
                1 => {
                    let op = text(&gone, 4);
                    replaced += usize::from(op == "MatMul" || op == "Gemm");
                    let moves = [
                        "Cast",
                        "Identity",
                        "Reshape",
                        "Squeeze",
                        "Transpose",
                        "Unsqueeze",
                    ];
                    let constant = op == "Constant" && constants.contains(text(&gone, 2).as_str());
                    assert!(
                        constant || op == "MatMul" || op == "Gemm" || moves.contains(&op.as_str()),
                        "{name} {op}"
                    );
                }
                5 => assert!(constants.contains(text(&gone, 8).as_str()), "{name}"),
                13 => {
                    let value = text(&gone, 1);
                    let mut nodes = written.nodes().iter();
                    assert!(
                        !nodes.any(|node| node.inputs.contains(&value)),
                        "{name} {value}"
                    );
                }
                _ => panic!("{name}: field {number} is gone"),
            }
        }
        assert_eq!(replaced, products.len(), "{name}");
        let mut known: HashSet<String> = written
            .constant_names()
            .into_iter()
            .map(Into::into)
            .collect();
        assert!(
            constants.iter().all(|constant| !known.contains(*constant)),
            "{name}"
        );
        known.extend(
            written
                .inputs()
                .unwrap()
                .into_iter()
                .map(|input| input.name),
        );
        for node in written.nodes() {
            for input in node.inputs.iter().filter(|input| !input.is_empty()) {
                assert!(known.contains(input), "{name} `{input}`");
            }
            known.extend(node.outputs.iter().cloned());
        }
    }
}

/// A layer with an added bias is edited before.
#[test]
fn an_added_bias_stays() {
    let mut network = network("dense");
    let layer = network
        .layers()
        .found
        .into_iter()
        .find(|layer| layer.name == "c")
        .unwrap();
    assert_eq!(network.bias(&layer).unwrap(), None);
    network.set_bias(&layer, &[1.0, 2.0, 3.0]).unwrap();
    let tensor = ternary(&network, &layer, 1);
    let written = network.with_int2([("c", &tensor)]).unwrap();
    let add = written
        .nodes()
        .iter()
        .find(|node| node.outputs[0] == layer.output)
        .unwrap();
    let [product, bias] = &add.inputs[..] else {
        panic!("{add:?}")
    };
    assert_eq!(
        raw(&written, bias),
        [1.0_f32, 2.0, 3.0].map(f32::to_le_bytes).concat()
    );
    let product = written
        .nodes()
        .iter()
        .find(|node| node.outputs[0] == *product)
        .unwrap();
    assert_eq!(product.op_type, "MatMulNBits");
}

/// A network of one product, whose weight is also described as an input, as old exporters do.
fn product(rows: usize, columns: usize, weights: &[f32]) -> Network {
    let node = [put(1, b"x"), put(1, b"w"), put(2, b"y"), put(4, b"MatMul")].concat();
    let mut transposed = Vec::new();
    for column in 0..columns {
        for row in 0..rows {
            transposed.extend(weights[row * columns + column].to_le_bytes());
        }
    }
    let tensor = [
        integer(1, columns),
        integer(1, rows),
        integer(2, 1),
        put(8, b"w"),
        put(9, &transposed),
    ];
    let described = [b"x", b"w"].map(|name| put(11, &put(1, name)));
    let graph = [
        put(1, &node),
        put(5, &tensor.concat()),
        described.concat(),
        put(12, &put(1, b"y")),
    ];
    let opset = put(8, &integer(2, 17));
    Network::parse([opset, put(7, &graph.concat())].concat()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Rows of many blocks, filled up or not.
    #[test]
    fn any_row_is_held(rows in 1_usize..5, columns in 2_usize..700, planes in 1_usize..4, seed in 1_u32..1000) {
        let mut state = seed;
        let weights: Vec<f32> = core::iter::repeat_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            f32::from(u16::try_from(state >> 20).unwrap()) / 2048.0 - 1.0
        }).take(rows * columns).collect();
        let network = product(rows, columns, &weights);
        let (made, written) = int2(&network, planes);
        let (layer, tensor) = &made[0];
        prop_assert_eq!(self::weights(&written, layer, &network.nodes()[0]), tensor.dequantize::<f32>());
        let names = written.inputs().unwrap().into_iter().map(|input| input.name);
        prop_assert_eq!(names.collect::<Vec<_>>(), ["x"]);
        let stored: usize = written.constant_names().iter().map(|name| raw(&written, name).len()).sum();
        prop_assert_eq!(stored, int2_bytes(layer, planes));
    }
}
