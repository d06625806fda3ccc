"""Classes in aromatic rings come from the predictions under the condition that there is a Kekulé form."""

import numpy as np
import pytest
import torch

from moldiff.chem.molecule import AROMATIC
from moldiff.chem.valence import bonding_table
from moldiff.chem.vocabulary import Vocabulary
from moldiff.diffusion.categorical import CategoricalProcess
from moldiff.diffusion.gaussian import GaussianProcess
from moldiff.diffusion.joint import JointProcess
from moldiff.diffusion.random import BatchRandomness
from moldiff.diffusion.schedule import LinearSchedule
from moldiff.sampling.discrete.kekule_forms import WithKekuleForms, choose_classes, has_perfect_matching
from moldiff.sampling.discrete.posterior import MixturePosterior
from moldiff.sampling.interval import Interval
from moldiff.state import Prediction, State, Times

LATE = 0.3
VOCABULARY = Vocabulary(("C", "CH", "CH2", "N", "NH", "O"))
BONDING = bonding_table(VOCABULARY, aromatic=True)
C, CH, CH2, N, NH, O = range(6)  # noqa: E741


def ring(*sizes: int) -> np.ndarray:
    """Aromatic rings beside one another."""
    bond = np.zeros((sum(sizes), sum(sizes)), dtype=np.int64)
    start = 0
    for size in sizes:
        for i in range(size):
            one, other = start + i, start + (i + 1) % size
            bond[one, other] = bond[other, one] = AROMATIC
        start += size
    return bond


def neighbours(bond: np.ndarray) -> tuple[int, ...]:
    return tuple(sum(1 << j for j in np.flatnonzero(row).tolist()) for row in bond)


def test_matchings() -> None:
    assert has_perfect_matching(neighbours(ring(6)), 0b111111)
    assert not has_perfect_matching(neighbours(ring(5)), 0b11111)
    assert has_perfect_matching(neighbours(ring(5)), 0b11110)
    assert not has_perfect_matching(neighbours(ring(6)), 0b101011)
    azulene = ring(10)
    azulene[0, 4] = azulene[4, 0] = AROMATIC
    assert has_perfect_matching(neighbours(azulene), (1 << 10) - 1)
    assert has_perfect_matching((), 0)


