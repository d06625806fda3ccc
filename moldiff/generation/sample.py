"""One generated molecule."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from moldiff.chem.molecule import Failure, Molecule
from moldiff.chem.validity import Checked


@dataclass(frozen=True, eq=False)
class Sample:
    """One molecule asked for.

    Attributes:
        index: its number; with the seed and the precision it determines the molecule.
        result: the sanitised RDKit molecule with its conformer, or why it is not strictly valid.
        molecule: as it was drawn, valid or not; None only if its coordinates are no numbers.
        states: of its walk, after each network evaluation, if they were asked for.
        confidence: probability that the last evaluation gave each bond, and no bond, that came out.
    """

    index: int
    result: Checked
    molecule: Molecule | None
    states: tuple[Molecule, ...] = ()
    confidence: Float[np.ndarray, "n n"] | None = None

    @property
    def valid(self) -> bool:
        """Strictly valid."""
        return not isinstance(self.result, Failure)
