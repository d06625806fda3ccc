"""What the commands that complete molecules share: progress, writing, and the report of what failed."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import typer

from moldiff.cli._progress import FEWER, INTERRUPTED, sampling_progress
from moldiff.cli._refusals import Refusals
from moldiff.cli._targets import parse_targets
from moldiff.cli._terminal import say, show_table, tell
from moldiff.generation.records import add_tags
from moldiff.runtime.interrupt import Interrupt
from moldiff.tasks.refused import Refused

if TYPE_CHECKING:
    from moldiff.generation.particles import ParticleSampling
    from moldiff.generation.sample import Sample
    from moldiff.generation.target_report import Evaluator
    from moldiff.tasks.inputs import Usable
    from moldiff.tasks.routing import Router


Item = TypeVar("Item")
Task = Callable[..., "Iterator[Sample]"]  # of the items, with arguments of `MoleculeGenerator.complete`


def complete(
    items: list[Item],
    task: Task,
    out: Path,
    *,
    failed: Mapping[str, Refused],
    num_each: int = 1,
    num_steps: int,
    seed: int,
    overwrite: bool,
    tags: Callable[["Sample"], dict[str, str]] = lambda sample: {},
    evaluators: "Sequence[Evaluator]" = (),
    failures: Path | None = None,
) -> None:
    """Samples, writes what is valid, reports what is not; exit code 3 if fewer were written than requested.

    Args:
        items: to complete.
        task: yields `num_each` samples of each item in order.
        out: file to write.
        failed: records of the input that are not among the items, and why.
        num_each: samples of each.
        num_steps: of an attempt.
        seed: random seed.
        overwrite: replace a file that is there.
        tags: further properties of a sample.
        evaluators: of the targets.
        failures: table of all that was refused or failed.

    Raises:
        Exit: with the exit code where it is not 0.
    """
    from moldiff.chem.molecule import Failure
    from moldiff.generation.options import SamplingOptions
    from moldiff.io.writer import open_writer

    requested, interrupt = (len(items) + len(failed)) * num_each, Interrupt()
    progress = sampling_progress()
    progress.expect(len(items) * num_each * num_steps)

    def step(count: int) -> None:
        if interrupt.requested:
            raise KeyboardInterrupt
        progress.advance(count)  # attempts after the first come on top of what was expected

    samples = task(items, seed=seed, num_steps=num_steps, options=SamplingOptions(on_step=step))
    interrupted = True
    refusals = Refusals(failed, failures, num_each=num_each, tell=lambda line: progress.tell(f"moldiff: {line}"))
    with refusals, open_writer(out, overwrite=overwrite) as writer, progress, interrupt, suppress(KeyboardInterrupt):
        for sample in samples:
            if isinstance(sample.result, Failure):
                refusals.add(sample, sample.result.reason, sample.result.detail)
                continue
            good = add_tags(sample, writer.path.suffix)
            good = replace(good, properties={**good.properties, **tags(sample)})
            for evaluator in evaluators:
                (good,) = evaluator.evaluate([good])
            writer.write(good)
        interrupted = False
    for evaluator in evaluators:
        show_table(evaluator.table())
    refusals.close_with_count()
    say(f"{out}: {writer.num_written} of {requested} molecules{refusals.summary()}")
    if interrupted:
        tell("stopped by the user; what was done is kept")
        raise typer.Exit(INTERRUPTED)
    if writer.num_written < requested:
        raise typer.Exit(FEWER)


def check_usable(found: "Usable", label: str, failures: Path | None) -> None:
    """Refuses an input of which nothing can be completed, after all that was refused is written to the table.

    Args:
        found: of the input.
        label: of its file.
        failures: the table, if there is to be one.

    Raises:
        DataError: with the first reason.
    """
    if not found.items:
        with Refusals(found.refused, failures, num_each=1, tell=lambda line: None):
            found.check(label)


def particles_of(
    router: "Router",
    names: Sequence[str],
    target: Sequence[str] | None,
    reward_model: str | None,
    num_particles: int,
) -> "tuple[ParticleSampling | None, list[Evaluator]]":
    """How particles compete for the targets of the options, and what measures the result.

    Args:
        router: of the weights.
        names: of the weights of each molecule.
        target: as given.
        reward_model: as given.
        num_particles: as given.

    Returns:
        None for one particle; and the evaluators.
    """
    from moldiff.generation.options import DEFAULT_OPTIONS
    from moldiff.generation.target_report import evaluators_of

    particles = router.particles(
        names,
        parse_targets(target),
        num_particles=num_particles,
        reward_model=reward_model,
        options=DEFAULT_OPTIONS,
    )
    return particles, [] if particles is None else evaluators_of(names[0], particles)


def bond_confidence(sample: "Sample") -> dict[str, Any]:
    """The probability of each bond: `1-2:0.9998`, atoms counted from 1, and the least of all."""
    import numpy as np

    if sample.molecule is None or sample.confidence is None:
        return {}
    begin, end = np.nonzero(np.triu(sample.molecule.bond))
    sure = sample.confidence[begin, end]
    pairs = [f"{i + 1}-{j + 1}:{p:.4f}" for i, j, p in zip(begin.tolist(), end.tolist(), sure.tolist(), strict=True)]
    return {"bond_confidence": " ".join(pairs), "least_confidence": round(float(sure.min(initial=1.0)), 6)}
