"""What a drawn molecule is worth: are its atoms, and is it as a whole, in order?"""

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Int
from torch import Tensor

from moldiff.chem.fragments import pieces
from moldiff.chem.molecule import Failure
from moldiff.chem.ring_systems import count_rings, locate_ring_systems
from moldiff.chem.valence import stable_atoms
from moldiff.chem.validity import check
from moldiff.chem.vocabulary import Vocabulary
from moldiff.data.decoding import molecule_of
from moldiff.errors import MoleculeError
from moldiff.state import State
from moldiff.training.distillation.rings import NUM_KEYS, RingClasses


class Judgement(NamedTuple):
    """Of a batch.

    Attributes:
        atoms: which are in order: they have an allowed total bond order and are in a largest piece of their molecule.
        valid: which molecules are strictly valid.
        rings: as of `RingClasses.keys`; -1 for hydrogens, where a molecule is not valid, and where rings do not count.
    """

    atoms: Bool[Tensor, "b n"]
    valid: Bool[Tensor, "b"]
    rings: Int[Tensor, "b n keys"]


def judge(state: State, vocabulary: Vocabulary, rings: RingClasses | None = None) -> Judgement:
    """Judges molecules.

    Args:
        state: molecules of one size, on the CPU, with the hydrogens that are folded into their atoms.
        vocabulary: of their atom classes.
        rings: of the data, where ring systems count.

    Returns:
        The judgement; all is wrong with a molecule whose coordinates are no numbers.
    """
    b, n = state.mask.shape
    atoms, valid = torch.zeros_like(state.mask), torch.zeros(b, dtype=torch.bool)
    keys = torch.full((b, n, NUM_KEYS), -1)
    for row in range(b):
        try:
            molecule = molecule_of(state, row, vocabulary)
        except MoleculeError:
            continue
        piece = pieces(molecule)
        sizes = np.bincount(piece)
        stable = stable_atoms(molecule) & (sizes[piece] == sizes.max())
        atoms[row] = torch.from_numpy(stable[:n])  # then come folded hydrogens
        checked = check(molecule)
        valid[row] = not isinstance(checked, Failure)
        if rings is not None and not isinstance(checked, Failure):
            of_atoms = rings.keys(locate_ring_systems(checked), count_rings(checked), len(molecule))
            keys[row] = of_atoms.masked_fill(torch.from_numpy(molecule.elements == 1)[:, None], -1)[:n]
    return Judgement(atoms, valid, keys)
