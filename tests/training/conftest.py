"""A store of the 200 sample molecules, a tiny network for it, and runs without a file."""

from collections.abc import Callable
from pathlib import Path

import pytest

from moldiff.build import build_denoiser
from moldiff.config.model import ModelConfig, NetworkConfig
from moldiff.config.training import TrainingConfig
from moldiff.data.prepare import prepare
from moldiff.data.store.dataset import MoleculeStore
from moldiff.training.denoiser.module import DiffusionModule

SAMPLE = Path(__file__).parents[2] / "datasets" / "qm9" / "sample.sdf"
# No time exponents and no tasks, so that a test asks for what it tests.
PLAIN = {
    "precision": "float32",
    "atom_time_exponent": (1.0, 1.0),
    "bond_time_exponent": (1.0, 1.0),
    "inpainting_probability": 0.0,
    "inpainting_start": 0.0,
}
TINY = ModelConfig(network=NetworkConfig(num_blocks=2, atom=32, vector=4, pair=8, hidden=16, heads=2))


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> MoleculeStore:
    path = tmp_path_factory.mktemp("stores") / "sample"
    prepare(SAMPLE, path)
    return MoleculeStore(path)


@pytest.fixture
def make_module(store: MoleculeStore) -> Callable[..., DiffusionModule]:
    def make(**changes: object) -> DiffusionModule:
        config = TrainingConfig(**{"model": TINY, **PLAIN, **changes})  # type: ignore[arg-type]
        denoiser = build_denoiser(config.model, store.statistics)
        return DiffusionModule(denoiser, denoiser.process, config)

    return make
