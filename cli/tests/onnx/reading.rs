//! What is read of a network.

use serde_json::json;
use ternarize_cli::onnx::{AutoPad, Cell, Convolution, DataType, Kind, Matrix};

use crate::networks::{NETWORKS, expected, floats, layer, names, network};

#[test]
fn layers_are_those_of_numpy() {
    for name in NETWORKS {
        let network = network(name);
        let layers = network.layers();
        let expected = expected(name);
        let wanted = expected["layers"].as_array().unwrap();
        // The two matrices of a recurrent node come in the order of the node's inputs in one of them, and by name in the other.
        let mut found: Vec<_> = layers.found.iter().map(|layer| &layer.name).collect();
        let mut all: Vec<_> = wanted
            .iter()
            .map(|layer| layer["name"].as_str().unwrap())
            .collect();
        found.sort();
        all.sort_unstable();
        assert_eq!(found, all, "{name}");
        for wanted in wanted {
            let mut found = layers.found.iter();
            let layer = found
                .find(|layer| wanted["name"] == layer.name.as_str())
                .unwrap();
            let node = &network.nodes()[layer.node];
            assert_eq!(json!(node.op_type), wanted["op"], "{name}");
            assert_eq!(
                json!([layer.rows, layer.columns]),
                wanted["shape"],
                "{name} {}",
                layer.name
            );
            assert_eq!(
                network.weights(layer).unwrap(),
                floats(&wanted["weights"]),
                "{name} {}",
                layer.name
            );
            let bias = (!wanted["bias"].is_null()).then(|| floats(&wanted["bias"]));
            assert_eq!(network.bias(layer).unwrap(), bias, "{name} {}", layer.name);
            assert_eq!(
                json!(layer.also.len()),
                wanted["also"],
                "{name} {}",
                layer.name
            );
            assert_eq!(
                network.summand(layer),
                wanted["summand"].as_str(),
                "{name} {}",
                layer.name
            );
            assert_eq!(
                [&layer.input, &layer.output],
                [&node.inputs[0], &node.outputs[0]]
            );
        }
        let mut left: Vec<_> = layers.left.iter().map(|(name, _)| name.as_str()).collect();
        let mut wanted: Vec<_> = expected["left"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|name| name.as_str())
            .collect();
        left.sort_unstable();
        wanted.sort_unstable();
        assert_eq!(left, wanted, "{name}: {:?}", layers.left);
    }
}

#[test]
fn reasons_say_why_a_weight_is_left() {
    let reason = |file: &str, name: &str| {
        let left = network(file).layers().left;
        let found = left.into_iter().find(|(left, _)| left == name).unwrap();
        found.1
    };
    assert_eq!(
        reason("odd", "a_node"),
        "its weights are on the left: given by an input of the network"
    );
    assert_eq!(reason("odd", "b_node"), "its weights have 3 dimensions");
    assert_eq!(
        reason("odd", "c_node"),
        "its weights are not constant floats: computed by `Mul`"
    );
    assert_eq!(
        reason("odd", "d_node"),
        "its weights are not constant floats: quantized already"
    );
    assert_eq!(reason("odd", "e_node"), "it has a factor");
    assert_eq!(
        reason("odd", "f_node"),
        "its weights are not constant floats: given by an input of the network"
    );
    assert_eq!(reason("odd", "g"), "it is a call of a local function");
    assert_eq!(
        reason("shared", "tied"),
        "it is read by `embedded_node` (Gather) too"
    );
    assert_eq!(
        reason("shared", "output"),
        "it is an output of the network too"
    );
    assert_eq!(
        reason("shared", "two_ways"),
        "`x6_node` uses it in another way"
    );
    assert_eq!(
        reason("bodies", "then_y_node"),
        "it is in a body of `chosen_node` (If)"
    );
    assert_eq!(
        reason("bodies", "captured"),
        "it is read by `chosen_node` (If) too"
    );
}

