from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from moldiff.chem.bare_geometry import BOHR, geometry_obstacle
from moldiff.chem.fragments import part_of
from moldiff.chem.molecule import Molecule
from moldiff.io.formats import read_molecules
from moldiff.io.xyz import read_xyz


@pytest.fixture(scope="module")
def molecules(sample_sdf: Path) -> list[Molecule]:
    return [record for _, record in read_molecules(sample_sdf) if isinstance(record, Molecule)]


def test_whole_molecules_in_angstrom_have_no_obstacle(molecules: list[Molecule]):
    assert [geometry_obstacle(molecule) for molecule in molecules] == [None] * 200


@pytest.mark.parametrize(
    ("factor", "message"), [(BOHR, "as in Bohr"), (0.1, "as in nm"), (2.5, "bonds are 2"), (0.5, "times as long")]
)
def test_other_units_are_named(molecules: list[Molecule], factor: float, message: str):
    found = [str(geometry_obstacle(replace(molecule, pos=factor * molecule.pos))) for molecule in molecules]
    assert all("times as long as in Å" in text and message in text for text in found)


def test_missing_hydrogens_are_counted(molecules: list[Molecule]):
    with_carbons = [
        m for m in molecules if (m.elements == 6).sum() > 1 and (m.bond[m.elements == 6][:, m.elements == 1]).any()
    ]
    bare = [part_of(molecule, molecule.elements != 1) for molecule in with_carbons]
    found = [text is not None and "need hydrogens, and it has none" in text for text in map(geometry_obstacle, bare)]
    assert len(found) > 150
    assert np.mean(found) > 0.98  # a lone NH among multiple bonds may pass
    polar = next(
        m for m in molecules if (m.elements == 6).sum() > 4 and m.bond[m.elements == 8][:, m.elements == 1].any()
    )
    hydrogens = (polar.bond[:, polar.elements == 6] > 0).any(1) & (polar.elements == 1)
    assert "missing" in str(geometry_obstacle(part_of(polar, ~hydrogens)))


@pytest.mark.parametrize(
    "text",
    [
        "3\ncarbon dioxide\nO 0 0 -1.16\nC 0 0 0\nO 0 0 1.16\n",
        "4\ncyanogen\nN 0 0 -1.855\nC 0 0 -0.695\nC 0 0 0.695\nN 0 0 1.855\n",
        "5\nCCl4\nC 0 0 0\nCl 1.02 1.02 1.02\nCl -1.02 -1.02 1.02\nCl -1.02 1.02 -1.02\nCl 1.02 -1.02 -1.02\n",
        "2\nnitrogen\nN 0 0 0\nN 0 0 1.1\n",
        "1\nargon\nAr 0 0 0\n",
    ],
)
def test_molecules_without_hydrogens_are_molecules(text: str, tmp_path: Path):
    (tmp_path / "a.xyz").write_text(text)
    ((_, molecule),) = read_xyz(tmp_path / "a.xyz")
    assert isinstance(molecule, Molecule)
    assert geometry_obstacle(molecule) is None


def test_atoms_on_one_another_are_counted():
    one = Molecule(np.array([6, 1, 1]), np.zeros(3, int), np.zeros((3, 3)), np.zeros((3, 3), int))
    assert geometry_obstacle(one) == "3 of its atoms lie on one another"
