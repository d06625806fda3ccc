"""Writes a store: whole or not at all."""

import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import safetensors.numpy
from jaxtyping import Int
from safetensors import SafetensorError

from moldiff.chem.vocabulary import Vocabulary
from moldiff.data.statistics import Statistics
from moldiff.data.store.dataset import VERSION
from moldiff.data.store.integrity import SPLITS
from moldiff.data.store.packing import Packed, join_text
from moldiff.errors import DataError, OutputError

_MAX_ROUNDING = 2e-4  # in a property's own unit; columns that float32 would round more are kept in float64


def write_store(
    path: Path,
    packed: Packed,
    *,
    split: Int[np.ndarray, "m"],
    left_out: Mapping[str, int],
    name: str,
    sources: Mapping[str, Any],
    units: Mapping[str, str] = MappingProxyType({}),
    classes: Mapping[str, Sequence[str]] = MappingProxyType({}),
    overwrite: bool = False,
) -> None:
    """Writes beside the target and renames, so that a store is either whole or absent.

    Args:
        path: folder to make.
        packed: the molecules that were kept.
        split: position in `SPLITS` of each molecule.
        left_out: number of records left out, by reason.
        name: of the data set.
        sources: where the records came from, for the record.
        units: of the properties; those of others are not known.
        classes: of the properties that are numbers of classes, the names of these.
        overwrite: replace a store that is there.

    Raises:
        OutputError: if the folder exists or cannot be written.
        DataError: if there are too many atom classes, or no molecule in the train split.
    """
    check_target(path, overwrite=overwrite)
    keys, atom = np.unique(packed.elements.astype(np.int64) * 256 + packed.charges + 128, return_inverse=True)
    vocabulary = Vocabulary.from_pairs((key // 256, key % 256 - 128) for key in keys.tolist())
    if len(vocabulary) > 256:
        raise DataError(f"{path}: {len(vocabulary)} pairs of element and charge, at most 256 are supported")
    atom = vocabulary.encode(keys // 256, keys % 256 - 128)[atom]
    statistics = Statistics.count_part(
        split == 0, packed.pos, atom, packed.sizes, packed.bonds[:, 2], packed.num_bonds, vocabulary=vocabulary.labels
    )
    ends = np.uint8 if packed.sizes.max() <= 256 else np.uint16
    arrays = {
        "pos": packed.pos.astype(np.float32),
        "atom": atom.astype(np.uint8),
        "size": packed.sizes.astype(np.uint16),
        "bond_ends": packed.bonds[:, :2].astype(ends),
        "bond_order": packed.bonds[:, 2].astype(np.uint8),
        "num_bonds": packed.num_bonds.astype(np.uint16),
        "split": split.astype(np.uint8),
        "smiles": join_text(packed.smiles),
        "names": join_text(packed.names),
    }
    for key, column in packed.properties.items():
        single = column.astype(np.float32)
        coarse = np.nan_to_num(np.abs(single - column)).max() > _MAX_ROUNDING
        arrays[f"property.{key}"] = column.astype(np.float64) if coarse else single
    meta = {
        "format": "moldiff-store",
        "version": VERSION,
        "name": name,
        "num_molecules": len(packed),
        "total": len(packed) + sum(left_out.values()),
        "left_out": dict(left_out),
        "splits": {key: int((split == i).sum()) for i, key in enumerate(SPLITS)},
        "statistics": statistics.to_dict(),
        "sources": dict(sources),
        "units": {key: unit for key, unit in units.items() if key in packed.properties},
        "classes": {key: list(names) for key, names in classes.items()},
    }
    try:
        _write(path, meta, arrays)
    except (OSError, SafetensorError) as error:
        raise OutputError(f"{path}: cannot write the store: {error}") from error


def save_arrays(arrays: Mapping[str, np.ndarray], file: Path) -> None:
    """Writes a file as of `mapped_arrays`, which others may read as the umask says; errors as of safetensors."""
    file.touch()
    mode = file.stat().st_mode
    safetensors.numpy.save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, file)
    file.chmod(mode)  # safetensors itself makes a file for its owner only


def check_target(path: Path, *, overwrite: bool) -> None:
    """Before the work: a target that is no store, may not be replaced or cannot be written is an `OutputError`."""
    try:
        if path.exists() and not (path / "meta.json").is_file():
            raise OutputError(f"{path}: exists and is no store; give another folder")
        if path.exists() and not overwrite:
            raise OutputError(f"{path}: there is a store; give another folder, or allow it to be overwritten")
        path.parent.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent).cleanup()
    except OSError as error:
        if isinstance(error, OutputError):
            raise
        raise OutputError(f"{path}: cannot be written: {error.strerror}") from error


def _write(path: Path, meta: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
    with tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as folder:
        fresh = Path(folder) / "new"
        fresh.mkdir()
        save_arrays(arrays, fresh / "arrays.safetensors")
        (fresh / "meta.json").write_text(json.dumps(_utf8(meta), indent=1) + "\n")
        if path.exists():
            os.rename(path, Path(folder) / "old")
        os.rename(fresh, path)


def _utf8(value: Any) -> Any:
    """Plain values with names of files whose bytes are no UTF-8 written out as escapes."""
    if isinstance(value, dict):
        return {_utf8(key): _utf8(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_utf8(inner) for inner in value]
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value
