"""Molecules to disk one by one, so that whatever stops a run leaves what is done."""

import csv
import io
from pathlib import Path
from types import TracebackType
from typing import Protocol

from moldiff.chem.molecule import Failure, Molecule
from moldiff.chem.validity import canonical_smiles, check
from moldiff.errors import OutputError
from moldiff.io.sdf import sdf_text
from moldiff.io.xyz import xyz_text
from moldiff.runtime.atomic_files import open_alone


class _Format(Protocol):
    def __call__(self, molecule: Molecule) -> str: ...


class _CsvFormat:
    """Rows of smiles, name, properties, valid, reason; the first molecule's properties give the columns."""

    def __init__(self) -> None:
        self.columns: list[str] | None = None

    def __call__(self, molecule: Molecule) -> str:
        rows = []
        if self.columns is None:
            self.columns = list(molecule.properties)
            rows.append(["smiles", "name", *self.columns, "valid", "reason"])
        extra = [key for key in molecule.properties if key not in self.columns]
        if extra:
            raise OutputError(
                f"molecule {molecule.name!r}: property {extra[0]!r} has no column, the first molecule did not have it; "
                "give all molecules the same properties or write an .sdf"
            )
        mol = check(molecule)
        smiles, valid, reason = (
            ("", 0, mol.reason) if isinstance(mol, Failure) else (canonical_smiles(mol, stereo=True), 1, "")
        )
        rows.append([smiles, molecule.name, *(molecule.properties.get(key, "") for key in self.columns), valid, reason])
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(rows)
        return text.getvalue()


def _smiles_text(molecule: Molecule) -> str:
    """A line `SMILES name`, stereo from the coordinates; nothing for a molecule that is not valid."""
    mol = check(molecule)
    if isinstance(mol, Failure):
        return ""
    return f"{canonical_smiles(mol, stereo=True)} {' '.join(molecule.name.split())}".rstrip() + "\n"


class MoleculeWriter:
    """Writes molecules to one file; a context manager. Every molecule is flushed when `write` returns.

    `num_written` counts the molecules that stand in the file, `num_left_out` the invalid ones, which only `.smi` leaves
    out, having no SMILES for them. Any refusal of the disk is an `OutputError` of one line.
    """

    def __init__(self, path: Path, *, overwrite: bool) -> None:
        formats: dict[str, _Format] = {".sdf": sdf_text, ".xyz": xyz_text, ".smi": _smiles_text, ".csv": _CsvFormat()}
        if path.suffix.lower() not in formats:
            raise OutputError(f"{path}: the extension must be one of {', '.join(formats)}, got {path.suffix!r}")
        self.path, self.num_written, self.num_left_out = path, 0, 0
        self._format = formats[path.suffix.lower()]
        try:
            self._stream = open_alone(path, overwrite=overwrite)
        except FileExistsError as error:
            raise OutputError(f"{path}: is already there; choose another name or allow overwriting") from error
        except OSError as error:
            if isinstance(error, OutputError):
                raise
            raise OutputError(f"{path}: cannot be written: {error.strerror}") from error

    def write(self, molecule: Molecule) -> None:
        """Adds one molecule; a name or property that does not fit the format is an `OutputError`."""
        text = self._format(molecule)
        try:
            self._stream.write(text)
            self._stream.flush()
        except OSError as error:
            raise self._describe(error) from error
        self.num_written += bool(text)
        self.num_left_out += not text

    def close(self) -> None:
        """Closes the file; may be called twice."""
        try:
            self._stream.close()
        except OSError as error:
            raise self._describe(error) from error

    def _describe(self, error: OSError) -> OutputError:
        return OutputError(
            f"{self.path}: writing stopped after {self.num_written} molecules: {error.strerror or error}"
        )

    def __enter__(self) -> "MoleculeWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.close()
        except OutputError:
            if error is None:  # otherwise the first error is the one to tell
                raise


def open_writer(path: str | Path, *, overwrite: bool = False) -> MoleculeWriter:
    """A writer for `.sdf`, `.xyz`, `.smi` or `.csv`, by extension; replaces an existing file only with `overwrite`."""
    return MoleculeWriter(Path(path), overwrite=overwrite)
