"""Molecule files by extension: which reader serves which name."""

from collections import Counter, deque
from collections.abc import Iterator
from pathlib import Path

from rdkit import Chem

from moldiff.chem.ase_files import ASE_SUFFIXES, read_ase
from moldiff.chem.border import aromatic_fault
from moldiff.chem.molecule import Failure, Molecule
from moldiff.chem.perception import with_bonds
from moldiff.chem.sdf import read_sdf, read_sdf_records
from moldiff.chem.smiles import read_smiles, read_smiles_records
from moldiff.chem.stream import bare_suffix
from moldiff.chem.validity import identities, sanitise
from moldiff.chem.writer import MoleculeWriter, open_writer
from moldiff.chem.xyz import read_xyz
from moldiff.errors import FileFormatError

__all__ = ["MoleculeWriter", "open_writer", "read_molecules", "read_records", "read_reference"]

_SDF, _XYZ = (".sdf", ".sd", ".mol"), (".xyz", ".extxyz")
BARE_SUFFIXES = (*_XYZ, *ASE_SUFFIXES)  # of files that know no bonds
SMILES_SUFFIXES = (".smi", ".smiles", ".txt", ".csv")
_SCORED = (*_SDF, *_XYZ, *SMILES_SUFFIXES)


def read_molecules(path: str | Path) -> Iterator[tuple[int, Molecule | Failure]]:
    """Numbered molecules of an SDF (Kekulé bonds), an XYZ file or an ASE database (no bonds), plain or `.gz`.

    A broken record is a `Failure` in its place; a file that cannot be read is a `DataError`, one that is empty, not
    what its extension says, or of another kind a `FileFormatError`.
    """
    if bare_suffix(path) in _SDF:
        return read_sdf(path)
    if bare_suffix(path) in _XYZ:
        return read_xyz(path)
    if bare_suffix(path) in ASE_SUFFIXES:
        return read_ase(path)
    raise FileFormatError(
        f"{path}: molecules in 3D are read from .sdf, .mol or .xyz, plain or .gz, or from ASE's .db and .traj"
    )


def read_records(path: str | Path) -> Iterator[tuple[int, Chem.Mol | Failure]]:
    """Numbered records as they stand, for `moldiff.chem.validity.judge`; errors as in `read_molecules`.

    Of an SDF; of an XYZ file with the bonds that RDKit perceives, within ten seconds each; of a list of SMILES
    with the hydrogens that they imply, without coordinates; of all such files of a folder, by name.
    """
    path = Path(path)
    if path.is_dir():
        return _folder(path)
    if bare_suffix(path) in _SDF:
        return read_sdf_records(path)
    if bare_suffix(path) in _XYZ:
        return _perceived(path)
    if bare_suffix(path) in SMILES_SUFFIXES:
        return read_smiles_records(path)
    raise FileFormatError(f"{path}: a score is read from {', '.join(_SCORED)}, plain or .gz, or a folder of them")


def _perceived(path: Path) -> Iterator[tuple[int, Chem.Mol | Failure]]:
    """Frames that cannot be read are not perceived; all come in their order."""
    frames: deque[tuple[int, Molecule | Failure]] = deque()

    def readable() -> Iterator[Molecule]:
        for number, frame in read_xyz(path):
            frames.append((number, frame))
            if isinstance(frame, Molecule):
                yield frame

    for result in with_bonds(readable()):
        while isinstance(frames[0][1], Failure):
            yield frames.popleft()  # type: ignore[misc]
        number, _ = frames.popleft()
        label = f"{path.name}, frame {number}"
        yield number, Failure(result.reason, f"{label}: {result.detail}") if isinstance(result, Failure) else result
    yield from frames  # type: ignore[misc]


def _folder(path: Path) -> Iterator[tuple[int, Chem.Mol | Failure]]:
    files = sorted(file for file in path.iterdir() if file.is_file() and bare_suffix(file) in _SCORED)
    if not files:
        raise FileFormatError(f"{path}: holds no file to score: {', '.join(_SCORED)}, plain or .gz")
    records = (record for file in files for _, record in read_records(file))
    yield from enumerate(records, start=1)


def read_reference(path: str | Path) -> tuple[set[str], Counter[str]]:
    """Canonical SMILES of all molecules of an SDF or a SMILES list, and how many records failed, by reason.

    Each molecule without stereo and, where that differs, with it: from the coordinates of an SDF, or as a SMILES tells.
    Errors as in `read_molecules`, and a `FileFormatError` if no record can be used.
    """
    if bare_suffix(path) in SMILES_SUFFIXES:
        results = read_smiles(path)
    elif bare_suffix(path) in _SDF:
        results = ((number, _identities(record)) for number, record in read_sdf_records(path))
    else:
        raise FileFormatError(f"{path}: a reference is read from {', '.join(_SDF + SMILES_SUFFIXES)}, plain or .gz")
    known: set[str] = set()
    failed: Counter[str] = Counter()
    for _, result in results:
        if isinstance(result, Failure):
            failed[result.reason] += 1
        else:
            known |= result
    if not known:
        raise FileFormatError(f"{path}: none of its {failed.total()} records is a molecule that RDKit accepts")
    return known, failed


def _identities(record: Chem.Mol | Failure) -> frozenset[str] | Failure:
    failure = record if isinstance(record, Failure) else aromatic_fault(record) or sanitise(record)
    return failure if isinstance(failure, Failure) else identities(record)
