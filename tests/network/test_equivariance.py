"""Rotation, reflection, translation and permutation, each with a network that breaks it."""

from collections.abc import Callable

import pytest
import torch
from network_inputs import ATOM_CLASSES, make_inputs, make_network
from torch import Tensor

from moldiff.network.equivariance import (
    NetworkInputs,
    assert_equivariant,
    assert_moves,
    assert_permutes,
    predict,
    reflect,
    rotate,
    translate,
)
from moldiff.network.model import EquivariantNetwork
from moldiff.state import Prediction


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
    plain = predict(network, x)
    assert (plain.pos - x.guess).norm(dim=-1).min() > 0.05
    assert plain.atom.std(1).min() > 0.02
    assert plain.bond[x.state.pair_mask].std(0).min() > 0.05
    changes: list[NetworkInputs] = [
        x.mapped(lambda pos: pos * 1.1),
        NetworkInputs(x.state.replace(atom=(x.state.atom + 1) % 5), x.t, x.guess, x.error, x.previous),
        NetworkInputs(x.state.replace(bond=3 - x.state.bond), x.t, x.guess, x.error, x.previous),
        NetworkInputs(x.state, make_inputs([6, 6], seed=9).t, x.guess, x.error, x.previous),
    ]
    if conditioned:
        changes.append(NetworkInputs(x.state, x.t, x.guess, x.error, make_inputs([6, 6], seed=9).previous))
    for changed in changes:
        out = predict(network, changed)
        for a, b, base in ((out.pos, plain.pos, changed.guess - x.guess), (out.atom, plain.atom, 0)):
            assert (a - b - base).abs().max() > 1e-3
        assert (out.bond - plain.bond)[x.state.pair_mask].abs().max() > 1e-3


@pytest.mark.parametrize("degree", [2, 3])
def test_network_higher_degrees_matter(degree: int):
    network, x = make_network(degree), make_inputs([6])
    plain = predict(network, x)
    for block in network.blocks:
        coupling = getattr(block.harmonics, f"coupling_{degree}")
        coupling.zero_()
    assert (predict(network, x).atom - plain.atom).abs().max() > 1e-3


@pytest.mark.parametrize("conditioned", [True, False])
@pytest.mark.parametrize("move", [rotate, reflect, translate], ids=lambda move: move.__name__)
def test_network_moves_with_its_input(lmax: int, move: Callable[[Tensor], Tensor], conditioned: bool):
    assert_moves(make_network(lmax), make_inputs([7, 5, 7], conditioned=conditioned), move)


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
        assert_moves(network, x, move)
    for move in broken:
        with pytest.raises(AssertionError):
            assert_moves(network, x, move)
    if fault is Numbered:
        with pytest.raises(AssertionError):
            assert_permutes(network, x)
    else:
        assert_permutes(network, x)


def test_public_check_accepts_the_network_and_names_a_broken_law():
    assert_equivariant(make_network(1), atom_classes=ATOM_CLASSES)
    for fault, message in ((Pseudovector, "reflect"), (DistanceFromOrigin, "translate"), (Numbered, "permutation")):
        with pytest.raises(AssertionError, match=message):
            assert_equivariant(make_network(1, fault), atom_classes=ATOM_CLASSES)


class Constant(EquivariantNetwork):
    """Leaves the coordinates where they are: equivariant, but nothing."""

    def forward(self, state, t, guess, error, previous):
        out = super().forward(state, t, guess, error, previous)
        return Prediction(guess, out.atom, out.bond)


def test_public_check_refuses_a_trivial_network():
    with pytest.raises(AssertionError, match="no coordinate moves"):
        assert_equivariant(make_network(1, Constant), atom_classes=ATOM_CLASSES)


def test_network_law_catches_wrong_parity():
    """A harmonic of l = 2 in place of one of l = 1: the message turns wrongly."""
    network, x = make_network(2), make_inputs([6])
    for block in network.blocks:
        block.harmonics.coupling_2 = block.harmonics.coupling_2[:, [1, 0, 2, 3, 4]]  # pyright: ignore[reportIndexIssue]
    assert_permutes(network, x)
    with pytest.raises(AssertionError):
        assert_moves(network, x, rotate)


def test_network_moves_with_its_input_in_float32(lmax: int):
    network, x = make_network(lmax).float(), make_inputs([7, 7])

    def single(values: NetworkInputs) -> NetworkInputs:
        return values.each(lambda v, _: v.float() if v.is_floating_point() else v)

    plain, turned = predict(network, single(x)), predict(network, single(x.mapped(reflect)))
    assert plain.pos.dtype == torch.float32
    torch.testing.assert_close(turned.pos, reflect(plain.pos.double()).float(), rtol=0, atol=2e-4)
    torch.testing.assert_close(turned.atom, plain.atom, rtol=0, atol=2e-4)
