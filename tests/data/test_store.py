import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
import torch
from torch_geometric.loader import DataLoader

from moldiff.chem.molecule import Molecule
from moldiff.data.store import writer as writing
from moldiff.data.store.dataset import MoleculeStore
from moldiff.data.store.packing import pack
from moldiff.data.store.writer import write_store
from moldiff.errors import DataError, OutputError


def assert_same_molecules(store: MoleculeStore, molecules: list[Molecule]) -> None:
    assert len(store) == len(molecules)
    for i, molecule in enumerate(molecules):
        found = store.molecule(i)
        assert found.name == molecule.name
        np.testing.assert_array_equal(found.elements, molecule.elements)
        np.testing.assert_array_equal(found.charges, molecule.charges)
        np.testing.assert_array_equal(found.bond, molecule.bond)
        np.testing.assert_allclose(found.pos, molecule.pos, atol=1e-6)
        assert found.properties == pytest.approx(dict(molecule.properties), rel=1e-6)


def test_store_gives_back_what_was_packed(store: MoleculeStore, sample: list[Molecule]):
    assert_same_molecules(store, sample)
    assert sum(molecule.charges.any() for molecule in sample) == 12
    assert store.smiles(0) == "C"


def test_store_round_trip_catches_one_changed_bond(store: MoleculeStore, sample: list[Molecule], tmp_path: Path):
    copy = shutil.copytree(store.path, tmp_path / "copy")
    arrays = safetensors.numpy.load_file(copy / "arrays.safetensors")
    arrays["bond_order"][-1] = 2
    safetensors.numpy.save_file(arrays, copy / "arrays.safetensors")
    with pytest.raises(AssertionError):
        assert_same_molecules(MoleculeStore(copy), sample)


def test_store_goes_into_pyg(store: MoleculeStore, sample: list[Molecule]):
    (batch,) = DataLoader(store, batch_size=len(store))  # type: ignore[arg-type]
    assert batch.num_graphs == len(sample)
    data = store[20]
    assert data.num_nodes == len(sample[20])
    assert data.is_undirected()
    assert data.properties.shape == (1, len(store.property_names))
    assert len(store.dataset()[torch.arange(5)]) == 5
    with pytest.raises(TypeError):
        store[:5]  # type: ignore[index]
    assert torch.equal(store.dataset()[20:21][0].pos, data.pos)
    gap = store.property("gap")
    assert gap[20] == pytest.approx(sample[20].properties["gap"])
    with pytest.raises(DataError, match="no property 'gop'; it has alpha"):
        store.property("gop")


def test_store_keeps_total_energies_to_a_tenth_of_a_millielectronvolt(store: MoleculeStore, sample: list[Molecule]):
    assert store.property("u0").dtype == np.float64
    assert store.property("gap").dtype == np.float32
    assert abs(store.property("u0")[-1] - float(sample[-1].properties["u0"])) < 1e-4


def test_store_splits_are_disjoint_and_whole(store: MoleculeStore):
    splits = [store.split(name) for name in ("train", "valid", "test")]
    assert [len(split) for split in splits] == [160, 20, 20]
    np.testing.assert_array_equal(np.sort(np.concatenate(splits)), np.arange(200))
    with pytest.raises(DataError, match="split 'dev'"):
        store.split("dev")


def write_sample(path: Path, sample: list[Molecule], **options: bool) -> None:
    packed = pack(sample, [""] * len(sample))
    write_store(path, packed, split=np.zeros(len(sample), int), left_out={}, name="x", sources={}, **options)


def test_store_is_whole_or_absent_when_the_disk_is_full(
    sample: list[Molecule], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    write_sample(tmp_path / "old", sample)
    monkeypatch.setattr(writing.safetensors.numpy, "save_file", full)
    with pytest.raises(OutputError, match="No space left"):
        write_sample(tmp_path / "new", sample)
    with pytest.raises(OutputError, match="No space left"):
        write_sample(tmp_path / "old", sample, overwrite=True)
    assert [path.name for path in tmp_path.iterdir()] == ["old"]
    assert len(MoleculeStore(tmp_path / "old")) == len(sample)


def test_store_replaces_only_a_store_and_only_on_request(sample: list[Molecule], tmp_path: Path):
    path = tmp_path / "store"
    write_sample(path, sample)
    with pytest.raises(OutputError, match="there is a store"):
        write_sample(path, sample)
    write_sample(path, sample[:50], overwrite=True)
    assert len(MoleculeStore(path)) == 50
    (tmp_path / "thesis").mkdir()
    with pytest.raises(OutputError, match="is no store"):
        write_sample(tmp_path / "thesis", sample, overwrite=True)
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError):
        write_sample(tmp_path / "file" / "store", sample)


def test_store_refuses_what_is_not_whole(store: MoleculeStore, tmp_path: Path):
    with pytest.raises(DataError, match="no store here"):
        MoleculeStore(tmp_path)
    copy = shutil.copytree(store.path, tmp_path / "copy")
    meta = json.loads((copy / "meta.json").read_text())

    def refused(message: str, **changes: object) -> None:
        (copy / "meta.json").write_text(json.dumps({**meta, **changes}))
        with pytest.raises(DataError, match=message):
            MoleculeStore(copy)

    refused("store version 7, this moldiff reads 1", version=7)
    refused("unknown keys \\['surplus'\\]", surplus=1)
    refused("do not fit 7 molecules", num_molecules=7)
    refused("not the description", format="zip")
    (copy / "meta.json").write_text("<html>")
    with pytest.raises(DataError, match="not JSON"):
        MoleculeStore(copy)
    (copy / "meta.json").write_text(json.dumps(meta))
    whole = (copy / "arrays.safetensors").read_bytes()
    for part in (b"", b"<html>", whole[: len(whole) // 2]):
        (copy / "arrays.safetensors").write_bytes(part)
        with pytest.raises(DataError, match="cannot be read"):
            MoleculeStore(copy)
