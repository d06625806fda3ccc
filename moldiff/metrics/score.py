"""Rates of a set of molecules, each with its numerator and its denominator.

The denominator is everything that was requested, failures included, except where the name of the rate says
otherwise: atoms are counted among atoms read, uniqueness among valid molecules, novelty among unique valid ones.
"""

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moldiff.chem.molecule import Molecule
from moldiff.chem.validity import Record, Verdict, as_records, has_stereo
from moldiff.errors import DataError
from moldiff.io.formats import read_records, read_reference
from moldiff.metrics.checks import CheckResult
from moldiff.metrics.druglike import druglike
from moldiff.metrics.geometry import Measured, geometry_distances
from moldiff.metrics.protocols import PROTOCOLS, Tally, find_protocols, strict_definition
from moldiff.metrics.rate import Rate
from moldiff.metrics.records import Rules, examine_all
from moldiff.runtime.optional import need_packages

if TYPE_CHECKING:
    import pandas

STEPS = ("read", "sanitised", "no_radicals", "no_implicit_hydrogens", "one_fragment", "valid", "stable", "neutral")


@dataclass(frozen=True)
class Score:
    """All rates of one set of molecules.

    Attributes:
        num_requested: molecules requested; the number of records where that is not given.
        rates: by name, in the order of the table.
        failures: records by the reason of their first breach, most frequent first.
        protocols: rates by the field's older protocols, by name: `stable_atoms` of the atoms read, `stable`, `valid`
            and `valid_and_unique` of all requested.
        distances: of the valid molecules to those of a reference, as of `moldiff.metrics.geometry`; none
            without a reference or without valid molecules.
        druglike: figures of `moldiff.metrics.druglike`, if computed.
        checks: results of `moldiff.metrics.checks` on some valid molecules, by name.
        data: the data's own figures, shown beside in tables; not kept by `to_dict`.
        molecules: the valid ones that are kept, in order; not kept by `to_dict`.
        examples: what was wrong with the first record of each reason; not kept by `to_dict`.
        verdicts: one for each record, in order, if they are kept; not kept by `to_dict`.
    """

    num_requested: int
    rates: Mapping[str, Rate]
    failures: Mapping[str, int]
    protocols: Mapping[str, Mapping[str, Rate]] = field(default_factory=dict)
    distances: Mapping[str, float] = field(default_factory=dict)
    druglike: Mapping[str, float] = field(default_factory=dict)
    checks: Mapping[str, CheckResult] = field(default_factory=dict)
    data: "DataRow | None" = field(default=None, repr=False, compare=False)
    molecules: tuple[Molecule, ...] = field(default=(), repr=False, compare=False)
    examples: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)
    verdicts: tuple[Verdict, ...] = field(default=(), repr=False, compare=False)

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers for JSON, with value and interval beside each count; what has no value is null."""
        by_protocol = {
            name: {"rates": _plain(rates), **PROTOCOLS[name].to_dict()} for name, rates in self.protocols.items()
        }
        return {
            "strict": strict_definition(),
            "num_requested": self.num_requested,
            "rates": _plain(self.rates),
            "failures": dict(self.failures),
            **({"protocols": by_protocol} if by_protocol else {}),
            **({"distances": _figures(self.distances)} if self.distances else {}),
            **({"druglike": _figures(self.druglike)} if self.druglike else {}),
            **({"checks": {name: result.to_dict() for name, result in self.checks.items()}} if self.checks else {}),
        }

    def to_pandas(self) -> "pandas.DataFrame":
        """A row for each rate: `numerator`, `denominator`, `value`, and the 95 % range `low` to `high`."""
        need_packages(("pandas",), what="a data frame", extra="notebook")
        import pandas

        rows = [(rate.numerator, rate.denominator, rate.value, *rate.interval) for rate in self.rates.values()]
        names = pandas.Index(list(self.rates), name="rate")
        return pandas.DataFrame(rows, index=names, columns=["numerator", "denominator", "value", "low", "high"])

    def __str__(self) -> str:
        """The tables that `moldiff score` prints."""
        from moldiff.metrics.console import to_text

        return to_text(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Score":
        """Inverse of `to_dict`; only the counts are read, and anything else than counts is a `DataError`."""
        try:
            rates = {
                name: Rate(int(rate["numerator"]), int(rate["denominator"])) for name, rate in data["rates"].items()
            }
            failures = {str(reason): int(count) for reason, count in data["failures"].items()}
            return cls(num_requested=int(data["num_requested"]), rates=rates, failures=failures)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise DataError(
                f"this is no score: {type(error).__name__} {error}; expected what `to_dict` gives"
            ) from error


@dataclass(frozen=True)
class DataRow:
    """What the data itself scores: a metric that fails the data is wrong.

    Attributes:
        score: rates.
        distances: of other molecules of the data.
        checks: results on molecules of the data.
    """

    score: Score | None = None
    distances: Mapping[str, float] = field(default_factory=dict)
    checks: Mapping[str, CheckResult] = field(default_factory=dict)


def _plain(rates: Mapping[str, Rate]) -> dict[str, dict[str, Any]]:
    return {name: rate.to_dict() for name, rate in rates.items()}


def _figures(figures: Mapping[str, float]) -> dict[str, float | None]:
    """JSON knows no NaN."""
    return {name: value if isfinite(value) else None for name, value in figures.items()}


def score(
    records: Iterable[Record | None],
    *,
    reference: set[str] | None = None,
    num_requested: int | None = None,
    protocols: Sequence[str] = (),
    distances_to: Sequence[Molecule] | Measured | None = None,
    with_druglike: bool = False,
    keep: int = 0,
    on_verdict: Callable[[Verdict], None] | None = None,
    num_workers: int = 1,
) -> Score:
    """Rates of records in memory; `moldiff.score` reads files and stores for it.

    Args:
        records: molecules, RDKit molecules that need not be sanitised, None or failures where one was not read;
            taken as they are needed.
        reference: canonical SMILES as of `moldiff.io.formats.read_reference`; without it no novelty, and without stereo
            in it no novelty with stereo.
        num_requested: molecules requested; those without a record count against every rate.
        protocols: names of `moldiff.metrics.protocols`, for rates by their rules as well.
        distances_to: molecules of the data, best not those trained on, for distances of geometry and composition; or
            what `moldiff.metrics.geometry.measure` makes of them.
        with_druglike: also compute descriptors of the valid molecules; a few milliseconds each.
        keep: so many valid molecules, the first, stay in `Score.molecules`, for `moldiff.metrics.checks.run_checks`.
        on_verdict: called with every verdict, in order. The score does not keep them then, and of millions of records
            only the SMILES of the unique ones stay in memory.
        num_workers: processes that share the work where the records are many.

    Returns:
        The rates. Stable means the strict Kekulé table of `moldiff.chem.valence`.

    Raises:
        ConfigError: if there is no protocol of a name.
        DataError: if there are more records than were requested, or one is of another kind.
    """
    most = sys.maxsize if distances_to else keep
    rules = Rules(find_protocols(protocols), keep=most > 0)
    tallies = [Tally() for _ in rules.protocols]
    counts, failures, examples = Counter(), Counter(), {}
    unique: set[str] = set()
    unique_with_stereo: set[str] = set()
    verdicts, molecules, smiles = [], [], []
    for result in examine_all(as_records(records), rules, num_workers=num_workers):
        verdict = result.verdict
        (on_verdict or verdicts.append)(verdict)
        counts["records"] += 1
        counts["atoms"] += verdict.num_atoms
        counts["stable_atoms"] += verdict.num_stable_atoms
        counts.update(step for step in STEPS if getattr(verdict, step))
        if verdict.failure is None:
            unique.add(verdict.smiles)
            unique_with_stereo.add(verdict.stereo_smiles)
            smiles += [verdict.smiles] if with_druglike else []
        else:
            failures[verdict.failure.reason] += 1
            examples.setdefault(verdict.failure.reason, verdict.failure.detail)
        for tally, by_protocol in zip(tallies, result.by_protocol, strict=False):
            tally.add(by_protocol)
        if result.molecule is not None and len(molecules) < most:
            molecules.append(result.molecule)
    total = counts["records"] if num_requested is None else num_requested
    failures["missing"] += total - counts["records"]
    if failures["missing"] < 0:
        raise DataError(
            f"{counts['records']} records came but only {total} were requested; correct the number requested"
        )
    return Score(
        total,
        _strict_rates(counts, unique, unique_with_stereo, reference, total),
        {reason: count for reason, count in failures.most_common() if count},
        {name: _rates(tally, total) for name, tally in zip(rules.protocols, tallies, strict=True)},
        geometry_distances(molecules, distances_to) if molecules and distances_to else {},
        druglike(smiles, reference),
        molecules=tuple(molecules[:keep]),
        examples=examples,
        verdicts=tuple(verdicts),
    )


def _strict_rates(
    counts: Counter[str], unique: set[str], with_stereo: set[str], reference: set[str] | None, total: int
) -> dict[str, Rate]:
    rates = {step: Rate(counts[step], total) for step in STEPS}
    rates["stable_atoms_of_read"] = Rate(counts["stable_atoms"], counts["atoms"])
    rates["unique_of_valid"] = Rate(len(unique), counts["valid"])
    rates["unique_with_stereo_of_valid"] = Rate(len(with_stereo), counts["valid"])
    rates["valid_and_unique"] = Rate(len(unique), total)
    if reference is not None:
        rates["novel_of_unique"] = Rate(len(unique - reference), len(unique))
        if any(map(has_stereo, reference)):
            rates["novel_with_stereo_of_unique"] = Rate(len(with_stereo - reference), len(with_stereo))
        rates["valid_unique_and_novel"] = Rate(len(unique - reference), total)
    return rates


def _rates(tally: Tally, total: int) -> dict[str, Rate]:
    return {
        "stable_atoms": Rate(tally.stable_atoms, tally.atoms),
        "stable": Rate(tally.stable, total),
        "valid": Rate(tally.valid, total),
        "valid_and_unique": Rate(len(tally.unique), total),
    }


def score_file(path: str | Path, *, reference: str | Path | None = None, **options: Any) -> Score:
    """`score`, with its options, of a file as of `read_records`, against a reference as of `read_reference`."""
    known = None if reference is None else read_reference(reference)[0]
    return score((record for _, record in read_records(path)), reference=known, **options)
