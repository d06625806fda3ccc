"""From settings to objects: the only place that knows which name means which class."""

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from moldiff.chem.vocabulary import Vocabulary
from moldiff.config.model import ModelConfig, NetworkConfig, ProcessConfig, ScheduleConfig
from moldiff.config.sampler import SamplerConfig
from moldiff.data.statistics import Statistics
from moldiff.diffusion.categorical import CategoricalProcess, stationary
from moldiff.diffusion.denoiser import Network, NetworkDenoiser, NetworkFactory
from moldiff.diffusion.gaussian import GaussianProcess
from moldiff.diffusion.joint import JointProcess
from moldiff.diffusion.schedule import CosineSchedule, LinearSchedule, PolynomialSchedule, Schedule
from moldiff.errors import ConfigError
from moldiff.network.blocks import Widths
from moldiff.network.hydrogen_decoder import HydrogenDecoder
from moldiff.network.model import EquivariantNetwork
from moldiff.network.property_model import PropertyNetwork
from moldiff.sampling.continuous.base import ContinuousSolver
from moldiff.sampling.continuous.ddim import Ddim
from moldiff.sampling.continuous.dpm_solver import DpmSolver
from moldiff.sampling.continuous.heun import Heun
from moldiff.sampling.discrete.base import DiscreteSolver
from moldiff.sampling.discrete.posterior import MixturePosterior
from moldiff.sampling.discrete.tau_leaping import TauLeaping
from moldiff.sampling.discrete.unmasking import Unmasking
from moldiff.sampling.sampler import Solvers
from moldiff.sampling.time_grids import log_grid, log_snr_grid, power_grid, visit_twice
from moldiff.state import BOND_CLASSES, LATENT_WIDTH, TimeExponents

CONTINUOUS_SOLVERS: dict[str, Callable[[SamplerConfig], ContinuousSolver]] = {
    "ddim": lambda config: Ddim(config.eta),
    "heun": lambda config: Heun(),
    "multistep": lambda config: DpmSolver(torch.tensor(config.x0_std) if config.x0_std else None, config.eta),
}
DISCRETE_SOLVERS: dict[str, Callable[[SamplerConfig], DiscreteSolver]] = {
    "posterior": lambda config: MixturePosterior(config.temperature, config.top_p, config.resample),
    "leaping": lambda config: TauLeaping(config.temperature, config.top_p, config.corrector_rate),
    "unmasking": lambda config: Unmasking(config.temperature, config.top_p, config.gumbel_noise),
}
LOG_END = 0.002  # time of the last evaluation where a grid must have one and the settings leave it open


def build_schedule(config: ScheduleConfig) -> Schedule:
    """The schedule of one variable."""
    if config.kind == "linear":
        return LinearSchedule()
    return {"cosine": CosineSchedule, "polynomial": PolynomialSchedule}[config.kind](config.exponent)


def build_process(config: ProcessConfig, statistics: Statistics) -> JointProcess:
    """The joint process for data with these statistics."""
    atoms, bonds = torch.tensor(statistics.atom_marginals), torch.tensor(statistics.bond_marginals)
    return JointProcess(
        pos=GaussianProcess(build_schedule(config.pos), statistics.pos_scale),
        atom=CategoricalProcess(build_schedule(config.atom), stationary(config.prior, atoms), len(atoms)),
        bond=CategoricalProcess(build_schedule(config.bond), stationary(config.prior, bonds), len(bonds)),
        latent=GaussianProcess(build_schedule(config.latent), statistics.latent_scale or 1.0),
        latent_width=LATENT_WIDTH if statistics.latent_scale else 0,
    )


