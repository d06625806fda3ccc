"""Aromatic bonds as a class, there and back."""

import numpy as np
import pytest
from rdkit import Chem

from moldiff.chem.aromaticity import find_aromatic, kekulize, mark_aromatic
from moldiff.chem.molecule import AROMATIC

NAMED = {
    "benzene": "c1ccccc1",
    "pyrrole": "c1cc[nH]c1",
    "imidazole": "c1c[nH]cn1",
    "indole": "c1ccc2[nH]ccc2c1",
    "azulene": "c1ccc2cccc2cc1",
    "caffeine": "Cn1c(=O)c2c(ncn2C)n(C)c1=O",
    "nitrobenzene": "O=[N+]([O-])c1ccccc1",
    "pyridine oxide": "[O-][n+]1ccccc1",
    "thiophene and furan": "c1csc(-c2ccco2)c1",
    "cyclooctatetraene": "C1=CC=CC=CC=C1",
    "indolizine": "c1ccn2cccc2c1",
}


def arrays(smiles: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Elements, charges, Kekulé orders and numbers of hydrogens."""
    mol = Chem.MolFromSmiles(smiles)
    Chem.Kekulize(mol, clearAromaticFlags=True)
    atoms = list(mol.GetAtoms())
    columns = (
        [a.GetAtomicNum() for a in atoms],
        [a.GetFormalCharge() for a in atoms],
        [a.GetTotalNumHs() for a in atoms],
    )
    elements, charges, hydrogens = map(np.array, columns)
    return elements, charges, Chem.GetAdjacencyMatrix(mol, useBO=True).astype(np.int64), hydrogens


@pytest.mark.parametrize("smiles", NAMED.values(), ids=NAMED)
def test_aromatic_bonds_are_those_of_rdkit_and_have_a_kekule_form(smiles: str):
    elements, charges, bond, hydrogens = arrays(smiles)
    found = mark_aromatic(elements, charges, bond, hydrogens)
    assert (np.triu(found) == AROMATIC).sum() == sum(b.GetIsAromatic() for b in Chem.MolFromSmiles(smiles).GetBonds())
    orders = kekulize(elements, charges, found, hydrogens)
    assert (orders < AROMATIC).all()
    assert (orders == orders.T).all()
    np.testing.assert_array_equal(orders.sum(0), bond.sum(0))  # whichever form it is
    np.testing.assert_array_equal(mark_aromatic(elements, charges, orders, hydrogens), found)
    np.testing.assert_array_equal(mark_aromatic(elements, charges, bond), found)  # hydrogens follow from the valence


def test_an_odd_number_of_hydrogens_has_no_kekule_form():
    """Pyrrole without the hydrogen of its nitrogen, benzene with a CH2, and with nothing else (RDKit: cyclohexane)."""
    elements, charges, bond, hydrogens = arrays(NAMED["pyrrole"])
    found = mark_aromatic(elements, charges, bond)
    np.testing.assert_array_equal(kekulize(elements, charges, found, 0 * hydrogens), found)
    elements, charges, bond, hydrogens = arrays(NAMED["benzene"])
    for some in (hydrogens + np.eye(6, dtype=int)[0], 0 * hydrogens + 2):
        found = np.where(bond, AROMATIC, 0)
        np.testing.assert_array_equal(kekulize(elements, charges, found, some), found)


def test_hydrogens_that_are_atoms_are_not_counted_again():
    mol = Chem.AddHs(Chem.MolFromSmiles(NAMED["pyrrole"]))
    Chem.Kekulize(mol, clearAromaticFlags=True)
    elements = np.array([a.GetAtomicNum() for a in mol.GetAtoms()])
    bond = Chem.GetAdjacencyMatrix(mol, useBO=True).astype(np.int64)
    none = np.zeros_like(elements)
    found = mark_aromatic(elements, none, bond, none)
    assert (np.triu(found) == AROMATIC).sum() == 5
    assert (kekulize(elements, none, found, none) < AROMATIC).all()


def test_a_ring_without_a_kekule_form_leaves_the_others_alone():
    """Phenylpyrrole whose nitrogen lacks its hydrogen."""
    elements, charges, bond, hydrogens = arrays("c1ccccc1-c1ccc[nH]1")
    found = mark_aromatic(elements, charges, bond)
    hydrogens[elements == 7] = 0
    orders = kekulize(elements, charges, found, hydrogens)
    assert (np.triu(orders) == AROMATIC).sum() == 5
    np.testing.assert_array_equal(orders.sum(0)[:6] + hydrogens[:6], 4)


def test_a_site_on_a_ring_nitrogen_is_as_good_as_a_hydrogen():
    """A part of a molecule, as a fragment with an attachment point, keeps its aromatic bonds."""
    elements, charges, bond, _ = arrays(NAMED["pyrrole"])
    assert (np.triu(mark_aromatic(elements, charges, bond)) == AROMATIC).sum() == 5


def test_odd_valences_have_no_aromatic_bonds():
    elements, charges = np.array([6, 6]), np.zeros(2, dtype=int)
    ends, order = np.array([[0], [1]]), np.array([3])
    assert not find_aromatic(elements, charges, ends, order, np.array([9, 9])).any()
    assert not find_aromatic(elements, charges, ends[:, :0], order[:0], np.zeros(2, dtype=int)).any()
