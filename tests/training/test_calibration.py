import numpy as np
import pytest
import torch

from moldiff.build import build_process
from moldiff.config.model import ProcessConfig
from moldiff.data.store.dataset import MoleculeStore
from moldiff.diffusion.joint import JointProcess
from moldiff.state import Prediction, State, Times
from moldiff.training.denoiser.calibration import NUM_TIMES, x0_std


class LinearGuess:
    """Predicts skip z_t, whose error is known."""

    def __init__(self, process: JointProcess, factor: float = 1.0) -> None:
        self.process, self.factor = process, factor

    def __call__(self, state: State, t: Times, previous: Prediction | None = None) -> Prediction:
        skip, _ = self.process.pos.skip(t.pos)
        empty = torch.zeros(*state.bond.shape, 4)
        return Prediction(self.factor * skip[..., None] * state.pos, empty[..., 0, :], empty)


@pytest.fixture
def process(store: MoleculeStore) -> JointProcess:
    return build_process(ProcessConfig(), store.statistics)


def relative_difference(store: MoleculeStore, process: JointProcess, factor: float) -> float:
    errors, of_latents = x0_std(LinearGuess(process, factor), process, store, np.arange(len(store)))
    assert of_latents == ()
    expected = process.pos.skip(torch.linspace(0, 1, NUM_TIMES)[None])[1][0]
    assert len(errors) == NUM_TIMES
    assert errors[0] == 0
    return float((torch.tensor(errors)[1:] / expected[1:] - 1).abs().max())


def test_errors_are_those_of_a_known_denoiser(store: MoleculeStore, process: JointProcess):
    """Within 10 %: 200 small molecules, whose noise has lost its mean."""
    assert relative_difference(store, process, 1.0) < 0.1


def test_errors_law_catches_a_wrong_denoiser(store: MoleculeStore, process: JointProcess):
    assert relative_difference(store, process, 0.5) > 0.3