def build_denoiser(
    config: ModelConfig, statistics: Statistics, *, seed: int = 0, network: NetworkFactory | None = None
) -> NetworkDenoiser:
    """A denoiser with fresh weights, drawn from `seed` without changing the global random state.

    Args:
        config: of process and network.
        statistics: of the data.
        seed: of the weights.
        network: the class that the settings name, where they name one; nothing is imported here.

    Returns:
        The denoiser.

    Raises:
        ConfigError: if the statistics are of other bonds, the settings name a class and none is given, or it cannot be
            built with its options.
    """
    process = build_process(config.process, statistics)
    if config.aromatic != (process.bond.num_classes > BOND_CLASSES):
        raise ConfigError(
            f"bonds {config.bonds!r} do not go with statistics of {process.bond.num_classes} bond classes"
        )
    data = {
        "atom_classes": process.atom.num_classes,
        "atom_inputs": len(process.atom.noise_distribution),
        "bond_inputs": len(process.bond.noise_distribution),
        "scale": statistics.pos_scale,
        "label_classes": [len(condition.classes) for condition in statistics.conditions],
    }
    if process.latent_width:
        data |= {"latent_vectors": process.latent_width // 3, "latent_scale": statistics.latent_scale}
    if process.bond.num_classes != BOND_CLASSES:
        data |= {"bond_classes": process.bond.num_classes}
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        if config.network_class is None:
            sizes = config.network
            made = EquivariantNetwork(num_blocks=sizes.num_blocks, widths=_widths(sizes), **data)
        else:
            made = _build_foreign(config, network, data)
        hydrogens = _build_decoder(config.decoder, statistics) if process.latent_width else None
    return NetworkDenoiser(made, process, hydrogens)


def _build_decoder(sizes: NetworkConfig, statistics: Statistics) -> HydrogenDecoder:
    """Of the latent hydrogens."""
    return HydrogenDecoder(
        atom_classes=len(statistics.vocabulary),
        hydrogens=Vocabulary(statistics.vocabulary).hydrogens.tolist(),
        num_blocks=sizes.num_blocks,
        widths=_widths(sizes),
        scale=statistics.pos_scale,
        latent_scale=statistics.latent_scale,
        bond_classes=len(statistics.bond_marginals),
    )


def _build_foreign(config: ModelConfig, network: NetworkFactory | None, data: dict[str, Any]) -> torch.nn.Module:
    """The network that the settings name, of the class given."""
    if network is None:
        raise ConfigError(f"network {config.network_class}: the class has to be given; a name imports nothing here")
    try:
        made = network(**data, **config.network_options)
    except TypeError as error:
        raise ConfigError(f"network {config.network_class}: network_options: {error}") from error
    if not (isinstance(made, torch.nn.Module) and isinstance(made, Network)):
        raise ConfigError(
            f"network {config.network_class}: is no torch module with the methods class_slices, label_parameters and "
            "embeddings; see docs/extending.md"
        )
    return made


def build_predictor(config: NetworkConfig, statistics: Statistics, *, seed: int = 0) -> PropertyNetwork:
    """A network with fresh weights that predicts the conditions of these statistics."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return PropertyNetwork(
            atom_classes=len(statistics.vocabulary),
            num_targets=len(statistics.conditions),
            num_blocks=config.num_blocks,
            widths=_widths(config),
            scale=statistics.pos_scale,
        )


def _widths(sizes: NetworkConfig) -> Widths:
    return Widths(**sizes.model_dump(exclude={"num_blocks"}))


def build_grid(
    config: SamplerConfig,
    schedule: Schedule,
    num_steps: int | None = None,
    *,
    solver: ContinuousSolver | None = None,
) -> Float[Tensor, "steps"]:
    """The times of sampling with so many network evaluations, or as many as the settings say.

    Args:
        config: of the sampler.
        schedule: of the coordinates.
        num_steps: network evaluations; must be left out with explicit times.
        solver: of the coordinates, where it is not that of the settings.

    Returns:
        The times.

    Raises:
        ConfigError: if the settings do not make a grid.
    """
    if not isinstance(config.grid, str):
        if num_steps not in (None, config.num_steps, len(config.grid) - 1):
            raise ConfigError(
                f"grid: {len(config.grid)} explicit times make no {num_steps} steps; leave the number out"
            )
        return torch.tensor(config.grid)
    evaluations = config.num_steps if num_steps is None else num_steps
    visits = (solver or CONTINUOUS_SOLVERS[config.solver](config)).num_evaluations
    if visits not in (1, 2):
        raise ConfigError(f"solver: num_evaluations must be 1 or 2, got {visits}")
    steps = evaluations // 2 + 1 if visits == 2 else evaluations
    if config.grid == "power":
        grid = power_grid(steps, power=config.grid_power, focus=config.grid_focus, end=config.grid_end)
    elif config.grid == "log":
        grid = log_grid(steps, end=config.grid_end or LOG_END)
    else:
        grid = log_snr_grid(steps, schedule, end=config.grid_end or LOG_END)
    return visit_twice(grid, evaluations) if visits == 2 else grid


def build_time_exponents(config: SamplerConfig) -> TimeExponents:
    """The time exponents of the classes in sampling."""
    return TimeExponents(config.atom_time_exponent, config.bond_time_exponent, config.latent_time_exponent)


def build_solvers(
    config: SamplerConfig, *, continuous: ContinuousSolver | None = None, discrete: DiscreteSolver | None = None
) -> Solvers:
    """The solvers of the settings, or others in their place.

    Args:
        config: of the sampler.
        continuous: of the coordinates and the latents.
        discrete: of the atom and bond classes.

    Returns:
        The solvers.
    """
    of_latent = config.model_copy(update={"x0_std": config.latent_x0_std})
    return Solvers(
        pos=continuous or CONTINUOUS_SOLVERS[config.solver](config),
        classes=discrete or DISCRETE_SOLVERS[config.classes](config),
        latent=continuous or CONTINUOUS_SOLVERS[config.solver](of_latent),
    )
