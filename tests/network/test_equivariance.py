"""Rotation, reflection, translation and permutation, each with a network that breaks it."""

from collections.abc import Callable

import pytest
import torch
from network_inputs import Inputs, make_inputs, make_network
from torch import Tensor

from moldiff.network.model import EquivariantNetwork
from moldiff.state import Prediction

TOLERANCE = 1e-9


def run(network: EquivariantNetwork, x: Inputs) -> Prediction:
    with torch.no_grad():
        return network(x.state, x.t, x.guess, x.error, x.previous)


def assert_same(one: Prediction, other: Prediction, x: Inputs) -> None:
    """Equal wherever there is an atom or a pair of atoms."""
    pairs = x.state.pair_mask
    for a, b in ((one.pos, other.pos), (one.atom, other.atom)):
        torch.testing.assert_close(a[x.state.mask], b[x.state.mask], rtol=0, atol=TOLERANCE)
    torch.testing.assert_close(one.bond[pairs], other.bond[pairs], rtol=0, atol=TOLERANCE)


def orthogonal(determinant: int) -> Tensor:
    matrix, _ = torch.linalg.qr(torch.randn(3, 3, generator=torch.Generator().manual_seed(3)))
    return matrix * determinant * torch.linalg.det(matrix).sign()


def assert_equivariant(network: EquivariantNetwork, x: Inputs, move: Callable[[Tensor], Tensor]) -> None:
    """Moved inputs give moved coordinates and the same classes."""
    plain = run(network, x)
    moved = Prediction(move(plain.pos), plain.atom, plain.bond)
    assert_same(run(network, x.mapped(move)), moved, x)


def assert_permutes(network: EquivariantNetwork, x: Inputs) -> None:
    order = torch.randperm(x.state.mask.shape[1], generator=torch.Generator().manual_seed(5))
    plain, shuffled = run(network, x), x.permuted(order)
    expected = Prediction(plain.pos[:, order], plain.atom[:, order], plain.bond[:, order][:, :, order])
    assert_same(run(network, shuffled), expected, shuffled)


def rotate(pos: Tensor) -> Tensor:
    return pos @ orthogonal(1)


def reflect(pos: Tensor) -> Tensor:
    return pos @ orthogonal(-1)


def translate(pos: Tensor) -> Tensor:
    return pos + torch.tensor([3.0, -2.0, 5.0])


class AbsoluteCoordinate(EquivariantNetwork):
    """Scalars see a coordinate: breaks rotation, reflection and translation."""

    def _embed(self, state, t, guess, previous, pairs):
        x = super()._embed(state, t, guess, previous, pairs)
        x.scalars[..., 0] += guess[..., 0].T
        return x


class DistanceFromOrigin(EquivariantNetwork):
    """Scalars see the distance from the origin: breaks translation only."""

    def _embed(self, state, t, guess, previous, pairs):
        x = super()._embed(state, t, guess, previous, pairs)
        x.scalars[..., 0] += guess.norm(dim=-1).T
        return x


class Pseudovector(EquivariantNetwork):
    """Adds a cross product of two vectors to a vector: breaks reflection only."""

    def forward(self, state, t, guess, error, previous):
        out = super().forward(state, t, guess, error, previous)
        centre = guess.mean(1, keepdim=True)
        return Prediction(out.pos + torch.linalg.cross(guess - centre, out.pos - centre), out.atom, out.bond)


class Numbered(EquivariantNetwork):
    """Scalars see the number of the slot: breaks permutation only."""

    def _embed(self, state, t, guess, previous, pairs):
        x = super()._embed(state, t, guess, previous, pairs)
        x.scalars[..., 0] += torch.arange(len(x.scalars))[:, None]
        return x


