"""Safetensors files, read and written with numpy alone.

file   := u64 little-endian length of header, header, data
header := JSON object, padded with spaces: {"__metadata__": {text: text}, name: tensor, ...}
tensor := {"dtype": "F32", "shape": [..], "data_offsets": [begin, end]}   offsets from data's start

The writer starts every tensor on a 64-byte boundary of the file. The format allows no gaps, so
holes are filled by U8 tensors named __padding0__, __padding1__, ...; the reader drops those.
"""
import hashlib
import json
import os
import struct

import numpy as np

ALIGNMENT = 64
DTYPES = {"F32": np.dtype("<f4"), "F64": np.dtype("<f8"), "F16": np.dtype("<f2"),
          "I64": np.dtype("<i8"), "I32": np.dtype("<i4"), "U8": np.dtype("u1")}
NAMES = {dtype: name for name, dtype in DTYPES.items()}
BF16 = np.dtype("<u2")  # as bits: numpy has no such type


def is_padding(name):
    return name.startswith("__padding")


def read(path, keep_padding=False):
    """(tensors, metadata): arrays by name in the order of the data, and the texts of the file.

    bfloat16 is widened to float32. Another type than these raises ValueError.
    """
    size = os.path.getsize(path)
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        if length > size - 8:
            raise ValueError(f"{path}: the header is longer than the file")
        header = json.loads(file.read(length))
    metadata = header.pop("__metadata__", {})
    data = np.memmap(path, dtype=np.uint8, mode="r", offset=8 + length) if size > 8 + length \
        else np.zeros(0, np.uint8)
    tensors, at = {}, 0
    for name, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
        begin, end = entry["data_offsets"]
        kind = entry["dtype"]
        if kind not in DTYPES and kind != "BF16":
            raise ValueError(f"{path}: '{name}' has type {kind}, which this reader does not know")
        dtype = DTYPES.get(kind, BF16)
        count = int(np.prod(entry["shape"], dtype=np.int64))
        if begin != at or end - begin != count * dtype.itemsize or end > data.size:
            raise ValueError(f"{path}: offsets of '{name}' do not fit")
        at = end
        if keep_padding or not is_padding(name):
            values = np.frombuffer(data[begin:end], dtype)
            if kind == "BF16":
                values = (values.astype("<u4") << 16).view("<f4")
            tensors[name] = values.reshape(entry["shape"])
    if at != data.size:
        raise ValueError(f"{path}: {data.size - at} bytes behind the last tensor")
    return tensors, metadata


def _placed(tensors):
    """(name, array) in order, with the padding tensors between them."""
    at = padding = 0
    for name, array in tensors.items():
        if at % ALIGNMENT:
            fill = np.zeros(ALIGNMENT - at % ALIGNMENT, np.uint8)
            yield f"__padding{padding}__", fill
            padding += 1
            at += fill.size
        array = np.ascontiguousarray(array).reshape(np.shape(array))
        if array.dtype not in NAMES:
            raise ValueError(f"'{name}' has type {array.dtype}, which this writer does not know")
        yield name, array
        at += array.nbytes


def write(path, tensors, metadata=None):
    """Writes arrays in the order given. Adds `sha256` of the data section to the metadata."""
    placed = list(_placed(tensors))
    digest, header, at = hashlib.sha256(), {}, 0
    for name, array in placed:
        digest.update(array.tobytes())
        header[name] = {"dtype": NAMES[array.dtype], "shape": list(array.shape),
                        "data_offsets": [at, at + array.nbytes]}
        at += array.nbytes
    texts = {**(metadata or {}), "sha256": digest.hexdigest()}
    text = json.dumps({"__metadata__": texts, **header}, separators=(",", ":")).encode()
    text += b" " * (-(8 + len(text)) % ALIGNMENT)
    partial = f"{path}.partial"
    with open(partial, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for _, array in placed:
            file.write(array.tobytes())
    os.replace(partial, path)
