"""Writes ONNX graphs node by node."""

import numpy as np
import onnx
from onnx import helper, numpy_helper


class Graph:
    """A graph that is being written. Values are named by strings."""

    def __init__(self, name, opset):
        self.name, self.opset = name, opset
        self.nodes, self.constants, self.inputs = [], {}, []

    def input(self, name, dtype, shape):
        """Adds an input and returns its name."""
        kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
        self.inputs.append(helper.make_tensor_value_info(name, kind, shape))
        return name

    def constant(self, value, name=None):
        """Adds a tensor and returns its name. Without one, it is named by its number."""
        name = name or f"constant.{len(self.constants)}"
        self.constants[name] = numpy_helper.from_array(np.ascontiguousarray(value), name)
        return name

    def op(self, kind, *inputs, output=None, **attributes):
        """Adds a node of one output and returns that one's name."""
        output = output or f"{kind}.{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [output], name=output, **attributes))
        return output

    def model(self, outputs):
        """The checked model, with the named f32 outputs and their shapes."""
        values = [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape) for name, shape in outputs]
        graph = helper.make_graph(self.nodes, self.name, self.inputs, values, list(self.constants.values()))
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)], ir_version=8)
        onnx.checker.check_model(model)
        return model
