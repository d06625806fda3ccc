"""Weights bundles: a folder of JSON, safetensors and a card that holds all that sampling needs; no pickle, no code."""

import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import safetensors.torch
import torch
from pydantic import Field
from safetensors import SafetensorError, safe_open
from torch import Tensor

import moldiff
from moldiff.build import build_denoiser
from moldiff.chem.vocabulary import Vocabulary
from moldiff.config import ModelSettings, SamplerSettings
from moldiff.data.statistics import Statistics
from moldiff.diffusion.denoiser import NetworkDenoiser
from moldiff.errors import ConfigError, OutputError, VocabularyError, WeightsError
from moldiff.settings import Settings
from moldiff.weights import (
    AGAIN,
    CARD,
    CONFIG,
    STATISTICS,
    TENSORS,
    VOCABULARY,
    find_weights,
    read_json,
    read_statistics,
    read_text,
    what_came,
)

DTYPES = {"F32": torch.float32, "BF16": torch.bfloat16, "F16": torch.float16}


class BundleConfig(Settings):
    """What `config.json` says.

    Attributes:
        format: tells a bundle from other folders with a `config.json`.
        format_version: of the layout of the folder.
        moldiff_version: that wrote it.
        model: settings of process and network.
        sampler: that suits these weights.
    """

    format: Literal["moldiff-weights"] = "moldiff-weights"
    format_version: Literal[1] = 1
    moldiff_version: str = Field(default_factory=lambda: moldiff.__version__)
    model: ModelSettings
    sampler: SamplerSettings = SamplerSettings()


class _Labels(Settings):
    labels: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Bundle:
    """A trained model and what it knows of its data.

    Attributes:
        denoiser: float32, in evaluation mode, on the CPU; its `process` is the joint process.
        settings: of process and network.
        statistics: of the data it was trained on.
        vocabulary: the atom classes.
        sampler: that suits these weights.
        card: what it is, for people; Markdown.
    """

    denoiser: NetworkDenoiser
    settings: ModelSettings
    statistics: Statistics
    vocabulary: Vocabulary
    sampler: SamplerSettings
    card: str


def save_pretrained(
    folder: Path | str,
    denoiser: NetworkDenoiser,
    *,
    settings: ModelSettings,
    statistics: Statistics,
    card: str,
    sampler: SamplerSettings = SamplerSettings(),  # noqa: B008 - frozen
    dtype: torch.dtype = torch.float32,
    overwrite: bool = False,
) -> None:
    """Writes a bundle beside its place and renames, so that it is either whole or absent.

    Args:
        folder: to make.
        denoiser: the network with its weights.
        settings: it was built with.
        statistics: of the data it was trained on.
        card: what it is, for people; Markdown.
        sampler: that suits these weights.
        dtype: float32, bfloat16 or float16.
        overwrite: replace a bundle that is there; never any other folder.

    Raises:
        OutputError: if the folder exists and may not be replaced, or cannot be written.
        WeightsError: if a weight is not finite, or not in that dtype.
    """
    folder = Path(folder)
    if folder.exists() and not (overwrite and (folder / CONFIG).is_file() and (folder / TENSORS).is_file()):
        hint = "allow it to be overwritten, or name another" if (folder / TENSORS).is_file() else "name another"
        raise OutputError(f"{folder}: is already there; {hint}")
    tensors = {name: tensor.detach().to("cpu", dtype).contiguous() for name, tensor in denoiser.state_dict().items()}
    bad = next((name for name, tensor in tensors.items() if not bool(torch.isfinite(tensor).all())), None)
    if bad is not None:
        raise WeightsError(
            f"{folder}: not written: tensor {bad!r} is not finite in {dtype}; train on from a better one"
        )
    texts = {
        CONFIG: _json(BundleConfig(model=settings, sampler=sampler).model_dump()),
        VOCABULARY: _json({"labels": statistics.vocabulary}),
        STATISTICS: _json(statistics.to_dict()),
        CARD: card,
    }
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as beside:
            fresh = Path(beside) / "new"
            fresh.mkdir()
            (fresh / TENSORS).write_bytes(safetensors.torch.save(tensors))
            for name, text in texts.items():
                (fresh / name).write_text(text, encoding="utf-8")
            if folder.exists():
                os.rename(folder, Path(beside) / "old")
            os.rename(fresh, folder)
    except (OSError, SafetensorError) as error:
        raise OutputError(f"{folder}: the bundle cannot be written: {error}") from error


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
    try:
        config = BundleConfig.parse(read_json(folder / CONFIG), source=str(folder / CONFIG))
        labels = _Labels.parse(read_json(folder / VOCABULARY), source=str(folder / VOCABULARY)).labels
    except ConfigError as error:
        raise WeightsError(f"{error}; {AGAIN}") from error
    try:
        vocabulary = Vocabulary(labels)
    except VocabularyError as error:
        raise WeightsError(f"{folder / VOCABULARY}: {error}; {AGAIN}") from error
    if vocabulary.labels != statistics.vocabulary:
        raise WeightsError(
            f"{folder / VOCABULARY}: classes {', '.join(vocabulary.labels)}, but {STATISTICS} has "
            f"{', '.join(statistics.vocabulary)}; the files are of different bundles, {AGAIN}"
        )
    denoiser = _load_denoiser(folder / TENSORS, config.model, statistics)
    return Bundle(denoiser, config.model, statistics, vocabulary, config.sampler, read_text(folder / CARD))


