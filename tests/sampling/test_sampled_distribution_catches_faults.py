"""Sampling broken on purpose fails the law of `sampled_distribution`."""

from dataclasses import replace

import pytest
import torch
from exact_problem import ExactDenoiser
from sampled_distribution import AS_ONE, GRIDS, STEPS, assert_reaches, make_problem

from moldiff.diffusion.categorical import CategoricalProcess, PriorName
from moldiff.diffusion.joint import JointProcess
from moldiff.diffusion.schedule import LinearSchedule
from moldiff.sampling.continuous.ddim import Ancestral, Ddim
from moldiff.sampling.discrete.posterior import MixturePosterior
from moldiff.sampling.discrete.tau_leaping import TauLeaping
from moldiff.sampling.discrete.unmasking import Unmasking
from moldiff.sampling.interval import Interval
from moldiff.sampling.sampler import Solvers
from moldiff.state import TimeExponents, Times


class LateTime(Ancestral):
    """Goes half as far as the state is said to have gone."""

    def step(self, z_t, x0_hat, interval, memory):
        return super().step(z_t, x0_hat, interval._replace(s=(interval.s + interval.t) / 2), memory)


class NextTime(MixturePosterior):
    """Takes the time after the next: off by one in the grid."""

    def step(self, z_t, x0_hat, interval, memory):
        process, t, s, generator = interval
        after = Times(s.pos, (2 * s.atom - t.atom).clamp_min(0), (2 * s.bond - t.bond).clamp_min(0))
        return super().step(z_t, x0_hat, Interval(process, t, after, generator), memory)


class Loud(Ancestral):
    """Standard deviation 15 % too large."""

    factor = 1.15

    def step(self, z_t, x0_hat, interval, memory):
        mean, _ = interval.process.posterior(z_t, x0_hat, interval.t, interval.s)
        pos, _ = super().step(z_t, x0_hat, interval, memory)
        return mean + self.factor * (pos - mean), None


class Quiet(Loud):
    """Standard deviation 15 % too small."""

    factor = 0.85


class NoFreshNoise(Loud):
    """Only the mean."""

    factor = 0.0


class Likeliest(MixturePosterior):
    """Believes the likeliest class alone."""

    def step(self, z_t, x0_hat, interval, memory):
        process, t, s, generator = interval
        atom, bond = (
            1e3 * torch.nn.functional.one_hot(logits.argmax(-1), logits.shape[-1]).float()
            for logits in (x0_hat.atom, x0_hat.bond)
        )
        sure = replace(x0_hat, atom=atom, bond=bond)
        return super().step(z_t, sure, Interval(process, t, s, generator), memory)


class PriorForgotten(MixturePosterior):
    """Steps back as if the noise were uniform."""

    def step(self, z_t, x0_hat, interval, memory):
        process, t, s, generator = interval
        parts = (
            replace(p, noise_distribution=torch.full_like(p.noise_distribution, 1 / p.num_classes))
            for p in (process.atom, process.bond)
        )
        return super().step(z_t, x0_hat, Interval(JointProcess(process.pos, *parts), t, s, generator), memory)


class RatioForgotten(CategoricalProcess):
    """keep(t) in the place of keep(t) / keep(s)."""

    def _ratio(self, t, s):
        return self.schedule.keep(t)


class OneWay(CategoricalProcess):
    """Noise that does nothing to what is less noisy."""

    def transition(self, z_s, s, t, uniform):
        return z_s


class PosteriorOfMean(CategoricalProcess):
    """The posterior of the mean x0 in the place of the mean of the posteriors."""

    def posterior(self, z_t, x0_hat, t, s):
        law, keep_s, ratio = self.noise_distribution, self.schedule.keep(s)[..., None], self._ratio(t, s)[..., None]
        here = torch.nn.functional.one_hot(z_t, len(law)).to(x0_hat)
        probs = (ratio * here + (1 - ratio) * law[z_t][..., None]) * (keep_s * x0_hat + (1 - keep_s) * law)
        return probs / probs.sum(-1, keepdim=True)


class StartTooNarrow(JointProcess):
    """Starts at unit spread, the scale forgotten; everything after is right."""

    def noise(self, x0, t, *, generator):
        z_t = super().noise(x0, t, generator=generator)
        return z_t.replace(pos=z_t.pos / (1.2 * self.pos.scale))


class ShiftedTime(ExactDenoiser):
    """Is given a time three steps early."""

    def __call__(self, state, t, previous=None):
        return super().__call__(state, Times(*((v + 3 / STEPS).clamp_max(1) for v in vars(t).values())), previous)


