"""The joint process: masks, symmetric bonds, zero mean where a molecule floats, what is known stays."""

import pytest
import torch

from moldiff.diffusion.categorical import CategoricalProcess, PriorName, draw, stationary
from moldiff.diffusion.gaussian import GaussianProcess
from moldiff.diffusion.joint import JointProcess, is_floating, project
from moldiff.diffusion.random import BatchRandomness, SampleRandomness, sample_generator
from moldiff.diffusion.schedule import CosineSchedule, LinearSchedule
from moldiff.state import Prediction, State, Times

SIZES = torch.tensor([4, 6, 1, 5])
PRIORS: list[PriorName] = ["uniform", "marginal", "absorbing"]


def make_process(prior: PriorName) -> JointProcess:
    atoms, bonds = torch.tensor([0.5, 0.3, 0.2]), torch.tensor([0.7, 0.2, 0.07, 0.03])
    return JointProcess(
        pos=GaussianProcess(CosineSchedule(), 1.4),
        atom=CategoricalProcess(LinearSchedule(), stationary(prior, atoms), 3),
        bond=CategoricalProcess(CosineSchedule(1.5), stationary(prior, bonds), 4),
    )


def make_state(sizes: torch.Tensor = SIZES) -> State:
    generator = torch.Generator().manual_seed(0)
    b, n = len(sizes), int(sizes.max())
    mask = torch.arange(n) < sizes[:, None]
    pos = project(torch.randn(b, n, 3, generator=generator), mask, torch.ones(b, dtype=torch.bool))
    bond = torch.randint(0, 4, (b, n, n), generator=generator).triu(1)
    state = State(pos, torch.randint(0, 3, (b, n), generator=generator) * mask, bond + bond.transpose(1, 2), mask)
    return state.replace(bond=state.bond * state.pair_mask)


def make_times(b: int, n: int, *, seed: int = 0) -> Times:
    generator = torch.Generator().manual_seed(seed)
    bond = torch.rand(b, n, n, generator=generator).triu(1)
    return Times(
        torch.rand(b, n, generator=generator), torch.rand(b, n, generator=generator), bond + bond.transpose(1, 2)
    )


def generator(sizes: torch.Tensor = SIZES) -> SampleRandomness:
    return SampleRandomness(0, range(len(sizes)), sizes)


def assert_clean(state: State) -> None:
    """Symmetric bonds, zeros in padded slots and on the diagonal, zero mean."""
    assert torch.equal(state.bond, state.bond.transpose(1, 2))
    assert not state.bond[~state.pair_mask].any()
    assert not state.atom[~state.mask].any()
    assert not state.pos[~state.mask].any()
    assert float(state.pos.sum(1).abs().max()) < 1e-5


@pytest.mark.parametrize("prior", PRIORS)
def test_joint_states_are_clean(prior: PriorName):
    """From noise, transition and prior, with a time of its own for every element."""
    process, x0 = make_process(prior), make_state()
    s = Times.shared(torch.tensor([0.1, 0.3, 0.2, 0.4]), 6)
    z_s = process.noise(x0, s, generator=generator())
    assert_clean(z_s)
    t = Times(s.pos + 0.3, s.atom + 0.4, s.bond + 0.5)
    assert_clean(process.transition(z_s, s, t, generator=generator()))
    assert_clean(process.prior(x0, generator=generator()))
    mixed = make_times(4, 6)
    z_t = process.noise(x0, mixed, generator=generator())
    assert torch.equal(z_t.bond, z_t.bond.transpose(1, 2))
    assert not z_t.bond[~z_t.pair_mask].any()


@pytest.mark.parametrize("prior", PRIORS)
def test_joint_posterior_of_bonds_is_symmetric(prior: PriorName):
    """Exactly, and so are the bonds drawn from it."""
    process, x0, t = make_process(prior), make_state(), make_times(4, 6)
    s = Times(0.5 * t.pos, 0.3 * t.atom, 0.4 * t.bond)
    z_t = process.noise(x0, t, generator=generator())
    logits = torch.randn(4, 6, 6, 4, generator=torch.Generator().manual_seed(1))
    prediction = Prediction(z_t.pos, torch.zeros(4, 6, 3), logits + logits.transpose(1, 2))
    posterior = process.posterior(z_t, prediction, t, s)
    assert torch.equal(posterior.bond, posterior.bond.transpose(1, 2))
    drawn = draw(posterior.bond, generator().uniform_pairs(6))
    assert torch.equal(drawn, drawn.transpose(1, 2))
    assert drawn.unique().numel() > 1


