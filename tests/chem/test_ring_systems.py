import pytest
from rdkit import Chem
from renumbering import shuffled

from moldiff.chem.implausible_rings import implausible_rings
from moldiff.chem.ring_systems import locate_ring_systems, ring_sizes, ring_systems


def read(smiles: str) -> Chem.Mol:
    mol = Chem.MolFromSmiles(smiles)
    assert mol is not None
    return mol


@pytest.mark.parametrize(
    ("smiles", "systems"),
    [
        ("CCO", []),
        ("Cc1ccccc1O", ["c1ccccc1"]),
        ("O=C1CCCCC1C", ["O=C1CCCCC1"]),
        ("OC1CCCCC1", ["C1CCCCC1"]),
        ("Cn1ccnc1", ["c1c[nH]cn1"]),
        ("C[n+]1ccccc1", ["c1cc[nH+]cc1"]),
        ("CC(C)=C1CCC1", ["C=C1CCC1"]),
        ("O=S1(=O)CCCC1", ["O=S1(=O)CCCC1"]),
        ("C1CC2(C1)CCC2", ["C1CC2(C1)CCC2"]),  # spiro
        ("CN1C(=O)c2ccccc2C1=O", ["O=C1NC(=O)c2ccccc21"]),  # fused
        ("c1ccccc1-c1ccncc1", ["c1ccccc1", "c1ccncc1"]),
        ("C1CC1CCC1CC1", ["C1CC1", "C1CC1"]),
        ("C1CCCC1=C1CCC1", ["C1CCC(=C2CCC2)C1"]),  # joined by a double bond
        ("[13CH3][C@H]1CC[C@@H:3](F)C1", ["C1CCCC1"]),
    ],
)
def test_ring_systems_of_known_molecules(smiles: str, systems: list[str]):
    mol = read(smiles)
    assert ring_systems(mol) == systems
    whole = Chem.AddHs(mol)
    assert ring_systems(whole) == systems
    for system, atoms in locate_ring_systems(whole):
        assert sum(whole.GetAtomWithIdx(i).GetAtomicNum() > 1 for i in atoms) == read(system).GetNumAtoms()
    assert all(Chem.MolToSmiles(read(system)) == system for system in systems)  # a molecule of its own


def test_ring_systems_do_not_depend_on_the_order_of_atoms():
    mol = read("CC(=O)N1CCC2(CC1)OCc1c2cnc(-c2ccc3[nH]ccc3c2)n1")
    assert len(ring_systems(mol)) == 2
    assert {tuple(ring_systems(shuffled(mol, seed))) for seed in range(20)} == {tuple(ring_systems(mol))}


def test_ring_sizes_are_those_of_a_smallest_set():
    assert ring_sizes(read("C12C3C4C1C5C2C3C45")) == [4] * 5  # cubane has six faces, and five independent rings
    assert ring_sizes(read("C1CC2CCC1CC2")) == [6, 6]
    assert ring_sizes(read("CC")) == []


@pytest.mark.parametrize(
    ("smiles", "names"),
    [
        ("C1=CC=C1", ["cyclobutadiene"]),
        ("C1=CN=C1", ["cyclobutadiene"]),
        ("c1ccc2c(c1)C=C2", ["cyclobutadiene"]),
        ("O=C1C=CN1", ["anti-aromatic four-membered ring"]),
        ("N=C1N=CS1", ["anti-aromatic four-membered ring"]),
        ("C1=CC2=CC=CC2=C1", ["pentalene"]),
        ("C1=CO1", ["anti-aromatic three-membered ring"]),
        ("c1ccc2c(c1)C2", ["arene fused to a three-membered ring"]),
        ("O=C1C=CC=C1", ["cyclopentadienone"]),
        ("C1=CC=CC=CC=C1", ["all-sp2 ring of eight"]),
        ("N1C=CC=CC=C1", ["all-sp2 ring of seven"]),
        ("c1cc2cc(c1)CC2", ["bridged aromatic"]),
        ("c1c2cccc1C2", ["bridged aromatic"]),
        ("C1#CCCCC1", ["triple bond in a small ring"]),
        ("C1=C=CCCC1", ["cumulated double bonds in a small ring"]),
        ("C1CC2=CCC1C2", ["bridgehead double bond"]),
        ("CC1=CC=C1C1=CO1", ["anti-aromatic three-membered ring", "cyclobutadiene"]),
    ],
)
def test_implausible_rings_are_named(smiles: str, names: list[str]):
    mol = read(smiles)
    assert implausible_rings(mol) == names
    assert implausible_rings(shuffled(mol, 1)) == names


@pytest.mark.parametrize(
    "smiles",
    [
        "c1ccc2c(c1)-c1ccccc1-2",  # biphenylene
        "OC1=C(O)C(=O)C1=O",  # squaric acid
        "O=C1CCN1",  # an azetidinone
        "N1=NC1",  # a diazirine
        "O=C1C=Cc2ccccc12",  # an indenone
        "O=c1cccccc1",  # tropone
        "c1ccc2cccc-2cc1",  # azulene
        "NC(=O)N1c2ccccc2C=Cc2ccccc12",  # carbamazepine
        "CN1C(=O)CN=C(c2ccccc2)c2cc(Cl)ccc21",  # diazepam
        "C1=CC2CCC1CC2",  # bicyclo[2.2.2]octene
        "C1CCCC2=CCCC(CCC1)C2",  # a bridgehead double bond in a large bicycle
        "c1cc2cc(c1)CCCCCCC2",  # [7]metacyclophane
        "C1#CCCCCCC1",  # cyclooctyne
        "C12C3C4C1C5C2C3C45",  # cubane
        "c1ccc2c(c1)C1c3ccccc3C2c2ccccc21",  # triptycene
        "c1ccc2[nH]ccc2c1",
    ],
)
def test_stable_rings_are_not_named(smiles: str):
    assert implausible_rings(read(smiles)) == []
