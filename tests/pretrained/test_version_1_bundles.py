"""A bundle of version 1, in the names that its settings had, loads and samples the same molecules."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from moldiff.build import build_denoiser
from moldiff.config.model import ModelConfig, ProcessConfig
from moldiff.config.sampler import SamplerConfig
from moldiff.config.version_1 import CLASS_CHURN, RENAMED
from moldiff.errors import WeightsError
from moldiff.generation.generator import MoleculeGenerator
from moldiff.pretrained.bundle import load_pretrained, save_pretrained

SAMPLERS = {
    "posterior": SamplerConfig(num_steps=4, resample=0.4, x0_std=(0.1, 0.4, 1.2), bond_time_exponent=2.0),
    "leaping": SamplerConfig(num_steps=4, classes="leaping", corrector_rate=0.5, atom_time_exponent=1.5),
    "unmasking": SamplerConfig(num_steps=4, classes="unmasking", gumbel_noise=0.7),
}


def as_version_1(folder: Path, out: Path) -> Path:
    """A copy of a bundle with the settings under their old names."""
    shutil.copytree(folder, out)
    config = json.loads((out / "config.json").read_text())
    sampler, old = config["sampler"], {new: name for name, new in RENAMED["SamplerConfig"].items()}
    churn = sampler[CLASS_CHURN[sampler["classes"]]]
    kept = {old.get(name, name): value for name, value in sampler.items() if name not in CLASS_CHURN.values()}
    model = {name: config["model"][name] for name in ("process", "network")}
    new = config | {"format_version": 1, "model": model, "sampler": kept | {"class_churn": churn}}
    (out / "config.json").write_text(json.dumps(new))
    return out


def sampled(folder: Path) -> list[np.ndarray]:
    generator = MoleculeGenerator.from_pretrained(folder, device="cpu", precision="float32")
    molecules = [sample.molecule for sample in generator.stream(4, seed=3, num_atoms=9)]
    return [value for m in molecules if m is not None for value in (m.pos, m.elements, m.bond)]


@pytest.fixture(params=SAMPLERS)
def bundle(request: pytest.FixtureRequest, weights: Path, tmp_path: Path) -> Path:
    """Random weights with one of the samplers; unmasking needs absorbing noise."""
    b = load_pretrained(weights)
    prior = "absorbing" if request.param == "unmasking" else "marginal"
    config = ModelConfig(process=ProcessConfig(prior=prior), network=b.config.network)
    save_pretrained(
        tmp_path / "new",
        build_denoiser(config, b.statistics, seed=1),
        config=config,
        statistics=b.statistics,
        card=b.card,
        sampler=SAMPLERS[request.param],
    )
    return tmp_path / "new"


def test_bundle_of_version_1_samples_the_same_molecules(bundle: Path, tmp_path: Path):
    old = as_version_1(bundle, tmp_path / "old")
    assert load_pretrained(old).sampler == load_pretrained(bundle).sampler
    one, other = sampled(bundle), sampled(old)
    assert len(one) == 12
    assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_old_name_that_is_not_read_would_show(bundle: Path, tmp_path: Path):
    """Twin of the law above: another value under the old name gives other molecules, a name of neither is refused."""
    old = as_version_1(bundle, tmp_path / "old")
    config = json.loads((old / "config.json").read_text())
    config["sampler"]["bond_lead"] = 3.0
    (old / "config.json").write_text(json.dumps(config))
    assert not all(np.array_equal(a, b) for a, b in zip(sampled(bundle), sampled(old), strict=True))
    config["sampler"]["bond_leed"] = 3.0
    (old / "config.json").write_text(json.dumps(config))
    with pytest.raises(WeightsError, match=r"unknown key 'sampler\.bond_leed'"):
        load_pretrained(old)