@pytest.mark.parametrize("prior", PRIORS)
def test_known_elements_stay_as_they_are(prior: PriorName):
    """t = 0 in any pattern; and with a known coordinate the rest is noised in its frame, without projection."""
    process, x0, t = make_process(prior), make_state(), make_times(4, 6)
    given_atoms = torch.rand(4, 6, generator=torch.Generator().manual_seed(2)) < 0.5
    given_bonds = given_atoms[:, :, None] & given_atoms[:, None]
    t = Times(
        *(
            time.masked_fill(g, 0.0)
            for time, g in zip((t.pos, t.atom, t.bond), (given_atoms, given_atoms, given_bonds), strict=True)
        )
    )
    z_t = process.noise(x0, t, generator=generator())
    assert torch.equal(z_t.pos[given_atoms], x0.pos[given_atoms])
    assert torch.equal(z_t.atom[given_atoms], x0.atom[given_atoms])
    assert torch.equal(z_t.bond[given_bonds], x0.bond[given_bonds])
    assert (z_t.pos != x0.pos).any()
    assert (z_t.bond != x0.bond).any()
    anchored = ~is_floating(t, x0.mask)
    assert anchored.any()
    assert float(z_t.pos[anchored].sum(1).abs().max()) > 0.1


def test_floating_counts_atoms_only():
    mask = torch.tensor([[True, True, False], [True, True, True]])
    t = Times.shared(torch.tensor([0.5, 0.5]), 3)
    empty = t.pos.clone()
    empty[0, 2] = 0
    assert is_floating(Times(empty, t.atom, t.bond), mask).tolist() == [True, True]
    empty[1, 2] = 0
    assert is_floating(Times(empty, t.atom, t.bond), mask).tolist() == [True, False]


def assert_prior_is_the_end_of_noise(process: JointProcess) -> None:
    """Same generator, same draws: noise at t = 1 forgets the data and equals the prior."""
    x0 = make_state()
    one = Times.shared(torch.ones(4), 6)
    noised, prior = process.noise(x0, one, generator=generator()), process.prior(x0, generator=generator())
    torch.testing.assert_close(noised.pos, prior.pos, rtol=0, atol=1e-6)
    assert torch.equal(noised.atom, prior.atom)
    assert torch.equal(noised.bond, prior.bond)


@pytest.mark.parametrize("prior", PRIORS)
def test_prior_is_the_end_of_noise(prior: PriorName):
    assert_prior_is_the_end_of_noise(make_process(prior))


class PriorOfAnotherSpread(JointProcess):
    def prior(self, like, *, generator):
        state = super().prior(like, generator=generator)
        return state.replace(pos=state.pos / self.pos.scale)


class UniformPrior(JointProcess):
    def prior(self, like, *, generator):
        law = torch.full_like(self.atom.noise_distribution, 1 / len(self.atom.noise_distribution))
        atom = CategoricalProcess(self.atom.schedule, law, self.atom.num_classes)
        return JointProcess(self.pos, atom, self.bond).prior(like, generator=generator)


@pytest.mark.parametrize("fault", [PriorOfAnotherSpread, UniformPrior])
def test_prior_law_catches_a_fault(fault: type[JointProcess]):
    process = make_process("marginal")
    with pytest.raises(AssertionError):
        assert_prior_is_the_end_of_noise(fault(process.pos, process.atom, process.bond))


class TwoDirections(SampleRandomness):
    """A number of its own for each direction of a pair."""

    def uniform_pairs(self, n):
        return self._padded([(k, k) for k in self.sizes], (n, n), torch.rand)


class Drifting(JointProcess):
    """Noise that is not projected."""

    def noise(self, x0, t, *, generator):
        z_t = super().noise(x0, t, generator=generator)
        return z_t.replace(pos=(z_t.pos + 0.1) * z_t.mask[..., None])


def test_clean_law_catches_a_fault():
    process, x0 = make_process("marginal"), make_state()
    half = Times.shared(torch.full((4,), 0.5), 6)
    with pytest.raises(AssertionError):
        assert_clean(process.noise(x0, half, generator=TwoDirections(0, range(4), SIZES)))
    with pytest.raises(AssertionError):
        assert_clean(Drifting(process.pos, process.atom, process.bond).noise(x0, half, generator=generator()))


def test_floating_noise_has_the_covariance_of_projected_noise():
    """Unit variance less the share of the mean: 1 - 1/n on, -1/n off the diagonal."""
    n, count = 4, 40_000
    mask = torch.ones(count, n, dtype=torch.bool)
    eps = BatchRandomness(sample_generator(0, 0), count).normal(n)
    noise = project(eps, mask, torch.ones(count, dtype=torch.bool))[..., 0]
    torch.testing.assert_close(noise.T @ noise / count, torch.eye(n) - 1 / n, rtol=0, atol=0.02)
