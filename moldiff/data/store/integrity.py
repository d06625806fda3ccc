"""Whether a store is what it says it is: kinds, shapes and ranges of all it holds, read once on opening."""

import codecs
import itertools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from moldiff.chem.molecule import MAX_ATOMS, MAX_COORDINATE
from moldiff.chem.vocabulary import Vocabulary
from moldiff.data.statistics import Statistics
from moldiff.data.store.memory_map import LINE_FEED, PIECE
from moldiff.errors import DataError

SPLITS = ("train", "valid", "test")
PROPERTY = "property."
AGAIN = "the store is damaged or of another program, prepare it again"
BLOCK = 1 << 20  # atoms or bonds that are looked at together
_CLOSE = 1e-3  # of frequencies that are counted again: what tells a training apart, not a changed bond
_SCALE = 0.1  # of the spread of the coordinates, as a share
_MOLECULES, _ATOMS, _BONDS, _TEXT = "molecules", "atoms", "bonds", "text"
_ARRAYS: dict[str, tuple[tuple[str, ...], str, tuple[int, ...]]] = {  # kinds, what the rows are, the other lengths
    "pos": (("float32",), _ATOMS, (3,)),
    "atom": (("uint8",), _ATOMS, ()),
    "size": (("uint16",), _MOLECULES, ()),
    "bond_ends": (("uint8", "uint16"), _BONDS, (2,)),
    "bond_order": (("uint8",), _BONDS, ()),
    "num_bonds": (("uint16",), _MOLECULES, ()),
    "split": (("uint8",), _MOLECULES, ()),
    "smiles": (("uint8",), _TEXT, ()),
    "names": (("uint8",), _TEXT, ()),
}
_COLUMN = (("float32", "float64"), _MOLECULES, ())
_Count = Annotated[int, Field(ge=0)]


class _Meta(BaseModel):
    """`meta.json`, which holds nothing else."""

    model_config = ConfigDict(extra="forbid", strict=True)

    format: Literal["moldiff-store"]
    version: int
    name: str
    num_molecules: Annotated[int, Field(ge=1)]
    total: _Count
    left_out: dict[str, _Count]
    splits: dict[Literal["train", "valid", "test"], _Count]
    statistics: dict[str, Any]
    sources: dict[str, Any]
    units: dict[str, str]
    classes: dict[str, list[str]]


def check_meta(file: Path, meta: Mapping[str, Any]) -> None:
    """A `DataError` of one line if `meta.json` lacks a key, has a strange one, or a value of the wrong kind."""
    missing, unknown = (
        sorted(a - b) for a, b in ((set(_Meta.model_fields), set(meta)), (set(meta), set(_Meta.model_fields)))
    )
    if missing or unknown:
        raise DataError(f"{file}: missing keys {missing}, unknown keys {unknown}; {AGAIN}")
    try:
        _Meta.model_validate(meta)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise DataError(f"{file}: {where}: {first['msg']}, got {repr(first['input'])[:80]}; {AGAIN}") from error


def check_arrays(path: Path, arrays: Mapping[str, np.ndarray], meta: Mapping[str, Any]) -> None:
    """Compares names, kinds and lengths; a `DataError` of one line if an array is not as a store has it.

    Args:
        path: of the store.
        arrays: by name.
        meta: with the number of molecules.
    """
    missing = sorted(set(_ARRAYS) - set(arrays))
    unknown = sorted(name for name in set(arrays) - set(_ARRAYS) if not name.startswith(PROPERTY))
    if missing or unknown:
        raise DataError(f"{path}: arrays {missing} are missing, {unknown} unknown; {AGAIN}")
    for name, array in arrays.items():
        kinds, _, rest = _ARRAYS.get(name, _COLUMN)
        if str(array.dtype) not in kinds or array.ndim != 1 + len(rest) or array.shape[1:] != rest:
            wanted = " x ".join(["any number", *map(str, rest)])
            raise DataError(
                f"{path}: array {name!r} is {array.dtype} of shape {array.shape}, expected {' or '.join(kinds)}, "
                f"{wanted}; {AGAIN}"
            )
    m = meta["num_molecules"]
    lengths = {
        _MOLECULES: m,
        _ATOMS: int(arrays["size"].sum(dtype=np.int64)),
        _BONDS: int(arrays["num_bonds"].sum(dtype=np.int64)),
    }
    for name, array in arrays.items():
        rows = _ARRAYS.get(name, _COLUMN)[1]
        if rows != _TEXT and len(array) != lengths[rows]:
            raise DataError(
                f"{path}: arrays do not fit {m} molecules: {name!r} has {len(array)} rows, expected {lengths[rows]} "
                f"{rows}; {AGAIN}"
            )


