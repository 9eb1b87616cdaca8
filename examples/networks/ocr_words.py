#!/usr/bin/env python3
"""The network of PaddleOCR (PP-OCRv2) that reads words: convolutions, batch norms and two LSTMs in both directions."""

import shutil

import common
import numpy as np
import text_images

# The network was exported for this width: a word.
HEIGHT, WIDTH = 32, 100
DRAWS, CALIBRATION, TEST = 3, 512, 500


def words(source, count):
    """Inputs and texts."""
    texts = [source.text(1) for _ in range(count)]
    return {"x": np.stack([text_images.network_input(source.image(text), HEIGHT, WIDTH) for text in texts])}, np.array(texts)


def make(folder):
    shutil.copyfile(text_images.paddle_ocr() / "ch_PP-OCRv2_rec_infer.onnx", folder / "model.onnx")
    source = text_images.Source(text_images.CALIBRATION_FONTS, "nytEditorial", seed=0)
    for draw in range(DRAWS):
        inputs, _ = words(source, CALIBRATION)
        np.savez_compressed(folder / f"calibrate-{draw}.npz", **inputs)
    inputs, texts = words(text_images.Source(text_images.TEST_FONTS, "movieReview", seed=1), TEST)
    np.savez_compressed(folder / "test.npz", **inputs)
    np.save(folder / "labels.npy", texts)


def read(scores):
    """The texts that the network reads: the best symbol at each place, without repeats and blanks."""
    keys = (text_images.paddle_ocr() / "ppocr_keys_v1.txt").read_text(encoding="utf-8").split("\n")
    symbols = ["", *(key.strip("\r") for key in keys if key), " "]
    best = scores.argmax(2)
    fresh = np.diff(best, prepend=0) != 0
    return np.array(["".join(symbols[i] for i in row[new]) for row, new in zip(best, fresh)])


def quality(expected, found, texts):
    """How many words are read right, and how many are read as by f32."""
    (expected,), (found,) = expected.values(), found.values()
    return {"words right": float((read(found) == texts).mean()), "same word": float((read(found) == read(expected)).mean())}


if __name__ == "__main__":
    common.main("ocr-words", make, quality)
