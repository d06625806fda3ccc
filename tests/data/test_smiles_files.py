"""SMILES to a store: every line accounted for, numbers kept, an interruption loses nothing, MOSES as it is shipped."""

import gzip
import zipfile
from pathlib import Path

import numpy as np
import pytest

from moldiff.data import prepare as prepare_module
from moldiff.data.prepare import prepare
from moldiff.data.sources.chembl import FOLDER, chembl_smiles
from moldiff.data.sources.moses import MOSES
from moldiff.data.store.chunks import Chunks
from moldiff.data.store.dataset import MoleculeStore
from moldiff.data.store.packing import Packed
from moldiff.errors import ConfigError, DataError, FileFormatError, OutputError

CSV = "name,SMILES,logP,note\nmethanol,CO,-0.77,solvent\nbad,C(,1,x\nether,CCOCC,0.89,\nsalt,CC.CC,2,\nodd,CCN,high,\n"


def test_rows_of_a_csv_become_molecules_with_their_numbers(tmp_path: Path):
    file = tmp_path / "mine.csv"
    file.write_text(CSV)
    with pytest.warns(UserWarning, match="'high' .molecule 'odd', column 'logP'"):
        report = prepare(file, tmp_path / "store")
    assert (report.total, report.kept) == (5, 3)
    assert report.left_out == {"unreadable": 1, "fragments": 1}
    assert report.examples["unreadable"].startswith("bad: ")
    store = MoleculeStore(tmp_path / "store")
    assert [store.smiles(i) for i in range(3)] == ["CO", "CCOCC", "CCN"]
    molecule = store.molecule(0)
    assert molecule.name == "methanol"
    assert molecule.properties["logP"] == pytest.approx(-0.77)
    assert "note" not in molecule.properties
    assert np.isnan(store.molecule(2).properties.get("logP", np.nan))
    assert store.meta["sources"]["geometry"].startswith("RDKit ETKDG")
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("name", ["mine.smi", "mine.txt.gz"])
def test_lines_of_a_list_become_molecules_with_their_names(name: str, tmp_path: Path):
    text = "smiles id\nCO  wood alcohol\n\nCCO\n"
    (tmp_path / name).write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    prepare(tmp_path / name, tmp_path / "store")
    store = MoleculeStore(tmp_path / "store")
    assert [store.molecule(i).name for i in range(2)] == ["wood alcohol", ""]


def test_bad_lists_are_refused_with_one_line(tmp_path: Path):
    file = tmp_path / "mine.csv"
    file.write_text("name,structure\na,CO\n")
    with pytest.raises(FileFormatError, match="no column 'smiles'; its columns are 'name, structure'"):
        prepare(file, tmp_path / "store")
    file.write_text("smiles\nC(\n")
    with pytest.raises(DataError, match="none of 1 records could be kept: 1 unreadable, such as line 2: 'C\\('"):
        prepare(file, tmp_path / "store")


def list_of(count: int, file: Path) -> Path:
    file.write_text("".join(f"{'C' * (1 + number % 5)}O m{number}\n" for number in range(count)))
    return file


def contents(path: Path) -> bytes:
    return (path / "arrays.safetensors").read_bytes()


def test_interrupted_preparation_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    file = list_of(230, tmp_path / "mine.smi")
    prepare(file, tmp_path / "whole")
    read, calls = prepare_module.read_chunk, []

    def interrupted(reader, chunk):
        if len(calls) == 2:
            raise KeyboardInterrupt
        calls.append(len(chunk))
        return read(reader, chunk)

    monkeypatch.setattr(prepare_module, "read_chunk", interrupted)
    with pytest.raises(DataError, match="stopped by the user after 200 records; the same command goes on"):
        prepare(file, tmp_path / "store")
    assert calls == [100, 100]
    monkeypatch.setattr(
        prepare_module, "read_chunk", lambda reader, chunk: calls.append(-len(chunk)) or read(reader, chunk)
    )
    prepare(file, tmp_path / "store")
    assert calls == [100, 100, -30]
    assert contents(tmp_path / "store") == contents(tmp_path / "whole")


def test_store_does_not_depend_on_the_processes_but_on_the_seed(tmp_path: Path):
    file = list_of(130, tmp_path / "mine.smi")
    for name, options in {"one": {}, "two": {"num_workers": 2}, "other": {"seed": 1}}.items():
        prepare(file, tmp_path / name, **options)
    assert contents(tmp_path / "one") == contents(tmp_path / "two") != contents(tmp_path / "other")


