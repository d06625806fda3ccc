"""What is known of the molecules before they are drawn: it has time 0 and stays."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool
from torch import Tensor

from moldiff.state import Lead, State, Times


@dataclass(frozen=True, eq=False)
class Known:
    """Values and which of them are given; nothing is, in de novo generation.

    Attributes:
        values: molecules of the sizes to draw; only given elements are read.
        pos: atoms whose coordinates are given.
        atom: atoms whose class is given.
        bond: pairs whose bond is given, symmetric.
    """

    values: State
    pos: Bool[Tensor, "b n"]
    atom: Bool[Tensor, "b n"]
    bond: Bool[Tensor, "b n n"]

    @classmethod
    def nothing(cls, mask: Bool[Tensor, "b n"]) -> "Known":
        """Only the sizes are given."""
        b, n = mask.shape
        zeros = torch.zeros(b, n, dtype=torch.long, device=mask.device)
        values = State(zeros.new_zeros(b, n, 3, dtype=torch.float32), zeros, zeros.new_zeros(b, n, n), mask)
        no_pairs = torch.zeros(b, n, n, dtype=torch.bool, device=mask.device)
        return cls(values, torch.zeros_like(mask), torch.zeros_like(mask), no_pairs)

    def times(self, t: float, lead: Lead = Lead()) -> Times:  # noqa: B008 - frozen
        """Time t, or what the lead makes of it, for what is drawn; 0 for what is known."""
        b, n = self.pos.shape
        drawn = Times.shared(torch.full((b,), t, device=self.pos.device), n, lead)
        return drawn.known(self.pos, self.atom, self.bond)

    def imposed(self, state: State) -> State:
        """The state with the given values in place."""
        return state.replace(
            pos=torch.where(self.pos[..., None], self.values.pos, state.pos),
            atom=torch.where(self.atom, self.values.atom, state.atom),
            bond=torch.where(self.bond, self.values.bond, state.bond),
        )
