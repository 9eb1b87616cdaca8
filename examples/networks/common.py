"""What the scripts share: the command line, the runs of the tool, and the judge, which is onnxruntime."""

import argparse
import subprocess
from pathlib import Path

import packages
import numpy as np
import onnxruntime


def outputs(model, inputs, batch=64):
    """`{name: array}` of what a model computes. The inputs are run in batches if all have the same first axis."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 2
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    count = len(next(iter(inputs.values())))
    if any(len(array) != count for array in inputs.values()):
        batch = count
    parts = [
        session.run(names, {name: array[start : start + batch] if len(array) == count else array for name, array in inputs.items()})
        for start in range(0, count, batch)
    ]
    return {name: np.concatenate(part) for name, part in zip(names, zip(*parts))}


def main(name, make, quality, tests=("test",)):
    folder = packages.TARGET / name
    folder.mkdir(parents=True, exist_ok=True)
    make(folder)
