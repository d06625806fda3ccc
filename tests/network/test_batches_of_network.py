"""A molecule's output depends neither on batch nor on padding, and is finite where it is small or collapsed."""

import pytest
import torch
from network_inputs import make_inputs, make_network, padded, rows

from moldiff.network.equivariance import NetworkInputs
from moldiff.network.model import EquivariantNetwork
from moldiff.state import Prediction

TOLERANCE = 1e-9


def run(network: EquivariantNetwork, x: NetworkInputs) -> Prediction:
    with torch.no_grad():
        return network(x.state, x.t, x.guess, x.error, x.previous)


def assert_independent(network: EquivariantNetwork, x: NetworkInputs) -> None:
    """Alone without padding, in the batch, and in the batch with more slots full of nonsense."""
    together = run(network, x)
    wider = run(network, padded(x, x.state.mask.shape[1] + 3, 7.0))
    for row, size in enumerate(x.state.mask.sum(1).tolist()):
        one = rows(x, torch.tensor([row]))
        alone = run(network, one.each(lambda v, pair, k=size: v[:, :k, :k] if pair else v[:, :k]))
        off_diagonal = ~torch.eye(size, dtype=torch.bool)
        for other in (together, wider):
            for a, b in ((other.pos, alone.pos), (other.atom, alone.atom), (other.latent, alone.latent)):
                torch.testing.assert_close(a[row, :size], b[0], rtol=0, atol=TOLERANCE)
            bond = other.bond[row, :size, :size]
            torch.testing.assert_close(bond[off_diagonal], alone.bond[0][off_diagonal], rtol=0, atol=TOLERANCE)


class PaddedSize(EquivariantNetwork):
    """Counts slots instead of atoms."""

    def _embed(self, state, t, guess, previous, pairs):
        x = super()._embed(state, t, guess, previous, pairs)
        x.scalars[..., 0] += state.mask.shape[1]
        return x


class OpenPadding(EquivariantNetwork):
    """Lets atoms listen to padded slots."""

    def forward(self, state, t, guess, error, previous):
        return super().forward(state.replace(mask=torch.ones_like(state.mask)), t, guess, error, previous)


class BatchMean(EquivariantNetwork):
    """Normalises over the batch."""

    def _embed(self, state, t, guess, previous, pairs):
        x = super()._embed(state, t, guess, previous, pairs)
        x.scalars[...] -= x.scalars.mean(1, keepdim=True)
        return x


@pytest.mark.parametrize("conditioned", [True, False])
def test_network_is_independent_of_batch_and_padding(lmax: int, conditioned: bool):
    assert_independent(make_network(lmax), make_inputs([7, 4, 2, 6], conditioned=conditioned))


@pytest.mark.parametrize("conditioned", [True, False])
def test_network_with_all_inputs_is_independent_of_batch_and_padding(conditioned: bool):
    network = make_network(1, longest_path=6, latent=True)
    assert_independent(network, make_inputs([7, 4, 2, 6], conditioned=conditioned, latent=True))


@pytest.mark.parametrize("fault", [PaddedSize, OpenPadding, BatchMean])
def test_network_batch_law_catches_a_fault(fault: type[EquivariantNetwork]):
    with pytest.raises(AssertionError):
        assert_independent(make_network(1, fault), make_inputs([7, 4, 2, 6]))


@pytest.mark.parametrize("sizes", [[1], [1, 1], [2], [2, 3, 5]])
def test_network_takes_one_and_two_atoms(lmax: int, sizes: list[int]):
    network, x = make_network(lmax), make_inputs(sizes)
    out = run(network, x)
    assert all(bool(values.isfinite().all()) for values in (out.pos, out.atom, out.bond))
    assert_independent(network, x)


def test_network_takes_a_lone_atom_among_others(lmax: int):
    """It listens to itself alone: other molecules and what stands in padded slots do not reach it."""
    network, x = make_network(lmax), make_inputs([1, 2, 5])
    together, wider = run(network, x), run(network, padded(x, 8, 7.0))
    with_another = run(network, rows(x, torch.tensor([0, 2])))
    for other in (wider, with_another):
        torch.testing.assert_close(other.pos[0, 0], together.pos[0, 0], rtol=0, atol=TOLERANCE)
        torch.testing.assert_close(other.atom[0, 0], together.atom[0, 0], rtol=0, atol=TOLERANCE)
    assert together.pos.isfinite().all()


def test_network_gradient_is_finite_at_coincident_atoms(lmax: int):
    network, x = make_network(lmax), make_inputs([5, 3]).mapped(torch.zeros_like)
    guess = x.guess.clone().requires_grad_()
    out = network(x.state, x.t, guess, x.error, x.previous)
    (out.pos.square().sum() + out.atom.square().sum() + out.bond.square().sum()).backward()
    gradients = [guess.grad, *(p.grad for p in network.parameters())]
    assert all(g is not None and bool(g.isfinite().all()) for g in gradients)


def test_network_every_parameter_learns(lmax: int):
    """No parameter is cut off from the output, but the first block has no vectors of l > 1 to mix yet."""
    network, x = make_network(lmax), make_inputs([6, 5])
    out = network(x.state, x.t, x.guess, x.error, x.previous)
    (out.pos.square().sum() + out.atom.square().sum() + out.bond.square().sum()).backward()
    idle = [name for name, p in network.named_parameters() if p.grad is None or not p.grad.any()]
    assert idle == [f"blocks.0.project_vectors.maps.{degree - 1}.weight" for degree in range(2, lmax + 1)]
