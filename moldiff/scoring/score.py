"""Rates of a set of molecules, each with its numerator and its denominator.

The denominator is everything that was asked for, failures included, except where the name of the rate says
otherwise: atoms are counted among atoms read, uniqueness among valid molecules, novelty among unique valid ones.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import nan, sqrt
from pathlib import Path
from typing import Any

from moldiff.chem.border import convert
from moldiff.chem.files import read_records, read_reference
from moldiff.chem.molecule import Failure, Molecule
from moldiff.chem.validity import Record, Verdict, judge
from moldiff.errors import DataError
from moldiff.scoring.druglike import druglike
from moldiff.scoring.geometry import geometry_distances
from moldiff.scoring.protocols import PROTOCOLS, Tally

_Z95 = 1.959963984540054  # 97.5 % quantile of the normal distribution

STEPS = ("read", "sanitised", "no_radicals", "no_implicit_hydrogens", "one_fragment", "valid", "stable")


@dataclass(frozen=True)
class Rate:
    """A count among a count.

    Attributes:
        numerator: how many.
        denominator: of how many.
    """

    numerator: int
    denominator: int

    @property
    def value(self) -> float:
        """The share, 0 to 1; NaN of none."""
        return self.numerator / self.denominator if self.denominator else nan

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval (J. Am. Stat. Assoc. 22, 209, 1927); 0 to 1 of none."""
        n = self.denominator
        if not n:
            return 0.0, 1.0
        centre = (self.value + _Z95**2 / (2 * n)) / (1 + _Z95**2 / n)
        half = _Z95 / (1 + _Z95**2 / n) * sqrt(self.value * (1 - self.value) / n + _Z95**2 / (4 * n * n))
        return max(0.0, centre - half), min(1.0, centre + half)


@dataclass(frozen=True)
class Score:
    """All rates of one set of molecules.

    Attributes:
        num_requested: molecules asked for; records of the file if nobody asked.
        rates: by name, in the order of the table.
        failures: records by the reason of their first breach, most frequent first.
        protocols: rates by the field's older protocols that were asked for, by name: `stable_atoms` of the atoms read,
            `stable`, `valid` and `valid_and_unique` of all asked for.
        distances: of the valid molecules to those of a reference, as of `moldiff.scoring.geometry`; none if nobody
            asked or nothing is valid.
        druglike: figures of `moldiff.scoring.druglike`, if they were asked for.
        verdicts: one for each record, in order; not kept by `to_dict`.
    """

    num_requested: int
    rates: Mapping[str, Rate]
    failures: Mapping[str, int]
    protocols: Mapping[str, Mapping[str, Rate]] = field(default_factory=dict)
    distances: Mapping[str, float] = field(default_factory=dict)
    druglike: Mapping[str, float] = field(default_factory=dict)
    verdicts: tuple[Verdict, ...] = field(default=(), repr=False, compare=False)

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers for JSON, with value and interval beside each count."""
        told = {name: {"rates": _plain(rates), **PROTOCOLS[name].to_dict()} for name, rates in self.protocols.items()}
        return {
            "num_requested": self.num_requested,
            "rates": _plain(self.rates),
            "failures": dict(self.failures),
            **({"protocols": told} if told else {}),
            **({"distances": dict(self.distances)} if self.distances else {}),
            **({"druglike": dict(self.druglike)} if self.druglike else {}),
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
    return {
        name: {
            "numerator": rate.numerator,
            "denominator": rate.denominator,
            "value": rate.value if rate.denominator else None,
            "interval_95": list(rate.interval),
        }
        for name, rate in rates.items()
    }


def score(
    records: Iterable[Record],
    *,
    reference: set[str] | None = None,
    num_requested: int | None = None,
    protocols: Sequence[str] = (),
    distances_to: Sequence[Molecule] = (),
    with_druglike: bool = False,
) -> Score:
    """Judges every record and counts.

    Args:
        records: molecules, RDKit molecules that are not sanitised, or failures in their place.
        reference: canonical SMILES as of `moldiff.chem.files.read_reference`; without it no novelty.
        num_requested: what was asked for; records that are not there count against every rate.
        protocols: names of `moldiff.scoring.protocols` to count by, too.
        distances_to: molecules of the data, best not those trained on, for distances of geometry and composition.
        with_druglike: compute descriptors of the valid molecules, too; a few milliseconds each.

    Returns:
        The rates. Stable means the strict Kekulé table of `moldiff.chem.valence`.

    Raises:
        ConfigError: if there is no protocol of a name.
        DataError: if there are more records than were asked for.
    """
    tallies, valid = [Tally(name) for name in protocols], []
    verdicts = tuple(_judged(record, tallies, valid if distances_to else None) for record in records)
    total = len(verdicts) if num_requested is None else num_requested
    if total < len(verdicts):
        raise DataError(f"{len(verdicts)} records came but only {total} were asked for; correct the number asked for")
    rates = {step: Rate(sum(getattr(verdict, step) for verdict in verdicts), total) for step in STEPS}
    rates["stable_atoms_of_read"] = Rate(sum(v.num_stable_atoms for v in verdicts), sum(v.num_atoms for v in verdicts))
    unique = {verdict.smiles for verdict in verdicts if verdict.valid}
    rates["unique_of_valid"] = Rate(len(unique), rates["valid"].numerator)
    rates["valid_and_unique"] = Rate(len(unique), total)
    if reference is not None:
        rates["novel_of_unique"] = Rate(len(unique - reference), len(unique))
        rates["valid_unique_and_novel"] = Rate(len(unique - reference), total)
    failures = Counter(verdict.failure.reason for verdict in verdicts if verdict.failure is not None)
    failures["missing"] += total - len(verdicts)
    return Score(
        total,
        rates,
        {reason: count for reason, count in failures.most_common() if count},
        {tally.protocol.name: _rates(tally, total) for tally in tallies},
        geometry_distances(valid, distances_to) if valid else {},
        druglike([v.smiles for v in verdicts if v.valid], reference) if with_druglike else {},
        verdicts,
    )


def _judged(record: Record, tallies: list[Tally], valid: list[Molecule] | None) -> Verdict:
    """The strict verdict, after the tallies; valid molecules are kept in a list if there is one."""
    for tally in tallies:
        tally.add(record)
    verdict = judge(record)
    if valid is not None and verdict.valid:
        molecule = record if isinstance(record, Molecule | Failure) else convert(record)
        valid += [molecule] if isinstance(molecule, Molecule) else []
    return verdict


def _rates(tally: Tally, total: int) -> dict[str, Rate]:
    return {
        "stable_atoms": Rate(tally.stable_atoms, tally.atoms),
        "stable": Rate(tally.stable, total),
        "valid": Rate(tally.valid, total),
        "valid_and_unique": Rate(len(tally.unique), total),
    }


def score_file(path: str | Path, *, reference: str | Path | None = None, num_requested: int | None = None) -> Score:
    """`score` of an SDF, ours or anybody's, against a reference that is an SDF or a list of SMILES."""
    known = None if reference is None else read_reference(reference)[0]
    return score((record for _, record in read_records(path)), reference=known, num_requested=num_requested)
