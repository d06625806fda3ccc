"""The checks of plausibility: those of the package, and what they catch."""

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import AllChem

from moldiff.chem.plausibility import CHECKS, is_plausible, plausibility
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
        wanted = posebusters(mol)
        assert plausibility(mol) == {name: wanted[name] for name in CHECKS}
        seen.add(is_plausible(plausibility(mol)))
    assert smiles == "C" or seen == {True, False}


def test_without_coordinates_checks_are_not_made_and_nothing_is_plausible():
    found = plausibility(Chem.AddHs(Chem.MolFromSmiles("CCO")))
    assert found["inchi_convertible"]
    assert [name for name, passed in found.items() if passed is None] == list(CHECKS[1:])
    assert not is_plausible(found)


def test_coordinates_that_are_no_numbers_are_not_plausible():
    mol = embedded("CCO")
    mol.GetConformer().SetPositions(mol.GetConformer().GetPositions() * np.nan)
    assert not is_plausible(plausibility(mol))
