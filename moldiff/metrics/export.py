"""A score as JSON, and record by record as CSV."""

import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from moldiff.chem.validity import Verdict
from moldiff.errors import OutputError
from moldiff.metrics.score import Score

_COLUMNS = (
    "read",
    "sanitised",
    "no_radicals",
    "no_implicit_hydrogens",
    "one_fragment",
    "valid",
    "stable",
    "neutral",
    "num_atoms",
    "num_stable_atoms",
)


def write_json(score: Score | Mapping[str, Score], path: str | Path) -> None:
    """Counts, values, intervals and failures by reason, see `Score.to_dict`; of several scores by name."""
    data = score.to_dict() if isinstance(score, Score) else {name: one.to_dict() for name, one in score.items()}
    write_text(path, json.dumps(data, indent=2) + "\n")


def write_csv(score: Score, path: str | Path) -> None:
    """One row a record, in order, as of `CsvRows`, of a score that kept its verdicts."""
    with CsvRows(path) as rows:
        for verdict in score.verdicts:
            rows.add(verdict)


Table = TypeVar("Table", bound="CsvTable")


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
    """A row a record: number, name, SMILES without and with stereo, conditions as 0 or 1, reason, detail."""

    def __init__(self, path: str | Path) -> None:
        super().__init__(path, ("record", "name", "smiles", "stereo_smiles", *_COLUMNS, "reason", "detail"))
        self.number = 0

    def add(self, verdict: Verdict) -> None:
        """Writes the next row."""
        self.number += 1
        failure, held = verdict.failure, [int(getattr(verdict, condition)) for condition in _COLUMNS]
        reason = ("", "") if failure is None else (failure.reason, failure.detail)
        self.row([self.number, verdict.name, verdict.smiles, verdict.stereo_smiles, *held, *reason])


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
