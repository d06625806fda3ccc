"""Molecule files by extension: which reader serves which name."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from rdkit import Chem

from moldiff.chem.molecule import Failure, Molecule
from moldiff.chem.sdf import read_sdf, read_sdf_records
from moldiff.chem.smiles import read_smiles
from moldiff.chem.stream import bare_suffix
from moldiff.chem.validity import canonical_smiles, sanitise
from moldiff.chem.writer import MoleculeWriter, open_writer
from moldiff.chem.xyz import read_xyz
from moldiff.errors import FileFormatError

__all__ = ["MoleculeWriter", "open_writer", "read_molecules", "read_records", "read_reference"]

_SDF = (".sdf", ".sd", ".mol")
_SMILES = (".smi", ".smiles", ".txt", ".csv")


def read_molecules(path: str | Path) -> Iterator[tuple[int, Molecule | Failure]]:
    """Numbered molecules of an SDF (Kekulé bonds) or an XYZ file (no bonds), plain or `.gz`.

    A broken record is a `Failure` in its place; a file that cannot be read is a `DataError`, one that is empty, not
    what its extension says, or of another kind a `FileFormatError`.
    """
    if bare_suffix(path) in _SDF:
        return read_sdf(path)
    if bare_suffix(path) == ".xyz":
        return read_xyz(path)
    raise FileFormatError(f"{path}: molecules in 3D are read from .sdf, .mol or .xyz, plain or .gz")


def read_records(path: str | Path) -> Iterator[tuple[int, Chem.Mol | Failure]]:
    """Numbered records of an SDF as they stand, for `moldiff.chem.validity.judge`; errors as in `read_molecules`."""
    if bare_suffix(path) in _SDF:
        return read_sdf_records(path)
    raise FileFormatError(f"{path}: a score needs atoms, bonds and coordinates: give an .sdf or .mol, plain or .gz")


def read_reference(path: str | Path) -> tuple[set[str], Counter[str]]:
    """Canonical SMILES of all molecules of an SDF or a SMILES list, and how many records failed, by reason.

    Errors as in `read_molecules`, and a `FileFormatError` if no record can be used.
    """
    if bare_suffix(path) in _SMILES:
        results = read_smiles(path)
    elif bare_suffix(path) in _SDF:
        results = ((number, _identity(record)) for number, record in read_sdf_records(path))
    else:
        raise FileFormatError(f"{path}: a reference is read from {', '.join(_SDF + _SMILES)}, plain or .gz")
    known, failed = set(), Counter()
    for _, result in results:
        if isinstance(result, Failure):
            failed[result.reason] += 1
        else:
            known.add(result)
    if not known:
        raise FileFormatError(f"{path}: none of its {failed.total()} records is a molecule that RDKit accepts")
    return known, failed


def _identity(record: Chem.Mol | Failure) -> str | Failure:
    failure = record if isinstance(record, Failure) else sanitise(record)
    return failure if isinstance(failure, Failure) else canonical_smiles(record)
