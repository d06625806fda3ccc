"""SMILES lists: the reference that novelty is measured against, and the lines that a writer adds."""

import csv
from collections.abc import Iterator
from pathlib import Path

from rdkit import Chem, rdBase

from moldiff.chem.border import one_line
from moldiff.chem.molecule import Failure
from moldiff.chem.stream import bare_suffix, text_lines
from moldiff.chem.validity import canonical_smiles
from moldiff.errors import FileFormatError


def read_smiles(path: str | Path) -> Iterator[tuple[int, str | Failure]]:
    """Numbered canonical SMILES, without hydrogens and stereo, of a `.smi`, `.txt` or `.csv` file.

    In a `.csv` the column is the one named `smiles`, in any case; elsewhere the first word of a line counts.
    A bad line is a `Failure` in its place; a `.csv` without that column is a `FileFormatError`.
    """
    words = _csv_column(path) if bare_suffix(path) == ".csv" else (line.split() for line in text_lines(path))
    number = 0
    for word in words:
        if not word or (number == 0 and word[0].lower() == "smiles"):  # blank lines, and the header of a .smi
            continue
        number += 1
        result = parse_smiles(word[0])
        yield (
            number,
            Failure(result.reason, f"{Path(path).name}, line {number}: {result.detail}")
            if isinstance(result, Failure)
            else result,
        )


def parse_smiles(smiles: str) -> str | Failure:
    """The canonical form of one SMILES, without hydrogens and stereo, under RDKit's usual, forgiving, sanitisation."""
    with rdBase.BlockLogs():
        mol = Chem.MolFromSmiles(smiles, sanitize=False)
        if mol is None:
            return Failure("unreadable", f"{smiles[:80]!r} is no SMILES")
        try:
            Chem.SanitizeMol(mol)
        except Chem.MolSanitizeException as error:
            return Failure("sanitize", f"{smiles[:80]!r}: {one_line(error)}")
    return canonical_smiles(mol)


def _csv_column(path: str | Path) -> Iterator[list[str]]:
    rows = csv.reader(text_lines(path))
    header = [name.strip().lower() for name in next(rows, [])]
    if "smiles" not in header:
        raise FileFormatError(f"{path}: has no column 'smiles'; its columns are {', '.join(header)[:200]!r}")
    column = header.index("smiles")
    for row in rows:
        yield [row[column].strip()] if len(row) > column and row[column].strip() else []
