"""Molecule files by extension: which reader serves which name."""

import os
import warnings
from collections import Counter, deque
from collections.abc import Iterator
from pathlib import Path

from rdkit import Chem

from moldiff.chem.bond_perception import with_bonds
from moldiff.chem.kekule import aromatic_fault
from moldiff.chem.molecule import Failure, Molecule
from moldiff.chem.validity import identities, sanitise
from moldiff.errors import DataError, FileFormatError
from moldiff.io.ase import ASE_SUFFIXES, read_ase
from moldiff.io.frames import holds_frames
from moldiff.io.rows import has_smiles_column, smiles_share
from moldiff.io.sdf import holds_sdf, read_sdf, read_sdf_records
from moldiff.io.smiles import read_smiles, read_smiles_records
from moldiff.io.text import bare_suffix, printable
from moldiff.io.writer import MoleculeWriter, open_writer
from moldiff.io.xyz import read_xyz

__all__ = ["MoleculeWriter", "format_of", "open_writer", "read_molecules", "read_records", "read_reference"]
_SDF, _XYZ = (".sdf", ".sd", ".mol"), (".xyz", ".extxyz")
BARE_SUFFIXES = (*_XYZ, *ASE_SUFFIXES)  # of files that know no bonds
SMILES_SUFFIXES = (".smi", ".smiles", ".txt", ".csv")
_LISTS = (".smi", ".smiles", ".txt")
_MAYBE = (".txt", ".csv")  # of a folder, they may be anything
_SCORED = (*_SDF, *_XYZ, *SMILES_SUFFIXES)


def read_molecules(path: str | Path) -> Iterator[tuple[int, Molecule | Failure]]:
    """Numbered molecules of an SDF (Kekulé bonds), an XYZ file or an ASE database (no bonds), plain or `.gz`.

    A broken record is a `Failure` in its place; a file that cannot be read is a `DataError`, one that is empty, not
    what its extension says, or of another kind a `FileFormatError`.
    """
    suffix = format_of(path)
    if suffix in _SDF:
        return read_sdf(path)
    if suffix in _XYZ:
        return read_xyz(path)
    if suffix in ASE_SUFFIXES:
        return read_ase(path)
    raise FileFormatError(
        f"{printable(path)}: molecules in 3D are read from .sdf, .mol or .xyz, plain or .gz, or from ASE's .db and "
        ".traj"
    )


def read_records(path: str | Path, *, stars: bool = False) -> Iterator[tuple[int, Chem.Mol | Failure]]:
    """Numbered records as they stand, for `moldiff.chem.validity.judge`; errors as in `read_molecules`.

    Of an SDF; of an XYZ file with the bonds that RDKit perceives, within ten seconds each; of a list of SMILES
    with the hydrogens that they imply, without coordinates; of all such files of a folder, by name; texts
    and tables of a folder that hold none are passed over, with a warning that names them. `stars` lets placeholders
    pass, in files that are no folder.
    """
    path = Path(path)
    if os.path.isdir(path):  # unlike Path.is_dir, it raises nothing
        return _folder(path)
    suffix = format_of(path)
    if suffix in _SDF:
        return read_sdf_records(path, stars=stars)
    if suffix in _XYZ:
        return _perceive(path)
    if suffix in SMILES_SUFFIXES:
        return read_smiles_records(path, stars=stars)
    kinds = f"{', '.join(_SCORED)}, plain or .gz"
    raise FileFormatError(f"{printable(path)}: a score is read from {kinds}, or a folder of them")


def _perceive(path: Path) -> Iterator[tuple[int, Chem.Mol | Failure]]:
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
        label = f"{printable(path.name)}, frame {number}"
        yield number, Failure(result.reason, f"{label}: {result.detail}") if isinstance(result, Failure) else result
    yield from frames  # type: ignore[misc]


def _folder(path: Path) -> Iterator[tuple[int, Chem.Mol | Failure]]:
    try:
        files = sorted(file for file in path.iterdir() if _is_scored(file))
    except OSError as error:
        raise DataError(f"{printable(path)}: cannot be read: {error.strerror or error}") from error
    others = [file for file in files if bare_suffix(file) in _MAYBE and not _holds_molecules(file)]
    files = [file for file in files if file not in others]
    if not files:
        raise FileFormatError(f"{printable(path)}: holds no file to score: {', '.join(_SCORED)}, plain or .gz")
    if others:
        names = ", ".join(printable(file.name) for file in others[:3]) + (", ..." if len(others) > 3 else "")
        warnings.warn(f"{printable(path)}: passed over {len(others)} without molecules: {names}", stacklevel=3)
    records = (record for file in files for _, record in read_records(file))
    return enumerate(records, start=1)


def _is_scored(file: Path) -> bool:
    """Files that begin with a dot are what systems leave beside others, such as `._a.sdf`."""
    return bare_suffix(file) in _SCORED and not file.name.startswith(".") and file.is_file()


def _holds_molecules(file: Path) -> bool:
    """Whether a text or table that lies in a folder is one of molecules; half of its lines must begin as a SMILES."""
    try:
        if bare_suffix(file) == ".csv":
            return has_smiles_column(file)
        return format_of(file) != ".txt" or smiles_share(file) >= 0.5
    except FileFormatError:
        return False


def format_of(path: str | Path) -> str:
    """The extension that says how to read a file: its own, but of a list of SMILES that is none, that of its content.

    EDM and others write XYZ frames as `.txt`. A `.txt` whose lines begin with no SMILES is a `FileFormatError`.
    """
    suffix = bare_suffix(path)
    if suffix not in _LISTS or not os.path.isfile(path):  # a pipe can be read only once
        return suffix
    try:
        if holds_frames(path):
            return ".xyz"
        if holds_sdf(path):
            return ".sdf"
        is_prose = suffix == ".txt" and smiles_share(path) == 0
    except FileFormatError:
        return suffix  # its reader says why
    if is_prose:
        raise FileFormatError(f"{printable(path)}: is a text of another kind, expected XYZ frames, or a SMILES a line")
    return suffix


def read_reference(path: str | Path) -> tuple[set[str], Counter[str]]:
    """Canonical SMILES of all molecules of an SDF or a SMILES list, and how many records failed, by reason.

    Each molecule without stereo and, where that differs, with it: from the coordinates of an SDF, or as a SMILES tells.
    Errors as in `read_molecules`, and a `FileFormatError` if no record can be used.
    """
    suffix = format_of(path)
    if suffix in SMILES_SUFFIXES:
        results = read_smiles(path)
    elif suffix in _SDF:
        results = ((number, _identities(record)) for number, record in read_sdf_records(path))
    else:
        kinds = ", ".join(_SDF + SMILES_SUFFIXES)
        raise FileFormatError(f"{printable(path)}: a reference is read from {kinds}, plain or .gz")
    known: set[str] = set()
    failed: Counter[str] = Counter()
    for _, result in results:
        if isinstance(result, Failure):
            failed[result.reason] += 1
        else:
            known |= result
    if not known:
        found = f"none of its {failed.total()} records is a molecule that RDKit accepts"
        raise FileFormatError(f"{printable(path)}: {found}")
    return known, failed


def _identities(record: Chem.Mol | Failure) -> frozenset[str] | Failure:
    failure = record if isinstance(record, Failure) else aromatic_fault(record) or sanitise(record)
    return failure if isinstance(failure, Failure) else identities(record)
