"""Writes small GGUF files with the gguf package, and what is in them.

    python3 make_gguf.py            # writes types.gguf, ternary.gguf and gguf.json next to this one
    python3 make_gguf.py --check    # only compares with the files that are there

types.gguf has a tensor of each kind of number and metadata of every type, aligned to 64
bytes. ternary.gguf has tensors of whole ternary blocks, and the alignment that files have
without the key. gguf.json has the texts of the metadata and the tensors: type, shape, bytes,
and for ternary ones the trits, the bits of the f16 scales and the bits of the float32 values
that gguf reads back. Trits and scales are chosen by hand; gguf packs them.
"""

import json
import sys
import tempfile
from pathlib import Path

import numpy as np
from gguf import GGMLQuantizationType as Type
from gguf import GGUFValueType as Value
from gguf import GGUFWriter
from gguf.quants import dequantize, quantize

# key: (type, type of the elements of an array, value, its text or None for an array)
METADATA = {
    "general.name": (Value.STRING, None, 'a "name" \u00e9 \U0001f600', 'a "name" \u00e9 \U0001f600'),
    "empty": (Value.STRING, None, "", ""),
    "u8": (Value.UINT8, None, 255, "255"),
    "i8": (Value.INT8, None, -128, "-128"),
    "u16": (Value.UINT16, None, 65535, "65535"),
    "i16": (Value.INT16, None, -32768, "-32768"),
    "u32": (Value.UINT32, None, 4294967295, "4294967295"),
    "i32": (Value.INT32, None, -2147483648, "-2147483648"),
    "f32": (Value.FLOAT32, None, 0.1, "0.1"),
    "true": (Value.BOOL, None, True, "true"),
    "false": (Value.BOOL, None, False, "false"),
    "u64": (Value.UINT64, None, 18446744073709551615, "18446744073709551615"),
    "i64": (Value.INT64, None, -9223372036854775808, "-9223372036854775808"),
    "f64": (Value.FLOAT64, None, -0.1, "-0.1"),
    "array.u8": (Value.ARRAY, Value.UINT8, [0, 1, 255], None),
    "array.i8": (Value.ARRAY, Value.INT8, [-1, 1], None),
    "array.u16": (Value.ARRAY, Value.UINT16, [65535], None),
    "array.i16": (Value.ARRAY, Value.INT16, [-32768, 2, 3], None),
    "array.u32": (Value.ARRAY, Value.UINT32, [1, 2, 3], None),
    "array.i32": (Value.ARRAY, Value.INT32, [-1, -2], None),
    "array.f32": (Value.ARRAY, Value.FLOAT32, [0.5, -0.25], None),
    "array.bool": (Value.ARRAY, Value.BOOL, [True, False, True], None),
    "array.string": (Value.ARRAY, Value.STRING, ["", "a", "\u00e9\n\u4e2d"], None),
    "array.u64": (Value.ARRAY, Value.UINT64, [1 << 63, 0], None),
    "array.i64": (Value.ARRAY, Value.INT64, [-1], None),
    "array.f64": (Value.ARRAY, Value.FLOAT64, [1e300, -0.0], None),
}


