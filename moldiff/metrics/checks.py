"""Checks of valid molecules that take milliseconds to seconds each, in processes with a time limit.

Truths become rates, among the molecules for which they could be decided; numbers become quartiles. A molecule on which
a check fails is counted by its reason.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

import numpy as np

from moldiff.chem.molecule import Failure, Molecule
from moldiff.chem.process_pool import map_in_processes
from moldiff.chem.validity import Checked, check
from moldiff.errors import ConfigError
from moldiff.metrics.check_file import CheckFigures, CheckFile
from moldiff.metrics.posebusters import MOST_ATTEMPTS, NAMES, posebusters
from moldiff.metrics.rate import Rate
from moldiff.metrics.strain import gfn2_xtb, mmff94
from moldiff.runtime.optional import need_packages

SECONDS = 60.0  # limit of one molecule and check
MOST_CHECKED = 1000  # molecules, by default
QUARTILES = (25, 50, 75)


@dataclass(frozen=True)
class Check:
    """One kind of check.

    Attributes:
        run: gives truths or numbers by name, in the units of `units`.
        figures: names of the truths and numbers.
        packages: that compute it; their versions go into the JSON.
        definition: what is computed.
        source: where it was published.
        units: of its numbers.
    """

    run: Callable[[Checked], CheckFigures | Failure] = field(repr=False)
    figures: tuple[str, ...]
    packages: tuple[str, ...]
    definition: str
    source: str
    units: Mapping[str, str] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """For JSON: what was computed, by which versions."""
        versions = {name: version(name) for name in self.packages}
        return {"definition": self.definition, "source": self.source, "units": dict(self.units), "versions": versions}


_STRAIN = {"energy": "kcal/mol", "displacement": "Å"}
CHECKS = {
    "posebusters": Check(
        posebusters,
        (*NAMES, "all"),
        ("posebusters", "rdkit"),
        "PoseBusters' configuration `mol`; internal energy where RDKit embeds 50 conformers "
        f"in {MOST_ATTEMPTS} attempts each, seed 42.",
        "Buttenschoen et al. 2024, Chem. Sci. 15, 3130",
    ),
    "mmff94": Check(
        mmff94,
        tuple(_STRAIN),
        ("rdkit",),
        "Energy above the nearest MMFF94 minimum, and root mean square displacement of all atoms to it.",
        "Halgren 1996, J. Comput. Chem. 17, 490",
        _STRAIN,
    ),
    "xtb": Check(
        gfn2_xtb,
        tuple(_STRAIN),
        ("tblite", "ase"),
        "As mmff94, by GFN2-xTB, largest force 0.02 eV/Å.",
        "Bannwarth et al. 2019, J. Chem. Theory Comput. 15, 1652",
        _STRAIN,
    ),
}


@dataclass(frozen=True)
class CheckResult:
    """What a check found.

    Attributes:
        name: of the check.
        results: one for each molecule, in order.
        numbers: of the records that these molecules are; empty where they are no records.
    """

    name: str
    results: tuple[CheckFigures | Failure, ...] = field(repr=False)
    numbers: tuple[int, ...] = field(default=(), repr=False)

    @property
    def found(self) -> list[CheckFigures]:
        """Results that are no failures."""
        return [result for result in self.results if not isinstance(result, Failure)]

    @property
    def failures(self) -> dict[str, int]:
        """Molecules on which the check failed, by reason, most frequent first."""
        reasons = Counter(result.reason for result in self.results if isinstance(result, Failure))
        return dict(reasons.most_common())

    @property
    def rates(self) -> dict[str, Rate]:
        """Molecules for which each truth holds, of those for which it could be decided; `all`, of all."""
        sizes = {"all": len(self.results)}
        return {name: Rate(sum(of), sizes.get(name, len(of))) for name, of in self._values(bool).items()}

    @property
    def not_made(self) -> dict[str, int]:
        """Molecules for which a truth could not be decided, though the check did not fail, by truth."""
        found = self.found
        counts = {name: sum(name not in result for result in found) for name in CHECKS[self.name].figures}
        return {name: count for name, count in counts.items() if count}

    @property
    def means(self) -> dict[str, float]:
        """Mean of each number, over the molecules on which the check did not fail."""
        return {name: float(np.mean(of)) for name, of in self._values(float).items()}

    @property
    def quartiles(self) -> dict[str, tuple[float, float, float]]:
        """First quartile, median and third of each number, over the molecules on which the check did not fail."""
        return {name: tuple(np.percentile(of, QUARTILES).tolist()) for name, of in self._values(float).items()}

    def _values(self, kind: type) -> dict[str, list]:
        values: dict[str, list] = {}
        for result in self.found:
            for name, value in result.items():
                if type(value) is kind:
                    values.setdefault(name, []).append(value)
        return values

    def to_dict(self) -> dict[str, Any]:
        """For JSON: counts, rates, quartiles, and how they were computed."""
        return {
            "num_checked": len(self.results),
            "failures": self.failures,
            "not_made": self.not_made,
            "means": self.means,
            "rates": {name: rate.to_dict() for name, rate in self.rates.items()},
            "quartiles": {name: list(of) for name, of in self.quartiles.items()},
            **CHECKS[self.name].to_dict(),
        }


def find_checks(names: Iterable[str]) -> tuple[str, ...]:
    """Names of checks, each once; a ConfigError if one is unknown, a MissingPackageError if its package is missing."""
    found = tuple(dict.fromkeys(names))
    for name in found:
        if name not in CHECKS:
            raise ConfigError(f"check {name!r}: expected one of {', '.join(CHECKS)}")
        need_packages(CHECKS[name].packages, what=f"check {name}:", extra="score")
    return found


def run_checks(
    molecules: Sequence[Molecule],
    names: Iterable[str],
    *,
    numbers: Sequence[int] = (),
    made: CheckFile | None = None,
    num_workers: int | None = None,
    seconds: float = SECONDS,
    on_checked: Callable[[], None] = lambda: None,
) -> dict[str, CheckResult]:
    """Runs checks on molecules, in other processes.

    Args:
        molecules: strictly valid ones.
        names: of `CHECKS`.
        numbers: of the records that the molecules are.
        made: results of an earlier run, which are not made again, and where new ones are kept as they come.
        num_workers: processes; by default one a core.
        seconds: limit of one molecule and check; beyond it the result is a failure of the reason `timeout`, and is not
            kept.
        on_checked: called after each molecule and check.

    Returns:
        Results, by name of the check; errors as of `find_checks`.
    """
    names, size = find_checks(names), len(molecules)
    work = [(name, molecule) for name in names for molecule in molecules]
    found = [None if made is None else made.find(*one) for one in work]
    missing = [one for one, result in zip(work, found, strict=True) if result is None]
    new = map_in_processes(_run_check, missing, seconds=seconds, num_workers=num_workers)
    results: list[CheckFigures | Failure] = []
    for one, result in zip(work, found, strict=True):
        results.append(next(new) if result is None else result)
        if made is not None and result is None:
            made.add(*one, results[-1])
        on_checked()
    parts = [tuple(results[i * size : (i + 1) * size]) for i in range(len(names))]
    return {name: CheckResult(name, part, tuple(numbers)) for name, part in zip(names, parts, strict=True)}


def _run_check(work: tuple[str, Molecule]) -> CheckFigures | Failure:
    name, molecule = work
    mol = check(molecule)
    return mol if isinstance(mol, Failure) else CHECKS[name].run(mol)
