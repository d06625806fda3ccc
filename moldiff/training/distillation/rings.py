"""Ring systems of atoms, numbered, to be sampled as often as the data have them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from moldiff.chem.molecule import Failure
from moldiff.chem.ring_systems import count_rings, locate_ring_systems
from moldiff.chem.smiles_parsing import mol_of_smiles
from moldiff.data.store.dataset import MoleculeStore
from moldiff.errors import ConfigError
from moldiff.runtime.progress import Progress, terminal_of_errors

NONE, UNKNOWN, RARE = range(3)  # in no ring system; in one that the data lack, or that few molecules have
LEAST_COMMON = 20  # times that a ring system comes, to have a number of its own
MOST_RINGS = 15  # more count as so many
NUM_KEYS = 2  # the ring system of an atom, and the number of rings of its molecule

Systems = Sequence[tuple[str, Sequence[int]]]  # as of `moldiff.chem.ring_systems.locate_ring_systems`


@dataclass(frozen=True, eq=False)
class RingClasses:
    """Ring systems, as of `moldiff.chem.ring_systems`, with numbers.

    The rare ones have one number together, and so have those that the data lack: how often each of them is drawn
    could not be counted.

    Attributes:
        number: of each ring system that the data have.
        counts: heavy atoms of the data with each number, by ring system and by the number of rings of the molecule.
    """

    number: dict[str, int]
    counts: Float[Tensor, "keys numbers"]

    @classmethod
    def of(cls, store: MoleculeStore) -> "RingClasses":
        """Of the train split; a `ConfigError` if it has no SMILES."""
        molecules: list[tuple[Systems, int, int]] = []
        indices = store.split("train").tolist()
        what, console = "ring systems of the data", terminal_of_errors()
        with Progress(what, total=len(indices), unit="molecules", console=console, transient=True) as progress:
            for index in indices:
                mol = mol_of_smiles(store.smiles(index))
                if not isinstance(mol, Failure) and mol.GetNumAtoms():
                    molecules.append((locate_ring_systems(mol), count_rings(mol), mol.GetNumAtoms()))
                progress.advance()
        if not molecules:
            raise ConfigError(f"{store.path}: no molecule has a SMILES to find rings in; give ring_ratio_weight=0")
        return cls.count(molecules)

    @classmethod
    def count(cls, molecules: Sequence[tuple[Systems, int, int]]) -> "RingClasses":
        """Of molecules, each with its ring systems, its number of rings and its number of heavy atoms."""
        found = Counter(smiles for systems, *_ in molecules for smiles, _ in systems)
        common = [smiles for smiles, times in found.most_common() if times >= LEAST_COMMON]
        number = dict.fromkeys(found, RARE) | {smiles: RARE + 1 + place for place, smiles in enumerate(common)}
        classes = cls(number, torch.zeros(NUM_KEYS, max(RARE + 1 + len(common), MOST_RINGS + 1)))
        for systems, num_rings, n in molecules:
            for row, column in zip(classes.counts, classes.keys(systems, num_rings, n).T, strict=True):
                row += torch.bincount(column, minlength=len(row))
        return classes

    def keys(self, systems: Systems, num_rings: int, n: int) -> Int[Tensor, "n keys"]:
        """Numbers of the atoms of a molecule.

        Args:
            systems: its ring systems.
            num_rings: its number of rings.
            n: its number of atoms.

        Returns:
            The numbers, of hydrogens too.
        """
        keys = torch.tensor([NONE, min(num_rings, MOST_RINGS)]).repeat(n, 1)
        for smiles, atoms in systems:
            keys[list(atoms), 0] = self.number.get(smiles, UNKNOWN)
        return keys


def count_alike(keys: Int[Tensor, "b n keys"]) -> Int[Tensor, "b n keys"]:
    """For each atom, how many of its molecule have the same number: a ring is drawn as one."""
    return (keys[:, :, None] == keys[:, None]).sum(2)
