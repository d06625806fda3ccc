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
        cut, whole = number in table.cut, number in table.whole
        overflow = "ellipsis" if cut else "fold"
        rich.add_column(
            outside_lines(name),
            justify="left" if number == 0 or cut else "right",
            overflow=overflow,
            no_wrap=cut or whole,
        )
    for number, row in enumerate(table.rows):
        rich.add_row(*map(outside_lines, row), style="bold" if number in table.bold else None)
    return rich
