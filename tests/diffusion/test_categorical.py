"""The categorical process against Bayes' rule on explicit matrices, and its draws against their frequencies."""

from itertools import product

import pytest
import torch
from scipy.stats import chisquare
from torch import Tensor

from moldiff.diffusion.categorical import CategoricalProcess, PriorName, draw, stationary
from moldiff.diffusion.schedule import CosineSchedule, LinearSchedule, PolynomialSchedule
from moldiff.errors import TimeOrderError

TOLERANCE = 1e-9
MARGINAL = torch.tensor([0.5, 0.3, 0.15, 0.05], dtype=torch.float64)
CLASSES = len(MARGINAL)
PRIORS: list[PriorName] = ["uniform", "marginal", "absorbing"]
SCHEDULES = [LinearSchedule(), CosineSchedule(1.5), PolynomialSchedule(2.0)]
PAIRS = [(0.9, 0.4), (1.0, 0.97), (0.5, 0.499), (0.2, 0.0), (1.0, 0.0), (0.03, 0.001)]


def make(prior: PriorName, schedule=SCHEDULES[0], kind: type[CategoricalProcess] = CategoricalProcess):
    return kind(schedule, stationary(prior, MARGINAL), CLASSES)


def matrix(process: CategoricalProcess, keep: Tensor) -> Tensor:
    """Row: class before; column: class after."""
    size = len(process.noise_distribution)
    return keep * torch.eye(size, dtype=torch.float64) + (1 - keep) * process.noise_distribution.expand(size, -1)


def brute_force(process: CategoricalProcess, t: float, s: float) -> Tensor:
    """q(z_s = j | z_t = i, x0 = k) as `[i, k, j]` by Bayes' rule; NaN where z_t cannot come from x0."""
    keep_t, keep_s = (process.schedule.keep(torch.tensor(x, dtype=torch.float64)) for x in (t, s))
    to_s, on = matrix(process, keep_s), matrix(process, keep_t / keep_s)
    joint = to_s[:, :, None] * on[None]  # [k, j, i]
    return (joint / joint.sum(1, keepdim=True)).permute(2, 0, 1)


def exact_posterior(process: CategoricalProcess, probs: Tensor, t: float, s: float) -> Tensor:
    """The code's answer for every z_t and one predicted law."""
    size = len(process.noise_distribution)
    times = [torch.full((size,), x, dtype=torch.float64) for x in (t, s)]
    return process.posterior(torch.arange(size), probs.expand(size, -1), *times)


def assert_bayes(process: CategoricalProcess, t: float, s: float) -> None:
    """For each x0 in turn, wherever Bayes' rule has an answer."""
    expected = brute_force(process, t, s)
    for k in range(CLASSES):
        sure = torch.nn.functional.one_hot(torch.tensor(k), CLASSES).double()
        got, possible = exact_posterior(process, sure, t, s), ~expected[:, k].isnan().any(-1)
        assert possible.any()
        torch.testing.assert_close(got[possible], expected[possible, k], rtol=0, atol=TOLERANCE)


def assert_mixture(process: CategoricalProcess, t: float, s: float) -> None:
    """The closed form is the explicit sum over x0, normalised over what z_t allows."""
    probs = torch.tensor([0.1, 0.2, 0.3, 0.4], dtype=torch.float64)
    expected = brute_force(process, t, s)[:, :CLASSES]
    weight = torch.where(expected.isnan(), 0.0, probs[None, :, None])
    mixed = (weight * expected.nan_to_num()).sum(1) / weight.sum(1)
    possible = (weight.sum((1, 2)) > 0).nonzero()[:, 0]
    torch.testing.assert_close(exact_posterior(process, probs, t, s)[possible], mixed[possible], rtol=0, atol=TOLERANCE)


def frequencies(classes: Tensor, size: int) -> Tensor:
    return torch.nn.functional.one_hot(classes, size).double().mean(-2)


def noise_matrix(process: CategoricalProcess, t: float, s: float | None = None) -> Tensor:
    """Rows: class before; frequencies after noise, or transition from s, over an even grid of uniform numbers."""
    count, size = 20_000, len(process.noise_distribution)
    before = torch.arange(size)[:, None].expand(-1, count)
    uniform = ((torch.arange(count, dtype=torch.float64) + 0.5) / count).expand(size, -1)
    times = [torch.full((size, count), x, dtype=torch.float64) for x in ([t] if s is None else [s, t])]
    after = process.noise(before, *times, uniform) if s is None else process.transition(before, *times, uniform)
    return frequencies(after, size)


