"""What RDKit makes of a record: bonds of a bare geometry, aromatic bonds, and the largest part alone."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Int
from rdkit import Chem, rdBase
from rdkit.Chem import rdDetermineBonds

from moldiff.chem.hydrogens import REMEDY, find_misfit
from moldiff.chem.kekule import BOND_TYPES, stray_aromatic_bond
from moldiff.chem.molecule import MAX_CHARGE, Failure, Molecule, one_line, with_one_charge
from moldiff.chem.process_pool import map_in_processes
from moldiff.chem.rdkit_conversion import convert, to_rdkit, without_labels
from moldiff.errors import MoleculeError

PERCEPTION_SECONDS = 10.0  # QM9's molecules take milliseconds; the search is exponential in unsaturated atoms
_ORDERS = {kind: order for order, kind in BOND_TYPES.items()}
SMILES_KEYS = ("smiles", "SMILES")  # properties that say which bonds a geometry has
ROUNDING = 0.02  # elementary charges: the most that partial charges of a molecule miss a whole number by
CHARGES = frozenset(("charge", "total_charge"))
_REFUSED = (Chem.MolSanitizeException, RuntimeError)  # RuntimeError: RDKit's pre-conditions, on absurd charges


@dataclass(frozen=True)
class Perceived:
    """A record after RDKit's usual sanitisation, which also rewrites nitro groups; as it stands where that fails.

    Attributes:
        elements: atomic numbers.
        charges: formal charges.
        aromatic: number of aromatic bonds of each atom.
        others: sum of the orders of its other bonds; 1 for a bond of another kind.
        sanitised: RDKit accepts the whole record.
        num_parts: unconnected parts.
        largest: canonical SMILES, hydrogens included, of the largest part; empty if RDKit does not accept it.
    """

    elements: Int[np.ndarray, "n"]
    charges: Int[np.ndarray, "n"]
    aromatic: Int[np.ndarray, "n"]
    others: Int[np.ndarray, "n"]
    sanitised: bool
    num_parts: int
    largest: str


def perceive(record: Molecule | Chem.Mol) -> Perceived:
    """Sees a record as protocols with RDKit's defaults do; hydrogens that are no atoms stay unseen."""
    mol, sanitised = _sanitise_copy(record)
    aromatic, others = np.zeros((2, mol.GetNumAtoms()), dtype=np.int64)
    for bond in mol.GetBonds():
        ends = [bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()]
        if bond.GetIsAromatic():
            aromatic[ends] += 1
        else:
            others[ends] += _ORDERS.get(bond.GetBondType(), 1)
    largest, num_parts = _largest(mol, sanitised)
    return Perceived(
        elements=np.array([atom.GetAtomicNum() for atom in mol.GetAtoms()], dtype=np.int64),
        charges=np.array([atom.GetFormalCharge() for atom in mol.GetAtoms()], dtype=np.int64),
        aromatic=aromatic,
        others=others,
        sanitised=sanitised,
        num_parts=num_parts,
        largest=largest,
    )


def largest_part(record: Molecule | Chem.Mol) -> str:
    """`Perceived.largest` of a record that RDKit accepts as a whole, else nothing; without a look at its atoms."""
    mol, sanitised = _sanitise_copy(record)
    return _largest(mol, sanitised)[0] if sanitised else ""


def _sanitise_copy(record: Molecule | Chem.Mol) -> tuple[Chem.Mol, bool]:
    """Sanitised, or as it stands where that fails."""
    as_it_stands = to_rdkit(record) if isinstance(record, Molecule) else record
    mol = Chem.Mol(as_it_stands)
    return (mol, True) if _sanitise(mol) else (as_it_stands, False)


def _largest(mol: Chem.Mol, sanitised: bool) -> tuple[str, int]:
    """SMILES of the largest part if RDKit accepts it, and how many parts there are."""
    parts = Chem.GetMolFrags(mol, asMols=True, sanitizeFrags=False)
    largest = max(parts, key=lambda part: part.GetNumAtoms(), default=None)
    whole = sanitised and len(parts) == 1
    if largest is None or not (whole or _sanitise(largest)):
        return "", len(parts)
    return Chem.MolToSmiles(without_labels(largest), isomericSmiles=False), len(parts)


