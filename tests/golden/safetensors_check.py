"""A small independent reader of ternary safetensors files.

    python3 safetensors_check.py FILE [--write OUT.safetensors] [--compare DENSE.safetensors]

Prints every tensor's name, shape, grouping and sparsity. --write stores the dense
tensors under their original names. --compare checks that another file holds the same
values, bit for bit, either in the same dtype or rounded to F32, and fails if it does not.

The layout, which is all this program knows:

For a ternary tensor NAME the file holds NAME.trits (U8, [planes, bytes]: the packed codes
of its elements in row-major order), NAME.lambda_p and, when two scales are kept,
NAME.lambda_n ([planes, groups]), and NAME.bias (F32, one number for each row that is added
to the products) if there is one. The file's metadata has the key `ternarize`, a JSON text
{"version": 2, "tensors": {NAME: {"shape", "grouping", "code", "scales", "rule", "bias"}}}, where
`rule` may be missing. Its other keys are the user's, and all other tensors pass through
unchanged. Version 1 had one plane, parts of one axis, no bias, and in place of "scales" the
"dtype" of the original, in which the scales were.

scales    f64, f32, f16, bf16: floats; power-of-two: I8, the exponents, and -128 for 0.
code      2bit: element j is in byte j/4 at bits 2*(j%4); base3: a byte is
          d0 + 3 d1 + 9 d2 + 27 d3 + 81 d4. Both store trit + 1, and padding is zero trits.
grouping  which elements share a scale. tensor: all. axis:K, axes:K,L: those that agree in
          these coordinates, groups in row-major order over the named axes. kernel: axes 0
          and 1 from rank 3 on, else the whole tensor. block:N: N consecutive elements of
          the last axis, the last block of a row may be shorter, rows one after the other.
          A tensor without elements has no groups.
value     the sum over the planes of +lambda_p, 0, -lambda_n; lambda_n = lambda_p when it is
          not in the file. It is given in the type of the scales if it is one plane of f16 or
          bf16, in F64 if they are f64, else in F32.

BF16 becomes F32 here, because numpy has no such type; the values are the same.
"""

import argparse
import json
import sys
from math import prod

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save_file

FLOATS = {"F16": np.float16, "BF16": np.float32, "F32": np.float32, "F64": np.float64}
SCALES = {"f16": "F16", "bf16": "BF16", "f32": "F32", "f64": "F64", "power-of-two": "I8"}


class LayoutError(ValueError):
    pass


def need(condition, message):
    if not condition:
        raise LayoutError(message)


def load(path):
    """All tensors by name, the dtype each has in the file, and the file's metadata."""
    with open(path, "rb") as f:
        length = int.from_bytes(f.read(8), "little")
        header = json.loads(f.read(length))
        body = f.read()
    header.pop("__metadata__", None)
    dtypes = {name: entry["dtype"] for name, entry in header.items()}
    tensors = {}
    with safe_open(path, framework="numpy") as f:
        metadata = f.metadata() or {}
        need(set(f.keys()) == set(dtypes), "header and reader disagree about the names")
        for name in sorted(dtypes):
            if dtypes[name] == "BF16":
                start, end = header[name]["data_offsets"]
                upper = np.frombuffer(body[start:end], dtype="<u2").astype(np.uint32) << 16
                tensors[name] = upper.view(np.float32).reshape(header[name]["shape"])
            else:
                tensors[name] = f.get_tensor(name)
    return tensors, dtypes, metadata


