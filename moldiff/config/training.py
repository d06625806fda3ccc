"""Typed settings of a model and of a training run: read from JSON, checked, saved with what they made."""

from typing import Annotated, Literal

from pydantic import Field

from moldiff.config.base import Config, NotNegative, Positive, Range, Share, Subset
from moldiff.config.model import ModelConfig
from moldiff.config.sampler import DEFAULT_SAMPLER, SamplerConfig


class LossConfig(Config):
    """Weights of the losses; `pos_floor` (Å) bounds the weight of coordinates and latents that are nearly clean.

    `latent` is that of the latents, `hydrogens` that of the decoder, which no other weights share.
    From the share `late_start` of the run on `late_pos_floor` takes its place: molecules first, then their sharpness.
    """

    pos: Annotated[float, Field(ge=0)] = 1.0
    atom: Annotated[float, Field(ge=0)] = 0.4
    bond: Annotated[float, Field(ge=0)] = 2.0
    latent: Annotated[float, Field(ge=0)] = 0.5
    hydrogens: Annotated[float, Field(ge=0)] = 0.1
    pos_floor: Positive = 0.05
    late_pos_floor: Positive = 0.05
    late_start: Share = 1.0


class RunConfig(Config):
    """What the trainings of every kind have in common.

    The rate rises over `warmup_steps` and falls to nothing over the last `cooldown` of the run; the weights that are
    kept are an average over about its last `ema_length`. A batch has `pair_budget` atom pairs, in each of
    `num_processes` processes on each of `num_nodes` machines. `clip` bounds the norm of a gradient.
    """

    data: str = "qm9"
    seed: Annotated[int, Field(ge=0)] = 0
    num_training_molecules: Annotated[int, Field(ge=1)] = 2_000_000
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


class ValidatedRunConfig(RunConfig):
    """A training with a loss on held-out molecules.

    Every `validation_interval` steps, and at the end, the averaged weights are tried on the first
    `num_validation_molecules` of the validation split in a fixed random order; 0 steps for never.
    """

    validation_interval: Annotated[int, Field(ge=0)] = 1000
    num_validation_molecules: Annotated[int, Field(ge=1)] = 256


class TrainingConfig(ValidatedRunConfig):
    """A training run, complete: together with the data it determines the weights.

    The defaults are the recipe of `docs/decisions/016-changes.md`, found on QM9.
    `start` names weights to go on from, whose `model` is then used (`moldiff.training.denoiser.finetuning`); none
    starts from nothing. Of these, `low_rank` above 0 learns changes of that rank only (`moldiff.training.lora`).
    `sampler` is how its samples are drawn, and goes into the bundle. `time_end_density` is the density of the training
    times at t = 1 (`moldiff.training.denoiser.times.sample_times`). `atom_time_exponent`, `bond_time_exponent` and
    `latent_time_exponent` are the least and the greatest time exponent, sampled for each molecule: sampling with any
    exponent between suits the weights. `inpainting_probability` of the molecules have known atoms
    (`moldiff.training.denoiser.inpainting_masks`), from the share `inpainting_start` of the run on.
    `self_conditioning` is the share of the batches that see an earlier prediction. From the share
    `self_conditioning_gap_start` of the run on, it was made one step before, as in sampling, by
    `self_conditioning_gap` in the root of the time (`moldiff.training.denoiser.times.sample_previous_times`).

    With `chemistry`, as of `moldiff score --chemistry`, the samples of a run are also compared with other molecules.

    `conditions` are columns of the data that the model is conditioned on (`moldiff.data.columns`); for the share
    `condition_dropout` of the molecules they are dropped (`moldiff.conditions.dropout`). `subset` is the range of the
    train split, in a fixed random order, that is trained on.
    """

    model: ModelConfig = ModelConfig()
    loss: LossConfig = LossConfig()
    sampler: SamplerConfig = DEFAULT_SAMPLER
    start: str | None = None
    low_rank: Annotated[int, Field(ge=0)] = 0
    conditions: tuple[str, ...] = ()
    condition_dropout: Share = 0.15
    subset: Subset = (0.0, 1.0)
    pair_budget: Annotated[int, Field(ge=1)] = 24_000
    self_conditioning: Share = 0.5
    self_conditioning_gap: Range = (0.01, 0.15)
    self_conditioning_gap_start: Share = 0.0
    time_end_density: Annotated[float, Field(ge=0, le=2)] = 0.5
    atom_time_exponent: Range = (1.0, 3.0)
    bond_time_exponent: Range = (1.0, 4.0)
    latent_time_exponent: Range = (0.7, 1.5)
    inpainting_probability: Share = 0.2
    inpainting_start: Share = 0.25
    sample_minutes: Annotated[float, Field(ge=0)] = 20.0
    num_scored: Annotated[int, Field(ge=1)] = 200
    chemistry: str | None = None
