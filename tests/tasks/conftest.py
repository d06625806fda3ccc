import pytest

from moldiff.chem.molecule import Molecule
from moldiff.generation.generator import MoleculeGenerator
from moldiff.io.formats import read_molecules


@pytest.fixture(scope="session")
def generator() -> MoleculeGenerator:
    """The weights that ship with the package."""
    return MoleculeGenerator.from_pretrained("qm9")


@pytest.fixture(scope="session")
def molecules(sample_sdf) -> list[Molecule]:
    """The first of the QM9 sample."""
    return [m for _, m in read_molecules(sample_sdf) if isinstance(m, Molecule)][:40]


@pytest.fixture(autouse=True, scope="module")
def shorten(few_rows: None) -> None:
    """In the whole room."""
