"""`moldiff perceive-bonds`."""

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

from typer import Option

from moldiff.cli.assignments import Device, Out, Overwrite, Precision
from moldiff.cli.completing import Geometries, NumThreads, Seed, Steps, bonds_told, complete, usable
from moldiff.cli.refusals import Failures
from moldiff.cli.routing import AUTO, AutoWeights, Extrapolate, Route

if TYPE_CHECKING:
    from moldiff.chem.molecule import Failure, Molecule


def perceive_bonds(
    file: Geometries,
    out: Out,
    charge: Annotated[
        int | None, Option(help="Total charge of every molecule. (default: `charge=` of the record, or 0)")
    ] = None,
    weights: AutoWeights = AUTO,
    num_steps: Steps = 10,
    seed: Seed = 0,
    allow_extrapolation: Extrapolate = False,
    failures: Failures = None,
    overwrite: Overwrite = False,
    device: Device = None,
    precision: Precision = "auto",
    num_threads: NumThreads = None,
) -> None:
    """Finds bonds and charges for elements and coordinates, with a confidence for each bond.

    Elements, coordinates and order stay; bonds of the file are not read. What has no valid answer is left out and told.

    Example: moldiff perceive-bonds molecules.xyz --out molecules.sdf
    """
    from functools import partial

    from moldiff.chem.files import read_molecules
    from moldiff.tasks.perception import check_geometry
    from moldiff.tasks.perception import perceive_bonds as perceive

    route = Route(weights, device, num_threads, precision, allow_extrapolation)
    records = read_molecules(file)
    if charge is not None:
        records = ((number, _charged(record, charge)) for number, record in records)

    def check(geometry: "Molecule") -> None:
        check_geometry(geometry)
        route.name_of(geometry, "elements")

    geometries, failed = usable(file, records, check, failures=failures)
    names = [route.name_of(geometry, "elements") for geometry in geometries]
    complete(
        geometries, partial(route.draw, perceive, names=names), out,
        failed=failed, num_steps=num_steps, seed=seed, overwrite=overwrite, tags=bonds_told, failures=failures,
    )  # fmt: skip


def _charged(record: "Molecule | Failure", charge: int) -> "Molecule | Failure":
    from moldiff.chem.molecule import Molecule

    return (
        replace(record, properties={**record.properties, "charge": charge}) if isinstance(record, Molecule) else record
    )
