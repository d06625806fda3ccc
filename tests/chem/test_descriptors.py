import math

import numpy as np
import pytest

from moldiff.chem.descriptors import DESCRIPTORS, descriptors, diversity

NAMES = list(DESCRIPTORS)


def test_descriptors_of_known_molecules() -> None:
    ethanol, benzene, spiro = descriptors(["CCO", "c1ccccc1", "C1CC12CC2"])
    assert ethanol[NAMES.index("weight")] == pytest.approx(46.069, abs=1e-3)
    assert ethanol[NAMES.index("tpsa")] == pytest.approx(20.23)
    assert ethanol[[NAMES.index(n) for n in ("donors", "acceptors", "rings", "fsp3")]].tolist() == [1, 1, 0, 1]
    assert benzene[[NAMES.index(n) for n in ("rings", "aromatic_rings", "fsp3", "spiro")]].tolist() == [1, 1, 0, 0]
    assert spiro[NAMES.index("spiro")] == 1
    assert (descriptors(["CCO"])[:, NAMES.index("sa")] > 1).all()
    assert descriptors([]).shape == (0, len(NAMES))


def test_diversity_is_nothing_among_equals_and_all_among_strangers() -> None:
    assert diversity(["CCO"] * 5) == pytest.approx(0)
    assert diversity(["C", "N"]) == 1
    assert 0 < diversity(["CCO", "CCCO", "c1ccccc1"]) < 1
    assert math.isnan(diversity(["C"]))


def test_diversity_does_not_depend_on_the_order() -> None:
    some = ["CCO", "CCCO", "c1ccccc1", "CC#N", "CNC"]
    values = [diversity(some[::step]) for step in (1, -1)]
    assert np.ptp(values) < 1e-12
