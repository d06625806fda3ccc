"""From settings to objects: the only place that knows which name means which class."""

import torch
from jaxtyping import Float
from torch import Tensor

from moldiff.config.model import ModelSettings, NetworkSettings, ProcessSettings, ScheduleSettings
from moldiff.config.sampler import SamplerSettings
from moldiff.data.statistics import Statistics
from moldiff.diffusion.categorical import CategoricalProcess, stationary
from moldiff.diffusion.denoiser import NetworkDenoiser
from moldiff.diffusion.gaussian import GaussianProcess
from moldiff.diffusion.joint import JointProcess
from moldiff.diffusion.schedule import CosineSchedule, LinearSchedule, PolynomialSchedule, Schedule
from moldiff.errors import ConfigError
from moldiff.network.blocks import Widths
from moldiff.network.model import EquivariantNetwork
from moldiff.network.property_model import PropertyNetwork
from moldiff.sampling.continuous.base import PositionStepper
from moldiff.sampling.continuous.ddim import Ddim
from moldiff.sampling.continuous.dpm_solver import Multistep
from moldiff.sampling.continuous.heun import Heun
from moldiff.sampling.discrete.posterior import MixturePosterior
from moldiff.sampling.discrete.tau_leaping import TauLeaping
from moldiff.sampling.discrete.unmasking import Unmasking
from moldiff.sampling.sampler import Steppers
from moldiff.sampling.time_grids import log_grid, log_snr_grid, power_grid, visited_twice
from moldiff.state import Lead

LOG_END = 0.002  # time of the last evaluation where a grid must have one and the settings leave it open


def build_schedule(settings: ScheduleSettings) -> Schedule:
    """The schedule of one variable."""
    if settings.kind == "linear":
        return LinearSchedule()
    return {"cosine": CosineSchedule, "polynomial": PolynomialSchedule}[settings.kind](settings.exponent)


def build_process(settings: ProcessSettings, statistics: Statistics) -> JointProcess:
    """The joint process for data with these statistics."""
    atoms, bonds = torch.tensor(statistics.atom_marginals), torch.tensor(statistics.bond_marginals)
    return JointProcess(
        pos=GaussianProcess(build_schedule(settings.pos), statistics.pos_scale),
        atom=CategoricalProcess(build_schedule(settings.atom), stationary(settings.prior, atoms), len(atoms)),
        bond=CategoricalProcess(build_schedule(settings.bond), stationary(settings.prior, bonds), len(bonds)),
    )


def build_denoiser(settings: ModelSettings, statistics: Statistics, *, seed: int = 0) -> NetworkDenoiser:
    """A denoiser with fresh weights, drawn from `seed` without touching the global random state."""
    process = build_process(settings.process, statistics)
    sizes = settings.network
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = EquivariantNetwork(
            atom_classes=process.atom.num_classes,
            atom_inputs=len(process.atom.noise_law),
            bond_inputs=len(process.bond.noise_law),
            num_blocks=sizes.num_blocks,
            widths=_widths(sizes),
            scale=statistics.pos_scale,
            label_classes=[len(condition.classes) for condition in statistics.conditions],
        )
    return NetworkDenoiser(network, process)


def build_predictor(settings: NetworkSettings, statistics: Statistics, *, seed: int = 0) -> PropertyNetwork:
    """A network with fresh weights that predicts the conditions of these statistics."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return PropertyNetwork(
            atom_classes=len(statistics.vocabulary),
            num_targets=len(statistics.conditions),
            num_blocks=settings.num_blocks,
            widths=_widths(settings),
            scale=statistics.pos_scale,
        )


def _widths(sizes: NetworkSettings) -> Widths:
    return Widths(sizes.atom, sizes.vector, sizes.pair, sizes.hidden, sizes.heads, sizes.lmax)


def build_grid(settings: SamplerSettings, schedule: Schedule, num_steps: int | None = None) -> Float[Tensor, "steps"]:
    """The times of a walk of so many network evaluations, or as many as the settings say.

    Args:
        settings: of the sampler.
        schedule: of the coordinates.
        num_steps: network evaluations; must be left out with times by hand.

    Returns:
        The times.

    Raises:
        ConfigError: if the settings do not make a grid.
    """
    if not isinstance(settings.grid, str):
        if num_steps not in (None, settings.num_steps, len(settings.grid) - 1):
            raise ConfigError(
                f"grid: {len(settings.grid)} times by hand make no {num_steps} steps; leave the number out"
            )
        return torch.tensor(settings.grid)
    evaluations = settings.num_steps if num_steps is None else num_steps
    twice = settings.solver == "heun"
    steps = evaluations // 2 + 1 if twice else evaluations
    if settings.grid == "power":
        grid = power_grid(steps, power=settings.grid_power, focus=settings.grid_focus, end=settings.grid_end)
    elif settings.grid == "log":
        grid = log_grid(steps, end=settings.grid_end or LOG_END)
    else:
        grid = log_snr_grid(steps, schedule, end=settings.grid_end or LOG_END)
    return visited_twice(grid, evaluations) if twice else grid


def build_lead(settings: SamplerSettings) -> Lead:
    """The lead of the classes in a walk."""
    return Lead(settings.atom_lead, settings.bond_lead)


def build_steppers(settings: SamplerSettings) -> Steppers:
    """The algorithms of a walk."""
    errors = torch.tensor(settings.pos_errors) if settings.pos_errors else None
    pos: PositionStepper = {
        "ddim": Ddim(settings.eta), "heun": Heun(), "multistep": Multistep(errors, settings.eta),
    }[settings.solver]  # fmt: skip
    kind = {"posterior": MixturePosterior, "leaping": TauLeaping, "unmasking": Unmasking}[settings.classes]
    return Steppers(pos=pos, classes=kind(settings.temperature, settings.top_p, settings.class_churn))
