"""Settings of the noise process and of the network."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from moldiff.config.base import Config, Positive

CLASS_NAME = r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$"  # package.module:Class


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
    """The joint process: a schedule for each variable and the stationary distribution of the classes.

    `latent` is that of the latent hydrogens, where there are any.
    """

    pos: ScheduleConfig = ScheduleConfig()
    atom: ScheduleConfig = ScheduleConfig()
    bond: ScheduleConfig = ScheduleConfig()
    latent: ScheduleConfig = ScheduleConfig()
    prior: Literal["uniform", "marginal", "absorbing"] = "marginal"


class NetworkConfig(Config):
    """Sizes of the network; see `moldiff.network.blocks.Widths`.

    With `longest_path` above 1 it also reads paths of up to so many bonds, and so rings (`moldiff.network.rings`),
    with `latent_distances` the distances between latent hydrogens.
    """

    num_blocks: Annotated[int, Field(ge=1, le=64)] = 6
    atom: Annotated[int, Field(ge=4)] = 192
    vector: Annotated[int, Field(ge=1)] = 16
    pair: Annotated[int, Field(ge=1)] = 48
    hidden: Annotated[int, Field(ge=1)] = 96
    heads: Annotated[int, Field(ge=1)] = 4
    lmax: Annotated[int, Field(ge=1, le=4)] = 1
    longest_path: Annotated[int, Field(ge=0, le=16)] = 0
    latent_distances: bool = False

    @property
    def reads_more(self) -> bool:
        """Inputs that only a network that generates has."""
        return bool(self.longest_path) or self.latent_distances

    @model_validator(mode="after")
    def _heads_divide(self) -> "NetworkConfig":
        if self.longest_path == 1:
            raise ValueError("longest_path 1: expected 0 for none, or at least 2")
        if self.atom % (2 * self.heads) or self.vector % self.heads:
            raise ValueError(f"heads {self.heads} must divide atom / 2 = {self.atom // 2} and vector = {self.vector}")
        return self


class ModelConfig(Config):
    """What a weights bundle needs beside its tensors and statistics.

    `representation` is `explicit`, where every hydrogen is an atom, or `latent`, where hydrogens are folded into the
    atoms that they are bonded to (`moldiff.data.representation`); `decoder` has the sizes of the network that unfolds
    them.

    `bonds` is `kekule`, where every bond is single, double or triple, or `aromatic`, where those of aromatic rings are
    a class of their own (`moldiff.chem.aromaticity`); for latent hydrogens, whose numbers tell the Kekulé form.

    `network_class` names a network from outside this package, as `package.module:Class`; its constructor gets
    `network_options`, and `network` is not read. A run imports that class; a bundle only says which one it needs.
    """

    representation: Literal["explicit", "latent"] = "explicit"
    bonds: Literal["kekule", "aromatic"] = "kekule"
    process: ProcessConfig = ProcessConfig()
    network: NetworkConfig = NetworkConfig()
    decoder: NetworkConfig = NetworkConfig(num_blocks=3, atom=64, vector=16, pair=24, hidden=48)
    network_class: Annotated[str, Field(pattern=CLASS_NAME)] | None = None
    network_options: dict[str, Any] = Field(default_factory=dict)

    @property
    def aromatic(self) -> bool:
        """Aromatic bonds are a class of their own."""
        return self.bonds == "aromatic"

    @model_validator(mode="after")
    def _needs_latent_hydrogens(self) -> "ModelConfig":
        asked = {"bonds 'aromatic'": self.aromatic, "network.latent_distances": self.network.latent_distances}
        for name, is_asked in asked.items():
            if is_asked and self.representation != "latent":
                raise ValueError(f"{name}: needs representation 'latent'")
        if self.decoder.reads_more:
            raise ValueError("decoder: has no longest_path and no latent_distances; leave them out")
        return self

    @model_validator(mode="after")
    def _sizes_of_one_network(self) -> "ModelConfig":
        if self.network_class is None and self.network_options:
            raise ValueError("network_options are those of a network_class; name one, or leave them out")
        if self.network_class is not None and self.network != NetworkConfig():
            raise ValueError("network: a network_class has network_options instead; leave network out")
        return self
