"""Typed settings of a model and of a training run: read from JSON, checked, saved with what they made."""

from typing import Annotated, Literal

from pydantic import Field

from moldiff.config.base import NotNegative, Positive, Range, Settings, Share, Subset
from moldiff.config.model import ModelSettings
from moldiff.config.sampler import WALK, SamplerSettings


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
    `start` names weights to go on from, whose `model` is then used (`moldiff.training.denoiser.finetuning`); none
    starts from nothing. Of these, `low_rank` above 0 learns changes of that rank only (`moldiff.training.lora`).
    `sampler` is how its samples are drawn, and goes into the bundle. `time_end_density` is the density of the training
    times at t = 1 (`moldiff.training.denoiser.times.draw_times`). `atom_lead` and `bond_lead` are the least and the
    greatest lead of the classes over the coordinates, drawn for each molecule: walks of any lead between suit the
    weights. `task_share` of the molecules come with a part that is known
    (`moldiff.training.denoiser.inpainting_masks`), from the share `task_start` of the run on. `self_conditioning` is
    the share of the batches that see an earlier prediction; from the share `gap_start` of the run on it was made a
    step before, as in a walk, by `previous_gap` in the root of the time
    (`moldiff.training.denoiser.times.draw_before`).

    `conditions` are columns of the data that the model learns to heed (`moldiff.data.columns`); the share
    `unconditional_share` of the molecules is told nothing (`moldiff.conditions.dropout`). `part` is the stretch of the
    train split, in an order drawn once and for all, that is trained on.
    """

    model: ModelSettings = ModelSettings()
    loss: LossSettings = LossSettings()
    sampler: SamplerSettings = WALK
    start: str | None = None
    low_rank: Annotated[int, Field(ge=0)] = 0
    conditions: tuple[str, ...] = ()
    unconditional_share: Share = 0.15
    part: Subset = (0.0, 1.0)
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
