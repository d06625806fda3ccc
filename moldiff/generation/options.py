"""Options that all calls of a generator share."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, Field, ValidationError

from moldiff.config.base import Config, NotNegative, Positive, Share, shorten
from moldiff.config.sampler import PRESETS, SamplerConfig
from moldiff.errors import ConfigError


def _solver(value: Any) -> Any:
    if not callable(getattr(value, "step", None)):
        raise ValueError("a solver has a method `step(z_t, x0_hat, interval, memory)`")
    return value


OBJECTS = ("solver", "classes")  # may be objects in the place of names


def _checked_init(self: Any, **values: Any) -> None:
    """Checks the values of `SamplingOptions`.

    Args:
        self: the options.
        **values: the fields.

    Raises:
        ConfigError: one line that names the option and what is wrong with it.
    """
    try:
        Config.__init__(self, **values)
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]) if first["loc"] else "options"
        if first["type"] == "extra_forbidden":
            raise ConfigError(f"SamplingOptions: unknown option {name!r}{type(self)._near((name,))}") from error
        what = "expected a SamplerConfig; `solver` names a solver" if name == "sampler" else first["msg"]
        raise ConfigError(f"SamplingOptions: {name}: {what}, got {shorten(first['input'])}") from error


class SamplingOptions(Config):
    """How to sample. None leaves a setting as the weights have it.

    Settings of the sampler replace those of the weights one by one; `moldiff.config.sampler.SamplerConfig` has more on
    them.

    Attributes:
        sampler: replaces the whole sampler of the weights.
        preset: 10, 20 or 50 network evaluations; with 10, `valence` is 1.
        solver: of the coordinates, by its name, or an object of your own as of
            `moldiff.sampling.continuous.base.ContinuousSolver`.
        num_steps: network evaluations for each molecule.
        eta: share of fresh noise of the solver: 1 stochastic, 0 deterministic.
        churn: share of each step that fresh noise takes back.
        classes: solver of atom and bond classes, by its name, or an object as of
            `moldiff.sampling.discrete.base.DiscreteSolver`.
        temperature: divides the logits of classes.
        top_p: leaves out the least likely classes; 1 is exact.
        resample: of `posterior`: share of the classes that each step samples again.
        corrector_rate: of `leaping`: rate of additional jumps.
        gumbel_noise: of `unmasking`: randomness of the order.
        connectivity: above 0 favours bonds that keep a molecule in one piece.
        valence: above 0 favours atom classes and bonds that fit each other; aromatic rings get a Kekulé form where
            `classes` is `posterior`.
        valence_time: time from which on, 1 noise to 0 data.
        grid: of times, by name, or the times themselves from 1 down to 0.
        grid_power: above 1 makes steps finer near the data.
        grid_focus: above 0 makes steps finer in the middle.
        grid_end: time of the last evaluation.
        atom_time_exponent: coordinates at time t, atom classes at t to this power.
        bond_time_exponent: the same of bond classes.
        latent_time_exponent: the same of latent hydrogens.
        x0_std: errors of x0_hat at even times, Å.
        latent_x0_std: the same of latent hydrogens.
        batch_size: most molecules in one network evaluation; by default by a budget in atom pairs. Changes no molecule.
        first: index of the first sample, to continue where another call ended.
        num_heavy_atoms: one number of heavy atoms, or the least and the greatest; for weights with latent hydrogens.
        allow_extrapolation: sizes outside the trained range give a warning instead of an error.
        guidance_interval: times of the coordinates within which guidance counts.
        resample_every: steps from one comparison of particles to the next.
        resample_until: time of the coordinates, 1 noise to 0 data, below which particles are no longer compared.
        trajectories: keep all states of each sample; they take `num_steps` times the memory.
        on_step: called after each network evaluation with the number of molecules that it was for; on the CPU from as
            many threads as torch has. It may raise KeyboardInterrupt.
    """

    sampler: SamplerConfig | None = None
    preset: Literal["fast", "balanced", "best"] | None = None
    solver: Literal["multistep", "ddim", "heun"] | Annotated[Any, AfterValidator(_solver)] = None
    num_steps: Annotated[int, Field(ge=1, le=100_000)] | None = None
    eta: Share | None = None
    churn: Annotated[float, Field(ge=0, lt=1)] | None = None
    classes: Literal["posterior", "leaping", "unmasking"] | Annotated[Any, AfterValidator(_solver)] = None
    temperature: Positive | None = None
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    resample: Share | None = None
    corrector_rate: NotNegative | None = None
    gumbel_noise: NotNegative | None = None
    connectivity: NotNegative | None = None
    valence: NotNegative | None = None
    valence_time: Share | None = None
    grid: Literal["power", "log", "log_snr"] | tuple[Share, ...] | None = None
    grid_power: Positive | None = None
    grid_focus: Annotated[float, Field(ge=0, lt=1)] | None = None
    grid_end: Annotated[float, Field(ge=0, lt=1)] | None = None
    atom_time_exponent: Positive | None = None
    bond_time_exponent: Positive | None = None
    latent_time_exponent: Positive | None = None
    x0_std: tuple[NotNegative, ...] | None = None
    latent_x0_std: tuple[NotNegative, ...] | None = None
    batch_size: Annotated[int, Field(ge=1)] | None = None
    first: Annotated[int, Field(ge=0)] = 0
    num_heavy_atoms: int | tuple[int, int] | None = None
    allow_extrapolation: bool = False
    guidance_interval: tuple[float, float] = (0.0, 1.0)
    resample_every: Annotated[int, Field(ge=1)] = 2
    resample_until: Share = 0.3
    trajectories: bool = False
    on_step: Callable[[int], None] | None = None

    if not TYPE_CHECKING:  # editors see the fields as arguments
        __init__ = _checked_init

    def sampler_for(self, default: SamplerConfig) -> SamplerConfig:
        """The sampler of the weights with these options.

        Args:
            default: of the weights.

        Returns:
            The sampler; a `ConfigError` if its settings do not fit together.
        """
        base = self.sampler or default
        values = {name: getattr(self, name) for name in SamplerConfig.model_fields}
        own = {
            name: value
            for name, value in values.items()
            if value is not None and (name not in OBJECTS or isinstance(value, str))
        }
        changes = (PRESETS[self.preset] if self.preset else {}) | own
        return SamplerConfig.parse(base.model_dump() | changes, source="SamplingOptions") if changes else base

    def solver_objects(self) -> tuple[Any, Any]:
        """The solvers of coordinates and of classes that are objects; None where a name or nothing is given."""
        return (
            None if isinstance(self.solver, str) else self.solver,
            None if isinstance(self.classes, str) else self.classes,
        )


DEFAULT_OPTIONS = SamplingOptions()
