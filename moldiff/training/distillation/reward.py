"""What a drawn molecule is worth: are its atoms, and is it as a whole, in order?"""

from collections.abc import Collection

import numpy as np
import torch
from jaxtyping import Bool
from scipy.sparse.csgraph import connected_components
from torch import Tensor

from moldiff.chem.molecule import Failure
from moldiff.chem.ring_systems import locate_ring_systems, ring_systems_of
from moldiff.chem.valence import stable_atoms
from moldiff.chem.validity import check
from moldiff.chem.vocabulary import Vocabulary
from moldiff.data.decoding import molecule_of
from moldiff.data.store.dataset import MoleculeStore
from moldiff.errors import MoleculeError
from moldiff.state import State


def in_order(
    state: State, vocabulary: Vocabulary, known_rings: Collection[str] | None = None
) -> tuple[Bool[Tensor, "b n"], Bool[Tensor, "b"], Bool[Tensor, "b"]]:
    """Which atoms and molecules are in order, and which molecules are strictly valid.

    In order is an atom with an allowed total bond order in the largest piece of its molecule, and a molecule that is
    valid.

    Args:
        state: molecules of one size, on the CPU, with the hydrogens that are folded into their atoms.
        vocabulary: of their atom classes.
        known_rings: ring systems, as of `rings_of`; where they are given, the atoms of a valid molecule that are in
            another one are not in order, nor is the molecule.

    Returns:
        Truth values; all false where coordinates are no numbers.
    """
    b, n = state.mask.shape
    atoms, molecules, valid = torch.zeros_like(state.mask), *torch.zeros(2, b, dtype=torch.bool)
    for row in range(b):
        try:
            molecule = molecule_of(state, row, vocabulary)
        except MoleculeError:
            continue
        _, piece = connected_components(molecule.bond, directed=False)
        stable = stable_atoms(molecule) & (piece == np.bincount(piece).argmax())
        atoms[row] = torch.from_numpy(stable[:n])  # then come folded hydrogens
        checked = check(molecule)
        molecules[row] = valid[row] = not isinstance(checked, Failure)
        if isinstance(checked, Failure) or known_rings is None:
            continue
        strange = [i for smiles, of in locate_ring_systems(checked) if smiles not in known_rings for i in of]
        atoms[row, strange] = False
        molecules[row] = not strange
    return atoms, molecules, valid


def rings_of(store: MoleculeStore) -> frozenset[str]:
    """Ring systems of the train split, as of `moldiff.chem.ring_systems`."""
    found: set[str] = set()
    for index in store.split("train").tolist():
        found.update(ring_systems_of(store.smiles(index)))
    return frozenset(found)
