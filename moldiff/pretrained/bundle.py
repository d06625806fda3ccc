"""Weights bundles: a folder of JSON, safetensors and a card that holds all that sampling needs; no pickle, no code."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import Field
from torch import Tensor

import moldiff
from moldiff.build import build_denoiser
from moldiff.chem.vocabulary import Vocabulary
from moldiff.config.base import Config, S
from moldiff.config.model import ModelConfig
from moldiff.config.sampler import SamplerConfig
from moldiff.data.statistics import Statistics
from moldiff.diffusion.denoiser import NetworkDenoiser
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
from moldiff.pretrained.tensors import read_tensors, write_bundle


class BundleConfig(Config):
    """What `config.json` says.

    Attributes:
        format: tells a bundle from other folders with a `config.json`.
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
    """A trained model and what it knows of its data.

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


def load_pretrained(path_or_name: Path | str) -> Bundle:
    """Reads a bundle from a folder, or one that ships with the package by its name.

    Args:
        path_or_name: of the folder; a name that ships with the package goes first, `./name` is always a folder.

    Returns:
        The bundle, checked in every part.

    Raises:
        WeightsError: one line that names the file, what came, and what to do.
    """
    folder = find_weights(path_or_name)
    statistics = read_statistics(folder)
    config = read_config(BundleConfig, folder / CONFIG)
    vocabulary = read_vocabulary(folder, statistics)
    denoiser = _load_denoiser(folder / TENSORS, config.model, statistics)
    return Bundle(denoiser, config.model, statistics, vocabulary, config.sampler, read_text(folder / CARD))


def read_config(kind: type[S], file: Path) -> S:
    """Settings in a file of a bundle; a `WeightsError` if they are others."""
    plain = read_json(file)
    came, wanted = plain.get("format"), getattr(kind.model_fields.get("format"), "default", None)
    if isinstance(came, str) and came in FORMATS and wanted in FORMATS and came != wanted:
        raise WeightsError(f"{file.parent}: holds {FORMATS[came]}, expected {FORMATS[wanted]}")
    try:
        return kind.parse(plain, source=str(file))
    except ConfigError as error:
        raise WeightsError(f"{error}; {AGAIN}") from error


def read_vocabulary(folder: Path, statistics: Statistics) -> Vocabulary:
    """The atom classes of a bundle; a `WeightsError` if they are none, or not those of its statistics."""
    labels = read_config(_Labels, folder / VOCABULARY).labels
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


def _load_denoiser(file: Path, config: ModelConfig, statistics: Statistics) -> NetworkDenoiser:
    """Compares names, shapes and kinds with the network that the settings describe before it is built."""

    def expected() -> dict[str, Tensor]:
        with torch.device("meta"):
            return build_denoiser(config, statistics).state_dict()

    tensors = read_tensors(file, expected, widest=max(config.network.model_dump().values()))
    denoiser = build_denoiser(config, statistics)
    denoiser.load_state_dict(tensors)
    return denoiser.eval()  # still trainable: autocast keeps its bf16 copies of such weights only


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value, indent=2) + "\n"