def test_law_catches_forgotten_time_exponents():
    with pytest.raises(AssertionError, match="on the way"):
        assert_reaches(
            make_problem(LinearSchedule(), "marginal"),
            Solvers(),
            GRIDS["even"],
            time_exponents=TimeExponents(2.0),
            solver_exponents=AS_ONE,
        )


def test_law_catches_a_churn_that_does_not_come_back():
    problem = make_problem(LinearSchedule(), "marginal")
    process = JointProcess(
        problem.process.pos, *(OneWay(*vars(part).values()) for part in (problem.process.atom, problem.process.bond))
    )
    with pytest.raises(AssertionError, match="on the way"):
        assert_reaches(
            problem, Solvers(classes=MixturePosterior(resample=0.5)), GRIDS["power"], process=process, most=0.1
        )


class OneRate(TauLeaping):
    """Leaves the jumps to the noise's own classes out."""

    def move(self, process, z_t, x0, t, s, uniform):
        only_data = replace(
            process,
            noise_distribution=torch.nn.functional.one_hot(z_t.new_tensor(0), len(process.noise_distribution)).float(),
        )
        return super().move(only_data, z_t, x0, t, s, uniform)


class AllAtOnce(Unmasking):
    """Shows what is due by the end."""

    def move(self, process, z_t, x0, t, s, uniform):
        return super().move(process, z_t, x0, t, torch.zeros_like(s), uniform)


class SilentTransition(JointProcess):
    """Says that it takes the molecules back, and leaves them."""

    def transition(self, z_s, s, t, *, generator):
        return z_s


@pytest.mark.parametrize("fault", [LateTime, Loud, Quiet, NoFreshNoise], ids=lambda fault: fault.__name__)
def test_law_catches_a_broken_position_step(fault: type[Ancestral]):
    with pytest.raises(AssertionError, match="on the way"):
        assert_reaches(make_problem(LinearSchedule(), "marginal"), Solvers(pos=fault()), GRIDS["even"])


@pytest.mark.parametrize("fault", [NextTime, Likeliest, PriorForgotten], ids=lambda fault: fault.__name__)
def test_law_catches_a_broken_class_step(fault: type[MixturePosterior]):
    with pytest.raises(AssertionError, match="on the way"):
        assert_reaches(make_problem(LinearSchedule(), "marginal"), Solvers(classes=fault()), GRIDS["even"])


@pytest.mark.parametrize("fault", [RatioForgotten, PosteriorOfMean], ids=lambda fault: fault.__name__)
def test_law_catches_a_broken_posterior(fault: type[CategoricalProcess]):
    problem = make_problem(LinearSchedule(), "marginal")
    right = problem.process
    parts = [fault(part.schedule, part.noise_distribution, part.num_classes) for part in (right.atom, right.bond)]
    with pytest.raises(AssertionError, match="on the way"):
        assert_reaches(problem, Solvers(), GRIDS["even"], process=JointProcess(right.pos, *parts))


def test_law_catches_a_wrong_start():
    problem = make_problem(LinearSchedule(), "marginal")
    process = StartTooNarrow(*vars(problem.process).values())
    with pytest.raises(AssertionError, match="on the way"):
        assert_reaches(problem, Solvers(pos=Ddim(0.0)), GRIDS["even"], process=process)


def test_law_catches_a_shifted_time():
    problem = make_problem(LinearSchedule(), "marginal")
    with pytest.raises(AssertionError, match="on the way"):
        assert_reaches(problem, Solvers(pos=Ddim(0.0)), GRIDS["even"], denoiser=ShiftedTime(problem))


@pytest.mark.parametrize(("fault", "prior"), [(OneRate(), "uniform"), (AllAtOnce(gumbel_noise=50.0), "absorbing")])
def test_law_catches_a_broken_jump(fault: TauLeaping | Unmasking, prior: PriorName):
    with pytest.raises(AssertionError, match="on the way"):
        assert_reaches(make_problem(LinearSchedule(), prior), Solvers(classes=fault), GRIDS["even"])


def test_law_catches_a_churn_without_noise():
    problem = make_problem(LinearSchedule(), "marginal")
    process = SilentTransition(*vars(problem.process).values())
    with pytest.raises(AssertionError, match="on the way"):
        assert_reaches(problem, Solvers(pos=Ddim(0.0)), GRIDS["power"], process=process, churn=0.4)
