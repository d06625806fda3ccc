"""`moldiff isomers`."""

from typing import Annotated

from typer import Argument, Option

from moldiff.cli.assignments import Device, Out, Overwrite, Precision
from moldiff.cli.completing import NumThreads, Seed, Steps, complete
from moldiff.cli.conditions import Conditions, Guide, NumWalks, compete
from moldiff.cli.refusals import Failures
from moldiff.cli.routing import AUTO, AutoWeights, Extrapolate, Route


def isomers(
    formula: Annotated[str, Argument(help="Such as C7H10O2, hydrogens included.")],
    out: Out,
    num_samples: Annotated[int, Option("--num-samples", "-n", min=1, help="Molecules to draw.")] = 20,
    weights: AutoWeights = AUTO,
    num_steps: Steps = 100,
    seed: Seed = 0,
    allow_extrapolation: Extrapolate = False,
    failures: Failures = None,
    condition: Conditions = None,
    num_walks: NumWalks = 1,
    guide: Guide = None,
    overwrite: Overwrite = False,
    device: Device = None,
    precision: Precision = "auto",
    num_threads: NumThreads = None,
) -> None:
    """Draws molecules of a formula, neutral atoms, in one piece.

    Example: moldiff isomers C7H10O2 -n 50 --out isomers.sdf
    """
    from functools import partial

    from moldiff.chem.formula import parse_formula
    from moldiff.tasks.isomers import atoms_of_formula
    from moldiff.tasks.isomers import isomers as draw

    counts = parse_formula(formula)
    route = Route(weights, device, num_threads, precision, allow_extrapolation)
    weights = route.name_of(atoms_of_formula(counts))
    generator = route.generator(weights)
    selection, judges = compete(generator, weights, condition, guide=guide, num_walks=num_walks)
    complete(
        [counts] * num_samples,
        partial(draw, generator, selection=selection, allow_extrapolation=allow_extrapolation), out,
        failed={}, num_steps=num_steps, seed=seed, overwrite=overwrite, judges=judges, failures=failures,
    )  # fmt: skip
