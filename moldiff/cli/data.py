"""`moldiff prepare`."""

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from moldiff.cli._terminal import say, show_table


def describe_store(path: Path) -> dict[str, str]:
    from moldiff.config.training import TrainingConfig
    from moldiff.data.store.dataset import MoleculeStore
    from moldiff.data.summary import described
    from moldiff.training.denoiser.throughput import estimate_cost

    config, store = TrainingConfig(data=str(path)), MoleculeStore(path)
    rows = described(store)
    rate, memory = estimate_cost(config, store)
    hours = config.num_training_molecules / rate / 3600
    cost = (
        f"{rate:,.0f} molecules a second of one process here, {memory:,.0f} MiB; {config.num_training_molecules:,}, "
        f"the default, take {hours:.1f} hours; --set num_processes=2 shares them out"
    )
    return rows | {"training": cost}


def prepare(
    source: Annotated[
        str,
        Argument(
            help="qm9 or moses3d (PyPI packages qm9pack, molsets), GEOM's drugs_crude.msgpack, or a file of your own: "
            ".sdf, .xyz, .smi, .csv, ASE's .db or .traj."
        ),
    ],
    out: Annotated[Path | None, Option("--out", "-o", help="Folder to make. (default: stores/NAME)")] = None,
    from_file: Annotated[
        Path | None,
        Option(
            help="For qm9: gdb9.sdf or the archive of xyz files; for moses3d: the wheel of molsets; fetched by hand."
        ),
    ] = None,
    num_molecules: Annotated[
        int | None, Option(min=1, help="For moses3d, by chance, and GEOM, the first: how many. (default: all)")
    ] = None,
    join: Annotated[
        Path | None, Option(help="A CSV file with more columns, found by its column `name`; text becomes classes.")
    ] = None,
    num_workers: Annotated[int, Option(min=1, help="Processes; the result does not depend on it.")] = 2,
    seed: Annotated[
        int,
        Option(min=0, max=2**32 - 1, help="Of a random split, and of conformers; qm9 has the split of the literature."),
    ] = 0,
    overwrite: Annotated[bool, Option("--overwrite", help="Replace a store that is there.")] = False,
) -> None:
    """Makes a data set ready for training; says what was left out, and why.

    SMILES get coordinates by ETKDG and MMFF94; stopped on the way, the same command goes on.

    Examples: moldiff prepare qm9 | moldiff prepare mine.sdf --out stores/mine | moldiff prepare mine.csv | moldiff
    prepare moses3d --num-molecules 100000
    """
    from moldiff.data.prepare import prepare as run
    from moldiff.runtime.progress import terminal_of_errors

    name = Path(source).name.split(".")[0]
    target = out or Path("stores") / name
    report = run(
        source,
        target,
        from_file=from_file,
        num_molecules=num_molecules,
        join=join,
        num_workers=num_workers,
        seed=seed,
        overwrite=overwrite,
        console=terminal_of_errors(),
    )
    show_table(report.table())
    say(f"next: moldiff train --data {target} --out runs/{name}")
