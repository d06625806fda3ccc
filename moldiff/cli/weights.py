"""`moldiff export` and `moldiff info`."""

from pathlib import Path
from typing import Annotated, Literal

import typer
from typer import Argument, Option

from moldiff.cli.assignments import NumSteps, SamplerSet, changed


def export(
    run: Annotated[Path, Argument(help="Folder of a training run; it may still be going on.")],
    out: Annotated[Path, Option("--out", "-o", help="Folder of the weights bundle to make.")],
    dtype: Annotated[Literal["float32", "bfloat16", "float16"], Option(help="Of the numbers in the file.")] = "float32",
    num_steps: NumSteps = None,
    set_: SamplerSet = None,
    overwrite: Annotated[bool, Option("--overwrite", help="Replace a bundle that is there.")] = False,
) -> None:
    """Makes a weights bundle of the averaged weights of a run's last checkpoint.

    How walks go is what `moldiff sample` does with these weights where it is not told; by default as the run says.

    Example: moldiff export runs/qm9 --out weights/qm9
    """
    import torch

    from moldiff.config import TrainingSettings
    from moldiff.run import CONFIG
    from moldiff.run import export as make

    sampler = changed(TrainingSettings.from_json(run / CONFIG).sampler, set_, num_steps=num_steps)
    make(run, out, sampler=sampler, dtype=getattr(torch, dtype), overwrite=overwrite)
    size = sum(file.stat().st_size for file in out.iterdir()) / 1e6
    typer.echo(f"{out}: {size:.1f} MB; next: moldiff sample --weights {out} --out molecules.sdf")


def info(
    weights: Annotated[str, Argument(help="A name that ships with the package, or the folder of a bundle.")],
) -> None:
    """Checks weights and shows their card, the atom classes and the sizes they were trained on.

    Example: moldiff info qm9
    """
    from rich.console import Console
    from rich.markdown import Markdown
    from rich.table import Table

    from moldiff.bundle import load_pretrained

    bundle = load_pretrained(weights)
    console, statistics = Console(), bundle.statistics
    console.print(Markdown(bundle.card))
    parameters = sum(parameter.numel() for parameter in bundle.denoiser.parameters())
    common = max(statistics.sizes, key=lambda size: statistics.sizes[size])
    sampler = bundle.sampler.model_dump(exclude={"pos_errors"})
    table = Table(show_header=False)
    for name, value in {
        "parameters": f"{parameters:,}",
        "trained on": f"{statistics.num_molecules:,} molecules",
        "atoms": f"{min(statistics.sizes)} to {max(statistics.sizes)}, most often {common}",
        "atom classes": "  ".join(
            f"{label} {100 * share:.3g} %"
            for label, share in zip(statistics.vocabulary, statistics.atom_marginals, strict=True)
        ),
        "noise": ", ".join(
            f"{name} {getattr(bundle.settings.process, name).kind}" for name in ("pos", "atom", "bond")
        ) + f"; classes {bundle.settings.process.prior}",
        "sampler": ", ".join(f"{key} {value}" for key, value in sampler.items()),
        "network": ", ".join(f"{key} {value}" for key, value in bundle.settings.network.model_dump().items()),
    }.items():  # fmt: skip
        table.add_row(name, value)
    console.print(table)
