"""Reads IDX files of bytes, plain or compressed with gzip: the container of MNIST."""

import gzip
import struct

import numpy as np

UBYTE = 8


def read(path):
    """The array of a file."""
    content = path.read_bytes()
    if content[:2] == b"\x1f\x8b":
        content = gzip.decompress(content)
    zero, kind, rank = struct.unpack_from(">HBB", content)
    if (zero, kind) != (0, UBYTE):
        raise SystemExit(f"{path}: not an IDX file of bytes")
    shape = struct.unpack_from(f">{rank}I", content, 4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * rank).reshape(shape)


def images(path, white):
    """Images of one channel, with brightness in [0, 1]."""
    return (read(path)[:, None] / np.float32(white)).astype(np.float32)
