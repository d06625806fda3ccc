import re
from dataclasses import replace

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import AllChem

from moldiff.chem.molecule import Failure, one_line
from moldiff.chem.rdkit_conversion import convert, from_rdkit, to_rdkit
from moldiff.chem.validity import judge
from moldiff.errors import MoleculeError

SMILES = [
    "CCO",
    "c1ccccc1",
    "C[N+](=O)[O-]",
    "[NH3+]CC(=O)[O-]",
    "N#CC#CC=O",
    "FC(F)(F)c1ncccc1",
    "CS(=O)(=O)Cl",
    "[H][H]",
]


@pytest.mark.parametrize("smiles", SMILES)
def test_round_trip_keeps_everything(embed, smiles: str) -> None:
    molecule = replace(embed(smiles, name="x y"), properties={"gap": 0.25, "n": 3, "note": "as is", "big": 2**40})
    back = from_rdkit(to_rdkit(molecule))
    for field in ("elements", "charges", "pos", "bond"):
        assert np.array_equal(getattr(back, field), getattr(molecule, field)), field
    assert (back.name, dict(back.properties)) == (molecule.name, dict(molecule.properties))


def test_to_rdkit_never_raises_for_odd_chemistry(build) -> None:
    mol = to_rdkit(build("H C+7 F", [(0, 1, 3), (0, 2, 3), (1, 2, 3)]))
    assert [bond.GetBondType() for bond in mol.GetBonds()] == [Chem.BondType.TRIPLE] * 3
    assert all(atom.GetNoImplicit() for atom in mol.GetAtoms())


def test_from_rdkit_kekulises_and_leaves_its_input_alone() -> None:
    mol = Chem.AddHs(Chem.MolFromSmiles("c1ccccc1"))
    AllChem.EmbedMolecule(mol, randomSeed=1)
    molecule = from_rdkit(mol)
    assert sorted(molecule.bond[np.triu(molecule.bond) > 0]) == [1] * 9 + [2] * 3
    assert mol.GetBondWithIdx(0).GetIsAromatic()


def _with(mol: Chem.Mol, positions: np.ndarray | None = None) -> Chem.Mol:
    conformer = Chem.Conformer(mol.GetNumAtoms())
    if positions is not None:
        conformer.SetPositions(positions)
    mol.AddConformer(conformer)
    return mol


def _dative() -> Chem.Mol:
    mol = Chem.AddHs(Chem.MolFromSmiles("CN"))
    mol.GetBondWithIdx(0).SetBondType(Chem.BondType.DATIVE)
    return _with(mol)


def _bad_aromatic() -> Chem.Mol:
    mol = Chem.MolFromSmiles("[H]c1c([H])c([H])c([H])c1[H]", sanitize=False)
    return _with(mol)


OBSTACLES = {
    "implicit_hydrogen": (lambda: _with(Chem.MolFromSmiles("CCO")), "6 hydrogens are implicit.*AddHs"),
    "coordinates": (lambda: Chem.AddHs(Chem.MolFromSmiles("C")), "no coordinates"),
    "element": (lambda: _with(Chem.AddHs(Chem.MolFromSmiles("*C"))), r"atom 1 is '\*'"),
    "bond_type": (_dative, "DATIVE"),
    "kekulize": (_bad_aromatic, "no Kekulé form"),
    "size": (lambda: _with(Chem.Mol()), "no atoms"),
}


@pytest.mark.parametrize("reason", OBSTACLES)
def test_from_rdkit_names_the_obstacle(reason: str) -> None:
    make, message = OBSTACLES[reason]
    with pytest.raises(MoleculeError, match=message):
        from_rdkit(make(), name="odd")
    assert convert(make()).reason == reason


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e9])
def test_from_rdkit_names_the_bad_coordinate(value: float) -> None:
    mol = Chem.AddHs(Chem.MolFromSmiles("C"))
    with pytest.raises(MoleculeError, match="molecule 'm': atom 3 lies at"):
        from_rdkit(_with(mol, np.where(np.arange(15).reshape(5, 3) == 7, value, 0.0)), name="m")


def test_from_rdkit_refuses_5000_atoms() -> None:
    mol = _with(Chem.MolFromSmiles("C" * 5000, sanitize=False))
    with pytest.raises(MoleculeError, match="has 5000 atoms; at most 1000"):
        from_rdkit(mol)


@pytest.mark.parametrize(
    ("text", "value"),
    [("3", 3), ("-0.5", -0.5), ("1e-3", 1e-3), ("007", "007"), ("C1CC1", "C1CC1"), ("nan", "nan"), ("", "")],
)
def test_sd_values_become_numbers_only_when_written_so(text: str, value: object) -> None:
    mol = Chem.AddHs(Chem.MolFromSmiles("C"))
    mol.SetProp("key", text)
    got = from_rdkit(_with(mol)).properties["key"]
    assert got == value
    assert type(got) is type(value)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("Explicit valence for atom # 0 C, 5, is greater than permitted", "Explicit valence for atom # 1 C, 5, is"),
        ("non-ring atom 9 marked aromatic", "non-ring atom 10 marked aromatic"),
        ("Can't kekulize mol.  Unkekulized atoms: 0 1 9", "Can't kekulize mol. Unkekulized atoms: 1 2 10"),
        ("Valence of atom 3 is 5, which is larger than the allowed maximum, 4", "Valence of atom 4 is 5, which is"),
        ("Final molecular charge (0) does not match input (1)", "Final molecular charge (0) does not match input (1)"),
    ],
)
def test_atoms_are_counted_from_one_in_what_rdkit_said(message: str, expected: str) -> None:
    assert one_line(ValueError(message)).startswith(expected)


@pytest.mark.parametrize(("smiles", "atom"), [("CC(C)(C)(C)C", "2"), ("[H]cc[H]", "2"), ("c1cccc1", "1 2 3 4 5")])
def test_a_refusal_names_the_atom_that_a_file_names(smiles: str, atom: str) -> None:
    failure = judge(Chem.MolFromSmiles(smiles, sanitize=False)).failure
    assert failure is not None
    assert re.search(rf"atoms?\b\D*{atom}\b", failure.detail)


def test_an_aromatic_bond_that_is_not_marked_is_no_single_bond() -> None:
    """RDKit leaves it at an order of 1.5, which was cut to 1."""
    mol = Chem.AddHs(Chem.MolFromSmiles("c1ccccc1"))
    mol.GetBondWithIdx(0).SetIsAromatic(False)
    assert convert(_with(mol)) == Failure("kekulize", "an aromatic bond is not marked as aromatic")
    assert not judge(mol).valid
