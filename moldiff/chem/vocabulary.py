"""The atom vocabulary: classes are pairs of element and formal charge, such as `N+1`."""

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
_LABEL = re.compile(r"([A-Z][a-z]?)([+-][1-9]\d?)?")  # one way to write each class


def atom_label(element: int, charge: int) -> str:
    """`N+1` for (7, 1), `C` for (6, 0)."""
    return _TABLE.GetElementSymbol(element) + (f"{charge:+d}" if charge else "")


def parse_label(label: str) -> tuple[int, int]:
    """Inverse of `atom_label`.

    Args:
        label: such as `N+1`.

    Returns:
        Atomic number and formal charge.

    Raises:
        VocabularyError: if the label is not an element with an optional signed charge.
    """
    match = _LABEL.fullmatch(label)
    if match is None:
        raise VocabularyError(f"atom class {label!r}: expected an element and an optional charge, such as 'C' or 'N+1'")
    if match[1] not in ATOMIC_NUMBERS:
        raise VocabularyError(f"atom class {label!r}: {match[1]!r} is no element")
    return ATOMIC_NUMBERS[match[1]], int(match[2] or 0)


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
        unique = sorted({(int(e), int(c)) for e, c in pairs}, key=lambda p: (p[0], abs(p[1]), -p[1]))
        return cls(tuple(atom_label(e, c) for e, c in unique))

    @cached_property
    def elements(self) -> Int[np.ndarray, "k"]:
        """Atomic number of each class."""
        return np.array([parse_label(label)[0] for label in self.labels], dtype=np.int64)

    @cached_property
    def charges(self) -> Int[np.ndarray, "k"]:
        """Formal charge of each class, elementary charge."""
        return np.array([parse_label(label)[1] for label in self.labels], dtype=np.int64)

    def encode(self, elements: Int[np.ndarray, "n"], charges: Int[np.ndarray, "n"]) -> Int[np.ndarray, "n"]:
        """Class number of each atom.

        Args:
            elements: atomic number of each atom.
            charges: formal charge of each atom.

        Returns:
            The classes.

        Raises:
            VocabularyError: if an atom is in no class; the message names the atom and the classes.
        """
        known = {parse_label(label): i for i, label in enumerate(self.labels)}
        classes = np.array(
            [known.get((int(e), int(c)), -1) for e, c in zip(elements, charges, strict=True)], dtype=np.int64
        )
        if (classes < 0).any():
            i = int(np.argmax(classes < 0))
            label = atom_label(int(elements[i]), int(charges[i]))
            raise VocabularyError(f"atom {i + 1} is {label}, which is not in the vocabulary: {', '.join(self.labels)}")
        return classes

    def decode(self, atom: Int[np.ndarray, "n"]) -> tuple[Int[np.ndarray, "n"], Int[np.ndarray, "n"]]:
        """Atomic numbers and formal charges of classes."""
        return self.elements[atom], self.charges[atom]
