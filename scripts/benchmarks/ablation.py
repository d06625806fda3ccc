"""The recipe, one change at a time on equal core-minutes: trains from nothing, draws, scores; rows of a table.

python scripts/benchmarks/ablation.py --out runs/ablations   # goes on where it was; --only NAME for single rows
"""

import json
import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Annotated

import psutil
import typer

WIDTHS = "model.network."
CHANGES = {
    "base": [],
    "base, another seed": ["seed=1"],
    "prediction of the same time handed back": ["self_conditioning_gap_start=1"],
    "no self-conditioning": ["self_conditioning=0"],
    "self-conditioning in nine of ten": ["self_conditioning=0.9"],
    "no time exponents": [
        "atom_time_exponent=[1,1]",
        "bond_time_exponent=[1,1]",
        "sampler.atom_time_exponent=1",
        "sampler.bond_time_exponent=1",
    ],
    "AdamW for all matrices, rate 3e-3": ["variant=AdamW"],
    "AdamW for all matrices, rate 1.5e-3": ["variant=AdamW", "learning_rate=0.0015"],
    "SOAP in the place of Muon": ["variant=SOAP"],
    "noise aligned to the data": ["variant=aligned noise"],
    "plain x0": ["variant=plain x0"],
    "cosine coordinates": ["model.process.pos.kind=cosine"],
    "cosine: coordinates 2.5, bonds 1.5, atoms 1": [
        "model.process.pos.kind=cosine",
        "model.process.pos.exponent=2.5",
        "model.process.bond.kind=cosine",
        "model.process.bond.exponent=1.5",
        "model.process.atom.kind=cosine",
    ],
    "uniform noise": ["model.process.prior=uniform"],
    "absorbing noise": ["model.process.prior=absorbing"],
    "even times": ["time_end_density=1"],
    "times 2 (1 - t)": ["time_end_density=0"],
    "log-normal times": ["variant=log-normal times"],
    "rate 1.5e-3": ["learning_rate=0.0015"],
    "rate 6e-3": ["learning_rate=0.006"],
    "batches half as large": ["pair_budget=6000"],
    "batches twice as large": ["pair_budget=24000"],
    "average over a fiftieth": ["ema_length=0.02"],
    "average over a fifth": ["ema_length=0.2"],
    "8 blocks": [WIDTHS + "num_blocks=8"],
    "4 blocks": [WIDTHS + "num_blocks=4"],
    "narrow atoms: 128": [WIDTHS + "atom=128"],
    "wide pairs: 64 and 128": [WIDTHS + "pair=64", WIDTHS + "hidden=128"],
    "narrow pairs: 32 and 64": [WIDTHS + "pair=32", WIDTHS + "hidden=64"],
    "lmax 2, Clebsch-Gordan products": [WIDTHS + "lmax=2"],
    "lmax 2, no such products": [WIDTHS + "lmax=2", "variant=no products"],
    "floor of the coordinates 0.015": ["loss.pos_floor=0.015"],
    "floor of the coordinates 0.15": ["loss.pos_floor=0.15"],
    "errors of the coordinates weighed alike at all times": ["loss.pos_floor=2"],
    "losses of classes doubled": ["loss.atom=0.8", "loss.bond=4"],
    "a fifth of the molecules with a known part": ["inpainting_probability=0.2"],
}
VARIANT = "variant="  # of scripts/benchmarks/variants/sitecustomize.py, not a setting
EVALUATIONS = (20, 100)
FIGURES = (
    ("valid", "rates", "valid", 100, 1),
    ("stable", "rates", "stable", 100, 1),
    ("lengths", "distances", "bond_length_w1", 1, 4),
    ("angles", "distances", "bond_angle_w1", 1, 2),
    ("atom classes", "distances", "atom_tv", 1, 3),
    ("bond classes", "distances", "bond_tv", 1, 3),
)
PROBED = 4  # lines of a log; the rate between the first and the last says how many molecules the minutes are worth


def main(
    out: Annotated[Path, typer.Option(help="Folder of the runs and of the table.")] = Path("runs/ablations"),
    config: Annotated[str, typer.Option(help="Settings of the base.")] = "datasets/qm9/train-quick.json",
    minutes: Annotated[float, typer.Option(help="Processor time of training, for each row.")] = 10.0,
    num_samples: Annotated[int, typer.Option(help="Molecules scored.")] = 2000,
    only: Annotated[list[str] | None, typer.Option(help="Names of rows; repeatable.")] = None,
) -> None:
    """Rows side by side, one core each."""
    free = sorted(os.sched_getaffinity(0))  # cores
    out.mkdir(parents=True, exist_ok=True)

    def row(name: str) -> None:
        folder = out / "".join(c if c.isalnum() else "-" for c in name)
        if (folder / "row.json").exists():
            return
        core = free.pop()
        try:
            (folder / "row.json").write_text(json.dumps(measure(name, folder, config, minutes, num_samples, core)))
        finally:
            free.append(core)

    with ThreadPoolExecutor(len(free)) as pool:
        list(pool.map(row, only or CHANGES))
    show(out)