def test_parts_come_back_as_they_were_and_not_for_other_settings(tmp_path: Path):
    from moldiff.chem.molecule import Failure
    from moldiff.data.sources.smiles import Row, read_row
    from moldiff.data.store.packing import read_chunk

    rows = [Row(1, "CO", "a", {"x": "1.5"}, 0), Row(2, "C(", "", {}, 0), Row(3, "CCO", "", {}, 0)]
    parts = Chunks(tmp_path / "parts", {"seed": 0})
    chunk = read_chunk(read_row, rows)
    parts.save(0, chunk)
    parts.save(1, (None, np.zeros(1, dtype=bool), [Failure("unreadable", "it")]))
    packed, mask, failures = Chunks(tmp_path / "parts", {"seed": 0}).load(0)  # type: ignore[misc]
    assert mask.tolist() == [True, False, True]
    assert failures == chunk[2]
    assert isinstance(packed, Packed)
    assert isinstance(chunk[0], Packed)
    assert np.array_equal(packed.pos, chunk[0].pos)
    assert packed.properties.keys() == chunk[0].properties.keys()
    assert (packed.smiles, packed.names) == (["CO", "CCO"], ["a", ""])
    assert parts.load(1) == (None, np.zeros(1, dtype=bool), [Failure("unreadable", "it")])
    assert parts.load(2) is None
    (tmp_path / "parts" / "000000.safetensors").write_bytes(b"cut")
    assert parts.load(0) is None
    assert Chunks(tmp_path / "parts", {"seed": 1}).load(1) is None
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        Chunks(tmp_path / "file" / "parts", {})


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    """In the format of molsets, with a tenth of a permille of its molecules."""
    lists = {"train": ["CO", "CCO", "CCCO", "CN", "CCN", "CCCN"] * 20, "test": ["CF", "CCF", "CCCF"] * 10}
    with zipfile.ZipFile(tmp_path / "molsets.whl", "w") as file:
        for part, smiles in lists.items():
            file.writestr(MOSES.format(part), gzip.compress("\n".join(["SMILES", *smiles, ""]).encode()))
    return tmp_path / "molsets.whl"


def test_moses_keeps_its_own_test_set(wheel: Path, tmp_path: Path):
    report = prepare("moses3d", tmp_path / "store", from_file=wheel, num_molecules=60, seed=3)
    assert report.kept == report.total == 60
    store = MoleculeStore(tmp_path / "store")
    assert {"F" in store.smiles(int(i)) for i in store.split("test")} == {True}
    assert {"F" in store.smiles(int(i)) for part in ("train", "valid") for i in store.split(part)} == {False}
    assert store.meta["sources"]["package"] == "molsets 0.3.1"
    assert len({store.molecule(i).name for i in range(60)}) == 60


def test_moses_is_refused_with_its_remedy(wheel: Path, tmp_path: Path):
    with pytest.raises(ConfigError, match="moses3d has 150 molecules, 151 were requested"):
        prepare("moses3d", tmp_path / "store", from_file=wheel, num_molecules=151)
    with pytest.raises(DataError, match="pip install --no-deps molsets"):
        prepare("moses3d", tmp_path / "store", from_file=tmp_path / "nowhere.whl")
    with pytest.raises(DataError, match="goes with moses3d and chembl3d and GEOM only"):
        prepare(list_of(3, tmp_path / "mine.smi"), tmp_path / "store", num_molecules=2)


@pytest.fixture
def activities(tmp_path: Path) -> Path:
    """In the format of moleculeace: two targets, one molecule in both, one a salt, one no molecule, one too large."""
    tables = {"A": ["CCO", "CC(=O)[O-].[Na+]", "CCN"], "B": ["CCO", "C(C", "C" * 51, "c1ccccc1[N+](=O)[O-]"]}
    with zipfile.ZipFile(tmp_path / "moleculeace.whl", "w") as file:
        for name, smiles in tables.items():
            rows = ["smiles,exp_mean [nM],y,cliff_mol,split", *(f"{text},1.0,0.0,0,train" for text in smiles)]
            file.writestr(f"{FOLDER}/{name}.csv", "\n".join(rows))
    return tmp_path / "moleculeace.whl"


def test_chembl_has_each_molecule_once_without_its_salt(activities: Path, tmp_path: Path):
    assert chembl_smiles(activities) == ["CC(=O)[O-]", "CCN", "CCO", "c1ccccc1[N+](=O)[O-]"]
    report = prepare("chembl3d", tmp_path / "store", from_file=activities, num_molecules=3, seed=2)
    assert report.kept == report.total == 3
    store = MoleculeStore(tmp_path / "store")
    assert store.meta["sources"]["package"] == "moleculeace 3.0.0"
    names = {store.smiles(i): store.molecule(i).name for i in range(3)}
    assert all(name == f"chembl_{chembl_smiles(activities).index(smiles) + 1}" for smiles, name in names.items())


def test_chembl_is_refused_with_its_remedy(activities: Path, tmp_path: Path):
    with pytest.raises(ConfigError, match="chembl3d has 4 molecules, 5 were requested"):
        prepare("chembl3d", tmp_path / "store", from_file=activities, num_molecules=5)
    with pytest.raises(DataError, match="pip install --no-deps moleculeace"):
        prepare("chembl3d", tmp_path / "store", from_file=tmp_path / "nowhere.whl")
