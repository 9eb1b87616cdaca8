"""llama.cpp computes the same with a ternary file as with the same weights in F32.

The model of tiny_llama.py is quantized by the tool, and dequantized by it again. llama.cpp
computes logits with both files after each token of 20 prompts. The weights are equal. But
for ternary weights llama.cpp rounds the inputs of each product to 8 bits, in blocks with
one scale each, so each product has an error of about 0.6 % of its size, which the layers
add up. Hence a tolerance: at each token the cosine of the logits is at least 0.999, and the
token after each prompt is the same. A cosine of 0.999 is an error of 4.5 % of the logits'
size; the cosines found are above 0.9995, 3 %. So that rounding cannot choose the token,
prompts are taken after which the first logit is half a standard deviation above the second.

A test that cannot fail shows nothing: the same comparison must fail for files in which one
block of 256 weights has twice its scale. This is tried in each matrix of the first layer.
"""

import shutil

import gguf
import numpy as np

import llama_cpp
import tiny_llama
from common import check, check_equal, difference, fields_of, finish, folder, read_gguf, tool, values_of

LEAST_COSINE = 0.999
PROMPTS = 20
# In standard deviations of the logits.
LEAST_GAP = 0.5
FORMATS = ("tq2_0", "tq1_0", "q2_0")
# What a converter may set: the kind of file, and notes of its own.
OWN_FIELDS = ("general.file_type", "general.quantization_version", "ternarize")


def compare(logits, reference):
    """The least cosine over all tokens, and in how many prompts the next token is the same."""
    cosines = [np.sum(a * b, axis=1) / np.sqrt(np.sum(a * a, axis=1) * np.sum(b * b, axis=1)) for a, b in zip(logits, reference)]
    same = sum(int(a[-1].argmax() == b[-1].argmax()) for a, b in zip(logits, reference))
    return float(min(c.min() for c in cosines)), same


def agree(logits, reference):
    """Whether logits are equal within the tolerance, and the numbers to print."""
    cosine, same = compare(logits, reference)
    return cosine >= LEAST_COSINE and same == len(reference), f"least cosine {cosine:.6f}, first token equal in {same} of {len(reference)} prompts"


def clear_prompts(path):
    """The prompts after which a model has one logit clearly above the others, and its logits."""
    candidates = tiny_llama.prompts(3 * PROMPTS)
    logits = llama_cpp.logits(path, candidates)
    top = [np.sort(rows[-1])[-2:] / rows[-1].std() for rows in logits]
    clear = [k for k, (second, first) in enumerate(top) if first - second >= LEAST_GAP][:PROMPTS]
    return [candidates[k] for k in clear], [logits[k] for k in clear]


def double_one_scale(path, out, name, block=7):
    """Copies a TQ2_0 file and doubles the scale of one block of a tensor."""
    shutil.copyfile(path, out)
    tensor = next(t for t in gguf.GGUFReader(path).tensors if t.name == name)
    data = np.memmap(out, dtype=np.uint8, mode="r+")
    # 64 bytes of codes, then the scale as f16.
    start = int(tensor.data_offset) + block * 66 + 64
    scale = data[start : start + 2].view(np.float16)
    scale *= np.float16(2)
    data.flush()


def check_format(work, original, form):
    """Quantizes to one format, dequantizes, and compares. Returns both files, the prompts and the dequantized file's logits."""
    ternary, dense = work / f"{form}.gguf", work / f"{form}-dense.gguf"
    tool("quantize", original, "-o", ternary, "--to", form)
    tool("dequantize", ternary, "-o", dense, "--type", "f32")

    stored = llama_cpp.read_gguf(ternary)
    kinds = {name for name, (kind, _) in stored.items() if kind == form}
    check(f"{form}: the matrices of the layers, and no others, are ternary", kinds == set(tiny_llama.ternary_matrices(tiny_llama.Sizes())),
          f"{len(kinds)} of {len(stored)} tensors")
    before = values_of(read_gguf(original))
    kept = [name for name in stored if name not in kinds]
    check_equal(f"{form}: all other tensors are those of the original", {name: stored[name][1] for name in kept}, {name: before[name] for name in kept})
    check_equal(f"{form}: ggml reads the values of the dequantized file", values_of(stored), values_of(read_gguf(dense)))
    for path in (ternary, dense):
        theirs = fields_of(original)
        # The package `gguf` does not open files with types that it does not know.
        if path == ternary and form == "q2_0":
            continue
        ours = fields_of(path)
        lost = [key for key in theirs if not key.startswith(OWN_FIELDS) and ours.get(key) != theirs[key]]
        check(f"{path.name}: the metadata are those of the original", not lost, ", ".join(lost) or f"{len(theirs)} fields")

    prompts, reference = clear_prompts(dense)
    check(f"{form}: prompts after which one token is {LEAST_GAP} standard deviations above all others", len(prompts) == PROMPTS, f"{len(prompts)}")
    check(f"{form}: logits of the ternary file and of the dequantized file", *agree(llama_cpp.logits(ternary, prompts), reference))
    print(f"       for comparison, the original weights: {agree(llama_cpp.logits(original, prompts), reference)[1]}")
    return ternary, dense, prompts, reference


def main():
    """Runs all comparisons."""
    work = folder("logits")
    original = work / "original.gguf"
    tiny_llama.write(original, tiny_llama.tensors())
    results = {form: check_format(work, original, form) for form in FORMATS}

    ternary, dense, prompts, reference = results["tq2_0"]
    copy = work / "copy.gguf"
    tiny_llama.write(copy, values_of(read_gguf(dense)))
    equal = not difference(dict(enumerate(llama_cpp.logits(copy, prompts))), dict(enumerate(reference)))
    check("logits of the dequantized file and of its copy by the package gguf are the same numbers", equal)

    wrong = work / "wrong.gguf"
    for name in tiny_llama.ternary_matrices(tiny_llama.Sizes(layers=1)):
        double_one_scale(ternary, wrong, name)
        holds, numbers = agree(llama_cpp.logits(wrong, prompts), reference)
        check(f"logits differ if one scale of {name} is doubled", not holds, numbers)
    finish()


if __name__ == "__main__":
    main()
