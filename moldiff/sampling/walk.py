"""The walk from noise to molecules."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from moldiff.diffusion.denoiser import Denoiser
from moldiff.diffusion.joint import JointProcess, clean_padding
from moldiff.diffusion.randomness import Randomness
from moldiff.errors import TimeOrderError
from moldiff.sampling.classes import ClassStepper, MixturePosterior
from moldiff.sampling.known import Known
from moldiff.sampling.positions import Ancestral, PositionStepper
from moldiff.state import Lead, Prediction, State

Tap = Callable[[int, float, State, Prediction], None]


@dataclass(frozen=True)
class Steppers:
    """The algorithms of a walk.

    Attributes:
        pos: of the coordinates.
        classes: of the atom and bond classes.
    """

    pos: PositionStepper = Ancestral()  # noqa: RUF009 - stateless
    classes: ClassStepper = MixturePosterior()  # noqa: RUF009 - stateless


@torch.no_grad()
def walk(
    process: JointProcess,
    denoiser: Denoiser,
    steppers: Steppers,
    grid: Float[Tensor, "steps"],
    known: Known,
    *,
    generator: Randomness,
    lead: Lead = Lead(),  # noqa: B008 - frozen
    self_conditioning: bool = True,
    tap: Tap | None = None,
) -> State:
    """Draws what is not known, one network evaluation a step.

    Args:
        process: the joint process that the denoiser was trained on.
        denoiser: predicts clean molecules.
        steppers: algorithms.
        grid: times of the coordinates from 1 down to 0.
        known: sizes, and the values that stay.
        generator: all randomness of the walk.
        lead: of the classes over the coordinates.
        self_conditioning: hand the last prediction to the denoiser.
        tap: called after each step with its number, the time reached, the state and the prediction it came from.

    Returns:
        The molecules, known values included.

    Raises:
        TimeOrderError: if the grid does not fall from 1 to 0.
    """
    times = grid.tolist()
    if len(times) < 2 or times[0] != 1 or times[-1] != 0 or any(s >= t for t, s in itertools.pairwise(times)):
        raise TimeOrderError(f"a step grid must fall strictly from 1 to 0, got {times[:3]} ... {times[-3:]}")
    # The process itself at t = 1: what is known stays, and its frame with it; the rest is the prior.
    blank = Known.nothing(known.values.mask).values
    state = process.noise(known.imposed(blank), known.times(times[0], lead), generator=generator)
    previous, memory_pos, memory_classes = None, None, None
    steps = itertools.pairwise(known.times(time, lead) for time in times)
    for i, (t, s) in enumerate(steps, start=1):
        x0_hat = denoiser(state, t, previous if self_conditioning else None)
        pos, memory_pos = steppers.pos.step(process, state, x0_hat, t, s, memory_pos, generator=generator)
        atom, bond, memory_classes = steppers.classes.step(
            process, state, x0_hat, t, s, memory_classes, generator=generator
        )
        state = known.imposed(clean_padding(state.replace(pos=pos, atom=atom, bond=bond)))
        previous = x0_hat
        if tap is not None:
            tap(i, times[i], state, x0_hat)
    return state
