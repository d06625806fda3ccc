import numpy as np
import pytest
from rdkit import Chem, rdBase

from moldiff.chem import valence
from moldiff.chem.aromaticity import mark_aromatic
from moldiff.chem.valence import MOST_ORDERS, allowed_valences, bonding_table, stable_atoms
from moldiff.chem.vocabulary import Vocabulary, parse_label


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("H", (1,)),
        ("B", (3,)),
        ("B-1", (4,)),
        ("C", (4,)),
        ("C+1", (3,)),
        ("C-1", (3,)),
        ("N", (3,)),
        ("N+1", (4,)),
        ("N-1", (2,)),
        ("O", (2,)),
        ("O+1", (3,)),
        ("O-1", (1,)),
        ("F", (1,)),
        ("Si", (4,)),
        ("P", (3, 5)),
        ("P+1", (4,)),
        ("S", (2, 4, 6)),
        ("S-1", (1, 3, 5)),
        ("Cl", (1,)),
        ("Cl+3", (4,)),
        ("Br", (1,)),
        ("I", (1, 3, 5)),
        ("Al", (3,)),
        ("As", (3, 5)),
        ("Se", (2, 4, 6)),
        ("Hg", (2,)),
        ("C+4", ()),
        ("Xe", ()),
    ],
)
def test_table_lists_textbook_valences(label: str, expected: tuple[int, ...]) -> None:
    assert allowed_valences(*parse_label(label)[:2]) == expected


def _rdkit_accepts(element: int, charge: int, valence: int, *, no_implicit: bool) -> bool:
    mol = Chem.RWMol()
    for number in [element] + [9 if element == 1 else 1] * valence:
        atom = Chem.Atom(number)
        atom.SetNoImplicit(no_implicit)
        mol.AddAtom(atom)
    mol.GetAtomWithIdx(0).SetFormalCharge(charge)
    for i in range(valence):
        mol.AddBond(0, i + 1, Chem.BondType.SINGLE)
    try:
        with rdBase.BlockLogs():
            Chem.SanitizeMol(mol)
    except Chem.MolSanitizeException:
        return False
    return not any(atom.GetNumRadicalElectrons() or atom.GetTotalNumHs() for atom in mol.GetAtoms())


@pytest.mark.parametrize("no_implicit", [True, False])
def test_every_allowed_valence_is_closed_shell_for_rdkit(no_implicit: bool) -> None:
    entries = [(*parse_label(label)[:2], v) for label, valences in valence.ALLOWED.items() for v in valences]
    refused = [entry for entry in entries if not _rdkit_accepts(*entry, no_implicit=no_implicit)]
    assert len(entries) > 100
    assert refused == []


@pytest.mark.parametrize("entry", [(6, 0, 3), (7, 0, 2), (6, 0, 5), (8, 0, 1)])
def test_that_law_catches_a_lax_table(entry: tuple[int, int, int]) -> None:
    assert not _rdkit_accepts(*entry, no_implicit=True)
    assert entry[2] not in allowed_valences(*entry[:2])


def test_stable_atoms_finds_the_pentavalent_carbon(build) -> None:
    molecule = build("C H H H H H", [(0, i, 1) for i in range(1, 6)])
    assert stable_atoms(molecule).tolist() == [False, True, True, True, True, True]


def test_stable_atoms_depends_on_the_charge(build) -> None:
    bonds = [(0, i, 1) for i in range(1, 5)]
    assert stable_atoms(build("N+1 H H H H", bonds)).all()
    assert not stable_atoms(build("N H H H H", bonds))[0]


def test_stable_atoms_bears_absurd_charges(build) -> None:
    molecule = build("C H", [(0, 1, 1)])
    object.__setattr__(molecule, "charges", np.array([99, -99]))
    assert not stable_atoms(molecule).any()


RINGS = [
    "c1ccccc1",
    "c1cc[nH]c1",
    "Cn1ccnc1",
    "O=c1cc[nH]cc1",
    "c1ccc2occc2c1",
    "C[n+]1ccccc1",
    "c1csc(-c2ccccc2)n1",
    "c1ccn2cccc2c1",
]


@pytest.mark.parametrize("smiles", [*RINGS, "CC(=O)N", "CS(C)(=O)=O", "C#CC[NH3+]", "[O-]C=O"])
def test_atoms_of_molecules_are_in_the_table(smiles: str):
    mol = Chem.MolFromSmiles(smiles)
    Chem.Kekulize(mol, clearAromaticFlags=True)
    hydrogens = np.array([atom.GetTotalNumHs() for atom in mol.GetAtoms()])
    elements = np.array([atom.GetAtomicNum() for atom in mol.GetAtoms()])
    charges = np.array([atom.GetFormalCharge() for atom in mol.GetAtoms()])
    vocabulary = Vocabulary.from_triples(zip(elements.tolist(), charges.tolist(), hydrogens.tolist(), strict=True))
    atom = vocabulary.encode(elements, charges, hydrogens)
    orders = Chem.GetAdjacencyMatrix(mol, useBO=True).astype(np.int64)
    bond = mark_aromatic(elements, charges, orders, hydrogens)
    aromatic = bond == 4
    double = ((orders == 2) & aromatic).sum(1)
    table = bonding_table(vocabulary, aromatic=True)
    assert table[atom, aromatic.sum(1), np.where(aromatic, 0, bond).sum(1), double].all()
    plain = bonding_table(vocabulary, aromatic=False)
    assert plain.shape == (len(vocabulary), 1, MOST_ORDERS, 2)
    assert plain[atom, 0, orders.sum(1), 0].all()
    assert not plain[atom, 0, orders.sum(1) + 1, 0][np.isin(elements, (6, 7, 8))].any()


def test_the_table_refuses_what_no_ring_has():
    table = bonding_table(Vocabulary(("C", "CH", "CH2", "CH3", "N")), aromatic=True)
    assert not table[:, 1].any()  # one aromatic bond is in no ring
    assert not table[2:4, 2:].any()  # CH2 and CH3
    assert not table[1, 2, 1:].any()  # a hydrogen and a neighbour outside
    assert table[4, 2, 0, 1]  # pyridine
    assert table[4, 3, 0, 0]  # indolizine
