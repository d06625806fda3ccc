"""A network with vectors of l = 2 trains, is averaged, saved and read like any other."""

from collections.abc import Callable
from pathlib import Path

from moldiff.config.model import ModelConfig, NetworkConfig
from moldiff.data.store.dataset import MoleculeStore
from moldiff.pretrained.bundle import load_pretrained, save_pretrained
from moldiff.training.denoiser.module import DiffusionModule


def test_average_of_higher_vectors_is_saved_and_loaded(
    make_module: Callable[..., DiffusionModule], store: MoleculeStore, tmp_path: Path
):
    model = ModelConfig(network=NetworkConfig(num_blocks=2, atom=32, vector=4, pair=8, hidden=16, heads=2, lmax=2))
    module = make_module(model=model)
    module.average.update_parameters(module.denoiser)
    average = module.average.module
    save_pretrained(tmp_path / "bundle", average, config=model, statistics=store.statistics, card="")
    loaded = load_pretrained(tmp_path / "bundle").denoiser
    assert loaded.state_dict().keys() == average.state_dict().keys() == module.denoiser.state_dict().keys()
    assert not any("coupling" in name for name in average.state_dict())  # constants are no weights
