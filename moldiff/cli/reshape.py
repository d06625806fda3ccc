"""`moldiff reshape`."""

from moldiff.cli.assignments import Device, Out, Overwrite, Precision
from moldiff.cli.completing import Geometries, NumEach, NumThreads, Seed, Steps, complete, usable
from moldiff.cli.refusals import Failures
from moldiff.cli.routing import AUTO, AutoWeights, Extrapolate, Route


def reshape(
    file: Geometries,
    out: Out,
    num_each: NumEach = 5,
    weights: AutoWeights = AUTO,
    num_steps: Steps = 20,
    seed: Seed = 0,
    allow_extrapolation: Extrapolate = False,
    failures: Failures = None,
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
    from moldiff.tasks.reshape import reshape as draw

    route = Route(weights, device, num_threads, precision, allow_extrapolation)
    shapes, failed = usable(file, read_molecules(file), partial(route.name_of, read="coordinates"), failures=failures)
    names = [route.name_of(shape, "coordinates") for shape in shapes]
    complete(
        shapes, partial(route.draw, draw, names=names, num_each=num_each), out,
        failed=failed, num_each=num_each, num_steps=num_steps, seed=seed, overwrite=overwrite, failures=failures,
    )  # fmt: skip
