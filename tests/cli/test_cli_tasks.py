"""Each verb as a user types it, with the weights that ship."""

from pathlib import Path

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import AllChem
from typer.testing import CliRunner, Result

from moldiff.chem.molecule import Molecule
from moldiff.chem.rdkit_conversion import to_rdkit
from moldiff.cli import app
from moldiff.io.formats import read_molecules
from moldiff.io.sdf import sdf_text
from moldiff.io.xyz import xyz_text


def run(*args: object) -> Result:
    return CliRunner().invoke(app, [str(arg) for arg in args])


def molecules(path: Path) -> list[Molecule]:
    return [record for _, record in read_molecules(path) if isinstance(record, Molecule)]


def written(path: Path, *args: object) -> list[Molecule]:
    result = run(*args, "--out", path, "--num-steps", 10)
    assert result.exit_code in (0, 3), result.output
    found = molecules(path)
    assert f"{path}: {len(found)} of " in result.stdout
    assert all(m.properties["valid"] == 1 for m in found)
    return found


@pytest.fixture
def xyz(tmp_path: Path, sample_sdf: Path) -> Path:
    file = tmp_path / "in.xyz"
    file.write_text("".join(xyz_text(m) for m in molecules(sample_sdf)[30:36]))
    return file


def test_perceive_bonds_writes_confidences_and_refuses_records_in_their_place(xyz: Path, tmp_path: Path):
    xyz.write_text("3\nsulfide\nS 0 0 0\nH 0 0 1.3\nH 1.3 0 0\n" + xyz.read_text())
    result = run("perceive-bonds", xyz, "--out", tmp_path / "out.sdf")
    assert result.exit_code == 3
    assert "in.xyz, record 1: molecule 'sulfide': atom 1 is S" in result.stderr
    found = molecules(tmp_path / "out.sdf")
    assert len(found) == 6
    for molecule in found:
        pairs = str(molecule.properties["bond_confidence"]).split()
        assert len(pairs) == (molecule.bond > 0).sum() // 2
        assert 0.5 < float(molecule.properties["least_confidence"]) <= 1
    again = run("perceive-bonds", xyz, "--out", tmp_path / "out.sdf")
    assert again.exit_code == 1
    assert "already there" in again.stderr


@pytest.mark.filterwarnings("ignore:.*do not rely")
def test_a_total_charge_that_no_bonds_give_is_named(xyz: Path, tmp_path: Path):
    asked = ["perceive-bonds", xyz, "--charge", 3, "--out", tmp_path / "out.sdf", "--num-steps", 3]
    refused = run(*asked)
    assert refused.exit_code == 1
    assert "a net charge of +3; these weights know neutral molecules only" in refused.stderr
    result = run(*asked, "--allow-extrapolation")
    assert result.exit_code == 3
    assert "0 of 6 molecules; " in result.stdout


def test_conformers_of_a_smiles_and_of_files(tmp_path: Path, sample_sdf: Path):
    assert len(written(tmp_path / "a.sdf", "conformers", "C[C@H](O)C#N", "-n", 3)) == 3
    (tmp_path / "in.smi").write_text("CCO ethanol\nC[Si](C)(C)C\nnonsense\nCC=O\n")
    result = run("conformers", tmp_path / "in.smi", "--out", tmp_path / "b.sdf", "--num-steps", 5)
    assert result.exit_code == 3
    assert "2 of 4 molecules; 2 refused" in result.stdout
    assert "record 2" in result.stderr
    assert "record 3" in result.stderr
    (tmp_path / "in.sdf").write_text("".join(map(sdf_text, molecules(sample_sdf)[:30])))
    assert len(written(tmp_path / "c.sdf", "conformers", tmp_path / "in.sdf")) >= 28


