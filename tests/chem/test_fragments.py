import numpy as np
import pytest

from moldiff.chem.fragments import matches, pieces, together
from moldiff.errors import ConfigError


def test_pattern_finds_its_first_atoms(embed):
    molecule = embed("c1ccoc1")
    found = matches(molecule, "[cH]o")
    assert len(found) == 2
    assert all(molecule.elements[found] == 6)
    assert all(molecule.bond[atom, molecule.elements == 8].any() for atom in found)
    for smarts, message in (("[cH", "no SMARTS"), ("N", "no atom matches")):
        with pytest.raises(ConfigError, match=message):
            matches(molecule, smarts)


def test_pieces_of_two_together_are_two(embed):
    water, methane = embed("O"), embed("C")
    both = together([water, methane])
    assert pieces(both).tolist() == [0] * 3 + [1] * 5
    assert (both.bond[3:, 3:] == methane.bond).all()
    assert not both.bond[:3, 3:].any()
    assert np.array_equal(both.pos[3:], methane.pos)
