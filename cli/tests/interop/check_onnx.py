"""onnxruntime runs the networks that the tool writes.

`--to onnx`: what onnxruntime computes is what NumPy computes, the weights are those of `--to safetensors`, and the errors are those that
`ternarize evaluate` states. `--to onnx-int2`: the same outputs as `--to onnx`, up to the rounding of sums; a file with one wrong scale
must not pass.
"""

import json
import sys

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from common import ROOT, check, check_equal, finish, folder, tool

sys.path.insert(0, str(ROOT / "tests" / "golden"))
import safetensors_check  # noqa: E402

GRAPHS = ROOT / "cli" / "tests" / "onnx"
DATA = ROOT / "cli" / "data"
# Sums of f32 in another order.
TOLERANCE = 2e-5
# The layers that become the operator.
PRODUCTS = {"dense": 4, "shared": 1, "paths_13": 7, "convolutions_13": 0}
rng = np.random.default_rng(3)


def wide(path):
    """A network whose rows are several blocks, the last one not full."""
    float_value = lambda name, *shape: helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)
    normal = lambda name, *shape: numpy_helper.from_array(rng.standard_normal(shape, dtype=np.float32), name)
    nodes = [
        helper.make_node("MatMul", ["x", "first"], ["h"]),
        helper.make_node("Relu", ["h"], ["r"]),
        helper.make_node("Gemm", ["r", "second", "bias"], ["y"], transB=1),
    ]
    initializers = [normal("first", 700, 300), normal("second", 50, 300), normal("bias", 50)]
    graph = helper.make_graph(nodes, "wide", [float_value("x", "batch", 700)], [float_value("y", None, None)], initializers)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)


def random_inputs(path):
    """Values for the inputs of a network."""
    inputs = {}
    for value in onnx.load(path).graph.input:
        kind = value.type.tensor_type
        shape = [extent.dim_value or 3 for extent in kind.shape.dim]
        dtype = helper.tensor_dtype_to_np_dtype(kind.elem_type)
        values = rng.integers(0, 4, shape) if dtype == np.int64 else rng.standard_normal(shape)
        inputs[value.name] = values.astype(dtype)
    return inputs


