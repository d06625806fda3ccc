"""Molecules with known answers."""

from collections.abc import Callable

import pytest
from rdkit import Chem
from rdkit.Chem import AllChem

from moldiff.chem.molecule import Molecule
from moldiff.chem.rdkit_conversion import from_rdkit


@pytest.fixture(scope="session")
def embed() -> Callable[..., Molecule]:
    def embed(smiles: str, *, seed: int = 7) -> Molecule:
        mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
        assert AllChem.EmbedMolecule(mol, randomSeed=seed) == 0
        return from_rdkit(mol, name=smiles)

    return embed
