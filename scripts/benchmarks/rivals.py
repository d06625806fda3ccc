"""Trains one of molsets' generative models on one core, samples SMILES, makes them 3D: a row of the table of rivals.

python scripts/benchmarks/rivals.py char_rnn qm9 --out runs/rivals/qm9-char_rnn --minutes 12
moldiff score runs/rivals/qm9-char_rnn/samples.sdf --num-requested 2000

Models: char_rnn, vae, aae, organ. Data: qm9, moses, as `make_summaries.py` reads them. The same command goes on where
an interrupted one was; after the training it only samples. Minutes are processor time of one core. The folder gets
`last.pt`, `smiles.csv` (all that was sampled, with the reason of each failure), `samples.sdf` (conformers of ETKDG at
minima of MMFF94, with all hydrogens) and `figures.json`. Needs `pip install 'moldiff[qm9,notebook,report]'`, `tqdm` and
`pip install --no-deps molsets`; `rivals_models.py` says what differs from the package's defaults.
"""

import csv
import json
import os
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from make_summaries import MAKERS
from rdkit import rdBase
from rivals_models import PAPERS, Batches, Phase, Rival, molsets

from moldiff.chem.conformer import embed_smiles
from moldiff.chem.molecule import Failure, Molecule
from moldiff.chem.process_pool import map_in_processes
from moldiff.io.writer import open_writer
from moldiff.runtime.atomic_files import write_whole

MOST_SECONDS = 60.0  # of the embedding of one SMILES
SAVED_AFTER = 120  # seconds of training


@dataclass
class Progress:
    """How far a training is: seconds of processor time, batches seen in each phase, its last losses."""

    seconds: float = 0.0
    batches: dict[str, int] = field(default_factory=dict)
    losses: dict[str, dict[str, float]] = field(default_factory=dict)


def main(
    model: Annotated[str, typer.Argument(help=f"One of {', '.join(PAPERS)}.")],
    data: Annotated[str, typer.Argument(help="qm9 or moses.")],
    out: Annotated[Path, typer.Option(help="Folder of the row.")],
    minutes: Annotated[float, typer.Option(help="Processor time of training.")] = 12.0,
    num_samples: Annotated[int, typer.Option(help="SMILES requested; 0 trains alone.")] = 2000,
    seed: Annotated[int, typer.Option(help="Of all randomness.")] = 0,
    set_: Annotated[list[str] | None, typer.Option("--set", help="Setting of molsets, key=value.")] = None,
) -> None:
    """Trains, samples, embeds."""
    torch.set_num_threads(1)
    rdBase.DisableLog("rdApp.*")
    if model not in PAPERS or data not in ("qm9", "moses"):
        raise typer.BadParameter(f"{model} on {data}: models are {', '.join(PAPERS)}; data are qm9 and moses")
    out.mkdir(parents=True, exist_ok=True)
    changes = {key: json.loads(value) for key, _, value in (text.partition("=") for text in set_ or ())}
    smiles, source, _ = MAKERS[data](1)
    seed_all(seed)
    rival = Rival(model, "".join(sorted(set().union(*smiles))), max(map(len, smiles)) + 2, changes)
    progress = train(rival, rival.phases(smiles), out / "last.pt", minutes=minutes, seed=seed)
    if num_samples:
        seed_all(seed)
        figures = {
            "model": PAPERS[model],
            "data": source,
            "settings": vars(rival.config),
            "parameters": sum(weight.numel() for weight in rival.model.parameters()),
            "core_minutes": progress.seconds / 60,
            "batches": progress.batches,
            "epochs": sum(progress.batches.values()) * rival.config.n_batch / len(smiles),
            "losses": progress.losses,
            **sample(rival, out, num_samples=num_samples, seed=seed),
        }
        write_whole(out / "figures.json", json.dumps(figures, indent=2) + "\n")
        print(json.dumps({key: figures[key] for key in ("core_minutes", "epochs", "embedded", "failures")}), flush=True)


def seed_all(seed: int) -> None:
    """Of torch, NumPy and Python, from all of which molsets draws."""
    molsets("script_utils").set_seed(seed)


