"""A score as a table, as JSON, and molecule by molecule as CSV."""

import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.box import SIMPLE
from rich.console import Group
from rich.table import Table
from rich.text import Text

from moldiff.chem.validity import Verdict
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
_DISTANCES = {
    "bond_length_w1": ("bond lengths, Å", 4),
    "bond_angle_w1": ("bond angles, degrees", 3),
    "torsion_w1": ("torsions, degrees", 2),
    "atom_tv": ("atom classes", 4),
    "bond_tv": ("bond classes", 4),
    "size_tv": ("sizes", 4),
    "ring_tv": ("numbers of rings", 4),
}
_DRUGLIKE = {
    "qed": ("QED, mean", 3),
    "sa": ("synthetic accessibility, mean, 1 easy to 10", 2),
    "logp": ("logP, mean", 2),
    "weight": ("weight, mean, g/mol", 1),
    "tpsa": ("polar surface, mean, Å²", 1),
    "diversity": ("diversity, 0 to 1", 3),
    "frechet": ("Fréchet distance of descriptors to the reference", 3),
}
_DISTANCE_CAPTION = (
    "Of the valid molecules. Lengths, angles, torsions: mean Wasserstein distance within a type; the rest: total "
    "variation, 0 to 1."
)
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


def render(score: Score, *, data_row: Score | None = None, data_distances: Mapping[str, float] | None = None) -> Group:
    """Rich tables of the rates and of the failures by reason.

    Args:
        score: what to show.
        data_row: the data's own score, shown in a column beside it: a metric that fails the data is wrong.
        data_distances: those of other molecules of the data, shown beside the distances for the same reason.

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
    parts += [_distances({"distance": score}, data_distances)] if score.distances else []
    parts += [_druglike({"": score})] if score.druglike else []
    return Group(*parts)


def render_comparison(scores: Mapping[str, Score], *, data_distances: Mapping[str, float] | None = None) -> Group:
    """Several scores side by side: rates in percent with their counts, failures, protocols, distances.

    Args:
        scores: by the name that heads their column.
        data_distances: as of `render`.

    Returns:
        A renderable for `rich.console.Console.print`.
    """
    table = Table(title="%, and count", caption=_CAPTION, **_LAYOUT)
    _columns(table, "rate", scores)
    shown = dict.fromkeys(name for score in scores.values() for name in score.rates)
    for name in shown:
        _across(table, _TITLES.get(name, name), [score.rates.get(name) for score in scores.values()], name == "valid")
    for name in dict.fromkeys(name for score in scores.values() for name in score.protocols):
        for part in ("stable_atoms", "stable", "valid", "valid_and_unique"):
            rates = [score.protocols.get(name, {}).get(part) for score in scores.values()]
            _across(table, f"{name}: {part.replace('_', ' ')}", rates)
    failures = Table(title="not valid, by first reason", **_LAYOUT)
    _columns(failures, "reason", scores)
    for reason in dict.fromkeys(reason for score in scores.values() for reason in score.failures):
        failures.add_row(reason, *(f"{score.failures.get(reason, 0):,}" for score in scores.values()))
    parts = [table, *([failures] if failures.rows else [])]
    parts += [_distances(scores, data_distances)] if any(score.distances for score in scores.values()) else []
    parts += [_druglike(scores)] if any(score.druglike for score in scores.values()) else []
    return Group(*parts)


def _columns(table: Table, first: str, others: Iterable[str]) -> None:
    table.add_column(first)
    for name in others:
        table.add_column(name, justify="right", overflow="fold")


def _across(table: Table, title: str, rates: list[Rate | None], bold: bool = False) -> None:
    cells = ["" if rate is None else f"{_percent(rate)}  {_count(rate)}" for rate in rates]
    table.add_row(title, *cells, style="bold" if bold else None)


def _distances(scores: Mapping[str, Score], data: Mapping[str, float] | None) -> Table:
    rows = {name: score.distances for name, score in scores.items()} | ({"the data": data} if data else {})
    return _figures("distances to the reference", _DISTANCE_CAPTION, _DISTANCES, rows)


def _druglike(scores: Mapping[str, Score]) -> Table:
    rows = {name: score.druglike for name, score in scores.items()}
    return _figures("descriptors", "Of the valid molecules.", _DRUGLIKE, rows)


def _figures(
    title: str, caption: str, shown: Mapping[str, tuple[str, int]], columns: Mapping[str, Mapping[str, float]]
) -> Table:
    table = Table(title=title, caption=caption, **_LAYOUT)
    _columns(table, "of", columns)
    for name, (heading, digits) in shown.items():
        cells = [f"{column[name]:.{digits}f}" if name in column else "" for column in columns.values()]
        if any(cells):
            table.add_row(heading, *cells)
    return table


def write_json(score: Score | Mapping[str, Score], path: str | Path) -> None:
    """Counts, values, intervals and failures by reason, see `Score.to_dict`; of several scores by name."""
    told = score.to_dict() if isinstance(score, Score) else {name: one.to_dict() for name, one in score.items()}
    _write(path, json.dumps(told, indent=2) + "\n")


def write_csv(score: Score, path: str | Path) -> None:
    """One row a record, in order, as of `CsvRows`, of a score that kept its verdicts."""
    with CsvRows(path) as rows:
        for verdict in score.verdicts:
            rows.add(verdict)


class CsvRows:
    """A table with a row a record: number, name, canonical SMILES, every condition as 0 or 1, reason and detail.

    Args:
        path: of the file; what is there is replaced. If it cannot be written it is an `OutputError`.
    """

    def __init__(self, path: str | Path) -> None:
        self.path, self.number = path, 0

    def __enter__(self) -> "CsvRows":
        with _telling(self.path):
            self.file = Path(self.path).open("w", encoding="utf-8", newline="")
        self._row(["record", "name", "smiles", *_COLUMNS, "reason", "detail"])
        return self

    def add(self, verdict: Verdict) -> None:
        """Writes the next row."""
        self.number += 1
        failure = verdict.failure
        told = ("", "") if failure is None else (failure.reason, failure.detail)
        self._row([self.number, verdict.name, verdict.smiles, *(int(getattr(verdict, c)) for c in _COLUMNS), *told])

    def _row(self, cells: list[Any]) -> None:
        with _telling(self.path):
            csv.writer(self.file, lineterminator="\n").writerow(cells)

    def __exit__(self, *_: object) -> None:
        with _telling(self.path):
            self.file.close()


def _failures(score: Score) -> Table:
    table = Table(title="not valid, by first reason", **_LAYOUT)
    table.add_column("reason")
    table.add_column("molecules", justify="right")
    table.add_column("for example", overflow="ellipsis", no_wrap=True)
    for reason, count in score.failures.items():
        table.add_row(reason, f"{count:,}", score.examples.get(reason, ""))
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
    with _telling(path):
        Path(path).write_text(text, encoding="utf-8")


@contextmanager
def _telling(path: str | Path) -> Iterator[None]:
    """An `OutputError` for what the system says of a file."""
    try:
        yield
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {error.strerror or error}") from error
