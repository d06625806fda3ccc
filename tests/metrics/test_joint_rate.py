"""The joint rate, its factors, what is in the row of a molecule, and that planted faults lower it."""

import csv
from dataclasses import replace

import numpy as np
import pytest
from rdkit import Chem

from moldiff.chem.molecule import Failure, Molecule
from moldiff.io.formats import read_records
from moldiff.metrics.chemistry_summary import ChemistrySummary, load_summary
from moldiff.metrics.export import CsvRows, SdfRows, SmilesRows, open_rows, write_csv
from moldiff.metrics.molecule_row import MoleculeRow, columns_of
from moldiff.metrics.rate import Rate
from moldiff.metrics.score import score
from moldiff.metrics.score_result import DataRow
from moldiff.metrics.summarise import summarise
from moldiff.metrics.tables import comparison_tables, score_tables

KNOWN = ("Cc1ccccc1", "OC1CCCC1", "CCO")
FACTORS = ("joint", "valid", "valid_and_unique", "valid_unique_and_novel", "plausible", "rings_known")


@pytest.fixture(scope="module")
def known() -> ChemistrySummary:
    return summarise(KNOWN, name="data", source="a list")


def counts(result) -> list[int]:
    return [result.rates[name].numerator for name in FACTORS]


def test_each_factor_is_of_all_requested_and_the_joint_rate_has_all(embed, known):
    bent = embed("NCc1ccccc1")
    bent = replace(bent, pos=bent.pos * [1.3, 1.0, 1.0])
    radical = Chem.AddHs(Chem.MolFromSmiles("C[CH2]"))
    records = [
        embed("Nc1ccccc1"),  # all
        embed("Nc1ccccc1"),  # twice
        embed("Cc1ccccc1"),  # not novel
        bent,  # not plausible
        embed("CC1=CC=C1"),  # an unknown ring system
        radical,
        None,
    ]
    result = score(records, num_requested=10, chemistry=known)
    assert counts(result) == [1, 5, 4, 3, 4, 4]
    assert {result.rates[name].denominator for name in FACTORS} == {10}
    assert next(iter(result.rates)) == "joint"
    rows = [row.to_dict(columns_of(described=True)) for row in result.rows]
    assert [row["unique"] for row in rows[:4]] == [True, False, True, True]
    assert [row["novel"] for row in rows] == [True, True, False, True, True, None, None]
    assert [row["plausible"] for row in rows] == [True, True, True, False, True, None, None]
    assert rows[3]["bond_lengths"] is False
    assert rows[4]["unknown_ring_systems"] == "C1=CC=C1"
    assert rows[4]["implausible_rings"] == "cyclobutadiene"
    assert rows[5]["reason"] == "radical"


def test_a_second_molecule_of_a_smiles_can_carry_the_joint_rate(embed, known):
    bent = embed("Nc1ccccc1")
    bent = replace(bent, pos=bent.pos * [1.3, 1.0, 1.0])
    for order in ([bent, embed("Nc1ccccc1")], [embed("Nc1ccccc1"), bent]):
        assert score(order, chemistry=known).rates["joint"] == Rate(1, 2)


def test_a_reference_of_its_own_decides_novelty(embed, known):
    result = score([embed("CCO"), embed("CCN")], chemistry=known, reference={"CCN"})
    assert result.rates["novel_of_unique"] == Rate(1, 2)
    assert [row.novel for row in result.rows] == [True, False]


def test_without_chemistry_there_is_no_joint_rate_and_no_description(embed):
    result = score([embed("CCO")])
    assert "joint" not in result.rates
    assert result.chemistry is None
    assert result.rows[0].to_dict().keys() == set(columns_of(described=False))
    described = score([embed("CCO")], describe=True).rows[0].to_dict()
    assert 0 < described["qed"] < 1
    assert described["rings_known"] is None


def test_figures_are_the_same_twice_and_in_processes(embed, known, monkeypatch):
    monkeypatch.setattr("moldiff.metrics.records.FEW", 2)
    records = [embed(smiles) for smiles in ("Nc1ccccc1", "CC1=CC=C1", "C[C@H](N)O", "CCO")]
    one, again, two = (score(records, chemistry=known, num_workers=number) for number in (1, 1, 2))
    assert one.to_dict() == again.to_dict() == two.to_dict()
    assert one.rows == two.rows


def test_planted_faults_lower_what_they_should(embed):
    smiles = ["Cc1ccccc1", "CCc1ccncc1", "O=C1CCCN1", "CC(=O)Nc1ccccc1", "OCc1ccco1"] * 4
    good = [embed(one) for one in smiles]
    moses = load_summary("moses")
    sound = score(good, chemistry=moses)
    assert sound.rates["rings_known"].value == 1
    squares = [embed("CC1=CC=C1") if "c1ccccc1" in one else mol for one, mol in zip(smiles, good, strict=True)]
    swapped = score(squares, chemistry=moses)
    assert swapped.rates["rings_known"] == Rate(12, 20)
    assert swapped.chemistry is not None
    assert swapped.chemistry.implausible_by_name == {"cyclobutadiene": 8}
    shifted = [replace(mol, elements=np.where(mol.elements == 7, 8, mol.elements)) for mol in good]
    assert score(shifted, chemistry=moses).rates["valid"].value < 0.5
    assert sound.rates["valid_and_unique"] == Rate(5, 20)


