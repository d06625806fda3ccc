"""`moldiff conformers` on files that people have: drawings, salts, lists with names; and what is left out of them."""

import csv
from pathlib import Path

import pytest
from rdkit import Chem
from typer.testing import CliRunner, Result

from moldiff.chem.molecule import Molecule
from moldiff.cli import app
from moldiff.io.formats import read_molecules
from moldiff.io.xyz import xyz_text

ETHER = """butene
     x          2D

  4  3  0  0  0  0  0  0  0  0999 V2000
   -1.9796   -0.1365    0.0000 C   0  0  0  0  0  0  0  0  0  0  0  0
   -0.5994    0.4508    0.0000 C   0  0  0  0  0  0  0  0  0  0  0  0
    0.5994   -0.4508    0.0000 C   0  0  0  0  0  0  0  0  0  0  0  0
    1.9796    0.1365    0.0000 C   0  0  0  0  0  0  0  0  0  0  0  0
  1  2  1  0
  2  3  2  0
  3  4  1  0
M  END
$$$$
nitrile
     x          2D

  5  4  0  0  0  0  0  0  0  0999 V2000
    1.3500    1.2990    0.0000 C   0  0  0  0  0  0  0  0  0  0  0  0
    0.6000    0.0000    0.0000 C   0  0  0  0  0  0  0  0  0  0  0  0
    1.3500   -1.2990    0.0000 O   0  0  0  0  0  0  0  0  0  0  0  0
   -0.9000    0.0000    0.0000 C   0  0  0  0  0  0  0  0  0  0  0  0
   -2.4000   -0.0000    0.0000 N   0  0  0  0  0  0  0  0  0  0  0  0
  2  1  1  6
  2  3  1  0
  2  4  1  0
  4  5  3  0
M  END
$$$$
"""


def conformers(file: object, out: Path, *args: object) -> Result:
    asked = ["conformers", file, "--out", out, "--num-steps", 10, *args]
    return CliRunner().invoke(app, [str(arg) for arg in asked])


def written(path: Path) -> list[Molecule]:
    return [record for _, record in read_molecules(path) if isinstance(record, Molecule)]


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_drawings_come_in_3d_with_their_stereo_and_titles(tmp_path: Path):
    (tmp_path / "in.sdf").write_text(ETHER)
    result = conformers(tmp_path / "in.sdf", tmp_path / "out.sdf", "-n", 2)
    assert result.exit_code == 0, result.output
    found = written(tmp_path / "out.sdf")
    assert [m.name for m in found] == ["butene"] * 2 + ["nitrile"] * 2
    assert [m.properties["SMILES"] for m in found] == ["C/C=C/C"] * 2 + ["C[C@H](O)C#N"] * 2
    assert all(m.pos.std(0).min() > 0.1 for m in found)
    read = Chem.SDMolSupplier(str(tmp_path / "out.sdf"))
    assert [Chem.FindMolChiralCenters(mol) for mol in read][2:] == [[(1, "S")]] * 2


@pytest.mark.parametrize("column", ["name", "Name"])
def test_names_of_a_list_stay(column: str, tmp_path: Path):
    (tmp_path / "in.csv").write_text(f"id,smiles,{column}\n1,CCO,ethanol\n2,CC=O,\n")
    assert conformers(tmp_path / "in.csv", tmp_path / "a.sdf").exit_code == 0
    assert [m.name for m in written(tmp_path / "a.sdf")] == ["ethanol", "CC=O"]
    (tmp_path / "in.smi").write_text("CCO  spirit of wine\nCC=O\n")
    assert conformers(tmp_path / "in.smi", tmp_path / "b.sdf").exit_code == 0
    assert [m.name for m in written(tmp_path / "b.sdf")] == ["spirit of wine", "CC=O"]


def test_a_salt_is_refused_by_name_and_its_largest_fragment_kept_on_request(tmp_path: Path):
    (tmp_path / "in.smi").write_text("CCO ethanol\nCC(O)C#N.Cl salt\n")
    result = conformers(tmp_path / "in.smi", tmp_path / "out.sdf")
    assert result.exit_code == 3
    assert "1 refused (1 fragments)" in result.stdout
    assert "record 2: salt: 2 unconnected parts; expected one; --largest-fragment keeps the largest" in result.stderr
    kept = conformers(tmp_path / "in.smi", tmp_path / "b.sdf", "--largest-fragment")
    assert kept.exit_code == 0, kept.output
    assert kept.stderr == "moldiff: in.smi: of 1 the largest fragment alone is kept: record 2\n"
    assert [(m.name, len(m)) for m in written(tmp_path / "b.sdf")] == [("ethanol", 9), ("salt", 10)]


def test_all_that_is_refused_is_counted_by_reason_and_stands_in_a_table(tmp_path: Path):
    names = [f"n{i}" for i in range(1, 15)]
    (tmp_path / "in.smi").write_text("".join(f"C[Si](C)(C)C {n}\n" for n in names) + "CCO good\nC[CH]C r\nxyz\n")
    result = conformers(tmp_path / "in.smi", tmp_path / "a.sdf")
    assert "1 of 17 molecules; 16 refused (14 vocabulary, 1 radical, 1 unreadable)" in result.stdout
    assert result.stderr.count("\n") == 11
    assert "and 6 more; --failures FILE lists all" in result.stderr
    table = tmp_path / "f.csv"
    result = conformers(tmp_path / "in.smi", tmp_path / "b.sdf", "--failures", table)
    assert f"and 6 more; all are in {table}" in result.stderr
    found = rows(table)
    assert [row["record"] for row in found] == [*map(str, range(1, 15)), "16", "17"]
    assert [row["name"] for row in found] == [*names, "r", ""]
    assert [row["reason"] for row in found] == ["vocabulary"] * 14 + ["radical", "unreadable"]
    assert "atom 2 is Si" in found[0]["detail"]
    assert found[14]["detail"] == "1 unpaired electrons, the first at C (atom 2)"


def test_the_table_is_written_when_nothing_can_be_used(tmp_path: Path):
    result = conformers("C[Si](C)(C)C", tmp_path / "a.sdf", "--failures", tmp_path / "f.csv")
    assert result.exit_code == 1
    assert [row["reason"] for row in rows(tmp_path / "f.csv")] == ["vocabulary"]
    refused = conformers("CCO", tmp_path / "a.sdf", "--failures", tmp_path / "no" / "f.csv")
    assert (refused.exit_code, refused.stderr.count("\n")) == (1, 1)
    assert not (tmp_path / "a.sdf").exists()


@pytest.mark.filterwarnings("ignore:.*do not rely")
def test_failed_samples_stand_beside_refused_records(tmp_path: Path, sample_sdf: Path):
    """With a charge that no bonds give, each geometry fails; the second record is refused."""
    good = written(sample_sdf)[30:32]
    (tmp_path / "in.xyz").write_text(xyz_text(good[0]) + "1\nsulphur\nS 0 0 0\n" + xyz_text(good[1]))
    asked = ["perceive-bonds", tmp_path / "in.xyz", "--charge", 3, "--num-steps", 3, "--out", tmp_path / "o.sdf"]
    more = ["--weights", "qm9", "--allow-extrapolation", "--failures"]
    result = CliRunner().invoke(app, [str(arg) for arg in [*asked, *more, tmp_path / "f.csv"]])
    assert result.exit_code == 3, result.output
    found = rows(tmp_path / "f.csv")
    assert [(row["record"], row["sample"]) for row in found] == [("2", ""), ("1", "1"), ("3", "1")]
    assert [row["name"] for row in found] == ["sulphur", good[0].name, good[1].name]
