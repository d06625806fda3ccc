"""Settings of distillation."""

from typing import Annotated, Any

from pydantic import Field, model_validator

from moldiff.config.base import NotNegative, Positive, Share
from moldiff.config.model import CLASS_NAME
from moldiff.config.sampler import SamplerConfig
from moldiff.config.training import RunConfig


class DistillationConfig(RunConfig):
    """A student of other weights that samples with few NFE, complete: together with them it determines its weights.

    `sampler` is what the student changes in the teacher's sampler (whose `x0_std` stay); the result goes into the
    student's bundle. `network_class` is the class of the teacher's network, as `package.module:Class`, where it is
    from outside this package. In an update `batches_per_update` batches are sampled, of `pair_budget` atom pairs
    each, shared among the processes. `pos_weight` is the weight of the coordinates as decisions, `whole_weight`
    that of a molecule beside its atoms (`moldiff.training.distillation.policy`). `density_ratio_weight` is that of
    resembling the prepared `data` in the surroundings of atoms (`moldiff.training.distillation.environments`), and
    `ring_ratio_weight` that of resembling it in ring systems and numbers of rings
    (`moldiff.training.distillation.rings`); nothing else needs `data`. `teacher_weight` is that of predicting
    coordinates as the teacher does: what is valid does not say whether they are right.
    """

    teacher: str = "qm9"
    network_class: Annotated[str, Field(pattern=CLASS_NAME)] | None = None
    sampler: dict[str, Any] = Field(
        default={
            "num_steps": 8,
            "eta": 0.3,
            "temperature": 0.7,
            "grid_focus": 0.3,
            "grid_end": 0.03,
            "atom_time_exponent": 3.0,
            "bond_time_exponent": 4.0,
        }
    )
    num_training_molecules: Annotated[int, Field(ge=1)] = 45_000
    batches_per_update: Annotated[int, Field(ge=1)] = 12
    pos_weight: NotNegative = 0.3
    whole_weight: NotNegative = 0.3
    density_ratio_weight: NotNegative = 1.0
    ring_ratio_weight: NotNegative = 0.0
    teacher_weight: NotNegative = 0.0
    learning_rate: Positive = 2e-4
    warmup_steps: Annotated[int, Field(ge=0)] = 5
    cooldown: Share = 0.5
    weight_decay: NotNegative = 0.0

    @model_validator(mode="after")
    def _batches_for_all(self) -> "DistillationConfig":
        together = self.num_processes * self.num_nodes
        if self.batches_per_update % together:
            raise ValueError(f"batches_per_update {self.batches_per_update} must be a multiple of {together} processes")
        return self

    def student(self, teacher: SamplerConfig) -> SamplerConfig:
        """The sampler of the student, from that of the teacher; constraints of sampling are not trained."""
        plain = {"connectivity": 0.0, "valence": 0.0}
        return SamplerConfig.parse({**teacher.model_dump(), **plain, **self.sampler}, source="sampler of the student")
