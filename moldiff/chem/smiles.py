"""SMILES lists: the reference that novelty is measured against, and the lines that a writer adds."""

import csv
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from rdkit import Chem, rdBase

from moldiff.chem.border import one_line
from moldiff.chem.bounded import bounded_map
from moldiff.chem.molecule import Failure
from moldiff.chem.stream import bare_suffix, text_lines
from moldiff.chem.validity import canonical_smiles, identities
from moldiff.errors import DataError, FileFormatError

Result = TypeVar("Result")
CHUNK, CHUNK_SECONDS = 2000, 300.0  # SMILES that go to a process together, and how long they may take there


def read_smiles(path: str | Path) -> Iterator[tuple[int, frozenset[str] | Failure]]:
    """Numbered identities (`moldiff.chem.validity.identities`) of a `.smi`, `.txt` or `.csv` file.

    In a `.csv` the column is the one named `smiles`, in any case; elsewhere the first word of a line counts.
    A bad line is a `Failure` in its place; a `.csv` without that column is a `FileFormatError`.
    """
    return _each_line(path, _identities)


def read_smiles_records(path: str | Path) -> Iterator[tuple[int, Chem.Mol | Failure]]:
    """Numbered molecules, not sanitised, the hydrogens that the SMILES imply as atoms, without coordinates.

    Errors as in `read_smiles`.
    """
    return _each_line(path, record_of_smiles)


def _each_line(path: str | Path, parse: Callable[[str], Result | Failure]) -> Iterator[tuple[int, Result | Failure]]:
    words = _csv_column(path) if bare_suffix(path) == ".csv" else (line.split() for line in text_lines(path))
    number = 0
    for word in words:
        if not word or (number == 0 and word[0].lower() == "smiles"):  # blank lines, and the header of a .smi
            continue
        number += 1
        result = parse(word[0])
        if isinstance(result, Failure):
            result = Failure(result.reason, f"{Path(path).name}, line {number}: {result.detail}")
        yield number, result


def _unsanitised(smiles: str) -> Chem.Mol | Failure:
    with rdBase.BlockLogs():
        mol = Chem.MolFromSmiles(smiles, sanitize=False)
    return Failure("unreadable", f"{smiles[:80]!r} is no SMILES") if mol is None else mol


def record_of_smiles(smiles: str) -> Chem.Mol | Failure:
    """As `read_smiles_records` gives them; a `Failure` if it is no SMILES or has a placeholder."""
    mol = _unsanitised(smiles)
    if isinstance(mol, Failure):
        return mol
    if any(atom.GetAtomicNum() == 0 for atom in mol.GetAtoms()):
        return Failure("element", f"{smiles[:80]!r} has a placeholder, not an element")
    mol.UpdatePropertyCache(strict=False)
    mol = Chem.AddHs(mol)
    mol.SetProp("_Name", smiles)
    return mol


def parse_smiles(smiles: str) -> str | Failure:
    """The canonical form of one SMILES, without hydrogens and stereo, under RDKit's usual, forgiving, sanitisation."""
    mol = _sanitised(smiles)
    return mol if isinstance(mol, Failure) else canonical_smiles(mol)


def all_identities(smiles: Sequence[str]) -> set[str]:
    """Identities (`moldiff.chem.validity.identities`) of many molecules, by a process a core.

    Args:
        smiles: one that RDKit does not accept is left out.

    Returns:
        All of them together.
    """
    chunks = (smiles[first : first + CHUNK] for first in range(0, len(smiles), CHUNK))
    known: set[str] = set()
    for result in bounded_map(_identities_of_chunk, chunks, seconds=CHUNK_SECONDS):
        if isinstance(result, Failure):
            raise DataError(f"a reference of {len(smiles)} SMILES: {result.detail}; look for one that is no molecule")
        known |= result
    return known


def _identities_of_chunk(smiles: Sequence[str]) -> set[str]:
    found = map(_identities, smiles)
    return {identity for one in found if not isinstance(one, Failure) for identity in one}


def _identities(smiles: str) -> frozenset[str] | Failure:
    mol = _sanitised(smiles)
    return mol if isinstance(mol, Failure) else identities(mol)


def _sanitised(smiles: str) -> Chem.Mol | Failure:
    mol = _unsanitised(smiles)
    if isinstance(mol, Failure):
        return mol
    with rdBase.BlockLogs():
        try:
            Chem.SanitizeMol(mol)
        except Chem.MolSanitizeException as error:
            return Failure("sanitize", f"{smiles[:80]!r}: {one_line(error)}")
    return mol


def _csv_column(path: str | Path) -> Iterator[list[str]]:
    rows = csv.reader(text_lines(path))
    header = [name.strip().lower() for name in next(rows, [])]
    if "smiles" not in header:
        raise FileFormatError(f"{path}: has no column 'smiles'; its columns are {', '.join(header)[:200]!r}")
    column = header.index("smiles")
    for row in rows:
        yield [row[column].strip()] if len(row) > column and row[column].strip() else []
