"""What a chemist looks at in one molecule."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from rdkit import Chem

from moldiff.chem.alerts import alerts
from moldiff.chem.descriptors import main_descriptors
from moldiff.chem.environments import environments, functional_groups
from moldiff.chem.implausible_rings import implausible_rings
from moldiff.chem.molecule import Failure
from moldiff.chem.plausibility import is_plausible, plausibility
from moldiff.chem.ring_systems import ring_sizes, ring_systems
from moldiff.chem.smiles_parsing import mol_of_smiles
from moldiff.chem.stereo_counts import StereoCounts, count_stereo
from moldiff.chem.validity import canonical_smiles


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
        plausibility: answers of `moldiff.chem.plausibility`, by name; None for a check that was not made.
        stereo: how much of it is assigned; None if its coordinates show no direction.
    """

    smiles: str
    structure: Structure
    implausible_rings: tuple[str, ...]
    alerts: Mapping[str, tuple[str, ...]]
    numbers: Mapping[str, float]
    plausibility: Mapping[str, bool | None] = field(default_factory=dict)
    stereo: StereoCounts | None = None

    @property
    def plausible(self) -> bool:
        """All checks of plausibility were made and passed."""
        return is_plausible(self.plausibility)


def describe(molecule: Chem.Mol | str, *, canonical: str | None = None) -> MoleculeChemistry | Failure:
    """What a chemist looks at in one molecule; about 8 ms for a drug-like one.

    Args:
        molecule: a sanitised molecule, for its plausibility with coordinates and all hydrogens; or its SMILES.
        canonical: its canonical SMILES without stereo, if that is known.

    Returns:
        The same for any order of its atoms; a `Failure` if RDKit does not read its canonical SMILES.
    """
    whole = mol_of_smiles(molecule) if isinstance(molecule, str) else molecule
    read = whole if isinstance(whole, Failure) else canonical_form(whole, canonical=canonical)
    if isinstance(read, Failure) or isinstance(whole, Failure):
        return read
    smiles, mol = read
    return MoleculeChemistry(
        smiles,
        Structure.of(mol),
        tuple(implausible_rings(mol)),
        alerts(mol),
        main_descriptors(mol),
        plausibility(whole),
        count_stereo(whole),
    )


def canonical_form(molecule: Chem.Mol | str, *, canonical: str | None = None) -> tuple[str, Chem.Mol] | Failure:
    """Canonical SMILES without stereo, and the molecule that it is read as; arguments and failures as of `describe`."""
    if canonical is None:
        mol = mol_of_smiles(molecule) if isinstance(molecule, str) else molecule
        if isinstance(mol, Failure):
            return mol
        canonical = canonical_smiles(mol)
    read = mol_of_smiles(canonical)
    return read if isinstance(read, Failure) else (canonical, read)
