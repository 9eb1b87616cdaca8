"""Writes ternary.safetensors, a small ternary file with every grouping, both codes, one
and two scales, and the dense tensors it stands for in ternary-dense.safetensors; and the
same for bf16, in ternary-bf16.safetensors and ternary-bf16-dense.safetensors. These have
version 1. Planes, all types of scales and biases are in ternary-planes.safetensors and
ternary-planes-dense.safetensors, which have version 2.

    python3 make_safetensors.py            # writes the six files next to this one
    python3 make_safetensors.py --check    # only compares with the files that are there

Trits and scales are chosen by hand. Nothing here is shared with safetensors_check.py, so
that the two can judge each other: codes are packed and values looked up element by element.
"""

import itertools
import json
import math
import sys
from pathlib import Path

import numpy as np
from safetensors import TensorSpec, serialize

NUMPY = {"F16": np.float16, "F32": np.float32, "F64": np.float64}
SPEC = {"F16": "float16", "F32": "float32", "F64": "float64", "BF16": "bfloat16", "U8": "uint8"}

# name: (dtype, shape, grouping, code, rule, trits, lambda_p, lambda_n or None)
TENSORS = {
    "linear.tensor": ("F32", (3, 5), "tensor", "2bit", "tnt", "+0-0+ --0++ 0000-", [0.75], None),
    "linear.tensor.two": ("F32", (3, 5), "tensor", "base3", "tnt", "-0+0+ +-0-+ 0+00-", [0.3], [0.45]),
    "linear.axis0": ("F32", (4, 7), "axis:0", "base3", "two-scale", "+-0+-0+ 0000000 ++++++0 -0-0-0-",
                     [0.1, 0.0, 0.7, 0.0], [0.2, 0.0, 0.0, 1.5]),
    "linear.axis1": ("F16", (3, 4), "axis:1", "2bit", "two-scale", "+-0+ 0-0- -++0", [0.5, 1.25, 2.0, 0.1], [0.3, 0.0625, 0.0, 7.0]),
    "conv.axis2": ("F32", (2, 3, 4), "axis:2", "2bit", "absmax", "+0-0 -++0 00-+ ++-- 0-0- +00+", [1.0, 2.0, 3.0, 4.0], None),
    "conv.axes01": ("F64", (2, 3, 2, 2), "axes:0,1", "base3", "tnt", "+0-0 ++-- 0000 -00- +-+- 0+0+",
                    [0.1, 0.2, 0.0, 0.4, 0.5, 0.6], None),
    "conv.axes02": ("F32", (2, 2, 3), "axes:0,2", "2bit", "tnt", "+-0 0-+ -+0 -0+", [0.1, 0.0, 0.3, 0.0, 0.5, 0.6],
                    [0.0, 1.2, 0.0, 1.4, 0.0, 0.0]),
    "conv.kernel": ("F32", (2, 2, 3, 3), "kernel", "2bit", "tnt", "+0-0+0-0+ -------0- 000+00000 ++0--0+-+",
                    [0.11, 0.0, 0.33, 0.44], [0.55, 0.66, 0.0, 0.88]),
    "conv1d.kernel": ("F16", (2, 3, 3), "kernel", "base3", "twn", "+0- --0 00+ 0+0 -+- 000", [0.5, 0.25, 8.0, 0.125, 0.3, 0.0], None),
    "matrix.kernel": ("F16", (3, 3), "kernel", "base3", "absmean", "+0--0+0+0", [0.0999755859375], None),
    "linear.block4": ("F32", (3, 10), "block:4", "2bit", "tnt", "+-0+0--0+- 00000++--0 -0-0+0+0-+",
                      [0.1, 0.0, 0.3, 0.0, 0.5, 0.0, 0.0, 0.8, 0.9], [1.1, 1.2, 1.3, 0.0, 1.5, 1.6, 1.7, 0.0, 1.9]),
    "linear.block3": ("F64", (2, 7), "block:3", "base3", "tnt", "+0-++00 0-00+--", [0.1, 0.2, 0.0, 1e-300, 0.5, 1e300], None),
    "conv.block2": ("F32", (2, 1, 3), "block:2", "2bit", "tnt", "+-- 0+-", [1.0, 0.0, 3.0, 0.0], [1.5, 2.5, 0.0, 4.5]),
    "vector.block": ("F16", (6,), "block:4", "base3", "two-scale", "++0--+", [0.2, 6.0], [0.4, 5.0]),
    "vector.wide-block": ("F32", (6,), "block:32", "2bit", "tnt", "0-+-00", [1e-40], None),
    "vector.tensor": ("F64", (9,), "tensor", "2bit", "tnt", "-00+0-++0", [0.1], [0.7]),
    "vector.four": ("F32", (4,), "tensor", "2bit", "tnt", "+-0+", [3e38], None),
    "vector.five": ("F32", (5,), "tensor", "base3", "tnt", "+++++", [0.5], None),
    "vector.minus-five": ("F32", (5,), "tensor", "base3", "tnt", "-----", [0.0], [0.5]),
    "vector.zeros": ("F32", (7,), "tensor", "base3", "tnt", "0000000", [0.0], None),
}
PASSED_THROUGH = {"linear.bias": np.array([0.5, -1.25, 3e-8], dtype=np.float32)}

