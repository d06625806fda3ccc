"""Sizes of molecules, and how many hydrogens come with them where they are latent."""

from collections import Counter

import numpy as np
import pytest

from moldiff.errors import SizeError
from moldiff.generation.sizes import Size, Sizes, hydrogens_of

HEAVY = {2: 6, 3: 2, 9: 4}
HYDROGENS = {2: {4: 3, 6: 3}, 3: {8: 2}, 9: {2: 1, 10: 3}}


def sizes_of(num_atoms=None, num_heavy_atoms=None, *, allow_extrapolation: bool = False) -> Sizes:
    return Sizes.of(
        HEAVY,
        num_atoms,
        num_heavy_atoms=num_heavy_atoms,
        num_hydrogens=HYDROGENS,
        allow_extrapolation=allow_extrapolation,
    )


def test_sizes_come_as_often_as_in_the_data():
    drawn = Counter(sizes_of().draw(0, index) for index in range(3000))
    expected = {Size(n, h): count / 12 for n, of in HYDROGENS.items() for h, count in of.items()}
    assert set(drawn) == set(expected)
    assert all(abs(count / 3000 - expected[size]) < 0.04 for size, count in drawn.items())


def test_bounds_count_all_atoms_or_heavy_ones():
    assert sizes_of(8).values == [(2, 6)]
    assert sizes_of((8, 11)).values == [(2, 6), (3, 8), (9, 2)]
    assert sizes_of((8, 11), 9).values == [(9, 2)]
    assert sizes_of(None, (2, 3)).values == [(2, 4), (2, 6), (3, 8)]


def test_sizes_that_the_data_lacks_are_even():
    """Within the range its share of hydrogens is the data's; where only heavy atoms are asked for it is not given."""
    assert sizes_of(7).values == [(3, 4)]
    assert sizes_of(None, 5).values == [(5, -1)]
    with pytest.warns(UserWarning, match="trained on 6 to 19"):
        assert sizes_of(24, allow_extrapolation=True).values == [(10, 14)]
    with pytest.raises(SizeError, match="num_atoms 7 with num_heavy_atoms 3: the data has none"):
        sizes_of(7, 3)


def test_labels_change_the_sizes_and_the_data_their_hydrogens():
    only = Sizes.of({2: 0.0, 3: 0.5, 9: 0.5}, None, num_hydrogens=HYDROGENS, allow_extrapolation=False)
    assert only.values == [(3, 8), (9, 2), (9, 10)]
    np.testing.assert_allclose(only.cumulative, [0.5, 0.625, 1.0])


def test_explicit_sizes_have_no_hydrogens_apart():
    explicit = Sizes.of({5: 1, 20: 3}, None, allow_extrapolation=False)
    assert explicit.values == [(5, -1), (20, -1)]
    assert hydrogens_of(explicit.values).tolist() == [-1, -1]
    with pytest.raises(SizeError, match="give num_atoms, hydrogens included"):
        Sizes.of({5: 1, 20: 3}, None, num_heavy_atoms=3, allow_extrapolation=False)
