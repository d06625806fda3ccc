"""The variables of a batch of molecules, their times and their prediction, dense and padded.

Coordinates are in Å everywhere; the network divides by the data's spread inside. Slots beyond a molecule's
size have `mask` false, coordinates 0 and class 0; pairs with such a slot, and the diagonal, have bond 0.

Where hydrogens are latent (`moldiff.data.representation`), the slots are the other atoms, each with a latent; where all
atoms are explicit, the latent has no component.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

BOND_CLASSES = 4  # none, single, double, triple; where a model has it, aromatic is one more
LATENT_WIDTH = 3  # components of the latent of an atom where hydrogens are latent: one vector
MOST_FOLDED = 4  # hydrogens that are folded into an atom
NOT_GIVEN = -1  # number of hydrogens that is not given


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
        latent: vectors of each atom, one after the other, Å; by default of no component.
        hydrogens: of training molecules, from each atom to the hydrogens that are folded into it, Å, as many as its
            class says, then zeros; None where nothing is known of them.
        num_hydrogens: hydrogens that are folded into the atoms of a molecule, given as its size is; -1 where it is not
            given, None where it is given of none.
    """

    pos: Float[Tensor, "b n 3"]
    atom: Int[Tensor, "b n"]
    bond: Int[Tensor, "b n n"]
    mask: Bool[Tensor, "b n"]
    labels: Float[Tensor, "b l"] | None = None
    latent: Float[Tensor, "b n d"] = None  # type: ignore[assignment]
    hydrogens: Float[Tensor, "b n h 3"] | None = None
    num_hydrogens: Int[Tensor, "b"] | None = None

    def __post_init__(self) -> None:
        """A latent of no component, where none is given."""
        if self.latent is None:
            object.__setattr__(self, "latent", self.pos[..., :0])

    @property
    def pair_mask(self) -> Bool[Tensor, "b n n"]:
        """Pairs of two different atoms of one molecule."""
        pairs = self.mask[:, :, None] & self.mask[:, None, :]
        return pairs & ~torch.eye(self.mask.shape[1], dtype=torch.bool, device=self.mask.device)

    def to(self, device: torch.device | str) -> "State":
        """The same on another device."""
        there = {field.name: getattr(self, field.name) for field in fields(self)}
        return self.replace(**{name: value.to(device) for name, value in there.items() if value is not None})

    def replace(self, **changes: Tensor | None) -> "State":
        """A copy with some variables exchanged."""
        return replace(self, **changes)


def batch_of(states: Sequence[State]) -> State:
    """Batches of one size as one; a variable that some of them lack has none of its rows."""
    columns = {field.name: [getattr(state, field.name) for state in states] for field in fields(State)}
    return State(**{name: torch.cat(rows) for name, rows in columns.items() if all(row is not None for row in rows)})


@dataclass(frozen=True, eq=False)
class TimeExponents:
    """Exponents of the time of the classes, one number or one for each molecule; at 1 all variables share their time.

    Attributes:
        atom: where the coordinates are at time t, atom classes are at t^atom.
        bond: and bonds at t^bond.
        latent: and the latent at t^latent.
    """

    atom: float | Float[Tensor, "b"] = 1.0
    bond: float | Float[Tensor, "b"] = 1.0
    latent: float | Float[Tensor, "b"] = 1.0


@dataclass(frozen=True, eq=False)
class Times:
    """Time of each element of each variable, 0 data to 1 noise.

    Attributes:
        pos: of the coordinates of each atom.
        atom: of the class of each atom.
        bond: of the class of each bond, symmetric.
        latent: of the latent of each atom; by default that of its coordinates.
    """

    pos: Float[Tensor, "b n"]
    atom: Float[Tensor, "b n"]
    bond: Float[Tensor, "b n n"]
    latent: Float[Tensor, "b n"] = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        """The time of the coordinates, where the latent has none of its own."""
        if self.latent is None:
            object.__setattr__(self, "latent", self.pos)

    @classmethod
    def shared(cls, t: Float[Tensor, "b"], n: int, time_exponents: TimeExponents = TimeExponents()) -> "Times":
        """One time for all elements of a variable of a molecule: de novo generation."""
        each = [t, *(t**exponent for exponent in (time_exponents.atom, time_exponents.latent))]
        pos, atom, latent = (time[:, None].expand(-1, n) for time in each)
        return cls(pos, atom, (t**time_exponents.bond)[:, None, None].expand(-1, n, n), latent)

    def known(
        self,
        pos: Bool[Tensor, "b n"],
        atom: Bool[Tensor, "b n"],
        bond: Bool[Tensor, "b n n"],
        latent: Bool[Tensor, "b n"] | None = None,
    ) -> "Times":
        """Time 0 for these elements, which are known; by default no latent is."""
        return Times(
            self.pos.masked_fill(pos, 0.0),
            self.atom.masked_fill(atom, 0.0),
            self.bond.masked_fill(bond, 0.0),
            self.latent if latent is None else self.latent.masked_fill(latent, 0.0),
        )

    def where_known(self) -> dict[str, Tensor]:
        """Elements at time 0, by variable, as arguments of `known`."""
        return {"pos": self.pos == 0, "atom": self.atom == 0, "bond": self.bond == 0, "latent": self.latent == 0}


@dataclass(frozen=True, eq=False)
class Prediction:
    """Prediction of the clean molecules.

    Attributes:
        pos: expected clean coordinates, Å.
        atom: logits over atom classes.
        bond: symmetric logits over bond classes.
        latent: expected clean latent, Å; by default of no component.
    """

    pos: Float[Tensor, "b n 3"]
    atom: Float[Tensor, "b n k"]
    bond: Float[Tensor, "b n n c"]
    latent: Float[Tensor, "b n d"] = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        """A latent of no component, where none is given."""
        if self.latent is None:
            object.__setattr__(self, "latent", self.pos[..., :0])

    def float(self) -> "Prediction":
        """The same in single precision."""
        return Prediction(self.pos.float(), self.atom.float(), self.bond.float(), self.latent.float())
