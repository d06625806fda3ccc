"""GEOM-Drugs: a small file in the format of `drugs_crude.msgpack`, made from molecules of MOSES' kind."""

import io
import tarfile
from pathlib import Path

import msgpack
import numpy as np
import pytest

from moldiff.chem.conformer import embed_smiles
from moldiff.chem.molecule import Molecule
from moldiff.data.prepare import prepare
from moldiff.data.sources.geom_drugs import CONFORMERS
from moldiff.data.store.dataset import MoleculeStore
from moldiff.errors import DataError, FileFormatError

SMILES = ["CC(=O)Nc1ccc(O)cc1", "C[NH+](C)CCS(=O)(=O)[O-]", "Clc1ccc(Br)cc1", "CCO", "OC(=O)c1ccccc1"]


def entry(smiles: str, count: int) -> dict:
    conformers = []
    for k in range(count):
        molecule = embed_smiles(smiles, seed=k, name="x")
        assert isinstance(molecule, Molecule)
        xyz = np.column_stack([molecule.elements, molecule.pos]).tolist()
        conformers.append(
            {
                "geom_id": k,
                "totalenergy": -50.0 + 0.01 * ((7 * k) % 10),
                "boltzmannweight": 0.1,
                "relativeenergy": 0.5 * k,
                "degeneracy": 1,
                "xyz": xyz,
            }
        )
    return {"totalconfs": count, "uniqueconfs": count, "charge": 0, "temperature": 298.15, "conformers": conformers}


@pytest.fixture(scope="module")
def packed() -> bytes:
    """Blocks of molecules one after the other, as there."""
    molecules = {smiles: entry(smiles, 7 if i == 0 else 2) for i, smiles in enumerate(SMILES)}
    molecules["CCCC"] = entry("CCO", 1)  # a geometry of something else
    items = list(molecules.items())
    return b"".join(msgpack.packb(dict(items[i : i + 4])) for i in range(0, len(items), 4))


def prepared(content: bytes, tmp_path: Path, **options) -> MoleculeStore:
    file = tmp_path / "drugs_crude.msgpack"
    file.write_bytes(content)
    prepare(file, tmp_path / "store", **options)
    return MoleculeStore(tmp_path / "store")


def test_lowest_conformers_of_each_molecule_are_kept(packed: bytes, tmp_path: Path):
    store = prepared(packed, tmp_path)
    names = [store.molecule(i).name for i in range(len(store))]
    assert len([name for name in names if name.startswith("geom_1_")]) == CONFORMERS
    assert store.meta["left_out"] == {"formula_differs": 1}
    energies = [store.molecule(i).properties["totalenergy"] for i in range(CONFORMERS)]
    assert energies == sorted(energies)
    assert energies[0] == pytest.approx(-50.0)
    assert store.meta["units"]["relativeenergy"] == "kcal/mol"
    charged = store.molecule(names.index("geom_2_1"))
    assert sorted(set(charged.charges.tolist())) == [-1, 0, 1]


def test_conformers_of_a_molecule_share_a_split(packed: bytes, tmp_path: Path):
    many = packed + b"".join(msgpack.packb({f"C{'C' * i}O": entry(f"C{'C' * i}O", 2)}) for i in range(1, 16))
    store = prepared(many, tmp_path)
    where = {}
    for split in ("train", "valid", "test"):
        for i in store.split(split):
            where.setdefault(store.molecule(int(i)).name.split("_")[1], set()).add(split)
    assert all(len(splits) == 1 for splits in where.values())
    assert len(store.split("test")) >= 2


def test_archive_is_read_without_unpacking_it(packed: bytes, tmp_path: Path):
    archive = tmp_path / "drugs_crude.msgpack.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        info = tarfile.TarInfo("drugs_crude.msgpack")
        info.size = len(packed)
        tar.addfile(info, io.BytesIO(packed))
    report = prepare(archive, tmp_path / "store", num_molecules=2)
    assert report.kept == CONFORMERS + 2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\x81\xa3CCO\x81\xa5wrong\x01", "molecule 1, CCO: not as in drugs_crude.msgpack"),
        (b"\x93\x01\x02\x03", "holds a list, expected molecules by their SMILES"),
        (b"\xc1\xc1\xc1", "truncated or no msgpack"),
    ],
)
def test_other_files_are_refused(content: bytes, message: str, tmp_path: Path):
    with pytest.raises(FileFormatError, match=message):
        prepared(content, tmp_path)
    assert not (tmp_path / "store").exists()


def test_missing_file_is_refused(tmp_path: Path):
    with pytest.raises(DataError, match="no such file"):
        prepare(tmp_path / "drugs_crude.msgpack", tmp_path / "store")
