"""What a run of the generator does with `connectivity` and `valence`."""

import pytest
import torch

from moldiff.config.distillation import DistillationConfig
from moldiff.config.sampler import SamplerConfig
from moldiff.errors import ConfigError
from moldiff.generation.generator import MoleculeGenerator
from moldiff.generation.options import SamplingOptions
from moldiff.generation.runner import Runner
from moldiff.pretrained.bundle import Bundle, load_pretrained
from moldiff.sampling.discrete.base import DiscreteSolver
from moldiff.sampling.discrete.kekule_forms import WithKekuleForms
from moldiff.sampling.discrete.posterior import MixturePosterior
from moldiff.sampling.discrete.tau_leaping import TauLeaping
from moldiff.training.distillation.run import policy


@pytest.fixture(scope="module")
def aromatic() -> Bundle:
    return load_pretrained("druglike-latent")


def solver_of(bundle: Bundle, options: SamplingOptions) -> DiscreteSolver:
    runner = Runner.of(bundle, torch.device("cpu"), "float32", seed=0, num_steps=4, options=options)
    return runner.run.keywords["solvers"].classes  # type: ignore[attr-defined]


def test_kekule_forms_are_for_aromatic_bonds_and_the_solver_of_the_settings(aromatic: Bundle) -> None:
    assert isinstance(solver_of(aromatic, SamplingOptions(valence=1.0)), WithKekuleForms)
    assert isinstance(solver_of(aromatic, SamplingOptions(valence=0.0)), MixturePosterior)
    assert isinstance(solver_of(aromatic, SamplingOptions(valence=1.0, classes="leaping")), TauLeaping)
    own = MixturePosterior()
    assert solver_of(aromatic, SamplingOptions(valence=1.0, classes=own)) is own
    assert isinstance(solver_of(load_pretrained("qm9-latent"), SamplingOptions(valence=1.0)), MixturePosterior)


@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_aromatic_molecules_do_not_depend_on_their_batch(aromatic: Bundle, precision: str) -> None:
    generator = MoleculeGenerator(aromatic, device="cpu", precision=precision)
    options = {"valence": 1.0, "num_heavy_atoms": (10, 11), "num_steps": 8}
    whole = generator.sample(12, options=SamplingOptions(**options))
    alone = generator.sample(12, options=SamplingOptions(**options, batch_size=1))
    for one, two in zip(whole, alone, strict=True):
        assert one.molecule is not None
        assert two.molecule is not None
        assert (one.molecule.pos == two.molecule.pos).all()
        assert (one.molecule.bond == two.molecule.bond).all()


def test_students_learn_without_constraints(aromatic: Bundle) -> None:
    teacher = SamplerConfig(valence=1.0, connectivity=0.5)
    student = DistillationConfig(sampler={"num_steps": 4}).student(teacher)
    assert (student.valence, student.connectivity) == (0.0, 0.0)
    for setting in ("valence", "connectivity"):
        with pytest.raises(ConfigError, match=f"{setting} 1.0"):
            policy(aromatic, student.model_copy(update={setting: 1.0}))
