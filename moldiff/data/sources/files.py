"""Molecules from files that a user has."""

from pathlib import Path

from moldiff.chem.bond_assignment import assign
from moldiff.chem.bond_perception import SMILES_KEYS, perceive_missing_bonds
from moldiff.chem.molecule import Failure, Molecule
from moldiff.chem.validity import canonical_smiles, check
from moldiff.data.sources.base import Source, drawn
from moldiff.io.formats import BARE_SUFFIXES, format_of, read_molecules


def file_source(path: str | Path) -> Source:
    """Molecules of an SDF, an XYZ file or an ASE database; only strictly valid ones are kept.

    Geometries without bonds get those of a property `smiles`, or else those that RDKit perceives at the total charge
    of a property `charge`.

    A file that cannot be read, is empty or is no molecule file is an error of `moldiff.io.formats` as soon as its first
    record is read.
    """
    path = Path(path)
    frames = (record for _, record in read_molecules(path))
    records = perceive_missing_bonds(frames) if format_of(path) in BARE_SUFFIXES else frames
    return Source(path.name.split(".")[0], records, None, read_valid, {"file": path.name})


def read_valid(record: Molecule | Failure) -> tuple[Molecule, str] | Failure:
    """A molecule as it stands if it is valid and lies in space; one without bonds gets those of its property `smiles`.

    Args:
        record: of a file.

    Returns:
        The molecule with its SMILES; or why not, with a reason of `moldiff.chem.validity`, `no_bonds`, `overlap` of
        atoms in one place, or `flat` of a drawing.
    """
    if isinstance(record, Failure):
        return record
    if len(record) > 1 and not record.bond.any():
        smiles = next((value for key in SMILES_KEYS if (value := record.properties.get(key))), None)
        if smiles is None:
            return Failure("no_bonds", f"{record.name}: no bonds; give an SDF, or XYZ comments with smiles=...")
        numbers = {key: value for key, value in record.properties.items() if not isinstance(value, str)}
        result = assign(record.elements, record.pos, str(smiles), name=record.name, properties=numbers)
        return result if isinstance(result, Failure) else drawn(result) or (result, str(smiles))
    mol = check(record)
    if isinstance(mol, Failure):
        return Failure(mol.reason, f"{record.name}: {mol.detail}" if record.name else mol.detail)
    return drawn(record) or (record, canonical_smiles(mol))
