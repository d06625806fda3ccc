"""`moldiff prepare`."""

from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option


def prepare(
    source: Annotated[str, Argument(help="qm9 (from the PyPI package qm9pack), or an .sdf or .xyz file of your own.")],
    out: Annotated[Path | None, Option("--out", "-o", help="Folder to make. (default: stores/NAME)")] = None,
    from_file: Annotated[
        Path | None, Option(help="For qm9: gdb9.sdf or the archive of xyz files, fetched by hand.")
    ] = None,
    num_workers: Annotated[int, Option(min=1, help="Processes; the result does not depend on it.")] = 2,
    seed: Annotated[int, Option(min=0, help="Of a random split; qm9 has the split of the literature.")] = 0,
    overwrite: Annotated[bool, Option("--overwrite", help="Replace a store that is there.")] = False,
) -> None:
    """Makes a data set ready for training; says what was left out, and why.

    Examples: moldiff prepare qm9 | moldiff prepare mine.sdf --out stores/mine
    """
    from rich.console import Console

    from moldiff.data.prepare import prepare as run

    name = source if source == "qm9" else Path(source).name.split(".")[0]
    target = out or Path("stores") / name
    terminal = Console(stderr=True)
    report = run(
        source, target, from_file=from_file, num_workers=num_workers, seed=seed, overwrite=overwrite,
        console=terminal if terminal.is_terminal else None,
    )  # fmt: skip
    Console().print(report.table())
    typer.echo(f"next: moldiff train --data {target} --out runs/{name}")
