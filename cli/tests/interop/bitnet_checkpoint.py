"""Writes checkpoints as Hugging Face's `bitnet` quantizer leaves them.

    python3 bitnet_checkpoint.py FOLDER bitlinear|autobitlinear [--sharded]

A layer has `weight`, U8 [rows / 4, columns], and `weight_scale` with one element. Byte
[r][c] holds four codes, trit + 1, of column c: rows r, r + rows/4, r + 2 rows/4 and
r + 3 rows/4, the first in the low bits. What a weight is depends on config.json:
trit / weight_scale for `linear_class` `bitlinear`, trit * weight_scale for
`autobitlinear`. The other tensors are BF16.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from safetensors import TensorSpec, serialize

LAYERS = 2
HIDDEN = 256
FEED_FORWARD = 512
VOCABULARY = 64


def shapes():
    """The ternary layers: name, rows, columns."""
    for layer in range(LAYERS):
        for name, rows, columns in [("self_attn.q_proj", HIDDEN, HIDDEN), ("self_attn.k_proj", HIDDEN // 2, HIDDEN),
                                    ("self_attn.v_proj", HIDDEN // 2, HIDDEN), ("self_attn.o_proj", HIDDEN, HIDDEN),
                                    ("mlp.gate_proj", FEED_FORWARD, HIDDEN), ("mlp.up_proj", FEED_FORWARD, HIDDEN),
                                    ("mlp.down_proj", HIDDEN, FEED_FORWARD)]:
            yield f"model.layers.{layer}.{name}.weight", rows, columns


def bf16_bits(values):
    """The bits of float32 values rounded to bf16, ties to even."""
    bits = np.ascontiguousarray(values, dtype=np.float32).view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)


def from_bf16(bits):
    """The float32 values of bf16 bits."""
    return (bits.astype(np.uint32) << 16).view(np.float32)


def pack(trits):
    """The bytes [rows / 4, columns] of trits [rows, columns]."""
    quarters = (trits + 1).astype(np.uint8).reshape(4, trits.shape[0] // 4, trits.shape[1])
    return quarters[0] | quarters[1] << 2 | quarters[2] << 4 | quarters[3] << 6


def scale_of(linear_class, k):
    """The weight_scale of the k-th layer, bf16 bits, and the float32 that a trit stands for.

    GGUF's blocks have scales in f16. Every bf16 of a usual size is one; of the quotients
    1 / weight_scale only those of powers of two are.
    """
    value = np.float32(2.0 ** (k % 5 + 2)) if linear_class == "bitlinear" else np.float32(0.013 * (k + 1))
    bits = bf16_bits(np.array([value]))
    stored = from_bf16(bits)[0]
    return bits, np.float32(1) / stored if linear_class == "bitlinear" else stored


def make(linear_class, layers=None, seed=4):
    """The tensors of the file {name: (dtype, array)}, and the values that they stand for {name: float32 array}."""
    rng = np.random.default_rng(seed)
    stored, values = {}, {}
    for k, (name, rows, columns) in enumerate(shapes() if layers is None else layers):
        trits = rng.choice(np.array([-1, 0, 0, 1], dtype=np.int8), (rows, columns))
        bits, unit = scale_of(linear_class, k)
        stored[name] = ("uint8", pack(trits))
        stored[f"{name}_scale"] = ("bfloat16", bits)
        values[name] = trits.astype(np.float32) * unit
    plain = {"model.embed_tokens.weight": (VOCABULARY, HIDDEN), "model.norm.weight": (HIDDEN,)}
    plain |= {f"model.layers.{k}.{norm}.weight": (HIDDEN,) for k in range(LAYERS) for norm in ("input_layernorm", "post_attention_layernorm")}
    for name, shape in plain.items():
        bits = bf16_bits(rng.standard_normal(shape, dtype=np.float32))
        stored[name] = ("bfloat16", bits)
        values[name] = from_bf16(bits)
    return stored, values


def config(linear_class):
    """The content of config.json."""
    quantization = {"quant_method": "bitnet", "linear_class": linear_class, "modules_to_not_convert": ["lm_head"]}
    quantization["quantization_mode"] = "offline"
    return {"architectures": ["BitNetForCausalLM"], "model_type": "bitnet", "hidden_size": HIDDEN, "intermediate_size": FEED_FORWARD,
            "num_hidden_layers": LAYERS, "num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": VOCABULARY,
            "tie_word_embeddings": True, "quantization_config": quantization}


def save(path, stored):
    """Writes a safetensors file; numpy has no bf16, so bits are passed with their type."""
    arrays = {name: np.ascontiguousarray(array) for name, (_, array) in stored.items()}
    specs = {name: TensorSpec(dtype=stored[name][0], shape=array.shape, data_ptr=array.ctypes.data, data_len=array.nbytes)
             for name, array in arrays.items()}
    Path(path).write_bytes(serialize(specs, metadata={"format": "pt"}))


def write(folder, linear_class, sharded=False, layers=None):
    """Writes a checkpoint and returns the values that its tensors stand for."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    stored, values = make(linear_class, layers)
    (folder / "config.json").write_text(json.dumps(config(linear_class), indent=2))
    if not sharded:
        save(folder / "model.safetensors", stored)
        return values
    # A weight and its scale may lie in different files, so every second name goes to the second file.
    files = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
    weight_map = {name: files[k % 2] for k, name in enumerate(stored)}
    for file in files:
        save(folder / file, {name: stored[name] for name in stored if weight_map[name] == file})
    size = sum(array.nbytes for _, array in stored.values())
    index = {"metadata": {"total_size": size}, "weight_map": weight_map}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index, indent=2))
    return values


def main():
    """Writes one checkpoint from the command line."""
    parser = argparse.ArgumentParser(description="Writes a checkpoint as Hugging Face's bitnet quantizer leaves it.")
    parser.add_argument("folder")
    parser.add_argument("linear_class", choices=["bitlinear", "autobitlinear"])
    parser.add_argument("--sharded", action="store_true")
    options = parser.parse_args()
    write(options.folder, options.linear_class, options.sharded)


if __name__ == "__main__":
    main()
