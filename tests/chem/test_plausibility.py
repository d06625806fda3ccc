"""The checks of plausibility: those of the package, and what they catch."""

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import AllChem

from moldiff.chem.plausibility import PLAUSIBILITY_CHECKS, is_plausible, plausibility
from moldiff.metrics.posebusters import posebusters

SMILES = (
    "CC(=O)Oc1ccccc1C(=O)O",
    "O=C([O-])c1ccncc1",
    "C1CCCCC1C=CC",
    "CS(=O)(=O)N1CCC(O)C1",
    "c1ccc2[nH]ccc2c1",
    "NC(=O)C1=CCCCC1",
    "[NH3+]CC(F)(F)C#N",
    "C",
)


ALIKE = [name for name in PLAUSIBILITY_CHECKS if "flatness" not in name]


def embedded(smiles: str) -> Chem.Mol:
    mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
    assert AllChem.EmbedMolecule(mol, randomSeed=7) == 0  # pyright: ignore[reportAttributeAccessIssue]
    return mol


@pytest.mark.parametrize("smiles", SMILES)
def test_answers_are_those_of_posebusters(smiles, monkeypatch):
    monkeypatch.setattr("moldiff.metrics.posebusters.MOST_ATTEMPTS", 1)  # the energy is not looked at
    chance = np.random.default_rng(0)
    seen = set()
    for noise in (0.0, 0.2, 0.5):
        mol = embedded(smiles)
        pos = mol.GetConformer().GetPositions()
        mol.GetConformer().SetPositions(pos + noise * chance.normal(size=pos.shape))
        wanted, found = posebusters(mol), plausibility(mol)
        assert [found[name] for name in ALIKE] == [wanted[name] for name in ALIKE]
        assert wanted["aromatic_ring_flatness"] >= found["aromatic_ring_flatness"]  # the package looks at one side
        assert wanted["double_bond_flatness"] >= found["double_bond_flatness"]
        assert wanted["non-aromatic_ring_non-flatness"] <= found["non-aromatic_ring_non-flatness"]
        seen.add(is_plausible(found))
    assert smiles == "C" or seen == {True, False}


def test_answers_do_not_depend_on_the_order_of_atoms_or_a_rotation():
    """A ring atom out of plane by so much lies on the limit from one side alone."""
    chance = np.random.default_rng(0)
    for off in np.linspace(0.3, 0.7, 9):
        mol = embedded("c1ccncc1")
        pos = mol.GetConformer().GetPositions()
        normal = np.linalg.svd(pos[:6] - pos[:6].mean(0))[2][-1]
        pos[1] += off * normal
        mol.GetConformer().SetPositions(pos)
        wanted = plausibility(mol)
        for _ in range(6):
            order = chance.permutation(mol.GetNumAtoms()).tolist()
            assert plausibility(Chem.RenumberAtoms(mol, order)) == wanted
        mol.GetConformer().SetPositions(pos @ np.linalg.qr(chance.normal(size=(3, 3)))[0])
        assert plausibility(mol) == wanted


def test_without_coordinates_checks_are_not_made_and_nothing_is_plausible():
    found = plausibility(Chem.AddHs(Chem.MolFromSmiles("CCO")))
    assert found["inchi_convertible"]
    assert [name for name, passed in found.items() if passed is None] == list(PLAUSIBILITY_CHECKS[1:])
    assert not is_plausible(found)


def test_coordinates_that_are_no_numbers_are_not_plausible():
    mol = embedded("CCO")
    mol.GetConformer().SetPositions(mol.GetConformer().GetPositions() * np.nan)
    assert not is_plausible(plausibility(mol))
