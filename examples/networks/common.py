"""What the scripts share: the command line, the runs of the tool, and the judge, which is onnxruntime."""

import argparse
import json
import subprocess
import sys

import ingredients
import packages
import numpy as np
import onnxruntime

# What a table compares: the options of `ternarize quantize`. `CALIBRATION` stands for the files of inputs, each of which is tried.
CALIBRATION = "CALIBRATION"
RECIPES = [
    "--bits 1.75",
    "--bits 2.0",
    "--bits 3.0",
    f"--calibrate {CALIBRATION} --bits 1.75",
    f"--calibrate {CALIBRATION} --bits 2.0",
    f"--calibrate {CALIBRATION} --bits 3.0",
]


def outputs(model, inputs, batch=64):
    """`{name: array}` of what a model computes. If all inputs have the same first axis, they are run in batches."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    counts = {len(array) for array in inputs.values()}
    batch = batch if len(counts) == 1 else max(counts)
    parts = [
        session.run(names, {name: array[start : start + batch] for name, array in inputs.items()})
        for start in range(0, max(counts), batch)
    ]
    return {name: np.concatenate(part) for name, part in zip(names, zip(*parts))}


class Judge:
    """A model's tests, with what the f32 model gives for them."""

    def __init__(self, folder, quality, tests):
        self.quality = quality
        labels = folder / "labels.npy"
        self.labels = np.load(labels) if labels.exists() else None
        self.inputs = {test: dict(np.load(folder / f"{test}.npz")) for test in tests}
        self.expected = {test: outputs(folder / "model.onnx", inputs) for test, inputs in self.inputs.items()}

    def of(self, model):
        """`{test and measure: number}` of a model."""
        found = {}
        for test, inputs in self.inputs.items():
            measures = self.quality(self.expected[test], outputs(model, inputs), self.labels)
            found |= {f"{test}: {measure}": number for measure, number in measures.items()}
        return found


def quantize(tool, options, folder):
    """Runs the tool on the model of a folder. Returns the written file and the sums of its report."""
    out = folder / "out.onnx"
    words = [*tool, "quantize", folder / "model.onnx", "-o", out, "--force", "--json", *options]
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True)
    if done.returncode not in (0, 3):
        raise RuntimeError(done.stderr.strip().splitlines()[-1])
    return out, json.loads(done.stdout)["totals"]


def cells(results):
    """The row of a table for the results with each calibration: means, and the range where they differ."""
    row = []
    for key in results[0]:
        numbers = [result[key] for result in results if result[key] is not None]
        mean = f"{np.mean(numbers):.4f}" if numbers else "-"
        row.append(mean if np.ptp(numbers or [0]) == 0 else f"{mean} ({min(numbers):.4f} to {max(numbers):.4f})")
    return row


def table(folder, judge, arguments):
    """Prints a row for each recipe, also for those that fail."""
    f32 = judge.of(folder / "model.onnx")
    print(f"\n| options | bits per ternary weight | share that is ternary | {' | '.join(f32)} |")
    print("|---|" + "---:|" * (len(f32) + 2))
    print("| f32 | 32 | 0 |", " | ".join(cells([f32])), "|")
    draws = sorted(folder.glob("calibrate-[0-9].npz"))[: arguments.draws]
    for recipe in arguments.recipe or RECIPES:
        results = []
        try:
            for draw in draws if CALIBRATION in recipe else draws[:1]:
                out, totals = quantize(arguments.tool, recipe.replace(CALIBRATION, str(draw)).split(), folder)
                share = totals["ternary_weights"] / totals["weights"]
                results.append({"bits": totals["ternary_bits_per_weight"], "share": share, **judge.of(out)})
            print(f"| `{recipe}` |", " | ".join(cells(results)), "|", flush=True)
        except RuntimeError as error:
            print(f"| `{recipe}` | {error} |", flush=True)


def ingredients_table(folder, judge, arguments):
    """Prints what becomes of the network if one ingredient of the calibration is changed."""

    def run(options):
        out, totals = quantize(arguments.tool, options, folder)
        return {"bits": totals["ternary_bits_per_weight"], **judge.of(out)}

    head = None
    for change, result in ingredients.rows(arguments.tool, folder, arguments.ingredients, run):
        if head is None:
            head = list(result)
            print(f"\n| changed | {' | '.join(head)} |\n|---|" + "---:|" * len(head))
        row = " | ".join(cells([result]) if result else ["the same"] * len(head))
        print(f"| {change} | {row} |", flush=True)


def main(name, make, quality, tests=("test",)):
    """The command line of a script: makes the files of a network unless they are there, then prints the table."""
    parser = argparse.ArgumentParser(description=sys.modules["__main__"].__doc__.splitlines()[0])
    parser.add_argument("--ternarize", metavar="PATH", help="the tool (default: built with cargo)")
    parser.add_argument("--only-make", action="store_true", help="make the files of the network, and stop")
    parser.add_argument("--draws", type=int, help="use only so many of the calibration files")
    parser.add_argument("--recipe", action="append", help=f"options of quantize to try, with {CALIBRATION} for the inputs; may be repeated")
    parser.add_argument("--ingredients", metavar="BITS", help="the table of what each ingredient of the calibration brings")
    arguments = parser.parse_args()
    folder = packages.TARGET / name
    made = folder / "made"
    if not made.exists():
        folder.mkdir(parents=True, exist_ok=True)
        make(folder)
        made.touch()
    print(f"{folder}: {', '.join(sorted(path.name for path in folder.glob('*.np?')))}")
    if not arguments.only_make:
        cargo = ["cargo", "run", "--quiet", "--release", "-p", "ternarize-cli", "--"]
        arguments.tool = [arguments.ternarize] if arguments.ternarize else cargo
        kind = ingredients_table if arguments.ingredients else table
        kind(folder, Judge(folder, quality, tests), arguments)
