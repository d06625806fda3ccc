"""`moldiff perceive-bonds`."""

from typing import Annotated

from typer import Option

from moldiff.cli.completing import (
    Device,
    Geometries,
    NumThreads,
    Out,
    Overwrite,
    Seed,
    Steps,
    Weights,
    bonds_told,
    complete,
    load,
    usable,
)


def perceive_bonds(
    file: Geometries,
    out: Out,
    charge: Annotated[
        int | None, Option(help="Total charge of every molecule.  [default: `charge=` of the record, or 0]")
    ] = None,
    weights: Weights = "qm9",
    num_steps: Steps = 10,
    seed: Seed = 0,
    overwrite: Overwrite = False,
    device: Device = None,
    num_threads: NumThreads = None,
) -> None:
    """Finds bonds and charges for elements and coordinates, with a confidence for each bond.

    Elements, coordinates and order stay; bonds of the file are not read. What has no valid answer is left out and told.

    Example: moldiff perceive-bonds molecules.xyz --out molecules.sdf
    """
    from dataclasses import replace
    from functools import partial

    from moldiff.chem.files import read_molecules
    from moldiff.tasks.perception import check_geometry
    from moldiff.tasks.perception import perceive_bonds as perceive

    generator = load(weights, device, num_threads)
    geometries, failed = usable(file, read_molecules(file), partial(check_geometry, generator))
    if charge is not None:
        geometries = [replace(g, properties={**g.properties, "charge": charge}) for g in geometries]
    complete(
        geometries, partial(perceive, generator), out,
        failed=failed, num_steps=num_steps, seed=seed, overwrite=overwrite, tags=bonds_told,
    )  # fmt: skip
