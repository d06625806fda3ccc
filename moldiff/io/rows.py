"""Lists of SMILES row by row: words of a line, or cells of a CSV file; no row is lost, and none swallows another."""

import csv
import re
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from moldiff.chem.molecule import MAX_LINE, MAX_RECORD, MAX_SMILES, Failure
from moldiff.errors import FileFormatError
from moldiff.io.text import bare_suffix, printable, text_lines

COLUMN = "smiles"
_LOOKED_AT = 100  # lines that tell what a text holds
_WORD = re.compile(
    r"(?:\[\d*(?:[A-Z][a-z]?|[bcnops]|se|as|\*)@{0,2}(?:H\d?)?[+-]*\d*(?::\d+)?\]|Br|Cl|[BCNOPSFIbcnops*])"
    r"(?:\[[^\[\]]+\]|Br|Cl|[BCNOPSFIbcnops*]|[-=#$:/\\.~()@+\d%])*"
)
_MARKED = re.compile(r"\[[^\]]*\]|Br|Cl")
_TOO_LONG = Failure("size", f"is longer than {MAX_LINE:,} characters")
_REMEDY = "close it, or write a quote that is meant as two"
_EMPTY = Failure("unreadable", "has no SMILES")


class Row(NamedTuple):
    """A row: the line of the file where it begins, from 1, its SMILES or why there is none, and its other columns."""

    line: int
    smiles: str | Failure
    columns: dict[str, str]


def read_rows(path: str | Path) -> Iterator[Row]:
    """Rows of a `.csv` by its column `smiles`, in any case; elsewhere the first word of a line, and the rest as `name`.

    Blank lines and a header are passed over; any other row counts, also one without a SMILES. A `.csv` without that
    column, with two columns of one name, or with a quote that opens and does not close is a `FileFormatError`.
    """
    if bare_suffix(path) == ".csv":
        yield from _csv_rows(path)
        return
    first = True
    for number, line in enumerate(text_lines(path), start=1):
        word, *rest = line.split(maxsplit=1) or [""]
        if not word or (first and word.lower() == COLUMN):
            first = first and not word
            continue
        first = False
        if len(line) > MAX_LINE:
            yield Row(number, _TOO_LONG, {})
        elif line.startswith("\t"):  # a table by tabs whose first cell is empty
            yield Row(number, _EMPTY, {"name": line.strip()})
        else:
            yield Row(number, word, {"name": rest[0].strip()} if rest else {})


def smiles_share(path: str | Path) -> float:
    """How many of the first lines of a text begin as a SMILES does; all, if its header says so."""
    words = [words[0] for line in islice(text_lines(path), _LOOKED_AT) if (words := line[:MAX_LINE].split(maxsplit=1))]
    if words and words[0].lower() == COLUMN:
        return 1.0
    return sum(_begins_smiles(word) for word in words) / max(1, len(words))


def has_smiles_column(path: str | Path) -> bool:
    """Whether the first line of a `.csv` names one; a text without lines does not."""
    header = next((line for line in text_lines(path) if line.strip()), "")
    return COLUMN in re.split(r"[\s,\"]+", header.lower())


def _begins_smiles(word: str) -> bool:
    """Whether the letters are those of a SMILES; aromatic atoms need a ring, which `In` and `No` of prose have not."""
    if len(word) > MAX_SMILES or not _WORD.fullmatch(word):
        return False
    bare = _MARKED.sub("", word)
    return not re.search(r"[bcnops]", bare) or re.search(r"\d", bare) is not None


class _Feed:
    """Lines for `csv.reader`, with those that the present row has taken."""

    def __init__(self, path: str | Path) -> None:
        self.lines, self.number = text_lines(path), 0
        self.row, self.size, self.too_long = list[str](), 0, False

    def begin_row(self) -> None:
        self.row, self.size, self.too_long = [], 0, False

    @property
    def first(self) -> int:
        """Number of the line where the row begins."""
        return self.number - len(self.row) + 1

    def __iter__(self) -> "_Feed":
        return self

    def __next__(self) -> str:
        line = next(self.lines)
        self.number, self.size = self.number + 1, self.size + len(line)
        self.too_long = self.too_long or len(line) > MAX_LINE
        if self.size > MAX_RECORD:
            raise csv.Error(f"more than {MAX_RECORD:,} characters follow")
        self.row.append(line)
        return "" if self.too_long else f"{line}\n"


def _csv_rows(path: str | Path) -> Iterator[Row]:
    csv.field_size_limit(max(csv.field_size_limit(), MAX_LINE))  # for the whole process; raised, never lowered
    feed, label = _Feed(path), printable(path)
    reader = csv.reader(feed, strict=True)
    header: list[str] = []
    column = 0
    while True:
        feed.begin_row()
        try:
            cells = next(reader, None)
        except csv.Error as error:
            if len(feed.row) != 1 or "end of data" in str(error):
                raise FileFormatError(
                    f"{label}, line {feed.first}: a quote opens here and does not close ({error}); {_REMEDY}"
                ) from error
            cells = []
            fault = Failure("unreadable", f"its quotes do not match: {error}")
        else:
            fault = _TOO_LONG if feed.too_long else None
        if cells is None:
            break
        if not (cells or fault):
            continue
        if not header:
            header, column = _header(cells, label)
            continue
        _refuse_swallowed(feed, len(header), column, label)
        yield _row(feed.first, cells, header, column) if fault is None else Row(feed.first, fault, {})
    if not header:
        _header([], label)


def _header(cells: list[str], label: str) -> tuple[list[str], int]:
    """Names of the columns, and the place of the SMILES among them."""
    header = [name.strip() for name in cells]
    lower = [COLUMN if name.lower() == COLUMN else name for name in header]
    if COLUMN not in lower:
        raise FileFormatError(f"{label}: has no column {COLUMN!r}; its columns are {', '.join(header)[:200]!r}")
    twice = next((name for name, count in Counter(lower).items() if name and count > 1), None)
    if twice is not None:
        named = " and ".join(f"{header[i]!r} ({i + 1})" for i, name in enumerate(lower) if name == twice)
        raise FileFormatError(f"{label}: several columns are named {twice!r}: {named}; rename or remove all but one")
    return header, lower.index(COLUMN)


def _row(line: int, cells: list[str], header: list[str], column: int) -> Row:
    columns = dict(zip(header, map(str.strip, cells), strict=False))
    smiles = columns.pop(header[column], "")
    if column and any(cell.strip() for cell in cells[len(header) :]):
        fault = f"has {len(cells)} cells, the header {len(header)}: a cell with a comma needs quotes"
        return Row(line, Failure("unreadable", fault), columns)
    return Row(line, smiles or _EMPTY, columns)


def _refuse_swallowed(feed: _Feed, num_columns: int, column: int, label: str) -> None:
    """A quoted cell may hold line ends, but not what are rows by their number of cells and their SMILES."""
    for line in feed.row[1:]:
        cells = [cell.strip(' "') for cell in line.split(",")]
        if len(cells) == num_columns and _begins_smiles(cells[column]):
            raise FileFormatError(
                f"{label}, line {feed.first}: a quote opens here and does not close before {line.strip()[:60]!r}, "
                f"which looks like another row; {_REMEDY}"
            )
