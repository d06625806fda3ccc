"""Settings on the command line: `--set key=value`, and the options of sampling, the same for every command."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moldiff.config.version_1 import rename_key
from moldiff.errors import ConfigError

if TYPE_CHECKING:
    from moldiff.config.sampler import SamplerConfig


def parse_num_atoms(text: str | None, option: str = "--num-atoms") -> int | tuple[int, int] | None:
    """`18` or `15-20`; anything else is a `ConfigError`."""
    if text is None:
        return None
    match = re.fullmatch(r"(\d{1,9})(?:-(\d{1,9}))?", text.strip())
    if match is None:
        raise ConfigError(f"{option} {text}: expected one number or a range, such as 18 or 15-20")
    return int(match[1]) if match[2] is None else (int(match[1]), int(match[2]))


def change_sampler(
    sampler: "SamplerConfig", assignments: Sequence[str] | None, *, preset: str | None = None, **options: Any
) -> "SamplerConfig":
    """The sampler with a preset, then with single options; None is not."""
    from moldiff.config.sampler import PRESETS

    chosen = {name: value for name, value in options.items() if value is not None}
    values = sampler.model_dump() | (PRESETS[preset] if preset else {}) | chosen
    for assignment in assignments or ():
        assign(values, assignment, kind=type(sampler).__name__)
    return type(sampler).parse(values, source="--set" if assignments else "options")


def run_config(
    kind: type[Any], out: Path, config: Path | None, assignments: Sequence[str] | None, *, resume: bool, **options: Any
) -> Any:
    """Settings of a run: those of a file, a resumed run's own or the defaults, then single options.

    Args:
        kind: of settings.
        out: folder of the run.
        config: JSON file.
        assignments: `--set`.
        resume: whether the run goes on.
        **options: by key, with dots as in `--set`; None is not.

    Returns:
        The settings, checked.
    """
    if config is None and resume:
        config = out / "config.json"
    values = (kind() if config is None else kind.from_json(config)).model_dump()
    for key, value in options.items():
        if value is not None:
            assign(values, f"{key}={json.dumps(value)}", kind=kind.__name__)
    for assignment in assignments or ():
        assign(values, assignment, kind=kind.__name__)
    return kind.parse(values, source="--set" if assignments else "settings")


def times_or_name(grid: str | None) -> tuple[float, ...] | str | None:
    """The times of a grid that is given as numbers with commas between; else its name."""
    try:
        return tuple(float(time) for time in grid.split(",")) if grid and "," in grid else grid
    except ValueError as error:
        raise ConfigError(f"--grid {grid}: expected a name, or times such as 1,0.6,0.3,0.1,0") from error


def assign(values: dict[str, Any], assignment: str, *, kind: str) -> None:
    """Puts `a.b=value` into nested dictionaries.

    Args:
        values: to change.
        assignment: the value is JSON, or else text; a key of version 1 is that of today.
        kind: name of the class of settings.

    Raises:
        ConfigError: if it is no assignment, or `a` has no parts.
    """
    key, equals, text = assignment.partition("=")
    if not equals or not key:
        raise ConfigError(f"--set {assignment}: expected key=value, such as seed=1")
    *parents, last = rename_key(kind, key.strip()).split(".")
    for part in parents:
        values = values.setdefault(part, {})
        if not isinstance(values, dict):
            raise ConfigError(f"--set {assignment}: {part!r} is one value and has no parts")
    try:
        values[last] = json.loads(text)
    except ValueError:
        values[last] = text
