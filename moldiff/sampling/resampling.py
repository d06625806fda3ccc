"""Several particles for each molecule, of which the better ones go on; this needs no gradient and no training."""

from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

import torch
from jaxtyping import Float, Int
from torch import Tensor

from moldiff.state import Prediction, State

Select = Callable[[int, float, State, Prediction], Tensor | None]
"""From the number of a step, the time of the coordinates where it begins, the state and the prediction there, to the
row that each row goes on from; None is each from itself."""
Rows = TypeVar("Rows")


def ranked(scores: Float[Tensor, "g k"]) -> Int[Tensor, "g k"]:
    """Places in each group, the best first; among equals the earlier is better, NaN is worst."""
    return scores.nan_to_num(nan=-torch.inf, neginf=-torch.inf).sort(dim=1, descending=True, stable=True).indices


def survivors(scores: Float[Tensor, "g k"]) -> Int[Tensor, "g k"]:
    """For each particle of each group the one that it goes on from: the better half stays, the others follow one of it.

    Args:
        scores: of the particles of each group; see `ranked`.

    Returns:
        Places in the group.

    Source: Li et al. 2024, arXiv:2408.08252, chooses among the next steps of one particle, by the value of x0_hat;
    Singhal et al. 2025, arXiv:2501.06848, sample the particles that go on. A half, in order, needs no scale of the
    scores.
    """
    order = ranked(scores)
    half = (scores.shape[1] + 1) // 2
    kept = order[:, :half]
    sources = torch.cat([kept, kept[:, : scores.shape[1] - half]], 1)
    return torch.empty_like(order).scatter_(1, order, sources)


def index_rows(value: Rows, rows: Int[Tensor, "r"]) -> Rows:
    """These rows of all tensors of a batch, a prediction or what a solver remembers; None stays None.

    Args:
        value: a tensor, or tensors in tuples and dataclasses.
        rows: which.

    Returns:
        The same kind of thing.
    """
    whole: Any = value
    result: Any = value
    if isinstance(whole, Tensor):
        result = whole[rows.to(whole.device)]
    elif isinstance(whole, tuple):
        result = tuple(index_rows(part, rows) for part in whole)
    elif is_dataclass(whole) and not isinstance(whole, type):
        result = replace(whole, **{field.name: index_rows(getattr(whole, field.name), rows) for field in fields(whole)})
    return result