def assert_composes(process: CategoricalProcess, t: float, s: float) -> None:
    """transition after noise is noise."""
    through = noise_matrix(process, s) @ noise_matrix(process, t, s)
    torch.testing.assert_close(through, noise_matrix(process, t), rtol=0, atol=3e-4)


def assert_returns(process: CategoricalProcess, t: float, s: float) -> None:
    """Averaged over z_t, the posterior with the true x0 gives back the law of z_s: no sampling in it."""
    keep_t, keep_s = (process.schedule.keep(torch.tensor(x, dtype=torch.float64)) for x in (t, s))
    for k in range(CLASSES):
        sure = torch.nn.functional.one_hot(torch.tensor(k), CLASSES).double()
        back = matrix(process, keep_t)[k] @ exact_posterior(process, sure, t, s)
        torch.testing.assert_close(back, matrix(process, keep_s)[k], rtol=0, atol=TOLERANCE)


LAWS = [assert_bayes, assert_mixture, assert_composes, assert_returns]


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
@pytest.mark.parametrize("schedule", SCHEDULES, ids=str)
@pytest.mark.parametrize("prior", PRIORS)
def test_posterior_agrees_with_bayes(prior: PriorName, schedule, law):
    for t, s in PAIRS:
        law(make(prior, schedule), t, s)


@pytest.mark.parametrize("prior", PRIORS)
def test_noise_has_its_marginals(prior: PriorName):
    """Chi-square on 200,000 random draws from each class at three times; one false alarm in 10^4."""
    process, count, generator = make(prior), 200_000, torch.Generator().manual_seed(0)
    for t, k in product((0.1, 0.6, 1.0), range(CLASSES)):
        uniform = torch.rand(count, generator=generator)
        drawn = process.noise(torch.full((count,), k), torch.full((count,), t), uniform)
        expected = matrix(process, process.schedule.keep(torch.tensor(t, dtype=torch.float64)))[k] * count
        observed = torch.bincount(drawn, minlength=len(expected)).double()
        assert not observed[expected == 0].any()
        if (expected > 0).sum() > 1:
            observed, expected = observed[expected > 0], expected[expected > 0]
            assert chisquare(observed, expected * observed.sum() / expected.sum()).pvalue > 1e-4
    priors = process.prior(torch.rand(count, generator=generator))
    torch.testing.assert_close(
        frequencies(priors, len(process.noise_distribution)), process.noise_distribution, rtol=0, atol=6e-3
    )


@pytest.mark.parametrize("prior", PRIORS)
def test_known_class_stays(prior: PriorName):
    """At t = 0 whatever the prediction says, and whenever s = t."""
    process, classes = make(prior), torch.arange(CLASSES)
    here = torch.nn.functional.one_hot(classes, len(process.noise_distribution)).double()
    other = torch.nn.functional.one_hot((classes + 1) % CLASSES, CLASSES).double()
    zero = torch.zeros(CLASSES, dtype=torch.float64)
    assert torch.equal(process.posterior(classes, other, zero, zero), here)
    blurred = 0.5 * other + 0.5 / CLASSES
    for t in (0.3, 1.0):
        same = process.posterior(classes, blurred, zero + t, zero + t)
        torch.testing.assert_close(same, here, rtol=0, atol=TOLERANCE)
    uniform = torch.linspace(0, 1 - 2**-24, CLASSES, dtype=torch.float64)
    assert torch.equal(process.noise(classes, zero, uniform), classes)
    for t in (0.3, 1.0):
        assert torch.equal(process.transition(classes, zero + t, zero + t, uniform), classes)


def test_absorbing_noise_masks_and_unmasks_once():
    """The mask class m may become x0 or stay; a class once shown stays; the mask is never shown at s = 0."""
    process = make("absorbing")
    probs = torch.tensor([0.1, 0.2, 0.3, 0.4], dtype=torch.float64)
    got = exact_posterior(process, probs, 0.8, 0.2)
    assert torch.equal(got[:CLASSES], torch.eye(CLASSES + 1, dtype=torch.float64)[:CLASSES])
    opened = (0.8 - 0.2) / 0.8
    expected = torch.cat([opened * probs, torch.tensor([1 - opened], dtype=torch.float64)])
    torch.testing.assert_close(got[CLASSES], expected, rtol=0, atol=TOLERANCE)
    assert float(exact_posterior(process, probs, 0.8, 0.0)[CLASSES, CLASSES]) == 0
    assert bool((process.prior(torch.rand(50)) == CLASSES).all())


