"""Settings in the names of version 1 are read as those of today."""

import pytest

from moldiff.cli._parsing import change_sampler, run_config
from moldiff.config.distillation import DistillationConfig
from moldiff.config.property import PropertyConfig
from moldiff.config.sampler import SamplerConfig
from moldiff.config.training import TrainingConfig
from moldiff.config.version_1 import from_version_1
from moldiff.errors import ConfigError

OLD = {
    "num_molecules": 7,
    "part": [0.1, 0.6],
    "unconditional_share": 0.3,
    "previous_gap": [0.02, 0.2],
    "gap_start": 0.4,
    "atom_lead": [1.0, 2.0],
    "bond_lead": [1.0, 2.5],
    "task_share": 0.05,
    "task_start": 0.6,
    "sampler": {"class_churn": 0.5, "atom_lead": 2.0, "bond_lead": 3.0, "pos_errors": [0.1, 0.2]},
}


def test_a_training_of_version_1_is_that_of_today():
    config = TrainingConfig.parse(OLD, source="config.json")
    assert (config.num_training_molecules, config.subset, config.condition_dropout) == (7, (0.1, 0.6), 0.3)
    assert (config.self_conditioning_gap, config.self_conditioning_gap_start) == ((0.02, 0.2), 0.4)
    assert (config.atom_time_exponent, config.bond_time_exponent) == ((1.0, 2.0), (1.0, 2.5))
    assert (config.inpainting_probability, config.inpainting_start) == (0.05, 0.6)
    sampler = config.sampler
    assert (sampler.resample, sampler.atom_time_exponent, sampler.bond_time_exponent) == (0.5, 2.0, 3.0)
    assert sampler.x0_std == (0.1, 0.2)
    assert TrainingConfig.parse(config.model_dump(), source="config.json") == config


@pytest.mark.parametrize(
    ("classes", "name"), [("posterior", "resample"), ("leaping", "corrector_rate"), ("unmasking", "gumbel_noise")]
)
def test_class_churn_becomes_the_setting_of_its_solver(classes: str, name: str):
    sampler = SamplerConfig.parse({"classes": classes, "class_churn": 0.25}, source="x")
    assert getattr(sampler, name) == 0.25
    assert sum((sampler.resample, sampler.corrector_rate, sampler.gumbel_noise)) == 0.25


def test_the_other_runs_of_version_1_are_those_of_today():
    student = DistillationConfig.parse({"likeness_weight": 0.5, "sampler": {"class_churn": 1.0}}, source="x")
    assert student.density_ratio_weight == 0.5
    assert student.student(SamplerConfig()).resample == 1.0
    assert PropertyConfig.parse({"part": [0.5, 1.0], "num_molecules": 3}, source="x").subset == (0.5, 1.0)


def test_old_keys_of_set_are_those_of_today(tmp_path):
    assignments = ["task_share=0.05", "sampler.atom_lead=2", "num_molecules=9"]
    config = run_config(TrainingConfig, tmp_path, None, assignments, resume=False)
    assert (config.inpainting_probability, config.sampler.atom_time_exponent) == (0.05, 2.0)
    assert config.num_training_molecules == 9
    assert change_sampler(SamplerConfig(), ["class_churn=0.5"]).resample == 0.5


def test_a_setting_in_both_names_is_refused():
    with pytest.raises(ConfigError, match="unknown key 'part'"):
        TrainingConfig.parse({"part": [0.0, 1.0], "subset": [0.0, 0.5]}, source="x")


def test_what_is_no_object_is_left_to_the_check():
    assert from_version_1("TrainingConfig", [1]) == [1]
