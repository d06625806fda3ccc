"""What a chemist looks at, as tables of text: the joint rate with its factors, and the comparison with a reference."""

from collections.abc import Mapping

from moldiff.metrics.chemistry import ChemistryComparison
from moldiff.metrics.chemistry_summary import NUMBERS
from moldiff.metrics.score_result import DataRow, Score
from moldiff.metrics.text_table import TextTable, across, figure, names_of, percent_and_count, rate_row
from moldiff.runtime.plain_text import plain

_HEADLINE = {
    "joint": "all of the following",
    "valid": "valid",
    "valid_and_unique": "valid and unique",
    "valid_unique_and_novel": "valid, unique, novel",
    "plausible": "valid and plausible",
    "rings_known": "valid, ring systems known",
}
_NUMBERS = {
    "qed": ("QED", 3),
    "sa": ("synthetic accessibility", 3),
    "logp": ("logP", 3),
    "weight": ("weight, g/mol", 2),
}
_PARTS = {
    "ring_systems": "ring systems",
    "ring_sizes": "ring sizes",
    "functional_groups": "functional groups",
    "environments_1": "surroundings of atoms, radius 1",
    "environments_2": "surroundings of atoms, radius 2",
}
_STEREO = {
    "stereocentres": "stereocentres assigned",
    "stereo_bonds": "double bonds assigned, of those with stereo",
    "stereo_kept": "stereo of the input kept, of those that state some",
}


def headline(score: Score, data: DataRow) -> TextTable:
    """The joint rate and its factors, with the data's own beside."""
    theirs = data.held_out
    head = ("rate", "%", "count", "95 % range", *(() if theirs is None else ("data, %", "count")))
    rows = []
    for name, title in _HEADLINE.items():
        rate = score.rates.get(name)
        if rate is None:
            continue
        comparable = name not in _OF_NOVELTY or _same_novelty(score)
        rows.append(rate_row(title, rate, [theirs.rates.get(name) if comparable else None] if theirs else []))
    title = f"joint rate of {score.num_requested:,} molecules requested"
    return TextTable(title, head, rows, _caption(score), (0,), whole=tuple(range(1, len(head))))


def headline_of_several(scores: Mapping[str, Score], data: DataRow) -> TextTable:
    """As `headline`, a column for each score."""
    columns = dict(scores) | ({} if data.held_out is None else {"the data": data.held_out})
    rows = [
        (title, *across(score.rates.get(name) for score in columns.values()))
        for name, title in _HEADLINE.items()
        if any(name in score.rates for score in scores.values())
    ]
    first = next(score for score in scores.values() if "joint" in score.rates)
    return TextTable("joint rate, % and count", ("rate", *columns), rows, _caption(first), (0,))


_OF_NOVELTY = ("joint", "valid_unique_and_novel")


def _same_novelty(score: Score) -> bool:
    """Whether novelty was looked up where ring systems were, as of the data's row."""
    return score.known_by is None or score.known_by[0] == score.known_by[1]


def _caption(score: Score) -> str:
    rings, novelty = score.known_by or ("the reference", "the reference")
    against = f"Novel, and ring systems known: against {plain(rings)}."
    if rings != novelty:
        against = f"Novel: against {plain(novelty)}; ring systems known: against {plain(rings)}."
    return (
        "Of all molecules requested. Plausible: all checks of PoseBusters that need no energy were made and passed. "
        + against
    )


def chemistry_tables(scores: Mapping[str, Score], data: DataRow) -> list[TextTable]:
    """The comparison with the reference, ring systems that it has not, and what is wrong with rings.

    Args:
        scores: by the heading of their column.
        data: the data's own figures.

    Returns:
        The tables; none without a comparison.
    """
    columns = {name: score.chemistry for name, score in scores.items() if score.chemistry}
    if not columns:
        return []
    of_data = None if data.held_out is None else data.held_out.chemistry
    size = max(score.rates["valid"].numerator for score in scores.values() if score.chemistry)
    if of_data is not None:
        columns["the data"] = of_data
    cells: dict[str, dict[str, str]] = {}
    for column, found in columns.items():
        for title, cell in _cells(found, None if found is not of_data else data.fcd(size)):
            cells.setdefault(title, {})[column] = cell
    reference = plain(next(iter(columns.values())).reference)
    rows = [(title, *(of.get(column, "") for column in columns)) for title, of in cells.items()]
    tables = [TextTable(f"chemistry against {reference}", ("of the valid molecules", *columns), rows, _CAPTION)]
    for title, heading, counts in (
        (
            f"ring systems that {reference} has not",
            "SMILES",
            {n: dict(c.unknown_ring_systems) for n, c in columns.items()},
        ),
        ("impossible or implausible rings", "kind", {n: c.implausible_by_name for n, c in columns.items()}),
    ):
        counted = [
            (plain(name), *(f"{of[name]:,}" if name in of else "" for of in counts.values()))
            for name in names_of(counts.values())
        ]
        tables += [TextTable(title, (heading, *columns), counted)] if counted else []
    return tables


_CAPTION = (
    "Unknown: different ones that the reference has not, mean of a molecule. Distances: 1-Wasserstein; total variation "
    "0 to 1. The Fréchet ChemNet distance falls with the number of molecules; the data's is of as many as the largest "
    "set."
)


def _cells(found: ChemistryComparison, fcd: float | None) -> list[tuple[str, str]]:
    """Titles and cells of one column; `fcd` in place of its own."""
    fcd = found.fcd if fcd is None else fcd
    excess = {
        name: f"{percent_and_count(rate)} ({100 * found.alert_excess[name]:+.1f})"
        for name, rate in found.alerts.items()
    }
    return [
        ("ring systems all known, %", percent_and_count(found.rings_known)),
        ("with an implausible ring, %", percent_and_count(found.implausible_rings)),
        ("Fréchet ChemNet distance", "not made: pip install 'moldiff[score]'" if fcd is None else figure(fcd, 2)),
        *((f"unknown {title}", figure(found.unknown_per_molecule[name], 3)) for name, title in _PARTS.items()),
        ("numbers of rings, total variation", figure(found.total_variation["num_rings"], 3)),
        ("ring sizes, total variation", figure(found.total_variation["ring_sizes"], 3)),
        *(
            (
                f"{title}: distance (mean)",
                f"{figure(found.wasserstein[name], digits)} ({figure(found.means[name], digits)})",
            )
            for name, (title, digits) in ((name, _NUMBERS[name]) for name in NUMBERS)
        ),
        *((f"with alerts of {name}, % (less the reference's)", cell) for name, cell in excess.items()),
        *(
            (f"plausible: {name.replace('_', ' ')}", percent_and_count(rate))
            for name, rate in found.plausibility.items()
        ),
        *((f"not made: {name.replace('_', ' ')}", f"{count:,}") for name, count in found.not_made.items()),
        *(
            (title, percent_and_count(rate))
            for name, title in _STEREO.items()
            if (rate := found.stereo[name]).denominator
        ),
    ]
