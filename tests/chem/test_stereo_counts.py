"""Stereo that is assigned, and stereo that is kept."""

import pytest
from rdkit import Chem
from rdkit.Chem import AllChem

from moldiff.chem.rdkit_conversion import from_rdkit
from moldiff.chem.stereo_counts import StereoCounts, count_stereo
from moldiff.chem.validity import judge
from moldiff.io.formats import read_records
from moldiff.io.sdf import sdf_text


def embedded(smiles: str) -> Chem.Mol:
    mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
    assert AllChem.EmbedMolecule(mol, randomSeed=7) == 0  # pyright: ignore[reportAttributeAccessIssue]
    return mol


@pytest.mark.parametrize(
    ("smiles", "wanted"),
    [
        ("CCO", StereoCounts(0, 0, 0, 0, None)),
        ("C[C@H](O)F", StereoCounts(1, 0, 0, 0, None)),
        ("CC(O)F", StereoCounts(1, 1, 0, 0, None)),
        ("C/C=C/C(O)F", StereoCounts(1, 1, 1, 0, None)),
        ("CC=CF", StereoCounts(0, 0, 1, 1, None)),
    ],
)
def test_without_coordinates_stereo_counts_as_it_is_stated(smiles, wanted):
    assert count_stereo(Chem.AddHs(Chem.MolFromSmiles(smiles))) == wanted


def test_coordinates_assign_all_and_are_compared_with_what_is_stated():
    assert count_stereo(embedded("CC=CC(O)F")) == StereoCounts(1, 0, 1, 0, None)
    mol = embedded("C[C@H](O)F")
    assert count_stereo(mol) == StereoCounts(1, 0, 0, 0, True)
    mirrored = Chem.Mol(mol)
    mirrored.GetConformer().SetPositions(mol.GetConformer().GetPositions() * [-1.0, 1.0, 1.0])
    assert count_stereo(mirrored) == StereoCounts(1, 0, 0, 0, False)


@pytest.mark.parametrize(
    ("stated", "kept"),
    [
        ("C/C=C/[C@H](O)F", True),
        ("CC=C[C@H](O)F", True),
        (r"C/C=C\[C@H](O)F", False),
        ("CC=CC(O)F", None),
        ("CCO", None),
    ],
)
def test_a_tag_states_the_stereo_of_the_input(tmp_path, stated, kept):
    mol = embedded("C/C=C/[C@H](O)F")
    mol.SetProp("Input_SMILES", stated)
    (tmp_path / "a.sdf").write_text(sdf_text(from_rdkit(mol)))
    [(_, record)] = read_records(tmp_path / "a.sdf")
    assert isinstance(record, Chem.Mol)
    Chem.SanitizeMol(record)
    found = count_stereo(record)
    assert found is not None
    assert found.stereo_kept is kept


@pytest.mark.parametrize("smiles", ["C/C=C/F", r"C/C=C\F"])
def test_a_file_keeps_the_stereo_of_double_bonds(tmp_path, smiles):
    """RDKit writes one without assigned stereo as either, and reads no stereo of it, whatever the coordinates show."""
    molecule = from_rdkit(embedded(smiles))
    text = sdf_text(molecule)
    assert Chem.MolToSmiles(Chem.MolFromMolBlock(text)) == Chem.CanonSmiles(smiles)
    (tmp_path / "a.sdf").write_text(text)
    [(_, record)] = read_records(tmp_path / "a.sdf")
    assert judge(record).stereo_smiles == judge(molecule).stereo_smiles == Chem.CanonSmiles(smiles)


@pytest.mark.parametrize(("bond", "marked"), [("  2  3  2  0", "  2  3  2  3"), ("  1  2  1  0", "  2  1  1  4")])
def test_coordinates_decide_where_a_file_says_either_or_draws_a_wave(tmp_path, bond, marked):
    text = sdf_text(from_rdkit(embedded("C/C=C/F")))
    assert bond in text
    text = text.replace(bond, marked)
    (tmp_path / "a.sdf").write_text(text)
    [(_, record)] = read_records(tmp_path / "a.sdf")
    assert judge(record).stereo_smiles == "C/C=C/F"
