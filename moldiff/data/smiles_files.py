"""Molecules known by their SMILES alone: lists of a user's own, and MOSES. Coordinates are made on the way."""

import csv
import gzip
import hashlib
import importlib.metadata
import importlib.util
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Int

from moldiff.chem.border import number_or_text
from moldiff.chem.embedding import embedded
from moldiff.chem.molecule import Failure, Molecule
from moldiff.chem.rows import read_rows
from moldiff.chem.stream import printable
from moldiff.data.sources import Source
from moldiff.errors import ConfigError, DataError, MissingPackageError

GEOMETRY = "RDKit ETKDG version 3, one conformer, then MMFF94 to a minimum"
CHUNK = 100  # molecules; a few seconds of a core
MOSES = "moses/dataset/data/{}.csv.gz"  # in the package molsets
MOSES_REMEDY = (
    "moses3d comes from the package molsets, whose other needs do not install today; install it with: pip install "
    "--no-deps molsets, or give the wheel by --from-file"
)


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
        The source; errors as of `moldiff.chem.rows.read_rows`, when its first record is asked for.
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


def moses_source(path: str | Path | None, *, num_molecules: int | None, seed: int) -> Source:
    """Drug-like molecules of MOSES, chosen by chance; its test set is the test split.

    Args:
        path: the wheel of the package molsets; none if it is installed.
        num_molecules: how many to choose; none takes all 1.8 million.
        seed: of the choice, the conformers and the validation split.

    Returns:
        The source.

    Raises:
        ConfigError: if more are asked for than there are.

    Source: Polykovskiy et al. 2020, Front. Pharmacol. 11, 565644; `test_scaffolds.csv` is left out.
    """
    train, test = (_moses_list(path, part) for part in ("train", "test"))
    total = len(train) + len(test)
    count = total if num_molecules is None else num_molecules
    if count > total:
        raise ConfigError(f"moses3d has {total:,} molecules, {count:,} were asked for")
    chosen = np.sort(np.random.RandomState(seed).permutation(total)[:count])
    smiles = (*train, *test)
    rows = [Row(int(i) + 1, smiles[i], f"moses_{i + 1}", {}, seed) for i in chosen]

    def split(records: int, seed: int) -> Int[np.ndarray, "m"]:
        held_out = np.random.RandomState(seed).random_sample(records) < 0.05
        return np.where(chosen >= len(train), 2, held_out.astype(np.int64))

    origin = {
        "package": "molsets 0.3.1",
        "licence": "MIT",
        "num_molecules": count,
        "geometry": GEOMETRY,
        "geometry_seed": seed,
    }
    rule = "test: MOSES' own; validation: 5 % of its train set by chance, numpy RandomState(seed)"
    return Source("moses3d", rows, count, read_row, origin, split, rule, chunk=CHUNK, slow=True)


def read_row(row: Row) -> tuple[Molecule, str] | Failure:
    """The molecule with coordinates and the values of its row; its conformer depends on the seed and its number."""
    label = row.name or f"line {row.line or row.number}"
    if isinstance(row.smiles, Failure):
        return Failure(row.smiles.reason, f"{label}: {row.smiles.detail}")
    result = embedded(row.smiles, seed=(row.seed * 1_000_003 + row.number) % 2**31, name=row.name)
    if isinstance(result, Failure):
        return Failure(result.reason, f"{label}: {result.detail}")
    values = {key: number_or_text(text) for key, text in row.columns.items() if key != "name"}
    return replace(result, properties={**result.properties, **values}), row.smiles


def _geometry(seed: int) -> dict[str, str | int]:
    return {"geometry": GEOMETRY, "geometry_seed": seed, "rdkit": importlib.metadata.version("rdkit")}


def _moses_list(path: str | Path | None, part: str) -> list[str]:
    name = MOSES.format(part)
    try:
        if path is not None:
            with zipfile.ZipFile(path) as wheel:
                packed = wheel.read(name)
        else:
            spec = importlib.util.find_spec("moses")
            if spec is None or spec.origin is None:
                raise MissingPackageError(MOSES_REMEDY)
            packed = (Path(spec.origin).parents[1] / name).read_bytes()
        rows = csv.reader(gzip.decompress(packed).decode().splitlines())
        if next(rows, []) != ["SMILES"]:
            raise ValueError("its header is not 'SMILES'")
        return [row[0] for row in rows]
    except (OSError, ValueError, KeyError, IndexError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"{path or 'molsets'}: no {name} of molsets 0.3.1: {error}; {MOSES_REMEDY}") from error
