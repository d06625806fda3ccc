"""The reverse process, from noise to molecules."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from moldiff.diffusion.denoiser import Denoiser
from moldiff.diffusion.joint import JointProcess, clean_padding
from moldiff.diffusion.random import Randomness
from moldiff.errors import ConfigError, TimeOrderError
from moldiff.sampling.continuous.base import ContinuousSolver
from moldiff.sampling.continuous.ddim import Ancestral
from moldiff.sampling.discrete.base import DiscreteSolver
from moldiff.sampling.discrete.posterior import MixturePosterior
from moldiff.sampling.inpainting import KnownValues
from moldiff.sampling.interval import Interval
from moldiff.sampling.resampling import Select, index_rows
from moldiff.state import Prediction, State, TimeExponents

StepCallback = Callable[[int, float, State, Prediction], None]


@dataclass(frozen=True)
class Solvers:
    """The solvers of the reverse process.

    Attributes:
        pos: of the coordinates.
        classes: of the atom and bond classes.
        latent: of the latents, with as many network evaluations a step as that of the coordinates.
    """

    pos: ContinuousSolver = Ancestral()  # noqa: RUF009 - stateless
    classes: DiscreteSolver = MixturePosterior()  # noqa: RUF009 - stateless
    latent: ContinuousSolver = Ancestral()  # noqa: RUF009 - stateless


@torch.no_grad()
def sample_trajectory(
    process: JointProcess,
    denoiser: Denoiser,
    solvers: Solvers,
    grid: Float[Tensor, "steps"],
    known: KnownValues,
    *,
    generator: Randomness,
    time_exponents: TimeExponents = TimeExponents(),  # noqa: B008 - frozen
    churn: float = 0.0,
    self_conditioning: bool = True,
    callback: StepCallback | None = None,
    select: Select | None = None,
) -> State:
    """Draws what is not known, one network evaluation a step.

    Args:
        process: the joint process that the denoiser was trained on.
        denoiser: predicts clean molecules.
        solvers: algorithms.
        grid: times of the coordinates from 1 down to 0; a time may come twice, for a solver with two evaluations.
        known: sizes, and the values that stay.
        generator: all randomness.
        time_exponents: of the classes over the coordinates.
        churn: share of each step that fresh noise takes back, of all variables, before the next evaluation.
        self_conditioning: give the last prediction to the denoiser.
        callback: called after each step with its number, the time reached, the state and the prediction it came from.
        select: called before each step; which row each row goes on from. Rows of different sizes or known values must
            not follow one another.

    Returns:
        The molecules, known values included.

    Raises:
        ConfigError: if the churn is not a share below 1.
        TimeOrderError: if the grid does not fall from 1 to 0.
    """
    times = checked(grid)
    if not 0 <= churn < 1:
        raise ConfigError(f"churn must be at least 0 and below 1, got {churn}")
    # The process itself at t = 1: what is known stays, and its frame with it; the rest is the prior.
    blank = KnownValues.nothing(
        known.values.mask, process.latent_width, num_hydrogens=known.values.num_hydrogens
    ).values
    t = known.times(1.0, time_exponents)
    state = process.noise(known.imposed(blank), t, generator=generator)
    previous, memories = None, (None, None, None)
    for i, time in enumerate(times[1:], start=1):
        s = known.times(time, time_exponents)
        x0_hat = denoiser(state, t, previous if self_conditioning else None)
        rows = None if select is None else select(i, times[i - 1], state, x0_hat)
        if rows is not None:
            state, x0_hat, memories = index_rows((state, x0_hat, memories), rows)
        state, memories = _step(solvers, state, x0_hat, Interval(process, t, s, generator), memories)
        state = known.imposed(clean_padding(state))
        previous = x0_hat
        if callback is not None:
            callback(i, time, state, x0_hat)
        t = s
        if churn and time > times[min(i + 1, len(times) - 1)]:  # not between two looks at one time, nor at the end
            before = next(earlier for earlier in reversed(times[:i]) if earlier > time)
            t = known.times(time + churn * (before - time), time_exponents)
            state = process.transition(state, s, t, generator=generator)
    return state


def _step(
    solvers: Solvers, state: State, x0_hat: Prediction, interval: Interval, memories: tuple[object, object, object]
) -> tuple[State, tuple[object, object, object]]:
    """All variables at s, and what each solver remembers."""
    pos, of_pos = solvers.pos.step(state.pos, x0_hat.pos, interval.of_pos(state), memories[0])
    atom, bond, of_classes = solvers.classes.step(state, x0_hat, interval, memories[1])
    latent, of_latent = solvers.latent.step(state.latent, x0_hat.latent, interval.of_latent(state), memories[2])
    return state.replace(pos=pos, atom=atom, bond=bond, latent=latent), (of_pos, of_classes, of_latent)


def checked(grid: Float[Tensor, "steps"]) -> list[float]:
    """The times of a grid.

    Args:
        grid: from 1 down to 0; a time between may come twice.

    Returns:
        Its times.

    Raises:
        TimeOrderError: if it is another kind of grid.
    """
    times = grid.tolist()
    falls = all(s < t or 0 < s == t < 1 for t, s in itertools.pairwise(times))
    if len(times) < 2 or times[0] != 1 or times[-1] != 0 or not falls:
        raise TimeOrderError(f"a step grid must fall from 1 to 0, got {times[:3]} ... {times[-3:]}")
    return times


def fill_masked(state: State, x0_hat: Prediction) -> State:
    """The state with the likeliest class in the place of each that absorbing noise has masked."""
    atom, bond = (
        torch.where(classes < logits.shape[-1], classes, logits.argmax(-1))
        for classes, logits in ((state.atom, x0_hat.atom), (state.bond, x0_hat.bond))
    )
    return state.replace(atom=atom, bond=bond)
