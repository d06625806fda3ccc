"""Columns that a model can be told, and their labels."""

from pathlib import Path

import numpy as np
import pytest
import torch
from rdkit import Chem
from rdkit.Chem import Crippen

from moldiff.data.columns import column, conditioned
from moldiff.data.store import MoleculeStore
from moldiff.errors import DataError


@pytest.fixture(scope="module")
def store(store_path: Path) -> MoleculeStore:
    return MoleculeStore(store_path)


def test_column_of_the_store_is_that_of_its_molecules(store: MoleculeStore):
    gap = column(store, "gap")
    assert gap.values.tolist() == pytest.approx([store.molecule(i).properties["gap"] for i in range(len(store))])
    assert gap.classes == ()


def test_charge_is_the_sum_of_the_formal_charges(store: MoleculeStore):
    charges = [int(store.molecule(i).charges.sum()) for i in range(len(store))]
    told = column(store, "charge")
    assert [int(told.classes[int(v)]) for v in told.values] == charges


def test_descriptor_is_computed_on_the_way(store: MoleculeStore):
    logp = column(store, "logp").values
    assert logp[7] == pytest.approx(Crippen.MolLogP(Chem.MolFromSmiles(store.smiles(7))))


def test_numbers_become_classes(store: MoleculeStore):
    rings = column(store, "rings:classes")
    plain = column(store, "rings")
    assert rings.name == "rings"
    assert [float(rings.classes[int(v)]) for v in rings.values] == plain.values.tolist()
    with pytest.raises(DataError, match="different values"):
        column(store, "gap:classes")


def test_unknown_column_is_refused_with_those_there(store: MoleculeStore):
    with pytest.raises(DataError, match=r"no property 'bandgap'; it has .*gap.* and every store has charge, .*logp"):
        column(store, "bandgap")


def test_labels_are_standardised_on_the_molecules_trained_on(store: MoleculeStore):
    chosen = np.arange(50)
    statistics, labels = conditioned(store, ["gap", "mu"], chosen)
    assert [c.name for c in statistics.conditions] == ["gap", "mu"]
    assert labels is not None
    assert labels.shape == (len(store), 2)
    assert labels[chosen].mean(0).tolist() == pytest.approx([0, 0], abs=1e-5)
    assert labels[chosen].std(0, correction=0).tolist() == pytest.approx([1, 1], abs=1e-5)
    assert not torch.allclose(labels.mean(0), torch.zeros(2), atol=1e-3)


def test_no_condition_leaves_the_statistics_alone(store: MoleculeStore):
    assert conditioned(store, [], np.arange(5)) == (store.statistics, None)
