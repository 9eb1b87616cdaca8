"""Writes files of importances, in both forms of llama.cpp's program `imatrix`.

For each tensor the program adds up the squares of the inputs, by column. The older form
stores their mean times a number of calls, the newer one the sums and the count; the mean
is the same in both.

Older form: i32 number of entries; for each i32 length of the name, the name, i32 calls,
i32 number of values, f32 values; then i32 number of chunks, i32 length and text of the
data set's name. Newer form: GGUF with the tensors NAME.in_sum2 and NAME.counts.
"""

import struct
from pathlib import Path

import gguf
import numpy as np

CHUNK_SIZE = 512
CHUNKS = 4
# A power of two, so that dividing the sums by it loses nothing and both forms mean the same numbers.
COUNT = CHUNKS * CHUNK_SIZE
DATA_SET = "known-numbers.txt"


def means(columns, seed=6):
    """Known means of squares, {name: float32 array}, for the numbers of columns by name: a few large, most small."""
    rng = np.random.default_rng(seed)
    return {name: np.exp(1.5 * rng.standard_normal(count)).astype(np.float32) for name, count in columns.items()}


def write_older(path, values):
    """Writes the older form."""
    out = [struct.pack("<i", len(values))]
    for name, mean in sorted(values.items()):
        text = name.encode()
        out += [struct.pack("<i", len(text)), text, struct.pack("<ii", CHUNKS, len(mean)), (mean * np.float32(CHUNKS)).tobytes()]
    out += [struct.pack("<ii", CHUNKS, len(DATA_SET)), DATA_SET.encode()]
    Path(path).write_bytes(b"".join(out))


def write_newer(path, values):
    """Writes the newer form."""
    writer = gguf.GGUFWriter(path, "")
    # Such a file has no architecture, which the writer sets by itself.
    writer.kv_data[0].clear()
    writer.add_type("imatrix")
    writer.add_array("imatrix.datasets", [DATA_SET])
    writer.add_uint32("imatrix.chunk_count", CHUNKS)
    writer.add_uint32("imatrix.chunk_size", CHUNK_SIZE)
    for name, mean in sorted(values.items()):
        writer.add_tensor(f"{name}.in_sum2", mean * np.float32(COUNT))
        writer.add_tensor(f"{name}.counts", np.array([COUNT], dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
