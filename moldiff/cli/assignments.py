"""Settings on the command line: `--set key=value`, and the options of a walk, the same for every command."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from typer import Option

from moldiff.errors import ConfigError

if TYPE_CHECKING:
    from moldiff.config import SamplerSettings

DEFAULT = " (default: of the weights)"

Out = Annotated[Path, Option("--out", "-o", help="File to write: .sdf, .xyz, .smi or .csv.")]
Weights = Annotated[str, Option("--weights", "-w", help="A name that ships with the package, or a folder.")]
Overwrite = Annotated[bool, Option("--overwrite", help="Replace a file that is there.")]
Precision = Annotated[
    Literal["auto", "bf16", "float32"],
    Option(
        help="Of the network; auto is bf16 where the processor multiplies it natively. Molecules of one seed are the "
        "same at the same precision only; the files say which."
    ),
]
Device = Annotated[str | None, Option(help="cpu or cuda. (default: cuda if there is one)")]

PROCESSES = "Processes on this machine, a GPU each, or a share of the cores."
MACHINES = "Machines; start the command on each, with MASTER_ADDR, MASTER_PORT and NODE_RANK set."
Devices = Annotated[int, Option(min=1, help=PROCESSES)]
NumNodes = Annotated[int, Option(min=1, help=MACHINES)]
OwnDevices = Annotated[int | None, Option("--devices", min=1, help=f"{PROCESSES} (default: 1)")]
OwnNodes = Annotated[int | None, Option("--num-nodes", min=1, help=f"{MACHINES} (default: 1)")]

Preset = Annotated[
    Literal["fast", "balanced", "best"] | None,
    Option(help="10, 20 or 50 evaluations; docs/benchmarks.md has what each gives."),
]
NumSteps = Annotated[int | None, Option(min=1, help=f"Network evaluations for each molecule.{DEFAULT}")]
SamplerSet = Annotated[
    list[str] | None,
    Option("--set", help="Any setting of the sampler, such as class_churn=0; `moldiff info` has them. Repeatable."),
]


def changed(
    sampler: "SamplerSettings", assignments: Sequence[str] | None, *, preset: str | None = None, **asked: Any
) -> "SamplerSettings":
    """The sampler with a preset, then with what was asked for by itself; None is not."""
    from moldiff.config import PRESETS

    chosen = {name: value for name, value in asked.items() if value is not None}
    values = sampler.model_dump() | (PRESETS[preset] if preset else {}) | chosen
    for assignment in assignments or ():
        assign(values, assignment)
    return type(sampler).parse(values, source="--set" if assignments else "options")


def run_settings(
    kind: type[Any], out: Path, config: Path | None, assignments: Sequence[str] | None, *, resume: bool, **asked: Any
) -> Any:
    """Settings of a run: those of a file, a resumed run's own or the defaults, then what was asked for by itself.

    Args:
        kind: of settings.
        out: folder of the run.
        config: JSON file.
        assignments: `--set`.
        resume: whether the run goes on.
        **asked: by key, with dots as in `--set`; None is not.

    Returns:
        The settings, checked.
    """
    if config is None and resume:
        config = out / "config.json"
    values = (kind() if config is None else kind.from_json(config)).model_dump()
    for key, value in asked.items():
        if value is not None:
            assign(values, f"{key}={json.dumps(value)}")
    for assignment in assignments or ():
        assign(values, assignment)
    return kind.parse(values, source="--set" if assignments else "settings")


def times_or_name(grid: str | None) -> tuple[float, ...] | str | None:
    """The times of a grid that is given as numbers with commas between; else its name."""
    try:
        return tuple(float(time) for time in grid.split(",")) if grid and "," in grid else grid
    except ValueError as error:
        raise ConfigError(f"--grid {grid}: expected a name, or times such as 1,0.6,0.3,0.1,0") from error


def assign(values: dict[str, Any], assignment: str) -> None:
    """Puts `a.b=value` into nested dictionaries.

    Args:
        values: to change.
        assignment: the value is JSON, or else text.

    Raises:
        ConfigError: if it is no assignment, or `a` has no parts.
    """
    key, equals, text = assignment.partition("=")
    if not equals or not key:
        raise ConfigError(f"--set {assignment}: expected key=value, such as seed=1")
    *parents, last = key.strip().split(".")
    for part in parents:
        values = values.setdefault(part, {})
        if not isinstance(values, dict):
            raise ConfigError(f"--set {assignment}: {part!r} is one value and has no parts")
    try:
        values[last] = json.loads(text)
    except ValueError:
        values[last] = text
