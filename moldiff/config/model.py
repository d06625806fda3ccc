"""Settings of the noise process and of the network."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from moldiff.config.base import Config, Positive


class ScheduleConfig(Config):
    """A noise schedule; the exponent is nu of `cosine` or p of `polynomial`, `linear` has none."""

    kind: Literal["linear", "cosine", "polynomial"] = "linear"
    exponent: Positive = 1.0

    @model_validator(mode="after")
    def _linear_has_none(self) -> "ScheduleConfig":
        if self.kind == "linear" and self.exponent != 1:
            raise ValueError("a linear schedule has no exponent; leave it out, or choose 'cosine' or 'polynomial'")
        return self


class ProcessConfig(Config):
    """The joint process: a schedule for each variable and the stationary law of the classes."""

    pos: ScheduleConfig = ScheduleConfig()
    atom: ScheduleConfig = ScheduleConfig()
    bond: ScheduleConfig = ScheduleConfig()
    prior: Literal["uniform", "marginal", "absorbing"] = "marginal"


class NetworkConfig(Config):
    """Sizes of the network; see `moldiff.network.blocks.Widths`."""

    num_blocks: Annotated[int, Field(ge=1, le=64)] = 6
    atom: Annotated[int, Field(ge=4)] = 192
    vector: Annotated[int, Field(ge=1)] = 16
    pair: Annotated[int, Field(ge=1)] = 48
    hidden: Annotated[int, Field(ge=1)] = 96
    heads: Annotated[int, Field(ge=1)] = 4
    lmax: Annotated[int, Field(ge=1, le=4)] = 1

    @model_validator(mode="after")
    def _heads_divide(self) -> "NetworkConfig":
        if self.atom % (2 * self.heads) or self.vector % self.heads:
            raise ValueError(f"heads {self.heads} must divide atom / 2 = {self.atom // 2} and vector = {self.vector}")
        return self


class ModelConfig(Config):
    """What a weights bundle needs beside its tensors and statistics."""

    process: ProcessConfig = ProcessConfig()
    network: NetworkConfig = NetworkConfig()
