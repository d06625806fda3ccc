"""Carries out `moldiff sample`, in one process or in several."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moldiff.cli._progress import FEWER, INTERRUPTED, sampling_progress
from moldiff.cli._terminal import code_after, protect, say, show_table, tell
from moldiff.data.reference import read_references
from moldiff.errors import OutputError
from moldiff.generation.records import add_tags
from moldiff.generation.target_report import evaluators_of
from moldiff.runtime.interrupt import Interrupt

if TYPE_CHECKING:
    from moldiff.chem.molecule import Failure, Molecule
    from moldiff.generation.distributed import DistributedGenerator
    from moldiff.generation.generator import MoleculeGenerator
    from moldiff.generation.options import SamplingOptions
    from moldiff.generation.sample import Sample
    from moldiff.io.writer import MoleculeWriter


TRAJECTORIES = (".sdf", ".xyz")  # what a trajectory is written as
MOST_DRAWS = 3  # with --valid-only, at most this many times as many samples
EVALUATED = 128  # molecules that an evaluator measures together


@dataclass(frozen=True)
class Order:
    """A request in values that can be sent to another process.

    Attributes:
        out: file to write.
        weights: name or folder.
        num_samples: molecules.
        valid_only: write only valid ones.
        overwrite: replace a file that is there.
        trajectory: file of all states.
        reference: files of known molecules.
        evaluated: show how close the samples come to their targets.
        options: of `MoleculeGenerator.stream`; their sampler is set.
        request: further arguments of it.
    """

    out: Path
    weights: str
    num_samples: int
    valid_only: bool
    overwrite: bool
    trajectory: Path | None
    reference: list[Path] | None
    evaluated: bool
    options: "SamplingOptions"
    request: dict[str, Any]


def load(
    weights: str, device: str | None, num_threads: int | None, precision: str, network: str | None = None
) -> "MoleculeGenerator":
    """The generator, with the threads of torch set; a network from outside the package by its name."""
    import torch

    from moldiff.generation.generator import MoleculeGenerator
    from moldiff.pretrained.foreign import network_of
    from moldiff.runtime.memory import keep_memory

    keep_memory()
    if num_threads is not None:
        torch.set_num_threads(num_threads)
    return MoleculeGenerator.from_pretrained(weights, device=device, precision=precision, network=network_of(network))


def carry_out(order: Order, source: "MoleculeGenerator | DistributedGenerator") -> int:
    """Samples, writes and reports.

    Args:
        order: the request.
        source: of the samples.

    Returns:
        The exit code.

    Raises:
        OutputError: if a file cannot be written.
    """
    from moldiff.io.writer import open_writer
    from moldiff.metrics.console import render
    from moldiff.metrics.score import score as count
    from moldiff.metrics.score_result import Score
    from moldiff.metrics.tables import DataRow

    trajectory, out, known = order.trajectory, order.out, read_references(order.reference, report=tell)
    if trajectory is not None and trajectory.suffix.lower() not in TRAJECTORIES:
        raise OutputError(f"{trajectory}: the extension of a trajectory must be one of {', '.join(TRAJECTORIES)}")
    sampling = _Sampling(order, source)
    with ExitStack() as files:
        writer = files.enter_context(open_writer(out, overwrite=order.overwrite))
        states = None if trajectory is None else files.enter_context(open_writer(trajectory, overwrite=order.overwrite))
        result = count(sampling.records(writer, states), reference=known)
    row = source.bundle.statistics.score
    show_table(render(result, DataRow(None if row is None else Score.from_dict(row))))
    for evaluator in sampling.evaluators:
        show_table(evaluator.table())
    left_out = f", {writer.num_left_out} that are not valid have no SMILES" if writer.num_left_out else ""
    say(f"{out}: {writer.num_written} molecules{left_out}")
    if states is not None:
        say(f"{states.path}: {states.num_written} states; next: moldiff animate {states.path} --out forming.gif")
    of = f"{writer.num_written} of {order.num_samples} molecules"
    if sampling.interrupted:
        tell(f"stopped by the user; {of} are kept")
        return INTERRUPTED
    if writer.num_written < order.num_samples:
        tell(f"fewer than requested: {of}")
        return FEWER
    return 0


class _Sampling:
    """Samples, writes and shows progress; the options are checked at once."""

    def __init__(self, order: Order, source: "MoleculeGenerator | DistributedGenerator") -> None:
        self.order, self.source = order, source
        self.interrupted, self.num_valid, self.interrupt = False, 0, Interrupt()
        self.evaluators = evaluators_of(order.weights, order.request["target"].particles) if order.evaluated else []
        self.progress = sampling_progress()
        self.samples = self._round(order.num_samples, first=order.options.first)

    def records(
        self, writer: "MoleculeWriter", states: "MoleculeWriter | None" = None
    ) -> Iterator["Molecule | Failure"]:
        """Every molecule sampled, for the score, after it was written; ends early, and says so, on Ctrl-C."""
        drawn, samples, waiting = 0, self.samples, []
        with self.progress, self.interrupt:
            try:
                while True:
                    for sample in samples:
                        drawn, self.num_valid = drawn + 1, self.num_valid + sample.valid
                        if sample.molecule is not None and (sample.valid or not self.order.valid_only):
                            waiting.append(add_tags(sample, writer.path.suffix))
                            if not self.evaluators or len(waiting) == EVALUATED:
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
                    samples = self._round(wanted, first=self.order.options.first + drawn)
            except KeyboardInterrupt:
                self.interrupted = True
            finally:  # whatever ends it, what was sampled is kept
                self._write(waiting, writer)

    def _write(self, waiting: "list[Molecule]", writer: "MoleculeWriter") -> None:
        molecules = waiting.copy()
        waiting.clear()  # first, so that nothing is tried twice when the file cannot be written
        for evaluator in self.evaluators:
            molecules = evaluator.evaluate(molecules)
        for molecule in molecules:
            writer.write(molecule)

    def _round(self, count: int, *, first: int) -> Iterator["Sample"]:
        options = self.order.options
        self.progress.expect(count * options.sampler_for(self.source.bundle.sampler).num_steps)
        options = options.model_copy(update={"first": first, "on_step": self._step})
        return self.source.stream(count, options=options, **self.order.request)

    def _step(self, count: int) -> None:
        if self.interrupt.requested:  # here, so that the generator still yields what is done
            raise KeyboardInterrupt
        self.progress.advance(count)


def carry_out_together(order: Order, generator: "MoleculeGenerator", *, devices: int, num_nodes: int) -> int:
    """`carry_out` by several processes; a request that does not make sense is refused before they start."""
    import torch

    from moldiff.generation.distributed import run_distributed

    generator.stream(0, options=order.options, **order.request)
    threads = max(1, torch.get_num_threads() // devices)
    hint = f"{order.out}: what was written stays; --first goes on from any index"
    return run_distributed(
        _carry_out_first,
        order,
        weights=order.weights,
        devices=devices,
        num_nodes=num_nodes,
        num_threads=threads,
        device=generator.device.type,
        precision=generator.precision,
        hint=hint,
        network=generator.bundle.network,
    )


def _carry_out_first(order: Order, shared: "DistributedGenerator") -> int:
    """In the first of the processes, which writes."""
    protect()
    return code_after(carry_out(order, shared))