def _load_denoiser(file: Path, settings: ModelSettings, statistics: Statistics) -> NetworkDenoiser:
    """Compares names, shapes and kinds with the network that the settings describe before it is built."""
    try:
        with safe_open(file, framework="pt") as stream:
            size, widest = file.stat().st_size, max(settings.network.model_dump().values())
            if widest > size:
                raise WeightsError(f"{file}: has {size} bytes, {CONFIG} asks for a width of {widest}; {AGAIN}")
            found = {name: stream.get_slice(name) for name in stream.keys()}  # noqa: SIM118
            kinds = {name: entry.get_dtype() for name, entry in found.items()}
            shapes = {name: tuple(entry.get_shape()) for name, entry in found.items()}
            with torch.device("meta"):
                expected = build_denoiser(settings, statistics).state_dict()
            _compare(file, {name: tuple(tensor.shape) for name, tensor in expected.items()}, shapes)
            strange = next((name for name, kind in kinds.items() if kind not in DTYPES), None)
            if strange is not None:
                raise WeightsError(f"{file}: tensor {strange!r} is {kinds[strange]}, expected one of {list(DTYPES)}")
            tensors: dict[str, Tensor] = {name: stream.get_tensor(name).float() for name in shapes}
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"{file}: {what_came(file, expected='safetensors file')} ({error}); {AGAIN}") from error
    bad = next((name for name, tensor in tensors.items() if not bool(torch.isfinite(tensor).all())), None)
    if bad is not None:
        raise WeightsError(f"{file}: tensor {bad!r} holds values that are not finite; {AGAIN}")
    denoiser = build_denoiser(settings, statistics)
    denoiser.load_state_dict(tensors)
    return denoiser.eval()  # still trainable: autocast keeps its bf16 copies of such weights only


def _compare(file: Path, expected: dict[str, tuple[int, ...]], shapes: dict[str, tuple[int, ...]]) -> None:
    for what, names in (
        ("is missing", expected.keys() - shapes.keys()),
        ("is unknown", shapes.keys() - expected.keys()),
    ):
        if names:
            first = min(names)
            raise WeightsError(f"{file}: tensor {first!r} {what} ({len(names)} such); it does not belong to {CONFIG}")
    for name, shape in expected.items():
        if shapes[name] != shape:
            came = " x ".join(map(str, shapes[name]))
            raise WeightsError(
                f"{file}: tensor {name!r} is {came}, {CONFIG} asks for {' x '.join(map(str, shape))}; {AGAIN}"
            )


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value, indent=2) + "\n"
