#!/usr/bin/env python3
"""Writes the digits network and its images for the program, which embeds them: `cli/data/digits*`.

The network and the images are those in `digits-training/data`, whose README says whose they are. Every run writes the same bytes,
and checks that onnxruntime recognizes as many test images as the program that trained the network.
"""

from pathlib import Path

import common
import numpy as np
import onnx
from graph import Graph
from idx import images, read
from safetensors.numpy import load_file

DATA = Path(__file__).resolve().parents[1] / "digits-training" / "data"
OUT = Path(__file__).resolve().parents[2] / "cli" / "data"

CALIBRATION = 512
WHITE = 16
# What the training says of the f32 network.
RECOGNIZED = 356


def network(weights):
    """The ONNX graph: images in, a score for each digit out."""
    graph = Graph("digits", opset=17)
    x = graph.input("input", "float32", ["batch", 1, 8, 8])

    def parameters(layer):
        return [graph.constant(weights[name], name) for name in (f"{layer}.weight", f"{layer}.bias")]

    for layer, pooled in ("conv1", False), ("conv2", True), ("conv3", True):
        x = graph.op("Relu", graph.op("Conv", x, *parameters(layer), kernel_shape=[3, 3], pads=[1, 1, 1, 1]))
        if pooled:
            x = graph.op("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2])
    graph.op("Gemm", graph.op("Flatten", x), *parameters("fc"), transB=1, output="scores")
    return graph.model([("scores", ["batch", 10])])


def main():
    OUT.mkdir(exist_ok=True)
    onnx.save(network(load_file(DATA / "digits.safetensors")), OUT / "digits.onnx")
    np.savez_compressed(OUT / "digits-calibration.npz", input=images(DATA / "train-images.idx3-ubyte", WHITE)[:CALIBRATION])
    test, labels = images(DATA / "test-images.idx3-ubyte", WHITE), read(DATA / "test-labels.idx1-ubyte")
    np.savez_compressed(OUT / "digits-test.npz", input=test)
    np.save(OUT / "digits-labels.npy", labels)

    scores = common.outputs(OUT / "digits.onnx", {"input": test})["scores"]
    recognized = int((scores.argmax(1) == labels).sum())
    print(f"onnxruntime recognizes {recognized} of {len(labels)} test images")
    if recognized != RECOGNIZED:
        raise SystemExit(f"the training says {RECOGNIZED}")


if __name__ == "__main__":
    main()
