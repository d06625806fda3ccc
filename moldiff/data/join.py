"""Columns of words as classes, and columns of a CSV file that are joined to the molecules by their names."""

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float

from moldiff.data.packing import Packed
from moldiff.errors import DataError

NAME = "name"
MOST_CLASSES = 64


@dataclass(frozen=True, eq=False)
class Joined:
    """Molecules with more columns.

    Attributes:
        packed: with the columns among their properties; of a column of text the numbers of its classes.
        classes: names of the classes of each column of text.
        matched: molecules that a line of the file was found for.
    """

    packed: Packed
    classes: dict[str, list[str]]
    matched: int


def with_classes(packed: Packed) -> tuple[Packed, dict[str, list[str]]]:
    """The molecules with columns of words as numbers of classes, and the classes; too many words are left out."""
    columns, classes = {}, {}
    for name, words in packed.texts.items():
        if 1 < len(set(words) - {""}) <= MOST_CLASSES:
            columns[name], classes[name] = _classes(words, name)
    return replace(packed, properties={**packed.properties, **columns}, texts={}), classes


def join_columns(packed: Packed, path: Path) -> Joined:
    """The molecules with the columns of a file.

    Args:
        packed: the molecules, by whose names the lines are found.
        path: a CSV file with a column `name`; empty cells are missing values.

    Returns:
        The molecules.

    Raises:
        DataError: if the file cannot be read, has no such column or two lines of a name, or if nothing matches.
    """
    lines = _lines(path)
    rows = [lines.get(name) for name in packed.names]
    matched = sum(row is not None for row in rows)
    if not matched:
        raise DataError(
            f"{path}: none of its names, such as {next(iter(lines), '')!r}, is one of the molecules', such as "
            f"{packed.names[0]!r}"
        )
    columns, classes = {}, {}
    for column in next(iter(lines.values())):
        cells = ["" if row is None else row[column].strip() for row in rows]
        try:
            columns[column] = np.array([float(cell) if cell else math.nan for cell in cells])
        except ValueError:
            columns[column], classes[column] = _classes(cells, f"{path}: column {column!r}")
    return Joined(replace(packed, properties={**packed.properties, **columns}), classes, matched)


def _lines(path: Path) -> dict[str, dict[str, str]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream)
            if NAME not in (reader.fieldnames or ()):
                raise DataError(f"{path}: has no column {NAME!r}; it has {', '.join(reader.fieldnames or ['none'])}")
            lines: dict[str, dict[str, str]] = {}
            for row in reader:
                name = (row.pop(NAME) or "").strip()
                if name in lines:
                    raise DataError(f"{path}, line {reader.line_num}: the name {name!r} comes twice")
                lines[name] = {key: cell or "" for key, cell in row.items() if key}
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: cannot be read as CSV: {error}") from error
    return lines


def _classes(cells: Sequence[str], label: str) -> tuple[Float[np.ndarray, "m"], list[str]]:
    names = sorted({cell for cell in cells if cell})
    if len(names) > MOST_CLASSES:
        raise DataError(f"{label} is no number, and has {len(names)} different words, at most {MOST_CLASSES}")
    place = {name: float(number) for number, name in enumerate(names)}
    return np.array([place.get(cell, math.nan) for cell in cells]), names
