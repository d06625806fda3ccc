"""Columns of text as numbers or as classes: one rule for tags and columns of a file, and for a joined table."""

import math
import re
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

MOST_CLASSES = 64
NAMED = 3  # odd cells that a warning names
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_NEARLY = re.compile(r"[<>=~≤≥≈]+\s*[+-]?[\d.]+([eE][+-]?\d+)?|[+-]?\d+,\d+|[+-]?inf(inity)?", re.ASCII | re.IGNORECASE)
_MISSING = {"", "n/a", "na", "#n/a", "<na>", "nan", "null"}  # whatever the column holds
_NO_NUMBER = {"-", "--", "none", "?", ".", "missing", "unknown"}  # among numbers; among words they may be a class


@dataclass(frozen=True)
class Read:
    """A column as it was read.

    Attributes:
        values: numbers, or numbers of classes; NaN where there are none.
        classes: their names; none of numbers.
        odd: places of the cells that are neither empty nor of the column's kind.
    """

    values: Float[np.ndarray, "m"]
    classes: list[str] | None
    odd: list[int]


def read_cells(cells: Sequence[str]) -> Read | None:
    """Numbers, if at least half of what the cells hold are numbers, or would be but for a sign such as `<`; or classes.

    Args:
        cells: text; empty where there is nothing.

    Returns:
        The column; None of words that are too many for classes, or of nearly numbers without one that is.
    """
    cells = [cell.strip() for cell in cells]
    numbers = np.array([_number(cell) for cell in cells])
    held = [i for i, cell in enumerate(cells) if cell.lower() not in _MISSING | _NO_NUMBER]
    like = sum(math.isfinite(numbers[i]) or _like_a_number(cells[i]) for i in held)
    if 2 * like >= len(held):
        odd = [i for i, cell in enumerate(cells) if cell and math.isnan(numbers[i])]
        return None if odd and np.isnan(numbers).all() and held else Read(numbers, None, odd)
    names = sorted({cell for cell in cells if cell.lower() not in _MISSING})
    if len(names) > MOST_CLASSES:
        return None
    place = {name: float(number) for number, name in enumerate(names)}
    odd = [i for i, cell in enumerate(cells) if cell and (cell not in place or math.isfinite(numbers[i]))]
    return Read(np.array([place.get(cell, math.nan) for cell in cells]), names, odd)


def warn_odd(source: str, columns: Sequence[tuple[str, Sequence[str], Read]], where: Callable[[int], str]) -> None:
    """One warning for all cells that a column of another kind holds.

    Args:
        source: file, for the message.
        columns: name, cells, and how they were read.
        where: words for a place in a column.
    """
    for of_numbers, what in (
        (True, "no numbers, and count as missing"),
        (False, "missing, or numbers in columns that are taken as classes"),
    ):
        odd = [
            (name, cells, i) for name, cells, read in columns if (read.classes is None) is of_numbers for i in read.odd
        ]
        if odd:
            named = ", ".join(
                f"{cells[i].strip()[:40]!r} ({where(i)}, column {name!r})" for name, cells, i in odd[:NAMED]
            )
            more = ", ..." if len(odd) > NAMED else ""
            warnings.warn(f"{source}: {len(odd):,} cells are {what}: {named}{more}", stacklevel=3)


def _number(cell: str) -> float:
    """NaN of what is none, and of what is larger than any number."""
    value = float(cell) if _NUMBER.fullmatch(cell) else math.nan
    return value if math.isfinite(value) else math.nan


def _like_a_number(cell: str) -> bool:
    return bool(_NEARLY.fullmatch(cell) or _NUMBER.fullmatch(cell))
