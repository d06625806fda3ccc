"""How common something is in the data, and how common among what a student draws.

A student rewarded for validity alone learns to sample what is easy to get right. If an atom's reward has the logarithm
of how much more common its surroundings are in the data, what is drawn too often becomes rarer again: on average
that reward is the Kullback-Leibler divergence from the data, with its sign turned.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

MEMORY = 10.0  # updates that the drawn ones are counted over
SMOOTHING = 1.0  # atoms added to both counts
MOST = 3.0  # of a logarithm of two counts


class DensityRatio(nn.Module):
    """Knows the counts of the data, and counts those that were drawn as they come, the older ones less and less.

    Args:
        counts: of the data, of the numbers that an atom can have, for each of several ways to number atoms ("keys").

    Attributes:
        expected: share of each number in the data.
        drawn: weighted number of it among what was drawn.
    """

    expected: Float[Tensor, "keys numbers"]
    drawn: Float[Tensor, "keys numbers"]

    def __init__(self, counts: Float[Tensor, "keys numbers"]) -> None:
        super().__init__()
        self.register_buffer("expected", counts / counts.sum(-1, keepdim=True), persistent=False)
        self.register_buffer("drawn", torch.zeros_like(counts))

    def fade(self) -> None:
        """Makes all that was counted weigh less, once an update."""
        self.drawn *= 1 - 1 / MEMORY

    def forward(
        self, keys: Int[Tensor, "*atoms keys"], weight: float, own: Int[Tensor, "*atoms keys"] | int = 1
    ) -> Float[Tensor, "*atoms"]:
        """Log of the density in the data over that among the other drawn ones, a mean over the keys.

        Args:
            keys: of the drawn.
            weight: that they were counted with.
            own: atoms drawn together that have the same number: these do not count; by default the atom itself.

        Returns:
            Natural logarithms, each between `-MOST` and `MOST` before the mean.
        """
        which = torch.arange(len(self.drawn), device=keys.device)
        there = self.drawn[which, keys] - weight * own
        due = self.expected[which, keys] * self.drawn.sum(-1)
        return ((due + SMOOTHING) / (there + SMOOTHING)).log().clamp(-MOST, MOST).mean(-1)


def count_keys(keys: Int[Tensor, "*atoms keys"], numbers: int) -> Float[Tensor, "keys numbers"]:
    """How often each number comes.

    Args:
        keys: of atoms.
        numbers: that there are.

    Returns:
        The counts.
    """
    flat = keys.flatten(0, -2)
    return torch.stack([torch.bincount(column, minlength=numbers) for column in flat.unbind(-1)]).float()
