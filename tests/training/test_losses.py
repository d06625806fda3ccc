"""What the losses count, against values worked out by hand."""

import math
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from moldiff.diffusion.categorical import CategoricalProcess
from moldiff.diffusion.gaussian import GaussianProcess
from moldiff.diffusion.joint import JointProcess
from moldiff.diffusion.schedule import LinearSchedule
from moldiff.state import BOND_CLASSES, Prediction, State, Times
from moldiff.training.denoiser.losses import Losses, losses

ATOMS, SCALE, FLOOR = 3, 1.4, 0.05
SIZES = torch.tensor([4, 2, 3])
PROCESS = JointProcess(
    GaussianProcess(LinearSchedule(), SCALE),
    CategoricalProcess(LinearSchedule(), torch.full((ATOMS,), 1 / ATOMS), ATOMS),
    CategoricalProcess(LinearSchedule(), torch.full((BOND_CLASSES,), 1 / BOND_CLASSES), BOND_CLASSES),
)


def charge(prediction: Prediction, x0: State, t: Times) -> Losses:
    return losses(prediction, x0, t, process=PROCESS, pos_floor=FLOOR)


def example() -> tuple[Prediction, State, Times]:
    """Random molecules, guesses and times; about a third of the elements is known."""
    generator = torch.Generator().manual_seed(0)
    mask = torch.arange(4) < SIZES[:, None]
    upper = torch.randint(0, BOND_CLASSES, (3, 4, 4), generator=generator).triu(1)
    atom = torch.randint(0, ATOMS, (3, 4), generator=generator)
    x0 = State(torch.randn(3, 4, 3, generator=generator), atom, upper + upper.transpose(1, 2), mask)
    x0 = x0.replace(pos=x0.pos * mask[..., None], atom=x0.atom * mask, bond=x0.bond * x0.pair_mask)
    logits = torch.randn(3, 4, 4, BOND_CLASSES, generator=generator)
    guess = Prediction(
        torch.randn(3, 4, 3, generator=generator),
        torch.randn(3, 4, ATOMS, generator=generator),
        logits + logits.transpose(1, 2),
    )
    times = torch.rand(3, 4, 4, generator=generator).triu(1)
    t = [torch.rand(3, 4, generator=generator), torch.rand(3, 4, generator=generator), times + times.transpose(1, 2)]
    return guess, x0, Times(*(torch.where(v < 0.33, 0.0, v) for v in t))


def with_latents(guess: Prediction, x0: State, t: Times) -> tuple[Prediction, State, Times]:
    """The same with a vector for each atom, which has a time of its own."""
    generator = torch.Generator().manual_seed(1)
    one, other, time = (torch.rand(3, 4, width, generator=generator) for width in (3, 3, 1))
    times = torch.where(time[..., 0] < 0.33, 0.0, time[..., 0])
    return replace(guess, latent=one), x0.replace(latent=other * x0.mask[..., None]), replace(t, latent=times)


def assert_counts_only_noised(charge: Callable[[Prediction, State, Times], Losses]) -> None:
    """Whatever is predicted for known elements, padded slots and the diagonal: no change, no slope."""
    guess, x0, t = with_latents(*example())
    counted = (x0.mask & (t.pos > 0), x0.mask & (t.atom > 0), x0.pair_mask & (t.bond > 0), x0.mask & (t.latent > 0))
    assert all(bool(c.any()) for c in counted)
    assert bool((x0.mask & (t.atom == 0)).any())
    variables = [values.clone().requires_grad_() for values in vars(guess).values()]
    nonsense = [torch.where(c[..., None], v, 30.0 + v.flip(-1)) for c, v in zip(counted, variables, strict=True)]
    plain, changed = charge(Prediction(*variables), x0, t), charge(Prediction(*nonsense), x0, t)
    torch.testing.assert_close(list(vars(plain).values()), list(vars(changed).values()), rtol=0, atol=1e-7)
    slopes = torch.autograd.grad(sum(vars(plain).values()), variables)
    for c, slope in zip(counted, slopes, strict=True):
        assert not slope[~c].any()
        assert bool(slope[c].abs().sum(-1).all())


