"""Arrays of a safetensors file where they lie on the disk: the system reads what is touched, and may forget it."""

import json
import mmap
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Int, UInt8
from safetensors import SafetensorError, safe_open

from moldiff.errors import DataError

DTYPES = {
    "U8": np.uint8,
    "I8": np.int8,
    "U16": np.uint16,
    "I16": np.int16,
    "U32": np.uint32,
    "I32": np.int32,
    "U64": np.uint64,
    "I64": np.int64,
    "F32": np.float32,
    "F64": np.float64,
}
LINE_FEED = 10
PIECE = 1 << 24  # bytes that are searched at once


def mapped_arrays(file: Path) -> dict[str, np.ndarray]:
    """The arrays of a file, read-only, without reading them.

    Args:
        file: in the format of safetensors: the length of a JSON header, the header, and the arrays one after the other.

    Returns:
        The arrays by name.

    Raises:
        DataError: if it is no such file, or holds arrays of another kind.
    """
    try:
        with safe_open(file, framework="np"):
            pass  # checks the header against the length of the file
        with file.open("rb") as stream:
            (length,) = struct.unpack("<Q", stream.read(8))
            header = json.loads(stream.read(length))
            whole = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError, SafetensorError) as error:
        raise DataError(f"{file}: cannot be read: {error}; prepare it again") from error
    arrays = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        if entry["dtype"] not in DTYPES:
            raise DataError(f"{file}: array {name!r} is {entry['dtype']}, expected {', '.join(DTYPES)}")
        kind, shape = np.dtype(DTYPES[entry["dtype"]]), tuple(entry["shape"])
        count = int(np.prod(shape, dtype=np.int64))
        arrays[name] = np.frombuffer(whole, kind, count, 8 + length + entry["data_offsets"][0]).reshape(shape)
    return arrays


class Lines:
    """Lines of UTF-8 text, as of `moldiff.data.store.packing.join_text`, decoded when they are read.

    Args:
        joined: the bytes, each line ended by a line feed.
    """

    def __init__(self, joined: UInt8[np.ndarray, "c"]) -> None:
        self._joined = joined
        self._ends: Int[np.ndarray, "m"] = np.concatenate([np.empty(0, dtype=np.int64), *_ends(joined)])

    def __len__(self) -> int:
        return len(self._ends)

    def __getitem__(self, index: int) -> str:
        place = range(len(self))[index]
        start = self._ends[place - 1] + 1 if place else 0
        return self._joined[start : self._ends[place]].tobytes().decode()


def _ends(joined: UInt8[np.ndarray, "c"]) -> Iterator[Int[np.ndarray, "_"]]:
    for start in range(0, len(joined), PIECE):
        yield start + np.flatnonzero(joined[start : start + PIECE] == LINE_FEED)
