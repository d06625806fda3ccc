"""Geometries of ASE's databases and trajectories, without bonds."""

import os
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from moldiff.chem.bond_perception import CHARGES, from_ase
from moldiff.chem.molecule import Failure, Molecule
from moldiff.errors import DataError, FileFormatError, MoleculeError
from moldiff.io.text import printable
from moldiff.runtime.optional import need_packages

DATABASE, TRAJECTORY = ".db", ".traj"
ASE_SUFFIXES = (DATABASE, TRAJECTORY)
# What ASE raises on a file that is broken or none of its own; MemoryError on lengths that its header makes up.
_OF_ASE = (
    OSError,
    EOFError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    AssertionError,
    ArithmeticError,
    MemoryError,
    RecursionError,
    NotImplementedError,
    sqlite3.Error,
)


def read_ase(path: str | Path) -> Iterator[tuple[int, Molecule | Failure]]:
    """Numbered geometries of an `ase.db` (SQLite) or of a trajectory; key-value pairs become properties.

    A total charge becomes the property `charge`: that of a pair, or else the sum of the initial charges.

    A periodic or impossible structure is a `Failure` in its place.

    Args:
        path: of the file.

    Yields:
        tuple[int, Molecule | Failure]: number from 1, and the molecule or failure.

    Raises:
        DataError: if there is no such file.
        FileFormatError: if ASE cannot read it.
        MissingPackageError: without ASE.
    """
    need_packages(["ase"], what=f"{path}", extra="score")
    path = Path(path)
    if not os.path.isfile(path):
        raise DataError(f"{printable(path)}: no such file")
    try:
        for number, (atoms, values) in enumerate(_structures(path), start=1):
            yield number, _molecule(atoms, values, f"{printable(path.name)}, record {number}")
    except _OF_ASE as error:
        raise FileFormatError(f"{printable(path)}: ASE cannot read it: {error!r}") from error


def _structures(path: Path) -> Iterator[tuple[Any, dict[str, Any]]]:
    if path.suffix.lower() == TRAJECTORY:
        from ase.io import iread

        for atoms in iread(path, format="traj"):
            yield atoms, atoms.info
        return
    from ase.db import connect

    for row in connect(path, type="db").select():
        atoms = row.toatoms()
        # A row's own attributes, such as `charge`, hide pairs of their name; those of `data` come last.
        pairs = {key: vars(row).get(key, value) for key, value in row.key_value_pairs.items()}
        charges = {key: value for key, value in row.data.items() if key.lower() in CHARGES}
        atoms.info.update(charges if CHARGES.isdisjoint(map(str.lower, pairs)) else {}, **pairs)
        yield atoms, pairs


def _molecule(atoms: Any, values: dict[str, Any], label: str) -> Molecule | Failure:
    if atoms.pbc.any():
        return Failure("periodic", f"{label}: is periodic; molecules only")
    kept = {
        key: value
        for key, value in values.items()
        if isinstance(value, int | float | str) and key.lower() not in CHARGES
    }
    try:
        molecule = from_ase(atoms, name=str(kept.pop("name", "")))
    except MoleculeError as error:
        return Failure("unreadable", f"{label}: {error}")
    return replace(molecule, properties={**kept, **molecule.properties})
