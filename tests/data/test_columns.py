"""Columns that a model can be conditioned on, and their labels."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from rdkit import Chem
from rdkit.Chem import Crippen

from moldiff.chem.molecule import Molecule
from moldiff.data.columns import column, conditioned
from moldiff.data.prepare import prepare
from moldiff.data.store.dataset import MoleculeStore
from moldiff.data.summary import described
from moldiff.errors import DataError
from moldiff.io.formats import read_molecules
from moldiff.io.writer import open_writer


@pytest.fixture(scope="module")
def store(store_path: Path) -> MoleculeStore:
    return MoleculeStore(store_path)


def test_column_of_the_store_is_that_of_its_molecules(store: MoleculeStore):
    gap = column(store, "gap")
    assert gap.values.tolist() == pytest.approx([store.molecule(i).properties["gap"] for i in range(len(store))])
    assert gap.classes == ()


def test_charge_is_the_sum_of_the_formal_charges(store: MoleculeStore):
    charges = [int(store.molecule(i).charges.sum()) for i in range(len(store))]
    charge = column(store, "charge")
    assert [int(charge.classes[int(v)]) for v in charge.values] == charges


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


def test_labels_are_finite_or_missing(store: MoleculeStore, monkeypatch: pytest.MonkeyPatch):
    """Whatever a column holds, such as what RDKit computes of a strange molecule."""
    values = np.arange(len(store), dtype=float)
    values[[3, 5, 7]] = np.inf, -np.inf, np.nan
    monkeypatch.setattr("moldiff.data.columns.descriptor", lambda name, smiles: values)
    statistics, labels = conditioned(store, ["logp"], np.arange(len(store)))
    assert labels is not None
    assert torch.nonzero(labels[:, 0].isnan()).flatten().tolist() == [3, 5, 7]
    assert not labels.isinf().any()
    assert statistics.conditions[0].high == len(store) - 1


def test_statistics_are_of_the_molecules_trained_on(store: MoleculeStore):
    train = store.split("train")
    assert conditioned(store, [], train) == (store.statistics, None)
    for names in ([], ["gap"]):
        assert conditioned(store, names, train[:50])[0].num_molecules == 50


@pytest.fixture
def table(store: MoleculeStore, tmp_path: Path) -> Path:
    """Solubility of some molecules, and the family of all but one."""
    lines = [f"{store.molecule(i).name},{-0.5 * i if i % 3 else ''},{'odd' if i % 2 else 'even'}" for i in range(199)]
    (tmp_path / "more.csv").write_text("name,logS,family\n" + "\n".join(lines) + "\nnobody,1.0,odd\n")
    return tmp_path / "more.csv"


def test_columns_of_a_csv_file_are_joined_by_name(store: MoleculeStore, table: Path, sample_sdf: Path, tmp_path: Path):
    with pytest.warns(UserWarning, match="1 of 200 molecules have no line"):
        prepare(sample_sdf, tmp_path / "joined", join=table)
    joined = MoleculeStore(tmp_path / "joined")
    assert set(joined.property_names) == {*store.property_names, "logS", "family"}
    solubility, family = column(joined, "logS"), column(joined, "family")
    assert solubility.values[:5].tolist() == pytest.approx([np.nan, -0.5, -1.0, np.nan, -2.0], nan_ok=True)
    assert family.classes == ("even", "odd")
    assert family.values[:3].tolist() == [0, 1, 0]
    assert np.isnan(family.values[199])
    statistics, _ = conditioned(joined, ["family"], np.arange(199))
    assert statistics.conditions[0].label("odd") == 1


def test_words_of_sd_tags_become_classes(sample_sdf: Path, tmp_path: Path):
    records = [record for _, record in read_molecules(sample_sdf) if isinstance(record, Molecule)]
    with open_writer(tmp_path / "mine.sdf", overwrite=False) as writer:
        for i, record in enumerate(records):
            tags = {"family": ("odd", "even", "")[i % 3], "note": f"number {i}"}
            writer.write(replace(record, properties={**record.properties, **tags}))
    prepare(tmp_path / "mine.sdf", tmp_path / "store")
    store = MoleculeStore(tmp_path / "store")
    family = column(store, "family")
    assert family.classes == ("even", "odd")
    assert family.values[:3].tolist() == pytest.approx([1, 0, np.nan], nan_ok=True)
    assert "note" not in store.property_names  # too many words to be classes
    assert "family even or odd" in described(store)["properties"]


def test_words_of_a_list_of_smiles_become_classes(tmp_path: Path):
    (tmp_path / "mine.csv").write_text("smiles,name,kind\nCCO,a,alcohol\nCO,b,alcohol\nCC,c,alkane\n")
    prepare(tmp_path / "mine.csv", tmp_path / "store")
    kind = column(MoleculeStore(tmp_path / "store"), "kind")
    assert [kind.classes[int(v)] for v in kind.values] == ["alcohol", "alcohol", "alkane"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("title,logS\nx,1\n", "has no column 'name'; it has title, logS"),
        ("name,logS\nx,1\nx,2\n", "line 3: the name 'x' comes twice"),
        ("name,logS\nx,1\n", "none of its names, such as 'x', is one of the molecules'"),
    ],
)
def test_table_that_cannot_be_joined_is_refused(text: str, message: str, sample_sdf: Path, tmp_path: Path):
    (tmp_path / "more.csv").write_text(text)
    with pytest.raises(DataError, match=message):
        prepare(sample_sdf, tmp_path / "joined", join=tmp_path / "more.csv")
    assert not (tmp_path / "joined").exists()