def test_losses_count_only_what_was_noised():
    assert_counts_only_noised(charge)


def without_times(prediction: Prediction, x0: State, t: Times) -> Losses:
    """Charges known elements too."""
    return charge(prediction, x0, Times(t.pos + 1e-3, t.atom + 1e-3, t.bond + 1e-3))


def without_mask(prediction: Prediction, x0: State, t: Times) -> Losses:
    """Charges padded slots too."""
    return charge(prediction, x0.replace(mask=torch.ones_like(x0.mask)), t)


@pytest.mark.parametrize("fault", [without_times, without_mask])
def test_losses_law_catches_a_fault(fault: Callable[[Prediction, State, Times], Losses]):
    with pytest.raises(AssertionError):
        assert_counts_only_noised(fault)


def one_hot(classes: torch.Tensor, count: int) -> torch.Tensor:
    return torch.nn.functional.one_hot(classes, count).float()


def test_losses_have_their_values():
    """Each coordinate off by 0.3 Å at t = 0.5, uniform classes; then all right and sure."""
    _, x0, _ = example()
    t = Times.shared(torch.full((3,), 0.5), 4)
    got = charge(Prediction(x0.pos + 0.3, torch.zeros(3, 4, ATOMS), torch.zeros(3, 4, 4, BOND_CLASSES)), x0, t)
    error = SCALE * 0.5 / math.sqrt(0.5)
    assert float(got.pos) == pytest.approx(0.09 / error**2, rel=1e-5)
    assert float(got.atom) == pytest.approx(math.log(ATOMS), rel=1e-6)
    assert float(got.bond) == pytest.approx(math.log(BOND_CLASSES), rel=1e-6)
    sure = Prediction(x0.pos, 50 * one_hot(x0.atom, ATOMS), 50 * one_hot(x0.bond, BOND_CLASSES))
    assert [float(value) for value in vars(charge(sure, x0, t)).values()] == pytest.approx([0, 0, 0, 0], abs=1e-6)


def test_linear_guess_is_charged_one_on_average():
    """The best linear guess has the loss 1 at every time, so that all times weigh alike."""
    generator = torch.Generator().manual_seed(0)
    for time in (0.2, 0.5, 0.9, 1.0):
        pos, eps = (
            SCALE * torch.randn(1, 50_000, 3, generator=generator),
            torch.randn(1, 50_000, 3, generator=generator),
        )
        t = torch.full((1, 50_000), time)
        guess = PROCESS.pos.skip(t)[0][..., None] * PROCESS.pos.noise(pos, t, eps)
        squared = (guess - pos).square().mean() / PROCESS.pos.skip(t)[1][0, 0] ** 2
        assert float(squared) == pytest.approx(1, abs=0.03)


def test_losses_floor_bounds_the_weight_near_the_data():
    _, x0, _ = example()
    t = Times.shared(torch.full((3,), 1e-3), 4)
    got = charge(Prediction(x0.pos + 0.01, torch.zeros(3, 4, ATOMS), torch.zeros(3, 4, 4, BOND_CLASSES)), x0, t)
    assert float(got.pos) == pytest.approx(1e-4 / FLOOR**2, rel=1e-4)


def test_losses_weigh_molecules_alike_whatever_their_size():
    """Only the molecule of two atoms is wrong: a third of the loss that three wrong ones have."""
    _, x0, _ = example()
    t = Times.shared(torch.full((3,), 0.5), 4)
    classes = torch.zeros(3, 4, ATOMS), torch.zeros(3, 4, 4, BOND_CLASSES)
    wrong = x0.pos + torch.tensor([0.0, 0.3, 0.0])[:, None, None]
    some, every = (charge(Prediction(pos, *classes), x0, t).pos for pos in (wrong, x0.pos + 0.3))
    assert float(some) == pytest.approx(float(every) / 3, rel=1e-5)


def test_losses_of_nothing_noised_are_zero():
    guess, x0, _ = example()
    got = charge(guess, x0, Times.shared(torch.zeros(3), 4))
    assert [float(value) for value in vars(got).values()] == [0, 0, 0, 0]
