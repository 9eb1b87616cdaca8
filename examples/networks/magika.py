#!/usr/bin/env python3
"""Magika 3.3, a convolutional network that tells the type of a file from its first and last bytes.

The network is that of the PyPI package `magika` (Apache-2.0). The inputs are real files of many types from pinned packages, for the
test from other packages than for calibration.
"""

from random import Random

import common
import numpy as np
from packages import npm, sdist, wheel

# What the network sees of a file: the ends of its first and last `BLOCK` bytes, without white space, each in `END` tokens.
BLOCK, END = 4096, 1024
PADDING = 256
SHORTEST = 8

# So many files of a draw have the same suffix at most.
SAME_SUFFIX = 25
DRAWS, CALIBRATION, TEST = 3, 400, 600

CALIBRATION_PACKAGES = [
    (sdist, "mutagen==1.47.0", "719fadef0a978c31b4cf3c956261b3c58b6948b32023078a2117b1de09f0fc99"),
    (sdist, "patool==3.0.3", "08a79e570b4ed7298b0901717a4fb5aee20299f0ec70e3c44fa431699e0badb3"),
    (sdist, "pillow==11.0.0", "72bacbaf24ac003fea9bff9837d1eedb6088758d41e100c1552930151f677739"),
    (sdist, "pygments==2.18.0", "786ff802f32e91311bff3889f6e9a86e81505fe99f2735bb6d60ae0c5004f199"),
    (wheel, "django==5.1.3", "8b38a9a12da3ae00cb0ba72da985ec4b14de6345046b1e174b1fd7254398f818"),
    (wheel, "matplotlib==3.9.3", "d3c93796b44fa111049b88a24105e947f03c01966b5c0cc782e2ee3887b790a3"),
    (wheel, "pydicom==3.0.1", "db32f78b2641bd7972096b8289111ddab01fb221610de8d7afa835eb938adb41"),
    (wheel, "python-docx==1.1.2", "08c20d6058916fb19853fcf080f7f42b6270d89eac9fa5f8c15f691c0017fabe"),
    (wheel, "setuptools==75.6.0", "ce74b49e8f7110f9bf04883b730f4765b774ef3ef28f722cce7c273d253aaf7d"),
    (npm, "react-native@0.76.3", "48378135e7f4fba7a9530d489dc0a799ffe921a878847fb31c04067d7eeeea0c"),
    (npm, "tree-sitter-wasms@0.1.12", "13423e45f36415401754e98517b32e529baf6e32fcb6532d494cdb29c6c379e6"),
]
TEST_PACKAGES = [
    (sdist, "docutils==0.21.2", "3a6b18732edf182daa3cd12775bbb338cf5691468f91eeeb109deff6ebfa986f"),
    (sdist, "hachoir==3.3.0", "fd7679f649c17ee45ab2ba5eacddc702c667ea5200c0a1fd063d4615fa7270d2"),
    (sdist, "meson==1.6.0", "999b65f21c03541cf11365489c1fad22e2418bb0c3d50ca61139f2eec09d5496"),
    (sdist, "puremagic==1.28", "195893fc129657f611b86b959aab337207d6df7f25372209269ed9e303c1a8c0"),
    (sdist, "pypdf==5.1.0", "425a129abb1614183fd1aca6982f650b47f8026867c0ce7c4b9f281c443d2740"),
    (wheel, "distlib==0.3.9", "47f8c22fd27c27e25a65601af709b38e4f0a45ea4fc2e710f65755fa8caaaf87"),
    (wheel, "jupyterlab==4.3.1", "2d9a1c305bc748e277819a17a5d5e22452e533e835f4237b2f30f3b0e491e01f"),
    (wheel, "python-pptx==1.0.2", "160838e0b8565a8b1f67947675886e9fea18aa5e795db7ae531606d68e785cba"),
    (wheel, "scikit-learn==1.5.2", "f8b0ccd4a902836493e026c03256e8b206656f91fbcc4fde28c57a5b752561f1"),
    (wheel, "sphinx==8.1.3", "09719015511837b76bf6e03e42eb7595ac8c2e41eeb9c29c5b755c6b677992a2"),
    (npm, "@capacitor/android@6.2.0", "b9d0e2bbd643f32598fbf75ea10d94ee8f9cdadc32e4801bec2ce53c7e7c01c8"),
    (npm, "@fortawesome/fontawesome-free@6.7.1", "0c7398e99c821b50d5ce02cecbc8f0c4c39f02b70b4d8981420c4c5591991c38"),
    (npm, "cordova-ios@7.1.1", "d12662e92f358e19aff4419e068ffb8b83797f57280ad963e82e554462e255e7"),
    (npm, "sql.js@1.12.0", "e061f770a2c035676dc4c5fb6fc702da167cffa725e79a8abe2ee69f0fc7a89f"),
]


def tokens(content):
    """The network's input for the bytes of a file, or `None` if the file is too short for it."""
    first, last = content[:BLOCK].lstrip()[:END], content[-BLOCK:].rstrip()[-END:]
    if len(first) < SHORTEST:
        return None
    row = np.full(2 * END, PADDING, np.int32)
    row[: len(first)] = list(first)
    row[2 * END - len(last) :] = list(last)
    return row


def files(packages):
    """`{suffix: paths}` of the files of packages."""
    by_suffix = {}
    for fetch, requirement, sha256 in packages:
        for path in sorted(fetch(requirement, sha256).rglob("*")):
            if path.is_file() and not path.is_symlink():
                by_suffix.setdefault(path.suffix.lower() or path.name, []).append(path)
    return by_suffix


def draws(packages, count, size, random, seen):
    """The inputs of `count` draws of files. No two files have the same input, nor one that was seen before."""
    dealt = [[] for _ in range(count)]
    for paths in files(packages).values():
        random.shuffle(paths)
        # The files of a suffix go to the draws in turn.
        place = first = random.randrange(count)
        for path in paths:
            row = tokens(path.read_bytes())
            if row is not None and row.tobytes() not in seen:
                seen.add(row.tobytes())
                dealt[place % count].append(row)
                place += 1
            if place - first == count * SAME_SUFFIX:
                break
    return [np.stack(random.sample(rows, size)) for rows in dealt]


def make(folder):
    package = wheel("magika==1.0.3", "3e9b49134e8116ee40b431664dcbed9e199413efddcce1a173c734b4e0521529")
    (folder / "model.onnx").write_bytes((package / "magika/models/standard_v3_3/model.onnx").read_bytes())
    random, seen = Random(0), set()
    for draw, rows in enumerate(draws(CALIBRATION_PACKAGES, DRAWS, CALIBRATION, random, seen)):
        np.savez_compressed(folder / f"calibrate-{draw}.npz", bytes=rows)
    (rows,) = draws(TEST_PACKAGES, 1, TEST, random, seen)
    np.savez_compressed(folder / "test.npz", bytes=rows)


def quality(expected, found, _):
    """How many files get the same type as from f32."""
    same = expected["target_label"].argmax(1) == found["target_label"].argmax(1)
    return {"same type": float(same.mean())}


if __name__ == "__main__":
    common.main("magika", make, quality)
