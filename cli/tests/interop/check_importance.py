"""Importances of llama.cpp's `imatrix`, in both forms, change the result for the better.

With `--importance` the tool minimizes the squared errors weighted by the importance of
their column. So for each tensor the weighted error, computed here by numpy from the files,
must be smaller than without; and both forms, which hold the same numbers, must give the
same file.
"""

import numpy as np

import importance_files
import tiny_llama
from common import check, finish, folder, read_gguf, tool, values_of


def weighted_error(weights, ternary, importance):
    """The squared errors, each times the importance of its column, relative to the squared weights."""
    h = importance.astype(np.float64)
    squares = lambda x: float(np.sum(h * x.astype(np.float64) ** 2))
    return squares(weights - ternary) / squares(weights)


def main():
    """Runs all comparisons."""
    work = folder("importance")
    originals = tiny_llama.tensors()
    original = work / "original.gguf"
    tiny_llama.write(original, originals)
    names = tiny_llama.ternary_matrices(tiny_llama.Sizes())
    importance = importance_files.means({name: originals[name].shape[1] for name in names})
    importance_files.write_older(work / "importance.dat", importance)
    importance_files.write_newer(work / "importance.gguf", importance)

    outputs = {"none": [], "older": ["--importance", work / "importance.dat"], "newer": ["--importance", work / "importance.gguf"]}
    results = {}
    for form, options in outputs.items():
        out = work / f"{form}.gguf"
        tool("quantize", original, "-o", out, "--to", "tq2_0", *options)
        results[form] = (out.read_bytes(), values_of(read_gguf(out)))
    check("the older and the newer form give the same file", results["older"][0] == results["newer"][0])
    check("with importances the file is another", results["none"][0] != results["newer"][0])

    errors = {form: {name: weighted_error(originals[name], values[name], importance[name]) for name in names} for form, (_, values) in results.items()}
    for form in ("older", "newer"):
        worse = [name for name in names if not errors[form][name] < errors["none"][name]]
        means = [float(np.mean(list(errors[key].values()))) for key in ("none", form)]
        check(f"{form} form: the weighted error of each of {len(names)} tensors is smaller than without", not worse,
              ", ".join(worse) or f"on average {means[1]:.4f} instead of {means[0]:.4f}")
    finish()


if __name__ == "__main__":
    main()
