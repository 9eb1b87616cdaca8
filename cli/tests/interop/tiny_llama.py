"""Writes a small model of the Llama architecture with random weights, as GGUF in F32.

    python3 tiny_llama.py OUT.gguf

llama.cpp loads the file like any other, with a tokenizer of 256 byte tokens and some
letters. The model has learned nothing. What matters is that all logits depend on all
layers, and that one token has a clearly larger logit than all others, so that small
differences of rounding do not choose the token:

- The head is the embedding with its rows in another order. The embedding of the last token
  stays in the sum that the layers add to, so it makes one logit large.
- Each layer adds about three times as much to that sum as the embedding gave. With less,
  wrong weights change the logits little; with more, tokens are close to each other.
"""

import sys
from dataclasses import dataclass

import gguf
import numpy as np


@dataclass(frozen=True)
class Sizes:
    """The sizes of the model. Rows of 256 weights and multiples fit all block formats of GGUF."""

    layers: int = 3
    embedding: int = 256
    feed_forward: int = 512
    heads: int = 4
    key_heads: int = 2
    vocabulary: int = 320
    context: int = 512


def shapes(sizes):
    """The matrices of one layer: GGUF's short name, rows, columns, and the factor of their weights."""
    head = sizes.embedding // sizes.heads
    e, f, k = sizes.embedding, sizes.feed_forward, sizes.key_heads * head
    return [("attn_q", e, e, 1.0), ("attn_k", k, e, 1.0), ("attn_v", k, e, 1.0), ("attn_output", e, e, 3.0),
            ("ffn_gate", f, e, 1.0), ("ffn_up", f, e, 1.0), ("ffn_down", e, f, 3.0)]


def ternary_matrices(sizes):
    """The names of the tensors that a quantizer makes ternary: all matrices of the layers."""
    return [f"blk.{layer}.{name}.weight" for layer in range(sizes.layers) for name, *_ in shapes(sizes)]


def tensors(sizes=Sizes(), seed=1):
    """The tensors by name, float32, in the order of the file."""
    rng = np.random.default_rng(seed)
    normal = lambda *shape: rng.standard_normal(shape, dtype=np.float32)
    embedding = normal(sizes.vocabulary, sizes.embedding)
    out = {"token_embd.weight": embedding}
    for layer in range(sizes.layers):
        out[f"blk.{layer}.attn_norm.weight"] = 1 + normal(sizes.embedding) / 10
        out[f"blk.{layer}.ffn_norm.weight"] = 1 + normal(sizes.embedding) / 10
        for name, rows, columns, factor in shapes(sizes):
            # Products of normalized inputs have about the size `factor`.
            out[f"blk.{layer}.{name}.weight"] = normal(rows, columns) * np.float32(factor / np.sqrt(columns))
    out["output_norm.weight"] = 1 + normal(sizes.embedding) / 10
    out["output.weight"] = embedding[rng.permutation(sizes.vocabulary)] / np.float32(np.sqrt(sizes.embedding))
    return out


def vocabulary(count):
    """Texts, scores and types of `count` tokens for llama.cpp's tokenizer `llama`."""
    byte_tokens = [f"<0x{byte:02X}>" for byte in range(256)]
    letters = [chr(0x3B1 + k) for k in range(count - 3 - len(byte_tokens))]
    texts = ["<unk>", "<s>", "</s>", *byte_tokens, *letters]
    types = [gguf.TokenType.UNKNOWN, gguf.TokenType.CONTROL, gguf.TokenType.CONTROL]
    types += [gguf.TokenType.BYTE] * len(byte_tokens) + [gguf.TokenType.NORMAL] * len(letters)
    return texts, [-float(k) for k in range(count)], [int(kind) for kind in types]


def write(path, arrays, sizes=Sizes(), quantize=None):
    """Writes the model. `quantize` names a type of gguf for the ternary matrices, or is None for F32."""
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name("tiny random llama")
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    writer.add_context_length(sizes.context)
    writer.add_embedding_length(sizes.embedding)
    writer.add_block_count(sizes.layers)
    writer.add_feed_forward_length(sizes.feed_forward)
    writer.add_head_count(sizes.heads)
    writer.add_head_count_kv(sizes.key_heads)
    writer.add_rope_dimension_count(sizes.embedding // sizes.heads)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(sizes.vocabulary)
    texts, scores, types = vocabulary(sizes.vocabulary)
    writer.add_tokenizer_model("llama")
    writer.add_token_list(texts)
    writer.add_token_scores(scores)
    writer.add_token_types(types)
    writer.add_unk_token_id(0)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    ternary = set(ternary_matrices(sizes))
    for name, array in arrays.items():
        if quantize is not None and name in ternary:
            writer.add_tensor(name, gguf.quantize(array, quantize), raw_dtype=quantize)
        else:
            writer.add_tensor(name, array)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def prompts(count, sizes=Sizes(), seed=2):
    """Prompts of token ids: the first token of a text, then 7 to 23 others."""
    rng = np.random.default_rng(seed)
    return [[1, *rng.integers(3, sizes.vocabulary, rng.integers(7, 24)).tolist()] for _ in range(count)]


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    write(sys.argv[1], tensors())
