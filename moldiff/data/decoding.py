"""From a batch to its molecules."""

from collections.abc import Mapping

import numpy as np

from moldiff.chem.molecule import Molecule
from moldiff.chem.vocabulary import Vocabulary
from moldiff.conditions.condition import Value
from moldiff.state import State


def molecule_of(
    state: State, row: int, vocabulary: Vocabulary, *, name: str = "", properties: Mapping[str, Value] | None = None
) -> Molecule:
    """One molecule of a batch without padding; a `MoleculeError` if its coordinates are no numbers."""
    elements, charges = vocabulary.decode(state.atom[row].numpy())
    return Molecule(
        elements,
        charges,
        state.pos[row].numpy().astype(np.float64),
        state.bond[row].numpy(),
        name=name,
        properties=properties or {},
    )
