"""What the interop tests share: the tool, folders, checks, and GGUF files read by `gguf`."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import gguf
import numpy as np

ROOT = Path(__file__).resolve().parents[3]
TOOL = os.environ.get("TERNARIZE", str(ROOT / "target" / "release" / "ternarize"))
WORK = ROOT / "target" / "interop" / "work"

failures = 0


def folder(name):
    """An empty folder for the files of one script."""
    path = WORK / name
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    return path


def check(what, holds, detail=""):
    """Prints what was compared and whether it holds; a failure makes `finish` exit with 1."""
    global failures
    failures += not holds
    print(f"{'ok    ' if holds else 'FAILED'} {what}{': ' if detail else ''}{detail}", flush=True)
    return holds


def tool(*arguments, code=0):
    """Runs the tool and checks its exit code. Returns what it printed, both streams."""
    words = [str(argument) for argument in arguments]
    done = subprocess.run([TOOL, *words], capture_output=True, text=True)
    shown = " ".join(word.removeprefix(f"{WORK}/") for word in words)
    said = done.stdout + done.stderr
    if not check(f"exit code {code} of: ternarize {shown}", done.returncode == code, "" if done.returncode == code else f"it is {done.returncode}\n{said}"):
        # What follows needs the output.
        if code == 0:
            finish()
    return said


def finish():
    """Ends the script: with 1 if a check failed."""
    if failures:
        print(f"{failures} checks failed")
    sys.exit(1 if failures else 0)


def difference(ours, theirs):
    """How two {name: array} differ, as a text that is empty if all values are equal."""
    if set(ours) != set(theirs):
        return f"names {sorted(set(ours) ^ set(theirs))}"
    for name, values in ours.items():
        if values.shape != theirs[name].shape:
            return f"{name}: shapes {values.shape} and {theirs[name].shape}"
        wrong = np.flatnonzero(values.reshape(-1) != theirs[name].reshape(-1))
        if wrong.size:
            at = wrong[0]
            pair = values.reshape(-1)[at], theirs[name].reshape(-1)[at]
            return f"{name}: {wrong.size} of {values.size} values, the first at {at}: {pair[0]} and {pair[1]}"
    return ""


def check_equal(what, ours, theirs):
    """Checks that two {name: array} hold equal values, and prints how many."""
    found = difference(ours, theirs)
    size = sum(values.size for values in ours.values())
    return check(what, not found, found or f"{len(ours)} tensors, {size} values")


def read_gguf(path):
    """The tensors of a file as read by the package `gguf`: {name: (name of the type, float32 array)}."""
    out = {}
    for tensor in gguf.GGUFReader(path).tensors:
        shape = tuple(int(n) for n in reversed(tensor.shape))
        values = gguf.dequantize(tensor.data, tensor.tensor_type)
        out[tensor.name] = (tensor.tensor_type.name.lower(), values.astype(np.float32).reshape(shape))
    return out


def values_of(tensors):
    """{name: array} from what `read_gguf` returns."""
    return {name: values for name, (_, values) in tensors.items()}


def fields_of(path):
    """The key-value pairs of a GGUF file by key."""
    reader = gguf.GGUFReader(path)
    return {key: field.contents() for key, field in reader.fields.items() if not key.startswith("GGUF.")}
