"""Which labels a molecule is told in training: all shares of them, so that any can be asked for, or none."""

import torch
from jaxtyping import Float
from torch import Tensor


def drop_conditions(
    labels: Float[Tensor, "b l"], condition_dropout: float, *, generator: torch.Generator
) -> Float[Tensor, "b l"]:
    """Labels with NaN where nothing is told.

    A share of the molecules is told nothing; of the others every second is told one label, the rest each label with
    probability 1/2.

    Args:
        labels: of the molecules.
        condition_dropout: of the molecules that are told nothing.
        generator: of the choice.

    Returns:
        The labels that are told.
    """
    b, count = labels.shape
    one = torch.nn.functional.one_hot(torch.randint(count, (b,), generator=generator), count).bool()
    some = torch.rand(b, count, generator=generator) < 0.5
    uniform = torch.rand(2, b, 1, generator=generator)
    told = torch.where((uniform[1] < 0.5) | (count == 1), one, some) & (uniform[0] >= condition_dropout)
    return labels.masked_fill(~told.to(labels.device), torch.nan)
