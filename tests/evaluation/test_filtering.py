"""Molecules kept by a condition."""

import csv
from pathlib import Path

import pytest
from rdkit import Chem
from typer.testing import CliRunner

from moldiff.chem.molecule import Molecule
from moldiff.cli import app
from moldiff.errors import ConfigError, DataError, OutputError
from moldiff.evaluation.filtering import Condition, filter_molecules
from moldiff.io.formats import read_molecules, read_records


@pytest.fixture(scope="module")
def molecules(sample_sdf: Path) -> list[Molecule]:
    return [one for _, one in read_molecules(sample_sdf) if isinstance(one, Molecule)][:12]


@pytest.mark.parametrize(
    ("text", "held"),
    [
        ("qed > 0.6 and alerts == 0 and rings_known", True),
        ("qed > 0.6 and not valid", False),
        ("logp < 1", None),
        ("logp < 1 or valid", True),
        ("smiles like 'C%' and num_atoms between 8 and 10", True),
        ("reason in ('', 'valence')", True),
        ("num_atoms / 2 != 4.5", True),
        ("reason == '' and length(smiles) = 3", True),
        ("qed > '0.6'", True),
    ],
)
def test_condition_is_an_expression_of_columns(text, held):
    cells = {"qed": 0.7, "alerts": 0, "rings_known": True, "valid": True, "smiles": "CCO", "num_atoms": 9, "reason": ""}
    assert Condition(text).holds(cells) is held


def test_columns_that_a_condition_names_are_known():
    assert Condition("qed > 0.5 and mmff94_energy < 3").used == {"qed", "mmff94_energy"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("qd > 0.6", "no column 'qd'; did you mean qed"),
        ("qed >", "expected such as"),
        ("", "expected such as"),
        ("qed > 1; drop table molecule", "a comment"),
        ("1) from molecule; attach database 'x' as y --", "a comment"),
        ("(select count(*) from sqlite_master) >= 0", "prohibited|not authorized"),
        ("not implausible_rings", "is a text and neither true nor false"),
        ("valid and (unknown_ring_systems)", "is a text and neither true nor false"),
        ('"qde" > 0.6', "a text stands in single quotes"),
        ("1), (2", "more than one condition"),
        ("1) from molecule limit 0 /*", "a comment"),
        ("load_extension('x')", "not authorized|no such function"),
    ],
)
def test_anything_else_is_refused(text, message):
    with pytest.raises(ConfigError, match=message):
        Condition(text)


def test_what_is_kept_keeps_its_name_and_tags(molecules, sample_sdf, tmp_path):
    found = filter_molecules(sample_sdf, "num_atoms > 15 and alerts == 0", tmp_path / "kept.sdf")
    kept = [record for _, record in read_records(tmp_path / "kept.sdf")]
    assert 0 < found.num_kept == len(kept) < found.num_records
    assert found.chemistry is None
    originals = {one.name: one for _, one in read_molecules(sample_sdf) if isinstance(one, Molecule)}
    for record in kept:
        assert isinstance(record, Chem.Mol)
        assert record.GetNumAtoms() == len(originals[record.GetProp("_Name")]) > 15
        assert set(originals[record.GetProp("_Name")].properties) <= set(record.GetPropNames())
        assert record.GetProp("alerts") == "0"
    with pytest.raises(OutputError, match="is there already"):
        filter_molecules(molecules, "valid", tmp_path / "kept.sdf")


def test_a_file_that_is_read_is_never_written_to(sample_sdf, tmp_path):
    own = tmp_path / "a.sdf"
    own.write_text(sample_sdf.read_text())
    with pytest.raises(OutputError, match="is read as well"):
        filter_molecules(own, "valid", own, overwrite=True)
    refused = CliRunner().invoke(app, ["score", str(own), "--sdf", str(own)])
    assert refused.exit_code == 1
    assert "is read as well" in refused.stderr
    assert own.read_text() == sample_sdf.read_text()
    with pytest.raises(DataError, match="No such file"):
        filter_molecules(tmp_path / "none.sdf", "valid", own, overwrite=True)
    assert own.read_text() == sample_sdf.read_text()


def test_a_condition_on_ring_systems_takes_the_summary_of_chembl(molecules):
    found = filter_molecules([*molecules, None], "rings_known")
    assert found.chemistry == "chembl"
    assert found.num_undecided == 1
    assert len(found.kept) == found.num_kept
    assert filter_molecules(molecules, "rings_known", chemistry="qm9").num_kept >= found.num_kept


def test_checks_run_on_all_molecules_where_the_condition_names_them(molecules, tmp_path):
    found = filter_molecules(molecules, "mmff94_energy >= 0", tmp_path / "kept.csv", check_file=tmp_path / "made.jsonl")
    rows = list(csv.DictReader((tmp_path / "kept.csv").read_text().splitlines()))
    assert found.num_kept == len(rows) == len(molecules)
    assert len((tmp_path / "made.jsonl").read_text().splitlines()) == len(molecules)
    assert all(float(row["mmff94_energy"]) >= 0 for row in rows)


def test_command_says_what_is_kept_and_what_is_not(sample_sdf, tmp_path):
    arguments = ["filter", str(sample_sdf), "--where", "valid and not radical", "--out", str(tmp_path / "kept.sdf")]
    refused = CliRunner().invoke(app, arguments)
    assert refused.exit_code == 1
    assert "no column 'radical'" in refused.stderr
    arguments[3] = "num_atoms > 15"
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    assert "of 200 molecules" in result.stdout
    (tmp_path / "a.smi").write_text("CCO one\nCCN two\n")
    flat = CliRunner().invoke(app, ["filter", str(tmp_path / "a.smi"), "-w", "valid", "-o", str(tmp_path / "b.sdf")])
    assert "2 molecules are not in it: they have no coordinates" in flat.stderr
