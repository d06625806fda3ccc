"""Sampling and training of two checkouts, in turn, so that other work on the machine meets both alike.

Usage: python scripts/benchmarks/compare_checkouts.py BEFORE AFTER molecules.sdf [--rounds 4] [--task sample]
Each checkout has a process of its own with one thread. A round samples 200 molecules of the weights `qm9` (seed 0, 20
NFE, float32) and takes 25 training steps with the quick recipe, once in the order before, after and once in the other.
Seconds are those of the processor, which other processes do not take; the table has the median of all rounds.
Checkouts from before version 0.2.0 are read, too.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from itertools import islice
from pathlib import Path

STEPS, WARM = 25, 3


def work(molecules: Path, folder: Path) -> None:
    """A worker: waits for the name of a task on each line, and answers with seconds of the processor."""
    from time import process_time

    import torch

    from moldiff.build import build_denoiser
    from moldiff.data.prepare import prepare

    torch.set_num_threads(1)
    try:
        from moldiff.config.training import TrainingConfig
        from moldiff.data.store.dataset import MoleculeStore
        from moldiff.generation.generator import MoleculeGenerator
        from moldiff.training.denoiser.module import DiffusionModule
        from moldiff.training.loader import TrainingBatches
    except ImportError:
        from moldiff.generator import MoleculeGenerator  # pyright: ignore
        from moldiff.training.batches import TrainingBatches  # pyright: ignore
        from moldiff.training.module import DiffusionModule  # pyright: ignore

        from moldiff.config import TrainingSettings as TrainingConfig  # pyright: ignore
        from moldiff.data.store import MoleculeStore  # pyright: ignore
    generator = MoleculeGenerator.from_pretrained("qm9", device="cpu", precision="float32")
    if not folder.exists():
        prepare(molecules, folder)
    store = MoleculeStore(folder)
    config = TrainingConfig.from_json(Path("datasets/qm9/train-quick.json"))
    denoiser = build_denoiser(config.model, store.statistics, seed=config.seed)
    module = DiffusionModule(denoiser, denoiser.process, config)
    optimizer = module.configure_optimizers()["optimizer"]
    batches = iter(TrainingBatches(store, budget=config.pair_budget, seed=config.seed))
    print("ready", flush=True)
    step = 0
    for line in sys.stdin:
        start = process_time()
        if line.strip() == "sample":
            generator.sample(200, num_steps=20, seed=0)
        else:
            for batch in islice(batches, WARM if line.strip() == "warm" else STEPS):
                optimizer.zero_grad()
                module.loss(batch, step)[0].backward()
                optimizer.step()
                step += 1
        print(json.dumps(process_time() - start), flush=True)


def main() -> None:
    """Starts both, lets them work in turn, prints a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    parser.add_argument("molecules", type=Path)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--stores", type=Path, default=Path("stores/compare"), help="folder for a store of each")
    parser.add_argument("--task", action="append", choices=["sample", "train"], help="by default both")
    args = parser.parse_args()
    checkouts = {"before": args.before.resolve(), "after": args.after.resolve()}
    workers = {
        name: subprocess.Popen(
            [sys.executable, __file__, "--worker", str(args.molecules.resolve()), str(args.stores.resolve() / name)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=path,
            env={**os.environ, "PYTHONPATH": str(path), "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"},
        )
        for name, path in checkouts.items()
    }

    def read(name: str) -> str:
        for line in workers[name].stdout:  # type: ignore[union-attr]
            if line.startswith("ready") or line[:1].isdigit():
                return line
        raise SystemExit(f"{name}: ended")

    def ask(name: str, task: str) -> float:
        workers[name].stdin.write(f"{task}\n")  # type: ignore[union-attr]
        workers[name].stdin.flush()  # type: ignore[union-attr]
        return float(read(name))

    for name in workers:
        read(name)
        ask(name, "warm")
    seconds: dict[str, dict[str, list[float]]] = {
        task: {name: [] for name in workers} for task in args.task or ("sample", "train")
    }
    for number in range(args.rounds):
        for task, of in seconds.items():
            for name in ("before", "after", "after", "before"):
                of[name].append(ask(name, task))
            print(f"round {number}: {task}: {json.dumps({n: [round(x, 3) for x in v[-2:]] for n, v in of.items()})}")
            sys.stdout.flush()
    for task, of in seconds.items():
        before, after = (statistics.median(of[name]) for name in ("before", "after"))
        least = min(of["after"]) / min(of["before"])
        print(
            f"{task}: before {before:.3f} s, after {after:.3f} s, ratio {after / before:.3f}, of the least {least:.3f}"
        )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        work(Path(sys.argv[2]), Path(sys.argv[3]))
    else:
        main()
