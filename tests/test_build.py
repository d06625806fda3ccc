"""From settings to objects."""

import pytest
import torch

from moldiff.build import build_denoiser, build_process, build_schedule
from moldiff.config.model import ModelConfig, NetworkConfig, ProcessConfig, ScheduleConfig
from moldiff.data.statistics import Statistics
from moldiff.diffusion.schedule import CosineSchedule, LinearSchedule, PolynomialSchedule
from moldiff.state import State, Times

STATISTICS = Statistics(
    vocabulary=("H", "C", "N+1"),
    sizes={3: 10},
    atom_marginals=(0.6, 0.3, 0.1),
    bond_marginals=(0.7, 0.2, 0.07, 0.03),
    pos_scale=1.4,
    num_molecules=10,
)
TINY = NetworkConfig(num_blocks=1, atom=16, vector=4, pair=8, hidden=16, heads=2)


@pytest.mark.parametrize(
    ("config", "schedule"),
    [
        (ScheduleConfig(), LinearSchedule()),
        (ScheduleConfig(kind="cosine", exponent=2.5), CosineSchedule(2.5)),
        (ScheduleConfig(kind="polynomial", exponent=2.0), PolynomialSchedule(2.0)),
    ],
)
def test_schedule_is_the_one_that_is_named(config: ScheduleConfig, schedule: object):
    assert build_schedule(config) == schedule


@pytest.mark.parametrize(
    ("prior", "atoms", "bonds"),
    [
        ("uniform", [1 / 3] * 3, [0.25] * 4),
        ("marginal", [0.6, 0.3, 0.1], [0.7, 0.2, 0.07, 0.03]),
        ("absorbing", [0, 0, 0, 1], [0, 0, 0, 0, 1]),
    ],
)
def test_process_has_its_prior_and_its_schedules(prior: str, atoms: list[float], bonds: list[float]):
    config = ProcessConfig.parse({"prior": prior, "bond": {"kind": "cosine", "exponent": 1.5}}, source="test")
    process = build_process(config, STATISTICS)
    assert process.atom.noise_distribution.tolist() == pytest.approx(atoms)
    assert process.bond.noise_distribution.tolist() == pytest.approx(bonds)
    assert (process.atom.num_classes, process.bond.num_classes, process.pos.scale) == (3, 4, 1.4)
    assert (process.pos.schedule, process.bond.schedule) == (LinearSchedule(), CosineSchedule(1.5))


@pytest.mark.parametrize("prior", ["uniform", "marginal", "absorbing"])
def test_denoiser_takes_every_class_that_noise_can_have(prior: str):
    config = ModelConfig.parse({"process": {"prior": prior}, "network": TINY.model_dump()}, source="test")
    denoiser = build_denoiser(config, STATISTICS)
    last, n = len(denoiser.process.atom.noise_distribution) - 1, 3
    bond = torch.full((2, n, n), len(denoiser.process.bond.noise_distribution) - 1)
    state = State(torch.randn(2, n, 3), torch.full((2, n), last), bond, torch.ones(2, n, dtype=torch.bool))
    out = denoiser(state, Times.shared(torch.ones(2), n))
    assert out.atom.shape == (2, n, 3)
    assert out.bond.shape == (2, n, n, 4)


def test_denoiser_follows_its_seed_and_leaves_the_global_one_alone():
    config = ModelConfig(network=TINY)
    torch.manual_seed(11)
    expected = torch.rand(3)
    torch.manual_seed(11)
    weights = [build_denoiser(config, STATISTICS, seed=seed).state_dict() for seed in (1, 1, 2)]
    assert torch.equal(torch.rand(3), expected)
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    assert any(not torch.equal(weights[0][name], weights[2][name]) for name in weights[0])
