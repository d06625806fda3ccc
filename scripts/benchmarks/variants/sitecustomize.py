"""Changes of the recipe that lost, or that need a package of their own: no settings of the library, so put in here.

Python imports this file at its start where PYTHONPATH names this folder; `scripts/benchmarks/ablation.py` does, for
every process of a row, and says in MOLDIFF_VARIANT which change it is.
"""

import os

import torch

import moldiff.network.blocks as blocks
import moldiff.training.denoiser.module as training
import moldiff.training.optimizer as optimizer
from moldiff.diffusion.denoiser import NetworkDenoiser
from moldiff.diffusion.gaussian import GaussianProcess
from moldiff.diffusion.joint import is_floating, project
from moldiff.diffusion.random import BatchRandomness
from moldiff.state import Prediction, State


def aligned_noise() -> None:
    """Noise turned, mirrored and its atoms exchanged so that it lies nearest to the molecule (Klein et al. 2023)."""
    from scipy.optimize import linear_sum_assignment

    class Aligned(BatchRandomness):
        x0: State | None = None

        def normal(self, n: int) -> torch.Tensor:
            noise, x0, self.x0 = super().normal(n), self.x0, None
            if x0 is None:  # noise of the step back
                return noise
            slots = x0.mask[..., None]
            count = slots.sum(1, keepdim=True).clamp_min(1)
            pos, noise = ((v - (v * slots).sum(1, keepdim=True) / count) * slots for v in (x0.pos, noise))
            for _ in range(2):
                left, _, right = torch.linalg.svd(noise.transpose(1, 2) @ pos)
                noise = noise @ left @ right
                near = (pos @ noise.transpose(1, 2)).numpy()
                for molecule, (atoms, gain) in enumerate(zip(x0.mask, near, strict=True)):
                    size = int(atoms.sum())
                    _, order = linear_sum_assignment(-gain[:size, :size])
                    noise[molecule, :size] = noise[molecule, order]
            return noise

    plain = training.DiffusionModule.loss

    def loss(self, batch, number):
        Aligned.x0 = batch
        return plain(self, batch, number)

    training.BatchRandomness = Aligned
    training.DiffusionModule.loss = loss


def adamw() -> None:
    """No matrix is large enough for Muon."""
    optimizer.LEAST_SIDE = 10**9


def soap() -> None:
    """SOAP (Vyas et al. 2024) in Muon's place; needs the package pytorch-optimizer."""
    from pytorch_optimizer import SOAP  # pyright: ignore[reportMissingImports]

    def build(matrices, *, lr, weight_decay):
        return SOAP(matrices, lr=lr, betas=(0.95, 0.95), weight_decay=weight_decay, precondition_frequency=10)

    optimizer.Muon = build


def plain_x0() -> None:
    """The network says x0 itself: it sees the scaled z_t as ever, but none of it is added, and its error is charged in
    units of the spread.
    """
    linear_guess = GaussianProcess.skip

    def skip(self, t):
        noised = (t > 0).to(t)
        return 1 - noised, self.scale * noised

    def forward(self, state, t, previous=None):
        guess = linear_guess(self.process.pos, t.pos)[0][..., None] * state.pos
        added, error = self.process.pos.skip(t.pos)
        prediction = self.network(state, t, guess, error, previous)
        pos = prediction.pos - guess + added[..., None] * state.pos
        pos = project(pos, state.mask, is_floating(t, state.mask))
        return Prediction(pos, prediction.atom, prediction.bond)

    GaussianProcess.skip = skip
    NetworkDenoiser.forward = forward


def lognormal_times() -> None:
    """The law of Karras et al. 2022: log(sigma / alpha) normal, mean -1.2, deviation 1.2; t / (1 - t) is that ratio."""

    def sample_times(count, end_density, *, generator):
        uniform = (torch.rand((), generator=generator) + torch.arange(count) / count) % 1
        return (1.2 * torch.special.ndtri(uniform.clamp(1e-6, 1 - 1e-6)) - 1.2).sigmoid().clamp(1e-3, 1.0)

    training.sample_times = sample_times


def no_products() -> None:
    """Vectors of l = 2 see one another through inner products alone."""
    blocks.Products = lambda *widths, **highest: None


if variant := os.environ.get("MOLDIFF_VARIANT"):
    {
        "aligned noise": aligned_noise,
        "AdamW": adamw,
        "SOAP": soap,
        "plain x0": plain_x0,
        "log-normal times": lognormal_times,
        "no products": no_products,
    }[variant]()