# bf16 scales by their bits: 3f80 = 1.0, 3dcd = 0.1001.., 4049 = 3.140625
TENSORS_BF16 = {
    "linear.axis0": ("BF16", (2, 5), "axis:0", "2bit", "tnt", "+0-0+ --0+0", [0x3F80, 0x3DCD], [0x4049, 0x3F00]),
    "linear.block4": ("BF16", (2, 5), "block:4", "base3", "tnt", "+0-0+ --0+0", [0x3F80, 0x3DCD, 0x4049, 0x0000], None),
}

# name: (scales, shape, grouping, code, rule or None, planes, lambda_p of each plane, lambda_n or None, bias or None)
TENSORS_PLANES = {
    "fc1.weight": ("f16", (3, 5), "axis:0", "2bit", None, ["+0-0+ --0++ 0000-", "0+-+0 +-0-0 ++-0+", "-0+0- 0+0-+ +0-0+"],
                   [[0.75, 0.5, 1.25], [0.125, 0.1, 0.25], [0.03, 0.0625, 0.01]], None, [0.5, -1.25, 3e-8]),
    "fc2.weight": ("power-of-two", (2, 7), "block:3", "base3", None, ["+0-++00 0-00+--", "-+0+0-0 +0+-0+0"],
                   [[0, -3, 127, -127, -128, 2], [-1, -2, 100, -126, 3, -128]], [[1, 0, -3, 0, -127, 5], [-1, -2, 100, 0, 3, 0]], None),
    "fc3.weight": ("bf16", (2, 3), "tensor", "2bit", "tnt", ["+0- -+0"], [[0x4049]], [[0x3DCD]], [1.0, -0.0]),
    "fc4.weight": ("f64", (2, 2), "axis:1", "base3", "two-scale", ["+-0+"], [[0.1, 1e-300]], None, [2.0, 1e30]),
    "fc5.weight": ("f32", (1, 6), "tensor", "2bit", None, ["+-0+-0", "+-0-+0", "0+-+-0", "0+-0+0"], [[1.0], [0.1], [0.01], [3e-9]], None, None),
}
DTYPE = {"f16": "F16", "bf16": "BF16", "f32": "F32", "f64": "F64", "power-of-two": "I8"}


def pack(trits, code):
    per_byte, base = (4, 4) if code == "2bit" else (5, 3)
    out = []
    for start in range(0, len(trits), per_byte):
        chunk = trits[start : start + per_byte]
        chunk += [0] * (per_byte - len(chunk))
        out.append(sum((t + 1) * base**k for k, t in enumerate(chunk)))
    return bytes(out)


