"""The decoder of latent hydrogens: as a set it moves with the molecule, mirror images included."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from moldiff.network.blocks import Widths
from moldiff.network.equivariance import assert_equivariant, move_latents, random_inputs, reflect, rotate, translate
from moldiff.network.hydrogen_decoder import HydrogenDecoder, lone_hydrogens
from moldiff.network.model import EquivariantNetwork
from moldiff.state import BOND_CLASSES, State

HYDROGENS = [0, 1, 2, 3, 0]
WIDTHS = Widths(atom=16, vector=4, pair=6, hidden=8, heads=2, lmax=1)


def make_decoder() -> HydrogenDecoder:
    torch.manual_seed(0)
    decoder = HydrogenDecoder(
        atom_classes=5, hydrogens=HYDROGENS, num_blocks=2, widths=WIDTHS, scale=1.4, latent_scale=0.5
    )
    with torch.no_grad():
        for parameter in decoder.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return decoder.requires_grad_(False)


def make_state(seed: int = 0) -> State:
    return random_inputs([7, 5, 7], atom_classes=5, seed=seed, latent_vectors=1).state


def distances(one: Tensor, other: Tensor, count: Tensor) -> float:
    """Greatest distance between the hydrogens of two predictions, a second and a third either way round."""
    swapped = torch.where((count == 3)[..., None, None], other[:, :, [0, 2, 1, 3]], other)
    straight, crossed = ((one - of).norm(dim=-1).amax(-1) for of in (other, swapped))
    return float(torch.minimum(straight, crossed).max())


@pytest.mark.parametrize("move", [rotate, reflect, translate])
def test_hydrogens_move_with_the_molecule(move):
    decoder, state = make_decoder(), make_state()
    plain = decoder(state)
    moved = decoder(state.replace(pos=move(state.pos), latent=move_latents(move, state.latent)))
    expected = move_latents(move, plain.flatten(2)).unflatten(2, (4, 3))
    assert distances(moved, expected, decoder.count(state)) < 1e-9
    assert plain.norm(dim=-1)[decoder.count(state) == 3][:, :3].min() > 1e-3


def test_a_polar_second_hydrogen_alone_would_break_the_mirror():
    """Planted: with a fixed sign of the axial part the second hydrogen does not follow a mirror image."""
    decoder, state = make_decoder(), make_state()
    plain = decoder(state)
    mirrored = decoder(state.replace(pos=reflect(state.pos), latent=move_latents(reflect, state.latent)))
    expected = move_latents(reflect, plain.flatten(2)).unflatten(2, (4, 3))
    assert float((mirrored - expected).norm(dim=-1).max()) > 1e-3


def test_hydrogens_of_permuted_atoms_are_permuted():
    decoder, state = make_decoder(), make_state()
    order = torch.randperm(7, generator=torch.Generator().manual_seed(1))
    shuffled = State(
        state.pos[:, order],
        state.atom[:, order],
        state.bond[:, order][:, :, order],
        state.mask[:, order],
        latent=state.latent[:, order],
    )
    torch.testing.assert_close(decoder(shuffled), decoder(state)[:, order], rtol=0, atol=1e-9)


def test_there_are_as_many_hydrogens_as_the_class_says():
    decoder, state = make_decoder(), make_state()
    there = (decoder(state) != 0).any(-1).sum(-1)
    assert torch.equal(there, torch.tensor(HYDROGENS)[state.atom] * state.mask)


@pytest.mark.parametrize(("count", "degrees"), [(2, 104.5), (3, 107.0), (4, 109.47)])
def test_lone_atoms_get_the_angles_of_their_hydride(count: int, degrees: float):
    first = torch.randn(2, 5, 3)
    vectors = lone_hydrogens(first, torch.full((2, 5), count))[:, :, :count]
    lengths = vectors.norm(dim=-1)
    torch.testing.assert_close(lengths, first.norm(dim=-1)[..., None].expand_as(lengths))
    torch.testing.assert_close(vectors[:, :, 0], first)
    unit = vectors / lengths[..., None]
    cosines = (unit @ unit.transpose(2, 3))[..., *torch.triu_indices(count, count, 1)]
    torch.testing.assert_close(torch.rad2deg(cosines.acos()), torch.full_like(cosines, degrees), rtol=0, atol=0.01)


def test_an_atom_without_neighbours_uses_these_angles():
    decoder = make_decoder()
    state = State(
        torch.zeros(1, 1, 3),
        torch.tensor([[3]]),
        torch.zeros(1, 1, 1, dtype=torch.long),
        torch.ones(1, 1) > 0,
        latent=torch.tensor([[[0.0, 0.0, 1.0]]]),
    )
    vectors = decoder(state)[0, 0, :3]
    angle = torch.rad2deg((vectors[1] @ vectors[2] / vectors[1].norm() / vectors[2].norm()).acos())
    assert float(angle) == pytest.approx(107.0, abs=0.01)


def make_latent_network(kind: type[EquivariantNetwork] = EquivariantNetwork) -> EquivariantNetwork:
    torch.manual_seed(1)
    return kind(
        atom_classes=5,
        atom_inputs=5,
        bond_inputs=BOND_CLASSES,
        num_blocks=2,
        widths=WIDTHS,
        scale=1.4,
        latent_vectors=1,
        latent_scale=0.5,
    )


class FixedAxis(EquivariantNetwork):
    """Adds a constant to the latent: breaks rotation."""

    def forward(self, state, t, guess, error, previous):
        out = super().forward(state, t, guess, error, previous)
        return replace(out, latent=out.latent + 0.1)


def test_a_network_with_latents_is_equivariant():
    assert_equivariant(make_latent_network(), atom_classes=5, latent_vectors=1)


def test_the_laws_catch_a_latent_that_does_not_turn():
    with pytest.raises(AssertionError, match="latent"):
        assert_equivariant(make_latent_network(FixedAxis), atom_classes=5, latent_vectors=1)
