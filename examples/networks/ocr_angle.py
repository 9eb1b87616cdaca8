#!/usr/bin/env python3
"""The network of PaddleOCR that tells whether a line of text is upside down: a MobileNetV3 with batch norms."""

import shutil

import common
import numpy as np
import text_images

HEIGHT, WIDTH = 48, 192
WORDS = 3
DRAWS, CALIBRATION, TEST = 3, 512, 1000


def lines(source, count):
    """Inputs and labels: 1 if the image is upside down."""
    labels = source.random.integers(0, 2, count)
    images = [source.image(source.text(WORDS)).rotate(180 * int(turned)) for turned in labels]
    return {"x": np.stack([text_images.network_input(image, HEIGHT, WIDTH) for image in images])}, labels


def make(folder):
    shutil.copyfile(text_images.paddle_ocr() / "cls-model.onnx", folder / "model.onnx")
    source = text_images.Source(text_images.CALIBRATION_FONTS, "nytEditorial", seed=0)
    for draw in range(DRAWS):
        inputs, _ = lines(source, CALIBRATION)
        np.savez_compressed(folder / f"calibrate-{draw}.npz", **inputs)
    inputs, labels = lines(text_images.Source(text_images.TEST_FONTS, "movieReview", seed=1), TEST)
    np.savez_compressed(folder / "test.npz", **inputs)
    np.save(folder / "labels.npy", labels)


def quality(expected, found, labels):
    """The accuracy, and how many lines get the same label as from f32."""
    (expected,), (found,) = expected.values(), found.values()
    same = expected.argmax(1) == found.argmax(1)
    return {"accuracy": float((found.argmax(1) == labels).mean()), "same label": float(same.mean())}


if __name__ == "__main__":
    common.main("ocr-angle", make, quality)
