"""What `unchanged_results` computes with."""

import tempfile
from functools import cache
from pathlib import Path

import numpy as np
import torch

from moldiff.build import build_denoiser
from moldiff.chem.molecule import Molecule
from moldiff.config.model import ModelConfig, NetworkConfig, ProcessConfig
from moldiff.data.columns import conditioned
from moldiff.data.prepare import prepare
from moldiff.data.store.dataset import MoleculeStore
from moldiff.generation.generator import MoleculeGenerator
from moldiff.io.formats import read_molecules
from moldiff.pretrained.bundle import save_pretrained

SAMPLE = Path(__file__).parents[2] / "datasets" / "qm9" / "sample.sdf"


TEMPORARY = tempfile.TemporaryDirectory()


SEED = 7


SIZES = NetworkConfig(num_blocks=1, atom=32, vector=4, pair=8, hidden=16, heads=2)


@cache
def generator(name: str) -> MoleculeGenerator:
    return MoleculeGenerator.from_pretrained(name, device="cpu", precision="float32")


@cache
def sample_molecules() -> list[Molecule]:
    return [record for _, record in read_molecules(SAMPLE) if isinstance(record, Molecule)]


@cache
def store() -> Path:
    path = Path(TEMPORARY.name) / "store"
    prepare(SAMPLE, path)
    return path


@cache
def random_weights(prior: str = "marginal") -> Path:
    """A bundle with two conditions whose network was never trained; no layer of it is zero."""
    data, path = MoleculeStore(store()), Path(TEMPORARY.name) / prior
    statistics, _ = conditioned(data, ["gap", "rings:classes"], np.arange(len(data)))
    settings = ModelConfig(network=SIZES, process=ProcessConfig(prior=prior))
    denoiser = build_denoiser(settings, statistics)
    with torch.no_grad():
        for parameter in denoiser.parameters():
            if not parameter.any():
                parameter.normal_(std=0.1, generator=torch.Generator().manual_seed(0))
    save_pretrained(path, denoiser, config=settings, statistics=statistics, card="# random\n")
    return path
