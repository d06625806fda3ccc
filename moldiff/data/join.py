"""Columns of words as classes, and columns of a CSV file that are joined to the molecules by their names."""

import csv
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from moldiff.chem.bond_perception import SMILES_KEYS
from moldiff.data.cells import MOST_CLASSES, read_cells, warn_odd
from moldiff.data.store.packing import Packed
from moldiff.errors import DataError

NAME = "name"


@dataclass(frozen=True, eq=False)
class Joined:
    """Molecules with more columns.

    Attributes:
        packed: with the columns among their properties; of a column of text the numbers of its classes.
        classes: names of the classes of each column of text; none of a column of numbers.
        matched: molecules that a line of the file was found for.
    """

    packed: Packed
    classes: dict[str, list[str] | None]
    matched: int


def with_classes(packed: Packed, source: str) -> tuple[Packed, dict[str, list[str]]]:
    """The molecules with their words as missing numbers, or as numbers of classes, as of `moldiff.data.cells`.

    Args:
        packed: the molecules.
        source: where they are from, for a warning.

    Returns:
        The molecules, and the names of the classes by column; columns of too many words are left out.
    """
    columns, classes, cells_read = dict(packed.properties), {}, []
    for name, words in packed.texts.items():
        numbers = packed.properties.get(name, np.full(len(packed), np.nan))
        cells = [
            word or ("" if np.isnan(x) else repr(float(x)).removesuffix(".0"))
            for word, x in zip(words, numbers, strict=True)
        ]
        read = read_cells(cells)
        if read is None or len(read.classes or "ab") < 2:
            columns.pop(name, None)
            continue
        cells_read.append((name, cells, read))
        columns[name] = read.values
        if read.classes is not None:
            classes[name] = read.classes
    warn_odd(source, cells_read, lambda i: f"molecule {packed.names[i] or i + 1!r}")
    return replace(packed, properties=columns, texts={}), classes


def join_columns(packed: Packed, path: Path) -> Joined:
    """The molecules with the columns of a file.

    Args:
        packed: the molecules, by whose names the lines are found.
        path: a CSV file with a column `name`, in any case; empty cells are missing values.

    Returns:
        The molecules.

    Raises:
        DataError: if the file cannot be read, has no such column, two columns or two lines of a name, or if nothing
            matches.
    """
    rows = {name: (line, cells) for line, name, cells in _rows(path)}
    found = [rows.get(name.strip()) for name in packed.names]
    matched = sum(row is not None for row in found)
    if not matched:
        raise DataError(
            f"{path}: none of its names, such as {next(iter(rows), '')!r}, is one of the molecules', such as "
            f"{packed.names[0]!r}"
        )
    columns, classes, cells_read = {}, {}, []
    for column in next(iter(rows.values()))[1]:
        cells = ["" if row is None else row[1][column] for row in found]
        read = read_cells(cells)
        if read is None:
            words = {cell for cell in cells if cell}
            raise DataError(
                f"{path}: column {column!r} is no number, and has {len(words)} different words, at most {MOST_CLASSES} "
                f"make classes, such as {min(words)[:40]!r}; write numbers with points and without signs, or take the "
                "column out"
            )
        cells_read.append((column, cells, read))
        columns[column], classes[column] = read.values, read.classes
    lines = {i: row[0] for i, row in enumerate(found) if row is not None}
    warn_odd(str(path), cells_read, lambda i: f"line {lines[i]}")
    return Joined(replace(packed, properties={**packed.properties, **columns}), classes, matched)


def _rows(path: Path) -> Iterator[tuple[int, str, dict[str, str]]]:
    """Line, name and other cells of each row, but SMILES."""
    begin, names = 1, set()
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.reader(stream, strict=True)
            header, place = _header(next(reader, []), path)
            begin = reader.line_num + 1
            for cells in reader:
                line, begin = begin, reader.line_num + 1
                if not any(cell.strip() for cell in cells):
                    continue
                cells = [cell.strip() for cell in cells]
                _check_row(cells, header, f"{path}, line {line}")
                row = dict(zip(header, cells + [""] * (len(header) - len(cells)), strict=False))
                name = row.pop(header[place])
                if not name or name in names:
                    raise DataError(
                        f"{path}, line {line}: {f'the name {name!r} comes twice' if name else 'has no name'}"
                    )
                names.add(name)
                yield line, name, {key: cell for key, cell in row.items() if key and key.lower() not in SMILES_KEYS}
    except csv.Error as error:
        hint = "a quote opens here and does not close" if "end of data" in str(error) else "cannot be read as CSV"
        raise DataError(f"{path}, line {begin}: {hint}: {error}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read as CSV: {error}") from error


def _header(cells: list[str], path: Path) -> tuple[list[str], int]:
    """Names of the columns, and the place of the names of the molecules."""
    header = [cell.strip() for cell in cells]
    same = [NAME if cell.lower() == NAME else cell for cell in header]
    if NAME not in same:
        raise DataError(f"{path}: has no column {NAME!r}; it has {', '.join(header) or 'none'}")
    twice = next((cell for cell, count in Counter(same).items() if cell and count > 1), None)
    if twice is not None:
        raise DataError(f"{path}: {same.count(twice)} columns are named {twice!r}; rename or remove all but one")
    return header, same.index(NAME)


def _check_row(cells: list[str], header: list[str], where: str) -> None:
    if any(cells[len(header) :]):
        raise DataError(
            f"{where}: has {len(cells)} cells, the header {len(header)}; a cell with a comma in it needs quotes"
        )
    swallowed = next((part for cell in cells for part in cell.splitlines()[1:] if part.count(",")), None)
    if len(header) > 1 and swallowed is not None:
        raise DataError(
            f"{where}: a quote opens here and does not close before {swallowed.strip()[:60]!r}, which looks like "
            "another row; close it, or write a quote that is meant as two"
        )
