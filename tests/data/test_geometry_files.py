"""Geometries without bonds: extended XYZ with charges, and ASE's databases."""

from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.db import connect
from ase.io import write
from fuzzing import mutations

from moldiff.chem.molecule import Failure, Molecule
from moldiff.data.prepare import prepare
from moldiff.data.store.dataset import MoleculeStore
from moldiff.errors import DataError, FileFormatError
from moldiff.io.formats import read_molecules

ACETATE = """7
Lattice="20 0 0 0 20 0 0 0 20" Properties=species:S:1:pos:R:3 charge=-1 gap=4.25 pbc="F F F" name=acetate
C  -0.067  -1.439   0.000
C   0.000   0.114   0.000
O   1.150   0.600   0.000
O  -1.086   0.722   0.000
H  -1.106  -1.773   0.000
H   0.434  -1.838   0.885
H   0.434  -1.838  -0.885
"""
CRYSTAL = """1
Lattice="4 0 0 0 4 0 0 0 4" Properties=species:S:1:pos:R:3 pbc="T T T"
Ar 0 0 0
"""


@pytest.fixture(scope="module")
def geometries(sample_sdf: Path) -> list[Molecule]:
    return [record for _, record in read_molecules(sample_sdf) if isinstance(record, Molecule)][:12]


def atoms_of(molecule: Molecule) -> Atoms:
    return Atoms(numbers=molecule.elements, positions=molecule.pos)


def prepared(path: Path, tmp_path: Path) -> MoleculeStore:
    prepare(path, tmp_path / "store")
    return MoleculeStore(tmp_path / "store")


def assert_same(store: MoleculeStore, molecules: list[Molecule]) -> None:
    for i, molecule in enumerate(molecules):
        found = store.molecule(i)
        assert np.array_equal(found.elements, molecule.elements)
        assert np.array_equal(found.bond > 0, molecule.bond > 0)
        np.testing.assert_allclose(found.pos, molecule.pos, atol=1e-5)


def test_extended_xyz_is_perceived_at_its_charge(tmp_path: Path):
    file = tmp_path / "ions.extxyz"
    file.write_text(ACETATE * 2 + CRYSTAL)
    store = prepared(file, tmp_path)
    assert len(store) == 2
    assert store.meta["left_out"] == {"periodic": 1}
    ion = store.molecule(0)
    assert int(ion.charges.sum()) == -1
    assert sorted(ion.bond[np.triu_indices(7, 1)].tolist(), reverse=True)[:6] == [2, 1, 1, 1, 1, 1]
    assert ion.properties["gap"] == 4.25
    assert "Lattice" not in store.property_names


def test_xyz_that_fits_no_charge_is_left_out(tmp_path: Path):
    file = tmp_path / "ions.xyz"
    file.write_text(ACETATE + ACETATE.replace("charge=-1", "charge=3"))
    assert prepared(file, tmp_path).meta["left_out"] == {"perception": 1}


def test_database_of_ase_is_read_with_its_values(geometries: list[Molecule], tmp_path: Path):
    with connect(tmp_path / "mine.db") as database:
        for molecule in geometries:
            database.write(atoms_of(molecule), gap=float(molecule.properties["gap"]), source="DFT")
    store = prepared(tmp_path / "mine.db", tmp_path)
    assert_same(store, geometries)
    assert store.property("gap").tolist() == pytest.approx([m.properties["gap"] for m in geometries], rel=1e-6)


def acetate() -> Atoms:
    rows = [line.split() for line in ACETATE.splitlines()[2:]]
    return Atoms([row[0] for row in rows], positions=[[float(x) for x in row[1:]] for row in rows])


def test_charges_of_ase_are_those_of_its_rows(tmp_path: Path):
    """A pair `charge`, which ASE's own attribute of a row hides; a value of `data`; or the initial charges."""
    charged, partial, wrong = acetate(), acetate(), acetate()
    charged.set_initial_charges([0, 0, -1, 0, 0, 0, 0])
    partial.set_initial_charges([-0.3, 0.7, -0.8, -0.8, 0.0667, 0.0667, 0.0666])
    wrong.set_initial_charges([0, 0, -0.5, 0, 0, 0, 0])
    with connect(tmp_path / "mine.db") as database:
        database.write(acetate(), charge=-1)
        database.write(acetate(), Charge=-1.0)
        database.write(acetate(), data={"charge": -1, "smiles": "CC"})
        database.write(charged)
        database.write(partial)
        database.write(wrong, charge=-1)
        database.write(wrong)
        database.write(acetate(), charge=0.9)
    records = [record for _, record in read_molecules(tmp_path / "mine.db")]
    assert [r.properties["charge"] for r in records[:6]] == [-1] * 6
    assert [r.detail.split(": ")[-1] for r in records[6:]] == [
        "the total charge charge='-0.5' is no whole number",
        "the total charge charge='0.9' is no whole number",
    ]
    store = prepared(tmp_path / "mine.db", tmp_path)
    assert [int(store.molecule(i).charges.sum()) for i in range(len(store))] == [-1] * len(store)


def test_charges_of_a_trajectory_are_read(tmp_path: Path):
    frames = [acetate(), acetate()]
    frames[0].info["charge"] = -1.0
    frames[1].set_initial_charges([0, 0, -1, 0, 0, 0, 0])
    write(tmp_path / "mine.traj", frames)
    assert [record.properties["charge"] for _, record in read_molecules(tmp_path / "mine.traj")] == [-1, -1]


def test_trajectory_of_ase_is_read(geometries: list[Molecule], tmp_path: Path):
    write(tmp_path / "mine.traj", [atoms_of(molecule) for molecule in geometries])
    assert_same(prepared(tmp_path / "mine.traj", tmp_path), geometries)


def test_periodic_structure_is_a_failure(tmp_path: Path):
    with connect(tmp_path / "mine.db") as database:
        database.write(Atoms("Ar", positions=[[0, 0, 0]], cell=[4, 4, 4], pbc=True))
    ((_, record),) = read_molecules(tmp_path / "mine.db")
    assert isinstance(record, Failure)
    assert record.reason == "periodic"


@pytest.mark.parametrize("name", ["mine.db", "mine.traj"])
def test_mutated_files_of_ase_are_molecules_failures_or_one_error(name: str, tmp_path: Path):
    write(tmp_path / name, [acetate(), acetate()])
    outcomes = set()
    for data in mutations((tmp_path / name).read_bytes(), 200):
        (tmp_path / f"broken.{name}").write_bytes(data)
        try:
            outcomes |= {type(record) for _, record in read_molecules(tmp_path / f"broken.{name}")}
        except FileFormatError as error:
            outcomes.add(type(error))
    assert {Molecule, FileFormatError} <= outcomes


def test_what_is_no_database_is_refused(tmp_path: Path):
    for name in ("mine.db", "mine.traj"):
        (tmp_path / name).write_text("<html>no</html>")
        with pytest.raises(FileFormatError, match=f"{name}: ASE cannot read it"):
            list(read_molecules(tmp_path / name))
    with pytest.raises(DataError, match="no such file"):
        list(read_molecules(tmp_path / "none.db"))
