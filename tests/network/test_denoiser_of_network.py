"""The network behind `NetworkDenoiser`: the frame of the process, what is known, and the law of the whole."""

import pytest
import torch
from network_inputs import ATOM_CLASSES, make_inputs, make_network

from moldiff.diffusion.categorical import CategoricalProcess
from moldiff.diffusion.denoiser import NetworkDenoiser
from moldiff.diffusion.gaussian import GaussianProcess
from moldiff.diffusion.joint import JointProcess, project
from moldiff.diffusion.schedule import CosineSchedule, LinearSchedule, Schedule
from moldiff.network.equivariance import NetworkInputs
from moldiff.state import BOND_CLASSES, Prediction, Times

TOLERANCE = 1e-9


def make_denoiser(schedule: Schedule, lmax: int = 1, kind: type[NetworkDenoiser] = NetworkDenoiser) -> NetworkDenoiser:
    process = JointProcess(
        GaussianProcess(schedule, 1.4),
        CategoricalProcess(schedule, torch.full((ATOM_CLASSES,), 1 / ATOM_CLASSES), ATOM_CLASSES),
        CategoricalProcess(schedule, torch.full((BOND_CLASSES,), 1 / BOND_CLASSES), BOND_CLASSES),
    )
    return kind(make_network(lmax), process)


def floating() -> NetworkInputs:
    """Noisy molecules at zero mean, one time each."""
    x = make_inputs([6, 4, 6])
    pos = project(x.state.pos, x.state.mask, torch.ones(3, dtype=torch.bool))
    return NetworkInputs(
        x.state.replace(pos=pos), Times.shared(torch.tensor([0.9, 0.3, 1.0]), 6), x.guess, x.error, x.previous
    )


def run(denoiser: NetworkDenoiser, x: NetworkInputs, previous: Prediction | None = None) -> Prediction:
    with torch.no_grad():
        return denoiser(x.state, x.t, previous)


@pytest.mark.parametrize("schedule", [LinearSchedule(), CosineSchedule()], ids=str)
def test_denoiser_keeps_zero_mean_and_clean_padding(schedule: Schedule):
    x = floating()
    out = run(make_denoiser(schedule), x, x.previous)
    assert float(out.pos.sum(1).abs().max()) < TOLERANCE
    assert not out.pos[~x.state.mask].any()
    assert float(out.pos.abs().max()) > 0.1


def assert_does_not_see_translation(denoiser: NetworkDenoiser) -> None:
    """One time a molecule and no earlier prediction: where a floating molecule stands plays no part."""
    x = floating()
    moved = NetworkInputs(x.state.replace(pos=x.state.pos + 5.0), x.t, x.guess, x.error, None)
    for a, b in zip(vars(run(denoiser, x)).values(), vars(run(denoiser, moved)).values(), strict=True):
        torch.testing.assert_close(a[x.state.mask], b[x.state.mask], rtol=0, atol=TOLERANCE)


def test_denoiser_does_not_see_translation(lmax: int):
    assert_does_not_see_translation(make_denoiser(LinearSchedule(), lmax))


class Uncentred(NetworkDenoiser):
    """Does not bring the prediction back to the frame."""

    def forward(self, state, t, previous=None):
        skip, error = self.process.pos.skip(t.pos)
        return self.network(state, t, skip[..., None] * state.pos, error, previous)


def test_denoiser_law_catches_a_frame_forgotten():
    with pytest.raises(AssertionError):
        assert_does_not_see_translation(make_denoiser(LinearSchedule(), kind=Uncentred))


def test_denoiser_gives_known_coordinates_back(lmax: int):
    """t = 0 for some atoms: they come back bit for bit, the others are predicted in their frame."""
    x = make_inputs([6, 6])
    given = torch.zeros(2, 6, dtype=torch.bool)
    given[:, :3] = True
    x = NetworkInputs(x.state, Times(x.t.pos.masked_fill(given, 0.0), x.t.atom, x.t.bond), x.guess, x.error, x.previous)
    out = run(make_denoiser(CosineSchedule(), lmax), x, x.previous)
    assert torch.equal(out.pos[given], x.state.pos[given])
    assert bool((out.pos != x.state.pos)[~given].all())


@pytest.mark.parametrize("determinant", [1, -1])
def test_denoiser_turns_with_its_input(lmax: int, determinant: int):
    denoiser, x = make_denoiser(LinearSchedule(), lmax), make_inputs([6, 4])
    matrix, _ = torch.linalg.qr(torch.randn(3, 3, generator=torch.Generator().manual_seed(3)))
    matrix = matrix * determinant * torch.linalg.det(matrix).sign()
    turned = x.mapped(lambda pos: pos @ matrix)
    plain, after = run(denoiser, x, x.previous), run(denoiser, turned, turned.previous)
    torch.testing.assert_close(after.pos, plain.pos @ matrix, rtol=0, atol=TOLERANCE)
    torch.testing.assert_close(after.atom[x.state.mask], plain.atom[x.state.mask], rtol=0, atol=TOLERANCE)
    pairs = x.state.pair_mask
    torch.testing.assert_close(after.bond[pairs], plain.bond[pairs], rtol=0, atol=TOLERANCE)
    assert torch.equal(after.bond, after.bond.transpose(1, 2))
