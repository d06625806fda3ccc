"""One batch at the end of its trajectories."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from torch import Tensor

from moldiff.chem.vocabulary import Vocabulary
from moldiff.state import State


@dataclass(frozen=True, eq=False)
class SampledBatch:
    """The molecules of a batch, on the CPU, and what is known of how they were sampled.

    Attributes:
        state: the molecules, with all hydrogens.
        of_atoms: probability that the last evaluation gave the class of each atom.
        of_bonds: and the class of each bond.
        states: time and state after each step, where trajectories are kept.
    """

    state: State
    of_atoms: Float[Tensor, "b n"]
    of_bonds: Float[Tensor, "b n n"]
    states: tuple[tuple[float, State], ...]

    def confidence(self, row: int, vocabulary: Vocabulary) -> Float[np.ndarray, "n n"]:
        """Of a molecule, as of `Sample`; a bond of a hydrogen that was folded into an atom is as sure as its class."""
        folded = vocabulary.hydrogens[self.state.atom[row].numpy()]
        parents = np.repeat(np.arange(len(folded)), folded)
        sure = np.pad(self.of_bonds[row].numpy(), (0, len(parents)), constant_values=1.0)
        if len(parents):
            places = len(folded) + np.arange(len(parents))
            of_class = self.of_atoms[row].numpy()[parents]
            sure[places] = of_class[:, None]
            sure[:, places] = sure[places].T
            sure[np.ix_(places, places)] = np.minimum(of_class[:, None], of_class)
        return sure
