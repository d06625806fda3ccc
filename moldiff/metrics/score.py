"""Rates of a set of molecules, each with its numerator and its denominator.

The denominator is everything that was asked for, failures included, except where the name of the rate says
otherwise: atoms are counted among atoms read, uniqueness among valid molecules, novelty among unique valid ones.
"""

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import Any

from moldiff.chem.molecule import Molecule
from moldiff.chem.validity import Record, Verdict, as_records, has_stereo
from moldiff.errors import DataError
from moldiff.io.formats import read_records, read_reference
from moldiff.metrics.checks import CheckResult
from moldiff.metrics.druglike import druglike
from moldiff.metrics.geometry import Measured, geometry_distances
from moldiff.metrics.protocols import PROTOCOLS, Tally, checked, strict_definition
from moldiff.metrics.rate import Rate
from moldiff.metrics.records import Rules, examine_all

STEPS = ("read", "sanitised", "no_radicals", "no_implicit_hydrogens", "one_fragment", "valid", "stable", "neutral")


@dataclass(frozen=True)
class Score:
    """All rates of one set of molecules.

    Attributes:
        num_requested: molecules asked for; records of the file if nobody asked.
        rates: by name, in the order of the table.
        failures: records by the reason of their first breach, most frequent first.
        protocols: rates by the field's older protocols that were asked for, by name: `stable_atoms` of the atoms read,
            `stable`, `valid` and `valid_and_unique` of all asked for.
        distances: of the valid molecules to those of a reference, as of `moldiff.metrics.geometry`; none if nobody
            asked or nothing is valid.
        druglike: figures of `moldiff.metrics.druglike`, if they were asked for.
        closer: what `moldiff.metrics.checks` saw of some valid molecules, if somebody looked.
        molecules: valid ones that were to be kept, in order; not kept by `to_dict`.
        examples: what was wrong with the first record of each reason; not kept by `to_dict`.
        verdicts: one for each record, in order, if they were to be kept; not kept by `to_dict`.
    """

    num_requested: int
    rates: Mapping[str, Rate]
    failures: Mapping[str, int]
    protocols: Mapping[str, Mapping[str, Rate]] = field(default_factory=dict)
    distances: Mapping[str, float] = field(default_factory=dict)
    druglike: Mapping[str, float] = field(default_factory=dict)
    closer: Mapping[str, CheckResult] = field(default_factory=dict)
    molecules: tuple[Molecule, ...] = field(default=(), repr=False, compare=False)
    examples: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)
    verdicts: tuple[Verdict, ...] = field(default=(), repr=False, compare=False)

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers for JSON, with value and interval beside each count; what has no value is null."""
        told = {name: {"rates": _plain(rates), **PROTOCOLS[name].to_dict()} for name, rates in self.protocols.items()}
        return {
            "strict": strict_definition(),
            "num_requested": self.num_requested,
            "rates": _plain(self.rates),
            "failures": dict(self.failures),
            **({"protocols": told} if told else {}),
            **({"distances": _figures(self.distances)} if self.distances else {}),
            **({"druglike": _figures(self.druglike)} if self.druglike else {}),
            **({"closer": {name: seen.to_dict() for name, seen in self.closer.items()}} if self.closer else {}),
        }

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
    """Judges every record and counts.

    Args:
        records: molecules, RDKit molecules that need not be sanitised, None or failures where one was not read;
            taken as they are needed.
        reference: canonical SMILES as of `moldiff.io.formats.read_reference`; without it no novelty, and without stereo
            in it no novelty with stereo.
        num_requested: what was asked for; records that are not there count against every rate.
        protocols: names of `moldiff.metrics.protocols` to count by, too.
        distances_to: molecules of the data, best not those trained on, for distances of geometry and composition; or
            what `moldiff.metrics.geometry.measure` makes of them.
        with_druglike: compute descriptors of the valid molecules, too; a few milliseconds each.
        keep: so many valid molecules, the first, stay in `Score.molecules`, for `moldiff.metrics.checks.run_checks`.
        on_verdict: called with every verdict, in order. The score does not keep them then, and of millions of records
            only the SMILES of the unique ones stay in memory.
        num_workers: processes that share the work where the records are many.

    Returns:
        The rates. Stable means the strict Kekulé table of `moldiff.chem.valence`.

    Raises:
        ConfigError: if there is no protocol of a name.
        DataError: if there are more records than were asked for, or something else is among them.
    """
    most = sys.maxsize if distances_to else keep
    rules = Rules(checked(protocols), keep=most > 0)
    tallies = [Tally() for _ in rules.protocols]
    counts, failures, examples = Counter(), Counter(), {}
    unique: set[str] = set()
    unique_with_stereo: set[str] = set()
    verdicts, molecules, smiles = [], [], []
    for examined in examine_all(as_records(records), rules, num_workers=num_workers):
        verdict = examined.verdict
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
        for tally, judged in zip(tallies, examined.judged, strict=False):
            tally.add(judged)
        if examined.molecule is not None and len(molecules) < most:
            molecules.append(examined.molecule)
    total = counts["records"] if num_requested is None else num_requested
    failures["missing"] += total - counts["records"]
    if failures["missing"] < 0:
        raise DataError(
            f"{counts['records']} records came but only {total} were asked for; correct the number asked for"
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
