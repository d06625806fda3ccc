"""Draws many molecules at several numbers of steps and with several seeds; prints the tables of docs/benchmarks/."""

import json
import time
from collections.abc import Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from functools import cache
from itertools import repeat
from multiprocessing import get_context
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from rich.console import Console
from rich.table import Table

from moldiff.chem.molecule import Molecule
from moldiff.chem.smiles_parsing import parse_smiles
from moldiff.cli._parsing import change_sampler
from moldiff.data.store.dataset import MoleculeStore, find_store
from moldiff.generation.generator import MoleculeGenerator
from moldiff.generation.options import SamplingOptions
from moldiff.generation.sample import Sample
from moldiff.metrics.score import score
from moldiff.runtime.memory import keep_memory

SHARD = 2500  # molecules
RATES = ("valid", "stable", "stable_atoms_of_read", "unique_of_valid", "valid_and_unique", "novel_of_unique")
LOOKUP = ("lookup_stable_atoms", "lookup_stable", "lookup_valid", "lookup_valid_and_unique")
DISTANCES = (
    "bond_length_w1",
    "bond_angle_w1",
    "torsion_w1",
    "atom_tv",
    "bond_tv",
    "size_tv",
    "ring_tv",
)


def main(
    weights: Annotated[str, typer.Option(help="Name or folder of a bundle.")] = "qm9",
    data: Annotated[str, typer.Option(help="Prepared store: its test split is the reference.")] = "qm9",
    num_samples: Annotated[int, typer.Option(help="Molecules requested.")] = 10_000,
    num_steps: Annotated[list[int], typer.Option(help="Network evaluations; may be given several times.")] = [50],  # noqa: B006
    seed: Annotated[list[int], typer.Option(help="Of all randomness; of several, mean and spread are shown.")] = [0],  # noqa: B006
    set_: Annotated[list[str] | None, typer.Option("--set", help="Setting of the sampler, key=value.")] = None,
    num_workers: Annotated[int, typer.Option(help="Processes, a core each.")] = 2,
    out: Annotated[Path | None, typer.Option(help="JSON file for the figures.")] = None,
    data_rows: Annotated[bool, typer.Option(help="Figures of the data itself, and novelty.")] = True,
) -> None:
    """Scores the weights and the data alike."""
    keep_memory()
    store = MoleculeStore(find_store(data))
    test = [store.molecule(int(i)) for i in store.split("test")]
    known, figures = None, {}
    if data_rows:
        known = {s for i in store.split("train") if isinstance(s := parse_smiles(store.smiles(int(i))), str)}
        figures = rows_of_data(store, test, known, num_samples)
    with ProcessPoolExecutor(num_workers, get_context("spawn")) as pool:
        for steps in num_steps:
            rows = figures.setdefault(f"{weights}, {steps} evaluations", [])
            for one in seed:
                start = time.perf_counter()
                samples = sample_in_shards(pool, num_samples, weights, steps, one, set_)
                seconds = time.perf_counter() - start
                rows.append(row(samples, test, known, num_requested=num_samples) | {"seed": one, "seconds": seconds})
                if out is not None:
                    out.write_text(json.dumps(figures, indent=2) + "\n")
            show(figures)


def rows_of_data(
    store: MoleculeStore, test: list[Molecule], known: set[str], num_samples: int
) -> dict[str, list[dict]]:
    """The test split, as many of the train split, and as many draws from it, with repeats, as are requested."""
    chance, train = np.random.default_rng(0), store.split("train")
    once = [store.molecule(int(i)) for i in chance.permutation(train)[: len(test)]]
    repeated = [store.molecule(int(i)) for i in chance.choice(train, num_samples)]
    return {
        "data (test split)": [row(test, test, known)],
        "data (train split)": [row(once, test, None)],
        f"data (train split, {num_samples:,} draws with repeats)": [row(repeated, test, None)],
    }


def sample_in_shards(
    pool: Executor, num_samples: int, weights: str, num_steps: int, seed: int, assignments: Sequence[str] | None
) -> list[Sample]:
    """The samples, drawn in shards by all processes of the pool."""
    size = min(SHARD, max(1, num_samples // 2))  # two processes or more have something to do
    firsts = range(0, num_samples, size)
    counts = (min(size, num_samples - first) for first in firsts)
    shards = pool.map(draw, firsts, counts, repeat(weights), repeat(num_steps), repeat(seed), repeat(assignments))
    return [sample for shard in shards for sample in shard]


def draw(
    first: int, count: int, weights: str, num_steps: int, seed: int, assignments: Sequence[str] | None
) -> list[Sample]:
    """A shard of the samples, on one core: a molecule depends on the seed and its index alone."""
    keep_memory()
    torch.set_num_threads(1)
    generator = load(weights)
    sampler = change_sampler(generator.bundle.sampler, assignments, num_steps=num_steps)
    return list(generator.stream(count, seed=seed, options=SamplingOptions(sampler=sampler, first=first)))


@cache
def load(weights: str) -> MoleculeGenerator:
    """Once for all shards of a process, so that the seconds of short sampling are not those of reading weights."""
    return MoleculeGenerator.from_pretrained(weights)


def row(
    drawn: Sequence[Sample | Molecule], test: list[Molecule], known: set[str] | None, num_requested: int | None = None
) -> dict:
    """All figures of one set: rates over all requested, distances over the valid molecules."""
    records = [x if isinstance(x, Molecule) else x.result if x.molecule is None else x.molecule for x in drawn]
    result = score(
        records, reference=known, num_requested=num_requested, protocols=["distance-bonds"], distances_to=test
    )
    rates = {**result.rates, **{f"lookup_{name}": rate for name, rate in result.protocols["distance-bonds"].items()}}
    return {
        "rates": {name: (rate.numerator, rate.denominator, rate.value) for name, rate in rates.items()},
        "failures": dict(result.failures),
        "distances": dict(result.distances),
    }


def show(figures: dict[str, list[dict]]) -> None:
    """Prints rates in percent, then distances."""
    for names, part, factor in (((*RATES, *LOOKUP), "rates", 100), (DISTANCES, "distances", 1)):
        table = Table()
        for heading in ("", *names, "seconds"):
            table.add_column(heading.replace("_", " "))
        for name, rows in figures.items():
            cells = []
            for key in names:
                found = [r[part][key] for r in rows if key in r[part]]
                values = [factor * (v[2] if isinstance(v, (tuple, list)) else v) for v in found]
                digits = 2 if part == "rates" else 4
                spread = f" ±{np.std(values, ddof=1):.{digits}f}" if len(values) > 1 else ""
                cells.append(f"{np.mean(values):.{digits}f}{spread}" if values else "-")
            table.add_row(name, *cells, f"{np.mean([r.get('seconds', 0.0) for r in rows]):.0f}")
        Console(width=220).print(table)


if __name__ == "__main__":
    typer.run(main)
