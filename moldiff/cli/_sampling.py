"""Carries out what `moldiff sample` was asked for, in one process or in one of several."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moldiff.cli._progress import FEWER, INTERRUPTED, drawing_progress
from moldiff.cli._terminal import code_after, protect, say, show_table, tell
from moldiff.data.reference import read_references
from moldiff.errors import OutputError
from moldiff.generation.records import tagged
from moldiff.generation.target_report import evaluators_of
from moldiff.runtime.interrupt import Interrupt

if TYPE_CHECKING:
    from moldiff.chem.molecule import Failure, Molecule
    from moldiff.generation.distributed import DistributedGenerator
    from moldiff.generation.generator import MoleculeGenerator
    from moldiff.generation.sample import Sample
    from moldiff.io.writer import MoleculeWriter


WALKS = (".sdf", ".xyz")  # what a trajectory is written as
MOST_DRAWS = 3  # with --valid-only, at most this many times what was asked for
JUDGED = 128  # molecules that the judge looks at together


@dataclass(frozen=True)
class Order:
    """What was asked for, in plain values that another process can be handed.

    Attributes:
        out: file to write.
        weights: name or folder.
        num_samples: molecules.
        first: index of the first.
        valid_only: write only valid ones.
        overwrite: replace a file that is there.
        trajectory: file of all states.
        reference: files of known molecules.
        judged: tell how near what comes is to what was asked for.
        options: of `MoleculeGenerator.iterate`.
    """

    out: Path
    weights: str
    num_samples: int
    first: int
    valid_only: bool
    overwrite: bool
    trajectory: Path | None
    reference: list[Path] | None
    judged: bool
    options: dict[str, Any]


def load(weights: str, device: str | None, num_threads: int | None, precision: str) -> "MoleculeGenerator":
    """The generator, with torch told of the threads."""
    import torch

    from moldiff.generation.generator import MoleculeGenerator
    from moldiff.runtime.memory import keep_memory

    keep_memory()
    if num_threads is not None:
        torch.set_num_threads(num_threads)
    return MoleculeGenerator.from_pretrained(weights, device=device, precision=precision)


def carry_out(order: Order, source: "MoleculeGenerator | DistributedGenerator") -> int:
    """Draws, writes and tells.

    Args:
        order: what was asked for.
        source: of the samples.

    Returns:
        The exit code.

    Raises:
        OutputError: if a file cannot be written.
    """
    from moldiff.io.writer import open_writer
    from moldiff.metrics.console import render
    from moldiff.metrics.score import Score
    from moldiff.metrics.score import score as count
    from moldiff.metrics.tables import DataRow

    trajectory, out, known = order.trajectory, order.out, read_references(order.reference, report=tell)
    if trajectory is not None and trajectory.suffix.lower() not in WALKS:
        raise OutputError(f"{trajectory}: the extension of a trajectory must be one of {', '.join(WALKS)}")
    drawing = _Drawing(order, source)
    with ExitStack() as files:
        writer = files.enter_context(open_writer(out, overwrite=order.overwrite))
        states = None if trajectory is None else files.enter_context(open_writer(trajectory, overwrite=order.overwrite))
        result = count(drawing.records(writer, states), reference=known)
    row = source.bundle.statistics.score
    show_table(render(result, DataRow(None if row is None else Score.from_dict(row))))
    for judge in drawing.evaluators:
        show_table(judge.table())
    left_out = f", {writer.num_left_out} that are not valid have no SMILES" if writer.num_left_out else ""
    say(f"{out}: {writer.num_written} molecules{left_out}")
    if states is not None:
        say(f"{states.path}: {states.num_written} states; next: moldiff animate {states.path} --out forming.gif")
    of = f"{writer.num_written} of {order.num_samples} molecules"
    if drawing.interrupted:
        tell(f"stopped by the user; {of} are kept")
        return INTERRUPTED
    if writer.num_written < order.num_samples:
        tell(f"fewer than asked for: {of}")
        return FEWER
    return 0


class _Drawing:
    """Draws, writes and shows progress; the options are checked at once."""

    def __init__(self, order: Order, source: "MoleculeGenerator | DistributedGenerator") -> None:
        self.order, self.source = order, source
        self.interrupted, self.num_valid, self.interrupt = False, 0, Interrupt()
        self.evaluators = evaluators_of(order.weights, order.options.get("selection")) if order.judged else []
        self.progress = drawing_progress()
        self.samples = self._round(order.num_samples, first=order.first)

    def records(
        self, writer: "MoleculeWriter", states: "MoleculeWriter | None" = None
    ) -> Iterator["Molecule | Failure"]:
        """Every molecule drawn, for the score, after it was written; ends early, and says so, on Ctrl-C."""
        drawn, samples, waiting = 0, self.samples, []
        with self.progress, self.interrupt:
            try:
                while True:
                    for sample in samples:
                        drawn, self.num_valid = drawn + 1, self.num_valid + sample.valid
                        if sample.molecule is not None and (sample.valid or not self.order.valid_only):
                            waiting.append(tagged(sample, writer.path.suffix))
                            if not self.evaluators or len(waiting) == JUDGED:
                                self._write(waiting, writer)
                            if states is not None:
                                for state in sample.states:
                                    states.write(state)
                        self.progress.advance(0, note=f"{self.num_valid} of {drawn} valid")
                        yield sample.result if sample.molecule is None else sample.molecule
                    self._write(waiting, writer)
                    wanted = min(
                        self.order.num_samples - writer.num_written, MOST_DRAWS * self.order.num_samples - drawn
                    )
                    if not self.order.valid_only or wanted <= 0:
                        return
                    samples = self._round(wanted, first=self.order.first + drawn)
            except KeyboardInterrupt:
                self.interrupted = True
            finally:  # whatever ends it, what was drawn is kept
                self._write(waiting, writer)

    def _write(self, waiting: "list[Molecule]", writer: "MoleculeWriter") -> None:
        molecules = waiting.copy()
        waiting.clear()  # first, so that nothing is tried twice when the file cannot be written
        for judge in self.evaluators:
            molecules = judge.judged(molecules)
        for molecule in molecules:
            writer.write(molecule)

    def _round(self, count: int, *, first: int) -> Iterator["Sample"]:
        self.progress.expect(count * self.order.options["sampler"].num_steps)
        return self.source.iterate(count, first=first, on_step=self._step, **self.order.options)

    def _step(self, count: int) -> None:
        if self.interrupt.requested:  # here, so that the generator still gives what is done
            raise KeyboardInterrupt
        self.progress.advance(count)


def carry_out_together(order: Order, generator: "MoleculeGenerator", *, devices: int, num_nodes: int) -> int:
    """`carry_out` with the work shared out among processes; what cannot be asked for is refused before they start."""
    import torch

    from moldiff.generation.distributed import together

    generator.iterate(0, **order.options)
    threads = max(1, torch.get_num_threads() // devices)
    told = f"{order.out}: what was written stays; --first goes on from any index"
    return together(
        _carry_out_first,
        order,
        weights=order.weights,
        devices=devices,
        num_nodes=num_nodes,
        num_threads=threads,
        device=generator.device.type,
        precision=generator.precision,
        told=told,
    )


def _carry_out_first(order: Order, shared: "DistributedGenerator") -> int:
    """In the first of the processes, which writes."""
    protect()
    return code_after(carry_out(order, shared))
