"""Resistances are those of circuits and of the matrix-tree theorem; what they tilt comes out in one piece."""

from dataclasses import dataclass

import pytest
import torch

from moldiff.sampling.connectivity import LEAK, MOST, Connected, resistances
from moldiff.state import Prediction, State, Times


def of_edges(n: int, edges: dict[tuple[int, int], float]) -> torch.Tensor:
    """Probabilities from odds."""
    odds = torch.zeros(1, n, n, dtype=torch.double)
    for (i, j), value in edges.items():
        odds[0, i, j] = odds[0, j, i] = value
    return odds / (1 + odds)


def everyone(n: int) -> torch.Tensor:
    return torch.ones(1, n, dtype=torch.bool)


def test_series_and_parallel() -> None:
    chain = resistances(of_edges(3, {(0, 1): 2.0, (1, 2): 0.5}), everyone(3))[0]
    assert chain[0, 1] == pytest.approx(0.5, rel=0.01)
    assert chain[0, 2] == pytest.approx(2.5, rel=0.01)
    ring = resistances(of_edges(3, {(0, 1): 1.0, (1, 2): 1.0, (0, 2): 1.0}), everyone(3))[0]
    assert ring[0, 1] == pytest.approx(2 / 3, rel=0.01)
    assert (chain.diagonal() == 0).all()
    assert torch.allclose(chain, chain.T)


def test_it_is_the_derivative_of_the_sum_over_trees() -> None:
    odds = torch.rand(5, 5, dtype=torch.double, generator=torch.Generator().manual_seed(0)).triu(1)
    odds.requires_grad_()
    both = odds + odds.T
    trees = torch.logdet((torch.diag(both.sum(1)) - both)[1:, 1:])
    (slope,) = torch.autograd.grad(trees, odds)
    found = resistances((both / (1 + both)).detach()[None], everyone(5))[0]
    assert torch.allclose(found.triu(1), slope.triu(1), rtol=0.02)


def test_parts_resist_and_padding_says_nothing() -> None:
    two = of_edges(4, {(0, 1): 50.0, (2, 3): 50.0})
    whole = resistances(two, everyone(4))[0]
    assert whole[0, 1] < 0.1
    assert whole[1, 2] == pytest.approx(1 / LEAK, rel=0.1)
    padded = torch.zeros(1, 6, 6, dtype=torch.double)
    padded[:, :4, :4] = two
    mask = torch.tensor([[True] * 4 + [False] * 2])
    found = resistances(padded, mask)[0]
    assert torch.allclose(found[:4, :4], whole)
    assert (found[4:] == 0).all()


@dataclass(frozen=True)
class Fixed:
    """Predicts the same whatever comes."""

    x0_hat: Prediction

    def __call__(self, state: State, t: Times, previous: Prediction | None = None) -> Prediction:
        return self.x0_hat


def test_bonds_between_parts_are_favoured_and_sure_ones_left() -> None:
    p = of_edges(4, {(0, 1): 1e4, (2, 3): 1e4, (1, 2): 1e-4})
    logits = torch.stack([1 - p, p, p * 1e-6, p * 1e-6], -1).clamp_min(1e-9).log().float()
    zeros = torch.zeros(1, 4, dtype=torch.long)
    state = State(torch.zeros(1, 4, 3), zeros, torch.zeros(1, 4, 4, dtype=torch.long), everyone(4))
    plain = Prediction(torch.zeros(1, 4, 3), torch.zeros(1, 4, 2), logits)
    times = Times.shared(torch.tensor([0.5]), 4)
    moved = Connected(Fixed(plain), 1.0)(state, times).bond - logits
    assert (moved[..., 0] == 0).all()
    assert moved[0, 1, 2, 1:] == pytest.approx(MOST)
    assert moved[0, 0, 1, 1:].abs().max() < 0.05
    weak = Connected(Fixed(plain), 1e-3)(state, times).bond - logits
    assert 0 < weak[0, 1, 2, 1] < 1.0
