"""Predictions held to a number of hydrogens: against sums over all combinations."""

import itertools
from dataclasses import replace

import pytest
import torch

from moldiff.sampling.constraints import GivenHydrogens, given_sum
from moldiff.state import Prediction, State, Times

HYDROGENS = torch.tensor([0, 1, 3, 1])


def molecules(num_hydrogens: torch.Tensor | None) -> State:
    mask = torch.tensor([[True, True, True], [True, True, False]])
    zeros = torch.zeros(2, 3, dtype=torch.long)
    return State(torch.zeros(2, 3, 3), zeros, torch.zeros(2, 3, 3, dtype=torch.long), mask, num_hydrogens=num_hydrogens)


def logits() -> torch.Tensor:
    return torch.randn(2, 3, 4, generator=torch.Generator().manual_seed(0))


def marginals(probs: torch.Tensor, mask: torch.Tensor, total: int) -> torch.Tensor:
    """Of one molecule, by going through all classes of all atoms."""
    n = int(mask.sum())
    found = torch.zeros(3, 4, dtype=torch.float64)
    for classes in itertools.product(range(4), repeat=n):
        if int(HYDROGENS[list(classes)].sum()) == total:
            weight = torch.stack([probs[i, c] for i, c in enumerate(classes)]).prod()
            for atom, one in enumerate(classes):
                found[atom, one] += weight
    return found[:n] / found[:n].sum(-1, keepdim=True)


def steered(num_hydrogens: torch.Tensor, time: float = 0.9, **options) -> torch.Tensor:
    def guess(state: State, t: Times, previous: Prediction | None = None) -> Prediction:
        return Prediction(state.pos, logits(), torch.zeros(2, 3, 3, 4))

    t = Times.shared(torch.full((2,), time), 3)
    return GivenHydrogens(guess, HYDROGENS, **options)(molecules(num_hydrogens), t).atom


def test_classes_have_the_probabilities_under_the_condition():
    state, probs = molecules(None), logits().double().softmax(-1)
    out = steered(torch.tensor([4, 2])).double().softmax(-1)
    for row, total in enumerate((4, 2)):
        n = int(state.mask[row].sum())
        torch.testing.assert_close(out[row, :n], marginals(probs[row], state.mask[row], total), rtol=1e-5, atol=1e-6)


def test_the_sum_of_the_others_is_that_of_all_combinations():
    """Planted: one total further on, the probabilities are others."""
    probs = logits().double().softmax(-1)
    mask = molecules(None).mask
    here, there = (given_sum(probs, HYDROGENS, mask, torch.tensor([total, 2])) for total in (4, 5))
    assert not torch.isclose(here[0], there[0]).any()
    assert given_sum(probs, HYDROGENS, mask, torch.tensor([50, 2]))[0].abs().max() < 1e-12


@pytest.mark.parametrize("num_hydrogens", [[-1, -1], [50, 50]])
def test_predictions_stay_where_no_number_is_given_or_it_cannot_be(num_hydrogens: list[int]):
    out = steered(torch.tensor(num_hydrogens))
    torch.testing.assert_close(out.softmax(-1), logits().softmax(-1))


def test_late_predictions_are_left_alone_unless_the_number_is_a_promise():
    number = torch.tensor([4, 2])
    assert torch.equal(steered(number, time=0.4), logits())
    assert not torch.equal(steered(number, time=0.4, until=0.0), logits())


def test_known_classes_count_as_they_are():
    """An atom of three hydrogens that is known leaves one for the two others, whatever is predicted for it."""
    state = replace(molecules(torch.tensor([4, -1])), atom=torch.tensor([[2, 0, 0], [0, 0, 0]]))
    t = Times.shared(torch.full((2,), 0.9), 3)
    known = torch.tensor([[True, False, False], [False, False, False]])
    none = torch.zeros(2, 3, dtype=torch.bool)
    t = t.known(none, known, torch.zeros(2, 3, 3, dtype=torch.bool))

    def guess(state: State, t: Times, previous: Prediction | None = None) -> Prediction:
        return Prediction(state.pos, logits(), torch.zeros(2, 3, 3, 4))

    out = GivenHydrogens(guess, HYDROGENS)(state, t).atom[0]
    assert torch.equal(out[0], logits()[0, 0])
    assert float(out[1:].softmax(-1)[:, 2].max()) < 1e-6
    one = torch.tensor([1, 3])
    both = out[1:].double().softmax(-1)[:, one].sum(-1)
    torch.testing.assert_close(both.sum(), torch.tensor(1.0, dtype=torch.float64), rtol=1e-5, atol=1e-5)
