"""Frames whose hydrogens were left out are no molecules; molecules that have none are."""

from pathlib import Path

import pytest
from rdkit import Chem

from moldiff.chem.bond_perception import bonds_of_geometry
from moldiff.chem.molecule import Failure, Molecule
from moldiff.chem.validity import judge
from moldiff.io.formats import read_molecules, read_records
from moldiff.io.xyz import xyz_text

REAL = {
    "N#N": "2\n\nN 0 0 0\nN 0 0 1.10\n",
    "O=C=O": "3\n\nO 0 0 -1.16\nC 0 0 0\nO 0 0 1.16\n",
    "[C-]#[O+]": "2\n\nC 0 0 0\nO 0 0 1.13\n",
    "O=[O+][O-]": "3\n\nO 0 0 0\nO 1.09 0.67 0\nO -1.09 0.67 0\n",
    "N#CC#N": "4\n\nN 0 0 -1.85\nC 0 0 -0.69\nC 0 0 0.69\nN 0 0 1.85\n",
    "O=C=C=C=O": "5\n\nO 0 0 -2.44\nC 0 0 -1.28\nC 0 0 0\nC 0 0 1.28\nO 0 0 2.44\n",
}
EMBEDDED = [
    "FC(F)=C(F)F",
    "Fc1c(F)c(F)c(F)c(F)c1F",
    "ClC(Cl)(Cl)Cl",
    "N#CC(F)(F)F",
    "O=C(Cl)Cl",
    "O=[N+]([O-])[N+](=O)[O-]",
]
STRIPPED = [
    "c1ccccc1",
    "CC(C)=O",
    "C=O",
    "CO",
    "NN",
    "C=C",
    "OC=O",
    "C#CC=O",
    "N#CC(O)C#N",
    "OC(=O)C(=O)O",
    "c1ncon1",
    "O=c1[nH]cno1",
    "CC(=O)Oc1ccccc1C(=O)O",
]


def perceived(path: Path, text: str) -> list[Chem.Mol | Failure]:
    path.write_text(text)
    return [bonds_of_geometry(m) if isinstance(m, Molecule) else m for _, m in read_molecules(path)]


def test_molecules_without_hydrogens_are_read(tmp_path: Path, embed):
    found = perceived(tmp_path / "a.xyz", "".join(REAL.values()) + "".join(xyz_text(embed(s)) for s in EMBEDDED))
    assert [judge(record).smiles for record in found] == [*REAL, *map(Chem.CanonSmiles, EMBEDDED)]


def heavy(molecule: Molecule) -> str:
    lines = [line for line in xyz_text(molecule).splitlines()[2:] if not line.startswith("H ")]
    return "\n".join([str(len(lines)), "heavy", *lines, ""])


@pytest.mark.parametrize("smiles", STRIPPED)
def test_a_frame_without_its_hydrogens_is_not_valid(tmp_path: Path, embed, smiles: str):
    (found,) = perceived(tmp_path / "a.xyz", heavy(embed(smiles)))
    assert not judge(found).valid
    if smiles != "C=C":  # a radical
        assert isinstance(found, Failure)
        assert found.reason == "perception"
        assert "it has no hydrogens: if they were left out, write all atoms" in found.detail


def test_of_real_molecules_only_those_that_have_none_stay_valid(tmp_path: Path, sample_sdf: Path):
    """Of the 200 of the sample: the same SMILES as before, or none."""
    whole = [m for _, m in read_molecules(sample_sdf) if isinstance(m, Molecule) and len(m) < 13]
    file = tmp_path / "a.xyz"
    file.write_text("".join(map(heavy, whole)))
    verdicts = [judge(record) for _, record in read_records(file)]
    valid = [(v.smiles, judge(m).smiles) for v, m in zip(verdicts, whole, strict=True) if v.valid]
    assert len(whole) > 40
    assert len(valid) >= 6
    assert all(one == two for one, two in valid)