def test_isomers_reshape_decorate_and_link(tmp_path: Path, sample_sdf: Path, xyz: Path):
    isomers = written(tmp_path / "i.sdf", "isomers", "C4H8O", "-n", 3)
    assert all(sorted(m.elements.tolist()) == [1] * 8 + [6] * 4 + [8] for m in isomers)
    assert len(written(tmp_path / "r.sdf", "reshape", xyz, "-n", 1)) > 3
    grown = written(tmp_path / "d.sdf", "decorate", "c1ccoc1", "--attach", 1, "--add", "3-6", "-n", 2)
    assert grown
    assert len({m.pos[:8].tobytes() for m in grown}) == 1
    starred = written(tmp_path / "s.sdf", "decorate", "*c1ccco1", "--add", "3-6", "-n", 2)
    assert starred
    assert written(tmp_path / "e.sdf", "decorate", "C1CC1", "--smarts", "[CH2]", "--add", "3-9", "-n", 2)
    pieces = tmp_path / "pieces.sdf"
    (ethane, *_) = [m for m in molecules(sample_sdf) if sorted(m.elements.tolist()) == [1] * 6 + [6] * 2] or molecules(
        tmp_path / "i.sdf"
    )
    carbon = int((ethane.elements == 6).nonzero()[0][0]) + 1
    far = Molecule(ethane.elements, ethane.charges, ethane.pos + 4.5, ethane.bond)
    pieces.write_text(sdf_text(ethane) + sdf_text(far))
    attach = f"{carbon},{carbon + len(ethane)}"
    result = run(
        "link", pieces, "--attach", attach, "--add", "3-6", "-n", 2, "--num-steps", 10, "--out", tmp_path / "l.sdf"
    )
    assert result.exit_code in (0, 3), result.output
    assert " of 2 molecules" in result.stdout
    alone = run("link", tmp_path / "r.sdf", "--attach", 1, "--out", tmp_path / "m.sdf")
    assert alone.exit_code == 1


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["isomers", "C7H9O2"], "odd in number"),
        (["isomers", "C70H142"], "212 atoms with hydrogens; these weights know 3 to 29"),
        (["isomers", "C2H6S"], "atom 1 is S"),
        (["conformers", "none.smi"], "neither a file nor a SMILES"),
        (["conformers", "C[CH]C"], "unpaired"),
        (["decorate", "c1ccoc1"], "such as --attach 3, or a SMARTS pattern (--smarts)"),
        (["decorate", "c1ccoc1", "--attach", "4"], "atom 4 has no hydrogen to give"),
        (["decorate", "c1ccoc1", "--attach", "x"], "expected numbers of atoms"),
        (["decorate", "c1ccoc1", "--attach", "1", "--add", "70"], "70 are to be added; these weights know up to 29"),
        (["decorate", "c1ccoc1", "--smarts", "N"], "no atom matches"),
        (["decorate", "O.O", "--attach", "1"], "2 unconnected parts"),
    ],
)
def test_what_cannot_be_honoured_is_one_line_before_any_work(args: list[str], message: str, tmp_path: Path):
    result = run(*args, "--out", tmp_path / "x.sdf")
    assert result.exit_code == 1
    assert message in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "x.sdf").exists()


def test_particles_compete_for_what_is_decorated(tmp_path: Path):
    """What is given stays all the same, and the target stands beside the result."""
    decorate = ["decorate", "*c1ccco1", "--add", "4-9", "-n", 6, "--target", "logp=2.5"]
    off = []
    for particles in (2, 6):
        found = written(tmp_path / f"{particles}.sdf", *decorate, "--num-particles", particles)
        assert len({m.pos[:8].tobytes() for m in found}) == 1
        assert all(m.properties["target_logp"] == 2.5 for m in found)
        off.append(sum(float(m.properties["error_logp"]) for m in found) / len(found))
    assert off[1] < off[0]
    result = run("isomers", "C4H8O", "--target", "gap=6", "--out", tmp_path / "x.sdf")
    assert result.exit_code == 1
    assert "--target gap: here targets rank particles" in result.stderr


