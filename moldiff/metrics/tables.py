"""A score, or several side by side, as grids of text with the data's own figures beside; others give them a look."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite

from moldiff.metrics.checks import CHECKS, CheckResult
from moldiff.metrics.protocols import PROTOCOLS
from moldiff.metrics.rate import Rate
from moldiff.metrics.score import Score
from moldiff.runtime.plain_text import plain

_TITLES = {
    "read": "read",
    "sanitised": "sanitised",
    "no_radicals": "no radicals",
    "no_implicit_hydrogens": "no implicit H",
    "one_fragment": "one fragment",
    "neutral": "no net charge",
    "valid": "valid (all of these)",
    "stable": "stable molecules",
    "stable_atoms_of_read": "stable atoms of read",
    "unique_of_valid": "unique of valid",
    "unique_with_stereo_of_valid": "unique with stereo",
    "valid_and_unique": "valid and unique",
    "novel_of_unique": "novel of unique",
    "novel_with_stereo_of_unique": "novel with stereo",
    "valid_unique_and_novel": "valid, unique, novel",
}
_DISTANCES = {
    "bond_length_w1": ("bond lengths, Å", 4),
    "bond_angle_w1": ("bond angles, degrees", 3),
    "torsion_w1": ("torsions, degrees", 2),
    "atom_tv": ("atom classes", 4),
    "bond_tv": ("bond classes", 4),
    "valence_tv": ("valences by atom class", 4),
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
_CLOSER_CAPTION = (
    "Numbers: median, and first to third quartile. Strain: energy above the nearest minimum, displacement of all atoms."
)
_CAPTION = (
    "Of the valid molecules. Lengths, angles, torsions: mean Wasserstein distance within a type; the rest: total "
    "variation, 0 to 1."
)
_CLOSER_CAPTION = (
    "Numbers: median, and first to third quartile. Strain: energy above the nearest minimum, displacement of all atoms."
)
_CAPTION = (
    "Of all asked for, unless the row names less. Nothing is repaired. "
    "Stable: every atom's bonds are in the strict Kekulé table."
)
_FAILURES = "not valid, by first reason"
_PARTS = ("stable_atoms", "stable", "valid", "valid_and_unique")  # of a protocol


@dataclass(frozen=True)
class Grid:
    """A table.

    Attributes:
        title: above it.
        head: of the columns.
        rows: as many cells each; the first says of what.
        caption: below it; may have lines.
        bold: numbers of rows that stand out.
        cut: numbers of columns that are cut off where there is no room, in place of folded.
        whole: numbers of columns that are neither.
    """

    title: str
    head: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    caption: str = ""
    bold: tuple[int, ...] = ()
    cut: tuple[int, ...] = ()
    whole: tuple[int, ...] = ()


@dataclass(frozen=True)
class DataRow:
    """What the data itself scores: a metric that fails the data is wrong.

    Attributes:
        score: rates.
        distances: of other molecules of the data.
        closer: what a closer look saw of molecules of the data.
    """

    score: Score | None = None
    distances: Mapping[str, float] = field(default_factory=dict)
    closer: Mapping[str, CheckResult] = field(default_factory=dict)


def grids(score: Score, data: DataRow | None = None) -> list[Grid]:
    """Rates with the data's beside, failures by reason, and all else that was asked for.

    Args:
        score: what to show.
        data: shown in columns beside.

    Returns:
        The grids; older protocols in one of their own with what is wrong with them.
    """
    data = data or DataRow()
    found = [_rates(score, data.score)]
    found += [_failures(score)] if score.failures else []
    found += [_protocols(score)] if score.protocols else []
    return found + _figures_of({"found": score}, data)


def comparison_grids(scores: Mapping[str, Score], data: DataRow | None = None) -> list[Grid]:
    """Several scores side by side.

    Args:
        scores: by the name that heads their column.
        data: as of `grids`.

    Returns:
        The grids.
    """
    scores = {plain(name): score for name, score in scores.items()}
    rows = [
        (_TITLES.get(name, name), *_across(score.rates.get(name) for score in scores.values()))
        for name in _names(score.rates for score in scores.values())
    ]
    bold = _bold(rows)
    for name in _names(score.protocols for score in scores.values()):
        for part in _PARTS:
            rates = (score.protocols.get(name, {}).get(part) for score in scores.values())
            rows.append((f"{name}: {part.replace('_', ' ')}", *_across(rates)))
    reasons = [
        (reason, *(f"{score.failures.get(reason, 0):,}" for score in scores.values()))
        for reason in _names(score.failures for score in scores.values())
    ]
    found = [Grid("%, and count", ("rate", *scores), rows, _CAPTION, bold)]
    found += [Grid(_FAILURES, ("reason", *scores), reasons)] if reasons else []
    return found + _figures_of(scores, data or DataRow())


def _rates(score: Score, own: Score | None) -> Grid:
    head = ("rate", "%", "count", "95 % range", *(() if own is None else ("data, %", "count")))
    rows = []
    for name, rate in score.rates.items():
        low, high = rate.interval
        cells = [_TITLES.get(name, name), _percent(rate), _count(rate), f"{100 * low:.1f}-{100 * high:.1f}"]
        if own is not None:
            beside = own.rates.get(name)
            cells += ["", ""] if beside is None else [_percent(beside), _count(beside)]
        rows.append(tuple(cells))
    whole = tuple(range(1, len(head)))
    return Grid(f"{score.num_requested:,} molecules asked for", head, rows, _CAPTION, _bold(rows), whole=whole)


def _failures(score: Score) -> Grid:
    rows = [
        (plain(reason), f"{count:,}", plain(score.examples.get(reason, ""))) for reason, count in score.failures.items()
    ]
    return Grid(_FAILURES, ("reason", "molecules", "for example"), rows, cut=(2,), whole=(0, 1))


def _protocols(score: Score) -> Grid:
    rows = [
        (name, *(f"{_percent(rates[part])}\n{_count(rates[part])}" for part in _PARTS))
        for name, rates in score.protocols.items()
    ]
    faults = (f"{name}: {PROTOCOLS[name].faults} {PROTOCOLS[name].source}." for name in score.protocols)
    head = ("%, and count", *(part.replace("_", " ") for part in _PARTS))
    return Grid("by older protocols, for comparison with published figures alone", head, rows, "\n".join(faults))


def _figures_of(scores: Mapping[str, Score], data: DataRow) -> list[Grid]:
    """Distances, descriptors and closer looks, those that somebody asked for."""
    found = []
    if any(score.distances for score in scores.values()):
        columns = {name: score.distances for name, score in scores.items()}
        columns |= {"the data": data.distances} if data.distances else {}
        found.append(_figures("distances to the reference", _DISTANCE_CAPTION, _DISTANCES, columns))
    if any(score.druglike for score in scores.values()):
        columns = {name: score.druglike for name, score in scores.items()}
        found.append(_figures("descriptors", "Of the valid molecules.", _DRUGLIKE, columns))
    if any(score.closer for score in scores.values()):
        looks = {name: score.closer for name, score in scores.items()}
        found.append(_closer(looks | ({"the data": data.closer} if data.closer else {})))
    return found


def _figures(
    title: str, caption: str, shown: Mapping[str, tuple[str, int]], columns: Mapping[str, Mapping[str, float]]
) -> Grid:
    rows = [
        (heading, *(_figure(column[name], digits) if name in column else "" for column in columns.values()))
        for name, (heading, digits) in shown.items()
        if any(name in column for column in columns.values())
    ]
    return Grid(title, ("of", *columns), rows, caption)


def _figure(value: float, digits: int) -> str:
    return f"{value:.{digits}f}" if isfinite(value) else "none"


def _closer(columns: Mapping[str, Mapping[str, CheckResult]]) -> Grid:
    """Rates as percent and count, numbers as median and quartiles, failures by reason; a column for each set."""
    rows = []
    for name in _names(columns.values()):
        cells: dict[str, dict[str, str]] = {}  # by the row's title and the column
        for column, seen in columns.items():
            for title, cell in _cells(seen[name]) if name in seen else ():
                cells.setdefault(title, {})[column] = cell
        rows += [(f"{name}: {title}", *(of.get(column, "") for column in columns)) for title, of in cells.items()]
    return Grid("a closer look at the first valid molecules", ("check", *columns), rows, _CLOSER_CAPTION)


def _cells(seen: CheckResult) -> Iterator[tuple[str, str]]:
    for name, rate in seen.rates.items():
        yield name.replace("_", " "), _told(rate)
    for name, (low, median, high) in seen.quartiles.items():
        yield f"{name}, {CHECKS[seen.name].units[name]}", f"{median:.3g} ({low:.3g} to {high:.3g})"
    for reason, count in seen.failures.items():
        yield f"failed, {reason}", f"{count}/{len(seen.results)}"


def _bold(rows: Sequence[tuple[str, ...]]) -> tuple[int, ...]:
    return tuple(number for number, row in enumerate(rows) if row[0] == _TITLES["valid"])


def _names(parts: Iterable[Mapping[str, object]]) -> list[str]:
    return list(dict.fromkeys(name for part in parts for name in part))


def _across(rates: Iterable[Rate | None]) -> list[str]:
    return ["" if rate is None else _told(rate) for rate in rates]


def _told(rate: Rate) -> str:
    return f"{_percent(rate)}  {_count(rate)}"


def _percent(rate: Rate) -> str:
    return f"{100 * rate.value:.2f}" if rate.denominator else "none"


def _count(rate: Rate) -> str:
    return f"{rate.numerator}/{rate.denominator}"
