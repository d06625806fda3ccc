"""Clean molecules noised to given times and predicted, the noise the same at each call: how good weights are."""

from collections.abc import Iterable
from dataclasses import fields

import torch

from moldiff.diffusion.denoiser import Denoiser
from moldiff.diffusion.joint import JointProcess
from moldiff.diffusion.random import BatchRandomness, sample_generator
from moldiff.runtime.precision import use_bf16
from moldiff.state import Prediction, State, TimeExponents, Times
from moldiff.training.denoiser.losses import Losses, losses

TIMES = (0.1, 0.3, 0.5, 0.7, 0.9)
FLOOR = 0.05  # Å, the default of training


@torch.no_grad()
def denoise(
    denoiser: Denoiser,
    process: JointProcess,
    x0: State,
    time: float,
    *,
    generator: torch.Generator,
    time_exponents: TimeExponents = TimeExponents(),  # noqa: B008 - frozen
    self_conditioning: bool = False,
    precision: str = "auto",
) -> tuple[Prediction, Times]:
    """Noises molecules to one time and predicts them.

    Args:
        denoiser: on the device of the molecules.
        process: that it was trained on.
        x0: clean molecules.
        time: of the coordinates.
        generator: of the noise, on the CPU.
        time_exponents: of the classes over the coordinates.
        self_conditioning: predict twice, the second time from the first.
        precision: as of the settings of a run.

    Returns:
        The prediction and the times.
    """
    (b, n), device = x0.mask.shape, x0.pos.device
    t = Times.shared(torch.full((b,), time, device=device), n, time_exponents)
    z_t = process.noise(x0, t, generator=BatchRandomness(generator, b, device=device))
    with torch.autocast(device.type, torch.bfloat16, enabled=use_bf16(precision, device)):
        previous = denoiser(z_t, t) if self_conditioning else None
        return denoiser(z_t, t, previous), t


def losses_at_times(
    denoiser: Denoiser, process: JointProcess, x0: State, *, seed: int, number: int, precision: str = "auto"
) -> Losses:
    """Mean losses of a batch over `TIMES`, without self-conditioning.

    Args:
        denoiser: on the device of the molecules.
        process: that it was trained on.
        x0: clean molecules.
        seed: of the noise.
        number: of the batch, for its noise.
        precision: as of the settings of a run.

    Returns:
        The losses.
    """
    parts = []
    for stream, time in enumerate(TIMES, 1):
        generator = sample_generator(seed, number, stream=stream)
        x0_hat, t = denoise(denoiser, process, x0, time, generator=generator, precision=precision)
        parts.append(losses(x0_hat, x0, t, process=process, pos_floor=FLOOR))
    return Losses(*(torch.stack([getattr(p, field.name) for p in parts]).mean() for field in fields(Losses)))


def mean_losses(
    denoiser: Denoiser, process: JointProcess, batches: Iterable[State], *, seed: int = 0
) -> dict[str, float]:
    """Mean losses of molecules over `TIMES`.

    Args:
        denoiser: on the device of the molecules.
        process: that it was trained on.
        batches: of clean molecules.
        seed: of the noise.

    Returns:
        `pos`, `atom`, `bond` and `latent` as of `moldiff.training.denoiser.losses`; nothing without batches.
    """
    total, count = {field.name: 0.0 for field in fields(Losses)}, 0
    for number, x0 in enumerate(batches):
        parts = losses_at_times(denoiser, process, x0, seed=seed, number=number)
        count += len(x0.mask)
        for name in total:
            total[name] += float(getattr(parts, name)) * len(x0.mask)
    return {name: value / count for name, value in total.items()} if count else {}
