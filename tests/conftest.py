"""What many tests need: molecules with known answers, a small store, and bundles of random networks."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

# The first example pays for imports and warm-up; the time limit of a test is pytest-timeout's. The examples are the
# same in every run, so that a change is what fails; `pytest --hypothesis-profile explore` takes new and more ones.
settings.register_profile("explore", deadline=None, max_examples=500)
settings.register_profile("moldiff", deadline=None, derandomize=True)
settings.load_profile("moldiff")

SAMPLE = Path(__file__).parents[1] / "datasets" / "qm9" / "sample.sdf"


@pytest.fixture(scope="session")
def sample_sdf() -> Path:
    """200 molecules of QM9."""
    return SAMPLE


@pytest.fixture(scope="session")
def store_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A prepared store of the 200 molecules."""
    from moldiff.data.prepare import prepare

    path = tmp_path_factory.mktemp("stores") / "sample"
    prepare(SAMPLE, path)
    return path


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory, store_path: Path) -> Path:
    """A bundle with the atom classes and sizes of the 200 molecules; what it draws is rarely valid."""
    from moldiff.data.store.dataset import MoleculeStore

    return make_weights(tmp_path_factory.mktemp("weights") / "random", MoleculeStore(store_path).statistics)


@pytest.fixture(scope="session")
def conditioned_weights(tmp_path_factory: pytest.TempPathFactory, store_path: Path) -> Path:
    """The same with two conditions that its molecules depend on: a gap in eV, and the number of rings as classes."""
    import numpy as np

    from moldiff.data.columns import conditioned
    from moldiff.data.store.dataset import MoleculeStore

    store = MoleculeStore(store_path)
    statistics, _ = conditioned(store, ["gap", "rings:classes"], np.arange(len(store)))
    gap, rings = statistics.conditions
    statistics = replace(statistics, conditions=(replace(gap, unit="eV"), rings))
    return make_weights(tmp_path_factory.mktemp("weights") / "conditioned", statistics)


@pytest.fixture(scope="session")
def predictor_weights(tmp_path_factory: pytest.TempPathFactory, store_path: Path) -> Path:
    """The bundle of a predictor of gap and alpha, trained for seconds."""
    from moldiff.config.model import NetworkConfig
    from moldiff.config.property import PropertyConfig
    from moldiff.training.property.run import train_predictor

    out = tmp_path_factory.mktemp("runs") / "predictor"
    network = NetworkConfig(num_blocks=1, atom=16, vector=4, pair=8, hidden=16, heads=2)
    settings = PropertyConfig(
        network=network,
        data=str(store_path),
        targets=("gap", "alpha"),
        num_training_molecules=1500,
        pair_budget=4000,
        warmup_steps=10,
    )
    train_predictor(settings, out)
    return out / "bundle"


@pytest.fixture(scope="session")
def hydrogen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle that knows H2 only, and draws its bond more often than not."""
    from moldiff.data.statistics import Statistics

    statistics = Statistics(
        vocabulary=("H",),
        sizes={2: 10},
        atom_marginals=(1.0,),
        bond_marginals=(0.0, 1.0, 0.0, 0.0),
        pos_scale=0.4,
        num_molecules=10,
    )
    return make_weights(tmp_path_factory.mktemp("weights") / "hydrogen", statistics, single_bond=2.0)


@pytest.fixture(scope="module")
def few_rows() -> Iterator[None]:
    """Batches are filled up to 4 molecules, not 32: one molecule of the shipped weights costs a quarter.

    Every batch of a size still has one shape, so that all laws of batches are what they are.
    """
    import moldiff.data.batching

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(moldiff.data.batching, "ROWS_FLOAT32", 4)
        yield


@pytest.fixture(scope="session")
def build() -> Callable[..., Any]:
    """Molecules built by hand: labels of the atoms and bonds."""
    import numpy as np

    from moldiff.chem.molecule import Molecule
    from moldiff.chem.vocabulary import parse_label

    def build(labels: str, bonds: Sequence[tuple[int, int, int]], **fields: object) -> Any:
        pairs = [parse_label(label)[:2] for label in labels.split()]
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
def embed() -> Callable[..., Any]:
    """Molecules embedded from a SMILES."""
    from rdkit import Chem
    from rdkit.Chem import AllChem

    from moldiff.chem.rdkit_conversion import from_rdkit

    def embed(smiles: str, *, name: str = "") -> Any:
        mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
        assert AllChem.EmbedMolecule(mol, randomSeed=7) == 0
        return from_rdkit(mol, name=name)

    return embed


def make_weights(folder: Path, statistics, *, single_bond: float = 0.0) -> Path:
    import torch

    from moldiff.build import build_denoiser
    from moldiff.config.model import ModelConfig, NetworkConfig
    from moldiff.pretrained.bundle import save_pretrained

    sizes = NetworkConfig(num_blocks=1, atom=16, vector=4, pair=8, hidden=16, heads=2)
    settings = ModelConfig(network=sizes)
    denoiser = build_denoiser(settings, statistics)
    with torch.no_grad():
        for parameter in denoiser.parameters():  # layers that start at zero would hide what the tests look for
            if not parameter.any():
                parameter.normal_(std=0.1, generator=torch.Generator().manual_seed(0))
        denoiser.network.bond_outer.bias[1] += single_bond
    save_pretrained(folder, denoiser, config=settings, statistics=statistics, card="# random\n")
    return folder
