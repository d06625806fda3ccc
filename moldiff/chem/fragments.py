"""Where new atoms may be bonded: atoms by a pattern, and the geometry of the pieces that are to be linked."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Int
from rdkit import Chem, rdBase

from moldiff.chem.molecule import Failure, Molecule
from moldiff.chem.rdkit_conversion import to_rdkit
from moldiff.chem.validity import sanitise
from moldiff.errors import ConfigError


def matches(molecule: Molecule, smarts: str) -> list[int]:
    """The atoms that the first atom of a SMARTS pattern matches, from 0.

    Args:
        molecule: to look at; its pieces must be sound.
        smarts: such as `[cH]`.

    Returns:
        Their numbers.

    Raises:
        ConfigError: if it is no pattern, or matches nothing.
    """
    with rdBase.BlockLogs():
        pattern = Chem.MolFromSmarts(smarts)
    if pattern is None or pattern.GetNumAtoms() == 0:
        raise ConfigError(f"{smarts!r} is no SMARTS pattern")
    mol = to_rdkit(molecule)
    failure = sanitise(mol)
    if isinstance(failure, Failure):
        raise ConfigError(f"molecule {molecule.name!r}: {failure.detail}")
    found = sorted({match[0] for match in mol.GetSubstructMatches(pattern)})
    if not found:
        raise ConfigError(f"molecule {molecule.name!r}: no atom matches {smarts!r}")
    return found


def pieces(molecule: Molecule) -> Int[np.ndarray, "n"]:
    """For each atom the number of the connected piece that it belongs to, from 0."""
    owner = np.full(len(molecule), -1, dtype=np.int64)
    for number, atoms in enumerate(Chem.GetMolFrags(to_rdkit(molecule))):
        owner[list(atoms)] = number
    return owner


def part_of(molecule: Molecule, kept: Bool[np.ndarray, "n"] | Int[np.ndarray, "m"]) -> Molecule:
    """Some of its atoms, with the bonds among them."""
    return replace(
        molecule,
        elements=molecule.elements[kept],
        charges=molecule.charges[kept],
        pos=molecule.pos[kept],
        bond=molecule.bond[np.ix_(kept, kept)],
    )


def together(molecules: Sequence[Molecule]) -> Molecule:
    """Several as one, in the coordinates that they have; the name is that of the first."""
    sizes = [len(molecule) for molecule in molecules]
    bond = np.zeros((sum(sizes), sum(sizes)), dtype=np.int64)
    for end, molecule in zip(np.cumsum(sizes), molecules, strict=True):
        bond[end - len(molecule) : end, end - len(molecule) : end] = molecule.bond
    return Molecule(
        np.concatenate([m.elements for m in molecules]),
        np.concatenate([m.charges for m in molecules]),
        np.concatenate([m.pos for m in molecules]),
        bond,
        name=molecules[0].name,
        properties=molecules[0].properties,
    )
