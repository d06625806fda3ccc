"""From a network to a denoiser: the one place where coordinates are preconditioned."""

from typing import Protocol, runtime_checkable

from torch import nn

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
        pos = project(prediction.pos, state.mask, is_floating(t, state.mask))
        return Prediction(pos, prediction.atom, prediction.bond)
