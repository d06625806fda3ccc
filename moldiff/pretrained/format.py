"""Bundles that ship with the package, and how to find and read one; needs no torch."""

import json
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from moldiff.data.domain import Domain
from moldiff.data.statistics import Statistics
from moldiff.errors import DataError, DomainError, SizeError, VocabularyError, WeightsError

CONFIG, TENSORS, VOCABULARY, STATISTICS, CARD = (
    "config.json",
    "model.safetensors",
    "vocabulary.json",
    "statistics.json",
    "card.md",
)
FORMATS = {"moldiff-weights": "the weights of a generator", "moldiff-predictor": "a predictor of properties"}
AGAIN = "fetch or export the bundle again"
AUTO_ORDER = {"generator": ("qm9", "druglike"), "predictor": ("qm9-properties",)}  # which `auto` tries in turn
Obstacle = Callable[[Domain], DomainError | None]  # why something lies outside a domain
_HERE = Path(__file__).parents[1] / "weights"


def shipped_weights() -> list[str]:
    """Names of the bundles inside the package."""
    return sorted(path.parent.name for path in _HERE.glob(f"*/{CONFIG}"))


def shipped_predictors() -> dict[str, list[str]]:
    """Names of the predictors inside the package, with the properties that they predict."""
    kinds = {name: read_json(_HERE / name / CONFIG).get("format") for name in shipped_weights()}
    predictors = [name for name, kind in kinds.items() if kind == "moldiff-predictor"]
    return {name: [one.name for one in read_statistics(_HERE / name).conditions] for name in predictors}


def find_weights(path_or_name: Path | str) -> Path:
    """The folder of a bundle: a name that ships with the package, or else a path; neither is a `WeightsError`."""
    names = shipped_weights()
    if path_or_name in names:
        return _HERE / str(path_or_name)
    folder = Path(path_or_name)
    try:
        there = folder.is_dir()
        missing = [name for name in (CONFIG, TENSORS, VOCABULARY, STATISTICS, CARD) if not (folder / name).is_file()]
    except OSError as error:
        raise WeightsError(f"{folder}: cannot be read: {error.strerror}") from error
    if not there:
        raise WeightsError(
            f"weights {str(path_or_name)!r}: no such folder, and not shipped with this package, which has: "
            f"{', '.join(names) or 'none'}"
        )
    if missing:
        raise WeightsError(f"{folder}: is no complete weights bundle, {', '.join(missing)} is missing; {AGAIN}")
    return folder


def read_statistics(folder: Path) -> Statistics:
    """The statistics of the data of weights; anything else in the file is a `WeightsError`."""
    file = folder / STATISTICS
    try:
        return Statistics.from_dict(read_json(file), source=str(file))
    except DataError as error:
        raise WeightsError(f"{file}: {str(error).removeprefix(f'{file}: ')}; {AGAIN}") from error


@cache
def shipped_domain(name: str) -> Domain:
    """The molecules that shipped weights were trained on."""
    return read_statistics(_HERE / name).domain


def choose_weights(obstacle: Obstacle, *, label: str = "", allow_extrapolation: bool = False) -> str:
    """The first of the shipped weights whose domain holds a molecule.

    Args:
        obstacle: of the molecule.
        label: of the molecule, for the message.
        allow_extrapolation: where none holds it, take one with its size, or else the last with its atom classes.

    Returns:
        Their name.

    Raises:
        DomainError: if there are none; it names what each of them lacks.
    """
    found = {name: obstacle(shipped_domain(name)) for name in AUTO_ORDER["generator"]}
    usable = [name for name, error in found.items() if error is None]
    if not usable and allow_extrapolation:
        possible = {name: error for name, error in found.items() if not isinstance(error, VocabularyError)}
        of_size = [name for name, error in possible.items() if not isinstance(error, SizeError)]
        usable = of_size or list(possible)[-1:]
    if usable:
        return usable[0]
    errors = [error for error in found.values() if error is not None]
    reasons = "; ".join(f"{error} ({name})" for name, error in found.items())
    raise type(errors[-1])(f"{_before(label)}{reasons}; {_remedy(errors)}")


def refuse_outside(
    obstacle: Obstacle,
    domain: Domain,
    *,
    label: str = "",
    allow_extrapolation: bool = False,
) -> None:
    """Raises why a molecule lies outside the domain of weights, with the shipped weights that hold it in theirs.

    Args:
        obstacle: of the molecule.
        domain: of the weights that were named.
        label: of the molecule, for the message.
        allow_extrapolation: accept all but atoms that the weights cannot represent.

    Raises:
        DomainError: as the obstacle gives it.
    """
    error = obstacle(domain)
    if error is None or (allow_extrapolation and not isinstance(error, VocabularyError)):
        return
    knowing = [name for name in AUTO_ORDER["generator"] if obstacle(shipped_domain(name)) is None]
    remedy = f"the shipped {knowing[0]} knows it: --weights {knowing[0]}" if knowing else _remedy([error])
    raise type(error)(f"{_before(label)}{error}; {remedy}")


def _before(label: str) -> str:
    return f"{label}: " if label else ""


def _remedy(errors: Sequence[DomainError]) -> str:
    if all(isinstance(error, VocabularyError) for error in errors):
        return "no shipped weights know it: train on molecules like it"
    return "no shipped weights know it: train on molecules like it, or allow extrapolation"


def read_json(file: Path) -> dict[str, Any]:
    """The object in a file of a bundle; anything else is a `WeightsError`."""
    try:
        value = json.loads(read_text(file), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise WeightsError(f"{file}: {what_came(file, expected='JSON')} ({error}); {AGAIN}") from error
    if not isinstance(value, dict):
        raise WeightsError(f"{file}: holds a {type(value).__name__}, expected an object; {AGAIN}")
    return value


def read_text(file: Path) -> str:
    """The text of a file of a bundle; anything else is a `WeightsError`."""
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise WeightsError(f"{file}: is no text; {AGAIN}") from error
    except OSError as error:
        raise WeightsError(f"{file}: cannot be read: {error.strerror}") from error


def what_came(file: Path, *, expected: str) -> str:
    """Why a file could not be parsed, as far as its first bytes show."""
    try:
        with file.open("rb") as stream:
            head = stream.read(64)
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    if not head.strip():
        return "is empty"
    if head.lstrip()[:1] == b"<":
        return "is a web page; was the download answered by a log-in or error page?"
    return f"is truncated or no {expected}"


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no number")
