"""Settings of a property predictor's training."""

from typing import Annotated

from pydantic import Field, model_validator

from moldiff.config.base import Positive, Share, Subset
from moldiff.config.model import NetworkConfig
from moldiff.config.training import ValidatedRunConfig


class PropertyConfig(ValidatedRunConfig):
    """A network that predicts properties of clean molecules (`moldiff.network.property_model`), and how it is trained.

    `targets` are columns of the data as of `moldiff.data.columns`. The loss is the mean absolute error in standard
    deviations.
    """

    network: NetworkConfig = NetworkConfig(atom=128)
    targets: Annotated[tuple[str, ...], Field(min_length=1)] = ("alpha", "gap", "homo", "lumo", "mu", "cv")
    subset: Subset = (0.0, 1.0)
    learning_rate: Positive = 2e-3
    ema_length: Share = 0.05

    @model_validator(mode="after")
    def _reads_atoms_alone(self) -> "PropertyConfig":
        if self.network.reads_more:
            raise ValueError("network: a predictor has no longest_path and no latent_distances; leave them out")
        return self
