"""Which labels a molecule keeps in training: any subset of them, so that any can be a target, or none."""

import torch
from jaxtyping import Float
from torch import Tensor


def drop_conditions(
    labels: Float[Tensor, "b l"], condition_dropout: float, *, generator: torch.Generator
) -> Float[Tensor, "b l"]:
    """Labels with NaN where they are dropped.

    A share of the molecules loses all labels; of the others every second keeps one label, the rest keep each with
    probability 1/2.

    Args:
        labels: of the molecules.
        condition_dropout: share of the molecules that lose all labels.
        generator: of the choice.

    Returns:
        The labels that are kept.
    """
    b, count = labels.shape
    one = torch.nn.functional.one_hot(torch.randint(count, (b,), generator=generator), count).bool()
    some = torch.rand(b, count, generator=generator) < 0.5
    uniform = torch.rand(2, b, 1, generator=generator)
    kept = torch.where((uniform[1] < 0.5) | (count == 1), one, some) & (uniform[0] >= condition_dropout)
    return labels.masked_fill(~kept.to(labels.device), torch.nan)
