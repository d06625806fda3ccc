import json
from collections import Counter

import numpy as np
import pytest

from moldiff.chem.molecule import Molecule
from moldiff.chem.vocabulary import atom_label
from moldiff.data.statistics import Statistics
from moldiff.data.store.dataset import MoleculeStore
from moldiff.errors import DataError


def assert_agrees(statistics: Statistics, molecules: list[Molecule]) -> None:
    """With a count by the slow way."""
    sizes = Counter(len(molecule) for molecule in molecules)
    atoms = Counter(atom_label(int(e), int(c)) for m in molecules for e, c in zip(m.elements, m.charges, strict=True))
    bonds = Counter(int(m.bond[i, j]) for m in molecules for i in range(len(m)) for j in range(i))
    centred = np.concatenate([(m.pos - m.pos.mean(0)).ravel() for m in molecules])
    assert statistics.sizes == dict(sizes)
    assert statistics.num_molecules == len(molecules)
    assert statistics.atom_marginals == pytest.approx([atoms[k] / atoms.total() for k in statistics.vocabulary])
    assert statistics.bond_marginals == pytest.approx([bonds[k] / bonds.total() for k in range(4)])
    heavy = [int((molecule.elements != 1).sum()) for molecule in molecules]
    charges = [int(molecule.charges.sum()) for molecule in molecules]
    assert statistics.num_heavy_atoms == (min(heavy), max(heavy))
    assert statistics.net_charge == (min(charges), max(charges))
    assert statistics.pos_scale == pytest.approx(np.sqrt((centred**2).mean()), rel=1e-6)


def test_statistics_count_the_train_split(store: MoleculeStore, sample: list[Molecule]):
    assert_agrees(store.statistics, [sample[i] for i in store.split("train")])
    assert store.statistics.vocabulary == ("H", "C", "C-1", "N", "N+1", "N-1", "O", "O-1", "F")


def test_statistics_law_catches_a_count_of_all_splits(store: MoleculeStore, sample: list[Molecule]):
    with pytest.raises(AssertionError):
        assert_agrees(store.statistics, sample)


def test_statistics_of_a_part_are_counted_on_it(store: MoleculeStore, sample: list[Molecule]):
    chosen = store.split("train")[1::2]
    assert_agrees(store.statistics_of(chosen), [sample[i] for i in chosen])


def test_statistics_survive_json(store: MoleculeStore):
    plain = json.loads(json.dumps(store.statistics.to_dict()))
    assert Statistics.from_dict(plain) == store.statistics
    del plain["num_heavy_atoms"], plain["net_charge"]  # as files of version 0.1.0 are
    older = Statistics.from_dict(plain)
    assert older.domain.num_heavy_atoms is None
    assert older.domain.num_atoms == store.statistics.domain.num_atoms


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pos_scale": 0}, "pos_scale"),
        ({"pos_scale": "wide"}, "wrong kind"),
        ({"atom_marginals": [1.0]}, "1 atom"),
        ({"bond_marginals": [0.5, 0.4, 0.2, 0.1]}, "sum 1"),
        ({"sizes": {"18": 3}}, "not to 160"),
        ({"sizes": [18]}, "wrong kind"),
        ({"spread": 1}, "unknown keys"),
        ({"num_heavy_atoms": [9, 1]}, "no least and greatest"),
        ({"net_charge": "neutral"}, "wrong kind"),
    ],
)
def test_statistics_refuse_contradictions(store: MoleculeStore, change: dict[str, object], message: str):
    with pytest.raises(DataError, match=message):
        Statistics.from_dict({**store.statistics.to_dict(), **change})


def test_statistics_refuse_an_empty_split():
    nothing = np.empty(0, dtype=np.int64)
    with pytest.raises(DataError, match="no molecule"):
        Statistics.count(np.empty((0, 3)), nothing, nothing, nothing, vocabulary=("H",))