def _sanitise(mol: Chem.Mol) -> bool:
    if stray_aromatic_bond(mol) is not None:
        return False
    try:
        with rdBase.BlockLogs():
            Chem.SanitizeMol(mol)
    except _REFUSED:
        return False
    return True


def bonds_of_geometry(molecule: Molecule) -> Chem.Mol | Failure:
    """RDKit's bonds and charges for a geometry without any (`rdDetermineBonds`); it may take for ever.

    The total charge is the property `charge` or `total_charge`, or 0.
    """
    properties = with_one_charge(molecule.properties)
    if isinstance(properties, Failure):
        return properties
    mol, charge = Chem.RWMol(to_rdkit(molecule)), properties.get("charge", 0)
    try:
        with rdBase.BlockLogs():
            rdDetermineBonds.DetermineBonds(mol, charge=charge, embedChiral=False)
    except (ValueError, RuntimeError) as error:
        hint = "" if (molecule.elements == 1).any() else f"; {REMEDY}"
        return Failure(
            "perception", f"no bonds fit the geometry at a total charge of {charge}: {one_line(error)}{hint}"
        )
    for atom in mol.GetAtoms():
        atom.SetNoImplicit(True)
    return find_misfit(mol, molecule.pos) or mol.GetMol()


def with_bonds(geometries: Iterable[Molecule], *, num_workers: int | None = None) -> Iterator[Chem.Mol | Failure]:
    """`bonds_of_geometry` of many, in processes, in order; a `Failure` after `PERCEPTION_SECONDS` for one."""
    return map_in_processes(bonds_of_geometry, geometries, seconds=PERCEPTION_SECONDS, num_workers=num_workers)


def perceive_missing_bonds(
    frames: Iterable[Molecule | Failure], *, num_workers: int | None = None
) -> Iterator[Molecule | Failure]:
    """Molecules in their order, those that have neither bonds nor a SMILES with the bonds that RDKit perceives.

    Args:
        frames: of a file, read as they are needed; failures pass.
        num_workers: processes; by default one a core. A frame has `PERCEPTION_SECONDS`.

    Returns:
        One for each frame.
    """
    return map_in_processes(add_bonds, frames, seconds=PERCEPTION_SECONDS, num_workers=num_workers)


def add_bonds(frame: Molecule | Failure) -> Molecule | Failure:
    """One frame of `perceive_missing_bonds`."""
    if isinstance(frame, Failure) or len(frame) < 2 or frame.bond.any():
        return frame
    if any(frame.properties.get(key) for key in SMILES_KEYS):
        return frame
    mol = bonds_of_geometry(frame)
    found = mol if isinstance(mol, Failure) else convert(mol)
    if isinstance(found, Failure):
        return Failure(found.reason, f"{frame.name}: {found.detail}" if frame.name else found.detail)
    return replace(frame, charges=found.charges, bond=found.bond)


def from_ase(atoms: Any, *, name: str = "") -> Molecule:
    """The geometry of an `ase.Atoms`, without bonds; `with_bonds` finds them.

    Args:
        atoms: coordinates in Å; a total charge is kept, that of `atoms.info["charge"]` or else the sum of the initial
            charges.
        name: title.

    Returns:
        The molecule.

    Raises:
        MoleculeError: if it is none, or its total charge is no whole number.
    """
    elements = np.asarray(atoms.get_atomic_numbers(), dtype=np.int64)
    size = len(elements)
    properties = with_one_charge({key: value for key, value in atoms.info.items() if str(key).lower() in CHARGES})
    if properties == {} and atoms.has("initial_charges"):
        total = float(atoms.get_initial_charges().sum())
        whole = round(total) if abs(total) < MAX_CHARGE and abs(total - round(total)) < ROUNDING else total
        properties = with_one_charge({"charge": whole})
    if isinstance(properties, Failure):
        raise MoleculeError(f"molecule {name!r}: {properties.detail}" if name else f"molecule: {properties.detail}")
    return Molecule(
        elements=elements,
        charges=np.zeros(size, dtype=np.int64),
        pos=np.asarray(atoms.get_positions(), dtype=np.float64),
        bond=np.zeros((size, size), dtype=np.int64),
        name=name,
        properties=properties,
    )
