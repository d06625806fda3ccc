"""A molecule of which something is known: to the walk, and back with the promise checked."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from jaxtyping import Bool

from moldiff.chem.molecule import Failure, Molecule
from moldiff.chem.validity import Checked, check
from moldiff.chem.vocabulary import Vocabulary
from moldiff.errors import SizeError, VocabularyError
from moldiff.generator import MoleculeGenerator, Sample
from moldiff.sampling.known import Known
from moldiff.state import State

KEPT = 1e-3  # Å; a known coordinate must come back this close


@dataclass(frozen=True, eq=False)
class Part:
    """What is known, in the user's frame.

    Attributes:
        molecule: with as many atoms as are to come out; only what is known of it is read.
        pos: atoms whose coordinates are known.
        atom: atoms whose element and charge are known.
        bond: pairs whose bond is known, symmetric.
        same_element: atoms drawn only among the charges of their element.
    """

    molecule: Molecule
    pos: Bool[np.ndarray, "n"]
    atom: Bool[np.ndarray, "n"]
    bond: Bool[np.ndarray, "n n"]
    same_element: bool = False

    @classmethod
    def of(cls, molecule: Molecule, *known: Literal["pos", "atom", "bond"], same_element: bool = False) -> "Part":
        """Whole variables are known."""
        n = len(molecule)
        pos, atom, bond = (name in known for name in ("pos", "atom", "bond"))
        return cls(molecule, np.full(n, pos), np.full(n, atom), np.full((n, n), bond), same_element)

    def known(self, vocabulary: Vocabulary) -> Known:
        """For the walk: one molecule, its known coordinates centred; a `VocabularyError` on a class that is unknown."""
        m = self.molecule
        charges = np.where(self.atom, m.charges, 0)
        named = self.atom if not self.same_element else np.ones(len(m), dtype=bool)
        classes = np.zeros(len(m), dtype=np.int64)
        classes[named] = vocabulary.encode(m.elements[named], charges[named])
        values = State(
            torch.from_numpy(np.where(self.pos[:, None], m.pos - self._centre(), 0.0)).float()[None],
            torch.from_numpy(classes)[None],
            torch.from_numpy(np.where(self.bond, m.bond, 0))[None],
            torch.ones(1, len(m), dtype=torch.bool),
        )
        pos, atom, bond = (torch.from_numpy(known)[None] for known in (self.pos, self.atom, self.bond))
        possible = torch.from_numpy(vocabulary.elements == m.elements[:, None])[None] if self.same_element else None
        return Known(values, pos, atom, bond, possible)

    def completed(self, sample: Sample) -> Sample:
        """The sample in the user's frame, with the user's name and properties, and failed if the promise is broken."""
        if sample.molecule is None:
            return sample
        drawn, given = sample.molecule, self.molecule
        pos = drawn.pos + self._centre()
        result: Checked = self.broken(replace(drawn, pos=pos)) or sample.result
        pos = np.where(self.pos[:, None], given.pos, pos)
        properties = {**given.properties, **drawn.properties}
        molecule = replace(drawn, pos=pos, name=given.name or drawn.name, properties=properties)
        if not isinstance(result, Failure):
            result = check(molecule)
        return replace(sample, result=result, molecule=molecule)

    def broken(self, drawn: Molecule) -> Failure | None:
        """What was to stay and did not."""
        given = self.molecule
        moved = np.linalg.norm(drawn.pos - given.pos, axis=1)[self.pos]
        if moved.size and moved.max() > KEPT:
            return Failure("changed", f"a known atom has moved by {moved.max():.3g} Å")
        if ((drawn.elements != given.elements) | (drawn.charges != given.charges))[self.atom].any():
            return Failure("changed", "a known atom has another element or charge")
        if self.same_element and (drawn.elements != given.elements).any():
            return Failure("changed", "a known element has changed")
        if (drawn.bond != given.bond)[self.bond].any():
            return Failure("changed", "a known bond has changed")
        return None

    def _centre(self) -> np.ndarray:
        return self.molecule.pos[self.pos].mean(0) if self.pos.any() else np.zeros(3)


def check_size(generator: MoleculeGenerator, molecule: Molecule) -> None:
    """Refuses sizes that the weights were not trained on.

    Args:
        generator: of the weights.
        molecule: whose atoms are counted, hydrogens included.

    Raises:
        SizeError: if there are too few or too many.
    """
    sizes, n = generator.bundle.statistics.sizes, len(molecule)
    if not min(sizes) <= n <= max(sizes):
        raise SizeError(f"{_label(molecule)}{n} atoms with hydrogens; these weights know {min(sizes)} to {max(sizes)}")


def check_atoms(generator: MoleculeGenerator, molecule: Molecule) -> None:
    """As `check_size`, and a `VocabularyError` on an atom that the weights do not know.

    Args:
        generator: of the weights.
        molecule: to look at.

    Raises:
        VocabularyError: that names the molecule and the atom.
    """
    check_size(generator, molecule)
    try:
        generator.bundle.vocabulary.encode(molecule.elements, molecule.charges)
    except VocabularyError as error:
        raise VocabularyError(f"{_label(molecule)}{error}") from error


def _label(molecule: Molecule) -> str:
    return f"molecule {molecule.name!r}: " if molecule.name else ""
