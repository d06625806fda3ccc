"""Properties that a written record carries."""

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from moldiff.chem.molecule import Molecule
    from moldiff.generation.sample import Sample


def tagged(sample: "Sample", suffix: str) -> "Molecule":
    """The molecule with its SMILES, whether it is valid, and the reason; a CSV has columns of its own for these."""
    from moldiff.chem.molecule import Failure
    from moldiff.chem.validity import canonical_smiles

    assert sample.molecule is not None
    if suffix.lower() == ".csv":
        return sample.molecule
    if isinstance(sample.result, Failure):
        told = {"SMILES": "", "valid": 0, "reason": sample.result.reason}
    else:
        told = {"SMILES": canonical_smiles(sample.result, stereo=True), "valid": 1, "reason": ""}
    return replace(sample.molecule, properties={**sample.molecule.properties, **told})
