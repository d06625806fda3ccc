"""`moldiff compare`."""

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from moldiff.cli.scoring import (
    MOST_CHECKED,
    Checks,
    DistancesTo,
    Druglike,
    MostChecked,
    NumWorkers,
    Protocols,
    Reference,
)
from moldiff.cli.terminal import show_table


def compare(
    files: Annotated[list[Path], Argument(help="Two or more files as of `moldiff score`.")],
    reference: Reference = None,
    distances_to: DistancesTo = None,
    protocol: Protocols = None,
    druglike: Druglike = False,
    check: Checks = None,
    most_checked: MostChecked = MOST_CHECKED,
    num_workers: NumWorkers = None,
    json: Annotated[Path | None, Option("--json", help="Write all scores, by file, to this file.")] = None,
) -> None:
    """Scores several files by the same rules, side by side.

    Example: moldiff compare ours.sdf theirs.sdf --reference train.smi --distances-to stores/qm9 --protocol lookup
    """
    from moldiff.cli.scoring import counted, read_distribution, read_references
    from moldiff.errors import ConfigError
    from moldiff.scoring.output import write_json
    from moldiff.scoring.tables import render_comparison

    names = [str(file) for file in files]
    if len(set(names)) < max(2, len(names)):
        raise ConfigError(f"compare: expected two or more different files, got {', '.join(names)}")
    known = read_references(reference)
    measured, data = read_distribution(distances_to, check, most_checked, num_workers=num_workers)
    scores = {
        name: counted(
            file, checks=check or (), most_checked=most_checked, num_workers=num_workers, reference=known,
            protocols=protocol or (), distances_to=measured, with_druglike=druglike,
        )
        for name, file in zip(names, files, strict=True)
    }  # fmt: skip
    show_table(render_comparison(scores, data))
    if json is not None:
        write_json(scores, json)
