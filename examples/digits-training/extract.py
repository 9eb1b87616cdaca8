#!/usr/bin/env python3
"""Write scikit-learn's handwritten digits as IDX files, the container of MNIST.

    pip install scikit-learn
    python3 examples/digits-training/extract.py

Every run writes the same bytes: there is no chance in it. `data/README.md` says whose data this
is and under which licence.

The split: with the images sorted by digit, and those of one digit left in the data set's order,
every fifth is a test image. That makes 360 test images, 35 to 37 of every digit, and leaves 1,437.
Every fifth image of the unsorted set would not do: the writers wrote the digits in a fixed
sequence whose rhythm beats with five, so one digit would have 48 test images and another 26.
"""

import argparse
import struct
from pathlib import Path

from sklearn.datasets import load_digits

# The third byte says "unsigned bytes", the fourth is the number of dimensions.
IDX_UBYTE_1D = 0x00000801
IDX_UBYTE_3D = 0x00000803

# One image in this many is a test image.
TEST_EVERY = 5


def is_test_image(labels):
    """For every image, in the data set's order, whether it is a test image."""
    by_digit = sorted(range(len(labels)), key=lambda image: labels[image])  # sorted() is stable
    chosen = set(by_digit[::TEST_EVERY])
    return [image in chosen for image in range(len(labels))]


def write_idx(path, magic, dimensions, payload):
    """One IDX file: the magic number and the dimensions, big-endian, then the bytes row by row."""
    header = struct.pack(f">{1 + len(dimensions)}I", magic, *dimensions)
    path.write_bytes(header + payload)
    print(f"{path}: {len(header) + len(payload)} bytes, {dimensions[0]} items")


def write_part(folder, name, images, labels):
    """The images and the labels of one part of the split."""
    count, rows, columns = images.shape
    write_idx(
        folder / f"{name}-images.idx3-ubyte",
        IDX_UBYTE_3D,
        (count, rows, columns),
        images.tobytes(),
    )
    write_idx(folder / f"{name}-labels.idx1-ubyte", IDX_UBYTE_1D, (count,), labels.tobytes())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--out",
        type=Path,
        default=Path(__file__).parent / "data",
        help="the folder to write to (default: %(default)s)",
    )
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)

    digits = load_digits()
    # The values are whole numbers from 0 to 16 that scikit-learn hands out as doubles.
    images = digits.images.astype("uint8")
    labels = digits.target.astype("uint8")
    if (images != digits.images).any() or images.max() > 16:
        raise SystemExit("expected whole numbers from 0 to 16: is this another data set?")

    test = is_test_image(labels.tolist())
    train = [not t for t in test]
    write_part(out, "train", images[train], labels[train])
    write_part(out, "test", images[test], labels[test])


if __name__ == "__main__":
    main()
