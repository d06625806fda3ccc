"""From a network to a denoiser: the one place where coordinates are preconditioned."""

from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from moldiff.diffusion.joint import JointProcess, is_floating, project
from moldiff.state import Prediction, State, Times


@runtime_checkable
class Denoiser(Protocol):
    """Anything that predicts the clean molecules from noisy ones."""

    def __call__(self, state: State, t: Times, previous: Prediction | None = None) -> Prediction:
        """x0 for coordinates, logits for classes; `previous` is the last prediction, for self-conditioning."""
        ...


class NetworkDenoiser(nn.Module):
    """x0_hat = skip z_t + error F(z_t, t): the network F only has to correct the best linear guess.

    Source: Karras et al. 2022, arXiv:2206.00364, section 5, with a time for every atom.
    """

    def __init__(self, network: nn.Module, process: JointProcess) -> None:
        super().__init__()
        self.network = network
        self.process = process

    def forward(self, state: State, t: Times, previous: Prediction | None = None) -> Prediction:
        """Predicts; a floating molecule's coordinates have zero mean, a known coordinate comes back as it is."""
        skip, error = self.process.pos.skip(t.pos)
        guess = skip[..., None] * state.pos
        prediction = self.network(state, t, guess, error, previous)
        return Prediction(
            centred(prediction.pos, state.mask, is_floating(t, state.mask)), prediction.atom, prediction.bond
        )


def centred(
    pos: Float[Tensor, "b n 3"], mask: Bool[Tensor, "b n"], floating: Bool[Tensor, "b"]
) -> Float[Tensor, "b n 3"]:
    """Predictions brought to the frame of the process."""
    return project(pos.to(torch.float32) if pos.dtype == torch.bfloat16 else pos, mask, floating)
