"""`moldiff conformers`."""

from typing import Annotated

from typer import Argument

from moldiff.cli.assignments import Device, Out, Overwrite, Precision, Weights
from moldiff.cli.completing import NumEach, NumThreads, Seed, Steps, complete, records_of, usable
from moldiff.cli.drawing import load


def conformers(
    molecules: Annotated[str, Argument(help="A SMILES, or a file: .smi, .csv or .sdf, plain or .gz.")],
    out: Out,
    num_each: NumEach = 1,
    weights: Weights = "qm9",
    num_steps: Steps = 20,
    seed: Seed = 0,
    overwrite: Overwrite = False,
    device: Device = None,
    precision: Precision = "auto",
    num_threads: NumThreads = None,
) -> None:
    """Draws coordinates for molecules, all hydrogens included.

    The stereo that a molecule names, or its coordinates show, is kept and checked; what it leaves open is drawn.

    Example: moldiff conformers "C[C@H](O)C#N" -n 5 --out conformers.sdf
    """
    from functools import partial

    from moldiff.chem.stereo import graphs_of
    from moldiff.tasks.conformers import check_graph
    from moldiff.tasks.conformers import conformers as draw

    generator = load(weights, device, num_threads, precision)
    path, records = records_of(molecules)
    graphs, failed = usable(path, graphs_of(records), partial(check_graph, generator))
    complete(
        graphs, partial(draw, generator, num_each=num_each), out,
        failed=failed, num_each=num_each, num_steps=num_steps, seed=seed, overwrite=overwrite,
    )  # fmt: skip
