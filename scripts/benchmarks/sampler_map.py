"""The map of the samplers: quality against NFE, as a table and a plot.

python scripts/benchmarks/sampler_map.py --out docs/map
"""

import json
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Annotated

import matplotlib.pyplot as plt
import typer
from evaluate import sample_in_shards

from moldiff.metrics.score import score

EVALUATIONS = (2, 4, 8, 12, 20, 35, 50, 100)
STUDENT = "student (qm9-fast)"
SAMPLERS = {
    "of the weights": [],
    "of the weights, deterministic": ["eta=0"],
    "class posterior without churn": ["resample=0"],
    "tau-leaping": ["classes=leaping"],
    "ancestral": ["solver=ddim"],
    "straight flow, Euler": ["solver=ddim", "eta=0"],
    "straight flow, Heun": ["solver=heun"],
    "straight flow, Euler, churn 0.3": ["solver=ddim", "eta=0", "churn=0.3"],
    STUDENT: [],
}


def main(
    out: Annotated[Path, typer.Option(help="Stem of the files: .json, .md and .png.")] = Path("map"),
    weights: Annotated[str, typer.Option(help="Name or folder of a bundle.")] = "qm9",
    student: Annotated[str, typer.Option(help="Name or folder of its student.")] = "qm9-fast",
    num_samples: Annotated[int, typer.Option(help="Molecules of each sampler and number.")] = 1000,
    seed: Annotated[int, typer.Option(help="Of all randomness.")] = 0,
    num_workers: Annotated[int, typer.Option(help="Processes, a core each.")] = 2,
) -> None:
    """Draws with every sampler at every number of evaluations, and scores."""
    cells: dict[str, dict[int, dict[str, float]]] = {name: {} for name in SAMPLERS}
    with ProcessPoolExecutor(num_workers, get_context("spawn")) as pool:
        sample_in_shards(pool, num_workers, weights, 1, seed, None)  # starts the processes
        for steps in EVALUATIONS:
            for name, assignments in SAMPLERS.items():
                start = time.perf_counter()
                chosen = student if name == STUDENT else weights
                samples = sample_in_shards(pool, num_samples, chosen, steps, seed, assignments)
                seconds = time.perf_counter() - start
                rates = score(s.result if s.molecule is None else s.molecule for s in samples).rates
                cells[name][steps] = {
                    "valid": 100 * rates["valid"].value,
                    "unique": 100 * rates["unique_of_valid"].value,
                    "seconds": 1000 * seconds / num_samples,
                }
                print(steps, name, cells[name][steps], flush=True)
                out.with_suffix(".json").write_text(json.dumps(cells, indent=1) + "\n")
    out.with_suffix(".md").write_text(table(cells))
    plot(cells, out.with_suffix(".png"))


def table(cells: dict[str, dict[int, dict[str, float]]]) -> str:
    """Valid and unique, in percent, a row a sampler; the last row is the time of the first."""
    head = ["valid / unique of valid, %", *map(str, EVALUATIONS)]
    rows = [[name, *(f"{c['valid']:.1f} / {c['unique']:.1f}" for c in row.values())] for name, row in cells.items()]
    rows.append(["seconds for 1,000", *(f"{c['seconds']:.0f}" for c in next(iter(cells.values())).values())])
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, ["---"] * len(head), *rows]) + "\n"


def plot(cells: dict[str, dict[int, dict[str, float]]], path: Path) -> None:
    """Valid against evaluations, a line a sampler."""
    figure, axes = plt.subplots(figsize=(7, 4.5))
    for name, row in cells.items():
        axes.plot(list(row), [cell["valid"] for cell in row.values()], marker="o", label=name)
    axes.set(xscale="log", xlabel="network evaluations", ylabel="strictly valid, %", xticks=EVALUATIONS, ylim=(0, 101))
    axes.set_xticklabels([str(n) for n in EVALUATIONS])
    axes.minorticks_off()
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    typer.run(main)
