"""What is known of the molecules before they are drawn: it has time 0 and stays."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from moldiff.state import State, TimeExponents, Times, batch_of


@dataclass(frozen=True, eq=False)
class KnownValues:
    """Values and which of them are given; nothing is, in de novo generation.

    Attributes:
        values: molecules of the sizes to draw; only given elements are read.
        pos: atoms whose coordinates are given.
        atom: atoms whose class is given.
        bond: pairs whose bond is given, symmetric.
        possible: atom classes that each atom may have; None is all.
        latent: atoms whose latent is given; by default none.
    """

    values: State
    pos: Bool[Tensor, "b n"]
    atom: Bool[Tensor, "b n"]
    bond: Bool[Tensor, "b n n"]
    possible: Bool[Tensor, "b n k"] | None = None
    latent: Bool[Tensor, "b n"] = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        """No latent is given, where nothing is said of it."""
        if self.latent is None:
            object.__setattr__(self, "latent", torch.zeros_like(self.pos))

    @classmethod
    def nothing(
        cls, mask: Bool[Tensor, "b n"], latent_width: int = 0, *, num_hydrogens: Int[Tensor, "b"] | None = None
    ) -> "KnownValues":
        """Only the sizes are given, of molecules whose latent has so many components an atom."""
        b, n = mask.shape
        zeros = torch.zeros(b, n, dtype=torch.long, device=mask.device)
        pos, latent = (zeros.new_zeros(b, n, width, dtype=torch.float32) for width in (3, latent_width))
        values = State(pos, zeros, zeros.new_zeros(b, n, n), mask, latent=latent, num_hydrogens=num_hydrogens)
        no_pairs = torch.zeros(b, n, n, dtype=torch.bool, device=mask.device)
        return cls(values, torch.zeros_like(mask), torch.zeros_like(mask), no_pairs)

    @classmethod
    def stack(cls, parts: Sequence["KnownValues"]) -> "KnownValues":
        """Parts of one size as one batch; all of them or none have a number of hydrogens."""
        some = next((part.possible for part in parts if part.possible is not None), None)
        possible = [] if some is None else [torch.ones_like(some) if p.possible is None else p.possible for p in parts]
        return cls(
            batch_of([part.values for part in parts]),
            torch.cat([part.pos for part in parts]),
            torch.cat([part.atom for part in parts]),
            torch.cat([part.bond for part in parts]),
            torch.cat(possible) if possible else None,
            torch.cat([part.latent for part in parts]),
        )

    def to(self, device: torch.device | str) -> "KnownValues":
        """The same on another device."""
        possible = None if self.possible is None else self.possible.to(device)
        pos, atom, bond, latent = (part.to(device) for part in (self.pos, self.atom, self.bond, self.latent))
        return KnownValues(self.values.to(device), pos, atom, bond, possible, latent)

    def times(self, t: float, time_exponents: TimeExponents = TimeExponents()) -> Times:  # noqa: B008 - frozen
        """Time t, to its time exponent, for what is sampled; 0 for what is known."""
        b, n = self.pos.shape
        drawn = Times.shared(torch.full((b,), t, device=self.pos.device), n, time_exponents)
        return drawn.known(self.pos, self.atom, self.bond, self.latent)

    def imposed(self, state: State) -> State:
        """The state with the given values in place."""
        return state.replace(
            pos=torch.where(self.pos[..., None], self.values.pos, state.pos),
            atom=torch.where(self.atom, self.values.atom, state.atom),
            bond=torch.where(self.bond, self.values.bond, state.bond),
            latent=torch.where(self.latent[..., None], self.values.latent, state.latent),
        )


def with_known(
    probs: Float[Tensor, "*e k"], classes: Int[Tensor, "*e"], known: Bool[Tensor, "*e"]
) -> Float[Tensor, "*e k"]:
    """Probabilities of classes, with certainty where the class is known."""
    own = torch.nn.functional.one_hot(classes.clamp_max(probs.shape[-1] - 1), probs.shape[-1]).to(probs.dtype)
    return torch.where(known[..., None], own, probs)