def group_key(place, shape, grouping):
    """What an element shares with the rest of its group; keys sort in group order."""
    if grouping == "tensor" or (grouping == "kernel" and len(shape) < 3):
        return ()
    if grouping == "kernel":
        return place[:2]
    kind, argument = grouping.split(":")
    if kind == "block":
        return (*place[:-1], place[-1] // int(argument))
    return tuple(place[int(k)] for k in argument.split(","))


def scalars(dtype, values):
    """Each value as its little-endian bytes, and negated."""
    if dtype == "BF16":
        return [(v.to_bytes(2, "little"), (v ^ 0x8000).to_bytes(2, "little")) for v in values]
    return [(NUMPY[dtype](v).tobytes(), (-NUMPY[dtype](v)).tobytes()) for v in values]


def write(tensors, passed_through):
    """The bytes of the ternary file and of the dense one."""
    ternary, plain, index, keep = {}, {}, {}, []

    def put(where, name, dtype, shape, data):
        array = np.frombuffer(data, dtype=np.uint8)
        keep.append(array)
        where[name] = TensorSpec(dtype=SPEC[dtype], shape=shape, data_ptr=array.ctypes.data, data_len=array.nbytes)

    for name, (dtype, shape, grouping, code, rule, text, lambda_p, lambda_n) in tensors.items():
        trits = ["-0+".index(c) - 1 for c in text.replace(" ", "")]
        places = list(itertools.product(*map(range, shape)))
        assert len(trits) == len(places) == math.prod(shape), name
        keys = [group_key(place, shape, grouping) for place in places]
        order = sorted(set(keys))
        p = scalars(dtype, lambda_p)
        n = scalars(dtype, lambda_p if lambda_n is None else lambda_n)
        assert len(p) == len(n) == len(order), (name, len(order))
        zero = bytes(len(p[0][0]))
        data = b""
        for t, key in zip(trits, keys):
            group = order.index(key)
            value = zero if t == 0 else p[group][0] if t > 0 else n[group][1]
            assert t == 0 or any(value[:-1]) or value[-1] & 0x7F, f"{name}: a trit with the scale 0"
            data += value
        put(ternary, f"{name}.trits", "U8", (len(pack(trits, code)),), pack(trits, code))
        put(ternary, f"{name}.lambda_p", dtype, (len(p),), b"".join(x for x, _ in p))
        if lambda_n is not None:
            put(ternary, f"{name}.lambda_n", dtype, (len(n),), b"".join(x for x, _ in n))
        put(plain, name, dtype, shape, data)
        index[name] = {"shape": list(shape), "dtype": dtype, "grouping": grouping, "code": code, "rule": rule}
    for name, array in passed_through.items():
        put(ternary, name, "F32", array.shape, array.tobytes())
        put(plain, name, "F32", array.shape, array.tobytes())
    metadata = {"ternarize": json.dumps({"version": 1, "tensors": index}, sort_keys=True, separators=(",", ":"))}
    return bytes(serialize(ternary, metadata=metadata)), bytes(serialize(plain))


def stored(kind, value):
    """The bytes of a scale, and its exact value."""
    if kind == "power-of-two":
        return value.to_bytes(1, "little", signed=True), 0.0 if value == -128 else math.ldexp(1.0, value)
    if kind == "bf16":
        return value.to_bytes(2, "little"), float(np.uint32(value << 16).view(np.float32))
    number = NUMPY[DTYPE[kind]](value)
    return number.tobytes(), float(number)


def write_planes(tensors):
    """The bytes of the ternary file and of the dense one, version 2."""
    ternary, plain, index, keep = {}, {}, {}, []

    def put(where, name, dtype, shape, data):
        array = np.frombuffer(data, dtype=np.uint8)
        keep.append(array)
        where[name] = TensorSpec(dtype={**SPEC, "I8": "int8"}[dtype], shape=shape, data_ptr=array.ctypes.data, data_len=array.nbytes)

    for name, (kind, shape, grouping, code, rule, texts, lambda_p, lambda_n, bias) in tensors.items():
        planes = [["-0+".index(c) - 1 for c in text.replace(" ", "")] for text in texts]
        keys = [group_key(place, shape, grouping) for place in itertools.product(*map(range, shape))]
        order = sorted(set(keys))
        p = [[stored(kind, value) for value in plane] for plane in lambda_p]
        n = p if lambda_n is None else [[stored(kind, value) for value in plane] for plane in lambda_n]
        assert all(len(plane) == len(order) for plane in p + n) and len(p) == len(n) == len(planes), name
        dense = "F64" if kind == "f64" else DTYPE[kind] if len(planes) == 1 and kind in ("f16", "bf16") else "F32"
        data = b""
        for i, key in enumerate(keys):
            group, value = order.index(key), 0.0
            for k, trits in enumerate(planes):
                assert len(trits) == len(keys), name
                value += p[k][group][1] if trits[i] > 0 else -n[k][group][1] if trits[i] < 0 else 0.0
            if dense == "BF16":
                data += np.float32(value).tobytes()[2:]
            else:
                data += NUMPY[dense](value).tobytes()
        codes = [pack(trits, code) for trits in planes]
        put(ternary, f"{name}.trits", "U8", (len(codes), len(codes[0])), b"".join(codes))
        put(ternary, f"{name}.lambda_p", DTYPE[kind], (len(p), len(order)), b"".join(x for plane in p for x, _ in plane))
        if lambda_n is not None:
            put(ternary, f"{name}.lambda_n", DTYPE[kind], (len(n), len(order)), b"".join(x for plane in n for x, _ in plane))
        for where in (ternary, plain) if bias is not None else ():
            put(where, f"{name}.bias", "F32", (len(bias),), np.array(bias, dtype=np.float32).tobytes())
        put(plain, name, dense, shape, data)
        index[name] = {"shape": list(shape), "grouping": grouping, "code": code, "scales": kind}
        index[name] |= ({"rule": rule} if rule else {}) | ({"bias": True} if bias is not None else {})
    metadata = {"ternarize": json.dumps({"version": 2, "tensors": index}, sort_keys=True, separators=(",", ":"))}
    return bytes(serialize(ternary, metadata=metadata)), bytes(serialize(plain))


def main():
    here = Path(__file__).parent
    files = dict(zip(("ternary", "ternary-dense"), write(TENSORS, PASSED_THROUGH)))
    files |= dict(zip(("ternary-bf16", "ternary-bf16-dense"), write(TENSORS_BF16, {})))
    files |= dict(zip(("ternary-planes", "ternary-planes-dense"), write_planes(TENSORS_PLANES)))
    for name, data in files.items():
        path = here / f"{name}.safetensors"
        if "--check" not in sys.argv[1:]:
            path.write_bytes(data)
        elif path.read_bytes() != data:
            sys.exit(f"{path.name} differs from what make_safetensors.py writes")
        print(f"{path.name}: {len(data)} bytes")


if __name__ == "__main__":
    main()