#[test]
fn parameters_of_convolutions_are_read() {
    for name in ["convolutions_9", "convolutions_13"] {
        let network = network(name);
        let convolution = |name| match layer(&network, name).kind {
            Kind::Conv(convolution) => convolution,
            other => panic!("{other:?}"),
        };
        let one = Convolution {
            groups: 2,
            depthwise: false,
            kernel: vec![3],
            strides: vec![2],
            dilations: vec![2],
            begin: vec![3],
            end: vec![1],
            auto_pad: AutoPad::NotSet,
        };
        assert_eq!(convolution("one"), one);
        let two = convolution("two");
        assert_eq!(
            (two.groups, two.kernel, two.begin, two.end),
            (1, vec![2, 3], vec![0, 1], vec![2, 3])
        );
        let depthwise = convolution("depthwise");
        assert!(depthwise.depthwise);
        assert_eq!(
            (depthwise.strides, depthwise.auto_pad),
            (vec![2, 2], AutoPad::SameUpper)
        );
        let three = convolution("three");
        assert_eq!(
            (three.kernel, three.auto_pad),
            (vec![1, 2, 3], AutoPad::Valid)
        );
    }
}

#[test]
fn directions_and_matrices_of_recurrent_nodes_are_read() {
    let network = network("recurrent");
    let kind = |name| layer(&network, name).kind;
    let backward = Kind::Recurrent {
        cell: Cell::Lstm,
        matrix: Matrix::Hidden,
        direction: 1,
        directions: 2,
    };
    assert_eq!(kind("l_r.backward"), backward);
    let gru = Kind::Recurrent {
        cell: Cell::Gru,
        matrix: Matrix::Input,
        direction: 0,
        directions: 1,
    };
    assert_eq!(kind("g_w"), gru);
}

#[test]
fn inputs_outputs_and_constants_are_described() {
    let dense = network("dense");
    let [input] = dense.inputs().unwrap().try_into().unwrap();
    assert_eq!(
        (input.name.as_str(), input.data_type),
        ("x", Some(DataType::F32))
    );
    assert_eq!(input.dims, Some(vec![None, Some(6)]));
    let [output] = dense.outputs().unwrap().try_into().unwrap();
    assert_eq!(
        (output.name.as_str(), output.dims),
        ("y", Some(vec![None, Some(7)]))
    );
    assert_eq!(dense.opset(), 17);
    let bias = dense.constant("a_bias").unwrap().unwrap();
    assert_eq!(
        (bias.dims.as_slice(), bias.data_type),
        ([5].as_slice(), DataType::F32)
    );
    assert!(dense.constant("x").unwrap().is_none());
    let paths = network("paths_12");
    let shape = paths.constant("floats_shape").unwrap().unwrap();
    assert_eq!(
        (shape.dims.as_slice(), shape.integers().unwrap()),
        ([2].as_slice(), vec![6, 2])
    );
    assert_eq!(shape.doubles().unwrap(), [6.0, 2.0]);
    assert!(shape.floats().is_err());
}

#[test]
fn nodes_are_in_an_order_in_which_they_can_run() {
    let network = network("bodies");
    let order: Vec<_> = network
        .nodes()
        .iter()
        .map(|node| node.outputs[0].as_str())
        .collect();
    assert_eq!(order, ["h", "chosen", "y", "other"]);
    assert_eq!(network.nodes()[1].captured, ["h", "captured"]);
}

#[test]
fn a_cut_is_what_later_nodes_need() {
    let dense = network("dense");
    let cuts: Vec<_> = (0..dense.nodes().len())
        .map(|node| dense.live_after(node))
        .collect();
    assert_eq!(
        cuts,
        [["x1"], ["x2"], ["x3"], ["x4"], ["x5"], ["x6"], ["y"]]
    );
    let bodies = network("bodies");
    // The body of `If` reads `h`; what is constant is no part of a cut.
    assert_eq!(bodies.live_after(0), ["condition", "h"]);
    assert_eq!(bodies.live_after(1), ["h", "chosen"]);
    let paths = network("paths_9");
    assert_eq!(paths.live_after(0), names(&["x"]));
}
