"""All figures of one record, as columns of a table."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields

from moldiff.chem.alerts import CATALOGS
from moldiff.chem.molecule import Failure
from moldiff.chem.plausibility import PLAUSIBILITY_CHECKS
from moldiff.chem.stereo_counts import StereoCounts
from moldiff.chem.validity import Verdict
from moldiff.metrics.check_file import CheckFigures
from moldiff.metrics.checks import CHECKS
from moldiff.metrics.chemistry_summary import NUMBERS
from moldiff.metrics.molecule_chemistry import MoleculeChemistry

Cell = str | int | float | bool | None

STEPS = ("read", "sanitised", "no_radicals", "no_implicit_hydrogens", "one_fragment", "valid", "stable", "neutral")
VERDICT = (*STEPS, "num_atoms", "num_stable_atoms")
TEXTS = (  # columns of
    "name",
    "smiles",
    "stereo_smiles",
    *(f"alerts_{catalog.lower()}" for catalog in CATALOGS),
    "implausible_rings",
    "ring_systems",
    "unknown_ring_systems",
    *(f"{name}_failure" for name in CHECKS),
    "reason",
    "detail",
)
STEREO = tuple(one.name for one in fields(StereoCounts))
CHEMISTRY = (
    *NUMBERS,
    "alerts",
    *(f"alerts_{catalog.lower()}" for catalog in CATALOGS),
    "implausible_rings",
    "ring_systems",
    "unknown_ring_systems",
    "rings_known",
    "plausible",
    *(name.replace("-", "_") for name in PLAUSIBILITY_CHECKS),
    *STEREO,
)


@dataclass(frozen=True)
class MoleculeRow:
    """One record and what was found of it.

    Attributes:
        number: of the record, from 1.
        verdict: strict.
        unique: valid, and the first of its SMILES.
        novel: not in the reference; None without one, or if it is not valid.
        chemistry: None if it was not asked for, or the record is not valid.
        unknown_ring_systems: those that the reference has not; None without one.
        checks: results of `moldiff.metrics.checks`, by name, if it was checked.
    """

    number: int
    verdict: Verdict
    unique: bool = False
    novel: bool | None = None
    chemistry: MoleculeChemistry | None = None
    unknown_ring_systems: tuple[str, ...] | None = None
    checks: Mapping[str, CheckFigures | Failure] = field(default_factory=dict)

    def to_dict(self, columns: Sequence[str] | None = None) -> dict[str, Cell]:
        """Figures by column; None for one that was not computed, or does not exist for this record.

        Args:
            columns: names and order; by default all that `columns_of` gives for what there is.

        Returns:
            Texts, numbers and truths.
        """
        if columns is None:
            columns = columns_of(described=self.chemistry is not None, checks=tuple(self.checks))
        failure = self.verdict.failure
        cells: dict[str, Cell] = {
            "record": self.number,
            "name": self.verdict.name,
            "smiles": self.verdict.smiles,
            "stereo_smiles": self.verdict.stereo_smiles,
            **{name: getattr(self.verdict, name) for name in VERDICT},
            "unique": self.unique,
            "novel": self.novel,
            "reason": "" if failure is None else failure.reason,
            "detail": "" if failure is None else failure.detail,
        }
        cells |= {} if self.chemistry is None else self._chemistry(self.chemistry)
        for name, result in self.checks.items():
            figures, reason = ({}, result.reason) if isinstance(result, Failure) else (result, "")
            cells |= {column: figures.get(key) for key, column in check_columns(name).items()}
            cells[f"{name}_failure"] = reason
        return {name: cells.get(name) for name in columns}

    def _chemistry(self, found: MoleculeChemistry) -> dict[str, Cell]:
        stereo = {} if found.stereo is None else asdict(found.stereo)
        unknown = self.unknown_ring_systems
        return {
            **found.numbers,
            "alerts": sum(map(len, found.alerts.values())),
            **{f"alerts_{catalog.lower()}": "; ".join(names) for catalog, names in found.alerts.items()},
            "implausible_rings": "; ".join(found.implausible_rings),
            "ring_systems": " ".join(found.structure.ring_systems),
            "unknown_ring_systems": None if unknown is None else " ".join(unknown),
            "rings_known": None if unknown is None else not unknown,
            "plausible": found.plausible,
            **{name.replace("-", "_"): passed for name, passed in found.plausibility.items()},
            **stereo,
        }


def columns_of(*, described: bool, checks: Sequence[str] = ()) -> tuple[str, ...]:
    """Columns of a table of molecules.

    Args:
        described: with what a chemist looks at.
        checks: names of checks.

    Returns:
        The names, in order.
    """
    of_checks = [column for name in checks for column in (*check_columns(name).values(), f"{name}_failure")]
    head = ("record", "name", "smiles", "stereo_smiles", *VERDICT, "unique", "novel")
    return (*head, *(CHEMISTRY if described else ()), *of_checks, "reason", "detail")


def check_columns(name: str) -> dict[str, str]:
    """Columns of the figures of a check, by the figure's name."""
    return {key: f"{name}_{key}".replace("-", "_") for key in CHECKS[name].figures}
