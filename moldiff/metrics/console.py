"""A score, or several side by side, as tables for a terminal."""

from collections.abc import Mapping
from io import StringIO
from typing import Any

from rich.box import SIMPLE
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from moldiff.metrics.score_result import DataRow, Score
from moldiff.metrics.tables import TextTable, comparison_tables, score_tables
from moldiff.runtime.plain_text import outside_lines

_LAYOUT: dict[str, Any] = {
    "title_justify": "left",
    "caption_justify": "left",
    "box": SIMPLE,
    "pad_edge": False,
    "show_edge": False,
    "collapse_padding": True,
}


def render(score: Score, data: DataRow | None = None) -> Group:
    """Rich tables for `rich.console.Console.print`, as of `moldiff.metrics.tables.score_tables`."""
    return Group(*map(_table, score_tables(score, data)))


def render_comparison(scores: Mapping[str, Score], data: DataRow | None = None) -> Group:
    """As `render`, of several scores side by side."""
    return Group(*map(_table, comparison_tables(scores, data)))


def to_text(score: Score, *, width: int = 120) -> str:
    """As `render`, without colours, at most so many characters wide."""
    text = StringIO()
    console = Console(file=text, width=width, markup=False, emoji=False, highlight=False)
    console.print(render(score))
    return "\n".join(line.rstrip() for line in text.getvalue().splitlines())


def _table(table: TextTable) -> Table:
    caption = Text(table.caption) if table.caption else None
    rich = Table(title=outside_lines(table.title), caption=caption, **_LAYOUT)
    for number, name in enumerate(table.head):
        justify = "left" if number == 0 or number in table.cut else "right"
        rich.add_column(outside_lines(name), justify=justify, overflow="fold", no_wrap=number in table.whole)
    for number, row in enumerate(table.rows):
        cells = [outside_lines(cell) for cell in row]
        for place in table.cut:  # of the cell, not of the column: Rich narrows columns that may wrap before all others
            cells[place].no_wrap, cells[place].overflow = True, "ellipsis"
        rich.add_row(*cells, style="bold" if number in table.bold else None)
    return rich
