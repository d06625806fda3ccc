"""The three variables of a batch of molecules, their times and their prediction, dense and padded.

Coordinates are in Å everywhere; the network divides by the data's spread inside. Slots beyond a molecule's
size have `mask` false, coordinates 0 and class 0; pairs with such a slot, and the diagonal, have bond 0.
"""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

BOND_CLASSES = 4  # none, single, double, triple


@dataclass(frozen=True, eq=False)
class State:
    """Molecules, clean or noisy.

    Attributes:
        pos: coordinates, Å.
        atom: class in the atom vocabulary.
        bond: symmetric bond class.
        mask: slot holds an atom.
        labels: values of the conditions of each molecule, as of `moldiff.conditions.condition`; NaN where a value is
            not given, None where there are no conditions.
    """

    pos: Float[Tensor, "b n 3"]
    atom: Int[Tensor, "b n"]
    bond: Int[Tensor, "b n n"]
    mask: Bool[Tensor, "b n"]
    labels: Float[Tensor, "b l"] | None = None

    @property
    def pair_mask(self) -> Bool[Tensor, "b n n"]:
        """Pairs of two different atoms of one molecule."""
        pairs = self.mask[:, :, None] & self.mask[:, None, :]
        return pairs & ~torch.eye(self.mask.shape[1], dtype=torch.bool, device=self.mask.device)

    def to(self, device: torch.device | str) -> "State":
        """The same on another device."""
        labels = None if self.labels is None else self.labels.to(device)
        return State(self.pos.to(device), self.atom.to(device), self.bond.to(device), self.mask.to(device), labels)

    def replace(self, **changes: Tensor | None) -> "State":
        """A copy with some variables exchanged."""
        return replace(self, **changes)


@dataclass(frozen=True, eq=False)
class TimeExponents:
    """Exponents of the time of the classes, one number or one for each molecule; at 1 all variables share their time.

    Attributes:
        atom: where the coordinates are at time t, atom classes are at t^atom.
        bond: and bonds at t^bond.
    """

    atom: float | Float[Tensor, "b"] = 1.0
    bond: float | Float[Tensor, "b"] = 1.0


@dataclass(frozen=True, eq=False)
class Times:
    """Time of each element of each variable, 0 data to 1 noise.

    Attributes:
        pos: of the coordinates of each atom.
        atom: of the class of each atom.
        bond: of the class of each bond, symmetric.
    """

    pos: Float[Tensor, "b n"]
    atom: Float[Tensor, "b n"]
    bond: Float[Tensor, "b n n"]

    @classmethod
    def shared(cls, t: Float[Tensor, "b"], n: int, time_exponents: TimeExponents = TimeExponents()) -> "Times":
        """One time for all elements of a variable of a molecule: de novo generation."""
        atom, bond = t**time_exponents.atom, t**time_exponents.bond
        return cls(t[:, None].expand(-1, n), atom[:, None].expand(-1, n), bond[:, None, None].expand(-1, n, n))

    def known(self, pos: Bool[Tensor, "b n"], atom: Bool[Tensor, "b n"], bond: Bool[Tensor, "b n n"]) -> "Times":
        """Time 0 for these elements, which are known."""
        return Times(self.pos.masked_fill(pos, 0.0), self.atom.masked_fill(atom, 0.0), self.bond.masked_fill(bond, 0.0))


@dataclass(frozen=True, eq=False)
class Prediction:
    """Prediction of the clean molecules.

    Attributes:
        pos: expected clean coordinates, Å.
        atom: logits over atom classes.
        bond: symmetric logits over bond classes.
    """

    pos: Float[Tensor, "b n 3"]
    atom: Float[Tensor, "b n k"]
    bond: Float[Tensor, "b n n c"]

    def float(self) -> "Prediction":
        """The same in single precision."""
        return Prediction(self.pos.float(), self.atom.float(), self.bond.float())
