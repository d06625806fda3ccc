"""What may have become of a file: some bytes of it, or some of the values in its JSON, are others."""

import json
from typing import Any

import numpy as np

# Numbers that are none, too large or negative, other kinds, and what breaks a terminal or a file name.
VALUES = [
    None,
    True,
    False,
    0,
    -1,
    1,
    7,
    10**30,
    -(10**30),
    0.5,
    1e308,
    float("inf"),
    float("nan"),
    "",
    "x",
    "1",
    "\ud800",
    "é" * 200,
    [],
    [[]],
    {},
    {"x": {}},
    [1, "x"],
]


def damaged_bytes(data: bytes, rng: np.random.Generator) -> bytes:
    """Some bytes flipped, or the end cut off, or something put in."""
    kind = rng.integers(4)
    place = int(rng.integers(len(data) + 1))
    if kind == 0:
        return data[:place]
    if kind == 1:
        return data[:place] + rng.bytes(int(rng.integers(1, 9))) + data[place:]
    flipped = np.frombuffer(data, np.uint8).copy()
    places = rng.integers(len(data), size=int(rng.integers(1, 9)))
    flipped[places] = rng.integers(256, size=len(places))
    return flipped.tobytes()


def damaged_value(value: Any, rng: np.random.Generator) -> Any:
    """One place, somewhere inside, is gone, there once more, or another value."""
    inner = value if isinstance(value, dict) else dict(enumerate(value)) if isinstance(value, list) else {}
    if not inner or rng.random() < 0.1:
        return VALUES[rng.integers(len(VALUES))]
    keys = list(inner)
    key = keys[rng.integers(len(keys))]
    changed = dict(inner)
    if (chance := rng.random()) < 0.1:
        del changed[key]
    elif chance < 0.15:
        changed[f"{key}x" if isinstance(value, dict) else len(inner)] = inner[key]
    else:
        changed[key] = damaged_value(inner[key], rng)
    return changed if isinstance(value, dict) else list(changed.values())


def damaged_json(text: str, rng: np.random.Generator) -> str:
    """As `damaged_value`, of the values of JSON."""
    return json.dumps(damaged_value(json.loads(text), rng))
