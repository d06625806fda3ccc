"""The literature's test of conditions: targets for a property at a size as in the data, evaluated by a network that was
trained on other molecules, and prints the tables of docs/benchmarks/.

python scripts/benchmarks/evaluate_conditions.py --run runs/qm9-conditional --evaluator runs/qm9-predictor/bundle
python scripts/benchmarks/evaluate_conditions.py --run runs/qm9-conditional --evaluator runs/qm9-predictor/bundle \
    --reward-model runs/qm9-properties/bundle --num-particles 1 --num-particles 4
"""

import json
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from rich.console import Console
from rich.table import Table

from moldiff.chem.molecule import Molecule
from moldiff.conditions.labels import labels_of
from moldiff.config.training import TrainingConfig
from moldiff.data.store.dataset import MoleculeStore, find_store
from moldiff.generation.generator import MoleculeGenerator
from moldiff.generation.options import SamplingOptions
from moldiff.generation.particles import ParticleSampling
from moldiff.generation.rewards import PropertyReward
from moldiff.generation.targets import Request
from moldiff.metrics.score import score
from moldiff.pretrained.property_predictor import PropertyPredictor
from moldiff.runtime.memory import keep_memory
from moldiff.training.loader import subset_indices

SHARD = 500  # molecules


def main(
    run: Annotated[Path, typer.Option(help="Folder of the training of the generator.")],
    evaluator: Annotated[Path, typer.Option(help="Bundle of a predictor that was trained on other molecules.")],
    num_samples: Annotated[int, typer.Option(help="Molecules requested for each property.")] = 10_000,
    num_steps: Annotated[int, typer.Option(help="Network evaluations.")] = 20,
    guidance: Annotated[list[float], typer.Option(help="Weights of the condition; repeatable.")] = [1.0],  # noqa: B006
    reward_model: Annotated[
        Path | None, typer.Option(help="Predictor to rank particles by, not the evaluator.")
    ] = None,
    num_particles: Annotated[list[int], typer.Option(help="With the reward model; repeatable.")] = [1],  # noqa: B006
    every: Annotated[int, typer.Option(help="Steps between two comparisons of particles.")] = 2,
    until: Annotated[float, typer.Option(help="Time after which particles go on on their own.")] = 0.3,
    weights: Annotated[str | None, typer.Option(help="Others than those of the run; may know no conditions.")] = None,
    seed: Annotated[int, typer.Option(help="Of all randomness.")] = 0,
    num_workers: Annotated[int, typer.Option(help="Processes, a core each.")] = 2,
    out: Annotated[Path | None, typer.Option(help="JSON file for the figures.")] = None,
) -> None:
    """A row of targets for each guidance; and of the data, shuffled labels, and no targets."""
    keep_memory()
    config = TrainingConfig.from_json(run / "config.json")
    store, predictor = MoleculeStore(find_store(config.data)), PropertyPredictor.from_pretrained(evaluator)
    names = [target.name for target in predictor.targets if target.name in config.conditions]
    chosen = np.random.default_rng(seed).choice(subset_indices(store.split("train"), config.subset), num_samples)
    sizes, wanted = store.sizes[chosen], {name: store.property(name)[chosen].astype(float) for name in names}
    figures: dict[str, dict] = {
        "evaluator on held-out molecules": {name: predictor.errors[name] for name in names},
        "labels shuffled": {name: shuffle(wanted[name], np.zeros_like(sizes), seed) for name in names},
        "labels shuffled among molecules of a size": {name: shuffle(wanted[name], sizes, seed) for name in names},
    }
    show(figures)
    columns = [(k, target.name) for k, target in enumerate(predictor.targets)]
    with ProcessPoolExecutor(num_workers, get_context("spawn")) as pool:

        def evaluate(name: str | None, how: Drawn) -> tuple[dict[str, float], dict[str, float]]:
            targets = [{}] * num_samples if name is None else [{name: float(value)} for value in wanted[name]]
            requests = [Request(int(n), target) for n, target in zip(sizes, targets, strict=True)]
            jobs = [pool.submit(how, requests[s : s + SHARD], s) for s in range(0, num_samples, SHARD)]
            molecules = [molecule for job in jobs for molecule in job.result()]
            drawn = [m for m in molecules if m is not None]
            values = predictor.predict(drawn, allow_extrapolation=True, check_geometry=False)
            there = np.array([m is not None for m in molecules])
            errors = {k: np.abs(values[:, k] - wanted[other][there]) for k, other in columns if other in names}
            off = {other: float(np.nanmean(errors[k])) for k, other in columns if other in ([name] if name else names)}
            rates = score(drawn, num_requested=num_samples).rates
            return off, {key: 100 * rates[key].value for key in ("valid", "stable", "unique_of_valid")}

        plain = Drawn(weights or str(run / "bundle"), num_steps, seed)
        off, rates = evaluate(None, plain)
        figures["size only"] = off | {"quality": rates}
        for weight, particles in product(guidance, num_particles):
            how = replace(
                plain, guidance=weight, reward_model=reward_model, num_particles=particles, every=every, until=until
            )
            title = f"target, guidance {weight:g}" + (f", {particles} particles" if particles > 1 else "")
            row = figures.setdefault(title, {"quality": {}})
            for name in names:
                off, rates = evaluate(name, how)
                row |= off
                row["quality"][name] = rates
                show(figures, out)


