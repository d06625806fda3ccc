"""What a drawn molecule is worth: are its atoms, and is it as a whole, in order?"""

import numpy as np
import torch
from jaxtyping import Bool
from torch import Tensor

from moldiff.chem.molecule import Failure, Molecule
from moldiff.chem.valence import stable_atoms
from moldiff.chem.validity import check
from moldiff.chem.vocabulary import Vocabulary
from moldiff.errors import MoleculeError
from moldiff.state import State


def in_order(state: State, vocabulary: Vocabulary) -> tuple[Bool[Tensor, "b n"], Bool[Tensor, "b"]]:
    """Which atoms have an allowed total bond order, and which molecules are strictly valid.

    Args:
        state: molecules of one size, on the CPU.
        vocabulary: of their atom classes.

    Returns:
        Truth values; all false where coordinates are no numbers.
    """
    atoms, molecules = torch.zeros_like(state.mask), torch.zeros(len(state.mask), dtype=torch.bool)
    for row, (pos, atom, bond) in enumerate(zip(state.pos, state.atom, state.bond, strict=True)):
        elements, charges = vocabulary.decode(atom.numpy())
        try:
            molecule = Molecule(elements, charges, pos.numpy().astype(np.float64), bond.numpy())
        except MoleculeError:
            continue
        atoms[row] = torch.from_numpy(stable_atoms(molecule))
        molecules[row] = not isinstance(check(molecule), Failure)
    return atoms, molecules
