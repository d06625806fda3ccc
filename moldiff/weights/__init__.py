"""Bundles that ship with the package, and how to find and read one; needs no torch."""

import json
from pathlib import Path
from typing import Any

from moldiff.data.statistics import Statistics
from moldiff.errors import DataError, WeightsError

CONFIG, TENSORS, VOCABULARY, STATISTICS, CARD = (
    "config.json", "model.safetensors", "vocabulary.json", "statistics.json", "card.md",
)  # fmt: skip
FORMATS = {"moldiff-weights": "the weights of a generator", "moldiff-predictor": "a predictor of properties"}
AGAIN = "fetch or export the bundle again"
_HERE = Path(__file__).parent


def shipped_weights() -> list[str]:
    """Names of the bundles inside the package."""
    return sorted(path.parent.name for path in _HERE.glob(f"*/{CONFIG}"))


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
    """What the weights know of their data; anything else in the file is a `WeightsError`."""
    file = folder / STATISTICS
    try:
        return Statistics.from_dict(read_json(file), source=str(file))
    except DataError as error:
        raise WeightsError(f"{file}: {str(error).removeprefix(f'{file}: ')}; {AGAIN}") from error


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
    """Why a file could not be parsed, as far as its first bytes tell."""
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
