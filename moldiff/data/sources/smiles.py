"""Molecules known by their SMILES alone: lists of a user's own, and MOSES. Coordinates are made on the way."""

import hashlib
import importlib.metadata
import importlib.util
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Int

from moldiff.chem.conformer import embed_smiles
from moldiff.chem.molecule import Failure, Molecule
from moldiff.chem.rdkit_conversion import number_or_text
from moldiff.data.sources.base import Source
from moldiff.errors import ConfigError, DataError
from moldiff.io.rows import read_rows
from moldiff.io.text import printable

GEOMETRY = "RDKit ETKDG version 3, one conformer, then MMFF94 to a minimum"
CHUNK = 100  # molecules; a few seconds of a core


class Row(NamedTuple):
    """A molecule to be: its number from 1, SMILES, name, other columns as text, seed of the run, line in its file."""

    number: int
    smiles: str | Failure
    name: str
    columns: dict[str, str]
    seed: int
    line: int = 0


def smiles_source(path: str | Path, *, seed: int) -> Source:
    """Molecules of a list of SMILES; other columns become properties.

    Args:
        path: `.smi`, `.txt` or `.csv`, plain or `.gz`; names stand after the SMILES, or in a column `name`.
        seed: of the conformers.

    Returns:
        The source; errors as of `moldiff.io.rows.read_rows`, when its first record is read.
    """
    path = Path(path)

    def rows() -> Iterator[Row]:
        for number, (line, smiles, columns) in enumerate(read_rows(path), start=1):
            yield Row(number, smiles, columns.get("name", ""), columns, seed, line)

    try:
        with path.open("rb") as stream:
            sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"{printable(path)}: cannot be read: {error.strerror or error}") from error
    origin = {"file": path.name, "sha256": sha256, **_geometry(seed)}
    return Source(path.name.split(".")[0], rows(), None, read_row, origin, chunk=CHUNK, slow=True)


def choose_rows(
    name: str, smiles: Sequence[str], *, prefix: str, num_molecules: int | None, seed: int
) -> tuple[Int[np.ndarray, "k"], list[Row]]:
    """Molecules of a list, chosen by chance; each is named by its place.

    Args:
        name: of the data set, for the message.
        smiles: all of its molecules.
        prefix: of the names.
        num_molecules: how many to choose; none takes all.
        seed: of the choice and of the conformers.

    Returns:
        Places in the list, ascending, and the rows.

    Raises:
        ConfigError: if more are requested than there are.
    """
    count = len(smiles) if num_molecules is None else num_molecules
    if count > len(smiles):
        raise ConfigError(f"{name} has {len(smiles):,} molecules, {count:,} were requested")
    chosen = np.sort(np.random.RandomState(seed).permutation(len(smiles))[:count])
    return chosen, [Row(i + 1, smiles[i], f"{prefix}_{i + 1}", {}, seed) for i in map(int, chosen)]


def origin_of_package(package: str, count: int, seed: int) -> dict[str, str | int]:
    """What so many molecules of a package and their coordinates depend on; its licence is MIT."""
    made = {"geometry": GEOMETRY, "geometry_seed": seed}
    return {"package": package, "licence": "MIT", "num_molecules": count, **made}


def read_row(row: Row) -> tuple[Molecule, str] | Failure:
    """The molecule with coordinates and the values of its row; its conformer depends on the seed and its number."""
    label = row.name or f"line {row.line or row.number}"
    if isinstance(row.smiles, Failure):
        return Failure(row.smiles.reason, f"{label}: {row.smiles.detail}")
    result = embed_smiles(row.smiles, seed=(row.seed * 1_000_003 + row.number) % 2**31, name=row.name)
    if isinstance(result, Failure):
        return Failure(result.reason, f"{label}: {result.detail}")
    values = {key: number_or_text(text) for key, text in row.columns.items() if key != "name"}
    return replace(result, properties={**result.properties, **values}), row.smiles


def _geometry(seed: int) -> dict[str, str | int]:
    return {"geometry": GEOMETRY, "geometry_seed": seed, "rdkit": importlib.metadata.version("rdkit")}