def run(path, inputs):
    """What onnxruntime computes: {name: array}."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, inputs)))


def distance(ours, theirs):
    """The largest difference of two {name: array}, relative to the largest value."""
    pairs = [(ours[name].astype(np.float64), theirs[name].astype(np.float64)) for name in theirs]
    if any(one.shape != other.shape for one, other in pairs):
        return np.inf
    return max(np.abs(one - other).max() / np.abs(other).max() for one, other in pairs)


def check_near(what, ours, theirs):
    found = distance(ours, theirs)
    check(what, found <= TOLERANCE, f"difference {found:.1e}")


def write(name, model, work, *options):
    """The paths of a network in the three forms of the output, made in the same way."""
    forms = {"onnx": "onnx", "onnx-int2": "onnx", "safetensors": "safetensors"}
    paths = [work / f"{name}-{form}.{ending}" for form, ending in forms.items()]
    for form, path in zip(forms, paths):
        tool("quantize", model, "-o", path, "--to", form, "--quiet", *options)
    return paths


def check_int2(name, restored, int2, inputs, products):
    """The operator computes what the floats compute, in fewer bytes; with a wrong scale it does not."""
    expected = run(restored, inputs)
    check_near(f"{name}: outputs of onnx-int2 and of onnx", run(int2, inputs), expected)
    model = onnx.load(int2)
    operators = [node for node in model.graph.node if node.op_type == "MatMulNBits"]
    # The planes of a layer share their zero points.
    layers = {node.input[3] for node in operators}
    check(f"{name}: layers that are the operator", len(layers) == products, f"{len(layers)}, {len(operators)} nodes")
    if not products:
        return
    stored = {tensor.name: tensor for tensor in model.graph.initializer}
    scales = stored[operators[0].input[2]]
    values = numpy_helper.to_array(scales).copy()
    values[np.unravel_index(np.abs(values).argmax(), values.shape)] *= 2
    scales.CopyFrom(numpy_helper.from_array(values, scales.name))
    damaged = int2.with_name(f"{int2.stem}-damaged.onnx")
    onnx.save(model, damaged)
    found = distance(run(damaged, inputs), expected)
    check(f"{name}: a wrong scale is noticed", found > TOLERANCE, f"difference {found:.1e}")


def check_weights(name, restored, ternary, transposed):
    """The restored weights, and all other constants, are those that NumPy rebuilds from our layout."""
    rebuilt = {row[0]: row[2].astype(np.float32) for row in safetensors_check.read(ternary)}
    written = {tensor.name: numpy_helper.to_array(tensor) for tensor in onnx.load(restored).graph.initializer}
    turned = {key: values.T if key in transposed else values for key, values in written.items()}
    shaped = {key: rebuilt[key].reshape(turned[key].shape) for key in turned}
    check_equal(f"{name}: constants of onnx and of safetensors", turned, shaped)


def check_small(work):
    """The networks of the tests."""
    for name, products in PRODUCTS.items():
        model = GRAPHS / f"{name}.onnx"
        restored, int2, _ = write(name, model, work, "--bits", "32")
        inputs = random_inputs(model)
        theirs = dict(zip(run(restored, inputs), ReferenceEvaluator(str(restored)).run(None, inputs)))
        check_near(f"{name}: outputs of onnxruntime and of NumPy", run(restored, inputs), theirs)
        check_int2(name, restored, int2, inputs, products)


def check_wide(work):
    """Few and many planes of long rows."""
    model = work / "wide.onnx"
    wide(model)
    inputs = random_inputs(model)
    for bits in ("1.75", "5"):
        name = f"wide-{bits}"
        restored, int2, ternary = write(name, model, work, "--bits", bits)
        check_int2(name, restored, int2, inputs, 2)
        check_weights(name, restored, ternary, {"first"})
        sizes = int2.stat().st_size, restored.stat().st_size
        check(f"{name}: bytes of onnx-int2 and of onnx", sizes[0] * 32 < sizes[1] * (1.5 * float(bits) + 1), f"{sizes[0]} and {sizes[1]}")


def check_digits(work):
    """A network calibrated, with its accuracy."""
    model, plan = DATA / "digits.onnx", work / "plan.toml"
    calibrated = ("--calibrate", DATA / "digits-calibration.npz")
    tool("quantize", model, "-o", work / "none.onnx", "--to", "onnx-int2", "--quiet", f"--dry-run={plan}", "--bits", "3", *calibrated)
    restored, int2, ternary = write("digits", model, work, f"--plan={plan}", *calibrated)
    inputs = dict(np.load(DATA / "digits-test.npz"))
    check_int2("digits", restored, int2, inputs, 1)
    check_weights("digits", restored, ternary, set())
    data = ("--inputs", DATA / "digits-test.npz", "--labels", DATA / "digits-labels.npy", "--json")
    [before], [after] = run(model, inputs).values(), run(restored, inputs).values()
    labels = np.load(DATA / "digits-labels.npy")
    right = [float((scores.argmax(1) == labels).mean()) for scores in (before, after)]
    error = np.square(after - before).sum() / np.square(before).sum()
    for other in (restored, ternary):
        said = json.loads(tool("evaluate", model, "--against", other, *data))
        [output] = said["other"]["outputs"].values()
        check(f"{other.name}: accuracy by onnxruntime and by evaluate", right == [said["accuracy"], said["other"]["accuracy"]], f"{right}")
        check(f"{other.name}: error by onnxruntime and by evaluate", abs(output["relative_error"] / error - 1) < 1e-3, f"{error:.6f}")


def main():
    """Runs all comparisons."""
    work = folder("onnx")
    check_small(work)
    check_wide(work)
    check_digits(work)
    finish()


if __name__ == "__main__":
    main()
