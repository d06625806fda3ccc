"""What a score reads beside SDF: geometries without bonds, SMILES, folders."""

from dataclasses import replace
from pathlib import Path

import pytest
from ase import Atoms
from rdkit import Chem

import moldiff.chem.bond_perception
from moldiff.chem.bond_perception import from_ase, with_bonds
from moldiff.chem.molecule import Failure
from moldiff.chem.validity import judge
from moldiff.errors import FileFormatError, MoleculeError
from moldiff.io.formats import read_records
from moldiff.io.writer import open_writer
from moldiff.io.xyz import xyz_text


def records(path: Path) -> list[Chem.Mol | Failure]:
    numbers, found = zip(*read_records(path), strict=True)
    assert list(numbers) == list(range(1, len(found) + 1))
    return list(found)


def smiles(path: Path) -> list[str]:
    return [judge(record).smiles for record in records(path)]


KNOWN = ["CCO", "c1ccncc1", "CC#N", "CC(=O)OC", "[NH3+]CC(=O)[O-]", "C1=CC=CC=C1"]


def test_bonds_of_xyz_frames_are_perceived(tmp_path, embed):
    (tmp_path / "a.xyz").write_text("".join(xyz_text(embed(s)) for s in KNOWN))
    assert smiles(tmp_path / "a.xyz") == [Chem.CanonSmiles(s) for s in KNOWN]


def test_total_charge_is_read_from_the_comment(tmp_path, embed):
    ion = embed("C[NH3+]")
    (tmp_path / "a.xyz").write_text(xyz_text(ion) + xyz_text(replace(ion, properties={"charge": 1})))
    without, charged = records(tmp_path / "a.xyz")
    assert isinstance(without, Failure)
    assert without.reason == "perception"
    assert judge(charged).smiles == "C[NH3+]"


def test_bad_frames_and_bad_geometries_fail_in_their_place(tmp_path, embed):
    good, broken = xyz_text(embed("CCO")), "1\n\nXx 0 0 0\n"
    lone = "1\n\nC 0 0 0\n"
    (tmp_path / "a.xyz").write_text(broken + good + broken + broken + lone + good + broken)
    judged = [judge(record) for record in records(tmp_path / "a.xyz")]
    assert [verdict.valid for verdict in judged] == [False, True, False, False, False, True, False]
    assert judged[2].failure == Failure("element", "a.xyz, frame 3: atom 1: 'Xx 0 0 0' does not begin with an element")


def test_perception_that_does_not_end_is_ended(tmp_path, embed, monkeypatch):
    monkeypatch.setattr(moldiff.chem.bond_perception, "PERCEPTION_SECONDS", 2.0)
    chain = replace(embed(f"C{16 * 'S'}C"), properties={"charge": 1})  # tries 3 valences of each S, none of them right
    (tmp_path / "a.xyz").write_text(xyz_text(embed("CCO")) + xyz_text(chain) + xyz_text(embed("CC")))
    first, endless, last = records(tmp_path / "a.xyz")
    assert (judge(first).smiles, judge(last).smiles) == ("CCO", "CC")
    assert isinstance(endless, Failure)
    assert (endless.reason, endless.detail) == ("timeout", "a.xyz, frame 2: took more than 2 s")


def test_smiles_count_with_the_hydrogens_that_they_imply(tmp_path):
    lines = [
        "smiles",
        "CCO ethanol",
        "C1=CC=CC=C1",
        "C(C)(C)(C)(C)C",
        "C[CH2]",
        "C.C",
        "nonsense(",
        "C*",
        "[CH3]",
        "[H][H]",
    ]
    (tmp_path / "a.smi").write_text("\n".join(lines) + "\n")
    judged = [judge(record) for record in records(tmp_path / "a.smi")]
    reasons = [verdict.failure.reason if verdict.failure else verdict.smiles for verdict in judged]
    assert reasons == [
        "CCO",
        "c1ccccc1",
        "valence",
        "radical",
        "fragments",
        "unreadable",
        "element",
        "radical",
        "[H][H]",
    ]
    assert judged[0].num_atoms == 9


def test_a_folder_is_read_file_by_file(tmp_path, embed):
    with open_writer(tmp_path / "b.sdf") as writer:
        writer.write(embed("CC"))
    (tmp_path / "a.smi").write_text("CCO\n")
    (tmp_path / "c.xyz").write_text(xyz_text(embed("CC#N")))
    (tmp_path / "notes.md").write_text("not read")
    (tmp_path / "inner").mkdir()
    assert smiles(tmp_path) == ["CCO", "CC", "CC#N"]
    with pytest.raises(FileFormatError, match="holds no file to score"):
        records(tmp_path / "inner")
    with pytest.raises(FileFormatError, match="a score is read from"):
        records(tmp_path / "notes.md")


def test_atoms_of_ase_are_scored_with_perceived_bonds(embed):
    ammonium = embed("C[NH3+]")
    frames = [Atoms(numbers=m.elements, positions=m.pos) for m in (embed("CC=O"), ammonium)]
    frames[1].info["charge"] = 1
    found = [judge(record) for record in with_bonds(map(from_ase, frames), num_workers=1)]
    assert [verdict.smiles for verdict in found] == ["CC=O", "C[NH3+]"]
    with pytest.raises(MoleculeError, match="no atoms"):
        from_ase(Atoms())