def train(rival: Rival, phases: Sequence[Phase], file: Path, *, minutes: float, seed: int) -> Progress:
    """Trains until the minutes are over, from where the file ends; the seconds alone say which epoch is next."""
    progress = load(rival, file) if file.exists() else Progress()
    saved, ends, number = progress.seconds, 0.0, 0
    for phase in phases:
        begins, ends = ends, ends + 60 * minutes * phase.share
        for epoch in range(phase.epochs):
            number += 1
            until = begins + (ends - begins) * (epoch + 1) / phase.epochs
            if progress.seconds >= until - 1e-6:
                continue
            seed_all(1000 * seed + number)
            run_epoch(phase, epoch, progress, until)
            if progress.seconds - saved > SAVED_AFTER:
                save(rival, progress, file)
                saved = progress.seconds
                print(
                    f"{progress.seconds / 60:.1f} min, {phase.name} {epoch}: {progress.losses[phase.name]}", flush=True
                )
    save(rival, progress, file)
    return progress


def run_epoch(phase: Phase, epoch: int, progress: Progress, until: float) -> None:
    """One epoch, and what it adds to the record."""
    start = time.process_time()
    batches = Batches(phase.loader, until - progress.seconds)
    shown = phase.run(epoch, batches)
    progress.seconds += time.process_time() - start
    progress.batches[phase.name] = progress.batches.get(phase.name, 0) + batches.count
    progress.losses[phase.name] = {key: float(x) for key, x in shown.items() if isinstance(x, (int, float))}


def save(rival: Rival, progress: Progress, file: Path) -> None:
    """Writes the checkpoint beside its place and renames it."""
    beside = file.with_suffix(f".{os.getpid()}")
    optimizers = {key: adam.state_dict() for key, adam in rival.optimizers.items()}
    torch.save({"model": rival.model.state_dict(), "optimizers": optimizers, "progress": asdict(progress)}, beside)
    beside.rename(file)


def load(rival: Rival, file: Path) -> Progress:
    """Puts the checkpoint's weights and moments into the rival."""
    state = torch.load(file, weights_only=True)
    rival.model.load_state_dict(state["model"])
    for key, adam in rival.optimizers.items():
        adam.load_state_dict(state["optimizers"][key])
    return Progress(**state["progress"])


def sample(rival: Rival, out: Path, *, num_samples: int, seed: int) -> dict[str, Any]:
    """Samples and embeds; the figures, whose denominators are all that was requested."""
    start = time.process_time()
    texts = rival.sample(num_samples)
    network = time.process_time() - start
    before = os.times()
    rows = [(text, seed + place) for place, text in enumerate(texts)]
    failures = write_embedded(rows, out)
    after = os.times()
    embedding = sum(after[:4]) - sum(before[:4])  # with the process that embeds, which has ended
    return {
        "requested": num_samples,
        "embedded": num_samples - failures.total(),
        "failures": dict(failures),
        "molecules_a_second": {
            "network": num_samples / network,
            "network and embedding": num_samples / (network + embedding),
        },
    }


def write_embedded(rows: Sequence[tuple[str, int]], out: Path) -> Counter[str]:
    """Writes `samples.sdf` and `smiles.csv`; the reasons of those that are in the second alone."""
    results = map_in_processes(embed, rows, seconds=MOST_SECONDS, num_workers=1)
    failures: Counter[str] = Counter()
    with (
        open_writer(out / "samples.sdf", overwrite=True) as writer,
        (out / "smiles.csv").open("w", newline="") as stream,
    ):
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(["index", "smiles", "reason"])
        for place, ((text, _), result) in enumerate(zip(rows, results, strict=True)):
            reason = result.reason if isinstance(result, Failure) else ""
            table.writerow([place, text, reason])
            if isinstance(result, Failure):
                failures[reason] += 1
            else:
                writer.write(result)
    return failures


def embed(row: tuple[str, int]) -> Molecule | Failure:
    """3D of a SMILES, by a seed."""
    text, seed = row
    return embed_smiles(text, seed=seed)


if __name__ == "__main__":
    typer.run(main)
