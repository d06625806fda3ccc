"""`moldiff reshape`."""

from moldiff.cli.assignments import Device, Out, Overwrite, Precision, Weights
from moldiff.cli.completing import Geometries, NumEach, NumThreads, Seed, Steps, complete, usable
from moldiff.cli.drawing import load


def reshape(
    file: Geometries,
    out: Out,
    num_each: NumEach = 5,
    weights: Weights = "qm9",
    num_steps: Steps = 20,
    seed: Seed = 0,
    overwrite: Overwrite = False,
    device: Device = None,
    precision: Precision = "auto",
    num_threads: NumThreads = None,
) -> None:
    """Draws elements, charges and bonds for coordinates that stay: other molecules of the same shape.

    Example: moldiff reshape one.xyz -n 20 --out same_shape.sdf
    """
    from functools import partial

    from moldiff.chem.files import read_molecules
    from moldiff.tasks.part import check_size
    from moldiff.tasks.reshape import reshape as draw

    generator = load(weights, device, num_threads, precision)
    shapes, failed = usable(file, read_molecules(file), partial(check_size, generator))
    complete(
        shapes, partial(draw, generator, num_each=num_each), out,
        failed=failed, num_each=num_each, num_steps=num_steps, seed=seed, overwrite=overwrite,
    )  # fmt: skip