def test_posterior_stays_where_the_prediction_rules_the_evidence_out():
    """A shown class that the prediction gives probability zero: nothing is drawn from 0 / 0."""
    process = make("absorbing")
    got = exact_posterior(process, torch.tensor([0.0, 1.0, 0.0, 0.0], dtype=torch.float64), 0.8, 0.2)
    assert got.isfinite().all()
    assert float(got[0, 0]) == 1


@pytest.mark.parametrize("prior", PRIORS)
def test_posterior_is_a_law_in_float32(prior: PriorName):
    """Normalised and not negative for hopeless predictions, rare classes and tiny steps."""
    law = stationary(prior, torch.tensor([0.999989, 1e-5, 1e-6, 0.0]))
    process = CategoricalProcess(LinearSchedule(), law, 4)
    generator = torch.Generator().manual_seed(0)
    s, t = torch.rand(2, 4000, generator=generator).pow(4).sort(0).values
    logits = 60 * torch.randn(4000, 4, generator=generator)
    z_t = torch.randint(0, len(law), (4000,), generator=generator)
    got = process.posterior(z_t, logits.softmax(-1), t, s)
    assert bool((got >= 0).all())
    torch.testing.assert_close(got.sum(-1), torch.ones(4000), rtol=0, atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_draw_never_picks_what_has_no_probability(dtype: torch.dtype):
    """Zeros first, last and between, sums far from 1, uniform numbers at both ends of [0, 1)."""
    generator = torch.Generator().manual_seed(0)
    probs = torch.rand(20_000, 5, generator=generator, dtype=dtype) * 10 ** torch.randint(-6, 6, (20_000, 1)).to(dtype)
    probs = probs * (torch.rand(20_000, 5, generator=generator) < 0.5)
    probs = probs[probs.sum(-1) > 0]
    last = 1 - torch.finfo(dtype).eps / 2
    for uniform in (torch.zeros, torch.ones, torch.rand):
        chosen = draw(probs, (uniform(len(probs), dtype=dtype) * last))
        assert bool((probs.gather(-1, chosen[:, None]) > 0).all())


def test_draw_has_its_probabilities():
    probs = torch.tensor([0.2, 0.0, 1.0, 0.8], dtype=torch.float64)
    uniform = (torch.arange(10_000, dtype=torch.float64) + 0.5) / 10_000
    got = frequencies(draw(probs.expand(10_000, -1), uniform), 4)
    torch.testing.assert_close(got, probs / 2, rtol=0, atol=1e-4)


def test_categorical_refuses_a_later_s():
    process, classes = make("uniform"), torch.zeros(2, dtype=torch.long)
    s, t = torch.tensor([0.1, 0.6]), torch.tensor([0.2, 0.5])
    with pytest.raises(TimeOrderError, match=r"t = 0\.5, s = 0\.6"):
        process.transition(classes, s, t, s)
    with pytest.raises(TimeOrderError, match=r"t = 0\.5, s = 0\.6"):
        process.posterior(classes, torch.full((2, CLASSES), 0.25), t, s)


class WrongTime(CategoricalProcess):
    def posterior(self, z_t, x0_hat, t, s):
        return super().posterior(z_t, x0_hat, t, 0.99 * s)


class Jump(CategoricalProcess):
    """The ratio forgotten: keep(t) in the place of keep(t) / keep(s)."""

    def _ratio(self, t, s):
        return self.schedule.keep(t)


class AverageOfFactors(CategoricalProcess):
    """The posterior of the mean x0 in the place of the mean of the posteriors."""

    def posterior(self, z_t, x0_hat, t, s):
        law, keep_s, ratio = self.noise_distribution, self.schedule.keep(s)[..., None], self._ratio(t, s)[..., None]
        here = torch.nn.functional.one_hot(z_t, len(law)).to(x0_hat)
        data = torch.nn.functional.pad(x0_hat, (0, len(law) - self.num_classes))
        probs = (ratio * here + (1 - ratio) * law[z_t][..., None]) * (keep_s * data + (1 - keep_s) * law)
        return probs / probs.sum(-1, keepdim=True)


@pytest.mark.parametrize(
    ("fault", "laws"),
    [
        (WrongTime, [assert_bayes, assert_mixture, assert_returns]),
        (Jump, [assert_bayes, assert_mixture, assert_composes, assert_returns]),
        (AverageOfFactors, [assert_mixture]),
    ],
)
def test_categorical_laws_catch_a_fault(fault: type[CategoricalProcess], laws: list):
    for law in laws:
        with pytest.raises(AssertionError):
            law(make("marginal", kind=fault), 0.9, 0.4)
