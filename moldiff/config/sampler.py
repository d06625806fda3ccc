"""Settings of the sampler and its presets."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from moldiff.config.base import Config, NotNegative, Positive, Share


class SamplerConfig(Config):
    """How molecules are sampled from noise; weights carry what suits them.

    `solver` moves the coordinates: `multistep` (DPM-Solver++ 2M), `ddim` (with eta 0 and a linear schedule the straight
    flow) or `heun`; `eta` is the share of fresh noise of the first two, 1 for stochastic and 0 for deterministic steps.
    `x0_std` are the errors of the weights that `multistep` allows for, Å. `churn` is the share of each step that
    fresh noise takes back, of all variables.

    `classes` moves atom and bond classes: `posterior` (mixture of the exact posteriors), `leaping` (tau-leaping), or
    `unmasking` (surest first, for absorbing noise). `temperature` divides their logits, `top_p` leaves out the least
    likely; 1 is exact. `resample` is the share of the classes that `posterior` samples again in each step,
    `corrector_rate` the rate of the corrector jumps of `leaping`, `gumbel_noise` the randomness of the order in
    `unmasking`. `connectivity` above 0 favours bonds
    that keep a molecule in one piece, 1 as far as a tilt of the law does to first order; for large molecules. `valence`
    above 0 favours classes and bonds that fit each other, 1 as far as belief propagation does; the classes of the atoms
    of aromatic rings are then sampled together, so that there is a Kekulé form (`posterior` alone).
    It begins at the time `valence_time`: on what is still open such constraints count twice (decision 030).

    `grid` is `power`, `log`, `log_snr`, or the times themselves from 1 down to 0. In `power`, `grid_power` above 1
    makes steps finer near the data, `grid_focus` above 0 in the middle; `grid_end` is the time of the last
    evaluation. Where the coordinates are at time t, atom classes are at t^`atom_time_exponent`, bonds at
    t^`bond_time_exponent`, and latent hydrogens, whose errors are `latent_x0_std`, at t^`latent_time_exponent`.
    """

    solver: Literal["multistep", "ddim", "heun"] = "multistep"
    num_steps: Annotated[int, Field(ge=1, le=100_000)] = 50
    eta: Share = 1.0
    churn: Annotated[float, Field(ge=0, lt=1)] = 0.0
    classes: Literal["posterior", "leaping", "unmasking"] = "posterior"
    temperature: Positive = 0.7
    top_p: Annotated[float, Field(gt=0, le=1)] = 1.0
    resample: Share = 0.0
    corrector_rate: NotNegative = 0.0
    gumbel_noise: NotNegative = 0.0
    connectivity: NotNegative = 0.0
    valence: NotNegative = 0.0
    valence_time: Share = 0.3
    grid: Literal["power", "log", "log_snr"] | Annotated[tuple[Share, ...], Field(min_length=2)] = "power"
    grid_power: Positive = 2.0
    grid_focus: Annotated[float, Field(ge=0, lt=1)] = 0.0
    grid_end: Annotated[float, Field(ge=0, lt=1)] = 0.0
    atom_time_exponent: Positive = 1.0
    bond_time_exponent: Positive = 1.0
    latent_time_exponent: Positive = 1.0
    x0_std: Annotated[tuple[NotNegative, ...], Field(max_length=1000)] = ()
    latent_x0_std: Annotated[tuple[NotNegative, ...], Field(max_length=1000)] = ()

    @model_validator(mode="after")
    def _fits_together(self) -> "SamplerConfig":
        if self.solver == "heun" and self.eta != 1:
            raise ValueError("eta is a setting of the solvers 'multistep' and 'ddim'; 'heun' is deterministic")
        if not isinstance(self.grid, str) and (
            self.grid[0] != 1 or self.grid[-1] != 0 or list(self.grid) != sorted(self.grid, reverse=True)
        ):
            raise ValueError("the times of a grid must fall from 1 to 0")
        if 1 in (len(self.x0_std), len(self.latent_x0_std)):
            raise ValueError("x0_std needs two or more values, at even times from 0 to 1, or none")
        return self


# Where quality changes with the number of evaluations: decision 015; with few, classes and bonds hardly fit: 030.
PRESETS: dict[str, dict[str, float]] = {
    "fast": {"num_steps": 10, "valence": 1.0},
    "balanced": {"num_steps": 20},
    "best": {"num_steps": 50},
}
DEFAULT_SAMPLER = SamplerConfig(
    num_steps=20, resample=1.0, grid_focus=0.5, grid_end=0.02, atom_time_exponent=2.5, bond_time_exponent=3.5
)
