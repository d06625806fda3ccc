"""Whatever an RDKit molecule is, a verdict comes: nobody else's objects end a score."""

import math

from hypothesis import given
from hypothesis import strategies as st
from mutations import fuzzed
from rdkit import Chem
from rdkit.Chem import AllChem

from moldiff.chem.molecule import Failure, Molecule
from moldiff.chem.rdkit_conversion import convert, from_rdkit
from moldiff.chem.stereo import graph_of
from moldiff.chem.validity import REASONS, judge
from moldiff.metrics.protocols import PROTOCOLS
from moldiff.metrics.score import score

SEEDS = ("CCO", "c1ccccc1", "c1cc[nH]c1", "C[N+](=O)[O-]", "C[C@H](O)F", "F/C=C/Cl", "O.[Na+].[Cl-]", "CS(C)=O")
ODD_NUMBERS = st.sampled_from([0.0, math.nan, math.inf, -1e5, 1e300, 1e-300]) | st.floats(-10, 10)
EDITS = (
    "isotope",
    "map",
    "charge",
    "element",
    "radicals",
    "aromatic atom",
    "no implicit",
    "explicit hydrogens",
    "chiral",
    "bond type",
    "bond flag",
    "bond stereo",
    "bond direction",
    "add bond",
    "remove bond",
    "add atom",
    "remove atom",
    "coordinates",
    "flat",
    "no conformer",
    "second conformer",
    "sanitise",
    "smarts",
    "name",
)


@st.composite
def mols(draw: st.DrawFn) -> Chem.Mol:
    mol = Chem.MolFromSmiles(draw(st.sampled_from(SEEDS)))
    if draw(st.booleans()):
        mol = Chem.AddHs(mol)
    conformer = Chem.Conformer(mol.GetNumAtoms())
    for i in range(mol.GetNumAtoms()):
        conformer.SetAtomPosition(i, (1.3 * i, 0.7 * (i % 3), 0.5 * (i % 2)))
    mol.AddConformer(conformer)
    mol = Chem.RWMol(mol)
    for edit in draw(st.lists(st.sampled_from(EDITS), min_size=1, max_size=6)):
        mol = _edited(draw, mol, edit)
    return mol.GetMol()


def _edited(draw: st.DrawFn, mol: Chem.RWMol, edit: str) -> Chem.RWMol:
    def number(low: int, high: int) -> int:
        return draw(st.integers(low, high))

    if edit == "smarts":
        return Chem.RWMol(Chem.MolFromSmarts(draw(st.sampled_from(["[#6]~*", "C=C", "[C,N]:[!H0]", "*"]))))
    if edit == "add atom":
        mol.AddAtom(Chem.Atom(number(0, 118)))
    if not mol.GetNumAtoms():
        return mol
    atom = mol.GetAtomWithIdx(number(0, mol.GetNumAtoms() - 1))
    bond = mol.GetBondWithIdx(number(0, mol.GetNumBonds() - 1)) if mol.GetNumBonds() else None
    if edit == "isotope":
        atom.SetIsotope(number(0, 400))
    elif edit == "map":
        atom.SetAtomMapNum(number(0, 99))
    elif edit == "charge":
        atom.SetFormalCharge(draw(st.sampled_from([-100, -9, -1, 1, 4, 9, 100])))
    elif edit == "element":
        atom.SetAtomicNum(number(0, 118))
    elif edit == "radicals":
        atom.SetNumRadicalElectrons(number(0, 9))
    elif edit == "aromatic atom":
        atom.SetIsAromatic(not atom.GetIsAromatic())
    elif edit == "no implicit":
        atom.SetNoImplicit(not atom.GetNoImplicit())
    elif edit == "explicit hydrogens":
        atom.SetNumExplicitHs(number(0, 8))
    elif edit == "chiral":
        atom.SetChiralTag(draw(st.sampled_from(list(Chem.ChiralType.values.values()))))
    elif edit == "remove atom":
        mol.RemoveAtom(atom.GetIdx())
    elif edit == "add bond":
        other = number(0, mol.GetNumAtoms() - 1)
        if other != atom.GetIdx() and mol.GetBondBetweenAtoms(other, atom.GetIdx()) is None:
            mol.AddBond(atom.GetIdx(), other, draw(st.sampled_from(list(Chem.BondType.values.values()))))
    elif edit == "coordinates" and mol.GetNumConformers():
        mol.GetConformer().SetAtomPosition(atom.GetIdx(), [draw(ODD_NUMBERS) for _ in range(3)])
    elif edit == "flat" and mol.GetNumConformers():
        mol.GetConformer().Set3D(not mol.GetConformer().Is3D())
    elif edit == "no conformer":
        mol.RemoveAllConformers()
    elif edit == "second conformer":
        mol.AddConformer(Chem.Conformer(mol.GetNumAtoms()), assignId=True)
    elif edit == "sanitise":
        Chem.SanitizeMol(mol, catchErrors=True)
    elif edit == "name":
        mol.SetProp("_Name", draw(st.text(max_size=5)))
    elif bond is not None:
        _edit_bond(draw, mol, bond, edit)
    return mol


def _edit_bond(draw: st.DrawFn, mol: Chem.RWMol, bond: Chem.Bond, edit: str) -> None:
    if edit == "bond type":
        bond.SetBondType(draw(st.sampled_from(list(Chem.BondType.values.values()))))
    elif edit == "bond flag":
        bond.SetIsAromatic(not bond.GetIsAromatic())
    elif edit == "bond stereo":
        bond.SetStereo(draw(st.sampled_from([Chem.BondStereo.STEREONONE, Chem.BondStereo.STEREOANY])))
    elif edit == "bond direction":
        bond.SetBondDir(draw(st.sampled_from(list(Chem.BondDir.values.values()))))
    elif edit == "remove bond":
        mol.RemoveBond(bond.GetBeginAtomIdx(), bond.GetEndAtomIdx())


@fuzzed
@given(mol=mols())
def test_any_molecule_gets_a_verdict(mol: Chem.Mol):
    verdict = judge(mol)
    assert verdict.failure is None or verdict.failure.reason in REASONS
    assert verdict.valid == bool(verdict.smiles)
    assert verdict.failure is None or "\n" not in verdict.failure.detail
    molecule, graph = convert(mol), graph_of(mol)
    assert isinstance(graph, Failure) or graph.molecule is not None
    assert isinstance(molecule, Failure) or not verdict.valid or judge(molecule).smiles == verdict.smiles
    result = score([mol], protocols=list(PROTOCOLS), distances_to=[REFERENCE], with_druglike=True)
    assert result.rates["valid"].numerator == verdict.valid


def _reference() -> Molecule:
    mol = Chem.AddHs(Chem.MolFromSmiles("CCO"))
    AllChem.EmbedMolecule(mol, randomSeed=1)
    return from_rdkit(mol)


REFERENCE = _reference()
