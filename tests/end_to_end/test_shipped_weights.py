"""The weights inside the package do what the README says of them."""

from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from rdkit import Chem

from moldiff.chem.molecule import AROMATIC, Molecule
from moldiff.generation.generator import MoleculeGenerator
from moldiff.generation.options import SamplingOptions
from moldiff.generation.particles import ParticleSampling
from moldiff.generation.rewards import PropertyReward
from moldiff.generation.sample import Sample
from moldiff.generation.targets import Targets
from moldiff.io.formats import read_molecules
from moldiff.metrics.score_result import Score
from moldiff.pretrained.bundle import load_pretrained
from moldiff.pretrained.property_predictor import PropertyPredictor
from moldiff.tasks.isomers import sample_isomers

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def generator() -> MoleculeGenerator:
    return MoleculeGenerator.from_pretrained("qm9", device="cpu")


def valid_share(samples: list[Sample]) -> float:
    return sum(sample.valid for sample in samples) / len(samples)


def test_shipped_weights_draw_valid_molecules(generator: MoleculeGenerator) -> None:
    """32 molecules at 20 evaluations: far above chance, with room for bad luck and other hardware."""
    assert valid_share(generator.sample(32, num_steps=20, seed=7)) > 0.75


def test_the_student_needs_no_more_than_eight_evaluations() -> None:
    student = MoleculeGenerator.from_pretrained("qm9-fast", device="cpu")
    assert student.bundle.sampler.num_steps == 8
    assert valid_share(student.sample(48, seed=7)) > 0.8
    assert valid_share(student.sample(32, seed=7, num_steps=2)) < 0.5  # of two it cannot make so many


def test_drug_like_molecules_come_in_one_piece() -> None:
    """24 of 36 atoms, at fewer evaluations than the default; without the tilt more fall apart.

    In float32, so that processors with and without bf16 draw the same: none with it, 7 without; at 32 molecules of all
    sizes and 20 evaluations they were 1 and 5.
    """
    drugs = MoleculeGenerator.from_pretrained("druglike", device="cpu", precision="float32")
    fallen = []
    for connectivity, valid in ((1.0, 0.7), (0.0, 0.4)):
        sampler = drugs.bundle.sampler.model_copy(update={"num_steps": 15, "connectivity": connectivity})
        results = drugs.sample(24, num_atoms=36, seed=7, options=SamplingOptions(sampler=sampler))
        assert valid_share(results) > valid
        fallen.append(sum(sample.failure is not None and sample.failure.reason == "fragments" for sample in results))
    assert fallen[0] <= 1
    assert fallen[1] >= 4


def test_shipped_weights_fail_where_the_time_is_wrong(generator: MoleculeGenerator, monkeypatch) -> None:
    """The twin of the law above: a denoiser that always hears of pure noise draws nothing useful."""
    forward = generator.denoiser.forward

    def deaf(state, t, previous=None):
        late = type(t)(*((time > 0) * 1.0 for time in (t.pos, t.atom, t.bond)))
        return forward(state, late, previous)

    monkeypatch.setattr(generator.denoiser, "forward", deaf)
    assert valid_share(generator.sample(16, num_steps=20, seed=7)) < 0.5


def test_latent_hydrogens_need_fewer_points_and_keep_a_formula() -> None:
    latent = MoleculeGenerator.from_pretrained("qm9-latent", device="cpu")
    assert valid_share(latent.sample(64, num_steps=20, seed=7)) > 0.85
    isomers = list(sample_isomers(latent, [{6: 5, 8: 1, 1: 8}] * 16, most=1, num_steps=30))
    assert valid_share(isomers) > 0.6
    assert all(sorted(s.molecule.elements) == [1] * 8 + [6] * 5 + [8] for s in isomers if s.valid and s.molecule)


def test_aromatic_bonds_come_out_as_kekule_orders_or_the_molecule_fails() -> None:
    drugs = MoleculeGenerator.from_pretrained("druglike-latent", device="cpu", precision="float32")
    samples = drugs.sample(24, num_steps=30, seed=3)
    assert valid_share(samples) > 0.25
    assert any(Chem.MolFromSmiles(sample.smiles).GetAromaticAtoms() for sample in samples if sample.valid)
    assert all(int(s.molecule.bond.max()) < AROMATIC for s in samples if s.valid and s.molecule)


@pytest.mark.parametrize("name", ["qm9", "qm9-fast", "qm9-latent", "druglike", "druglike-latent"])
def test_shipped_weights_are_small_and_carry_their_data_row(name: str) -> None:
    folder = Path(str(files("moldiff") / "weights" / name))
    assert sum(file.stat().st_size for file in folder.rglob("*")) < 16_000_000
    statistics = load_pretrained(name).statistics
    assert statistics.score is not None
    assert Score.from_dict(statistics.score).rates["valid"].value > 0.99


@pytest.mark.parametrize("name", ["qm9-properties", "qm9"])
def test_shipped_predictors_know_the_data(name: str, sample_sdf: Path) -> None:
    """The file has the first molecules of QM9, which are small and off the beaten track."""
    predictor = PropertyPredictor.from_pretrained(name)
    molecules = [record for _, record in read_molecules(sample_sdf) if isinstance(record, Molecule)][50:]
    values = predictor.predict(molecules)
    for column, target in enumerate(predictor.targets):
        true = np.array([molecule.properties[target.name] for molecule in molecules])
        assert np.abs(values[:, column] - true).mean() < 3 * predictor.errors[target.name]


def test_particles_come_closer_to_their_targets(generator: MoleculeGenerator) -> None:
    """Chosen by one predictor, measured by the one that was trained on other molecules."""
    reward_model, evaluator = (PropertyPredictor.from_pretrained(name) for name in ("qm9-properties", "qm9"))
    gap = next(place for place, target in enumerate(reward_model.targets) if target.name == "gap")
    target = reward_model.targets[gap]
    wanted = [float("nan")] * len(reward_model.targets)
    wanted[gap] = target.label(5.0)
    off = []
    for selection in (None, ParticleSampling(PropertyReward(reward_model, wanted), num_particles=4)):
        samples = generator.stream(16, num_atoms=18, seed=2, num_steps=20, target=Targets(particles=selection))
        molecules = [sample.molecule for sample in samples if sample.molecule is not None]
        values = evaluator.predict(molecules, allow_extrapolation=True, check_geometry=False)  # of all, valid or not
        off.append(np.abs(values[:, gap] - 5.0).mean())
    assert off[1] < 0.5 * off[0], off
