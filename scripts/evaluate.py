"""Draws many molecules at several numbers of steps, prints the table of docs/benchmarks.md with the data's rows."""

import json
import time
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat
from multiprocessing import get_context
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from rich.console import Console
from rich.table import Table

from moldiff.chem.smiles import parse_smiles
from moldiff.data.store import MoleculeStore
from moldiff.generator import MoleculeGenerator, Sample
from moldiff.memory import keep_memory
from moldiff.run import find_store
from moldiff.scoring.geometry import geometry_distances
from moldiff.scoring.score import Score, score

SHARD = 1250  # molecules
RATES = ("valid", "stable", "unique_of_valid", "valid_and_unique", "novel_of_unique")
DISTANCES = ("bond_length_w1", "bond_angle_w1", "torsion_w1", "atom_tv", "bond_tv", "size_tv")


def main(
    weights: Annotated[str, typer.Option(help="Name or folder of a bundle.")] = "qm9",
    data: Annotated[str, typer.Option(help="Prepared store: its test split is the reference.")] = "qm9",
    num_samples: Annotated[int, typer.Option(help="Molecules asked for.")] = 10_000,
    num_steps: Annotated[list[int], typer.Option(help="Network evaluations; may be given several times.")] = [50],  # noqa: B006
    seed: Annotated[int, typer.Option(help="Of all randomness.")] = 0,
    num_workers: Annotated[int, typer.Option(help="Processes, a core each.")] = 2,
    out: Annotated[Path | None, typer.Option(help="JSON file for the figures.")] = None,
) -> None:
    """Scores the weights and the data alike."""
    keep_memory()
    store = MoleculeStore(find_store(data))
    test = [store.molecule(int(i)) for i in store.split("test")]
    known = {s for i in store.split("train") if isinstance(s := parse_smiles(store.smiles(int(i))), str)}
    figures: dict[str, dict] = {"data (test split)": row(score(test, reference=known), test, test, 0.0)}
    half = np.random.default_rng(0).permutation(store.split("train"))[: len(test)]
    train = [store.molecule(int(i)) for i in half]
    figures["data (train split)"] = row(score(train), train, test, 0.0)
    with ProcessPoolExecutor(num_workers, get_context("spawn")) as pool:
        for steps in num_steps:
            start = time.perf_counter()
            firsts = range(0, num_samples, SHARD)
            counts = (min(SHARD, num_samples - first) for first in firsts)
            shards = pool.map(draw, repeat(weights), firsts, counts, repeat(steps), repeat(seed))
            samples = [sample for shard in shards for sample in shard]
            seconds = time.perf_counter() - start
            drawn = [s.molecule if s.molecule is not None else s.result for s in samples]
            result = score(drawn, reference=known, num_requested=num_samples)
            valid = [s.molecule for s in samples if s.valid and s.molecule is not None]
            figures[f"{weights}, {steps} evaluations"] = row(result, valid, test, seconds)
            show(figures)
            if out is not None:
                out.write_text(json.dumps(figures, indent=2) + "\n")


def draw(weights: str, first: int, count: int, num_steps: int, seed: int) -> list[Sample]:
    """A shard of the samples, on one core: a molecule depends on the seed and its index alone."""
    keep_memory()
    torch.set_num_threads(1)
    return list(MoleculeGenerator.from_pretrained(weights).iterate(count, first=first, num_steps=num_steps, seed=seed))


def row(result: Score, molecules: list, test: list, seconds: float) -> dict:
    """One line of the table."""
    rates = {k: (r.numerator, r.denominator, r.value) for k, r in result.rates.items()}
    return {
        "rates": rates,
        "failures": dict(result.failures),
        "distances": geometry_distances(molecules, test),
        "seconds": seconds,
    }


def show(figures: dict[str, dict]) -> None:
    """Prints the table."""
    table = Table()
    for heading in ("", *RATES, *DISTANCES, "seconds"):
        table.add_column(heading)
    for name, f in figures.items():
        rates = [f"{100 * f['rates'][k][2]:.2f}" if k in f["rates"] else "-" for k in RATES]
        table.add_row(name, *rates, *(f"{f['distances'][k]:.4f}" for k in DISTANCES), f"{f['seconds']:.0f}")
    Console(width=200).print(table)


if __name__ == "__main__":
    typer.run(main)
