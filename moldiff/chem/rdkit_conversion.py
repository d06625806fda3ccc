"""RDKit conversion: `Molecule` to `Chem.Mol` and back, without repairs."""

import re
from functools import lru_cache

import numpy as np
from rdkit import Chem
from rdkit.Chem import rdqueries

from moldiff.chem.each import each_atom, each_bond
from moldiff.chem.kekule import add_bond, kekule_orders
from moldiff.chem.molecule import MAX_ATOMS, MAX_COORDINATE, Failure, HoldsMolecule, Molecule, as_molecule
from moldiff.errors import MoleculeError

_LABELLED = rdqueries.IsotopeGreaterQueryAtom(0)
_LABELLED.ExpandQuery(rdqueries.HasPropQueryAtom("molAtomMapNumber"), how=Chem.CompositeQueryType.COMPOSITE_OR)
ALL_OF_IT = Chem.PropertyPickleOptions.AllProps | Chem.PropertyPickleOptions.CoordsAsDouble
_OPEN = (Chem.BondDir.UNKNOWN, Chem.BondDir.EITHERDOUBLE)
_INTEGER = re.compile(r"[+-]?(0|[1-9]\d{0,17})")
_DECIMAL = re.compile(r"[+-]?(\d+\.\d*|\.\d+|\d+(?=[eE]))([eE][+-]?\d+)?")


@lru_cache(maxsize=1024)
def _atom(element: int, charge: int) -> Chem.Atom:
    atom = Chem.Atom(element)
    atom.SetFormalCharge(charge)
    atom.SetNoImplicit(True)
    return atom


def to_rdkit(molecule: Molecule | HoldsMolecule) -> Chem.Mol:
    """A molecule, or that of a sample, as it stands: not sanitised, no implicit hydrogens, one conformer, properties.

    Never refuses odd chemistry; `moldiff.chem.validity.check` judges it. A sample without one is a `MoleculeError`.
    """
    molecule, mol = as_molecule(molecule), Chem.RWMol()
    for element, charge in zip(molecule.elements.tolist(), molecule.charges.tolist(), strict=True):
        mol.AddAtom(_atom(element, charge))
    begin, end = np.nonzero(np.triu(molecule.bond))
    for i, j, order in zip(begin.tolist(), end.tolist(), molecule.bond[begin, end].tolist(), strict=True):
        add_bond(mol, i, j, order)
    conformer = Chem.Conformer(len(molecule))
    conformer.Set3D(True)
    conformer.SetPositions(np.ascontiguousarray(molecule.pos, dtype=np.float64))
    mol.AddConformer(conformer, assignId=True)
    mol.SetProp("_Name", molecule.name)
    for key, value in molecule.properties.items():
        if isinstance(value, str):
            mol.SetProp(key, value)
        elif isinstance(value, (int, np.integer)):
            mol.SetIntProp(key, int(value)) if abs(value) < 2**31 else mol.SetProp(key, str(value))
        else:
            mol.SetDoubleProp(key, float(value))
    mol = mol.GetMol()
    mol.UpdatePropertyCache(strict=False)
    return mol


def from_rdkit(mol: Chem.Mol, *, name: str | None = None) -> Molecule:
    """The molecule with Kekulé bonds and the coordinates of the first conformer; isotopes and stereo tags are not kept.

    Args:
        mol: every hydrogen an atom of its own, and a conformer, as after `Chem.AddHs` and an embedding.
        name: title; by default RDKit's `_Name`.

    Returns:
        The molecule; SD properties are kept, as numbers where they are written as numbers.

    Raises:
        MoleculeError: on implicit hydrogens, no conformer, unusable coordinates, dummy atoms, dative or query bonds,
            aromatic bonds without a Kekulé form, no atoms or too many.
    """
    result = convert(mol, name=name)
    if isinstance(result, Failure):
        label = name if name is not None else title(mol)
        raise MoleculeError(f"molecule {label!r}: {result.detail}" if label else f"molecule: {result.detail}")
    return result


def convert(mol: Chem.Mol, *, name: str | None = None) -> Molecule | Failure:
    """As `from_rdkit`, with the obstacle as a result, under one of the reasons of `moldiff.chem.validity`."""
    atoms = atoms_of(mol)
    if isinstance(atoms, Failure):
        return atoms
    orders = kekule_orders(mol)
    if isinstance(orders, Failure):
        return orders
    missing = _implicit_hydrogens(mol)
    if missing is not None:
        return missing
    elements, pos = atoms
    return Molecule(
        elements=elements,
        charges=np.array([atom.GetFormalCharge() for atom in each_atom(mol)], dtype=np.int64),
        pos=pos,
        bond=orders,
        name=name if name is not None else title(mol),
        properties=_properties(mol),
    )


def title(record: Molecule | Chem.Mol | Failure) -> str:
    """The name of a molecule, RDKit's `_Name`, or nothing."""
    if isinstance(record, Chem.Mol):
        return record.GetProp("_Name") if record.HasProp("_Name") else ""
    return record.name if isinstance(record, Molecule) else ""


def pack_mol(mol: Chem.Mol) -> bytes:
    """All of a molecule for another process; by itself RDKit leaves properties out and rounds coordinates."""
    return mol.ToBinary(int(ALL_OF_IT))


