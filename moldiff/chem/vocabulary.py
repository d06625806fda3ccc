"""The atom vocabulary: classes are an element, hydrogens folded into it, and a formal charge, such as `NH3+1`."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int
from rdkit import Chem

from moldiff.errors import VocabularyError

_TABLE = Chem.GetPeriodicTable()
ATOMIC_NUMBERS = {_TABLE.GetElementSymbol(number): number for number in range(1, 119)}
_LABEL = re.compile(r"([A-Z][a-z]?)(H[2-9]?)?([+-][1-9]\d?)?")  # one way to write each class


def atom_label(element: int, charge: int, hydrogens: int = 0) -> str:
    """`NH3+1` for (7, 1, 3), `N+1` for (7, 1), `C` for (6, 0)."""
    folded = "" if not hydrogens else "H" if hydrogens == 1 else f"H{hydrogens}"
    return _TABLE.GetElementSymbol(element) + folded + (f"{charge:+d}" if charge else "")


def parse_label(label: str) -> tuple[int, int, int]:
    """Inverse of `atom_label`.

    Args:
        label: such as `N+1`.

    Returns:
        Atomic number, formal charge, and number of hydrogens that are folded into the atom.

    Raises:
        VocabularyError: if the label is not an element with optional hydrogens and an optional signed charge.
    """
    match = _LABEL.fullmatch(label)
    if match is None:
        raise VocabularyError(f"atom class {label!r}: expected an element and an optional charge, such as 'C' or 'N+1'")
    if match[1] not in ATOMIC_NUMBERS:
        raise VocabularyError(f"atom class {label!r}: {match[1]!r} is no element")
    return ATOMIC_NUMBERS[match[1]], int(match[3] or 0), int((match[2] or "H0")[1:] or 1)


def covalent_radii(vocabulary: "Vocabulary") -> Float[np.ndarray, "c"]:
    """Of the atom classes, Å; RDKit's table."""
    return np.array([_TABLE.GetRcovalent(parse_label(label)[0]) for label in vocabulary.labels])


@dataclass(frozen=True)
class Vocabulary:
    """Ordered atom classes; the position in `labels` is the class number.

    Attributes:
        labels: such as `("H", "C", "N", "N+1")`, unique.
    """

    labels: tuple[str, ...]

    def __post_init__(self) -> None:
        """Checks the labels.

        Raises:
            VocabularyError: if there are none, or one is malformed or stands twice.
        """
        if not self.labels or len(set(self.labels)) != len(self.labels):
            raise VocabularyError(f"atom classes {list(self.labels)}: need at least one, and each only once")
        for label in self.labels:
            parse_label(label)

    def __len__(self) -> int:
        return len(self.labels)

    @classmethod
    def from_pairs(cls, pairs: Iterable[tuple[int, int]]) -> "Vocabulary":
        """The vocabulary of all (element, charge) pairs that occur, sorted by element, then neutral first."""
        return cls.from_triples((*pair, 0) for pair in pairs)

    @classmethod
    def from_triples(cls, triples: Iterable[tuple[int, int, int]]) -> "Vocabulary":
        """Of all (element, charge, hydrogens) that occur, sorted as by `from_pairs`, then by hydrogens."""
        unique = sorted({(int(e), int(c), int(h)) for e, c, h in triples}, key=lambda t: (t[0], abs(t[1]), -t[1], t[2]))
        return cls(tuple(atom_label(*triple) for triple in unique))

    @cached_property
    def elements(self) -> Int[np.ndarray, "k"]:
        """Atomic number of each class."""
        return np.array([parse_label(label)[0] for label in self.labels], dtype=np.int64)

    @cached_property
    def charges(self) -> Int[np.ndarray, "k"]:
        """Formal charge of each class, elementary charge."""
        return np.array([parse_label(label)[1] for label in self.labels], dtype=np.int64)

    @cached_property
    def hydrogens(self) -> Int[np.ndarray, "k"]:
        """Number of hydrogens that are folded into an atom of each class."""
        return np.array([parse_label(label)[2] for label in self.labels], dtype=np.int64)

    @property
    def folded(self) -> bool:
        """Whether hydrogens are folded into atoms of any class."""
        return bool(self.hydrogens.any())

    @property
    def unfolded(self) -> "Vocabulary":
        """Classes of the same atoms with all hydrogens explicit; itself where none is folded."""
        if not self.folded:
            return self
        pairs = zip(self.elements.tolist(), self.charges.tolist(), strict=True)
        return Vocabulary.from_pairs([(1, 0), *pairs])

    def encode(
        self,
        elements: Int[np.ndarray, "n"],
        charges: Int[np.ndarray, "n"],
        hydrogens: Int[np.ndarray, "n"] | None = None,
    ) -> Int[np.ndarray, "n"]:
        """Class number of each atom.

        Args:
            elements: atomic number of each atom.
            charges: formal charge of each atom.
            hydrogens: folded into each atom; by default none.

        Returns:
            The classes.

        Raises:
            VocabularyError: if an atom is in no class; the message names the atom and the classes.
        """
        known = {parse_label(label): i for i, label in enumerate(self.labels)}
        folded = np.zeros_like(elements) if hydrogens is None else hydrogens
        atoms = [(int(e), int(c), int(h)) for e, c, h in zip(elements, charges, folded, strict=True)]
        classes = np.array([known.get(atom, -1) for atom in atoms], dtype=np.int64)
        if (classes < 0).any():
            i = int(np.argmax(classes < 0))
            raise VocabularyError(
                f"atom {i + 1} is {atom_label(*atoms[i])}, which is not in the vocabulary: {', '.join(self.labels)}"
            )
        return classes

    def decode(self, atom: Int[np.ndarray, "n"]) -> tuple[Int[np.ndarray, "n"], Int[np.ndarray, "n"]]:
        """Atomic numbers and formal charges of classes."""
        return self.elements[atom], self.charges[atom]