class _Counted(NamedTuple):
    """Of the train split: atoms of each class, bonds of each order, spread in Å, and the ranges of `Statistics`."""

    atoms: np.ndarray
    orders: np.ndarray
    spread: float
    num_heavy_atoms: tuple[int, int] | None
    net_charge: tuple[int, int] | None


def check_contents(
    path: Path, arrays: Mapping[str, np.ndarray], meta: Mapping[str, Any], statistics: Statistics
) -> None:
    """Reads every array once, block by block, after `check_arrays`; a `DataError` of the first thing that cannot be.

    Args:
        path: of the store.
        arrays: by name.
        meta: as of `check_meta`.
        statistics: that `meta.json` gives; they must be those of the train split.
    """
    sizes, split = arrays["size"], arrays["split"]
    _refuse(path, "size", (sizes < 1) | (sizes > MAX_ATOMS), sizes, f"1 to {MAX_ATOMS} atoms")
    _refuse(path, "split", split >= len(SPLITS), split, f"0 to {len(SPLITS) - 1}, for {', '.join(SPLITS)}")
    _check_counts(path, meta, split)
    for name, array in arrays.items():
        if name.startswith(PROPERTY):
            _check_column(path, name[len(PROPERTY) :], array, meta)
    for name in ("smiles", "names"):
        _check_text(path, name, arrays[name], meta["num_molecules"])
    counted = _count(path, arrays, Vocabulary(statistics.vocabulary))
    _compare(path, statistics, sizes[split == 0], counted)


def _refuse(path: Path, name: str, bad: np.ndarray, values: np.ndarray, expected: str) -> None:
    if bad.any():
        place = int(np.argmax(bad))
        raise DataError(
            f"{path}: array {name!r} is {values[place]} for molecule number {place + 1}, expected {expected}; {AGAIN}"
        )


def _check_counts(path: Path, meta: Mapping[str, Any], split: np.ndarray) -> None:
    counted = dict(zip(SPLITS, np.bincount(split, minlength=len(SPLITS)).tolist(), strict=True))
    if meta["splits"] != counted:
        raise DataError(f"{path}: meta.json has the splits {meta['splits']}, the arrays {counted}; {AGAIN}")
    if meta["total"] != meta["num_molecules"] + sum(meta["left_out"].values()):
        raise DataError(
            f"{path}: meta.json has {meta['total']} records, but {meta['num_molecules']} molecules and "
            f"{sum(meta['left_out'].values())} left out; {AGAIN}"
        )


def _check_column(path: Path, name: str, values: np.ndarray, meta: Mapping[str, Any]) -> None:
    _refuse(path, PROPERTY + name, np.isinf(values), values, "a finite number, or NaN where there is none")
    if name in meta["classes"]:
        known = np.isin(values, np.arange(len(meta["classes"][name]))) | np.isnan(values)
        _refuse(path, PROPERTY + name, ~known, values, f"the number of one of {len(meta['classes'][name])} classes")


def _check_text(path: Path, name: str, joined: np.ndarray, num_molecules: int) -> None:
    lines, decoder = 0, codecs.getincrementaldecoder("utf-8")()
    try:
        for start in range(0, len(joined), PIECE):
            piece = joined[start : start + PIECE]
            lines += int((piece == LINE_FEED).sum())
            decoder.decode(piece.tobytes())
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: array {name!r} is no UTF-8 text ({error.reason}); {AGAIN}") from error
    if lines != num_molecules or joined[-1] != LINE_FEED:
        raise DataError(f"{path}: arrays do not fit {num_molecules} molecules: {name!r} has {lines} lines; {AGAIN}")