@pytest.mark.parametrize("conditioned", [True, False])
def test_network_output_is_not_trivial(lmax: int, conditioned: bool):
    """Every variable depends on every input, so that the laws below say something."""
    network, x = make_network(lmax), make_inputs([6, 6], conditioned=conditioned)
    plain = run(network, x)
    assert (plain.pos - x.guess).norm(dim=-1).min() > 0.05
    assert plain.atom.std(1).min() > 0.02
    assert plain.bond[x.state.pair_mask].std(0).min() > 0.05
    changes: list[Inputs] = [
        x.mapped(lambda pos: pos * 1.1),
        Inputs(x.state.replace(atom=(x.state.atom + 1) % 5), x.t, x.guess, x.error, x.previous),
        Inputs(x.state.replace(bond=3 - x.state.bond), x.t, x.guess, x.error, x.previous),
        Inputs(x.state, make_inputs([6, 6], seed=9).t, x.guess, x.error, x.previous),
    ]
    if conditioned:
        changes.append(Inputs(x.state, x.t, x.guess, x.error, make_inputs([6, 6], seed=9).previous))
    for changed in changes:
        out = run(network, changed)
        for a, b, base in ((out.pos, plain.pos, changed.guess - x.guess), (out.atom, plain.atom, 0)):
            assert (a - b - base).abs().max() > 1e-3
        assert (out.bond - plain.bond)[x.state.pair_mask].abs().max() > 1e-3


@pytest.mark.parametrize("degree", [2, 3])
def test_network_higher_degrees_matter(degree: int):
    network, x = make_network(degree), make_inputs([6])
    plain = run(network, x)
    for block in network.blocks:
        coupling = getattr(block.harmonics, f"coupling_{degree}")
        coupling.zero_()
    assert (run(network, x).atom - plain.atom).abs().max() > 1e-3


@pytest.mark.parametrize("conditioned", [True, False])
@pytest.mark.parametrize("move", [rotate, reflect, translate], ids=lambda move: move.__name__)
def test_network_moves_with_its_input(lmax: int, move: Callable[[Tensor], Tensor], conditioned: bool):
    assert_equivariant(make_network(lmax), make_inputs([7, 5, 7], conditioned=conditioned), move)


def test_network_permutes_with_its_input(lmax: int):
    assert_permutes(make_network(lmax), make_inputs([7, 5, 7]))


@pytest.mark.parametrize(
    ("fault", "broken", "kept"),
    [
        (AbsoluteCoordinate, [rotate, reflect, translate], []),
        (DistanceFromOrigin, [translate], [rotate, reflect]),
        (Pseudovector, [reflect], [rotate, translate]),
        (Numbered, [], [rotate, reflect, translate]),
    ],
)
def test_network_laws_catch_a_fault(fault: type[EquivariantNetwork], broken: list, kept: list):
    network, x = make_network(1, fault), make_inputs([6, 6])
    for move in kept:
        assert_equivariant(network, x, move)
    for move in broken:
        with pytest.raises(AssertionError):
            assert_equivariant(network, x, move)
    if fault is Numbered:
        with pytest.raises(AssertionError):
            assert_permutes(network, x)
    else:
        assert_permutes(network, x)


def test_network_law_catches_wrong_parity():
    """A harmonic of l = 2 handed on as one of l = 1: the message turns wrongly."""
    network, x = make_network(2), make_inputs([6])
    for block in network.blocks:
        block.harmonics.coupling_2 = block.harmonics.coupling_2[:, [1, 0, 2, 3, 4]]
    assert_permutes(network, x)
    with pytest.raises(AssertionError):
        assert_equivariant(network, x, rotate)


def test_network_moves_with_its_input_in_float32(lmax: int):
    network, x = make_network(lmax).float(), make_inputs([7, 7])

    def single(values: Inputs) -> Inputs:
        return values._each(lambda v, _: v.float() if v.is_floating_point() else v)

    plain, turned = run(network, single(x)), run(network, single(x.mapped(reflect)))
    assert plain.pos.dtype == torch.float32
    torch.testing.assert_close(turned.pos, reflect(plain.pos.double()).float(), rtol=0, atol=2e-4)
    torch.testing.assert_close(turned.atom, plain.atom, rtol=0, atol=2e-4)
