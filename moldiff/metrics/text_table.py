"""A table of text, and how figures are written in it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite

from moldiff.metrics.rate import Rate


@dataclass(frozen=True)
class TextTable:
    """A table of text.

    Attributes:
        title: above the table.
        head: headings of the columns.
        rows: cells, as many as columns; the first names the row.
        caption: below the table; may have several lines.
        bold: indices of rows in bold.
        cut: indices of columns that are cut off where there is no room, in place of folded.
        whole: indices of columns that are neither cut nor folded.
    """

    title: str
    head: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    caption: str = ""
    bold: tuple[int, ...] = ()
    cut: tuple[int, ...] = ()
    whole: tuple[int, ...] = ()


def names_of(parts: Iterable[Mapping[str, object]]) -> list[str]:
    """All keys of several mappings, each once, in order."""
    return list(dict.fromkeys(name for part in parts for name in part))


def across(rates: Iterable[Rate | None]) -> list[str]:
    """Cells of a row of rates; empty where there is none."""
    return ["" if rate is None else percent_and_count(rate) for rate in rates]


def rate_row(title: str, rate: Rate, beside: Sequence[Rate | None] = ()) -> tuple[str, ...]:
    """Title, percent, count and 95 % range of a rate; percent and count of those beside, empty where there is none."""
    low, high = rate.interval
    cells = [title, percent(rate), count_of(rate), f"{100 * low:.1f}-{100 * high:.1f}"]
    for other in beside:
        cells += ["", ""] if other is None else [percent(other), count_of(other)]
    return tuple(cells)


def percent_and_count(rate: Rate) -> str:
    """Such as `95.00  19/20`."""
    return f"{percent(rate)}  {count_of(rate)}"


def percent(rate: Rate) -> str:
    """Two digits; `none` of none."""
    return f"{100 * rate.value:.2f}" if rate.denominator else "none"


def count_of(rate: Rate) -> str:
    """Such as `19/20`."""
    return f"{rate.numerator}/{rate.denominator}"


def figure(value: float, digits: int) -> str:
    """So many digits; `none` for what is no number."""
    return f"{value:.{digits}f}" if isfinite(value) else "none"
