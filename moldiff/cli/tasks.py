"""Commands that complete partial molecules: `conformers`, `isomers`, `perceive-bonds`, `reshape`."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option

from moldiff.cli._completion import bonds_told, complete, records_of, usable
from moldiff.cli._options import (
    Conditions,
    Device,
    Geometries,
    NumEach,
    NumParticles,
    NumThreads,
    Out,
    Overwrite,
    Precision,
    RewardModelOption,
    Seed,
    Steps,
)
from moldiff.cli._refusals import MOST_LISTED, Failures
from moldiff.cli._routing import AUTO, AutoWeights, Extrapolate, Route
from moldiff.cli._targets import compete
from moldiff.cli._terminal import tell

if TYPE_CHECKING:
    from moldiff.chem.molecule import Failure, Molecule
    from moldiff.chem.stereo import Graph
    from moldiff.chem.validity import Checked


LARGEST = "--largest-fragment"
LargestFragment = Annotated[
    bool, Option(LARGEST, help="Of a salt or a mixture keep the part with most heavy atoms; else it is refused.")
]


def conformers(
    molecules: Annotated[str, Argument(help="A SMILES, or a file: .smi, .csv or .sdf, plain or .gz.")],
    out: Out,
    num_each: NumEach = 1,
    largest_fragment: LargestFragment = False,
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
    """Draws coordinates for molecules, all hydrogens included.

    The stereo that a molecule names, its drawing or its coordinates show, is kept and checked; what it leaves open is
    drawn. Titles stay, or the column `name` of a list.

    Example: moldiff conformers "C[C@H](O)C#N" -n 5 --out conformers.sdf
    """
    from functools import partial

    from moldiff.tasks.conformers import conformers as draw

    route = Route(weights, device, num_threads, precision, allow_extrapolation)
    path, records = records_of(molecules)
    cut: list[int] = []
    records = _largest(_named(path, records), cut) if largest_fragment else _named(path, records)
    graphs, failed = usable(path, records, lambda graph: route.name_of(graph.molecule), make=_graph, failures=failures)
    names = [route.name_of(graph.molecule) for graph in graphs]
    if cut:
        numbers = ", ".join(map(str, cut[:MOST_LISTED])) + (", ..." if len(cut) > MOST_LISTED else "")
        tell(f"{path.name}: of {len(cut)} the largest fragment alone is kept: record {numbers}")
    complete(
        graphs,
        partial(route.draw, draw, names=names, num_each=num_each),
        out,
        failed=failed,
        num_each=num_each,
        num_steps=num_steps,
        seed=seed,
        overwrite=overwrite,
        failures=failures,
    )


def _named(path: Path, records: "Iterable[tuple[int, Checked]]") -> "Iterator[tuple[int, Checked]]":
    """Records of a list of SMILES under the names that stand beside; one without is its own name."""
    from moldiff.chem.molecule import Failure
    from moldiff.io.formats import SMILES_SUFFIXES, format_of
    from moldiff.io.rows import read_rows

    if not os.path.isfile(path) or format_of(path) not in SMILES_SUFFIXES:
        yield from records
        return
    for (number, record), row in zip(records, read_rows(path), strict=False):
        name = next((cell for column, cell in row.columns.items() if column.lower() == "name"), "")
        if name and not isinstance(record, Failure):
            record.SetProp("_Name", name)
        yield number, record


def _largest(records: "Iterable[tuple[int, Checked]]", cut: list[int]) -> "Iterator[tuple[int, Checked]]":
    """The largest fragment of each, with the numbers of those that had others put into a list."""
    from moldiff.chem.molecule import Failure
    from moldiff.chem.stereo import largest_fragment

    for number, record in records:
        part = record if isinstance(record, Failure) else largest_fragment(record)
        if part is not record:
            cut.append(number)
        yield number, part


def _graph(record: "Checked") -> "Graph | Failure":
    from moldiff.chem.molecule import Failure
    from moldiff.chem.stereo import graph_of

    graph = record if isinstance(record, Failure) else graph_of(record)
    if isinstance(graph, Failure) and graph.reason == "fragments":
        return replace(graph, detail=f"{graph.detail}; {LARGEST} keeps the largest alone")
    return graph


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
    num_particles: NumParticles = 1,
    reward_model: RewardModelOption = None,
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
    selection, evaluators = compete(
        generator, weights, condition, reward_model=reward_model, num_particles=num_particles
    )
    complete(
        [counts] * num_samples,
        partial(draw, generator, selection=selection, allow_extrapolation=allow_extrapolation),
        out,
        failed={},
        num_steps=num_steps,
        seed=seed,
        overwrite=overwrite,
        evaluators=evaluators,
        failures=failures,
    )


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

    from moldiff.io.formats import read_molecules
    from moldiff.tasks.bond_perception import check_geometry
    from moldiff.tasks.bond_perception import perceive_bonds as perceive

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
        geometries,
        partial(route.draw, perceive, names=names),
        out,
        failed=failed,
        num_steps=num_steps,
        seed=seed,
        overwrite=overwrite,
        tags=bonds_told,
        failures=failures,
    )


def _charged(record: "Molecule | Failure", charge: int) -> "Molecule | Failure":
    from moldiff.chem.molecule import Molecule

    return (
        replace(record, properties={**record.properties, "charge": charge}) if isinstance(record, Molecule) else record
    )


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

    from moldiff.io.formats import read_molecules
    from moldiff.tasks.shape import reshape as draw

    route = Route(weights, device, num_threads, precision, allow_extrapolation)
    shapes, failed = usable(file, read_molecules(file), partial(route.name_of, read="coordinates"), failures=failures)
    names = [route.name_of(shape, "coordinates") for shape in shapes]
    complete(
        shapes,
        partial(route.draw, draw, names=names, num_each=num_each),
        out,
        failed=failed,
        num_each=num_each,
        num_steps=num_steps,
        seed=seed,
        overwrite=overwrite,
        failures=failures,
    )