def test_tables_show_the_joint_rate_first_with_the_data_beside(embed, known):
    own = score([embed("OCc1ccccc1")], chemistry=known)
    result = score([embed("Nc1ccccc1"), None], chemistry=known)
    first, second, *_ = score_tables(result, DataRow(held_out=own, fcd_by_size={100: 3.0, 200: 1.0}))
    assert first.title == "joint rate of 2 molecules requested"
    assert first.rows[0] == ("all of the following", "50.00", "1/2", "9.5-90.5", "100.00", "1/1")
    assert second.rows[0][-1] == "1/1"
    several = comparison_tables({"a": result, "b": own})
    assert several[0].rows[0][1:] == ("50.00  1/2", "100.00  1/1")
    assert DataRow(fcd_by_size={100: 3.0, 200: 1.0}).fcd(150) == pytest.approx(1 + 2 / 3)
    assert DataRow(fcd_by_size={100: 3.0, 200: 1.5}).fcd(400) == pytest.approx(0.75)
    assert DataRow(fcd_by_size={100: 3.0, 200: 1.0}).fcd(10_000) == 0.0
    assert DataRow().fcd(5) is None


def test_every_figure_is_in_the_files(embed, known, tmp_path):
    molecule = replace(embed("NCc1ccccc1"), name="mine", properties={"batch": "7"})
    records = [molecule, Failure("unreadable", "no molecule")]
    result = score(records, chemistry=known)
    columns = columns_of(described=True)
    with CsvRows(tmp_path / "a.csv", columns) as rows, SdfRows(tmp_path / "a.sdf", columns) as tags:
        for record, row in zip(records, result.rows, strict=True):
            rows.add(record, row)
            tags.add(record, row)
    write_csv(result, tmp_path / "b.csv")
    assert (tmp_path / "b.csv").read_text() == (tmp_path / "a.csv").read_text()
    first, second = csv.DictReader((tmp_path / "a.csv").read_text().splitlines())
    assert (first["name"], first["rings_known"], first["alerts"]) == ("mine", "1", "0")
    assert float(first["qed"]) == pytest.approx(result.rows[0].to_dict()["qed"], abs=1e-5)
    assert (second["reason"], second["qed"]) == ("unreadable", "")
    assert tags.num_left_out == 1
    [(_, again)] = read_records(tmp_path / "a.sdf")
    assert isinstance(again, Chem.Mol)
    assert again.GetProp("_Name") == "mine"
    assert again.GetProp("batch") == "7"
    assert again.GetProp("qed") == first["qed"]
    assert score([again], chemistry=known).rows[0].to_dict() == result.rows[0].to_dict()


def test_figures_of_an_earlier_file_do_not_survive_but_the_stereo_of_the_input_does(embed, known, tmp_path):
    old = {"smiles": "C[C@H](N)O", "implausible_rings": "cyclobutadiene", "note": "a\n$$$$ b", "reason": "valence"}
    molecule = replace(embed("C[C@H](N)O"), properties=old)
    [row] = score([molecule], chemistry=known).rows
    with SdfRows(tmp_path / "a.sdf", columns_of(described=True)) as tags:
        tags.add(molecule, row)
    [(_, again)] = read_records(tmp_path / "a.sdf")
    assert isinstance(again, Chem.Mol)
    assert not again.HasProp("implausible_rings")
    assert not again.HasProp("reason")
    assert again.GetProp("note") == "a"
    assert again.GetProp("smiles") == "CC(N)O"
    assert again.GetProp("input_smiles") == "C[C@H](N)O"
    assert score([again], chemistry=known).rows[0].to_dict()["stereo_kept"] is row.to_dict()["stereo_kept"] is True


def test_a_joint_rate_of_nothing_is_shown(known):
    result = score([None, None], chemistry=known)
    assert score_tables(result)[0].rows[0][:3] == ("all of the following", "0.00", "0/2")
    assert comparison_tables({"a": result, "b": result})[0].rows[0][1] == "0.00  0/2"


def test_caption_names_what_novelty_was_counted_against(embed, known):
    own = DataRow(held_out=score([embed("OCc1ccccc1")], chemistry=known))
    table = score_tables(score([embed("CCO")], chemistry=known, reference={"CCN"}), own)[0]
    assert "Novel: against the reference; ring systems known: against data." in table.caption
    assert {row[0]: row[-1] for row in table.rows}["all of the following"] == ""


def test_a_list_of_smiles_leaves_out_what_is_not_valid(embed, tmp_path):
    result = score([replace(embed("CCO"), name="mine"), None])
    with open_rows(tmp_path / "a.smi", ()) as rows:
        for row in result.rows:
            rows.add(Failure("unreadable", ""), row)
    assert isinstance(rows, SmilesRows)
    assert (tmp_path / "a.smi").read_text() == "CCO mine\n"
    assert rows.num_left_out == 1


def test_kept_molecules_are_a_random_subset_and_smaller_ones_are_parts_of_larger(embed):
    records: list[Molecule | None] = [None] + [embed(f"{'C' * size}O") for size in range(1, 13)]
    first, second = (score(records, keep=5) for _ in range(2))
    assert first.numbers == second.numbers == tuple(sorted(set(first.numbers)))
    assert len(first.numbers) == len(first.molecules) == 5 < max(first.numbers)
    for number, molecule in zip(first.numbers, first.molecules, strict=True):
        assert len(molecule) == len(records[number - 1] or ())
    larger = score(records, keep=8, distances_to=[embed("CCO")])
    assert set(first.numbers) < set(larger.numbers)
    assert len(score(records, keep=100).molecules) == 12


def test_row_of_a_failure_has_no_figures():
    row = MoleculeRow(3, score([None]).rows[0].verdict, checks={"mmff94": Failure("timeout", "")})
    cells = row.to_dict()
    assert cells["record"] == 3
    assert cells["mmff94_energy"] is None
    assert cells["mmff94_failure"] == "timeout"
