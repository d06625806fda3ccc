"""A score, or several side by side, as tables of text, with the figures of the data beside them."""

from collections.abc import Iterator, Mapping, Sequence

from moldiff.metrics.checks import CHECKS, CheckResult
from moldiff.metrics.chemistry_tables import chemistry_tables, headline, headline_of_several
from moldiff.metrics.protocols import PROTOCOLS
from moldiff.metrics.score_result import DataRow, Score
from moldiff.metrics.text_table import (
    TextTable,
    across,
    count_of,
    figure,
    names_of,
    percent,
    percent_and_count,
    rate_row,
)
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
_CHECKS_CAPTION = (
    "Numbers: median, and first to third quartile. Strain: energy above the nearest minimum, displacement of all atoms."
)
_CAPTION = (
    "Of all molecules requested, unless the row names less. Nothing is repaired. "
    "Stable: every atom's bonds are in the strict Kekulé table."
)
_FAILURES = "not valid, by first reason"
_PROTOCOL_RATES = ("stable_atoms", "stable", "valid", "valid_and_unique")  # rates of a protocol


def score_tables(score: Score, data: DataRow | None = None) -> list[TextTable]:
    """Rates with those of the data beside them, failures by reason, and all else that was computed.

    Args:
        score: of one set of molecules.
        data: the data's own figures, in columns beside; by default those of the score.

    Returns:
        The tables; older protocols have one of their own that names their faults.
    """
    data = data or score.data or DataRow()
    found = [headline(score, data)] if "joint" in score.rates else []
    found.append(_rates(score, data.score or data.held_out))
    found += [_failures(score)] if score.failures else []
    found += [_protocols(score)] if score.protocols else []
    return found + _figures_of({"found": score}, data)


def comparison_tables(scores: Mapping[str, Score], data: DataRow | None = None) -> list[TextTable]:
    """Several scores side by side.

    Args:
        scores: by the heading of their column.
        data: as of `score_tables`.

    Returns:
        The tables.
    """
    scores = {plain(name): score for name, score in scores.items()}
    rows = [
        (_TITLES[name], *across(score.rates.get(name) for score in scores.values()))
        for name in names_of(score.rates for score in scores.values())
        if name in _TITLES
    ]
    bold = _bold(rows)
    for name in names_of(score.protocols for score in scores.values()):
        for part in _PROTOCOL_RATES:
            rates = (score.protocols.get(name, {}).get(part) for score in scores.values())
            rows.append((f"{name}: {part.replace('_', ' ')}", *across(rates)))
    reasons = [
        (reason, *(f"{score.failures.get(reason, 0):,}" for score in scores.values()))
        for reason in names_of(score.failures for score in scores.values())
    ]
    data = data or next((score.data for score in scores.values() if score.data), DataRow())
    found = [headline_of_several(scores, data)] if any("joint" in score.rates for score in scores.values()) else []
    found.append(TextTable("%, and count", ("rate", *scores), rows, _CAPTION, bold))
    found += [TextTable(_FAILURES, ("reason", *scores), reasons)] if reasons else []
    return found + _figures_of(scores, data)


def _rates(score: Score, own: Score | None) -> TextTable:
    head = ("rate", "%", "count", "95 % range", *(() if own is None else ("data, %", "count")))
    rows = []
    for name, rate in score.rates.items():
        if name not in _TITLES:
            continue
        rows.append(rate_row(_TITLES[name], rate, [own.rates.get(name)] if own else []))
    whole = tuple(range(1, len(head)))
    return TextTable(f"{score.num_requested:,} molecules requested", head, rows, _CAPTION, _bold(rows), whole=whole)


def _failures(score: Score) -> TextTable:
    rows = [
        (plain(reason), f"{count:,}", plain(score.examples.get(reason, ""))) for reason, count in score.failures.items()
    ]
    return TextTable(_FAILURES, ("reason", "molecules", "for example"), rows, cut=(2,), whole=(0, 1))


def _protocols(score: Score) -> TextTable:
    rows = [
        (name, *(f"{percent(rates[part])}\n{count_of(rates[part])}" for part in _PROTOCOL_RATES))
        for name, rates in score.protocols.items()
    ]
    faults = (f"{name}: {PROTOCOLS[name].faults} {PROTOCOLS[name].source}." for name in score.protocols)
    head = ("%, and count", *(part.replace("_", " ") for part in _PROTOCOL_RATES))
    return TextTable("by older protocols, for comparison with published figures alone", head, rows, "\n".join(faults))


def _figures_of(scores: Mapping[str, Score], data: DataRow) -> list[TextTable]:
    """Chemistry, distances, descriptors and checks, where they were computed."""
    found = chemistry_tables(scores, data)
    if any(score.distances for score in scores.values()):
        columns = {name: score.distances for name, score in scores.items()}
        columns |= {"the data": data.distances} if data.distances else {}
        found.append(_figures("distances to the reference", _DISTANCE_CAPTION, _DISTANCES, columns))
    if any(score.druglike for score in scores.values()):
        columns = {name: score.druglike for name, score in scores.items()}
        found.append(_figures("descriptors", "Of the valid molecules.", _DRUGLIKE, columns))
    if any(score.checks for score in scores.values()):
        checks = {name: score.checks for name, score in scores.items()}
        found.append(_checks(checks | ({"the data": data.checks} if data.checks else {})))
    return found


def _figures(
    title: str, caption: str, headings: Mapping[str, tuple[str, int]], columns: Mapping[str, Mapping[str, float]]
) -> TextTable:
    rows = [
        (heading, *(figure(column[name], digits) if name in column else "" for column in columns.values()))
        for name, (heading, digits) in headings.items()
        if any(name in column for column in columns.values())
    ]
    return TextTable(title, ("of", *columns), rows, caption)


def _checks(columns: Mapping[str, Mapping[str, CheckResult]]) -> TextTable:
    """Rates as percent and count, numbers as median and quartiles, failures by reason; a column for each set."""
    rows = []
    for name in names_of(columns.values()):
        cells: dict[str, dict[str, str]] = {}  # by the row's title and the column
        for column, results in columns.items():
            for title, cell in _cells(results[name]) if name in results else ():
                cells.setdefault(title, {})[column] = cell
        rows += [(f"{name}: {title}", *(of.get(column, "") for column in columns)) for title, of in cells.items()]
    return TextTable("checks of valid molecules", ("check", *columns), rows, _CHECKS_CAPTION)


def _cells(result: CheckResult) -> Iterator[tuple[str, str]]:
    for name, rate in result.rates.items():
        yield name.replace("_", " "), percent_and_count(rate)
    for name, (low, median, high) in result.quartiles.items():
        yield f"{name}, {CHECKS[result.name].units[name]}", f"{median:.3g} ({low:.3g} to {high:.3g})"
        yield f"{name}, mean", f"{result.means[name]:.3g}"
    for name, count in result.not_made.items():
        yield f"{name.replace('_', ' ')}, not made", f"{count}/{len(result.results)}"
    for reason, count in result.failures.items():
        yield f"failed, {reason}", f"{count}/{len(result.results)}"


def _bold(rows: Sequence[tuple[str, ...]]) -> tuple[int, ...]:
    return tuple(number for number, row in enumerate(rows) if row[0] == _TITLES["valid"])
