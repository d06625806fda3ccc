"""The 200 molecules of `datasets/qm9/sample.sdf`, and a store made of them."""

from pathlib import Path

import pytest

from moldiff.chem.molecule import Molecule
from moldiff.data.prepare import prepare
from moldiff.data.store.dataset import MoleculeStore
from moldiff.io.formats import read_molecules

SAMPLE = Path(__file__).parents[2] / "datasets" / "qm9" / "sample.sdf"


@pytest.fixture(scope="session")
def sample_path() -> Path:
    return SAMPLE


@pytest.fixture(scope="session")
def sample() -> list[Molecule]:
    return [molecule for _, molecule in read_molecules(SAMPLE) if isinstance(molecule, Molecule)]


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> MoleculeStore:
    path = tmp_path_factory.mktemp("stores") / "sample"
    prepare(SAMPLE, path)
    return MoleculeStore(path)
