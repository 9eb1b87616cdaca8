"""Other readers of GGUF files return exactly the values of `ternarize dequantize`.

TQ1_0 and TQ2_0 are read by the package `gguf` and by ggml, Q2_0 by ggml alone, for `gguf`
does not know it. The tensors have rows of one and of several blocks, one of them is all
zeros, and one has weights so small that their scale is a subnormal f16.
"""

import gguf
import numpy as np

import llama_cpp
from common import check, check_equal, finish, folder, read_gguf, tool, values_of

BLOCK = {"tq1_0": 256, "tq2_0": 256, "q2_0": 64}


def write_matrices(path, block):
    """Writes matrices whose rows are multiples of the block, and one vector. Returns them."""
    rng = np.random.default_rng(3)
    normal = lambda *shape: rng.standard_normal(shape, dtype=np.float32)
    arrays = {
        "one.weight": normal(5, block),
        "three.weight": normal(7, 3 * block),
        "zeros.weight": np.zeros((2, block), dtype=np.float32),
        "small.weight": normal(3, block) * np.float32(1e-6),
        "spread.weight": normal(4, 2 * block) * np.exp2(np.arange(4, dtype=np.float32) * 4 - 8)[:, None],
        "vector.weight": normal(block),
    }
    writer = gguf.GGUFWriter(path, "matrices")
    for name, array in arrays.items():
        writer.add_tensor(name, array)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return arrays


def check_format(work, form, block):
    """Quantizes to one format and compares all readers."""
    original, ternary = work / f"{form}-original.gguf", work / f"{form}.gguf"
    arrays = write_matrices(original, block)
    tool("quantize", original, "-o", ternary, "--to", form)
    readers = {"ggml": llama_cpp.read_gguf(ternary)}
    if form != "q2_0":
        readers["gguf"] = read_gguf(ternary)
    for kind in ("f32", "f16"):
        # The scales are f16, so f16 holds all values; the vector is as it was in both.
        dense = work / f"{form}-{kind}.gguf"
        tool("dequantize", ternary, "-o", dense, "--type", kind)
        ours = values_of(read_gguf(dense))
        ours.pop("vector.weight")
        for reader, tensors in readers.items():
            theirs = values_of(tensors)
            theirs.pop("vector.weight")
            check_equal(f"{form}: values read by {reader}, and those of ternarize dequantize --type {kind}", ours, theirs)
    for reader, tensors in readers.items():
        ternary_names = {name for name, (kind, _) in tensors.items() if kind == form}
        check(f"{form}: {reader} finds the type {form} in all matrices", ternary_names == set(arrays) - {"vector.weight"})
        vector = tensors["vector.weight"][1]
        check_equal(f"{form}: the vector is as it was, read by {reader}", {"vector.weight": vector}, {"vector.weight": arrays["vector.weight"]})
    nonzero = np.count_nonzero(readers["ggml"]["small.weight"][1])
    check(f"{form}: small weights do not all become zero", nonzero > 0, f"{nonzero} of {arrays['small.weight'].size} are not")


def main():
    """Runs all comparisons."""
    work = folder("dequantize")
    for form, block in BLOCK.items():
        check_format(work, form, block)
    finish()


if __name__ == "__main__":
    main()