def test_a_scaffold_smaller_than_what_the_weights_know_gets_its_coordinates_all_the_same(tmp_path: Path):
    """Methanol for weights of 13 atoms and more: by ETKDG, then atoms up to a size they know."""
    asked = ["decorate", "CO", "--attach", 1, "--weights", "druglike", "-n", 2, "--num-steps", 10]
    result = run(*asked, "--add", "9-15", "--out", tmp_path / "x.sdf")
    assert result.exit_code in (0, 3), result.output
    assert all(13 <= len(m) <= 20 for m in molecules(tmp_path / "x.sdf"))
    refused = run(*asked, "--add", "3", "--out", tmp_path / "y.sdf")
    assert refused.exit_code == 1
    assert "13 to 60" in refused.stderr


@pytest.mark.filterwarnings("ignore:.*do not rely")
def test_weights_are_chosen_for_each_molecule_and_an_outsider_is_named(tmp_path: Path):
    """Ethanol is for `qm9`, caffeine for `druglike`, and boron for neither; records keep their order and names."""
    lines = ["Cn1c(=O)c2c(ncn2C)n(C)c1=O caffeine", "CCO ethanol", "CC[B](C)C borane", "CCS(=O)(=O)CCCC sulfone"]
    (tmp_path / "in.smi").write_text("\n".join(lines) + "\n")
    result = run("conformers", tmp_path / "in.smi", "-n", 2, "--num-steps", 15, "--out", tmp_path / "x.sdf")
    assert result.exit_code == 3
    assert "record 3: " in result.stderr
    assert "no shipped weights know it" in result.stderr
    names = [m.name for m in molecules(tmp_path / "x.sdf")]
    assert names == sorted(names, key=["caffeine", "ethanol", "sulfone"].index)
    assert {"caffeine", "ethanol"} <= set(names)
    small = run("conformers", "Cn1c(=O)c2c(ncn2C)n(C)c1=O", "--weights", "qm9", "--out", tmp_path / "y.sdf")
    assert small.exit_code == 1
    assert (
        "14 heavy atoms; these weights know 1 to 9; the shipped druglike knows it: --weights druglike" in small.stderr
    )
    allowed = run(
        "conformers",
        "C1CCCCCCCCC1",
        "--weights",
        "qm9",
        "--allow-extrapolation",
        "--num-steps",
        2,
        "--out",
        tmp_path / "z.sdf",
    )
    assert allowed.exit_code in (0, 3), allowed.output


def test_geometries_in_other_units_or_without_hydrogens_are_refused(xyz: Path, tmp_path: Path):
    good = xyz.read_text()
    bohr = "9\nbohr\nC -1.615 0.422 0.457\nC 0.732 -0.678 -0.759\nO 2.894 0.726 -0.014\nH -3.302 -0.619 -0.123\n"
    bohr += "H -1.842 2.411 -0.068\nH -1.468 0.358 2.520\nH 0.998 -2.652 -0.204\n"
    bohr += "H 0.586 -0.593 -2.819\nH 3.017 0.625 1.817\n"
    bare = "3\nbare\nC -1.27 0.25 0\nC 0.13 -0.38 0\nO 1.2 0.55 0\n"
    xyz.write_text(bohr + bare + good)
    result = run("perceive-bonds", xyz, "--out", tmp_path / "x.sdf")
    assert result.exit_code == 3
    assert "as in Bohr" in result.stderr
    assert "carbons need hydrogens" in result.stderr
    assert len(molecules(tmp_path / "x.sdf")) == 6


def heavy_at(molecule: Molecule, sites: list[int], known: int) -> list[int]:
    """New heavy atoms at each site."""
    fresh = (molecule.elements != 1) & (np.arange(len(molecule)) >= known)
    return [int((molecule.bond[site] > 0)[fresh].sum()) for site in sites]