def trits(rows, columns, seed):
    """Rows of trits from a formula. Both signs are in each block, so that gguf takes the given scale."""
    signs = [(i * i + seed * i + i // 7) % 11 for i in range(rows * columns)]
    return np.array([(s > 6) - (s < 4) for s in signs], dtype=np.float32).reshape(rows, columns)


def ternary(rows, columns, seed, scales):
    """Trits with a scale for each block of 256."""
    chosen = trits(rows, columns, seed)
    scales = np.array(scales, dtype=np.float16)
    values = chosen.reshape(-1, 256) * scales.astype(np.float32)[:, None]
    return chosen, scales, values.reshape(rows, columns)


def numbers():
    """The tensors of types.gguf: name, type, array for the writer, as raw bytes or not."""
    ramp = np.arange(-32, 32, dtype=np.float32)
    bf16 = (ramp.reshape(2, 4, 8) / 4).view(np.uint32) >> 16
    return [
        ("vector.f32", Type.F32, np.array([0.1, -1.5, 3e38, 1e-45, -0.0], dtype=np.float32)),
        ("matrix.f16", Type.F16, (ramp[:15].reshape(3, 5) / 8).astype(np.float16)),
        ("cube.bf16", Type.BF16, bf16.astype(np.uint16).view(np.uint8).reshape(2, 4, 16)),
        ("vector.i32", Type.I32, np.array([-2147483648, -1, 0, 2147483647], dtype=np.int32)),
        ("matrix.q8_0", Type.Q8_0, quantize(ramp.reshape(2, 32) * np.float32(0.37), Type.Q8_0)),
        ("four.i8", Type.I8, np.arange(-12, 12, dtype=np.int8).reshape(2, 1, 3, 4)),
        ("vector.f64", Type.F64, np.array([0.1, -1e300], dtype=np.float64)),
        ("vector.i64", Type.I64, np.array([-1, 1 << 40], dtype=np.int64)),
        ("vector.i16", Type.I16, np.array([-32768, 7, 1], dtype=np.int16)),
    ]


def ternary_tensors():
    """The ternary tensors: name, type, trits, scales, values."""
    scales = [0.0390625, 1.5, 0.1, 65504.0, 6e-8, 2.0]
    return [
        ("one.tq2_0", Type.TQ2_0, *ternary(1, 256, 3, scales[:1])),
        ("rows.tq1_0", Type.TQ1_0, *ternary(3, 256, 5, scales[:3])),
        ("wide.tq2_0", Type.TQ2_0, *ternary(2, 512, 2, scales[1:5])),
        ("wide.tq1_0", Type.TQ1_0, *ternary(1, 1024, 8, scales[2:])),
    ]


def write(alignment, metadata, tensors):
    """The bytes of a file with these metadata and (name, type, array)."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.gguf"
        writer = GGUFWriter(path, "test")
        if alignment:
            writer.add_custom_alignment(alignment)
        for key, (kind, element, value, _) in metadata.items():
            writer.add_key_value(key, value, kind, element)
        for name, kind, array in tensors:
            writer.add_tensor(name, array, raw_dtype=kind)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        return path.read_bytes()


def plain(name, kind, array):
    """What gguf.json says of a tensor of numbers."""
    bytes_of_weight = {Type.BF16: 2}.get(kind)
    shape = list(array.shape)
    if bytes_of_weight:
        shape[-1] //= bytes_of_weight
    if kind == Type.Q8_0:
        shape[-1] = shape[-1] // 34 * 32
    return {"name": name, "type": kind.name, "shape": shape, "bytes": array.tobytes().hex()}


def blocks(name, kind, chosen, scales, values):
    """A ternary tensor as gguf packs it: what gguf.json says of it, and the array for the writer."""
    packed = quantize(values, kind)
    read = dequantize(packed, kind)
    assert (read == values).all(), f"{name}: gguf reads other values"
    entry = plain(name, kind, packed)
    entry["shape"] = list(chosen.shape)
    entry["trits"] = "".join("-0+"[int(t) + 1] for t in chosen.flat)
    entry["scales_f16_bits"] = scales.view(np.uint16).tolist()
    entry["values_f32_bits"] = " ".join(f"{bits:08x}" for bits in read.view(np.uint32).flat)
    return entry, (name, kind, packed)


def main():
    here = Path(__file__).parent
    of_numbers = numbers()
    entries, packed = zip(*(blocks(*tensor) for tensor in ternary_tensors()))
    types = of_numbers[:5] + list(packed[:2]) + of_numbers[5:]
    described = [plain(*tensor) for tensor in of_numbers]
    text = {key: text for key, (_, _, _, text) in METADATA.items()}
    ours = {"general.architecture": "test"}
    expected = {
        "types.gguf": {
            "metadata": list((ours | {"general.alignment": "64"} | text).items()),
            "tensors": described[:5] + list(entries[:2]) + described[5:],
        },
        "ternary.gguf": {"metadata": list(ours.items()), "tensors": list(entries)},
    }
    lines = [f"{json.dumps(name)}: {json.dumps(file)}" for name, file in expected.items()]
    files = {
        "types.gguf": write(64, METADATA, types),
        "ternary.gguf": write(None, {}, packed),
        "gguf.json": ("{\n" + ",\n".join(lines) + "\n}\n").encode(),
    }
    for name, data in files.items():
        path = here / name
        if "--check" not in sys.argv[1:]:
            path.write_bytes(data)
        elif path.read_bytes() != data:
            sys.exit(f"{path.name} differs from what make_gguf.py writes")
        print(f"{path.name}: {len(data)} bytes")


if __name__ == "__main__":
    main()
