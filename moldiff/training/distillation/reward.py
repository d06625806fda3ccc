"""What a drawn molecule is worth: are its atoms, and is it as a whole, in order?"""

import torch
from jaxtyping import Bool
from torch import Tensor

from moldiff.chem.molecule import Failure
from moldiff.chem.valence import stable_atoms
from moldiff.chem.validity import check
from moldiff.chem.vocabulary import Vocabulary
from moldiff.data.decoding import kekule_obstacle, molecule_of
from moldiff.errors import MoleculeError
from moldiff.state import State


def in_order(state: State, vocabulary: Vocabulary) -> tuple[Bool[Tensor, "b n"], Bool[Tensor, "b"]]:
    """Which atoms have an allowed total bond order, and which molecules are strictly valid.

    Args:
        state: molecules of one size, on the CPU, with the hydrogens that are folded into their atoms.
        vocabulary: of their atom classes.

    Returns:
        Truth values; all false where coordinates are no numbers.
    """
    atoms, molecules = torch.zeros_like(state.mask), torch.zeros(len(state.mask), dtype=torch.bool)
    for row in range(len(state.mask)):
        try:
            molecule = molecule_of(state, row, vocabulary)
        except MoleculeError:
            continue
        atoms[row] = torch.from_numpy(stable_atoms(molecule)[: state.mask.shape[1]])  # then come folded hydrogens
        molecules[row] = kekule_obstacle(state, row, vocabulary) is None and not isinstance(check(molecule), Failure)
    return atoms, molecules
