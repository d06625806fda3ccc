"""Weights bundles: a folder of JSON, safetensors and a card that holds all that sampling needs; no pickle, no code."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar, cast

import torch
from pydantic import Field

import moldiff
from moldiff.build import build_denoiser
from moldiff.chem.vocabulary import Vocabulary
from moldiff.config.base import Config
from moldiff.config.model import ModelConfig
from moldiff.config.sampler import SamplerConfig
from moldiff.data.statistics import Statistics
from moldiff.diffusion.denoiser import NetworkDenoiser, NetworkFactory
from moldiff.errors import ConfigError, VocabularyError, WeightsError
from moldiff.pretrained.format import (
    AGAIN,
    CARD,
    CONFIG,
    FORMATS,
    STATISTICS,
    TENSORS,
    VOCABULARY,
    find_weights,
    read_json,
    read_statistics,
    read_text,
)
from moldiff.pretrained.tensors import load_module, write_bundle

C = TypeVar("C", bound=Config)


class BundleConfig(Config):
    """What `config.json` says.

    Attributes:
        format: distinguishes a bundle from other folders with a `config.json`.
        format_version: of the layout of the folder.
        moldiff_version: that wrote it.
        model: settings of process and network.
        sampler: that suits these weights.
    """

    format: Literal["moldiff-weights"] = "moldiff-weights"
    format_version: Literal[2] = 2
    moldiff_version: str = Field(default_factory=lambda: moldiff.__version__)
    model: ModelConfig
    sampler: SamplerConfig = SamplerConfig()


class _Labels(Config):
    labels: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Bundle:
    """A trained model, and the statistics of its data.

    Attributes:
        denoiser: float32, in evaluation mode, on the CPU; its `process` is the joint process.
        config: of process and network.
        statistics: of the data it was trained on.
        vocabulary: the atom classes.
        sampler: that suits these weights.
        card: what it is, for people; Markdown.
    """

    denoiser: NetworkDenoiser
    config: ModelConfig
    statistics: Statistics
    vocabulary: Vocabulary
    sampler: SamplerConfig
    card: str

    def save(self, folder: Path | str, *, overwrite: bool = False) -> None:
        """Writes the bundle; see `save_pretrained`."""
        save_pretrained(
            folder,
            self.denoiser,
            config=self.config,
            statistics=self.statistics,
            card=self.card,
            sampler=self.sampler,
            overwrite=overwrite,
        )

    @property
    def network(self) -> NetworkFactory | None:
        """Class of the network, where it is from outside this package."""
        return None if self.config.network_class is None else cast(NetworkFactory, type(self.denoiser.network))


def save_pretrained(
    folder: Path | str,
    denoiser: NetworkDenoiser,
    *,
    config: ModelConfig,
    statistics: Statistics,
    card: str,
    sampler: SamplerConfig = SamplerConfig(),  # noqa: B008 - frozen
    dtype: torch.dtype = torch.float32,
    overwrite: bool = False,
) -> None:
    """Writes a bundle beside its place and renames, so that it is either whole or absent.

    Args:
        folder: to make.
        denoiser: the network with its weights.
        config: it was built with.
        statistics: of the data it was trained on.
        card: what it is, for people; Markdown.
        sampler: that suits these weights.
        dtype: float32, bfloat16 or float16.
        overwrite: replace a bundle that is there; never any other folder.

    An `OutputError` or `WeightsError` of `moldiff.pretrained.tensors.write_bundle` if that is not possible.
    """
    texts = texts_of(BundleConfig(model=config, sampler=sampler), statistics, card)
    write_bundle(Path(folder), texts, denoiser.state_dict(), dtype=dtype, overwrite=overwrite)


def texts_of(config: Config, statistics: Statistics, card: str) -> dict[str, str]:
    """What stands beside the tensors, by the name of the file."""
    return {
        CONFIG: _json(config.model_dump()),
        VOCABULARY: _json({"labels": statistics.vocabulary}),
        STATISTICS: _json(statistics.to_dict()),
        CARD: card,
    }


def load_pretrained(path_or_name: Path | str, *, network: NetworkFactory | None = None) -> Bundle:
    """Reads a bundle from a folder, or one that ships with the package by its name.

    Args:
        path_or_name: of the folder; a name that ships with the package goes first, `./name` is always a folder.
        network: class of the network, where the bundle was made with one from outside this package; a bundle never
            imports code.

    Returns:
        The bundle, checked in every part.

    Raises:
        WeightsError: one line that names the file, what came, and what to do.
    """
    folder = find_weights(path_or_name)
    content = read_folder(folder, BundleConfig)
    model = content.config.model
    if (network is None) != (model.network_class is None):
        raise WeightsError(
            f"{folder / CONFIG}: the network is moldiff's own; leave network out"
            if model.network_class is None
            else f"{folder / CONFIG}: the network is {model.network_class}, which is not imported from a bundle; "
            f"give the class: --network {model.network_class} in a shell, network=CLASS in Python, "
            "network_class in settings"
        )

    def build() -> NetworkDenoiser:
        try:
            return build_denoiser(model, content.statistics, network=network)
        except ConfigError as error:
            raise WeightsError(f"{folder / CONFIG}: {error}") from error

    options = [value for value in model.network_options.values() if isinstance(value, int)]
    denoiser = load_module(folder / TENSORS, build, widest=max([*model.network.model_dump().values(), *options]))
    return Bundle(
        denoiser, model, content.statistics, content.vocabulary, content.config.sampler, read_text(folder / CARD)
    )


@dataclass(frozen=True)
class FolderContent(Generic[C]):
    """What a folder of weights of any kind holds beside its tensors and its card.

    Attributes:
        config: its settings.
        statistics: of the data.
        vocabulary: the atom classes.
    """

    config: C
    statistics: Statistics
    vocabulary: Vocabulary


def read_folder(folder: Path, kind: type[C]) -> FolderContent[C]:
    """What stands in a folder of weights; a `WeightsError` if a file is broken, or belongs to another bundle."""
    statistics = read_statistics(folder)
    config = _read_config(kind, folder / CONFIG)
    return FolderContent(config, statistics, _read_vocabulary(folder, statistics))


def _read_config(kind: type[C], file: Path) -> C:
    """Settings in a file of a bundle; a `WeightsError` if they are others."""
    plain = read_json(file)
    came, wanted = plain.get("format"), getattr(kind.model_fields.get("format"), "default", None)
    if isinstance(came, str) and came in FORMATS and wanted in FORMATS and came != wanted:
        raise WeightsError(f"{file.parent}: holds {FORMATS[came]}, expected {FORMATS[wanted]}")
    try:
        return kind.parse(plain, source=str(file))
    except ConfigError as error:
        raise WeightsError(f"{error}; {AGAIN}") from error


def _read_vocabulary(folder: Path, statistics: Statistics) -> Vocabulary:
    """The atom classes of a bundle; a `WeightsError` if they are none, or not those of its statistics."""
    labels = _read_config(_Labels, folder / VOCABULARY).labels
    try:
        vocabulary = Vocabulary(labels)
    except VocabularyError as error:
        raise WeightsError(f"{folder / VOCABULARY}: {error}; {AGAIN}") from error
    if vocabulary.labels != statistics.vocabulary:
        raise WeightsError(
            f"{folder / VOCABULARY}: classes {', '.join(vocabulary.labels)}, but {STATISTICS} has "
            f"{', '.join(statistics.vocabulary)}; the files are of different bundles, {AGAIN}"
        )
    return vocabulary


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value, indent=2) + "\n"
