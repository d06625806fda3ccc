"""Conditions as a user meets them: trained on columns, kept in the bundle, set as targets, written with molecules."""

from pathlib import Path

import numpy as np
import pytest
import torch
from cli_results import refused
from typer.testing import CliRunner, Result

from moldiff.chem.molecule import Molecule
from moldiff.cli import app
from moldiff.config.model import ModelConfig, NetworkConfig
from moldiff.config.training import TrainingConfig
from moldiff.data.columns import conditioned
from moldiff.data.store.dataset import MoleculeStore
from moldiff.errors import ConfigError
from moldiff.generation.generator import MoleculeGenerator
from moldiff.generation.options import SamplingOptions
from moldiff.generation.sample import Sample
from moldiff.generation.targets import Request
from moldiff.io.formats import read_molecules
from moldiff.training.denoiser.run import train

STEPS = 3
TINY = {"num_blocks": 1, "atom": 16, "vector": 4, "pair": 8, "hidden": 16, "heads": 2}


def run(*args: object) -> Result:
    return CliRunner().invoke(app, [str(arg) for arg in args])


@pytest.fixture(scope="module")
def generator(conditioned_weights: Path) -> MoleculeGenerator:
    return MoleculeGenerator.from_pretrained(conditioned_weights, device="cpu")


def positions(samples: list[Sample]) -> list[np.ndarray]:
    return [sample.molecule.pos for sample in samples if sample.molecule is not None]


def same(one: list[Sample], two: list[Sample]) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(positions(one), positions(two), strict=True))


def test_conditions_change_what_is_drawn(generator: MoleculeGenerator):
    options = {"num_samples": 6, "num_steps": STEPS, "num_atoms": 12}
    free = list(generator.stream(**options))
    low, high = (list(generator.stream(**options, target={"gap": gap})) for gap in (5.0, 9.0))
    guided = list(generator.stream(**options, target={"gap": 9.0}, guidance=3.0))
    outside = list(
        generator.stream(
            **options, target={"gap": 9.0}, guidance=3.0, options=SamplingOptions(guidance_interval=(0.0, 0.0))
        )
    )
    assert not any(same(a, b) for a, b in ((free, low), (low, high), (high, guided)))
    assert same(high, outside)


def test_conditions_are_written_beside_the_molecule(generator: MoleculeGenerator):
    (sample,) = generator.stream(1, num_steps=STEPS, target={"gap": "7.25eV", "rings": "1"})
    assert sample.molecule is not None
    assert sample.molecule.properties["target_gap"] == pytest.approx(7.25)
    assert sample.molecule.properties["target_rings"] == "1"


def test_each_request_gets_its_own_whatever_the_batch(generator: MoleculeGenerator):
    requests = [Request(10 + i % 2, {"gap": 5.0 + 0.4 * i} if i % 3 else {"rings": "2"}) for i in range(12)]
    whole = list(generator.answer(requests, num_steps=STEPS, guidance={"gap": 2.0}))
    for batch_size in (1, 5):
        again = generator.answer(
            requests, num_steps=STEPS, guidance={"gap": 2.0}, options=SamplingOptions(batch_size=batch_size)
        )
        assert same(whole, list(again))
    later = list(
        generator.answer(requests[5:], num_steps=STEPS, guidance={"gap": 2.0}, options=SamplingOptions(first=5))
    )
    assert same(whole[5:], later)
    values = [sample.molecule.properties.get("target_gap") for sample in whole if sample.molecule is not None]
    assert values == [pytest.approx(request.conditions["gap"]) if i % 3 else None for i, request in enumerate(requests)]
    assert [len(pos) for pos in positions(whole)] == [request.num_atoms for request in requests]


def test_sizes_follow_the_condition(generator: MoleculeGenerator):
    conditions = {c.name: c for c in generator.bundle.statistics.conditions}
    size, law = max(conditions["gap"].by_size.items(), key=lambda item: item[1][0])
    sizes = {"num_samples": 400, "num_steps": 1}
    mean = [
        np.mean([len(pos) for pos in positions(list(generator.stream(**sizes, target=target)))])
        for target in ({}, {"gap": law[0]})
    ]
    assert (mean[1] - mean[0]) * (size - mean[0]) > 0


