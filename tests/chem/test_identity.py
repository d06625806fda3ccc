"""What makes a molecule another one, and what does not: labels of atoms, their order, hydrogens."""

import numpy as np
import pytest
from rdkit import Chem

from moldiff.chem.bond_perception import perceive
from moldiff.chem.smiles_parsing import record_of_smiles
from moldiff.chem.validity import canonical_smiles, identities, judge
from moldiff.io.formats import read_records, read_reference
from moldiff.metrics.score import score

METHANOL = ["CO", "[CH3:1][OH:2]", "[OH:1][CH3:2]", "[2H]CO", "[13CH3]O", "[2H]C([2H])([2H])O[2H]", "[3H]O[14CH3:7]"]


def records(*smiles: str) -> list[Chem.Mol]:
    found = [record_of_smiles(text) for text in smiles]
    assert all(isinstance(mol, Chem.Mol) for mol in found)
    return found  # type: ignore[return-value]


def test_labels_make_no_other_molecule():
    result = score(records(*METHANOL), reference={"CO"}, protocols=["midi", "geom-revised"])
    assert (result.rates["unique_of_valid"].numerator, result.rates["unique_of_valid"].denominator) == (1, 7)
    assert result.rates["unique_with_stereo_of_valid"].numerator == 1
    assert (result.rates["novel_of_unique"].numerator, result.rates["novel_of_unique"].denominator) == (0, 1)
    assert [rates["valid_and_unique"].numerator for rates in result.protocols.values()] == [1, 1]
    assert {perceive(mol).largest for mol in records(*METHANOL)} == {"[H]OC([H])([H])[H]"}


def test_labels_of_a_reference_are_no_part_of_it(tmp_path):
    (tmp_path / "r.smi").write_text("[2H]CO\n[CH3:1][OH:2]\n")
    assert read_reference(tmp_path / "r.smi")[0] == {"CO"}


def test_deuterium_in_an_sdf_is_hydrogen(tmp_path):
    """With symbols `D`, and with `M  ISO`."""
    head, water = "\n     x\n\n  3  2  0  0  0  0  0  0  0  0999 V2000\n", "  1  2  1  0\n  1  3  1  0\n"
    place = "    0.0000    0.{}000    0.0000 {}   0  0  0  0  0  0  0  0  0  0  0  0\n"
    (tmp_path / "x.sdf").write_text(
        head
        + "".join(place.format(i, s) for i, s in enumerate("ODD"))
        + water
        + "M  END\n$$$$\n"
        + head
        + "".join(place.format(i, s) for i, s in enumerate("OHH"))
        + water
        + "M  ISO  2   2   2   3   3\nM  END\n$$$$\n"
    )
    verdicts = [judge(record) for _, record in read_records(tmp_path / "x.sdf")]
    assert [(verdict.smiles, verdict.stereo_smiles) for verdict in verdicts] == [("O", "O")] * 2


def test_a_centre_of_isotopes_alone_is_none():
    assert identities(Chem.MolFromSmiles("C[C@H]([13CH3])O")) == {"CC(C)O"}
    assert len(identities(Chem.MolFromSmiles("CC[C@H]([13CH3])O"))) == 2


@pytest.mark.parametrize(("one", "other"), [("C[NH3+]", "CN"), ("CC(=O)[O-]", "CC(=O)O"), ("CO", "CS")])
def test_charges_and_elements_do(one: str, other: str):
    assert len({judge(mol).smiles for mol in records(one, other)}) == 2


@pytest.mark.parametrize("stereo", [False, True])
def test_an_identity_is_its_own_and_knows_no_order(stereo: bool):
    chance = np.random.default_rng(0)
    for smiles in ("C[C@H](O)F", "F/C=C/Cl", "c1ccc2[nH]ccc2c1", "C[N+](=O)[O-]", "OC[C@@H]1CC[C@H](O)C1", "[2H]O[2H]"):
        mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
        canonical = canonical_smiles(mol, stereo=stereo)
        other = Chem.RenumberAtoms(mol, chance.permutation(mol.GetNumAtoms()).tolist())
        assert canonical_smiles(other, stereo=stereo) == canonical
        assert canonical_smiles(Chem.MolFromSmiles(canonical), stereo=stereo) == canonical
