"""QM9 from files fetched by hand: `gdb9.sdf`, or the raw archive `dsgdb9nsd.xyz.tar.bz2`, of 133,885 molecules.

3,054 of them failed the authors' consistency check: the geometry relaxed to another molecule. Their numbers stand in
`uncharacterized.txt` of the same publication; where that file lies beside the data they are left out as
`uncharacterised`. Without it, the archive's own two InChI (before and after relaxation) are compared, and `gdb9.sdf`,
which has neither InChI nor SMILES, is taken as it is. The literature's split needs the same 130,831 molecules; with any
other number the split is random, and `meta.json` says so.
"""

import csv
import re
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from moldiff.chem.bond_assignment import assign
from moldiff.chem.molecule import MAX_ATOMS, MAX_COORDINATE, Failure, Molecule
from moldiff.data.sources.base import Source
from moldiff.data.sources.files import read_valid
from moldiff.data.sources.qm9 import ELEMENTS, NUM_MOLECULES, SPLIT_RULE, UNIT_NAMES, UNITS, literature_split, numbers
from moldiff.errors import DataError, FileFormatError
from moldiff.io.sdf import read_sdf

# Order of the values in line 2 of an archive file after "gdb" and the index, and their names in gdb9.sdf.csv.
_ARCHIVE: tuple[str, ...] = (
    "rotation_a",
    "rotation_b",
    "rotation_c",
    "mu",
    "alpha",
    "homo",
    "lumo",
    "gap",
    "r2",
    "zpve",
    "u0",
    "u",
    "h",
    "g",
    "cv",
)
_CSV = ("A", "B", "C", "mu", "alpha", "homo", "lumo", "gap", "r2", "zpve", "u0", "u298", "h298", "g298", "cv")
_LISTED = re.compile(r"^\s*(\d+)\s+\S", re.MULTILINE)


def qm9_file_source(path: str | Path) -> Source:
    """QM9 from `gdb9.sdf` (with `gdb9.sdf.csv` beside it for the properties) or the raw archive.

    Args:
        path: the file; `uncharacterized.txt` is looked for beside it.

    Returns:
        The source.

    Raises:
        DataError: if there is no such file.
        FileFormatError: if it is neither.
    """
    path = Path(path)
    if not path.is_file():
        raise DataError(f"{path}: no such file; expected gdb9.sdf or dsgdb9nsd.xyz.tar.bz2")
    if path.name.endswith((".sdf", ".sdf.gz")):
        return _sdf_source(path)
    if ".tar" in path.suffixes:
        return _archive_source(path)
    raise FileFormatError(f"{path}: expected gdb9.sdf or dsgdb9nsd.xyz.tar.bz2")


def _uncharacterised(path: Path) -> set[int] | None:
    file = path.parent / "uncharacterized.txt"
    return {int(number) for number in _LISTED.findall(file.read_text(errors="replace"))} if file.is_file() else None


def _source(
    path: Path, records: list[Any], read: Callable[[Any], tuple[Molecule, str] | Failure], left_out: int, rule: str
) -> Source:
    origin = {"file": path.name, "uncharacterised": rule}
    excluded = {"uncharacterised": left_out} if left_out else {}
    if len(records) == NUM_MOLECULES:
        split = (literature_split, SPLIT_RULE)
        return Source("qm9", records, len(records), read, origin, *split, left_out=excluded, units=UNIT_NAMES)
    return Source("qm9", records, len(records), read, origin, left_out=excluded, units=UNIT_NAMES)


def _archive_source(path: Path) -> Source:
    listed = _uncharacterised(path)
    texts = sorted(_members(path))
    if listed is None:
        kept = [text for _, text in texts if _same_inchi(text)]
        return _source(path, kept, read_archive, len(texts) - len(kept), "two different InChI in the file")
    kept = [text for index, text in texts if index not in listed]
    return _source(path, kept, read_archive, len(texts) - len(kept), "uncharacterized.txt")


def _members(path: Path) -> Iterator[tuple[int, str]]:
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                stream = archive.extractfile(member) if member.name.endswith(".xyz") else None
                if stream is not None:
                    index = re.search(r"(\d+)\.xyz$", member.name)
                    yield int(index[1]) if index else 0, stream.read().decode("ascii", errors="replace")
    except (tarfile.TarError, EOFError, OSError) as error:
        raise FileFormatError(f"{path}: is no whole archive of xyz files: {error}; fetch it again") from error


def _same_inchi(text: str) -> bool:
    last = text.rstrip().rsplit("\n", 1)[-1].split()
    return len(last) != 2 or last[0] == last[1]


def read_archive(text: str) -> tuple[Molecule, str] | Failure:
    """Molecule and SMILES of one file of the archive.

    Lines: number of atoms; index and 15 properties; one line per atom with its Mulliken charge; frequencies; SMILES
    before and after relaxation; InChI before and after.
    """
    lines = text.splitlines()
    name = "a file of the archive"
    try:
        words, count = lines[1].split(), int(lines[0])
        name = f"gdb_{int(words[1])}"
        if len(lines) < count + 5:
            return Failure("truncated", f"{name}: has {len(lines)} lines, expected {count + 5}")
        rows = [line.split() for line in lines[2 : count + 2]]
        elements = np.array([ELEMENTS[row[0]] for row in rows])
        pos = numbers([word for row in rows for word in row[1:4]]).reshape(-1, 3)
        values = numbers(words[2:17]) * [UNITS[key] for key in _ARCHIVE]
        smiles = lines[count + 3].split()[0]
        if not (0 < count <= MAX_ATOMS and (np.abs(pos) <= MAX_COORDINATE).all()):
            raise ValueError(f"expected 1 to {MAX_ATOMS} atoms within ±{MAX_COORDINATE:g} Å")
    except (KeyError, ValueError, IndexError) as error:
        return Failure("unreadable", f"{name}: {error!r}")
    properties = dict(zip(_ARCHIVE, values.tolist(), strict=True))
    molecule = assign(elements, pos, smiles, name=name, properties=properties)
    return molecule if isinstance(molecule, Failure) else (molecule, smiles)


def _sdf_source(path: Path) -> Source:
    listed = _uncharacterised(path) or set()
    table = _properties(path)
    records: list[Molecule | Failure] = []
    left_out = 0
    for number, record in read_sdf(path):
        if isinstance(record, Failure):
            index = number
        else:
            digits = re.search(r"(\d+)$", record.name)
            index = int(digits[1]) if digits else number
            values = table.get(f"gdb_{index}", {})
            record = Molecule(record.elements, record.charges, record.pos, record.bond, f"gdb_{index}", values)
        if index in listed:
            left_out += 1
        else:
            records.append(record)
    return _source(path, records, read_valid, left_out, "uncharacterized.txt" if listed else "kept: no list found")


def _properties(path: Path) -> dict[str, dict[str, float]]:
    file = path.with_name(f"{path.name}.csv")
    if not file.is_file():
        return {}
    try:
        with file.open(newline="") as stream:
            rows = csv.DictReader(stream)
            factors = [UNITS[key] for key in _ARCHIVE]
            return {
                row["mol_id"]: dict(
                    zip(_ARCHIVE, (numbers([row[key] for key in _CSV]) * factors).tolist(), strict=True)
                )
                for row in rows
            }
    except (KeyError, ValueError, TypeError, csv.Error) as error:
        raise FileFormatError(f"{file}: expected the columns mol_id, {', '.join(_CSV)}: {error!r}") from error
