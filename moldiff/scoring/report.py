"""A score as a table, as JSON, and molecule by molecule as CSV."""

import csv
import io
import json
from pathlib import Path
from typing import Any

from rich.box import SIMPLE
from rich.console import Group
from rich.table import Table
from rich.text import Text

from moldiff.errors import OutputError
from moldiff.scoring.protocols import PROTOCOLS
from moldiff.scoring.score import Rate, Score

_TITLES = {
    "read": "read",
    "sanitised": "sanitised",
    "no_radicals": "no radicals",
    "no_implicit_hydrogens": "no implicit H",
    "one_fragment": "one fragment",
    "valid": "valid (all of these)",
    "stable": "stable molecules",
    "stable_atoms_of_read": "stable atoms of read",
    "unique_of_valid": "unique of valid",
    "valid_and_unique": "valid and unique",
    "novel_of_unique": "novel of unique",
    "valid_unique_and_novel": "valid, unique, novel",
}
_LAYOUT: dict[str, Any] = {
    "title_justify": "left",
    "caption_justify": "left",
    "box": SIMPLE,
    "pad_edge": False,
    "show_edge": False,
    "collapse_padding": True,
}
_CAPTION = (
    "Of all asked for, unless the row names less. Nothing is repaired. "
    "Stable: every atom's bonds are in the strict Kekulé table."
)
_COLUMNS = (
    "read", "sanitised", "no_radicals", "no_implicit_hydrogens", "one_fragment", "valid", "stable",
    "num_atoms", "num_stable_atoms",
)  # fmt: skip


def render(score: Score, *, data_row: Score | None = None) -> Group:
    """Rich tables of the rates and of the failures by reason.

    Args:
        score: what to show.
        data_row: the data's own score, shown in a column beside it: a metric that fails the data is wrong.

    Returns:
        A renderable for `rich.console.Console.print`; older protocols, where they were asked for, in a table of their
        own with what is wrong with them.
    """
    table = Table(title=f"{score.num_requested:,} molecules asked for", caption=_CAPTION, **_LAYOUT)
    table.add_column("rate")
    for header in ("%", "count", "95 % range", *(["data, %", "count"] if data_row is not None else [])):
        table.add_column(header, justify="right", no_wrap=True)
    for name, rate in score.rates.items():
        low, high = rate.interval
        cells = [_percent(rate), _count(rate), f"{100 * low:.1f}-{100 * high:.1f}"]
        if data_row is not None:
            own = data_row.rates.get(name)
            cells += ["", ""] if own is None else [_percent(own), _count(own)]
        table.add_row(_TITLES.get(name, name), *cells, style="bold" if name == "valid" else None)
    parts = [table, *([_failures(score)] if score.failures else []), *([_protocols(score)] if score.protocols else [])]
    return Group(*parts)


def write_json(score: Score, path: str | Path) -> None:
    """Counts, values, intervals and failures by reason; see `Score.to_dict`."""
    _write(path, json.dumps(score.to_dict(), indent=2) + "\n")


def write_csv(score: Score, path: str | Path) -> None:
    """One row a record, in order: number, name, canonical SMILES, every condition as 0 or 1, reason and detail."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["record", "name", "smiles", *_COLUMNS, "reason", "detail"])
    for number, verdict in enumerate(score.verdicts, start=1):
        failure = verdict.failure
        told = ("", "") if failure is None else (failure.reason, failure.detail)
        writer.writerow(
            [number, verdict.name, verdict.smiles, *(int(getattr(verdict, name)) for name in _COLUMNS), *told]
        )
    _write(path, text.getvalue())


def _failures(score: Score) -> Table:
    table = Table(title="not valid, by first reason", **_LAYOUT)
    table.add_column("reason")
    table.add_column("molecules", justify="right")
    table.add_column("for example", overflow="ellipsis", no_wrap=True)
    for reason, count in score.failures.items():
        details = (v.failure.detail for v in score.verdicts if v.failure is not None and v.failure.reason == reason)
        table.add_row(reason, f"{count:,}", next(details, ""))
    return table


def _protocols(score: Score) -> Group:
    table = Table(title="by older protocols, for comparison with published figures alone", **_LAYOUT)
    names = ("stable_atoms", "stable", "valid", "valid_and_unique")
    table.add_column("%, and count", no_wrap=True)
    for name in names:
        table.add_column(name.replace("_", " "), justify="right")
    for protocol, rates in score.protocols.items():
        table.add_row(protocol, *(f"{_percent(rates[name])}\n{_count(rates[name])}" for name in names))
    faults = (f"{name}: {PROTOCOLS[name].faults} {PROTOCOLS[name].source}." for name in score.protocols)
    return Group(table, *(Text(fault, style="italic") for fault in faults))


def _percent(rate: Rate) -> str:
    return f"{100 * rate.value:.2f}" if rate.denominator else "none"


def _count(rate: Rate) -> str:
    return f"{rate.numerator}/{rate.denominator}"


def _write(path: str | Path, text: str) -> None:
    try:
        Path(path).write_text(text, encoding="utf-8")
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {error.strerror or error}") from error
