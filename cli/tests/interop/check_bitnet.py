"""Checkpoints in Hugging Face's `bitnet` layout become GGUF, MLX and `bitnet` again, with equal values.

Each file is read by its own library: GGUF by `gguf` and by ggml, MLX's by mlx, and
Hugging Face's by `safetensors` with numpy. None of the values may change, for both meanings
of `weight_scale`, for one file and for two with an index. What a format cannot hold is
refused, and nothing is written.
"""

import json

import mlx.core as mx
import numpy as np
from safetensors import safe_open

import bitnet_checkpoint as checkpoint
import llama_cpp
from common import check, check_equal, finish, folder, read_gguf, tool, values_of


def read_bf16(path):
    """The tensors of a safetensors file as {name: (dtype, array)}, with bf16 widened to float32."""
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    out = {}
    with safe_open(path, framework="numpy") as f:
        for name in f.keys():
            entry = header[name]
            if entry["dtype"] == "BF16":
                start, end = (8 + length + offset for offset in entry["data_offsets"])
                array = checkpoint.from_bf16(np.frombuffer(data[start:end], dtype="<u2")).reshape(entry["shape"])
            else:
                array = f.get_tensor(name)
            out[name] = (entry["dtype"], array)
    return out


def read_huggingface(path):
    """The values of a checkpoint in a folder."""
    config = json.loads((path / "config.json").read_text())["quantization_config"]
    stored = read_bf16(path / "model.safetensors")
    values = {}
    for name, (dtype, array) in stored.items():
        if name.endswith("_scale"):
            continue
        if dtype == "U8":
            scale = np.float32(stored[f"{name}_scale"][1].astype(np.float32).reshape(-1)[0])
            unit = scale if config.get("linear_class") == "autobitlinear" else np.float32(1) / scale
            trits = np.concatenate([(array >> shift) & 3 for shift in (0, 2, 4, 6)]).astype(np.float32) - 1
            array = trits * unit
        values[name] = array.astype(np.float32)
    return values


def read_mlx(path):
    """The values of an MLX model in a folder, and the names of its quantized layers."""
    quantization = json.loads((path / "config.json").read_text())["quantization"]
    stored = mx.load(str(path / "model.safetensors"))
    values, quantized = {}, []
    for name, array in stored.items():
        layer, _, part = name.rpartition(".")
        if part in ("scales", "biases"):
            continue
        if f"{layer}.scales" in stored:
            own = quantization.get(layer, quantization)
            array = mx.dequantize(array, stored[f"{layer}.scales"], stored[f"{layer}.biases"], group_size=own["group_size"], bits=own["bits"])
            quantized.append(name)
        values[name] = np.array(array.astype(mx.float32))
    return values, quantized


def check_checkpoint(work, linear_class, sharded):
    """Converts one checkpoint to all formats and compares the values."""
    what = f"{linear_class}{', two files' if sharded else ''}"
    source = work / f"{linear_class}{'-sharded' if sharded else ''}"
    expected = checkpoint.write(source, linear_class, sharded)
    ternary = {name for name, *_ in checkpoint.shapes()}
    tag = source.name

    for form in ("tq2_0", "tq1_0", "q2_0"):
        out = work / f"{tag}-{form}.gguf"
        # An index is named by its file, a single checkpoint by its folder.
        tool("convert", source / "model.safetensors.index.json" if sharded else source, "-o", out, "--to", form)
        by_ggml = llama_cpp.read_gguf(out)
        check_equal(f"{what}: values of {form}, read by ggml", values_of(by_ggml), expected)
        check(f"{what}: the layers have the type {form}", {name for name, (kind, _) in by_ggml.items() if kind == form} == ternary)
        if form != "q2_0":
            check_equal(f"{what}: values of {form}, read by gguf", values_of(read_gguf(out)), expected)

    tool("convert", source, "-o", work / f"{tag}-mlx", "--to", "mlx")
    values, quantized = read_mlx(work / f"{tag}-mlx")
    check_equal(f"{what}: values of mlx, read by mlx", values, expected)
    check(f"{what}: mlx finds all layers quantized", set(quantized) == ternary)

    back = work / f"{tag}-back"
    for origin in (source, work / f"{tag}-tq2_0.gguf", work / f"{tag}-mlx"):
        tool("convert", origin, "-o", back, "--to", "hf-bitnet", "--force")
        check_equal(f"{what}: values of hf-bitnet again, from {origin.name}", read_huggingface(back), expected)
        stored = read_bf16(back / "model.safetensors")
        check(f"{what}: the layers are packed, from {origin.name}", {name for name, (dtype, _) in stored.items() if dtype == "U8"} == ternary)

    dense = work / f"{tag}-dense.safetensors"
    tool("dequantize", source, "-o", dense, "--type", "f32")
    check_equal(f"{what}: values of ternarize dequantize", {n: a for n, (_, a) in read_bf16(dense).items()}, expected)


def check_refusals(work):
    """Formats that cannot hold a tensor: exit code 1, a message that says why, and no file."""
    source = work / "narrow"
    name = "model.layers.0.mlp.odd_proj.weight"
    checkpoint.write(source, "autobitlinear", layers=[(name, 8, 320)])
    out = work / "narrow.gguf"
    said = tool("convert", source, "-o", out, "--to", "tq2_0", code=1)
    missing = [word for word in (name, "320", "256") if word not in said]
    check("rows of 320 do not fit blocks of 256: the message names the tensor, the row and the block", not missing, f"missing {missing}: {said}" if missing else said.strip())
    check("nothing was written", not out.exists() and not list(work.glob("*.tmp*")))
    tool("convert", source, "-o", out, "--to", "q2_0")
    check("rows of 320 fit blocks of 64", out.exists())

    # 1/3 is no f16, and a conversion changes no values.
    source = work / "third"
    name = "model.layers.0.mlp.third_proj.weight"
    checkpoint.write(source, "bitlinear", layers=[(name, 8, 256)])
    stored, _ = checkpoint.make("bitlinear", [(name, 8, 256)])
    stored[f"{name}_scale"] = ("bfloat16", checkpoint.bf16_bits(np.array([3.0])))
    checkpoint.save(source / "model.safetensors", stored)
    out = work / "third.gguf"
    said = tool("convert", source, "-o", out, "--to", "tq2_0", code=1)
    check("a scale that is no f16 is refused, and the message names the tensor", name in said, said.strip())
    check("nothing was written", not out.exists())


def main():
    """Runs all comparisons."""
    work = folder("bitnet")
    for linear_class in ("bitlinear", "autobitlinear"):
        for sharded in (False, True):
            check_checkpoint(work, linear_class, sharded)
    check_refusals(work)
    finish()


if __name__ == "__main__":
    main()
