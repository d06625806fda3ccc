"""Tilts towards classes and bonds that agree are those of an enumeration of all molecules."""

import itertools
from dataclasses import dataclass

import pytest
import torch

from moldiff.sampling.valence_constraint import ValenceConstrained, agreement, is_late
from moldiff.state import Prediction, State, Times

AROMATIC, ORDERS = 4, 8  # sizes of the table
LATE = 0.3


def random_prediction(b: int, n: int, k: int, c: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    pairs = torch.randn(b, n, n, c, generator=generator)
    return torch.randn(b, n, k, generator=generator).softmax(-1), (pairs + pairs.transpose(1, 2)).softmax(-1)


def enumerate_bonds(
    bond: torch.Tensor, atom: int, others: list[int], given: tuple[int, ...] = ()
) -> dict[tuple[int, int], float]:
    """Probability of each number of aromatic bonds and sum of the other orders of an atom."""
    found: dict[tuple[int, int], float] = {}
    for orders in itertools.product(range(bond.shape[-1]), repeat=len(others)):
        p = (
            float(torch.stack([bond[atom, j, o] for j, o in zip(others, orders, strict=True)]).prod())
            if others
            else 1.0
        )
        every = (*orders, *given)
        code = sum(o if o < 4 else ORDERS for o in every)
        key = code // ORDERS % AROMATIC, code % ORDERS
        found[key] = found.get(key, 0.0) + p
    return found


@pytest.mark.parametrize("c", [4, 5])
def test_agreement_is_that_of_all_molecules(c: int) -> None:
    atom, bond = random_prediction(2, 4, 3, c)
    mask = torch.tensor([[True] * 4, [True, True, True, False]])
    allowed = torch.rand(3, AROMATIC, ORDERS, generator=torch.Generator().manual_seed(1)) > 0.5
    of_class, nothing = agreement(atom, bond, allowed, mask, num_rounds=0)
    assert (nothing == 1).all()
    _, of_order = agreement(atom, bond, allowed, mask, num_rounds=1)
    for row, size in enumerate((4, 3)):
        for i in range(size):
            others = [j for j in range(size) if j != i]
            sums = enumerate_bonds(bond[row], i, others)
            for k in range(3):
                expected = sum(p for key, p in sums.items() if allowed[k][key])
                assert float(of_class[row, i, k]) == pytest.approx(expected, abs=1e-5)
            for j, o in itertools.product(others, range(c)):
                ends = []
                for one, other in ((i, j), (j, i)):
                    rest = [m for m in range(size) if m not in (one, other)]
                    sums = enumerate_bonds(bond[row], one, rest, (o,))
                    ends.append(
                        sum(
                            float(atom[row, one, k]) * p for key, p in sums.items() for k in range(3) if allowed[k][key]
                        )
                    )
                assert float(of_order[row, i, j, o]) == pytest.approx(ends[0] * ends[1], abs=1e-5)
    assert (of_order[1, 3] == 1).all()  # padding says nothing
    assert (of_order.diagonal(dim1=1, dim2=2) == 1).all()


@dataclass(frozen=True)
class Fixed:
    """Predicts the same whatever comes."""

    x0_hat: Prediction

    def __call__(self, state: State, t: Times, previous: Prediction | None = None) -> Prediction:
        return self.x0_hat


def carbonyl() -> tuple[State, Prediction, torch.Tensor]:
    """An atom that has a double bond to one of two others, and does not know to which."""
    zeros = torch.zeros(1, 3, dtype=torch.long)
    state = State(torch.zeros(1, 3, 3), zeros, torch.zeros(1, 3, 3, dtype=torch.long), zeros == 0)
    probs = torch.zeros(1, 3, 3, 4)
    probs[..., 0] = 1
    for j in (1, 2):
        probs[0, 0, j] = probs[0, j, 0] = torch.tensor([0.0, 0.5, 0.5, 0.0])
    atom = torch.tensor([[[1.0, 0.0, 0.0], [0.0, 0.5, 0.5], [0.0, 0.9, 0.1]]])
    allowed = torch.zeros(3, 1, ORDERS, dtype=torch.bool)
    allowed[0, 0, 3] = allowed[1, 0, 1] = allowed[2, 0, 2] = True
    return state, Prediction(torch.zeros(1, 3, 3), atom.clamp_min(1e-9).log(), probs.clamp_min(1e-9).log()), allowed


def test_what_one_atom_is_sure_of_goes_to_its_neighbours() -> None:
    state, x0_hat, allowed = carbonyl()
    moved = ValenceConstrained(Fixed(x0_hat), allowed, 1.0, LATE)(state, Times.shared(torch.tensor([0.1]), 3))
    bond, atom = moved.bond.softmax(-1), moved.atom.softmax(-1)
    assert float(bond[0, 0, 2, 1]) > 0.85  # the second is likely the one with a single bond
    assert float(bond[0, 0, 1, 2]) > 0.85  # so the first has the double bond, and the class that goes with it
    assert float(atom[0, 1, 2]) > 0.85
    torch.testing.assert_close(moved.bond, moved.bond.transpose(1, 2))
    assert torch.equal(moved.pos, x0_hat.pos)


def test_early_predictions_and_contradictions_stay() -> None:
    state, x0_hat, allowed = carbonyl()
    early = ValenceConstrained(Fixed(x0_hat), allowed, 1.0, LATE)(state, Times.shared(torch.tensor([LATE + 0.01]), 3))
    assert early is x0_hat
    nothing = torch.zeros_like(allowed)
    late = ValenceConstrained(Fixed(x0_hat), nothing, 1.0, LATE)(state, Times.shared(torch.tensor([0.1]), 3))
    torch.testing.assert_close(late.atom.softmax(-1), x0_hat.atom.softmax(-1))
    torch.testing.assert_close(late.bond.softmax(-1), x0_hat.bond.softmax(-1))


def test_known_atoms_are_certain() -> None:
    state, x0_hat, allowed = carbonyl()
    state = state.replace(atom=torch.tensor([[0, 2, 1]]))
    times = Times.shared(torch.tensor([0.1]), 3)
    known = times.known(state.mask & False, state.mask, state.bond < 0)
    moved = ValenceConstrained(Fixed(x0_hat), allowed, 1.0, LATE)(state, known).bond.softmax(-1)
    assert float(moved[0, 0, 1, 2]) > 0.999
    assert float(moved[0, 0, 2, 1]) > 0.999


def test_on_a_chain_two_rounds_are_exact() -> None:
    """Belief propagation is, without cycles: against the enumeration of all classes and orders."""
    atom, bond = random_prediction(1, 3, 2, 4)
    bond = bond.clone()
    bond[:, 0, 2] = bond[:, 2, 0] = torch.tensor([1.0, 0.0, 0.0, 0.0])  # no bond between the ends
    allowed = torch.rand(2, 1, ORDERS, generator=torch.Generator().manual_seed(2)) > 0.4
    of_class, of_order = agreement(atom, bond, allowed, torch.ones(1, 3, dtype=torch.bool), num_rounds=2)
    beliefs = {"atom": (atom * of_class)[0], "bond": (bond * of_order)[0]}
    exact = {"atom": torch.zeros(3, 2), "bond": torch.zeros(3, 3, 4)}
    for classes in itertools.product(range(2), repeat=3):
        for left, right in itertools.product(range(4), repeat=2):
            sums = (left, left + right, right)
            if not all(bool(allowed[k, 0, s]) for k, s in zip(classes, sums, strict=True)):
                continue
            p = atom[0, range(3), classes].prod() * bond[0, 0, 1, left] * bond[0, 1, 2, right]
            exact["atom"][range(3), classes] += p
            exact["bond"][0, 1, left] += p
            exact["bond"][1, 2, right] += p
    for name, pairs in (("atom", range(3)), ("bond", [(0, 1), (1, 2)])):
        for one in pairs:
            belief, truth = beliefs[name][one], exact[name][one]
            torch.testing.assert_close(belief / belief.sum(), truth / truth.sum(), atol=1e-4, rtol=1e-3)


def test_late_is_what_is_sampled_at_late_times() -> None:
    t = Times.shared(torch.tensor([LATE - 0.01, LATE + 0.01]), 3)
    everything = torch.ones(2, 3, dtype=torch.bool)
    assert is_late(t, LATE).tolist() == [True, False]
    only_bonds = t.known(everything, everything, torch.zeros(2, 3, 3, dtype=torch.bool), everything)
    assert is_late(only_bonds, LATE).tolist() == [True, False]
