"""Trajectories as chains of decisions: what was decided, its probability, and its reward."""

from dataclasses import replace

import pytest
import torch
from rdkit import Chem

from moldiff.chem.vocabulary import Vocabulary
from moldiff.diffusion.categorical import CategoricalProcess, stationary
from moldiff.diffusion.gaussian import GaussianProcess
from moldiff.diffusion.joint import JointProcess
from moldiff.diffusion.random import BatchRandomness, sample_generator
from moldiff.diffusion.schedule import LinearSchedule
from moldiff.sampling.continuous.dpm_solver import DpmSolver
from moldiff.sampling.discrete.posterior import MixturePosterior
from moldiff.sampling.inpainting import KnownValues
from moldiff.sampling.interval import ContinuousInterval
from moldiff.sampling.sampler import Solvers, sample_trajectory
from moldiff.sampling.time_grids import power_grid
from moldiff.state import Prediction, State, TimeExponents
from moldiff.training.distillation.policy import Policy, advantage, surrogate
from moldiff.training.distillation.reward import judge
from moldiff.training.distillation.rings import NONE, RARE, UNKNOWN, RingClasses, count_alike

ERRORS = torch.tensor([0.0, 0.5, 1.0])
COUNT = 4000


class Guess(torch.nn.Module):
    """The same belief whatever it is shown, but for coordinates, which shrink."""

    def __init__(self) -> None:
        super().__init__()
        self.atom = torch.nn.Parameter(torch.tensor([0.3, -0.2, 0.1]))
        self.bond = torch.nn.Parameter(torch.tensor([0.5, 0.0, -0.5, 0.2]))
        self.shift = torch.nn.Parameter(torch.zeros(3))

    def forward(self, state: State, t, previous=None) -> Prediction:
        b, n = state.mask.shape
        return Prediction(0.5 * state.pos + self.shift, self.atom.expand(b, n, 3), self.bond.expand(b, n, n, 4))


def policy(churn: float = 1.0, eta: float = 1.0, steps: int = 4) -> Policy:
    schedule = LinearSchedule()
    process = JointProcess(
        GaussianProcess(schedule, 1.5),
        CategoricalProcess(schedule, stationary("marginal", torch.tensor([0.5, 0.3, 0.2])), 3),
        CategoricalProcess(schedule, stationary("marginal", torch.tensor([0.7, 0.2, 0.05, 0.05])), 4),
    )
    grid = power_grid(steps, power=1.5, end=0.05)
    return Policy(
        process,
        DpmSolver(ERRORS, eta),
        DpmSolver(None, eta),
        MixturePosterior(0.8, 1.0, churn),
        grid,
        TimeExponents(2.0, 3.0),
    )


def rolled_out(chain: Policy, rows: int = COUNT, n: int = 3, seed: int = 0):
    mask = torch.ones(rows, n, dtype=torch.bool)
    return chain.sample_trajectory(
        Guess(), KnownValues.nothing(mask), generator=BatchRandomness(sample_generator(seed, 0), rows)
    )


def test_decisions_are_the_steps_of_a_trajectory():
    chain = policy()
    end, decisions = rolled_out(chain, rows=5)
    known = KnownValues.nothing(torch.ones(5, 3, dtype=torch.bool))
    solvers = Solvers(chain.pos, chain.classes)
    passed: list[State] = []
    same = sample_trajectory(
        chain.process,
        Guess(),
        solvers,
        chain.grid,
        known,
        generator=BatchRandomness(sample_generator(0, 0), 5),
        time_exponents=chain.time_exponents,
        callback=lambda i, time, state, x0_hat: passed.append(state),
    )
    assert len(decisions) == len(chain.grid) - 1
    for decision, state, s in zip(decisions, passed, chain.grid[1:].tolist(), strict=True):
        assert torch.equal(decision.chosen.pos, state.pos)
        assert torch.equal(decision.chosen.bond, state.bond)
        torch.testing.assert_close(decision.s.bond, torch.full((5, 3, 3), s**3))
    assert torch.equal(end.pos, same.pos)
    assert decisions[0].memory is None
    assert torch.equal(decisions[2].memory[1], decisions[1].t.pos)  # type: ignore[index]


