"""SMILES lists: the reference that novelty is measured against, and the lines that a writer adds."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

from rdkit import Chem

from moldiff.chem.molecule import Failure
from moldiff.chem.process_pool import map_in_processes
from moldiff.chem.smiles_parsing import mol_of_smiles, record_of_smiles
from moldiff.chem.validity import canonical_smiles, identities
from moldiff.errors import DataError
from moldiff.io.rows import read_rows
from moldiff.io.text import printable

Result = TypeVar("Result")
CHUNK, CHUNK_SECONDS = 2000, 300.0  # SMILES that go to a process together, and how long they may take there


def read_smiles(path: str | Path) -> Iterator[tuple[int, frozenset[str] | Failure]]:
    """Numbered identities (`moldiff.chem.validity.identities`) of a `.smi`, `.txt` or `.csv` file.

    A bad line is a `Failure` in its place; errors as of `moldiff.io.rows.read_rows`.
    """
    return _each_line(path, _identities)


def read_smiles_records(path: str | Path, *, stars: bool = False) -> Iterator[tuple[int, Chem.Mol | Failure]]:
    """Numbered molecules, not sanitised, the hydrogens that the SMILES imply as atoms, without coordinates.

    Errors as in `read_smiles`.
    """
    return _each_line(path, partial(record_of_smiles, stars=stars))


def _each_line(path: str | Path, parse: Callable[[str], Result | Failure]) -> Iterator[tuple[int, Result | Failure]]:
    for number, row in enumerate(read_rows(path), start=1):
        result = row.smiles if isinstance(row.smiles, Failure) else parse(row.smiles)
        if isinstance(result, Failure):
            result = Failure(result.reason, f"{printable(Path(path).name)}, line {row.line}: {result.detail}")
        yield number, result


def all_identities(smiles: Sequence[str]) -> set[str]:
    """Identities (`moldiff.chem.validity.identities`) of many molecules, by a process a core.

    Args:
        smiles: one that RDKit does not accept is left out.

    Returns:
        All of them together.
    """
    chunks = (smiles[first : first + CHUNK] for first in range(0, len(smiles), CHUNK))
    known: set[str] = set()
    for result in map_in_processes(_identities_of_chunk, chunks, seconds=CHUNK_SECONDS):
        if isinstance(result, Failure):
            raise DataError(f"a reference of {len(smiles)} SMILES: {result.detail}; look for one that is no molecule")
        known |= result
    return known


def canonical_forms(smiles: Sequence[str]) -> list[str]:
    """The same text for the same molecule with the same stereo, by a process a core; one that is no SMILES stays."""
    chunks = (smiles[first : first + CHUNK] for first in range(0, len(smiles), CHUNK))
    forms: list[str] = []
    for result in map_in_processes(_forms_of_chunk, chunks, seconds=CHUNK_SECONDS):
        if isinstance(result, Failure):
            raise DataError(f"a list of {len(smiles)} SMILES: {result.detail}; look for one that is no molecule")
        forms += result
    return forms


def _forms_of_chunk(smiles: Sequence[str]) -> list[str]:
    read = map(mol_of_smiles, smiles)
    return [
        text if isinstance(mol, Failure) else canonical_smiles(mol, stereo=True)
        for text, mol in zip(smiles, read, strict=True)
    ]


def _identities_of_chunk(smiles: Sequence[str]) -> set[str]:
    found = map(_identities, smiles)
    return {identity for one in found if not isinstance(one, Failure) for identity in one}


def _identities(smiles: str) -> frozenset[str] | Failure:
    mol = mol_of_smiles(smiles)
    return mol if isinstance(mol, Failure) else identities(mol)