def imidazole(share: float = 0.5) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities and bonds of a ring in which two nitrogens have a hydrogen with this probability each."""
    probs = np.zeros((5, 6))
    probs[[0, 2], N], probs[[0, 2], NH] = 1 - share, share
    probs[[1, 3, 4], CH] = 1.0
    return probs, ring(5)


def settle(probs: np.ndarray, atom: np.ndarray, bond: np.ndarray, seed: int) -> np.ndarray:
    n, rng = len(atom), np.random.default_rng(seed)
    return choose_classes(probs, atom, bond, rng.random(n), rng.random(n), bonding=BONDING)


@pytest.mark.parametrize("sampled", [(N, N), (NH, NH)])
def test_one_nitrogen_of_an_imidazole_has_a_hydrogen(sampled: tuple[int, int]) -> None:
    probs, bond = imidazole()
    atom = np.array([sampled[0], CH, sampled[1], CH, CH])
    chosen = [settle(probs, atom, bond, seed) for seed in range(200)]
    assert all(sorted(row[[0, 2]].tolist()) == [N, NH] for row in chosen)
    assert all((row[[1, 3, 4]] == CH).all() for row in chosen)
    assert 70 < sum(int(row[0] == NH) for row in chosen) < 130  # either, as often


def test_classes_have_the_law_of_rejection() -> None:
    """Also where several classes go with the same double bonds, as NH and O do."""
    probs, bond = imidazole()
    probs[0, [N, NH, O]] = 0.5, 0.2, 0.3
    probs[2, [N, NH, O]] = 0.3, 0.6, 0.1
    expected = {(a, b): probs[0, a] * probs[2, b] for a in (N, NH, O) for b in (N, NH, O) if (a == N) != (b == N)}
    atom, count = np.array([N, CH, N, CH, CH]), 4000
    found = [tuple(settle(probs, atom, bond, seed)[[0, 2]].tolist()) for seed in range(count)]
    for pair, weight in expected.items():
        share = weight / sum(expected.values())
        assert found.count(pair) / count == pytest.approx(share, abs=5 * (share * (1 - share) / count) ** 0.5)


def test_what_has_a_form_stays_and_known_atoms_do() -> None:
    probs, bond = imidazole()
    fine = np.array([NH, CH, N, CH, CH])
    assert (settle(probs, fine, bond, 0) == fine).all()
    probs[0] = np.eye(6)[N]  # known to have no hydrogen
    atom = np.array([N, CH, N, CH, CH])
    assert all(settle(probs, atom, bond, seed)[2] == NH for seed in range(20))
    assert (settle(probs, atom, np.where(bond == AROMATIC, 1, 0), 0) == atom).all()


def test_where_no_choice_is_likely_all_stays() -> None:
    probs, bond = np.zeros((5, 6)), ring(5)
    probs[:, CH] = 1.0
    atom = np.full(5, CH)
    assert (settle(probs, atom, bond, 0) == CH).all()
    bond[0, 2] = bond[2, 0] = bond[0, 3] = bond[3, 0] = AROMATIC  # four aromatic bonds fit no class
    probs[0, CH], probs[0, N] = 0.5, 0.5
    assert (settle(probs, atom, bond, 0) == CH).all()


def test_ring_systems_are_settled_one_by_one() -> None:
    probs = np.concatenate([imidazole()[0], imidazole(0.9)[0]])
    atom = np.array([NH, CH, N, CH, CH, NH, CH, NH, CH, CH])
    chosen = settle(probs, atom, ring(5, 5), 0)
    assert (chosen[:5] == atom[:5]).all()
    assert sorted(chosen[[5, 7]].tolist()) == [N, NH]


def solver_step(time: float, *, resample: float = 1.0) -> tuple[torch.Tensor, torch.Tensor]:
    """Classes and bonds at time 0 after a step from there, of many imidazoles."""
    b, n = 64, 5
    probs, bond = imidazole()
    uniform = torch.full((6,), 1 / 6)
    schedule = LinearSchedule()
    process = JointProcess(
        GaussianProcess(schedule, 1.0),
        CategoricalProcess(schedule, uniform, 6),
        CategoricalProcess(schedule, torch.full((5,), 0.2), 5),
    )
    mask = torch.ones(b, n, dtype=torch.bool)
    state = State(
        torch.zeros(b, n, 3), torch.zeros(b, n, dtype=torch.long), torch.zeros(b, n, n, dtype=torch.long), mask
    )
    x0_hat = Prediction(
        torch.zeros(b, n, 3),
        torch.from_numpy(probs).float().clamp_min(1e-9).log().expand(b, -1, -1),
        (torch.nn.functional.one_hot(torch.from_numpy(bond), 5).float() * 50).expand(b, -1, -1, -1),
    )
    t, s = (Times.shared(torch.full((b,), value), n) for value in (time, 0.0))
    randomness = BatchRandomness(torch.Generator().manual_seed(0), b)
    solver = WithKekuleForms(MixturePosterior(resample=resample), BONDING, LATE)
    atom, bonds, _ = solver.step(state, x0_hat, Interval(process, t, s, randomness), None)
    return atom, bonds


@pytest.mark.parametrize("resample", [0.0, 1.0])
def test_the_solver_samples_rings_with_forms_late(resample: float) -> None:
    atom, bond = solver_step(LATE - 0.01, resample=resample)
    assert ((atom == NH).sum(1) == 1).all()
    assert (bond == torch.from_numpy(ring(5))).all()
    early, _ = solver_step(LATE + 0.1, resample=resample)
    assert ((early == NH).sum(1) != 1).any()