def unpack_mol(data: bytes) -> Chem.Mol:
    """Inverse of `pack_mol`."""
    return Chem.Mol(data)  # pyright: ignore[reportArgumentType, reportCallIssue]


def without_labels(mol: Chem.Mol) -> Chem.Mol:
    """A copy without isotopes and atom maps, which make no other molecule."""
    mol = Chem.Mol(mol)
    for atom in mol.GetAtomsMatchingQuery(_LABELLED):
        atom.SetIsotope(0)
        atom.SetAtomMapNum(0)
    return mol


def assign_stereo_from_3d(mol: Chem.Mol) -> None:
    """`Chem.AssignStereochemistryFrom3D`, also where a file marks bonds as either or wavy; a RuntimeError as there."""
    if mol.GetConformer().Is3D():
        for bond in each_bond(mol):
            for mark in ("_MolFileBondStereo", "_MolFileBondCfg", "_UnknownStereo"):
                bond.ClearProp(mark)
            if bond.GetStereo() == Chem.BondStereo.STEREOANY or bond.GetBondDir() in _OPEN:
                bond.SetStereo(Chem.BondStereo.STEREONONE)
                bond.SetBondDir(Chem.BondDir.NONE)
    Chem.AssignStereochemistryFrom3D(mol)


def too_large(mol: Chem.Mol) -> Failure | None:
    """The failure of more atoms than `MAX_ATOMS`, or None."""
    count = mol.GetNumAtoms()
    return Failure("size", f"has {count} atoms; at most {MAX_ATOMS} are supported") if count > MAX_ATOMS else None


def with_hydrogens(mol: Chem.Mol) -> Chem.Mol:
    """A record whose implicit hydrogens are atoms, with coordinates where the others have some in 3D."""
    mol = Chem.Mol(mol)
    mol.UpdatePropertyCache(strict=False)
    return Chem.AddHs(mol, addCoords=bool(mol.GetNumConformers() and mol.GetConformer().Is3D()))


def is_star(atom: Chem.Atom) -> bool:
    """Whether this stands for whatever may be attached: `*`, `R`, `R#`, `[*:1]`."""
    return atom.GetAtomicNum() == 0


def unusable_record(mol: Chem.Mol, *, stars: bool = False, in_space: bool = True) -> Failure | None:
    """Why this holds no atoms in space: none at all or too many, placeholders, or coordinates missing, NaN or huge.

    Args:
        mol: of any kind.
        stars: let attachment points pass.
        in_space: coordinates must be there; else those that are there must be sound.

    Returns:
        The obstacle, or None.
    """
    if mol.GetNumAtoms() == 0:
        return Failure("size", "has no atoms")
    if (failure := too_large(mol)) is not None:
        return failure
    for atom in each_atom(mol):
        if (atom.HasQuery() or atom.GetAtomicNum() == 0) and not (stars and is_star(atom)):
            return Failure(
                "element", f"atom {atom.GetIdx() + 1} is {atom.GetSymbol()!r}, a placeholder, not an element"
            )
    if mol.GetNumConformers() == 0:
        if not in_space:
            return None
        return Failure("coordinates", "has no coordinates; add a conformer, for instance with AllChem.EmbedMolecule")
    pos = mol.GetConformer().GetPositions()
    usable = (np.abs(pos) <= MAX_COORDINATE).all(1)  # false for NaN
    if usable.all():
        return None
    atom = int(np.argmin(usable))
    values = ", ".join(f"{x:.6g}" for x in pos[atom])
    return Failure("coordinates", f"atom {atom + 1} lies at ({values}); expected numbers within ±{MAX_COORDINATE:g} Å")


def atoms_of(mol: Chem.Mol) -> tuple[np.ndarray, np.ndarray] | Failure:
    """Atomic numbers and coordinates in Å, whatever the bonds are."""
    if (obstacle := unusable_record(mol)) is not None:
        return obstacle
    elements = np.array([atom.GetAtomicNum() for atom in each_atom(mol)], dtype=np.int64)
    return elements, np.array(mol.GetConformer().GetPositions(), dtype=np.float64)


def _implicit_hydrogens(mol: Chem.Mol) -> Failure | None:
    if mol.NeedsUpdatePropertyCache():
        mol = Chem.Mol(mol)
        mol.UpdatePropertyCache(strict=False)
    missing = sum(atom.GetTotalNumHs() for atom in each_atom(mol))
    if not missing:
        return None
    remedy = "every hydrogen must be an atom with coordinates; add them with Chem.AddHs(mol, addCoords=True)"
    return Failure("implicit_hydrogen", f"{missing} hydrogens are implicit; {remedy}")


def _properties(mol: Chem.Mol) -> dict[str, float | int | str]:
    raw = mol.GetPropsAsDict(includePrivate=False, includeComputed=False, autoConvertStrings=False)
    return {key: number_or_text(value) if isinstance(value, str) else _plain(value) for key, value in raw.items()}


def _plain(value: object) -> float | int | str:
    if isinstance(value, bool):
        return int(value)
    return value if isinstance(value, (int, float)) else str(value)


def number_or_text(text: str) -> float | int | str:
    """An SD value as a number where it is written as one; `007` and `1e` stay text."""
    stripped = text.strip()
    if _INTEGER.fullmatch(stripped):
        return int(stripped)
    return float(stripped) if _DECIMAL.fullmatch(stripped) else text
