"""Writes the networks that the tests read, and `expected.json`: what NumPy says of their weights.

    python3 -m pip install -r requirements.txt
    python3 make_graphs.py              # writes them anew
    python3 make_graphs.py --check      # compares what would be written with what is there
"""

import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto as T
from onnx import helper, numpy_helper

HERE = Path(__file__).parent
CHECK = "--check" in sys.argv
OUT = Path(tempfile.mkdtemp()) if CHECK else HERE
random = np.random.default_rng(1)
expected = {}


def values(*shape):
    """Multiples of 1/8, which all types of floats hold."""
    return (random.integers(-24, 25, shape) / 8).astype(np.float32)


def stored(name, array, data_type=T.FLOAT, raw=True):
    """An initializer of any type of floats, in `raw_data` or in the field of its type."""
    numbers = array.flatten()
    if data_type == T.BFLOAT16:
        numbers = (numbers.view(np.uint32) >> 16).astype(np.uint16)
    elif data_type == T.FLOAT16:
        numbers = numbers.astype(np.float16).view(np.uint16)
    elif data_type == T.DOUBLE:
        numbers = numbers.astype(np.float64)
    tensor = T(name=name, dims=array.shape, data_type=data_type)
    if raw:
        tensor.raw_data = numbers.tobytes()
    else:
        field = {T.FLOAT: "float_data", T.DOUBLE: "double_data"}.get(data_type, "int32_data")
        getattr(tensor, field).extend(numbers.tolist())
    return tensor


def integers(name, *numbers):
    return numpy_helper.from_array(np.array(numbers, np.int64), name)


def node(op, inputs, output, **attributes):
    outputs = output.split() if isinstance(output, str) else output
    return helper.make_node(op, inputs.split(), outputs, name=f"{outputs[0]}_node", **attributes)


