"""Samples as records of a file: their tags, and a whole file at once."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from moldiff.chem.molecule import Molecule
    from moldiff.generation.sample import Sample


def add_tags(sample: "Sample", suffix: str) -> "Molecule":
    """The molecule with its SMILES, whether it is valid, and the reason; a CSV has columns of its own for these."""
    from moldiff.chem.molecule import Failure
    from moldiff.chem.validity import canonical_smiles

    assert sample.molecule is not None
    if suffix.lower() == ".csv":
        return sample.molecule
    if isinstance(sample.result, Failure):
        tags = {"SMILES": "", "valid": 0, "reason": sample.result.reason}
    else:
        tags = {"SMILES": canonical_smiles(sample.result, stereo=True), "valid": 1, "reason": ""}
    return replace(sample.molecule, properties={**sample.molecule.properties, **tags})


def write_molecules(
    path: str | Path,
    molecules: "Iterable[Sample | Molecule | Any]",
    *,
    valid_only: bool = False,
    overwrite: bool = False,
) -> int:
    """Writes samples, molecules or RDKit molecules to a file.

    Samples get the tags of the command line, valid or not; those without coordinates are left out, as None and
    failures are. In an `.smi` invalid molecules are left out, having no SMILES.

    Args:
        path: ends in `.sdf`, `.xyz`, `.smi` or `.csv`.
        molecules: samples, `Molecule`s, or RDKit molecules with coordinates and all hydrogens.
        valid_only: leave out samples that are not valid.
        overwrite: replace a file that is there.

    Returns:
        How many were written.

    Raises:
        MoleculeError: if an RDKit molecule has no coordinates, or hydrogens that are no atoms.
        OutputError: if the file is there, or cannot be written.
    """
    from moldiff.chem.molecule import Failure, Molecule
    from moldiff.chem.rdkit_conversion import from_rdkit
    from moldiff.generation.sample import Sample
    from moldiff.io.writer import open_writer

    with open_writer(path, overwrite=overwrite) as writer:
        for one in molecules:
            if isinstance(one, Sample):
                if one.molecule is not None and (one.valid or not valid_only):
                    writer.write(add_tags(one, writer.path.suffix))
            elif one is not None and not isinstance(one, Failure):
                writer.write(one if isinstance(one, Molecule) else from_rdkit(one))
    return writer.num_written
