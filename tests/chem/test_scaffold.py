"""Stars become hydrogens in their places, and what grows there has the stereo that the stars have."""

from dataclasses import replace

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import AllChem

from moldiff.chem.conformer import embed_mol
from moldiff.chem.molecule import Failure, Molecule
from moldiff.chem.rdkit_conversion import convert, to_rdkit
from moldiff.chem.scaffold import Scaffold, scaffold_of, together
from moldiff.chem.smiles_parsing import record_of_smiles
from moldiff.chem.validity import sanitise
from moldiff.io.sdf import read_sdf_records


def scaffold(smiles: str) -> Scaffold:
    record = record_of_smiles(smiles, stars=True)
    assert isinstance(record, Chem.Mol)
    found = scaffold_of(record)
    assert isinstance(found, Scaffold)
    return found


def embed(one: Scaffold, *, mirror: bool = False) -> Molecule:
    mol = Chem.Mol(one.mol)
    assert sanitise(mol) is None
    molecule = embed_mol(mol, "scaffold", seed=1)
    assert isinstance(molecule, Molecule)
    return replace(molecule, pos=molecule.pos * [-1, 1, 1]) if mirror else molecule


def grown(one: Scaffold, molecule: Molecule) -> str:
    """What comes where the first star is a bromine, the second a chlorine."""
    elements = molecule.elements.copy()
    elements[list(one.hydrogens)] = (35, 17)[: len(one.hydrogens)]
    mol = to_rdkit(replace(molecule, elements=elements))
    Chem.SanitizeMol(mol)
    Chem.AssignStereochemistryFrom3D(mol)
    return Chem.MolToSmiles(Chem.RemoveHs(mol))


@pytest.mark.parametrize(
    ("smiles", "sites", "labels"),
    [
        ("*c1ccco1", (1,), (1,)),
        ("C1CC1[*:2]", (2,), (2,)),
        ("[2*]CC([1*])O", (2, 1), (1, 2)),
        ("*CC*", (1, 2), (1, 2)),
        ("[*:4]c1ccc([*:4])cc1", (1, 4), (1, 2)),
        ("c1ccco1", (), ()),
    ],
)
def test_stars_become_hydrogens_at_their_sites(smiles: str, sites: tuple, labels: tuple):
    found = scaffold(smiles)
    assert (found.sites, found.labels) == (sites, labels)
    assert all(found.mol.GetAtomWithIdx(place).GetAtomicNum() == 1 for place in found.hydrogens)
    assert embed(found).elements[list(found.hydrogens)].tolist() == [1] * len(sites)


@pytest.mark.parametrize(
    "smiles",
    [
        "*[C@H](O)C#N",
        "*[C@@H](O)C#N",
        "*/C=C/C",
        "*/C=C\\C",
        "[*:2][C@]([*:1])(F)C",
        "[*:2][C@@]([*:1])(F)C",
        "*[C@](F)(I)C",
        "*[C@H]1C[C@@H]1C",
        "*[C@H]1C[C@H]1C",
    ],
)
def test_what_grows_has_the_stereo_of_the_star(smiles: str):
    found = scaffold(smiles)
    wanted = Chem.CanonSmiles(smiles.replace("[*:1]", "Br").replace("[*:2]", "Cl").replace("*", "Br"))
    for mirror in (False, True):
        molecule = embed(found, mirror=mirror)
        placed = found.place(molecule)
        if isinstance(placed, Failure):  # the mirror image has another centre wrong
            assert mirror
            assert placed.reason == "stereo"
            assert "I" in smiles or "1C" in smiles
        else:
            assert grown(found, placed) == wanted
            assert sorted(placed.pos[:, 0]) == sorted(molecule.pos[:, 0])


def test_the_stereo_law_sees_a_star_in_the_other_place():
    """Without `place`, one of an embedding and its mirror image is wrong."""
    found = scaffold("*[C@H](O)C#N")
    assert len({grown(found, embed(found, mirror=mirror)) for mirror in (False, True)}) == 2


@pytest.mark.parametrize("smiles", ["*=C", "C*C", "**", "*"])
def test_a_star_without_one_single_bond_is_refused(smiles: str):
    record = record_of_smiles(smiles, stars=True)
    assert isinstance(record, Chem.Mol)
    found = scaffold_of(record)
    assert isinstance(found, Failure)
    assert found.reason == "element"
    assert "needs one single bond" in found.detail


@pytest.mark.parametrize("version", [2000, 3000])
def test_r_groups_of_a_file_are_stars(version: int, tmp_path):
    mol = Chem.AddHs(Chem.MolFromSmiles("Cc1ccoc1"))
    AllChem.EmbedMolecule(mol, randomSeed=1)
    block = Chem.MolToMolBlock(mol, forceV3000=version == 3000)
    lines = block.splitlines()
    place = next(i for i, line in enumerate(lines) if " C " in line)
    lines[place] = (
        lines[place].replace(" C ", " R# ", 1) if version == 3000 else lines[place].replace(" C   ", " R#  ", 1)
    )
    hydrogens = [atom.GetIdx() + 1 for atom in mol.GetAtomWithIdx(0).GetNeighbors() if atom.GetAtomicNum() == 1]
    assert len(hydrogens) == 3
    (tmp_path / "r.mol").write_text("\n".join(lines) + "\n")
    ((_, refused),) = read_sdf_records(tmp_path / "r.mol")
    assert isinstance(refused, Failure)
    ((_, record),) = read_sdf_records(tmp_path / "r.mol", stars=True)
    assert isinstance(record, Chem.Mol)
    editable = Chem.RWMol(record)
    for number in sorted(hydrogens, reverse=True):
        editable.RemoveAtom(number - 1)
    found = scaffold_of(editable.GetMol())
    assert isinstance(found, Scaffold)
    assert (found.hydrogens, found.sites) == ((0,), (1,))
    molecule = convert(found.mol)
    assert isinstance(molecule, Molecule)
    assert np.array_equal(molecule.pos[1:5], record.GetConformer().GetPositions()[1:5])


def test_scaffolds_together_count_on():
    parts = [(one, embed(one)) for one in (scaffold("*C"), scaffold("C*"))]
    whole, molecule = together(parts)
    first = len(parts[0][1])
    assert whole.sites == (1, first)
    assert whole.hydrogens == (0, first + 1)
    assert len(molecule) == sum(len(part) for _, part in parts)
