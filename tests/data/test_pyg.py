from pathlib import Path

import numpy as np
import pytest
import torch
from torch_geometric.data import Data

from moldiff.data.prepare import prepare
from moldiff.data.sources.pyg import from_pyg, read_pyg
from moldiff.data.store.dataset import MoleculeStore
from moldiff.errors import DataError


def assert_same_store(path: Path, store: MoleculeStore) -> None:
    made = MoleculeStore(path)
    assert len(made) == len(store)
    for key in ("pos", "atom", "bond", "mask"):
        indices = np.arange(len(store))
        assert torch.equal(getattr(made.state(indices), key), getattr(store.state(indices), key))


def test_pyg_store_goes_round(store: MoleculeStore, tmp_path: Path):
    prepare(from_pyg(store, name="again"), tmp_path / "again")
    assert_same_store(tmp_path / "again", store)


def test_pyg_takes_one_hot_bonds_and_targets(store: MoleculeStore, tmp_path: Path):
    molecules = []
    for d in store:
        hot = torch.nn.functional.one_hot(d.edge_attr - 1, 4).float()
        molecules.append(Data(z=d.z, pos=d.pos, edge_index=d.edge_index, edge_attr=hot, charge=d.charge, y=d.pos.sum()))
    prepare(from_pyg(molecules, name="hot", property_names=["total"]), tmp_path / "hot")
    assert_same_store(tmp_path / "hot", store)
    assert MoleculeStore(tmp_path / "hot").property("total")[7] == pytest.approx(float(store[7].pos.sum()), abs=1e-5)


def test_pyg_law_catches_ignored_charges(store: MoleculeStore, tmp_path: Path):
    molecules = [Data(z=d.z, pos=d.pos, edge_index=d.edge_index, edge_attr=d.edge_attr) for d in store]
    report = prepare(from_pyg(molecules, name="neutral"), tmp_path / "neutral")
    assert report.kept == 188
    assert sum(report.left_out.values()) == 12
    with pytest.raises(AssertionError):
        assert_same_store(tmp_path / "neutral", store)


def test_pyg_kekulises_aromatic_bonds():
    angles = torch.arange(6) * torch.pi / 3
    ring = torch.stack([angles.cos(), angles.sin(), torch.zeros(6)], dim=1)
    i = torch.arange(6)
    edge_index = torch.cat([torch.stack([i, (i + 1) % 6]), torch.stack([i, i + 6])], dim=1)
    for aromatic, single in (([1.5], [1.0]), ([0, 0, 0, 1], [1, 0, 0, 0]), ([12, 0, 0], [1, 0, 0])):
        record = {
            "z": np.array([6] * 6 + [1] * 6),
            "pos": torch.cat([1.4 * ring, 2.5 * ring]).numpy(),
            "edge_index": edge_index.numpy(),
            "edge_attr": np.array([aromatic] * 6 + [single] * 6),
            "name": "benzene",
        }
        result = read_pyg(record)
        assert isinstance(result, tuple)
        assert result[1] == "c1ccccc1"
        assert sorted(result[0].bond[:6].sum(1)) == [4] * 6


def test_pyg_without_bonds_is_refused(store: MoleculeStore):
    data = store[0]
    with pytest.raises(DataError, match="molecule 0 has no edge_index and no edge_attr"):
        from_pyg([Data(z=data.z, pos=data.pos)], name="bare")
    with pytest.raises(DataError, match="molecule 0 has no edge_attr"):
        from_pyg([Data(z=data.z, pos=data.pos, edge_index=data.edge_index)], name="bare")
    with pytest.raises(DataError, match="is empty"):
        from_pyg([], name="none")
    with pytest.raises(DataError, match="2 property names for the 0 columns"):
        from_pyg(store, name="x", property_names=["a", "b"])
