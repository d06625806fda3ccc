"""A score, or several side by side, as tables for a terminal."""

from collections.abc import Mapping
from typing import Any

from rich.box import SIMPLE
from rich.console import Group
from rich.table import Table
from rich.text import Text

from moldiff.metrics.score import Score
from moldiff.metrics.tables import DataRow, Grid, comparison_grids, grids
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
    """Rich tables for `rich.console.Console.print`, as of `moldiff.metrics.tables.grids`."""
    return Group(*map(_table, grids(score, data)))


def render_comparison(scores: Mapping[str, Score], data: DataRow | None = None) -> Group:
    """As `render`, of several scores side by side."""
    return Group(*map(_table, comparison_grids(scores, data)))


def _table(grid: Grid) -> Table:
    caption = Text(grid.caption) if grid.caption else None
    table = Table(title=outside_lines(grid.title), caption=caption, **_LAYOUT)
    for number, name in enumerate(grid.head):
        cut, whole = number in grid.cut, number in grid.whole
        overflow = "ellipsis" if cut else "fold"
        table.add_column(
            outside_lines(name),
            justify="left" if number == 0 or cut else "right",
            overflow=overflow,
            no_wrap=cut or whole,
        )
    for number, row in enumerate(grid.rows):
        table.add_row(*map(outside_lines, row), style="bold" if number in grid.bold else None)
    return table
