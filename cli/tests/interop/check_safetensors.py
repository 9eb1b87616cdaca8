"""Python's `safetensors` opens what the tool writes, and numpy rebuilds the weights.

The reader is tests/golden/safetensors_check.py, which was written from the description of
the layout. Its values must be those that `ternarize dequantize` writes.
"""

import sys

import numpy as np
from safetensors.numpy import save_file

import tiny_llama
from common import ROOT, check, check_equal, finish, folder, tool

sys.path.insert(0, str(ROOT / "tests" / "golden"))
import safetensors_check  # noqa: E402

VARIANTS = {
    "default": [],
    "tensor": ["--per", "tensor"],
    "channel-two": ["--per", "axis:0", "--scales", "two", "--rule", "two-scale"],
    "kernel": ["--per", "kernel"],
    "block": ["--per", "block:32", "--scale-type", "f16"],
    "planes": ["--per", "block:64", "--planes", "2", "--scale-type", "bf16"],
    "powers": ["--per", "axis:0", "--scale-type", "power-of-two"],
    "double": ["--per", "axis:0", "--scale-type", "f64"],
}


def dense_tensors():
    """A small network: matrices, convolution kernels of two ranks, vectors and an embedding."""
    rng = np.random.default_rng(5)
    normal = lambda *shape: rng.standard_normal(shape, dtype=np.float32)
    return {
        "embed_tokens.weight": normal(12, 16),
        "conv1.weight": normal(6, 3, 3, 3),
        "conv2.weight": normal(4, 6, 5),
        "fc1.weight": normal(10, 70),
        "fc1.bias": normal(10),
        "fc2.weight": normal(7, 10) / 8,
        "norm.weight": 1 + normal(16) / 10,
        "lm_head.weight": normal(12, 16),
    }


TERNARY = {"conv1.weight", "conv2.weight", "fc1.weight", "fc2.weight"}
# Of a convolutional network the first and the last layer stay as they are unless asked for.
ENDS = ["--include", "conv1.weight", "--include", "fc2.weight"]


def compare(what, ternary, dense, originals, names):
    """Compares the rebuilt weights with the dequantized file, and the other tensors with the original."""
    rows = safetensors_check.read(ternary)
    found = {name for name, _, _, entry, _ in rows if entry is not None}
    check(f"{what}: the matrices and kernels, and no others, are ternary", found == names, f"{len(found)} of {len(rows)} tensors")
    rebuilt = {name: values.astype(np.float32) for name, _, values, _, _ in rows}
    written, _, _ = safetensors_check.load(dense)
    check_equal(f"{what}: weights rebuilt by numpy, and those of ternarize dequantize", rebuilt, written)
    kept = sorted(set(originals) - names)
    check_equal(f"{what}: all other tensors are those of the original", {n: rebuilt[n] for n in kept}, {n: originals[n] for n in kept})
    # Even the coarsest variant keeps the direction of the weights.
    cosines = [np.sum(rebuilt[n] * originals[n]) / np.linalg.norm(rebuilt[n]) / np.linalg.norm(originals[n]) for n in sorted(names)]
    check(f"{what}: the weights are close to the original", min(cosines) > 0.8, f"least cosine {min(cosines):.4f}")


def main():
    """Runs all comparisons."""
    work = folder("safetensors")
    originals = dense_tensors()
    original = work / "original.safetensors"
    save_file(originals, original)
    for variant, options in VARIANTS.items():
        ternary, dense = work / f"{variant}.safetensors", work / f"{variant}-dense.safetensors"
        tool("quantize", original, "-o", ternary, "--to", "safetensors", *ENDS, *options)
        tool("dequantize", ternary, "-o", dense, "--type", "f32")
        compare(variant, ternary, dense, originals, TERNARY)

    # From GGUF to our layout.
    gguf_file, ternary, dense = work / "llama.gguf", work / "llama.safetensors", work / "llama-dense.safetensors"
    originals = tiny_llama.tensors()
    tiny_llama.write(gguf_file, originals)
    tool("quantize", gguf_file, "-o", ternary, "--to", "safetensors")
    tool("dequantize", ternary, "-o", dense, "--type", "f32")
    compare("from GGUF", ternary, dense, originals, set(tiny_llama.ternary_matrices(tiny_llama.Sizes())))
    finish()


if __name__ == "__main__":
    main()
