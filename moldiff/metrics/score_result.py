"""All rates of one set of molecules, and what the data itself scores."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np

from moldiff.chem.molecule import Molecule
from moldiff.chem.validity import Verdict
from moldiff.errors import DataError
from moldiff.metrics.checks import CheckResult
from moldiff.metrics.chemistry import ChemistryComparison
from moldiff.metrics.molecule_row import MoleculeRow, columns_of
from moldiff.metrics.protocols import PROTOCOLS, strict_definition
from moldiff.metrics.rate import Rate
from moldiff.runtime.optional import need_packages

if TYPE_CHECKING:
    import pandas


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
        chemistry: what a chemist looks at, against a reference; None without one or without valid molecules.
        known_by: what ring systems and novelty were looked up in, if they were; not kept by `to_dict`.
        data: the data's own figures, shown beside in tables; not kept by `to_dict`.
        molecules: the valid ones that are kept, in order; not kept by `to_dict`.
        numbers: of their records; not kept by `to_dict`.
        examples: what was wrong with the first record of each reason; not kept by `to_dict`.
        rows: all figures of each record, in order, if they are kept; not kept by `to_dict`.
    """

    num_requested: int
    rates: Mapping[str, Rate]
    failures: Mapping[str, int]
    protocols: Mapping[str, Mapping[str, Rate]] = field(default_factory=dict)
    distances: Mapping[str, float] = field(default_factory=dict)
    druglike: Mapping[str, float] = field(default_factory=dict)
    checks: Mapping[str, CheckResult] = field(default_factory=dict)
    chemistry: ChemistryComparison | None = None
    known_by: tuple[str, str] | None = field(default=None, compare=False)
    data: "DataRow | None" = field(default=None, repr=False, compare=False)
    molecules: tuple[Molecule, ...] = field(default=(), repr=False, compare=False)
    numbers: tuple[int, ...] = field(default=(), repr=False, compare=False)
    examples: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)
    rows: tuple[MoleculeRow, ...] = field(default=(), repr=False, compare=False)

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """One for each record, in order, if the rows are kept."""
        return tuple(row.verdict for row in self.rows)

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
            **({"chemistry": self.chemistry.to_dict()} if self.chemistry else {}),
            **({"checks": {name: result.to_dict() for name, result in self.checks.items()}} if self.checks else {}),
        }

    def to_pandas(self) -> "pandas.DataFrame":
        """A row for each rate: `numerator`, `denominator`, `value`, and the 95 % range `low` to `high`."""
        need_packages(("pandas",), what="a data frame", extra="notebook")
        import pandas

        rows = [(rate.numerator, rate.denominator, rate.value, *rate.interval) for rate in self.rates.values()]
        names = pandas.Index(list(self.rates), name="rate")
        return pandas.DataFrame(rows, index=names, columns=["numerator", "denominator", "value", "low", "high"])

    def molecules_to_pandas(self) -> "pandas.DataFrame":
        """A row for each record with all its figures, as `moldiff score --csv` writes them."""
        need_packages(("pandas",), what="a data frame", extra="notebook")
        import pandas

        described = any(row.chemistry is not None for row in self.rows)
        columns = columns_of(described=described, checks=tuple(self.checks))
        return pandas.DataFrame([row.to_dict(columns) for row in self.rows], columns=list(columns))

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
        held_out: score of molecules of the chemistry's reference that were left out of it.
        fcd_by_size: Fréchet ChemNet distances of so many of them.
    """

    score: Score | None = None
    distances: Mapping[str, float] = field(default_factory=dict)
    checks: Mapping[str, CheckResult] = field(default_factory=dict)
    held_out: Score | None = None
    fcd_by_size: Mapping[int, float] = field(default_factory=dict)

    def fcd(self, size: int) -> float | None:
        """The Fréchet ChemNet distance of so many molecules of the data: linear in 1 / size through those measured."""
        if len(self.fcd_by_size) < 2:
            return next(iter(self.fcd_by_size.values()), None)
        points = np.array(sorted((1 / number, value) for number, value in self.fcd_by_size.items()))
        place = int(np.clip(np.searchsorted(points[:, 0], 1 / max(1, size)), 1, len(points) - 1))
        (x, low), (y, high) = points[place - 1 : place + 1].tolist()
        return max(0.0, low + (high - low) * (1 / max(1, size) - x) / (y - x))


def _plain(rates: Mapping[str, Rate]) -> dict[str, dict[str, Any]]:
    return {name: rate.to_dict() for name, rate in rates.items()}


def _figures(figures: Mapping[str, float]) -> dict[str, float | None]:
    """JSON knows no NaN."""
    return {name: value if isfinite(value) else None for name, value in figures.items()}
