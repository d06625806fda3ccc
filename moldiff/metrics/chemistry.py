"""How a set of molecules differs from a reference in what a chemist looks at."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.stats import wasserstein_distance

from moldiff.chem.alerts import CATALOGS
from moldiff.chem.environments import RADII
from moldiff.chem.plausibility import PLAUSIBILITY_CHECKS
from moldiff.errors import DataError
from moldiff.metrics.chemistry_summary import (
    NUMBERS,
    ChemistrySummary,
    histogram_of_num_rings,
    histogram_of_ring_sizes,
)
from moldiff.metrics.druglike import Moments, frechet_distance
from moldiff.metrics.molecule_chemistry import MoleculeChemistry, Structure
from moldiff.metrics.rate import Rate

MOST_SHOWN = 10  # ring systems that the reference has not
ChemNet = Callable[[Mapping[str, int]], Moments]  # of how many molecules have each SMILES


@dataclass(frozen=True)
class ChemistryComparison:
    """How a set of molecules differs from a reference.

    Attributes:
        reference: name of the reference.
        rings_known: molecules all of whose ring systems occur in it; one without rings is known.
        novel: different molecules that are not in it, by SMILES without stereo; None if its summary holds none.
        unknown_ring_systems: SMILES of the most frequent that do not occur, and how many molecules have each.
        implausible_rings: molecules with one.
        implausible_by_name: molecules with each kind of it, most frequent first.
        unknown_per_molecule: mean numbers of different `ring_systems`, `ring_sizes`, `functional_groups`,
            `environments_1` and `environments_2` that do not occur.
        total_variation: of the distributions of `num_rings` and `ring_sizes`, 0 to 1.
        fcd: Fréchet ChemNet distance; None without activations.
        wasserstein: distances of the distributions of `NUMBERS`, in their units.
        means: of `NUMBERS`.
        alerts: molecules with an alert, by catalog.
        alert_excess: their share less that in the reference.
        plausibility: molecules that pass each check of `moldiff.chem.plausibility`, of those on which it was made.
        not_made: molecules on which a check of it was not made, by check.
        stereo: totals of `moldiff.chem.stereo_counts`, and how many molecules keep the stereo that they state.
    """

    reference: str
    rings_known: Rate
    novel: Rate | None
    unknown_ring_systems: tuple[tuple[str, int], ...]
    implausible_rings: Rate
    implausible_by_name: Mapping[str, int]
    unknown_per_molecule: Mapping[str, float]
    total_variation: Mapping[str, float]
    fcd: float | None
    wasserstein: Mapping[str, float]
    means: Mapping[str, float]
    alerts: Mapping[str, Rate]
    alert_excess: Mapping[str, float]
    plausibility: Mapping[str, Rate]
    not_made: Mapping[str, int]
    stereo: Mapping[str, Rate]

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {one.name: _plain(getattr(self, one.name)) for one in fields(self)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "ChemistryComparison":
        """Inverse of `to_dict`; a `DataError` of anything else."""
        try:
            read = {one.name: _read(data[one.name]) for one in fields(cls)}
            read["unknown_ring_systems"] = tuple((str(text), int(n)) for text, n in data["unknown_ring_systems"])
            return cls(**read)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DataError(f"this is no comparison of chemistry: {type(error).__name__} {error}") from error


def _plain(value: Any) -> Any:
    if isinstance(value, Rate):
        return value.to_dict()
    if isinstance(value, Mapping):
        return {name: _plain(of) for name, of in value.items()}
    return [list(one) for one in value] if isinstance(value, tuple) else value


def _read(value: Any) -> Any:
    if isinstance(value, Mapping):
        if "denominator" in value:
            return Rate(int(value["numerator"]), int(value["denominator"]))
        return {str(name): _read(of) for name, of in value.items()}
    return value


def compare_chemistry(
    molecules: Iterable[MoleculeChemistry], reference: ChemistrySummary, *, chemnet: ChemNet | None = None
) -> ChemistryComparison | None:
    """Figures of a set of molecules against a reference.

    Args:
        molecules: as `moldiff.metrics.molecule_chemistry.describe` gives them.
        reference: what is known.
        chemnet: moments of ChemNet's activations (`moldiff.pretrained.chemnet`), for the Fréchet distance, which
            depends on how many molecules there are: compare with as many molecules of the data.

    Returns:
        The figures; None of no molecule.
    """
    tally = ChemistryTally(reference)
    for one in molecules:
        tally.add(one)
    return tally.result(chemnet=chemnet)


@dataclass(eq=False)
class ChemistryTally:
    """Counts of the molecules that came so far; in memory stay the different SMILES and four numbers of each.

    Attributes:
        reference: what is known.
    """

    reference: ChemistrySummary
    _counts: Counter[str] = field(default_factory=Counter)
    _made: Counter[str] = field(default_factory=Counter)  # checks and properties that could be decided
    _smiles: Counter[str] = field(default_factory=Counter)
    _unknown_systems: Counter[str] = field(default_factory=Counter)
    _implausible: Counter[str] = field(default_factory=Counter)
    _unknown: Counter[str] = field(default_factory=Counter)
    _num_rings: Counter[int] = field(default_factory=Counter)
    _ring_sizes: Counter[int] = field(default_factory=Counter)
    _numbers: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in NUMBERS})

    def add(self, one: MoleculeChemistry) -> list[str]:
        """Counts one molecule; its ring systems that do not occur in the reference."""
        unknown = self.reference.unknown("ring_systems", one.structure.ring_systems)
        self._smiles[one.smiles] += 1
        self._unknown_systems.update(unknown)
        self._implausible.update(set(one.implausible_rings))
        self._unknown.update(_num_unknown(one.structure, self.reference))
        self._num_rings[len(one.structure.ring_sizes)] += 1
        self._ring_sizes.update(one.structure.ring_sizes)
        for name, value in one.numbers.items():
            self._numbers[name].append(value)
        held = {"rings_known": not unknown, "implausible_rings": bool(one.implausible_rings)}
        held |= {catalog: bool(names) for catalog, names in one.alerts.items()}
        self._counts.update(name for name, holds in held.items() if holds)
        self._made.update(name for name, passed in one.plausibility.items() if passed is not None)
        self._counts.update(name for name, passed in one.plausibility.items() if passed)
        if one.stereo is not None:
            for kind in ("stereocentres", "stereo_bonds"):
                total, open_ = getattr(one.stereo, kind), getattr(one.stereo, f"{kind}_unassigned")
                self._made[kind] += total
                self._counts[kind] += total - open_
            self._made["stereo_kept"] += one.stereo.stereo_kept is not None
            self._counts["stereo_kept"] += bool(one.stereo.stereo_kept)
        return unknown

    def result(self, *, chemnet: ChemNet | None = None) -> ChemistryComparison | None:
        """The figures of all molecules so far; as of `compare_chemistry`."""
        size, known = self._smiles.total(), self.reference
        if not size:
            return None
        novel = known.unknown("molecules", self._smiles)
        alerts = {name: Rate(self._counts[name], size) for name in CATALOGS}
        checks = list(PLAUSIBILITY_CHECKS)
        return ChemistryComparison(
            reference=known.name,
            rings_known=Rate(self._counts["rings_known"], size),
            novel=Rate(len(novel), len(self._smiles)) if len(known.molecules) else None,
            unknown_ring_systems=tuple(_by_count(self._unknown_systems)[:MOST_SHOWN]),
            implausible_rings=Rate(self._counts["implausible_rings"], size),
            implausible_by_name=dict(_by_count(self._implausible)),
            unknown_per_molecule={"ring_systems": self._unknown_systems.total() / size}
            | {name: self._unknown[name] / size for name in _COUNTED},
            total_variation=self._total_variation(),
            fcd=None if chemnet is None or size < 2 else chemnet_distance(chemnet(self._smiles), known),
            wasserstein={
                name: float(wasserstein_distance(of, row))
                for (name, of), row in zip(self._numbers.items(), known.quantiles, strict=True)
            },
            means={name: float(np.mean(of)) for name, of in self._numbers.items()},
            alerts=alerts,
            alert_excess={
                name: rate.value - known.alert_counts[name] / known.num_sampled for name, rate in alerts.items()
            },
            plausibility={name: Rate(self._counts[name], self._made[name]) for name in checks},
            not_made={name: size - self._made[name] for name in checks if size > self._made[name]},
            stereo={name: Rate(self._counts[name], self._made[name]) for name in _STEREO},
        )

    def _total_variation(self) -> dict[str, float]:
        """Half the sum of the differences of two distributions."""
        ours = {
            "num_rings": histogram_of_num_rings(list(self._num_rings.elements())),
            "ring_sizes": histogram_of_ring_sizes(list(self._ring_sizes.elements())),
        }
        theirs = (self.reference.num_rings, self.reference.ring_sizes)
        return {
            name: float(np.abs(of / max(1, of.sum()) - known / max(1, known.sum())).sum() / 2)
            if of.sum() and known.sum()
            else float(bool(of.sum()) != bool(known.sum()))  # only one of the two has rings
            for (name, of), known in zip(ours.items(), theirs, strict=True)
        }


_COUNTED = ("ring_sizes", "functional_groups", *(f"environments_{radius}" for radius in RADII))
_STEREO = ("stereocentres", "stereo_bonds", "stereo_kept")


def _by_count(counts: Counter[str]) -> list[tuple[str, int]]:
    """Most frequent first; equals by name."""
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def _num_unknown(structure: Structure, reference: ChemistrySummary) -> dict[str, int]:
    """Different parts of a molecule but ring systems that do not occur, by kind."""
    sizes = reference.ring_sizes
    counts = {
        "ring_sizes": sum(int(sizes[min(size, len(sizes) - 1)] == 0) for size in {*structure.ring_sizes}),
        "functional_groups": len(reference.unknown("functional_groups", structure.functional_groups)),
    }
    for radius in RADII:
        count = reference.num_unknown_environments
        counts[f"environments_{radius}"] = count(radius, structure.environments[radius])
    return counts


def chemnet_distance(ours: Moments, reference: ChemistrySummary) -> float | None:
    """Fréchet ChemNet distance; None if the summary has no moments.

    Source: Preuer et al. 2018, J. Chem. Inf. Model. 58, 1736.
    """
    return None if reference.moments is None else frechet_distance(ours, reference.moments)


def moments_of(activations: Float[np.ndarray, "m d"]) -> Moments:
    """Mean and covariance, in double precision."""
    ours = activations.astype(np.float64)
    return ours.mean(0), np.cov(ours, rowvar=False)
