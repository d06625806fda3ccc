"""Molecules as flat arrays: the layout of the store's file, and what worker processes return."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Integer

from moldiff.chem.bond_perception import SMILES_KEYS
from moldiff.chem.molecule import Failure, Molecule
from moldiff.errors import DataError

_NOTHING = (None, "")


@dataclass(frozen=True, eq=False)
class Packed:
    """`m` molecules with `a` atoms and `e` bonds, one after the other.

    Attributes:
        pos: coordinates, Å.
        elements: atomic numbers.
        charges: formal charges.
        sizes: number of atoms of each molecule.
        bonds: both ends of each bond, once, as atom numbers within the molecule, and its order.
        num_bonds: of each molecule.
        properties: one column per name, NaN where a molecule has no such value.
        smiles: published SMILES of each molecule, may be empty.
        names: title of each molecule.
        texts: one column of words per name, empty where a molecule has none; a name may have numbers, too.
    """

    pos: Float[np.ndarray, "a 3"]
    elements: Integer[np.ndarray, "a"]
    charges: Integer[np.ndarray, "a"]
    sizes: Integer[np.ndarray, "m"]
    bonds: Integer[np.ndarray, "e 3"]
    num_bonds: Integer[np.ndarray, "m"]
    properties: dict[str, Float[np.ndarray, "m"]]
    smiles: list[str]
    names: list[str]
    texts: dict[str, list[str]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.sizes)


def pack(molecules: Sequence[Molecule], smiles: Sequence[str]) -> Packed:
    """Lays molecules one after the other, with their properties but SMILES. No molecule is a `DataError`."""
    if not molecules:
        raise DataError("no molecule to pack")
    bonds = [np.argwhere(np.triu(m.bond)) for m in molecules]
    orders = [m.bond[b[:, 0], b[:, 1]] for m, b in zip(molecules, bonds, strict=True)]
    rows = [{key: _number_and_word(value) for key, value in m.properties.items()} for m in molecules]
    numbers = dict.fromkeys(key for row in rows for key, (number, _) in row.items() if number is not None)
    words = dict.fromkeys(key for row in rows for key, (_, word) in row.items() if word and key not in SMILES_KEYS)
    columns = {
        key: np.array([np.nan if (x := row.get(key, _NOTHING)[0]) is None else x for row in rows], np.float64)
        for key in numbers
    }
    texts = {key: [row.get(key, _NOTHING)[1] for row in rows] for key in words}
    return Packed(
        pos=np.concatenate([m.pos for m in molecules]).astype(np.float32),
        elements=np.concatenate([m.elements for m in molecules]).astype(np.uint8),
        charges=np.concatenate([m.charges for m in molecules]).astype(np.int8),
        sizes=np.array([len(m) for m in molecules], dtype=np.int64),
        bonds=np.column_stack([np.concatenate(bonds), np.concatenate(orders)]).astype(np.uint16),
        num_bonds=np.array([len(b) for b in bonds], dtype=np.int64),
        properties=columns,
        smiles=list(smiles),
        names=[m.name for m in molecules],
        texts=texts,
    )


def _number_and_word(value: float | int | str) -> tuple[float | int | None, str]:
    """A property as a finite number, or as a word; NaN is neither."""
    if isinstance(value, str):
        return None, value
    if math.isfinite(value):
        return value, ""
    return None, "" if math.isnan(value) else str(value)


def concatenate(parts: Sequence[Packed]) -> Packed:
    """One after the other; columns that a part lacks are NaN or empty there. No part is a `DataError`."""
    if not parts:
        raise DataError("no molecule was kept")
    names = dict.fromkeys(name for part in parts for name in part.properties)
    words = dict.fromkeys(name for part in parts for name in part.texts)
    absent = {len(part): np.full(len(part), np.nan) for part in parts}
    return Packed(
        *(
            np.concatenate([getattr(p, k) for p in parts])
            for k in ("pos", "elements", "charges", "sizes", "bonds", "num_bonds")
        ),
        properties={k: np.concatenate([p.properties.get(k, absent[len(p)]) for p in parts]) for k in names},
        smiles=[s for part in parts for s in part.smiles],
        names=[s for part in parts for s in part.names],
        texts={k: [s for p in parts for s in p.texts.get(k, [""] * len(p))] for k in words},
    )


def read_chunk(
    read: Callable[[Any], tuple[Molecule, str] | Failure], records: Sequence[Any]
) -> tuple[Packed | None, Bool[np.ndarray, "r"], list[Failure]]:
    """A worker's task: what was kept, which of the records that was, and why the others were not.

    It stands here and not in `prepare` because this module is quick to import in a fresh process.
    """
    results = [read(record) for record in records]
    good = [result for result in results if not isinstance(result, Failure)]
    failures = [result for result in results if isinstance(result, Failure)]
    mask = np.array([not isinstance(result, Failure) for result in results], dtype=bool)
    return (pack([molecule for molecule, _ in good], [smiles for _, smiles in good]) if good else None), mask, failures


def join_text(lines: Sequence[str]) -> np.ndarray:
    """UTF-8 bytes of lines, each ended by a line feed; a line feed within a line becomes a blank."""
    return np.frombuffer("".join(line.replace("\n", " ") + "\n" for line in lines).encode(), dtype=np.uint8)


def split_text(joined: np.ndarray) -> list[str]:
    """Inverse of `join_text`."""
    return joined.tobytes().decode().split("\n")[:-1]
