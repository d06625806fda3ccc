"""What a store is said to hold: the counts are right, and each thing that is wrong with it is found."""

from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy

from moldiff.data.prepare import prepare
from moldiff.data.store.dataset import MoleculeStore
from moldiff.data.summary import described, suspicions


@pytest.fixture
def small(tmp_path: Path) -> MoleculeStore:
    file = tmp_path / "mine.csv"
    names = "\n".join(f"CCO,m{i},{i}.5" for i in range(20))
    file.write_text(f"smiles,name,x\n{names}\nC[N+](C)(C)C,salt,\nCC#N,nitrile,3\n")
    prepare(file, tmp_path / "store")
    return MoleculeStore(tmp_path / "store")


def found(store: MoleculeStore) -> dict[str, list[int]]:
    return {what: where.tolist() for what, where in suspicions(store)}


def test_report_counts_what_is_there(small: MoleculeStore):
    rows = described(small)
    assert rows["molecules"] == "22  train 18  valid 2  test 2"
    assert rows["left out"] == "none"
    assert rows["atoms"].startswith("203; 6 to 17 in a molecule")
    assert rows["atom classes"] == "H 135  C 46  O 20  N 1  N+1 1"
    assert rows["bonds"] == "single 180  double 0  triple 1"
    assert "x 0.5 to 19.5 (1 missing)" in rows["properties"]
    assert rows["look at: a net charge"] == "1, such as salt"


def test_suspicions_name_the_molecules(small: MoleculeStore):
    assert found(small) == {
        "H, C, N, N+1, O: in fewer than 100 molecules": list(range(22)),
        "a net charge": [20],
        "the SMILES of another record": list(range(20)),
    }


def test_molecules_are_the_same_however_their_smiles_are_written(tmp_path: Path):
    same, other = ["CCO", "CCO", "OCC", "C(O)C"], ["CCN", "C[C@H](O)F", "C[C@@H](O)F"]
    (tmp_path / "mine.csv").write_text("smiles\n" + "\n".join(same + other) + "\n")
    prepare(tmp_path / "mine.csv", tmp_path / "store")
    assert found(MoleculeStore(tmp_path / "store"))["the SMILES of another record"] == [0, 1, 2, 3]


@pytest.mark.parametrize(("factor", "what"), [(1.6, "longer"), (0.4, "shorter")])
def test_bonds_of_a_wrong_length_are_found(factor: float, what: str, small: MoleculeStore):
    file = small.path / "arrays.safetensors"
    arrays = safetensors.numpy.load_file(file)
    arrays["pos"][: arrays["size"][0]] *= factor
    safetensors.numpy.save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, file)
    where = next(where for name, where in found(MoleculeStore(small.path)).items() if what in name)
    assert where == [0]


def test_sound_data_raise_no_suspicion(store: MoleculeStore):
    assert not any("bonds" in what or "charge" in what for what in found(store))
