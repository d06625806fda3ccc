"""RDKit molecules from SMILES, with the reason where there is none."""

from rdkit import Chem, rdBase

from moldiff.chem.each import each_atom
from moldiff.chem.molecule import MAX_SMILES, Failure, one_line, oversize
from moldiff.chem.validity import canonical_smiles


def _parse(smiles: str) -> Chem.Mol | Failure:
    if len(smiles) > MAX_SMILES:
        most = f"at most {MAX_SMILES:,} are supported"
        return Failure("size", f"a SMILES of {len(smiles):,} characters, {smiles[:40]!r} and so on; {most}")
    with rdBase.BlockLogs():
        mol = Chem.MolFromSmiles(smiles, sanitize=False)
    if mol is None:
        return Failure("unreadable", f"{smiles[:80]!r} is no SMILES")
    return oversize(mol.GetNumAtoms(), mol.GetNumBonds()) or mol


def record_of_smiles(smiles: str, *, stars: bool = False) -> Chem.Mol | Failure:
    """As `read_smiles_records` gives them; a `Failure` if it is no SMILES or has a placeholder, unless `stars` pass."""
    mol = _parse(smiles)
    if isinstance(mol, Failure):
        return mol
    if not mol.GetNumAtoms():
        return Failure("unreadable", "has no SMILES")
    if not stars and any(atom.GetAtomicNum() == 0 for atom in each_atom(mol)):
        return Failure("element", f"{smiles[:80]!r} has a placeholder, not an element")
    mol.UpdatePropertyCache(strict=False)
    mol = Chem.AddHs(mol)
    mol.SetProp("_Name", smiles)
    return oversize(mol.GetNumAtoms()) or mol


def parse_smiles(smiles: str) -> str | Failure:
    """The canonical form of one SMILES, without hydrogens and stereo, under RDKit's usual, forgiving, sanitisation."""
    mol = mol_of_smiles(smiles)
    return mol if isinstance(mol, Failure) else canonical_smiles(mol)


def mol_of_smiles(smiles: str) -> Chem.Mol | Failure:
    """A molecule under RDKit's usual sanitisation, without hydrogens and coordinates; or `unreadable`, `sanitize`."""
    mol = _parse(smiles)
    if isinstance(mol, Failure):
        return mol
    with rdBase.BlockLogs():
        try:
            Chem.SanitizeMol(mol)
        except Chem.MolSanitizeException as error:
            return Failure("sanitize", f"{smiles[:80]!r}: {one_line(error)}")
    return mol
