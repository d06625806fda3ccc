"""`moldiff conformers`."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option

from moldiff.cli.assignments import Device, Out, Overwrite, Precision
from moldiff.cli.completing import NumEach, NumThreads, Seed, Steps, complete, records_of, usable
from moldiff.cli.refusals import MOST_TOLD, Failures
from moldiff.cli.routing import AUTO, AutoWeights, Extrapolate, Route
from moldiff.cli.terminal import tell

if TYPE_CHECKING:
    from moldiff.chem.molecule import Failure
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
        numbers = ", ".join(map(str, cut[:MOST_TOLD])) + (", ..." if len(cut) > MOST_TOLD else "")
        tell(f"{path.name}: of {len(cut)} the largest fragment alone is kept: record {numbers}")
    complete(
        graphs, partial(route.draw, draw, names=names, num_each=num_each), out, failed=failed, num_each=num_each,
        num_steps=num_steps, seed=seed, overwrite=overwrite, failures=failures,
    )  # fmt: skip


def _named(path: Path, records: "Iterable[tuple[int, Checked]]") -> "Iterator[tuple[int, Checked]]":
    """Records of a list of SMILES under the names that stand beside; one without is its own name."""
    from moldiff.chem.files import SMILES_SUFFIXES, format_of
    from moldiff.chem.molecule import Failure
    from moldiff.chem.rows import read_rows

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