def test_each_site_gets_a_heavy_atom_and_its_size(tmp_path: Path):
    found = written(tmp_path / "a.sdf", "decorate", "c1ccoc1", "--attach", "1,2", "--add", "5-10", "-n", 4)
    assert len(found) >= 3
    assert all(heavy_at(m, [0, 1], 7) == [1, 1] for m in found)
    sized = written(tmp_path / "b.sdf", "decorate", "[*:2]c1ccoc1[*:1]", "--attach", "1:4-6,2:2-4", "-n", 3)
    assert sized
    for molecule in sized:
        bonded = molecule.bond > 0
        new = np.arange(len(molecule)) >= 7
        parts = [set(np.flatnonzero(bonded[site] & new).tolist()) for site in (4, 0)]  # labels 1 and 2
        for part in parts:
            while more := {int(j) for i in part for j in np.flatnonzero(bonded[i] & new)} - part:
                part |= more
        assert 4 <= len(parts[0]) <= 6
        assert 2 <= len(parts[1]) <= 4
        assert not parts[0] & parts[1]


@pytest.mark.parametrize("star", ["*[C@H](O)C#N", "*[C@@H](O)C#N", "*/C=C/C", "*/C=C\\C"])
def test_stereo_at_a_star_is_that_of_the_smiles(star: str, tmp_path: Path):
    found = written(tmp_path / "x.sdf", "decorate", star, "--add", "4-7", "-n", 2)
    assert found
    pattern = Chem.MolFromSmarts(star)
    for molecule in found:
        mol = to_rdkit(molecule)
        Chem.SanitizeMol(mol)
        Chem.AssignStereochemistryFrom3D(mol)
        assert Chem.RemoveHs(mol).HasSubstructMatch(pattern, useChirality=True)


def test_a_pose_keeps_its_place_and_may_get_its_hydrogens(tmp_path: Path):
    furan = Chem.AddHs(Chem.MolFromSmiles("c1ccoc1"))
    AllChem.EmbedMolecule(furan, randomSeed=1)
    bare = Chem.RemoveHs(furan)
    Chem.MolToMolFile(bare, str(tmp_path / "pose.mol"))
    refused = run("decorate", tmp_path / "pose.mol", "--attach", 1, "--out", tmp_path / "x.sdf")
    assert refused.exit_code == 1
    assert "--add-hydrogens does so" in refused.stderr
    found = written(tmp_path / "x.sdf", "decorate", tmp_path / "pose.mol", "--add-hydrogens", "--attach", 1, "-n", 3)
    assert found
    for molecule in found:
        assert np.allclose(molecule.pos[:5], bare.GetConformer().GetPositions(), atol=2e-3)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--attach", "1:3-2"], "the least first"),
        (["--attach", "1:3,2"], "a size to every site"),
        (["--attach", "1:3,2:4", "--add", "5"], "and then no --add"),
        (["--attach", "1", "--smarts", "[cH]"], "one of them"),
        (["--attach", "1:90"], "90 are to be added"),
    ],
)
def test_sites_that_make_no_sense_are_one_line(args: list[str], message: str, tmp_path: Path):
    result = run("decorate", "c1ccoc1", *args, "--out", tmp_path / "x.sdf")
    assert result.exit_code == 1
    assert message in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_predictions_name_what_they_refuse(tmp_path: Path, sample_sdf: Path):
    kept = molecules(sample_sdf)[20:22]
    anion = Chem.AddHs(Chem.MolFromSmiles("CC(=O)[O-]"))
    AllChem.EmbedMolecule(anion, randomSeed=1)
    text = sdf_text(kept[0]) + Chem.MolToMolBlock(anion) + "$$$$\n" + sdf_text(kept[1])
    (tmp_path / "in.sdf").write_text(text)
    result = run("predict", tmp_path / "in.sdf", "--out", tmp_path / "out.sdf")
    assert result.exit_code == 3
    assert "record 2: molecule: a net charge of -1; these weights know 0" in result.stderr or "neutral" in result.stderr
    assert "2 of 3 records predicted" in result.stdout
    found = molecules(tmp_path / "out.sdf")
    assert ["predicted_gap" in m.properties for m in found] == [True, False, True]
    assert "net charge" in str(found[1].properties["not_predicted"])
