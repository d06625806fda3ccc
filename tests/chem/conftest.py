"""Molecules with known answers: built by hand, or embedded from a SMILES."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import AllChem

from moldiff.chem.border import from_rdkit
from moldiff.chem.molecule import Molecule
from moldiff.chem.vocabulary import parse_label


@pytest.fixture(scope="session")
def build() -> Callable[..., Molecule]:
    def build(labels: str, bonds: Sequence[tuple[int, int, int]], **fields: object) -> Molecule:
        pairs = [parse_label(label) for label in labels.split()]
        bond = np.zeros((len(pairs), len(pairs)), dtype=np.int64)
        for i, j, order in bonds:
            bond[i, j] = bond[j, i] = order
        return Molecule(
            elements=np.array([element for element, _ in pairs]),
            charges=np.array([charge for _, charge in pairs]),
            pos=np.random.default_rng(0).normal(size=(len(pairs), 3)),
            bond=bond,
            **fields,  # type: ignore[arg-type]
        )

    return build


@pytest.fixture(scope="session")
def embed() -> Callable[..., Molecule]:
    def embed(smiles: str, *, name: str = "") -> Molecule:
        mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
        assert AllChem.EmbedMolecule(mol, randomSeed=7) == 0
        return from_rdkit(mol, name=name)

    return embed
