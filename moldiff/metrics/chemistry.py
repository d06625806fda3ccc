"""What a chemist looks at in a molecule, and how a set of molecules differs in it from a reference."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from jaxtyping import Float
from rdkit import Chem
from scipy.stats import wasserstein_distance

from moldiff.chem.alerts import CATALOGS, alerts
from moldiff.chem.descriptors import DESCRIPTORS
from moldiff.chem.environments import RADII, environments, functional_groups
from moldiff.chem.implausible_rings import implausible_rings
from moldiff.chem.molecule import Failure
from moldiff.chem.ring_systems import ring_sizes, ring_systems
from moldiff.chem.smiles_parsing import mol_of_smiles
from moldiff.chem.validity import canonical_smiles
from moldiff.metrics.chemistry_summary import (
    NUMBERS,
    ChemistrySummary,
    histogram_of_num_rings,
    histogram_of_ring_sizes,
)
from moldiff.metrics.druglike import Moments, frechet_distance
from moldiff.metrics.rate import Rate

MOST_SHOWN = 10  # ring systems that the reference has not


@dataclass(frozen=True)
class Structure:
    """Parts of a molecule that can be looked up in a reference.

    Attributes:
        ring_systems: canonical SMILES, one for each system.
        ring_sizes: one for each ring of a smallest set.
        functional_groups: canonical SMILES, one for each group.
        environments: numbers of the different surroundings of atoms, by radius in bonds.
    """

    ring_systems: tuple[str, ...]
    ring_sizes: tuple[int, ...]
    functional_groups: tuple[str, ...]
    environments: Mapping[int, frozenset[int]] = field(repr=False)

    @classmethod
    def of(cls, mol: Chem.Mol) -> "Structure":
        """Of a sanitised molecule without hydrogens."""
        return cls(tuple(ring_systems(mol)), tuple(ring_sizes(mol)), tuple(functional_groups(mol)), environments(mol))


@dataclass(frozen=True)
class MoleculeChemistry:
    """What a chemist looks at in one molecule.

    Attributes:
        smiles: canonical, without stereo.
        structure: what can be looked up in a reference.
        implausible_rings: names of what is wrong with its rings.
        alerts: names of its structural alerts, by catalog.
        numbers: `NUMBERS` by name.
    """

    smiles: str
    structure: Structure
    implausible_rings: tuple[str, ...]
    alerts: Mapping[str, tuple[str, ...]]
    numbers: Mapping[str, float]


def describe(molecule: Chem.Mol | str) -> MoleculeChemistry | Failure:
    """What a chemist looks at in one molecule; about 6 ms for a drug-like one.

    Args:
        molecule: a sanitised molecule, or its SMILES.

    Returns:
        The same for any order of its atoms; a `Failure` if RDKit does not read its canonical SMILES.
    """
    read = canonical_form(molecule)
    if isinstance(read, Failure):
        return read
    canonical, mol = read
    return MoleculeChemistry(
        canonical,
        Structure.of(mol),
        tuple(implausible_rings(mol)),
        alerts(mol),
        {name: float(DESCRIPTORS[name].compute(mol)) for name in NUMBERS},
    )


def canonical_form(molecule: Chem.Mol | str) -> tuple[str, Chem.Mol] | Failure:
    """Canonical SMILES without stereo, and the molecule that it is read as; arguments and failures as of `describe`."""
    mol = mol_of_smiles(molecule) if isinstance(molecule, str) else molecule
    if isinstance(mol, Failure):
        return mol
    canonical = canonical_smiles(mol)
    mol = mol_of_smiles(canonical)
    return mol if isinstance(mol, Failure) else (canonical, mol)


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

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        figures = {one.name: getattr(self, one.name) for one in fields(self)}
        figures["alerts"] = {name: rate.to_dict() for name, rate in self.alerts.items()}
        return {name: of.to_dict() if isinstance(of, Rate) else _plain(of) for name, of in figures.items()}


def _plain(value: Any) -> Any:
    return (
        dict(value) if isinstance(value, Mapping) else [list(one) for one in value] if type(value) is tuple else value
    )


def compare_chemistry(
    molecules: Sequence[MoleculeChemistry],
    reference: ChemistrySummary,
    *,
    activations: Float[np.ndarray, "m 512"] | None = None,
) -> ChemistryComparison | None:
    """Figures of a set of molecules against a reference.

    Args:
        molecules: as `describe` gives them.
        reference: what is known.
        activations: of ChemNet, a row for each molecule (`moldiff.pretrained.chemnet`), for the Fréchet distance, which
            depends on how many there are: compare with as many molecules of the data.

    Returns:
        The figures; None of no molecule.
    """
    if not molecules:
        return None
    size, structures = len(molecules), [one.structure for one in molecules]
    unknown = [reference.unknown("ring_systems", one.ring_systems) for one in structures]
    frequent = Counter(system for systems in unknown for system in systems)
    faults = Counter(name for one in molecules for name in one.implausible_rings)
    numbers = {name: np.array([one.numbers[name] for one in molecules]) for name in NUMBERS}
    rates = {name: Rate(sum(bool(one.alerts[name]) for one in molecules), size) for name in CATALOGS}
    different = {one.smiles for one in molecules}
    novel = Rate(len(reference.unknown("molecules", different)), len(different)) if len(reference.molecules) else None
    return ChemistryComparison(
        reference=reference.name,
        rings_known=Rate(sum(not systems for systems in unknown), size),
        novel=novel,
        unknown_ring_systems=tuple(sorted(frequent.items(), key=lambda item: (-item[1], item[0]))[:MOST_SHOWN]),
        implausible_rings=Rate(sum(bool(one.implausible_rings) for one in molecules), size),
        implausible_by_name=dict(sorted(faults.items(), key=lambda item: (-item[1], item[0]))),
        unknown_per_molecule={
            name: total / size
            for name, total in ({"ring_systems": frequent.total()} | _num_unknown(structures, reference)).items()
        },
        total_variation=_total_variation(structures, reference),
        fcd=None if activations is None else chemnet_distance(activations, reference),
        wasserstein={
            name: float(wasserstein_distance(of, row))
            for (name, of), row in zip(numbers.items(), reference.quantiles, strict=True)
        },
        means={name: float(of.mean()) for name, of in numbers.items()},
        alerts=rates,
        alert_excess={
            name: rate.value - reference.alert_counts[name] / reference.num_sampled for name, rate in rates.items()
        },
    )


def chemnet_distance(activations: Float[np.ndarray, "m 512"], reference: ChemistrySummary) -> float | None:
    """Fréchet ChemNet distance; None of fewer than two molecules, or if the summary has no moments.

    Source: Preuer et al. 2018, J. Chem. Inf. Model. 58, 1736.
    """
    moments = reference.moments
    if moments is None or len(activations) < 2:
        return None
    return frechet_distance(moments_of(activations), moments)


def moments_of(activations: Float[np.ndarray, "m d"]) -> Moments:
    """Mean and covariance, in double precision."""
    ours = activations.astype(np.float64)
    return ours.mean(0), np.cov(ours, rowvar=False)


def _num_unknown(structures: Sequence[Structure], reference: ChemistrySummary) -> dict[str, int]:
    """Different parts of each molecule but ring systems that do not occur, summed over the molecules, by kind."""
    sizes = reference.ring_sizes
    totals = {
        "functional_groups": sum(len(reference.unknown("functional_groups", s.functional_groups)) for s in structures),
        "ring_sizes": sum(
            int(sizes[min(size, len(sizes) - 1)] == 0) for one in structures for size in {*one.ring_sizes}
        ),
    }
    for radius in RADII:
        count = reference.num_unknown_environments
        totals[f"environments_{radius}"] = sum(count(radius, one.environments[radius]) for one in structures)
    return totals


def _total_variation(structures: Sequence[Structure], reference: ChemistrySummary) -> dict[str, float]:
    """Half the sum of the differences of two distributions."""
    ours = {
        "num_rings": histogram_of_num_rings([len(one.ring_sizes) for one in structures]),
        "ring_sizes": histogram_of_ring_sizes([size for one in structures for size in one.ring_sizes]),
    }
    return {
        name: float(np.abs(of / max(1, of.sum()) - known / max(1, known.sum())).sum() / 2)
        for (name, of), known in zip(ours.items(), (reference.num_rings, reference.ring_sizes), strict=True)
    }