def _count(path: Path, arrays: Mapping[str, np.ndarray], vocabulary: Vocabulary) -> _Counted:
    """Checks atoms and bonds; counts those of the train split."""
    num_classes, heavy, charges = len(vocabulary), [np.empty(0, dtype=np.int64)], [np.empty(0, dtype=np.int64)]
    atoms, orders, squares = np.zeros(num_classes, dtype=np.int64), np.zeros(4, dtype=np.int64), 0.0
    for molecules, at, on in _blocks(arrays["size"], arrays["num_bonds"]):
        first, sizes = molecules.start, arrays["size"][molecules].astype(np.int64)
        pos, atom = arrays["pos"][at], arrays["atom"][at]
        owner = np.repeat(np.arange(len(sizes)), sizes)
        far = ~(np.abs(pos) <= MAX_COORDINATE).all(1)  # true for NaN
        if far.any():
            where = first + owner[np.argmax(far)] + 1
            raise DataError(
                f"{path}: a coordinate of molecule number {where} is {pos[np.argmax(far)].tolist()}, expected numbers "
                f"within ±{MAX_COORDINATE:g} Å; {AGAIN}"
            )
        strange = atom >= num_classes
        if strange.any():
            raise DataError(
                f"{path}: an atom of molecule number {first + owner[np.argmax(strange)] + 1} is of class "
                f"{atom[np.argmax(strange)]}, there are {num_classes}; {AGAIN}"
            )
        order = arrays["bond_order"][on]
        bonded = np.repeat(np.arange(len(sizes)), arrays["num_bonds"][molecules])
        _check_bonds(path, arrays["bond_ends"][on].astype(np.int64), order, bonded, sizes, first)
        train = arrays["split"][molecules] == 0
        atoms += np.bincount(atom[train[owner]], minlength=num_classes)
        orders += np.bincount(order[train[bonded]], minlength=4)
        starts = np.cumsum(sizes) - sizes
        centres = np.add.reduceat(pos.astype(np.float64), starts, axis=0) / sizes[:, None]
        squares += float(((pos - centres[owner])[train[owner]] ** 2).sum())
        for found, of in ((heavy, 1 * (vocabulary.elements != 1)), (charges, vocabulary.charges)):
            found.append(np.add.reduceat(of[atom], starts)[train])
    spread = float(np.sqrt(squares / max(1, 3 * int(atoms.sum()))))
    return _Counted(atoms, orders, spread, *(_range(np.concatenate(found)) for found in (heavy, charges)))


def _range(values: np.ndarray) -> tuple[int, int] | None:
    return (int(values.min()), int(values.max())) if len(values) else None


def _check_bonds(
    path: Path, ends: np.ndarray, order: np.ndarray, owner: np.ndarray, sizes: np.ndarray, first: int
) -> None:
    begin, end = ends.T
    bad = (begin >= end) | (end >= sizes[owner]) | (order < 1) | (order > 3)
    key = (owner * MAX_ATOMS + begin) * MAX_ATOMS + end
    bad[1:] |= np.diff(key) <= 0  # each once, in order
    if bad.any():
        place = int(np.argmax(bad))
        raise DataError(
            f"{path}: a bond of molecule number {first + owner[place] + 1} is of order {order[place]} between atoms "
            f"{begin[place] + 1} and {end[place] + 1} of {sizes[owner[place]]}, expected order 1 to 3, two atoms "
            f"in order, and each bond once; {AGAIN}"
        )


def _blocks(sizes: np.ndarray, num_bonds: np.ndarray) -> Iterator[tuple[slice, slice, slice]]:
    """Molecules of about `BLOCK` atoms at a time, with their atoms and their bonds."""
    atoms = np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])
    bonds = np.concatenate([[0], np.cumsum(num_bonds, dtype=np.int64)])
    cuts = np.unique([*np.searchsorted(atoms, np.arange(0, atoms[-1], BLOCK)), len(sizes)])
    for start, stop in itertools.pairwise(cuts.tolist()):
        yield slice(start, stop), slice(atoms[start], atoms[stop]), slice(bonds[start], bonds[stop])


def _compare(path: Path, statistics: Statistics, sizes: np.ndarray, counted: _Counted) -> None:
    """Whether the statistics are those that were counted on the train split."""
    atoms, orders, scale, *_ = counted
    values, counts = np.unique(sizes, return_counts=True)
    pairs = max(1, int((sizes.astype(np.int64) * (sizes.astype(np.int64) - 1)).sum()) // 2)
    orders[0] = pairs - orders[1:].sum()
    for what, same in (
        ("sizes", statistics.sizes == dict(zip(values.tolist(), counts.tolist(), strict=True))),
        ("atom_marginals", _close(statistics.atom_marginals, atoms / max(1, atoms.sum()))),
        ("bond_marginals", _close(statistics.bond_marginals, orders / pairs)),
        ("pos_scale", abs(statistics.pos_scale - scale) <= _SCALE * scale),
        ("num_heavy_atoms", statistics.num_heavy_atoms in (None, counted.num_heavy_atoms)),
        ("net_charge", statistics.net_charge in (None, counted.net_charge)),
    ):
        if not same:
            raise DataError(f"{path}: {what} of the statistics in meta.json are not those of the molecules; {AGAIN}")


def _close(stated: Sequence[float], counted: np.ndarray) -> bool:
    return bool(np.abs(np.array(stated) - counted).max() <= _CLOSE)
