"""Particles as a user meets them: any reward, a predictor, the command line."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli_results import refused
from typer.testing import CliRunner, Result

from moldiff.chem.descriptors import describe
from moldiff.chem.molecule import Molecule
from moldiff.cli import app
from moldiff.errors import ConfigError
from moldiff.generation.generator import MoleculeGenerator
from moldiff.generation.options import SamplingOptions
from moldiff.generation.particles import ParticleSampling
from moldiff.generation.rewards import DescriptorReward, PropertyReward, SumReward
from moldiff.generation.sample import Sample
from moldiff.generation.targets import Targets
from moldiff.io.formats import read_molecules
from moldiff.pretrained.property_predictor import PropertyPredictor

STEPS = 6


def run(*args: object) -> Result:
    return CliRunner().invoke(app, [str(arg) for arg in args])


@pytest.fixture(scope="module")
def generator(weights: Path) -> MoleculeGenerator:
    return MoleculeGenerator.from_pretrained(weights, device="cpu")


def nitrogens(molecules: Sequence[Molecule], indices: Sequence[int]) -> list[int]:
    assert len(molecules) == len(indices)
    return [int((molecule.elements == 7).sum()) for molecule in molecules]


def drawn(samples: Sequence[Sample]) -> list[Molecule]:
    return [sample.molecule for sample in samples if sample.molecule is not None]


def test_more_particles_have_higher_rewards(generator: MoleculeGenerator):
    options: dict[str, Any] = {"num_samples": 12, "num_steps": STEPS, "num_atoms": 12}
    means = [np.mean(nitrogens(drawn(list(generator.stream(**options))), range(12)))]
    for num_particles in (2, 8):
        means.append(
            np.mean(
                nitrogens(
                    drawn(list(generator.stream(**options, reward=nitrogens, num_particles=num_particles))), range(12)
                )
            )
        )
    assert means[0] < means[1] < means[2] - 0.5


def test_the_same_molecule_for_any_batch(generator: MoleculeGenerator, predictor_weights: Path):
    predictor = PropertyPredictor.from_pretrained(predictor_weights)
    wanted = {index: [0.2 * index - 1, float("nan")] for index in range(10)}
    options: dict[str, Any] = {
        "num_steps": STEPS,
        "num_atoms": (9, 10),
        "reward": PropertyReward(predictor, wanted),
        "num_particles": 3,
    }
    whole = drawn(list(generator.stream(6, **options)))
    for batch_size in (1, 4):
        again = drawn(list(generator.stream(6, **options, options=SamplingOptions(batch_size=batch_size))))
        assert all(np.array_equal(one.pos, two.pos) for one, two in zip(whole, again, strict=True))
    later = drawn(list(generator.stream(2, **options, options=SamplingOptions(first=4))))
    assert all(np.array_equal(one.pos, two.pos) for one, two in zip(whole[4:], later, strict=True))


def test_states_are_those_of_the_best_particle(generator: MoleculeGenerator):
    options: dict[str, Any] = {"num_steps": STEPS, "num_atoms": 8, "options": SamplingOptions(trajectories=True)}
    for sample in generator.stream(4, **options, reward=nitrogens, num_particles=4):
        assert sample.molecule is not None
        assert len(sample.states) == STEPS
        assert np.array_equal(sample.states[-1].pos, sample.molecule.pos)
        assert sample.confidence is not None
        assert sample.confidence.shape == sample.molecule.bond.shape


def test_particles_are_compared_until_the_given_time(generator: MoleculeGenerator):
    """Late in sampling the reward only finds the best particle at the end."""
    calls: list[int] = []

    def counted(molecules: Sequence[Molecule], indices: Sequence[int]) -> list[int]:
        calls.append(len(molecules))
        return nitrogens(molecules, indices)

    grid = (1.0, 0.9, 0.8, 0.7, 0.6, 0.4, 0.3, 0.2, 0.0)  # of these the third, fifth and seventh step may compare
    for until, comparisons in ((0.0, 4), (0.5, 3), (1.0, 1)):
        calls.clear()
        list(
            generator.stream(
                1,
                num_atoms=9,
                reward=counted,
                num_particles=3,
                options=SamplingOptions(grid=grid, resample_until=until),
            )
        )
        assert len(calls) == comparisons


def test_what_has_no_reward_loses(generator: MoleculeGenerator):
    def even(molecules: Sequence[Molecule], indices: Sequence[int]) -> list[float]:
        return [float("nan") if count % 2 else 0.0 for count in nitrogens(molecules, indices)]

    samples = list(generator.stream(10, num_steps=STEPS, num_atoms=9, reward=even, num_particles=6))
    assert sum(count % 2 == 0 for count in nitrogens(drawn(samples), range(10))) >= 9


def test_nonsense_is_refused(generator: MoleculeGenerator):
    with pytest.raises(ConfigError, match="at least 2"):
        ParticleSampling(nitrogens, num_particles=1)
    with pytest.raises(ConfigError, match="until 2"):
        ParticleSampling(nitrogens, until=2.0)
    with pytest.raises(ConfigError, match="every 0"):
        ParticleSampling(nitrogens, every=0)
    with pytest.raises(ConfigError, match="one for each"):
        list(generator.stream(2, num_steps=STEPS, reward=lambda molecules, indices: [1.0], num_particles=4))


def test_user_selects_by_a_predictor(weights: Path, predictor_weights: Path, tmp_path: Path):
    """The weights have no conditions; the target is written beside the molecule, and what the reward model predicts."""
    sample = ["sample", "--weights", weights, "-n", 4, "--num-atoms", 9, "--num-steps", STEPS, "--out"]
    result = run(
        *sample, tmp_path / "x.sdf", "--target", "gap=6.5", "--reward-model", predictor_weights, "--num-particles", 4
    )
    assert result.exit_code == 0, result.output
    assert "chose these molecules" in " ".join(result.stdout.split())
    records = [record for _, record in read_molecules(tmp_path / "x.sdf") if isinstance(record, Molecule)]
    assert [record.properties["target_gap"] for record in records] == [6.5] * 4
    assert all("error_gap" in record.properties for record in records)
    out = tmp_path / "y.sdf"
    refused(
        run(*sample, out, "--target", "gap=6.5", "--num-particles", 4), "have no predictor inside", "--reward-model"
    )
    refused(run(*sample, out, "--target", "gap=6.5", "--reward-model", predictor_weights), "add --num-particles 4")
    refused(
        run(*sample, out, "--num-particles", 4, "--reward-model", predictor_weights),
        "reward model predicts gap, alpha",
    )
    both = ["--target", "gap=6.5", "--target", "mu=1", "--reward-model", predictor_weights, "--num-particles", 4]
    refused(run(*sample, out, *both), "target 'mu'")


def test_size_follows_what_only_the_reward_model_knows(generator: MoleculeGenerator, predictor_weights: Path):
    alpha = PropertyPredictor.from_pretrained(predictor_weights).targets[1]
    size, _ = max(alpha.by_size.items(), key=lambda item: item[1][0])
    label = (alpha.by_size[size][0] - alpha.mean) / alpha.std
    means = []
    for targets in ((), ((alpha, label),)):
        selection = ParticleSampling(nitrogens, 2, targets=targets)
        samples = generator.stream(60, num_steps=1, target=Targets(particles=selection))
        means.append(np.mean([len(molecule) for molecule in drawn(list(samples))]))
    assert (means[1] - means[0]) * (size - means[0]) > 0


def test_user_selects_by_what_rdkit_computes(weights: Path, tmp_path: Path):
    """No predictor is needed; the values stand in the file, and are those of its molecules."""
    out = tmp_path / "x.sdf"
    sample = ["sample", "--weights", weights, "-n", 30, "--num-steps", STEPS, "--num-atoms", 3, "--out", out]
    off = []
    for particles in (2, 12):
        result = run(*sample, "--target", "tpsa=60 Å²", "--num-particles", particles, "--overwrite")
        assert "Computed properties" in result.stdout, result.output
        records = [record for _, record in read_molecules(out) if isinstance(record, Molecule)]
        values = describe(["tpsa"], records)[:, 0]
        there = np.isfinite(values)
        assert there.any()
        assert [record.properties.get("tpsa") for record in records if "tpsa" in record.properties] == pytest.approx(
            values[there]
        )
        assert all(record.properties["target_tpsa"] == 60 for record in records)
        off.append(np.abs(values[there] - 60).mean())
    assert off[1] < off[0]
    refused(run(*sample, "--target", "tpsa=60", "--overwrite"), "were not trained with it", "--num-particles")
    wrong = run(*sample, "--target", "tpsa=60 nm", "--num-particles", 2, "--overwrite")
    refused(wrong, "target tpsa=60 nm: expected a number")


def test_a_predictor_and_rdkit_choose_together(weights: Path, predictor_weights: Path, tmp_path: Path):
    out = tmp_path / "x.sdf"
    both = [
        "--target",
        "gap=6.5",
        "--target",
        "rings=1",
        "--num-particles",
        3,
        "--reward-model",
        predictor_weights,
    ]
    few = ["-n", 4, "--num-atoms", 9, "--num-steps", STEPS]
    result = run("sample", "--weights", weights, *few, "--out", out, *both)
    assert result.exit_code == 0, result.output
    assert "Computed properties" in result.stdout
    assert "Predicted properties" in result.stdout
    records = [record for _, record in read_molecules(out) if isinstance(record, Molecule)]
    assert all({"target_gap", "target_rings"} <= set(record.properties) for record in records)
    only = ["--target", "rings=1", "--num-particles", 3, "--reward-model", predictor_weights]
    refused(run("sample", "--weights", weights, "--out", out, "--overwrite", *only), "reward model predicts gap, alpha")


def test_descriptor_reward_is_a_distance_in_spreads():
    single = np.array([[0, 1], [1, 0]])
    hydrogen = Molecule(np.array([1, 1]), np.zeros(2, dtype=int), np.array([[0.0, 0, 0], [0.74, 0, 0]]), single)
    score = DescriptorReward({"weight": 2.016 + 28.0, "rings": 0})
    assert score([hydrogen], [0])[0] == pytest.approx(-1.0, abs=1e-4)
    broken = replace(hydrogen, bond=3 * hydrogen.bond)
    assert np.isnan(score([broken], [0])).all()
    assert SumReward((score, score))([hydrogen, broken], [0, 1])[0] == pytest.approx(-2.0, abs=1e-4)