def measure(name: str, folder: Path, config: str, minutes: float, num_samples: int, core: int) -> dict:
    """Trains and scores one change; its figures."""
    variant = next((change.removeprefix(VARIANT) for change in CHANGES[name] if change.startswith(VARIANT)), "")
    settings = ["num_processes=1", "warmup_steps=100", *(c for c in CHANGES[name] if not c.startswith(VARIANT))]
    start = partial(start_on, core, variant)

    def train(into: Path, num_molecules: int) -> list[str]:
        chosen = (f"--set={assignment}" for assignment in (*settings, f"num_training_molecules={num_molecules}"))
        return [sys.executable, "-m", "moldiff", "train", "--config", config, "--out", str(into), *chosen]

    shutil.rmtree(folder, ignore_errors=True)  # of a row that was interrupted
    endless = start(train(folder / "probe", 10**9))
    num_molecules = int(60 * minutes * rate(endless, folder / "probe" / "metrics.csv"))
    finish(start(train(folder / "run", num_molecules)))
    result = folder / "figures.json"
    steps = [part for number in EVALUATIONS for part in ("--num-steps", str(number))]
    options = ["--weights", str(folder / "run" / "bundle"), "--num-samples", str(num_samples), "--out", str(result)]
    finish(
        start(
            [sys.executable, "scripts/benchmarks/evaluate.py", "--num-workers", "1", "--no-data-rows", *options, *steps]
        )
    )
    figures = json.loads(result.read_text())
    return {"name": name, "num_molecules": num_molecules} | {
        str(number): next(rows[0] for key, rows in figures.items() if key.endswith(f", {number} evaluations"))
        for number in EVALUATIONS
    }


def start_on(core: int, variant: str, command: list[str]) -> subprocess.Popen[str]:
    """A quiet process on one core, with what scripts/benchmarks/variants changes."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}
    if variant:
        environment |= {"MOLDIFF_VARIANT": variant, "PYTHONPATH": str(Path(__file__).parent / "variants")}
    return subprocess.Popen(
        command,
        preexec_fn=lambda: os.sched_setaffinity(0, {core}),
        env=environment,
        text=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def finish(process: subprocess.Popen[str]) -> None:
    """Waits; what failed says why."""
    _, errors = process.communicate()
    if process.returncode:
        sys.exit(f"{process.args}\n{errors}")


def rate(process: subprocess.Popen[str], log: Path) -> float:
    """Molecules a second of processor time of a training that is ended as soon as its log tells."""
    clock = psutil.Process(process.pid)
    seconds: dict[int, float] = {}  # processor time at which so many molecules had been seen
    while len(seconds) < PROBED and process.poll() is None:
        time.sleep(0.2)
        lines = log.read_text().split()[1:] if log.exists() else []
        if lines:
            seconds.setdefault(int(lines[-1].split(",")[1]), sum(clock.cpu_times()[:2]))
    if len(seconds) < PROBED:
        finish(process)
        sys.exit(f"{process.args}: ended before its log had a rate")
    process.kill()
    process.communicate()
    return (max(seconds) - min(seconds)) / (max(seconds.values()) - min(seconds.values()))


def show(out: Path) -> None:
    """The table of all rows that are done, in percent, Å and degrees."""
    rows = {row["name"]: row for path in out.glob("*/row.json") for row in [json.loads(path.read_text())]}
    head = ["change", "molecules", *(f"{name}, {number}" for number in EVALUATIONS for name, *_ in FIGURES)]
    lines = [head, ["---"] * len(head)]
    for name in (name for name in CHANGES if name in rows):
        figures = [
            f"{factor * (value[2] if isinstance(value, list) else value):.{digits}f}"
            for number in EVALUATIONS
            for _, part, key, factor, digits in FIGURES
            for value in [rows[name][str(number)][part][key]]
        ]
        lines.append([name, f"{rows[name]['num_molecules']:,}", *figures])
    print("\n".join(f"| {' | '.join(line)} |" for line in lines))


if __name__ == "__main__":
    typer.run(main)