class Network:
    def __init__(self, name, opset):
        self.name, self.opset = name, opset
        self.nodes, self.initializers, self.inputs, self.outputs = [], [], [], []
        self.layers, self.left, self.more = [], [], {}

    def input(self, name, *shape, data_type=T.FLOAT):
        self.inputs.append(helper.make_tensor_value_info(name, data_type, shape))

    def output(self, name, data_type=T.FLOAT, shape=None):
        self.outputs.append(helper.make_tensor_value_info(name, data_type, shape))

    def keep(self, *tensors):
        self.initializers += tensors

    def add(self, *arguments, **attributes):
        self.nodes.append(node(*arguments, **attributes))

    def layer(self, name, op, rows, bias=None, also=0, **more):
        """What is expected of a layer: its weights, one row for each output."""
        rows = rows.reshape(len(rows), -1)
        bias = None if bias is None else bias.flatten().tolist()
        self.layers.append(
            dict(name=name, op=op, shape=rows.shape, weights=rows.flatten().tolist(), bias=bias, also=also, **more)
        )

    def write(self, check=True, **options):
        graph = helper.make_graph(self.nodes, self.name, self.inputs, self.outputs, self.initializers)
        opsets = [helper.make_opsetid("", self.opset)] + self.more.pop("opsets", [])
        model = helper.make_model(graph, opset_imports=opsets, ir_version=min(10, 3 + self.opset // 2), **self.more)
        model = onnx.shape_inference.infer_shapes(model)
        path = OUT / f"{self.name}.onnx"
        onnx.save_model(model, path, **options)
        if check:
            onnx.checker.check_model(path, full_check=True)
        expected[self.name] = dict(layers=self.layers, left=self.left)


def dense():
    """`MatMul` with and without bias, `Gemm` of both kinds; two types of storage; batches of any size."""
    net = Network("dense", 17)
    net.input("x", "batch", 6)
    a, a_bias, b, b_bias = values(6, 5), values(5), values(4, 5), values(4)
    c, d, d_bias = values(4, 3), values(3, 7), values(7)
    net.keep(stored("a", a), stored("a_bias", a_bias), stored("b", b, raw=False), stored("b_bias", b_bias, raw=False))
    net.keep(stored("c", c), stored("d", d, raw=False), stored("d_bias", d_bias))
    net.add("MatMul", "x a", "x1")
    net.add("Add", "a_bias x1", "x2")
    net.add("Relu", "x2", "x3")
    net.add("Gemm", "x3 b b_bias", "x4", transB=1)
    net.add("MatMul", "x4 c", "x5")
    net.add("Gemm", "x5 d", "x6")
    net.add("Add", "x6 d_bias", "y")
    net.output("y")
    net.layer("a", "MatMul", a.T, a_bias)
    net.layer("b", "Gemm", b, b_bias)
    net.layer("c", "MatMul", c.T)
    net.layer("d", "Gemm", d.T)
    net.write()


def convolutions(opset):
    net = Network(f"convolutions_{opset}", opset)
    cases = {
        "one": ((4, 2, 3), dict(strides=[2], dilations=[2], pads=[3, 1], group=2), (1, 4, 11)),
        "two": ((4, 3, 2, 3), dict(pads=[0, 1, 2, 3]), (1, 3, 5, 6)),
        "depthwise": ((3, 1, 3, 3), dict(group=3, auto_pad="SAME_UPPER", strides=[2, 2]), (1, 3, 5, 6)),
        "three": ((2, 2, 1, 2, 3), dict(kernel_shape=[1, 2, 3], auto_pad="VALID"), (1, 2, 3, 4, 5)),
    }
    for name, (shape, attributes, input_shape) in cases.items():
        weight, bias = values(*shape), values(shape[0])
        net.input(f"{name}_x", *input_shape)
        net.keep(stored(name, weight))
        with_bias = name in ("two", "depthwise")
        if with_bias:
            net.keep(stored(f"{name}_bias", bias))
        net.add("Conv", f"{name}_x {name}" + f" {name}_bias" * with_bias, f"{name}_y", **attributes)
        net.output(f"{name}_y")
        net.layer(name, "Conv", weight, bias if with_bias else None, attributes=attributes)
    net.write()


def paths(opset):
    """Weights behind nodes that only rearrange them."""
    net = Network(f"paths_{opset}", opset)
    net.input("x", "batch", 6)

    def use(name, weight, seen):
        net.add("MatMul", f"x {weight}", f"{name}_y")
        net.output(f"{name}_y")
        net.layer(name, "MatMul", seen.T)

    def axes(op, inputs, output, numbers):
        if opset < 13:
            net.add(op, inputs, output, axes=numbers)
        else:
            net.keep(integers(f"{output}_axes", *numbers))
            net.add(op, f"{inputs} {output}_axes", output)

    transposed = values(5, 6)
    net.keep(stored("transposed", transposed))
    net.add("Transpose", "transposed", "transposed_1")
    use("transposed", "transposed_1", transposed.T)

    turned = values(2, 6, 3)
    net.keep(stored("turned", turned), integers("turned_shape", 0, -1))
    net.add("Identity", "turned", "turned_1")
    net.add("Transpose", "turned_1", "turned_2", perm=[1, 0, 2])
    net.add("Reshape", "turned_2 turned_shape", "turned_3")
    use("turned", "turned_3", turned.transpose(1, 0, 2).reshape(6, 6))

    squeezed = values(1, 4, 6, 1)
    net.keep(stored("squeezed", squeezed))
    axes("Squeeze", "squeezed", "squeezed_1", [0, -1])
    net.add("Transpose", "squeezed_1", "squeezed_2", perm=[1, 0])
    use("squeezed", "squeezed_2", squeezed.reshape(4, 6).T)

    unsqueezed = values(24)
    net.keep(stored("unsqueezed", unsqueezed, raw=False), integers("unsqueezed_shape", 6, 4))
    axes("Unsqueeze", "unsqueezed", "unsqueezed_1", [0, 2])
    net.add("Reshape", "unsqueezed_1 unsqueezed_shape", "unsqueezed_2")
    use("unsqueezed", "unsqueezed_2", unsqueezed.reshape(6, 4))

    half = values(6, 3)
    net.keep(stored("half", half, T.FLOAT16))
    net.add("Cast", "half", "half_1", to=T.FLOAT)
    use("half", "half_1", half)

    constant = values(6, 2)
    net.add("Constant", "", "constant", value=stored("anything", constant))
    use("constant", "constant", constant)

    if opset > 11:
        floats = values(6, 2)
        net.add("Constant", "", "floats", value_floats=floats.flatten().tolist())
        net.add("Constant", "", "floats_shape", value_ints=[6, 2])
        net.add("Reshape", "floats floats_shape", "floats_1")
        use("floats", "floats_1", floats)
    net.write()


def types():
    net = Network("types", 22)
    kinds = dict(f16=T.FLOAT16, bf16=T.BFLOAT16, f64=T.DOUBLE)
    for name, data_type in kinds.items():
        net.input(f"x_{name}", 2, 5, data_type=data_type)
        for raw in (True, False):
            weight = values(5, 3)
            full = f"{name}_raw" if raw else name
            net.keep(stored(full, weight, data_type, raw))
            net.add("MatMul", f"x_{name} {full}", f"{full}_y")
            net.output(f"{full}_y", data_type)
            net.layer(full, "MatMul", weight.T)
    net.write()


def recurrent():
    net = Network("recurrent", 14)
    net.input("x", 4, 1, 3)
    hidden = 2
    for name, op, gates, directions in (("l", "LSTM", 4, 2), ("g", "GRU", 3, 1)):
        w, r = values(directions, gates * hidden, 3), values(directions, gates * hidden, hidden)
        b = values(directions, 2 * gates * hidden)
        net.keep(stored(f"{name}_w", w), stored(f"{name}_r", r))
        bias = op == "LSTM"
        if bias:
            net.keep(stored(f"{name}_b", b))
        direction = "bidirectional" if directions == 2 else "reverse"
        net.add(op, f"x {name}_w {name}_r" + f" {name}_b" * bias, f"{name}_y", hidden_size=hidden, direction=direction)
        net.output(f"{name}_y")
        for matrix, weight, start in (("w", w, 0), ("r", r, gates * hidden)):
            for at, suffix in enumerate((".forward", ".backward") if directions == 2 else ("",)):
                own = b[at, start : start + gates * hidden] if bias else None
                net.layer(f"{name}_{matrix}{suffix}", op, weight[at], own)
    net.write()


def external():
    """One of two weights is in a file beside the model."""
    net = Network("external", 17)
    net.input("x", "batch", 16)
    a, b = values(16, 16), values(16, 2)
    net.keep(stored("a", a), stored("b", b))
    net.add("MatMul", "x a", "h")
    net.add("MatMul", "h b", "y")
    net.output("y")
    net.layer("a", "MatMul", a.T)
    net.layer("b", "MatMul", b.T)
    (OUT / "external.data").unlink(missing_ok=True)
    net.write(save_as_external_data=True, location="external.data", size_threshold=1000)


def shared():
    """Weights with several readers."""
    net = Network("shared", 17)
    net.input("x", 2, 4)
    net.input("tokens", 3, data_type=T.INT64)
    twice, tied, output = values(4, 4), values(7, 4), values(4, 2)
    two_ways, bias = values(4, 4), values(4)
    net.keep(stored("twice", twice), stored("tied", tied), stored("output", output))
    net.keep(stored("two_ways", two_ways), stored("bias", bias))
    net.add("MatMul", "x twice", "x1")
    net.add("Add", "x1 bias", "x2")
    net.add("MatMul", "x2 twice", "x3")
    net.add("Add", "x3 bias", "x4")
    net.add("Gather", "tied tokens", "embedded")
    net.add("Transpose", "tied", "tied_1")
    net.add("MatMul", "x4 tied_1", "logits")
    net.add("MatMul", "embedded output", "other")
    net.add("MatMul", "x4 two_ways", "x5")
    net.add("Gemm", "x5 two_ways", "x6", transB=1)
    for name in ("logits", "other", "x6"):
        net.output(name)
    net.output("output", shape=output.shape)
    net.layer("twice", "MatMul", twice.T, bias, also=1)
    net.left = ["output", "tied", "two_ways"]
    net.write()


def odd():
    """What is left: weights on the left, of three dimensions, computed, quantized, or with a factor."""
    net = Network("odd", 17)
    net.input("x", 4, 4)
    net.input("z", 4, 4)
    net.keep(stored("left", values(4, 4)), stored("batched", values(2, 4, 4)), stored("computed", values(4, 4)))
    net.keep(numpy_helper.from_array(np.ones((4, 4), np.int8), "quantized"), stored("scale", np.float32([0.5])[0]))
    net.keep(stored("scaled", values(4, 4)))
    net.add("MatMul", "left x", "a")
    net.add("MatMul", "x batched", "b")
    net.add("Mul", "computed scale", "computed_1")
    net.add("MatMul", "x computed_1", "c")
    net.add("DequantizeLinear", "quantized scale", "dequantized")
    net.add("MatMul", "x dequantized", "d")
    net.add("Gemm", "x scaled", "e", alpha=2.0)
    net.add("MatMul", "x z", "f")
    net.more = dict(
        functions=[helper.make_function("local", "double", ["v"], ["w"], [node("Add", "v v", "w")], [helper.make_opsetid("", 17)])],
        opsets=[helper.make_opsetid("local", 1)],
    )
    net.nodes.append(helper.make_node("double", ["f"], ["g"], domain="local"))
    for name in "abcdeg":
        net.output(name)
    net.left = ["a_node", "b_node", "c_node", "d_node", "e_node", "f_node", "g"]
    net.write()


def bodies():
    """An `If` whose bodies have weights and capture values; the nodes are in the wrong order."""
    net = Network("bodies", 16)
    net.input("x", 2, 4)
    net.input("condition", data_type=T.BOOL)
    outer, captured, inner = values(4, 4), values(4, 4), values(4, 4)
    net.keep(stored("outer", outer), stored("captured", captured))

    def body(name, weight, initializers):
        nodes = [node("MatMul", f"h {weight}", f"{name}_y")]
        made = [helper.make_tensor_value_info(f"{name}_y", T.FLOAT, None)]
        return helper.make_graph(nodes, name, [], made, initializers)

    bodies = dict(then_branch=body("then", "inner", [stored("inner", inner)]), else_branch=body("else", "captured", []))
    net.add("Relu", "chosen", "y")
    net.add("If", "condition", "chosen", **bodies)
    net.add("MatMul", "x outer", "h")
    net.add("MatMul", "h captured", "other")
    net.output("y")
    net.output("other")
    net.layer("outer", "MatMul", outer.T)
    net.left = ["then_y_node", "else_y_node", "captured"]
    net.write(check=False)


def images():
    """Convolutions before a max pooling, in groups and by depth, whose kernels are those of their weights; then a product."""
    net = Network("images", 17)
    net.input("x", "batch", 2, 6, 6)
    whole, bias, groups = values(4, 2, 3, 3), values(4), values(6, 2, 2, 2)
    depth, classes, class_bias = values(6, 1, 2, 2), values(3, 6), values(3)
    net.keep(stored("whole", whole), stored("bias", bias), stored("groups", groups))
    net.keep(stored("depth", depth), stored("classes", classes), stored("class_bias", class_bias))
    net.add("Conv", "x whole bias", "x1", pads=[1, 1, 1, 1])
    net.add("Relu", "x1", "x2")
    net.add("MaxPool", "x2", "x3", kernel_shape=[2, 2], strides=[2, 2])
    net.add("Conv", "x3 groups", "x4", group=2)
    net.add("Conv", "x4 depth", "x5", group=6, auto_pad="VALID")
    net.add("Flatten", "x5", "x6")
    net.add("Gemm", "x6 classes class_bias", "y", transB=1)
    net.output("y")
    net.layer("whole", "Conv", whole, bias, attributes={"pads": [1, 1, 1, 1]})
    net.layer("groups", "Conv", groups, attributes={"group": 2})
    net.layer("depth", "Conv", depth, attributes={"group": 6, "auto_pad": "VALID"})
    net.layer("classes", "Gemm", classes, class_bias)
    net.write()


def sequences():
    """Recurrent nodes of the kind that engines run: steps first, any number of sequences."""
    net = Network("sequences", 14)
    net.input("x", 5, "batch", 3)
    l_w, l_r, l_b = values(2, 8, 3), values(2, 8, 2), values(2, 16)
    g_w, g_r = values(1, 6, 3), values(1, 6, 2)
    net.keep(stored("l_w", l_w), stored("l_r", l_r), stored("l_b", l_b), stored("g_w", g_w), stored("g_r", g_r))
    net.add("LSTM", "x l_w l_r l_b", "l_y", hidden_size=2, direction="bidirectional")
    net.add("GRU", "x g_w g_r", "g_y", hidden_size=2, linear_before_reset=1)
    for name in ("l_y", "g_y"):
        net.output(name)
    for at, direction in enumerate((".forward", ".backward")):
        net.layer(f"l_w{direction}", "LSTM", l_w[at], l_b[at, :8])
        net.layer(f"l_r{direction}", "LSTM", l_r[at], l_b[at, 8:])
    net.layer("g_w", "GRU", g_w[0])
    net.layer("g_r", "GRU", g_r[0])
    net.write()


def sums():
    """Layers whose outputs are added to other values, as those behind a shortcut."""
    net = Network("sums", 17)
    net.input("x", "batch", 2, 4, 4)
    before, inner, bias = values(4, 2, 1, 1), values(4, 2, 3, 3), values(4)
    first, second, dense, twice = values(4, 4, 1, 1), values(4, 4, 1, 1), values(4, 4), values(4, 4)
    net.keep(stored("before", before), stored("inner", inner), stored("bias", bias), stored("first", first))
    dense_bias = values(4)
    net.keep(stored("second", second), stored("dense", dense), stored("dense_bias", dense_bias), stored("twice", twice))
    net.add("Conv", "x before", "x1")
    net.add("Relu", "x1", "x2")
    net.add("Conv", "x2 inner bias", "x3", pads=[1, 1, 1, 1], group=2)
    net.add("Add", "x1 x3", "x4")
    net.add("Conv", "x4 first", "x5")
    net.add("Conv", "x4 second", "x6")
    net.add("Add", "x6 x5", "x7")
    net.add("GlobalAveragePool", "x7", "x8")
    net.add("Flatten", "x8", "x9")
    net.add("MatMul", "x9 dense", "x10")
    net.add("Add", "dense_bias x10", "x11")
    net.add("Add", "x11 x9", "x12")
    net.add("MatMul", "x12 twice", "x13")
    net.add("Add", "x13 x12", "x14")
    net.add("Mul", "x13 x14", "y")
    net.output("y")
    net.layer("before", "Conv", before)
    net.layer("inner", "Conv", inner, bias, attributes={"pads": [1, 1, 1, 1], "group": 2}, summand="x1")
    net.layer("first", "Conv", first)
    net.layer("second", "Conv", second, summand="x5")
    net.layer("dense", "MatMul", dense.T, dense_bias, summand="x9")
    net.layer("twice", "MatMul", twice.T)
    net.write()


dense()
for version in (9, 13):
    convolutions(version)
for version in (9, 12, 13):
    paths(version)
types()
recurrent()
external()
shared()
odd()
bodies()
images()
sequences()
sums()
lines = (f"{json.dumps(name)}: {json.dumps(network)}" for name, network in expected.items())
(OUT / "expected.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")
if CHECK:
    different = [path.name for path in OUT.iterdir() if path.read_bytes() != (HERE / path.name).read_bytes()]
    sys.exit(f"not what is there: {different}" if different else 0)
