"""The molecule as numbers: what files, stores, samplers and scores pass to one another."""

import math
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Int

from moldiff.errors import MoleculeError

AROMATIC = 4  # in place of an order
_COUNTED_FROM_0 = re.compile(r"\b(atoms?:?(?: #)? )(\d+(?: \d+)*)\b", re.IGNORECASE)
# Bounds against mistaken and hostile input, not properties of the method. A record beyond one is a failure `size`.
MAX_ATOMS = 1000
MAX_BONDS = 300  # and two for each atom; RDKit hangs or crashes on denser graphs while it looks for rings
MAX_COORDINATE = 1e4  # Å; larger values are a unit error or an overflow
MAX_CHARGE = 100  # elementary charges of a whole molecule
MAX_LINE = 1_000_000  # characters of a line of a file
MAX_RECORD_LINES, MAX_RECORD = 100_000, 10_000_000  # lines and characters of a record
MAX_SMILES = 10_000  # characters; RDKit reads any such SMILES in 0.6 s, but may take 100 s for ten times as many


@dataclass(frozen=True, eq=False)
class Molecule:
    """Atoms with explicit hydrogens, Kekulé bonds and coordinates in Å; immutable by convention.

    Attributes:
        elements: atomic numbers, 1 to 118.
        charges: formal charges, elementary charge.
        pos: coordinates, Å.
        bond: symmetric Kekulé orders, 0 none to 3 triple, zero on the diagonal; `AROMATIC` where a sampled molecule
            has aromatic bonds without a Kekulé form.
        name: title of the record.
        properties: values by name; become SD tags.
    """

    elements: Int[np.ndarray, "n"]
    charges: Int[np.ndarray, "n"]
    pos: Float[np.ndarray, "n 3"]
    bond: Int[np.ndarray, "n n"]
    name: str = ""
    properties: Mapping[str, float | int | str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuses what is not a molecule.

        Raises:
            MoleculeError: on wrong shapes, no atoms, too many, or coordinates that are NaN or huge.
        """
        n, label = len(self.elements), self.label
        if n == 0:
            raise MoleculeError(f"{label}: has no atoms")
        if n > MAX_ATOMS:
            raise MoleculeError(f"{label}: has {n} atoms, at most {MAX_ATOMS} are supported")
        shapes = (self.charges.shape, self.pos.shape, self.bond.shape)
        if shapes != ((n,), (n, 3), (n, n)):
            raise MoleculeError(f"{label}: shapes {shapes} of charges, pos, bond do not fit {n} atoms")
        if not np.isfinite(self.pos).all():
            first = int(np.argmin(np.isfinite(self.pos).all(1))) + 1
            raise MoleculeError(f"{label}: atom {first} has a coordinate that is not a number")
        if np.abs(self.pos).max() > MAX_COORDINATE:
            raise MoleculeError(f"{label}: a coordinate of {np.abs(self.pos).max():.3g} Å; are the units Å?")
        unreal = (self.elements < 1) | (self.elements > 118)
        if unreal.any():
            raise MoleculeError(f"{label}: atomic number {int(self.elements[unreal][0])} is no element")
        if (self.bond != self.bond.T).any() or self.bond.diagonal().any():
            raise MoleculeError(f"{label}: the bond matrix must be symmetric with a zero diagonal")
        if self.bond.min() < 0 or self.bond.max() > AROMATIC:
            got = f"{int(self.bond.min())} to {int(self.bond.max())}"
            raise MoleculeError(f"{label}: bond orders must be 0, 1, 2, 3 or aromatic ({AROMATIC}), got {got}")

    def __len__(self) -> int:
        return len(self.elements)

    def __repr__(self) -> str:
        from moldiff.chem.formula import formula_text

        formula = formula_text(Counter(self.elements.tolist()))
        named = f"name={self.name!r}, " if self.name else ""
        return f"Molecule({formula!r}, {named}num_atoms={len(self)}, charge={int(self.charges.sum())})"

    @property
    def label(self) -> str:
        """For messages: what it is, with its name where it has one."""
        return f"molecule {self.name!r}" if self.name else "molecule"


@runtime_checkable
class HoldsMolecule(Protocol):
    """A sample: what may stand for the molecule that it holds."""

    @property
    def molecule(self) -> Molecule | None:
        """As it was sampled; None if there is none."""


def as_molecule(one: object) -> Molecule:
    """The molecule itself, or that of a sample, valid or not.

    Args:
        one: a molecule or a sample.

    Returns:
        The molecule.

    Raises:
        MoleculeError: if the sample holds none, or it is something else.
    """
    if isinstance(one, Molecule):
        return one
    if not isinstance(one, HoldsMolecule):
        raise MoleculeError(f"got a {type(one).__name__}; expected a Molecule or a Sample")
    if one.molecule is None:
        raise MoleculeError(f"{one!r}: holds no molecule")
    return one.molecule


@dataclass(frozen=True)
class Failure:
    """A generated or read record that is no valid molecule, in its place among the others.

    Attributes:
        reason: one of a fixed set of short names, see `moldiff.chem.validity`.
        detail: what RDKit or the check said, one line.
    """

    reason: str
    detail: str


def oversize(num_atoms: int, num_bonds: int = 0) -> Failure | None:
    """Why a record of so many atoms and bonds is not taken; None if it is."""
    if num_atoms > MAX_ATOMS:
        return Failure("size", f"has {num_atoms} atoms; at most {MAX_ATOMS} are supported")
    most = MAX_BONDS + 2 * num_atoms
    if num_bonds > most:
        return Failure("size", f"has {num_bonds} bonds between {num_atoms} atoms; at most {most} are supported")
    return None


def with_one_charge(properties: Mapping[str, Any]) -> dict[str, Any] | Failure:
    """Properties with the total charge, elementary charge, under the one name `charge`, where they have one.

    Args:
        properties: a charge is called `charge` or `total_charge`, in any case; a whole number, also as text such as
            `-1`, `-1.0` or, as xyz2mol's files have it, `-1=`.

    Returns:
        The properties; a failure if the charge is no whole number, absurd, or if there are two that differ.
    """
    kept, charges = {}, {}
    for key, value in properties.items():
        if key.lower().replace(" ", "_") not in ("charge", "total_charge"):
            kept[key] = value
            continue
        try:
            number = float(str(value).strip().rstrip("=,;"))
        except ValueError:
            number = math.nan
        if not (abs(number) <= MAX_CHARGE and number.is_integer()):
            return Failure("unreadable", f"the total charge {key}={str(value)[:40]!r} is no whole number")
        charges[key] = int(number)
    if len(set(charges.values())) > 1:
        return Failure("unreadable", f"has several total charges, {charges}; leave one")
    return kept | ({"charge": next(iter(charges.values()))} if charges else {})


def one_line(error: Exception) -> str:
    """What RDKit said, on one line, with atoms counted from 1 as in files; RDKit counts them from 0."""
    return _COUNTED_FROM_0.sub(
        lambda match: match[1] + " ".join(str(int(number) + 1) for number in match[2].split()),
        " ".join(str(error).split()),
    )
