"""What a model has seen: a molecule beyond it would be extrapolation, and is refused in one line."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Int

from moldiff.chem.folding import KEPT, fold_molecule
from moldiff.chem.molecule import Molecule
from moldiff.chem.vocabulary import Vocabulary, atom_label
from moldiff.errors import DomainError, SizeError, VocabularyError

Range = tuple[int, int]  # least and greatest
Read = Literal["atoms", "elements", "coordinates"]  # of a molecule: its atom classes, its elements alone, or neither


@dataclass(frozen=True)
class Domain:
    """Least and greatest of the molecules of the train split; None where older weights do not say.

    Attributes:
        labels: of the atom classes.
        num_atoms: hydrogens included.
        num_heavy_atoms: all but hydrogens.
        net_charge: sum of the formal charges, elementary charge.
        folded: labels with the hydrogens that are folded into an atom, of weights whose hydrogens are latent.
    """

    labels: tuple[str, ...]
    num_atoms: Range
    num_heavy_atoms: Range | None = None
    net_charge: Range | None = None
    folded: tuple[str, ...] = ()

    def obstacle(self, molecule: Molecule, read: Read = "atoms") -> DomainError | None:
        """Why a molecule lies outside, or None.

        Args:
            molecule: to look at.
            read: what of it the model reads; with "elements" the net charge is that of its property `charge`.

        Returns:
            A `VocabularyError` where the model cannot represent an atom, else a `SizeError` or `DomainError`.
        """
        unknown = self._unknown_atom(molecule, read)
        if unknown is not None:
            return VocabularyError(unknown)
        size, heavy = len(molecule), int((molecule.elements != 1).sum())
        if not _within(size, self.num_atoms):
            return SizeError(f"{size} atoms with hydrogens; these weights know {_text(self.num_atoms)}")
        if not _within(heavy, self.num_heavy_atoms) and (heavy or read != "coordinates"):
            return SizeError(f"{heavy} heavy atoms; these weights know {_text(self.num_heavy_atoms)}")
        said = molecule.properties.get("charge", 0)
        charge = int(molecule.charges.sum()) if read == "atoms" else said if isinstance(said, int) else 0
        if read != "coordinates" and not _within(charge, self.net_charge):
            known = "neutral molecules only" if self.net_charge == (0, 0) else _text(self.net_charge, "+d")
            return DomainError(f"a net charge of {charge:+d}; these weights know {known}")
        return None

    def _unknown_atom(self, molecule: Molecule, read: Read) -> str | None:
        vocabulary = Vocabulary(self.labels)
        if read == "elements":
            strange = ~np.isin(molecule.elements, vocabulary.elements)
            if strange.any():
                i = int(np.argmax(strange))
                known = dict.fromkeys(atom_label(element, 0) for element in vocabulary.elements.tolist())
                return (
                    f"atom {i + 1} is {atom_label(int(molecule.elements[i]), 0)}; these weights know {', '.join(known)}"
                )
        elif read == "atoms":
            try:
                vocabulary.encode(molecule.elements, molecule.charges)
                if self.folded and molecule.bond.any():  # a formula has none, and nothing to fold yet
                    encode_folded(molecule, Vocabulary(self.folded))
            except VocabularyError as error:
                return str(error)
        return None

    def rows(self) -> Mapping[str, str]:
        """For people: what is known, by name."""
        return {
            "heavy atoms": "not said" if self.num_heavy_atoms is None else _text(self.num_heavy_atoms),
            "net charge": "not said" if self.net_charge is None else _text(self.net_charge, "+d"),
        }


def encode_folded(molecule: Molecule, vocabulary: Vocabulary) -> Int[np.ndarray, "m"]:
    """Classes of the atoms that are left when the hydrogens are folded; a `VocabularyError` if one is unknown."""
    _, slot, hydrogens = fold_molecule(molecule, vocabulary)
    kept = slot == KEPT
    return vocabulary.encode(molecule.elements[kept], molecule.charges[kept], hydrogens[kept])


def _within(value: int, bounds: Range | None) -> bool:
    return bounds is None or bounds[0] <= value <= bounds[1]


def _text(bounds: Range | None, form: str = "d") -> str:
    low, high = bounds or (0, 0)
    if low == high:
        return f"{low:{form}}" if low else "0"
    return f"{low:{form}} to {high:{form}}"
