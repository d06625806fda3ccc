"""A score as JSON, and record by record as CSV or SDF."""

import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from moldiff.chem.molecule import Failure
from moldiff.chem.validity import Record
from moldiff.errors import OutputError
from moldiff.io.sdf import annotated_text
from moldiff.metrics.molecule_row import Cell, MoleculeRow, columns_of
from moldiff.metrics.score_result import Score


def write_json(score: Score | Mapping[str, Score], path: str | Path) -> None:
    """Counts, values, intervals and failures by reason, see `Score.to_dict`; of several scores by name."""
    data = score.to_dict() if isinstance(score, Score) else {name: one.to_dict() for name, one in score.items()}
    write_text(path, json.dumps(data, indent=2) + "\n")


def write_csv(score: Score, path: str | Path) -> None:
    """One row a record, in order, with all its figures, of a score that kept its rows."""
    described = any(row.chemistry is not None for row in score.rows)
    with CsvRows(path, columns_of(described=described, checks=tuple(score.checks))) as rows:
        for row in score.rows:
            rows.add(None, row)


Table = TypeVar("Table", bound="CsvTable")
Rows = TypeVar("Rows", bound="_TextRows")


class CsvTable:
    """A table that grows row by row, each on disk when `row` returns; a context manager.

    Args:
        path: of the file. If it cannot be written it is an `OutputError`.
        columns: the head.
        overwrite: replace a file that is there.
    """

    def __init__(self, path: str | Path, columns: Sequence[str], *, overwrite: bool = True) -> None:
        self.path, self.columns, self.overwrite = path, columns, overwrite

    def __enter__(self: Table) -> Table:
        with _telling(self.path):
            self.file = Path(self.path).open("w" if self.overwrite else "x", encoding="utf-8", newline="")
        try:
            self.row(self.columns)
        except OutputError:
            with suppress(OSError):
                self.file.close()
            raise
        return self

    def row(self, cells: Iterable[Any]) -> None:
        """Writes the next row."""
        with _telling(self.path):
            csv.writer(self.file, lineterminator="\n").writerow(cells)
            self.file.flush()

    def __exit__(self, *_: object) -> None:
        with _telling(self.path):
            self.file.close()


class CsvRows(CsvTable):
    """A row a record, truths as 0 or 1, empty where there is no figure; arguments as of `CsvTable`."""

    num_left_out = 0

    def add(self, record: Record | None, row: MoleculeRow) -> None:
        """Writes the next row."""
        self.row([cell_text(cell) for cell in row.to_dict(self.columns).values()])


class _TextRows:
    """Texts of records, one behind the other; a context manager.

    Args:
        path: of the file. If it cannot be written it is an `OutputError`.
        columns: names of the figures.
        overwrite: replace a file that is there.

    Attributes:
        num_left_out: records that the format cannot hold.
    """

    num_left_out: int

    def __init__(self, path: str | Path, columns: Sequence[str], *, overwrite: bool = True) -> None:
        self.path, self.columns, self.overwrite, self.num_left_out = path, columns, overwrite, 0

    def __enter__(self: Rows) -> Rows:
        with _telling(self.path):
            self.file = Path(self.path).open("w" if self.overwrite else "x", encoding="utf-8")
        return self

    def add(self, record: Record, row: MoleculeRow) -> None:
        """Writes the next record."""
        text = self._text(record, row)
        self.num_left_out += not text
        with _telling(self.path):
            self.file.write(text)
            self.file.flush()

    def _text(self, record: Record, row: MoleculeRow) -> str:
        raise NotImplementedError

    def __exit__(self, *_: object) -> None:
        with _telling(self.path):
            self.file.close()


class SdfRows(_TextRows):
    """Records as they stand, under their names and with their tags, and their figures as further tags.

    Left out are records that were not read, and those without coordinates.
    """

    def _text(self, record: Record, row: MoleculeRow) -> str:
        cells = row.to_dict([name for name in self.columns if name != "name"])
        tags = {name: text for name, cell in cells.items() if (text := cell_text(cell))}
        return "" if isinstance(record, Failure) else annotated_text(record, tags, replaced=cells)


class SmilesRows(_TextRows):
    """A line `SMILES name`, with stereo; left out is what is not valid."""

    def _text(self, record: Record, row: MoleculeRow) -> str:
        smiles = row.verdict.stereo_smiles
        return f"{smiles} {' '.join(row.verdict.name.split())}".rstrip() + "\n" if smiles else ""


def open_rows(path: str | Path, columns: Sequence[str], *, overwrite: bool = False) -> CsvRows | SdfRows | SmilesRows:
    """A file of records and their figures, .sdf, .csv or .smi, by its extension; an `OutputError` for another."""
    kinds = {".sdf": SdfRows, ".csv": CsvRows, ".smi": SmilesRows}
    suffix = Path(path).suffix.lower()
    if suffix not in kinds:
        raise OutputError(f"{path}: the extension must be one of {', '.join(kinds)}, got {suffix!r}")
    return kinds[suffix](path, columns, overwrite=overwrite)


def cell_text(cell: Cell) -> str:
    """Of a table: truths as 0 or 1, six digits of a number, nothing for None."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return str(int(cell))
    return f"{cell:.6g}" if isinstance(cell, float) else str(cell)


def write_text(path: str | Path, text: str) -> None:
    """A whole file; one that cannot be written is an `OutputError`."""
    with _telling(path):
        Path(path).write_text(text, encoding="utf-8")


@contextmanager
def _telling(path: str | Path) -> Iterator[None]:
    """An `OutputError` for what the system says of a file."""
    try:
        yield
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {error.strerror or error}") from error
