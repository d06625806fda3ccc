"""Commands that complete partial molecules: `conformers`, `isomers`, `perceive-bonds`, `reshape`."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option

from moldiff.cli._completion import bond_confidence, check_usable, complete, particles_of
from moldiff.cli._options import (
    Device,
    Geometries,
    Network,
    NumEach,
    NumParticles,
    NumThreads,
    Out,
    Overwrite,
    Precision,
    RewardModelOption,
    Seed,
    Steps,
    TargetsOption,
)
from moldiff.cli._refusals import MOST_LISTED, Failures
from moldiff.cli._routing import AUTO, AutoWeights, Extrapolate, make_router
from moldiff.cli._terminal import tell
from moldiff.tasks.defaults import BONDS, CONFORMERS, ISOMERS, SHAPES

if TYPE_CHECKING:
    from moldiff.chem.validity import Checked


LargestFragment = Annotated[
    bool,
    Option("--largest-fragment", help="Of a salt or a mixture keep the part with most heavy atoms."),
]


def conformers(
    molecules: Annotated[str, Argument(help="A SMILES, or a file: .smi, .csv or .sdf, plain or .gz.")],
    out: Out,
    num_each: NumEach = CONFORMERS.num_samples,
    largest_fragment: LargestFragment = False,
    weights: AutoWeights = AUTO,
    network: Network = None,
    num_steps: Steps = CONFORMERS.num_steps,
    seed: Seed = 0,
    allow_extrapolation: Extrapolate = False,
    failures: Failures = None,
    overwrite: Overwrite = False,
    device: Device = None,
    precision: Precision = "auto",
    num_threads: NumThreads = None,
) -> None:
    """Samples coordinates for molecules, all hydrogens included.

    The stereo that a molecule names, its drawing or its coordinates show, is kept and checked; what it leaves open is
    sampled. Titles stay, or the column `name` of a list.

    Example: moldiff conformers "C[C@H](O)C#N" -n 5 --out conformers.sdf
    """
    from functools import partial

    from moldiff.tasks.conformers import graph_of_record, sample_conformers
    from moldiff.tasks.inputs import records_of, usable

    label, records = records_of(molecules)
    router = make_router(weights, device, num_threads, precision, allow_extrapolation, network)
    cut: list[int] = []
    records = _name_records(Path(molecules), records)
    records = _note_largest(records, cut) if largest_fragment else records
    make = partial(graph_of_record, largest=largest_fragment)
    found = usable(label, records, lambda graph: router.name_of(graph.molecule), make=make)
    check_usable(found, label, failures)
    names = [router.name_of(graph.molecule) for graph in found.items]
    if cut:
        numbers = ", ".join(map(str, cut[:MOST_LISTED])) + (", ..." if len(cut) > MOST_LISTED else "")
        tell(f"{label}: of {len(cut)} the largest fragment alone is kept: record {numbers}")
    complete(
        found.items,
        partial(router.complete, sample_conformers, names=names, num_each=num_each),
        out,
        failed=found.refused,
        num_each=num_each,
        num_steps=num_steps,
        seed=seed,
        overwrite=overwrite,
        failures=failures,
    )


def _name_records(path: Path, records: "Iterable[tuple[int, Checked]]") -> "Iterator[tuple[int, Checked]]":
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


def _note_largest(records: "Iterable[tuple[int, Checked]]", cut: list[int]) -> "Iterator[tuple[int, Checked]]":
    """The records as they are, with the numbers of those that have several fragments put into a list."""
    from moldiff.chem.molecule import Failure
    from moldiff.chem.stereo import largest_fragment

    for number, record in records:
        if not isinstance(record, Failure) and largest_fragment(record) is not record:
            cut.append(number)
        yield number, record


def isomers(
    formula: Annotated[str, Argument(help="Such as C7H10O2, hydrogens included.")],
    out: Out,
    num_samples: Annotated[int, Option("--num-samples", "-n", min=1, help="Molecules.")] = ISOMERS.num_samples,
    weights: AutoWeights = AUTO,
    network: Network = None,
    num_steps: Steps = ISOMERS.num_steps,
    seed: Seed = 0,
    allow_extrapolation: Extrapolate = False,
    failures: Failures = None,
    target: TargetsOption = None,
    num_particles: NumParticles = 1,
    reward_model: RewardModelOption = None,
    overwrite: Overwrite = False,
    device: Device = None,
    precision: Precision = "auto",
    num_threads: NumThreads = None,
) -> None:
    """Samples molecules of a formula, neutral atoms, in one piece.

    Example: moldiff isomers C7H10O2 -n 50 --out isomers.sdf
    """
    from functools import partial

    from moldiff.chem.formula import parse_formula
    from moldiff.tasks.isomers import atoms_of_formula, sample_isomers

    counts = parse_formula(formula)
    router = make_router(weights, device, num_threads, precision, allow_extrapolation, network)
    name = router.name_of(atoms_of_formula(counts))
    particles, evaluators = particles_of(router, [name], target, reward_model, num_particles)
    generator = router.generator(name)
    complete(
        [counts] * num_samples,
        partial(sample_isomers, generator, particles=particles, allow_extrapolation=allow_extrapolation),
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
    network: Network = None,
    num_steps: Steps = BONDS.num_steps,
    seed: Seed = 0,
    allow_extrapolation: Extrapolate = False,
    failures: Failures = None,
    overwrite: Overwrite = False,
    device: Device = None,
    precision: Precision = "auto",
    num_threads: NumThreads = None,
) -> None:
    """Finds bonds and charges for elements and coordinates, with a confidence for each bond.

    Elements, coordinates and order stay; bonds of the file are not read. What has no valid answer is reported.

    Example: moldiff perceive-bonds molecules.xyz --out molecules.sdf
    """
    from functools import partial

    from moldiff.tasks.bond_sampling import sample_bonds, usable_geometries
    from moldiff.tasks.inputs import geometries_of

    label, records = geometries_of(file)
    router = make_router(weights, device, num_threads, precision, allow_extrapolation, network)
    found = usable_geometries(router, label, records, charge)
    check_usable(found, label, failures)
    names = [router.name_of(geometry, "elements") for geometry in found.items]
    complete(
        found.items,
        partial(router.complete, sample_bonds, names=names),
        out,
        failed=found.refused,
        num_steps=num_steps,
        seed=seed,
        overwrite=overwrite,
        tags=bond_confidence,
        failures=failures,
    )


def reshape(
    file: Geometries,
    out: Out,
    num_each: NumEach = SHAPES.num_samples,
    weights: AutoWeights = AUTO,
    network: Network = None,
    num_steps: Steps = SHAPES.num_steps,
    seed: Seed = 0,
    allow_extrapolation: Extrapolate = False,
    failures: Failures = None,
    overwrite: Overwrite = False,
    device: Device = None,
    precision: Precision = "auto",
    num_threads: NumThreads = None,
) -> None:
    """Samples elements, charges and bonds for coordinates that stay: other molecules of the same shape.

    Example: moldiff reshape one.xyz -n 20 --out same_shape.sdf
    """
    from functools import partial

    from moldiff.tasks.inputs import geometries_of, usable
    from moldiff.tasks.shape import sample_shapes

    label, records = geometries_of(file)
    router = make_router(weights, device, num_threads, precision, allow_extrapolation, network)
    found = usable(label, records, partial(router.name_of, read="coordinates"))
    check_usable(found, label, failures)
    names = [router.name_of(shape, "coordinates") for shape in found.items]
    complete(
        found.items,
        partial(router.complete, sample_shapes, names=names, num_each=num_each),
        out,
        failed=found.refused,
        num_each=num_each,
        num_steps=num_steps,
        seed=seed,
        overwrite=overwrite,
        failures=failures,
    )