def test_value_beyond_the_range_warns(generator: MoleculeGenerator):
    with pytest.warns(UserWarning, match=r"condition gap=99eV: trained on .* eV; expect less beyond"):
        generator.stream(1, num_steps=STEPS, target={"gap": 99.0})


def test_gradient_guidance_steers_the_molecules(generator: MoleculeGenerator):
    """A pull of all atoms towards their centre makes molecules smaller."""
    options = {"num_samples": 8, "num_steps": 10, "num_atoms": 14}
    pulled = generator.stream(
        **options, gradient_guidance=lambda pos, atom, bond, mask: -2.0 * pos.square().sum((1, 2))
    )
    free, small = (
        np.mean([np.square(p).mean() for p in positions(list(s))]) for s in (generator.stream(**options), pulled)
    )
    assert small < 0.8 * free


def test_unknown_conditions_are_refused(generator: MoleculeGenerator):
    with pytest.raises(ConfigError, match="the weights know gap, rings"):
        generator.answer([Request(9, {"mu": 1.0})])


def test_user_trains_and_asks(store_path: Path, tmp_path: Path):
    sizes = [f"--set=model.network.{key}={value}" for key, value in TINY.items()]
    trained = run(
        "train",
        "--data",
        store_path,
        "--out",
        tmp_path / "run",
        "--condition",
        "gap",
        "--condition",
        "logp",
        "--set",
        "num_training_molecules=600",
        "--set",
        "subset=[0,0.5]",
        "--set",
        "sample_minutes=0",
        *sizes,
    )
    assert trained.exit_code == 0, trained.output
    bundle = tmp_path / "run" / "bundle"
    shown = run("info", bundle)
    assert "gap: " in shown.output
    assert " eV" not in shown.output  # an SDF says nothing of units
    command = ["sample", "--weights", bundle, "--num-steps", STEPS, "-n", 5, "--out"]
    drawn = run(*command, tmp_path / "x.sdf", "--target", "gap=6.5", "--target", "logp=0.5", "--guidance", "gap=2")
    assert drawn.exit_code == 0, drawn.output
    records = [record for _, record in read_molecules(tmp_path / "x.sdf")]
    assert {r.properties["target_gap"] for r in records if isinstance(r, Molecule)} == {6.5}
    refused(run(*command, tmp_path / "y.sdf", "--target", "mu=1"), "the weights know gap, logp")
    refused(run(*command, tmp_path / "y.sdf", "--target", "gap=6.5eV"), "condition gap=6.5eV: expected a number")


def test_training_on_an_unknown_column_is_refused(store_path: Path, tmp_path: Path):
    result = run("train", "--data", store_path, "--out", tmp_path / "run", "--condition", "bandgap")
    refused(result, "no property 'bandgap'", "logp")
    assert not (tmp_path / "run").exists()


def test_trained_network_depends_on_its_labels(store_path: Path, tmp_path: Path):
    """With their own labels the loss of the atoms is lower than with those of other molecules."""
    store, names = MoleculeStore(store_path), ("heteroatoms:classes",)
    config = TrainingConfig(
        model=ModelConfig(network=NetworkConfig(**TINY)),
        data=str(store_path),
        num_training_molecules=5000,
        pair_budget=4000,
        warmup_steps=10,
        sample_minutes=0,
        inpainting_probability=0.0,
        time_end_density=2.0,
        conditions=names,
        condition_dropout=0.0,
    )
    module = train(config, tmp_path / "run")
    _, labels = conditioned(store, names, store.split("train"))
    assert labels is not None
    chosen = store.split("train")[:100]
    true = labels[torch.from_numpy(chosen)]
    with torch.no_grad():
        right, wrong = (
            np.mean([float(module.loss(store.state(chosen).replace(labels=labels), k)[1].atom) for k in range(20)])
            for labels in (true, true.flip(0))
        )
    assert right < 0.993 * wrong, (right, wrong)
