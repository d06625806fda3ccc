"""Typed settings of a model and of a training run: read from JSON, checked, saved with what they made."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from moldiff.settings import NotNegative, Positive, Settings, Share


class ScheduleSettings(Settings):
    """A noise schedule; the exponent is nu of `cosine` or p of `polynomial`, `linear` has none."""

    kind: Literal["linear", "cosine", "polynomial"] = "linear"
    exponent: Positive = 1.0

    @model_validator(mode="after")
    def _linear_has_none(self) -> "ScheduleSettings":
        if self.kind == "linear" and self.exponent != 1:
            raise ValueError("a linear schedule has no exponent; leave it out, or choose 'cosine' or 'polynomial'")
        return self


class ProcessSettings(Settings):
    """The joint process: a schedule for each variable and the stationary law of the classes."""

    pos: ScheduleSettings = ScheduleSettings()
    atom: ScheduleSettings = ScheduleSettings()
    bond: ScheduleSettings = ScheduleSettings()
    prior: Literal["uniform", "marginal", "absorbing"] = "marginal"


class NetworkSettings(Settings):
    """Sizes of the network; see `moldiff.network.blocks.Widths`."""

    num_blocks: Annotated[int, Field(ge=1, le=64)] = 6
    atom: Annotated[int, Field(ge=4)] = 192
    vector: Annotated[int, Field(ge=1)] = 16
    pair: Annotated[int, Field(ge=1)] = 48
    hidden: Annotated[int, Field(ge=1)] = 96
    heads: Annotated[int, Field(ge=1)] = 4
    lmax: Annotated[int, Field(ge=1, le=4)] = 1

    @model_validator(mode="after")
    def _heads_divide(self) -> "NetworkSettings":
        if self.atom % (2 * self.heads) or self.vector % self.heads:
            raise ValueError(f"heads {self.heads} must divide atom / 2 = {self.atom // 2} and vector = {self.vector}")
        return self


class ModelSettings(Settings):
    """What a weights bundle needs beside its tensors and statistics."""

    process: ProcessSettings = ProcessSettings()
    network: NetworkSettings = NetworkSettings()


class SamplerSettings(Settings):
    """How a walk goes from noise to molecules; weights carry what suits them.

    `solver` moves the coordinates: `multistep` (DPM-Solver++ 2M), `ddim` (with eta 0 and a linear schedule the straight
    flow) or `heun`; `eta` is the share of fresh noise of the first two, 1 for stochastic and 0 for deterministic steps.
    `pos_errors` are the errors of the weights that `multistep` allows for, Å. `churn` is the share of each step that
    fresh noise takes back, of all variables.

    `classes` moves atom and bond classes: `posterior` (mixture of the exact posteriors), `leaping` (tau-leaping), or
    `unmasking` (surest first, for absorbing noise). `temperature` divides their logits, `top_p` leaves out the least
    likely; 1 is exact. `class_churn` is how freely they change: in `posterior` the share that is drawn again, 0 to 1;
    in `leaping` jumps back and ahead; in `unmasking` the randomness of the order. `connectivity` above 0 favours bonds
    that keep a molecule in one piece, 1 as far as a tilt of the law does to first order; for large molecules.

    `grid` is `power`, `log`, `log_snr`, or the times themselves from 1 down to 0. In `power`, `grid_power` above 1
    makes steps finer near the data, `grid_focus` above 0 in the middle of the walk; `grid_end` is the time of the last
    evaluation. Where the coordinates are at time t, atom classes are at t^`atom_lead` and bonds at t^`bond_lead`.
    """

    solver: Literal["multistep", "ddim", "heun"] = "multistep"
    num_steps: Annotated[int, Field(ge=1, le=100_000)] = 50
    eta: Share = 1.0
    churn: Annotated[float, Field(ge=0, lt=1)] = 0.0
    classes: Literal["posterior", "leaping", "unmasking"] = "posterior"
    temperature: Positive = 0.7
    top_p: Annotated[float, Field(gt=0, le=1)] = 1.0
    class_churn: NotNegative = 0.0
    connectivity: NotNegative = 0.0
    grid: Literal["power", "log", "log_snr"] | Annotated[tuple[Share, ...], Field(min_length=2)] = "power"
    grid_power: Positive = 2.0
    grid_focus: Annotated[float, Field(ge=0, lt=1)] = 0.0
    grid_end: Annotated[float, Field(ge=0, lt=1)] = 0.0
    atom_lead: Positive = 1.0
    bond_lead: Positive = 1.0
    pos_errors: Annotated[tuple[NotNegative, ...], Field(max_length=1000)] = ()

    @model_validator(mode="after")
    def _fits_together(self) -> "SamplerSettings":
        if self.solver == "heun" and self.eta != 1:
            raise ValueError("eta is a setting of the solvers 'multistep' and 'ddim'; 'heun' is deterministic")
        if not isinstance(self.grid, str) and (
            self.grid[0] != 1 or self.grid[-1] != 0 or list(self.grid) != sorted(self.grid, reverse=True)
        ):
            raise ValueError("the times of a grid must fall from 1 to 0")
        if self.classes == "posterior" and self.class_churn > 1:
            raise ValueError(f"class_churn is a share of the classes 'posterior', at most 1, got {self.class_churn}")
        if len(self.pos_errors) == 1:
            raise ValueError("pos_errors needs two or more values, at even times from 0 to 1, or none")
        return self


# Where quality changes with the number of evaluations: decision 015. Everything else stays as the weights say.
PRESETS: dict[str, dict[str, int]] = {
    "fast": {"num_steps": 10},
    "balanced": {"num_steps": 20},
    "best": {"num_steps": 50},
}


class LossSettings(Settings):
    """Weights of the three losses; `pos_floor` (Å) bounds the weight of coordinates that are nearly clean.

    From the share `late_start` of the run on `late_pos_floor` takes its place: molecules first, then their sharpness.
    """

    pos: Annotated[float, Field(ge=0)] = 1.0
    atom: Annotated[float, Field(ge=0)] = 0.4
    bond: Annotated[float, Field(ge=0)] = 2.0
    pos_floor: Positive = 0.05
    late_pos_floor: Positive = 0.05
    late_start: Share = 1.0


def _ordered(ends: tuple[float, float]) -> tuple[float, float]:
    if ends[0] > ends[1]:
        raise ValueError("the least comes first, then the greatest")
    return ends


Range = Annotated[tuple[Positive, Positive], AfterValidator(_ordered)]
WALK = SamplerSettings(num_steps=20, class_churn=1.0, grid_focus=0.5, grid_end=0.02, atom_lead=2.5, bond_lead=3.5)


class RunSettings(Settings):
    """What the trainings of every kind have in common.

    The rate rises over `warmup_steps` and falls to nothing over the last `cooldown` of the run; the weights that are
    kept are an average over about its last `ema_length`. A batch has `pair_budget` atom pairs, in each of
    `num_processes` processes on each of `num_nodes` machines. `clip` bounds the norm of a gradient.
    """

    data: str = "qm9"
    seed: Annotated[int, Field(ge=0)] = 0
    num_molecules: Annotated[int, Field(ge=1)] = 2_000_000
    pair_budget: Annotated[int, Field(ge=1)] = 12_000
    learning_rate: Positive = 3e-3
    warmup_steps: Annotated[int, Field(ge=0)] = 300
    cooldown: Share = 0.8
    weight_decay: NotNegative = 0.01
    clip: Positive = 1.0
    ema_length: Share = 0.1
    precision: Literal["auto", "bf16", "float32"] = "auto"
    num_threads: Annotated[int, Field(ge=0)] = 1
    num_processes: Annotated[int, Field(ge=1, le=64)] = 1
    num_nodes: Annotated[int, Field(ge=1, le=1024)] = 1
    checkpoint_minutes: Positive = 5.0


class TrainingSettings(RunSettings):
    """A training run, complete: together with the data it determines the weights.

    The defaults are the recipe of `docs/decisions/016-changes.md`, found on QM9.
    `start` names weights to go on from, whose `model` is then used (`moldiff.transfer`); none starts from nothing. Of
    these, `low_rank` above 0 learns changes of that rank only (`moldiff.training.low_rank`).
    `sampler` is how its samples are drawn, and goes into the bundle. `time_end_density` is the density of the training
    times at t = 1 (`moldiff.training.module.draw_times`). `atom_lead` and `bond_lead` are the least and the greatest
    lead of the classes over the coordinates, drawn for each molecule: walks of any lead between suit the weights.
    `task_share` of the molecules come with a part that is known
    (`moldiff.training.tasks`), from the share `task_start` of the run on. `self_conditioning` is the share of the
    batches that see an earlier prediction; from the share `gap_start` of the run on it was made a step before, as in
    a walk, by `previous_gap` in the root of the time (`moldiff.training.module.draw_before`).

    `conditions` are columns of the data that the model learns to heed (`moldiff.data.columns`); the share
    `unconditional_share` of the molecules is told nothing (`moldiff.training.conditions`). `part` is the stretch of the
    train split, in an order drawn once and for all, that is trained on.
    """

    model: ModelSettings = ModelSettings()
    loss: LossSettings = LossSettings()
    sampler: SamplerSettings = WALK
    start: str | None = None
    low_rank: Annotated[int, Field(ge=0)] = 0
    conditions: tuple[str, ...] = ()
    unconditional_share: Share = 0.15
    part: Annotated[tuple[Share, Share], AfterValidator(_ordered)] = (0.0, 1.0)
    pair_budget: Annotated[int, Field(ge=1)] = 24_000
    self_conditioning: Share = 0.5
    previous_gap: Range = (0.01, 0.15)
    gap_start: Share = 0.0
    time_end_density: Annotated[float, Field(ge=0, le=2)] = 0.5
    atom_lead: Range = (1.0, 3.0)
    bond_lead: Range = (1.0, 4.0)
    task_share: Share = 0.2
    task_start: Share = 0.25
    sample_minutes: Annotated[float, Field(ge=0)] = 20.0
    num_scored: Annotated[int, Field(ge=1)] = 200


class DistillationSettings(RunSettings):
    """A student of other weights for walks of few evaluations, complete: together with them it determines its weights.

    `sampler` is what the walk of the student changes in that of the teacher (whose `pos_errors` stay); the walk goes
    into the student's bundle. In an update `batches_per_update` batches of walks are drawn, of `pair_budget` atom pairs
    each, shared out among the processes. `pos_weight` is the weight of the coordinates as decisions, `whole_weight`
    that of a molecule beside its atoms (`moldiff.training.policy`), `likeness_weight` that of being like the prepared
    `data` (`moldiff.training.environments`), which nothing else needs.
    """

    teacher: str = "qm9"
    sampler: dict[str, Any] = Field(
        default={
            "num_steps": 8, "eta": 0.3, "temperature": 0.7, "grid_focus": 0.3, "grid_end": 0.03, "atom_lead": 3.0,
            "bond_lead": 4.0, "connectivity": 0.0,
        }
    )  # fmt: skip
    num_molecules: Annotated[int, Field(ge=1)] = 45_000
    batches_per_update: Annotated[int, Field(ge=1)] = 12
    pos_weight: NotNegative = 0.3
    whole_weight: NotNegative = 0.3
    likeness_weight: NotNegative = 1.0
    learning_rate: Positive = 2e-4
    warmup_steps: Annotated[int, Field(ge=0)] = 5
    cooldown: Share = 0.5
    weight_decay: NotNegative = 0.0

    @model_validator(mode="after")
    def _batches_for_all(self) -> "DistillationSettings":
        together = self.num_processes * self.num_nodes
        if self.batches_per_update % together:
            raise ValueError(f"batches_per_update {self.batches_per_update} must be a multiple of {together} processes")
        return self

    def student(self, teacher: SamplerSettings) -> SamplerSettings:
        """The walk of the student, from that of the teacher."""
        return SamplerSettings.parse({**teacher.model_dump(), **self.sampler}, source="sampler of the student")


class PredictorSettings(RunSettings):
    """A network that predicts properties of clean molecules (`moldiff.network.property`), and how it is trained.

    `targets` are columns of the data as of `moldiff.data.columns`. The loss is the mean absolute error in standard
    deviations.
    """

    network: NetworkSettings = NetworkSettings(atom=128)
    targets: Annotated[tuple[str, ...], Field(min_length=1)] = ("alpha", "gap", "homo", "lumo", "mu", "cv")
    part: Annotated[tuple[Share, Share], AfterValidator(_ordered)] = (0.0, 1.0)
    learning_rate: Positive = 2e-3
    ema_length: Share = 0.05
