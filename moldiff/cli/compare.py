"""`moldiff compare`."""

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from moldiff.cli.score import DistancesTo, Druglike, NumWorkers, Protocols, Reference


def compare(
    files: Annotated[list[Path], Argument(help="Two or more files as of `moldiff score`.")],
    reference: Reference = None,
    distances_to: DistancesTo = None,
    protocol: Protocols = None,
    druglike: Druglike = False,
    num_workers: NumWorkers = None,
    json: Annotated[Path | None, Option("--json", help="Write all scores, by file, to this file.")] = None,
) -> None:
    """Scores several files by the same rules, side by side.

    Example: moldiff compare ours.sdf theirs.sdf --reference train.smi --distances-to stores/qm9 --protocol lookup
    """
    from rich.console import Console

    from moldiff.cli.score import counted, read_distribution, read_references
    from moldiff.errors import ConfigError
    from moldiff.scoring.report import render_comparison, write_json

    names = [str(file) for file in files]
    if len(set(names)) < max(2, len(names)):
        raise ConfigError(f"compare: expected two or more different files, got {', '.join(names)}")
    known = read_references(reference)
    data, data_distances = read_distribution(distances_to)
    scores = {
        name: counted(
            file, reference=known, protocols=protocol or (), distances_to=data, with_druglike=druglike,
            num_workers=num_workers,
        )
        for name, file in zip(names, files, strict=True)
    }  # fmt: skip
    Console().print(render_comparison(scores, data_distances=data_distances))
    if json is not None:
        write_json(scores, json)