def shuffle(values: np.ndarray, groups: np.ndarray, seed: int) -> float:
    """Mean distance of each value to that of a random other one of its group."""
    rng, other = np.random.default_rng(seed), values.copy()
    for group in np.unique(groups):
        members = np.flatnonzero(groups == group)
        other[members] = values[rng.permutation(members)]
    return float(np.abs(values - other).mean())


@cache
def generator(weights: str) -> MoleculeGenerator:
    """Once in each process, on one core."""
    torch.set_num_threads(1)
    return MoleculeGenerator.from_pretrained(weights, device="cpu")


@cache
def chooser(reward_model: Path) -> PropertyPredictor:
    """Once in each process."""
    return PropertyPredictor.from_pretrained(reward_model)


@dataclass(frozen=True)
class Drawn:
    """Draws what is requested; None where not even coordinates came."""

    weights: str
    num_steps: int
    seed: int
    guidance: float = 1.0
    reward_model: Path | None = None
    num_particles: int = 1
    every: int = 2
    until: float = 0.3

    def __call__(self, requests: list[Request], first: int) -> list[Molecule | None]:
        """Of one shard."""
        selection = None
        if self.reward_model is not None and self.num_particles > 1:
            predictor = chooser(self.reward_model)
            rows = enumerate((labels_of(predictor.targets, request.conditions) for request in requests), start=first)
            selection = ParticleSampling(
                PropertyReward(predictor, dict(rows)), self.num_particles, self.every, self.until
            )
        source = generator(self.weights)
        if not source.bundle.statistics.conditions:
            requests = [Request(request.num_atoms) for request in requests]
        samples = source.answer(
            requests,
            guidance=self.guidance,
            num_steps=self.num_steps,
            seed=self.seed,
            particles=selection,
            options=SamplingOptions(first=first),
        )
        return [sample.molecule for sample in samples]


def show(figures: dict[str, dict], out: Path | None = None) -> None:
    """Mean absolute errors in the units of the data, and the rates of the same molecules in percent."""
    names = [name for name in next(iter(figures.values()))]
    table = Table(title="mean absolute error; of the molecules: valid / stable / unique, %")
    for name in ("", *names, "quality"):
        table.add_column(name, justify="right")
    for title, row in figures.items():
        quality = row.get("quality", {})
        rows = [quality] if "valid" in quality else list(quality.values())
        means = [np.mean([one[key] for one in rows]) for key in ("valid", "stable", "unique_of_valid")] if rows else []
        cells = [f"{row[name]:.4g}" if name in row else "" for name in names]
        table.add_row(title, *cells, " / ".join(f"{mean:.1f}" for mean in means))
    Console().print(table)
    if out is not None:
        out.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    typer.run(main)
