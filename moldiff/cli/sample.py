"""`moldiff sample`."""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from typer import Option

from moldiff.cli.assignments import (
    DEFAULT,
    Device,
    NumSteps,
    Out,
    Overwrite,
    Preset,
    SamplerSet,
    Weights,
    changed,
    times_or_name,
)
from moldiff.cli.conditions import (
    Conditions,
    GuidanceWeights,
    Interval,
    parse_conditions,
    parse_guidance,
    parse_interval,
)
from moldiff.cli.judging import Judge, judge_inside
from moldiff.cli.scoring import read_references
from moldiff.errors import ConfigError, OutputError
from moldiff.interrupt import Interrupt

if TYPE_CHECKING:
    from moldiff.chem.molecule import Failure, Molecule
    from moldiff.chem.writer import MoleculeWriter
    from moldiff.generator import MoleculeGenerator, Sample

FEWER, INTERRUPTED = 3, 130  # exit codes: fewer molecules were written than asked for; stopped by Ctrl-C
WALKS = (".sdf", ".xyz")  # what a trajectory is written as
MOST_DRAWS = 3  # with --valid-only, at most this many times what was asked for


def sample(
    out: Out,
    weights: Weights = "qm9",
    num_samples: Annotated[int, Option("--num-samples", "-n", min=1, help="Molecules to draw.")] = 100,
    preset: Preset = None,
    num_steps: NumSteps = None,
    seed: Annotated[int, Option(min=0, help="Of all randomness; with its index it determines a molecule.")] = 0,
    num_atoms: Annotated[
        str | None, Option(help="Atoms with hydrogens: 18, or 15-20. (default: as often as in the data)")
    ] = None,
    allow_extrapolation: Annotated[
        bool, Option("--allow-extrapolation", help="Allow sizes that the weights were not trained on.")
    ] = False,
    valid_only: Annotated[
        bool, Option("--valid-only", help=f"Write only valid molecules; draw up to {MOST_DRAWS} times as many for it.")
    ] = False,
    overwrite: Overwrite = False,
    trajectory: Annotated[
        Path | None, Option(help="Write every state of every walk, too: .sdf, or .xyz; see `moldiff animate`.")
    ] = None,
    reference: Annotated[
        list[Path] | None, Option(help="Known molecules for novelty: .sdf, .smi or .csv; repeatable.")
    ] = None,
    batch_size: Annotated[
        int | None, Option(min=1, help="Most molecules at once; bounds memory, changes no molecule.")
    ] = None,
    solver: Annotated[
        Literal["multistep", "ddim", "heun"] | None, Option("--sampler", help=f"Of the coordinates.{DEFAULT}")
    ] = None,
    grid: Annotated[
        str | None, Option(help=f"power, log, log_snr, or the times themselves, such as 1,0.6,0.3,0.1,0.{DEFAULT}")
    ] = None,
    temperature: Annotated[float | None, Option(help=f"Below 1 the likelier classes are preferred.{DEFAULT}")] = None,
    churn: Annotated[float | None, Option(help=f"Share of each step that fresh noise takes back.{DEFAULT}")] = None,
    condition: Conditions = None,
    guidance: GuidanceWeights = None,
    guidance_interval: Interval = "0-1",
    set_: SamplerSet = None,
    device: Device = None,
    num_threads: Annotated[
        int | None, Option(min=1, help="CPU threads, each with molecules of its own. (default: one a core)")
    ] = None,
) -> None:
    """Draws molecules, writes them as they come, and scores them.

    Every molecule is written, each with its seed, index, SMILES, and whether it is strictly valid or why not; the exit
    code is 3 if fewer were written than asked for. Ctrl-C keeps what is done.

    Examples: moldiff sample --out molecules.sdf | moldiff sample -n 1000 --num-atoms 15-20 --valid-only --out x.sdf |
    moldiff sample --weights runs/gap/bundle --condition gap=6.5eV --guidance 2 --out x.sdf
    """
    generator = load(weights, device, num_threads)
    sampler = changed(
        generator.bundle.sampler, set_, preset=preset, num_steps=num_steps, solver=solver,
        grid=times_or_name(grid), temperature=temperature, churn=churn,
    )  # fmt: skip
    drawing = _Drawing(
        generator, num_samples, valid_only=valid_only, seed=seed, sampler=sampler,
        num_atoms=parse_num_atoms(num_atoms), batch_size=batch_size, allow_extrapolation=allow_extrapolation,
        with_states=trajectory is not None, conditions=parse_conditions(condition), guidance=parse_guidance(guidance),
        guidance_interval=parse_interval(guidance_interval),
    )  # fmt: skip
    if condition:
        drawing.judge = judge_inside(weights)
    _write_and_tell(drawing, out, trajectory, known=read_references(reference), overwrite=overwrite)


def load(weights: str, device: str | None, num_threads: int | None) -> "MoleculeGenerator":
    """The generator, with torch told of the threads."""
    import torch

    from moldiff.generator import MoleculeGenerator
    from moldiff.memory import keep_memory

    keep_memory()
    if num_threads is not None:
        torch.set_num_threads(num_threads)
    return MoleculeGenerator.from_pretrained(weights, device=device)


