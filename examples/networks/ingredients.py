"""What each ingredient of a calibration brings: the plan that the tool chooses, and the same plan with one thing changed."""

import json
import subprocess
import tomllib

# What is changed in each layer, or in its planes.
BY_WEIGHTS = "planes where the weights lose most, not where the outputs are sensitive"
CHANGES = {
    "as chosen": {},
    "inputs not rotated": {"rotation": False},
    "each layer aims at its own outputs, and moments are matched": {"effective": False, "moments": True},
    "the weights alone choose the trits, and moments are matched": {"outputs": False, "rotation": False, "effective": False, "moments": True},
    "all positions count before a max pooling": {"winners": False},
    BY_WEIGHTS: {},
}


def plan(tool, folder, options):
    """The plan that the tool chooses."""
    path = folder / "plan.toml"
    words = [*tool, "quantize", folder / "model.onnx", "-o", folder / "out.onnx", "--force", f"--dry-run={path}", *options]
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True)
    if done.returncode not in (0, 3):
        raise RuntimeError(done.stderr.strip().splitlines()[-1])
    return tomllib.loads(path.read_text())


def write(path, layers):
    # Names, numbers and truth values are the same in JSON and TOML.
    entries = ("".join(f"{key} = {json.dumps(value)}\n" for key, value in layer.items()) for layer in layers)
    path.write_text("version = 1\n" + "".join(f"[[layer]]\n{entry}" for entry in entries))


def rows(tool, folder, bits, run):
    """For each change its name and what `run` returns for the options of `quantize`; `None` for a change that is none."""
    calibrate = ["--calibrate", str(folder / "calibrate-0.npz")]
    chosen = plan(tool, folder, [*calibrate, "--bits", bits])["layer"]
    by_weights = {layer["name"]: layer["planes"] for layer in plan(tool, folder, ["--bits", bits])["layer"]}
    path = folder / "changed.toml"
    for name, change in CHANGES.items():
        layers = [layer | {key: value for key, value in change.items() if key != "moments" or layer["outputs"]} for layer in chosen]
        if name == BY_WEIGHTS:
            layers = [layer | {"planes": by_weights[layer["name"]]} for layer in chosen]
        write(path, layers)
        same = layers == chosen and name != "as chosen"
        yield name, None if same else run([*calibrate, "--plan", str(path)])