@pytest.mark.parametrize("churn", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("number", [0, 2, 3])
def test_classes_are_drawn_as_often_as_their_law_says(churn: float, number: int):
    chain = policy(churn)
    decision = rolled_out(chain)[1][number]
    atom, bond = chain.classes.law(chain.process, decision.state, Guess()(decision.state, None), decision.t, decision.s)
    torch.testing.assert_close(atom.sum(-1), torch.ones(COUNT, 3))
    for law, chosen in ((atom[:, 0], decision.chosen.atom[:, 0]), (bond[:, 0, 1], decision.chosen.bond[:, 0, 1])):
        drawn = torch.nn.functional.one_hot(chosen, law.shape[-1]).float()
        torch.testing.assert_close(drawn.mean(0), law.mean(0), rtol=0, atol=0.03)


def test_law_of_the_classes_is_not_that_of_another_temperature():
    """Twin of the law above."""
    chain = policy()
    decision = rolled_out(chain)[1][0]
    cold = MixturePosterior(0.2, 1.0, 1.0)
    atom, _ = cold.law(chain.process, decision.state, Guess()(decision.state, None), decision.t, decision.s)
    drawn = torch.nn.functional.one_hot(decision.chosen.atom[:, 0], 3).float().mean(0)
    assert (drawn - atom[:, 0].mean(0)).abs().max() > 0.03


@pytest.mark.parametrize("number", [0, 1, 2])
def test_coordinates_are_drawn_from_their_law(number: int):
    chain = policy()
    d = rolled_out(chain)[1][number]
    interval = ContinuousInterval(chain.process.pos, d.t.pos, d.s.pos, lambda: d.state.pos)
    mean, std = chain.pos.law(d.state.pos, Guess()(d.state, None).pos, interval, d.memory)
    off = ((d.chosen.pos - mean) / std[..., None]).detach()
    assert off.mean().abs() < 0.02
    assert abs(float(off.var()) - 2 / 3) < 0.03  # of three atoms, whose noise has no mean


def test_a_coordinate_that_nothing_was_drawn_for_was_no_decision():
    chain = policy(eta=0.0)
    for decision in rolled_out(chain, rows=8)[1]:
        pos, atom, bond = chain.log_probability(decision, Guess()(decision.state, None))
        assert not pos.any()
        assert atom.max() <= 0
        assert bond.max() <= 0


def test_distance_of_predictions_is_in_expected_errors():
    chain = policy()
    for decision in rolled_out(chain, rows=8)[1]:
        one = Guess()(decision.state, None)
        assert chain.distance(decision, one, one) == 0
        error = chain.process.pos.skip(decision.t.pos)[1]
        other = replace(one, pos=one.pos + 2 * error[..., None])
        torch.testing.assert_close(chain.distance(decision, one, other), torch.tensor(12.0))


def learned(sign: float) -> torch.Tensor:
    """Belief in the atom classes after updates for which each atom of class 0 is rewarded."""
    chain, guess = policy(), Guess()
    optimizer = torch.optim.Adam(guess.parameters(), lr=0.1)
    for seed in range(20):
        end, decisions = rolled_out(chain, rows=200, seed=seed)
        (rewarded,) = advantage([end.atom == 0], [(end.atom == 0).all(1)], whole=0.0)
        optimizer.zero_grad()
        for decision in decisions:
            x0_hat = guess(decision.state, None)
            sum(surrogate(chain.log_probability(decision, x0_hat), sign * rewarded, pos=0.1)).backward()  # type: ignore[union-attr]
        optimizer.step()
    return guess.atom.detach().softmax(-1)


def test_what_is_rewarded_becomes_likelier_and_less_likely_with_the_sign_turned():
    before = Guess().atom.detach().softmax(-1)[0]
    assert learned(1.0)[0] > before + 0.1
    assert learned(-1.0)[0] < before - 0.1


def test_only_an_atom_in_disorder_is_blamed():
    atoms = torch.tensor([[True, True], [True, False]])
    molecules = atoms.all(1)
    (alone,) = advantage([atoms], [molecules], whole=0.0)
    assert alone[1, 1] < 0 < alone[1, 0] == alone[0, 0]
    assert abs(float(alone.mean())) < 1e-6
    (both,) = advantage([atoms], [molecules], whole=0.5)
    assert both[1, 0] < both[0, 0]


def test_where_all_is_in_order_nothing_is_rewarded():
    (rewarded,) = advantage([torch.ones(3, 2, dtype=torch.bool)], [torch.ones(3, dtype=torch.bool)], whole=1.0)
    assert not rewarded.any()


def alkane(smiles: str) -> tuple[Chem.Mol, State]:
    """With its hydrogens, in the classes H and C, anywhere."""
    mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
    n = mol.GetNumAtoms()
    bond = torch.from_numpy(Chem.GetAdjacencyMatrix(mol)).long()[None]
    atom = torch.tensor([[int(a.GetAtomicNum() == 6) for a in mol.GetAtoms()]])
    return mol, State(torch.randn(1, n, 3), atom, bond, torch.ones(1, n, dtype=torch.bool))


def test_atoms_of_ring_systems_are_numbered_by_what_the_data_have():
    """Cyclopropane and a lone cyclohexane in the data; a cyclobutane is unknown."""
    classes = RingClasses.count([([("C1CC1", (0, 1, 2))], 1, 4)] * 30 + [([("C1CCCCC1", range(6))], 1, 6)])
    assert classes.counts[0, [NONE, UNKNOWN, RARE, RARE + 1]].tolist() == [30, 0, 6, 90]
    assert classes.counts[1].tolist() == [0, 126, *[0] * 14]
    vocabulary = Vocabulary(("H", "C"))
    for smiles, number in (("CC1CC1", RARE + 1), ("CC1CCC1", UNKNOWN), ("CC1CCCCC1", RARE)):
        mol, state = alkane(smiles)
        judged = judge(state, vocabulary, classes)
        assert judged.valid
        wanted = [-1 if a.GetAtomicNum() == 1 else number if a.IsInRing() else NONE for a in mol.GetAtoms()]
        assert judged.rings[0, :, 0].tolist() == wanted
        assert (judged.rings[0, :, 1] == 1)[state.atom[0] == 1].all()
        alike = count_alike(judged.rings)[0, :, 0]
        assert set(alike[judged.rings[0, :, 0] == number].tolist()) == {len(mol.GetRingInfo().AtomRings()[0])}
        state.bond[0, 0, 1] = state.bond[0, 1, 0] = 2  # a carbon with five bonds
        assert (judge(state, vocabulary, classes).rings == -1).all()


def test_atoms_beside_the_largest_piece_are_not_in_order():
    """Ethane and methane."""
    _, state = alkane("C.CC")
    atoms, valid, _ = judge(state, Vocabulary(("H", "C")))
    assert atoms[0].tolist() == [i not in (0, 3, 4, 5, 6) for i in range(13)]  # methane
    assert not valid.any()


def test_atoms_are_in_order_by_their_bonds_and_molecules_by_rdkit():
    pos = torch.tensor([[0.0, 0, 0], [0.96, 0, 0], [-0.24, 0.93, 0]]).expand(4, 3, 3).clone()
    bond = torch.zeros(4, 3, 3, dtype=torch.long)
    for row, partners in enumerate(([1, 2], [1], [1, 2], [1, 2])):
        bond[row, 0, partners] = bond[row, partners, 0] = 1
    atom = torch.tensor([[1, 0, 0]] * 3 + [[0, 0, 0]])
    pos[2, 0, 0] = torch.nan
    water = State(pos, atom, bond, torch.ones(4, 3, dtype=torch.bool))
    atoms, valid, _ = judge(water, Vocabulary(("H", "O")))
    assert valid.tolist() == [True, False, False, False]
    assert atoms.tolist() == [[True] * 3, [False, True, False], [False] * 3, [False, True, True]]