def drawing_bar() -> Progress:
    """Progress on a terminal, with time left; its tasks have a field `told`."""
    terminal = Console(stderr=True)
    return Progress(
        TextColumn("drawing"), BarColumn(), TextColumn("{task.percentage:.0f} %  {task.fields[told]}"),
        TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn(),
        console=terminal, disable=not terminal.is_terminal,
    )  # fmt: skip


def _write_and_tell(
    drawing: "_Drawing", out: Path, trajectory: Path | None, *, known: set[str] | None, overwrite: bool
) -> None:
    from moldiff.chem.files import open_writer
    from moldiff.scoring.grids import DataRow
    from moldiff.scoring.score import Score
    from moldiff.scoring.score import score as count
    from moldiff.scoring.tables import render

    if trajectory is not None and trajectory.suffix.lower() not in WALKS:
        raise OutputError(f"{trajectory}: the extension of a trajectory must be one of {', '.join(WALKS)}")
    with ExitStack() as files:
        writer = files.enter_context(open_writer(out, overwrite=overwrite))
        states = None if trajectory is None else files.enter_context(open_writer(trajectory, overwrite=overwrite))
        result = count(drawing.records(writer, states), reference=known)
    row = drawing.generator.bundle.statistics.score
    Console().print(render(result, DataRow(None if row is None else Score.from_dict(row))))
    left_out = f", {writer.num_left_out} that are not valid have no SMILES" if writer.num_left_out else ""
    if drawing.judge is not None:
        Console().print(drawing.judge.table())
    typer.echo(f"{out}: {writer.num_written} molecules{left_out}")
    if states is not None:
        typer.echo(f"{states.path}: {states.num_written} states; next: moldiff animate {states.path} --out forming.gif")
    of = f"{writer.num_written} of {drawing.num_samples} molecules"
    if drawing.interrupted:
        typer.echo(f"moldiff: stopped by the user; {of} are kept", err=True)
        raise typer.Exit(INTERRUPTED)
    if writer.num_written < drawing.num_samples:
        typer.echo(f"moldiff: fewer than asked for: {of}", err=True)
        raise typer.Exit(FEWER)


class _Drawing:
    """Draws, writes and shows progress; options are those of `MoleculeGenerator.iterate`, checked at once."""

    def __init__(self, generator: "MoleculeGenerator", num_samples: int, *, valid_only: bool, **options: Any) -> None:
        self.generator, self.options = generator, options
        self.num_samples, self.valid_only = num_samples, valid_only
        self.interrupted, self.num_valid, self.interrupt = False, 0, Interrupt()
        self.judge: Judge | None = None
        self.bar = drawing_bar()
        self.task = self.bar.add_task("", total=0, told="")
        self.samples = self._round(num_samples, first=0)

    def records(
        self, writer: "MoleculeWriter", states: "MoleculeWriter | None" = None
    ) -> Iterator["Molecule | Failure"]:
        """Every molecule drawn, for the score, after it was written; ends early, and says so, on Ctrl-C."""
        drawn, samples = 0, self.samples
        with self.bar, self.interrupt:
            try:
                while True:
                    for sample in samples:
                        drawn, self.num_valid = drawn + 1, self.num_valid + sample.valid
                        if sample.molecule is not None and (sample.valid or not self.valid_only):
                            molecule = tagged(sample, writer.path.suffix)
                            writer.write(molecule if self.judge is None else self.judge.judged([molecule])[0])
                            if states is not None:
                                for state in sample.states:
                                    states.write(state)
                        self.bar.update(self.task, told=f"{self.num_valid} of {drawn} valid")
                        yield sample.result if sample.molecule is None else sample.molecule
                    wanted = min(self.num_samples - writer.num_written, MOST_DRAWS * self.num_samples - drawn)
                    if not self.valid_only or wanted <= 0:
                        return
                    samples = self._round(wanted, first=drawn)
            except KeyboardInterrupt:
                self.interrupted = True

    def _round(self, count: int, *, first: int) -> Iterator["Sample"]:
        task = self.bar.tasks[0]
        self.bar.update(self.task, total=(task.total or 0) + count * self.options["sampler"].num_steps)
        return self.generator.iterate(count, first=first, on_step=self._step, **self.options)

    def _step(self, count: int) -> None:
        if self.interrupt.asked:  # here, so that the generator still gives what is done
            raise KeyboardInterrupt
        self.bar.advance(self.task, count)


def tagged(sample: "Sample", suffix: str) -> "Molecule":
    """The molecule with its SMILES, whether it is valid, and the reason; a CSV has columns of its own for these."""
    from moldiff.chem.molecule import Failure
    from moldiff.chem.validity import canonical_smiles

    assert sample.molecule is not None
    if suffix.lower() == ".csv":
        return sample.molecule
    if isinstance(sample.result, Failure):
        told = {"SMILES": "", "valid": 0, "reason": sample.result.reason}
    else:
        told = {"SMILES": canonical_smiles(sample.result, stereo=True), "valid": 1, "reason": ""}
    return replace(sample.molecule, properties={**sample.molecule.properties, **told})


def parse_num_atoms(text: str | None) -> int | tuple[int, int] | None:
    """`18` or `15-20`; anything else is a `ConfigError`."""
    if text is None:
        return None
    match = re.fullmatch(r"(\d{1,9})(?:-(\d{1,9}))?", text.strip())
    if match is None:
        raise ConfigError(f"--num-atoms {text}: expected one number or a range, such as 18 or 15-20")
    return int(match[1]) if match[2] is None else (int(match[1]), int(match[2]))
