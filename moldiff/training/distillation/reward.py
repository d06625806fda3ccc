"""What a drawn molecule is worth: are its atoms, and is it as a whole, in order?"""

from collections.abc import Collection

import torch
from jaxtyping import Bool
from torch import Tensor

from moldiff.chem.molecule import Failure
from moldiff.chem.ring_systems import located_ring_systems
from moldiff.chem.valence import stable_atoms
from moldiff.chem.validity import check
from moldiff.chem.vocabulary import Vocabulary
from moldiff.data.decoding import kekule_obstacle, molecule_of
from moldiff.data.store.dataset import MoleculeStore
from moldiff.errors import MoleculeError
from moldiff.state import State


def in_order(
    state: State, vocabulary: Vocabulary, known_rings: Collection[str] | None = None
) -> tuple[Bool[Tensor, "b n"], Bool[Tensor, "b"]]:
    """Which atoms have an allowed total bond order, and which molecules are strictly valid.

    Args:
        state: molecules of one size, on the CPU, with the hydrogens that are folded into their atoms.
        vocabulary: of their atom classes.
        known_rings: ring systems, as of `rings_of`; where they are given, the atoms of a valid molecule that are in
            another one are not in order, nor is the molecule.

    Returns:
        Truth values; all false where coordinates are no numbers.
    """
    atoms, molecules = torch.zeros_like(state.mask), torch.zeros(len(state.mask), dtype=torch.bool)
    n = state.mask.shape[1]
    for row in range(len(state.mask)):
        try:
            molecule = molecule_of(state, row, vocabulary)
        except MoleculeError:
            continue
        atoms[row] = torch.from_numpy(stable_atoms(molecule)[:n])  # then come folded hydrogens
        checked = kekule_obstacle(state, row, vocabulary) or check(molecule)
        molecules[row] = not isinstance(checked, Failure)
        if isinstance(checked, Failure) or known_rings is None:
            continue
        strange = [i for smiles, of in located_ring_systems(checked) if smiles not in known_rings for i in of]
        atoms[row, strange] = False
        molecules[row] = not strange
    return atoms, molecules


def rings_of(store: MoleculeStore) -> frozenset[str]:
    """Ring systems of the train split, as of `moldiff.chem.ring_systems`."""
    found: set[str] = set()
    for index in store.split("train").tolist():
        checked = check(store.molecule(index))
        if not isinstance(checked, Failure):
            found.update(smiles for smiles, _ in located_ring_systems(checked))
    return frozenset(found)