def unpack(data, count, code):
    """`count` trits as int8 from packed bytes."""
    data = data.reshape(-1).astype(np.int64)
    if code == "2bit":
        digits = np.stack([(data >> shift) & 3 for shift in (0, 2, 4, 6)], axis=1)
    elif code == "base3":
        need(np.all(data < 243), "a base3 byte above 242")
        digits = np.stack([data // power % 3 for power in (1, 3, 9, 27, 81)], axis=1)
    else:
        raise LayoutError(f"unknown code {code!r}")
    need(len(data) == -(-count // digits.shape[1]), f"{len(data)} bytes for {count} trits")
    trits = digits.reshape(-1) - 1
    need(np.all(trits < 2), "the code 3 is no trit")
    need(np.all(trits[count:] == 0), "padding that is not zero trits")
    return trits[:count].astype(np.int8)


def groups(shape, grouping):
    """The group number of every element (an array of `shape`) and the number of groups."""
    if prod(shape) == 0:
        return np.zeros(shape, dtype=np.int64), 0
    kind, _, argument = grouping.partition(":")
    if kind == "kernel":
        kind, argument = ("axes", "0,1") if len(shape) >= 3 else ("tensor", "")
    if kind == "tensor":
        return np.zeros(shape, dtype=np.int64), 1
    coordinates = np.indices(shape, dtype=np.int64)
    if kind in ("axis", "axes"):
        axes = [int(k) for k in argument.split(",") if argument]
        need(kind == "axes" or len(axes) == 1, f"grouping {grouping!r}")
        need(len(set(axes)) == len(axes) and all(0 <= k < len(shape) for k in axes), f"grouping {grouping!r} of {shape}")
        number = np.zeros(shape, dtype=np.int64)
        for k in axes:
            number = number * shape[k] + coordinates[k]
        return number, prod(shape[k] for k in axes)
    if kind == "block":
        n = int(argument)
        need(n > 0 and len(shape) > 0, f"grouping {grouping!r} of {shape}")
        per_row = -(-shape[-1] // n)
        rows = prod(shape[:-1])
        row = np.arange(rows, dtype=np.int64).reshape(*shape[:-1], 1)
        return row * per_row + coordinates[-1] // n, rows * per_row
    raise LayoutError(f"unknown grouping {grouping!r}")


def dense(name, entry, tensors, dtypes, version):
    """The type, the trits of each plane and the dense values of one ternary tensor."""
    need("transform" not in entry, "the weights are for transformed inputs, which this reader does not undo")
    shape = tuple(entry["shape"])
    stored = SCALES.get(entry["scales"]) if version == 2 else entry["dtype"]
    need(stored in FLOATS or stored == "I8" and version == 2, f"{name}: scales of {stored!r}")
    need(dtypes.get(f"{name}.trits") == "U8", f"{name}.trits is not there or not U8")
    codes = tensors[f"{name}.trits"]
    need(codes.ndim == version, f"{name}.trits has the shape {codes.shape}")
    codes = codes.reshape(len(codes) if version == 2 else 1, -1)
    trits = np.stack([unpack(plane, prod(shape), entry["code"]).reshape(shape) for plane in codes])
    number, count = groups(shape, entry["grouping"])

    def scales(key):
        need(dtypes[key] == stored, f"{key} is {dtypes[key]}, not {stored}")
        values = tensors[key]
        axes = (len(codes), count) if version == 2 else (count,)
        need(values.shape == axes, f"{key} has the shape {values.shape}, not {axes}")
        if stored == "I8":
            values = np.where(values == -128, 0.0, 2.0 ** values.astype(np.float64))
        return values.reshape(len(codes), count).astype(np.float64)

    need(f"{name}.lambda_p" in tensors, f"{name}.lambda_p is not there")
    lambda_p = scales(f"{name}.lambda_p")
    lambda_n = scales(f"{name}.lambda_n") if f"{name}.lambda_n" in tensors else lambda_p
    terms = [np.where(t > 0, p[number], np.where(t < 0, -n[number], 0.0)) for t, p, n in zip(trits, lambda_p, lambda_n)]
    sums = terms[0] if len(terms) == 1 else sum(terms)
    dtype = stored if stored == "F64" or stored in ("F16", "BF16") and len(codes) == 1 else "F32"
    return dtype, trits, sums.astype(FLOATS[dtype])


def read(path):
    """Yields (name, file dtype, dense array, entry or None, trits or None), by name."""
    tensors, dtypes, metadata = load(path)
    need("ternarize" in metadata, f"no key ternarize among the metadata keys {sorted(metadata)}")
    index = json.loads(metadata["ternarize"])
    version = index["version"]
    need(version in (1, 2), f"version {version}")
    out, used = [], set()
    for name, entry in index["tensors"].items():
        dtype, trits, values = dense(name, entry, tensors, dtypes, version)
        used |= {f"{name}.{part}" for part in ("trits", "lambda_p", "lambda_n")}
        out.append((name, dtype, values, entry, trits))
        if version == 2 and entry.get("bias"):
            need(tensors[f"{name}.bias"].shape == values.shape[:1], f"{name}.bias is not one for each row")
    out += [(name, dtypes[name], tensors[name], None, None) for name in tensors if name not in used]
    need(len({name for name, *_ in out}) == len(out), "a name occurs twice")
    return sorted(out, key=lambda row: row[0])


def same(ours, theirs):
    if ours.dtype.kind == "f" and theirs.dtype == np.float32:
        ours = ours.astype(np.float32)
    return ours.shape == theirs.shape and ours.dtype == theirs.dtype and ours.tobytes() == theirs.tobytes()


def main():
    parser = argparse.ArgumentParser(description="Reads a ternary safetensors file.")
    parser.add_argument("file")
    parser.add_argument("--write", metavar="OUT", help="store the dense tensors here")
    parser.add_argument("--compare", metavar="DENSE", help="fail unless this file holds the same values")
    options = parser.parse_args()

    rows = read(options.file)
    for name, dtype, values, entry, trits in rows:
        shape = "x".join(map(str, values.shape)) or "scalar"
        if entry is None:
            print(f"{name}  {dtype}  {shape}  passed through")
        else:
            zeros = float(np.mean(trits == 0)) if trits.size else 0.0
            print(f"{name}  {dtype}  {shape}  {entry['grouping']}  {len(trits)} x {entry['code']}  {entry.get('rule', 'no rule')}  sparsity {zeros:.4f}")
    if options.write:
        save_file({name: np.ascontiguousarray(values) for name, _, values, _, _ in rows}, options.write)
    if options.compare:
        other, _, _ = load(options.compare)
        names = {name for name, *_ in rows}
        wrong = sorted(names ^ set(other)) + [n for n, _, v, _, _ in rows if n in other and not same(v, other[n])]
        if wrong:
            sys.exit("differ: " + ", ".join(wrong))
        print(f"{len(names)} tensors agree with {options.compare}")


if __name__ == "__main__":
    try:
        main()
    except LayoutError as error:
        sys.exit(f"layout: {error}")
