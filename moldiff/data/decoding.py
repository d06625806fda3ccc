"""From a batch to its molecules, with their hydrogens."""

from collections.abc import Mapping

import numpy as np

from moldiff.chem.aromaticity import kekulize
from moldiff.chem.molecule import Molecule
from moldiff.chem.vocabulary import Vocabulary
from moldiff.conditions.condition import Value
from moldiff.errors import MoleculeError
from moldiff.state import State


def molecule_of(
    state: State, row: int, vocabulary: Vocabulary, *, name: str = "", properties: Mapping[str, Value] | None = None
) -> Molecule:
    """One molecule of a batch without padding.

    Hydrogens that are folded into the atoms come after these, in their order. Aromatic bonds get Kekulé orders, those
    that have none stay `AROMATIC`, and such a molecule is not valid.

    Args:
        state: clean molecules on the CPU, with the hydrogens that are folded into their atoms, if any are.
        row: of the molecule.
        vocabulary: of the atom classes.
        name: of the molecule.
        properties: of the molecule.

    Returns:
        The molecule.

    Raises:
        MoleculeError: if coordinates are no numbers, or hydrogens are missing.
    """
    atom, pos = state.atom[row].numpy(), state.pos[row].numpy().astype(np.float64)
    elements, charges = vocabulary.decode(atom)
    parents = np.repeat(np.arange(len(atom)), vocabulary.hydrogens[atom])
    orders = kekulize(elements, charges, state.bond[row].numpy(), vocabulary.hydrogens[atom])
    bond = np.pad(orders, (0, len(parents)))
    if len(parents):
        if state.hydrogens is None:
            raise MoleculeError("hydrogens are latent and have not been decoded; see NetworkDenoiser.unfold")
        there = np.arange(state.hydrogens.shape[2]) < vocabulary.hydrogens[atom][:, None]
        pos = np.concatenate([pos, pos[parents] + state.hydrogens[row].numpy()[there]])
        places = len(atom) + np.arange(len(parents))
        bond[parents, places] = bond[places, parents] = 1
    return Molecule(
        np.concatenate([elements, np.ones(len(parents), dtype=elements.dtype)]),
        np.concatenate([charges, np.zeros(len(parents), dtype=charges.dtype)]),
        pos,
        bond,
        name=name,
        properties=properties or {},
    )
