"""Counts of paths, against paths that are enumerated one by one, and what the network does with them."""

import itertools

import pytest
import torch
from network_inputs import ATOM_CLASSES, make_inputs, make_network
from torch import Tensor

from moldiff.network.equivariance import assert_equivariant
from moldiff.network.rings import path_counts
from moldiff.state import BOND_CLASSES

LONGEST = 6


def ring(size: int, slots: int) -> Tensor:
    """One ring among so many atoms."""
    bonded = torch.zeros(1, slots, slots, dtype=torch.bool)
    for i in range(size):
        j = (i + 1) % size
        bonded[0, i, j] = bonded[0, j, i] = True
    return bonded


def enumerated(bonded: Tensor, longest: int) -> Tensor:
    """The same counts by walking: slow and plain."""
    n = len(bonded)
    counts = torch.zeros(n, n, longest - 1)
    for length in range(2, longest + 1):
        for path in itertools.product(range(n), repeat=length + 1):
            along = all(bonded[a, b] for a, b in itertools.pairwise(path))
            turns = any(a == c for a, c in zip(path, path[2:], strict=False))
            counts[path[0], path[-1], length - 2] += along and not turns
    return counts.log1p().float()


@pytest.mark.parametrize("seed", range(3))
def test_paths_are_those_that_can_be_enumerated(seed: int):
    upper = (torch.rand(5, 5, generator=torch.Generator().manual_seed(seed)) < 0.6).triu(1)
    bonded = upper | upper.T
    torch.testing.assert_close(path_counts(bonded[None], 5)[0], enumerated(bonded, 5))


@pytest.mark.parametrize("size", [3, 4, 5, 6])
def test_a_bond_sees_the_size_of_its_ring(size: int):
    counts = path_counts(ring(size, 8), LONGEST)[0].expm1().round()
    closing, itself = counts[0, 1].nonzero().flatten(), counts[0, 0].nonzero().flatten()
    assert int(closing[0]) == size - 3  # the first is of `size - 1` bonds: the other way round
    assert int(itself[0]) == size - 2
    assert int(counts[0, 0, size - 2]) == 2  # one path each way round
    assert not counts[7].any()


def test_network_that_counts_is_equivariant():
    network = make_network(1, longest_path=LONGEST, latent=True)
    assert_equivariant(network, atom_classes=ATOM_CLASSES, latent_vectors=1, bond_classes=BOND_CLASSES + 1)


def test_bonds_that_are_hidden_are_none():
    """Absorbing noise hides a bond behind a class of its own."""
    x, model = make_inputs([6]), make_network(1, longest_path=LONGEST)
    hidden = x.state.replace(bond=torch.full_like(x.state.bond, BOND_CLASSES))
    assert not model._paths(hidden, None).any()


def test_what_is_predicted_before_is_read():
    x = make_inputs([6])
    model, before = make_network(1, longest_path=LONGEST), x.previous
    assert before is not None
    state = model._paths(x.state, before)
    assert state.shape == (1, 6, 6, 2 * (LONGEST - 1))
    bonded = (before.bond.softmax(-1)[..., 0] < 0.5) & x.state.pair_mask
    torch.testing.assert_close(state[..., LONGEST - 1 :], path_counts(bonded, LONGEST))
    assert not model._paths(x.state, None)[..., LONGEST - 1 :].any()


@pytest.mark.parametrize("classes", [[0, 2], [1, 3, 4]])
def test_columns_of_a_class_are_those_that_it_multiplies(classes: list[int]):
    plain, reads = make_network(1), make_network(1, longest_path=LONGEST)
    extra = 2 * (LONGEST - 1)
    assert len(reads.atom_columns(classes)) == len(plain.atom_columns(classes)) + extra
    assert reads.atom_columns(classes)[-1] == reads.embed_atoms.in_features - 1
